//! What is missing in a PostgreSQL that the operator runs: from what was seen to commands. Pure.

use std::collections::BTreeSet;

use rand::{CryptoRng, RngExt as _};

use super::scram;
use crate::shop::names::{BOT_ROLE, DATABASE, OWNER_ROLE};

/// Connections of the owner: a migration, a backup, a restore, each with a few.
const OWNER_CONNECTIONS: i32 = 10;
/// Connections that are kept for superusers: the operator and a person in need.
const RESERVED_CONNECTIONS: i32 = 5;
/// Fewest connections of the bots.
const FEWEST_BOT_CONNECTIONS: i32 = 5;

/// A role as it is wanted.
pub(super) struct Wanted<'a> {
    pub(super) name: &'static str,
    pub(super) password: &'a str,
    pub(super) connection_limit: i32,
}

/// What was seen of the server.
#[derive(Clone, Debug, Default)]
pub(super) struct Seen {
    pub(super) roles: Vec<Role>,
    pub(super) database: Option<Database>,
    /// Schema `public` of the database; `None` while there is no database, or no schema.
    pub(super) schema: Option<Schema>,
}

/// A role as it was seen.
#[derive(Clone, Debug)]
pub(super) struct Role {
    pub(super) name: String,
    pub(super) can_login: bool,
    /// Superuser, or may create roles or databases, replicate, or pass row security.
    pub(super) has_power: bool,
    pub(super) connection_limit: i32,
    pub(super) verifier: Option<String>,
    /// Roles that it is a member of.
    pub(super) member_of: Vec<String>,
}

/// The shop's database as it was seen.
#[derive(Clone, Debug)]
pub(super) struct Database {
    pub(super) owner: String,
    /// Everybody may connect or make temporary tables.
    pub(super) open_to_public: bool,
    /// The bots' role has been given the right to connect.
    pub(super) open_to_bot: bool,
}

/// Schema `public` as it was seen.
#[derive(Clone, Debug)]
pub(super) struct Schema {
    pub(super) owner: String,
    pub(super) open_to_public: bool,
}

/// One command.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Command {
    /// What it does, for the log.
    pub(super) about: String,
    pub(super) sql: String,
}

/// The two roles of a shop on a server with so many connections.
pub(super) fn roles<'a>(
    owner_password: &'a str,
    bot_password: &'a str,
    max_connections: i32,
) -> [Wanted<'a>; 2] {
    let bots = max_connections - OWNER_CONNECTIONS - RESERVED_CONNECTIONS;
    [
        Wanted {
            name: OWNER_ROLE,
            password: owner_password,
            connection_limit: OWNER_CONNECTIONS,
        },
        Wanted {
            name: BOT_ROLE,
            password: bot_password,
            connection_limit: bots.max(FEWEST_BOT_CONNECTIONS),
        },
    ]
}

/// The commands that bring the server to what is wanted, in their order; none when it is.
pub(super) fn plan(seen: &Seen, wanted: &[Wanted], random: &mut impl CryptoRng) -> Vec<Command> {
    let mut commands = Vec::new();
    for role in wanted {
        let found = seen.roles.iter().find(|found| found.name == role.name);
        commands.extend(role_commands(role, found, random));
    }
    commands.extend(database_commands(seen.database.as_ref()));
    if let Some(schema) = &seen.schema {
        commands.extend(schema_commands(schema));
    }
    commands
}

fn role_commands(
    wanted: &Wanted,
    found: Option<&Role>,
    random: &mut impl CryptoRng,
) -> Vec<Command> {
    let name = wanted.name;
    let limit = wanted.connection_limit;
    let rights = format!(
        "LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS \
         CONNECTION LIMIT {limit}"
    );
    // A verifier is of letters, digits and signs that need no escape.
    let mut password = || {
        let verifier = scram::verifier(wanted.password, random.random());
        format!("PASSWORD '{verifier}' VALID UNTIL 'infinity'")
    };
    let Some(found) = found else {
        let sql = format!("CREATE ROLE {name} {rights} {}", password());
        return vec![command(format!("create the role {name}"), sql)];
    };
    let mut commands = Vec::new();
    if found.has_power || !found.can_login || found.connection_limit != limit {
        let about = format!("give the role {name} the rights it should have");
        commands.push(command(about, format!("ALTER ROLE {name} {rights}")));
    }
    let known = found.verifier.as_deref();
    if !known.is_some_and(|verifier| scram::matches(verifier, wanted.password)) {
        let about = format!("give the role {name} the password of its Secret");
        commands.push(command(about, format!("ALTER ROLE {name} {}", password())));
    }
    let memberships: BTreeSet<_> = found.member_of.iter().collect();
    for other in memberships {
        let about = format!("take the role {name} out of {other}");
        let sql = format!("REVOKE {} FROM {name}", quoted(other));
        commands.push(command(about, sql));
    }
    commands
}

fn database_commands(found: Option<&Database>) -> Vec<Command> {
    let mut commands = Vec::new();
    match found {
        None => commands.push(command(
            format!("create the database {DATABASE}"),
            // From the bare template, which takes any encoding.
            format!(
                "CREATE DATABASE {DATABASE} OWNER {OWNER_ROLE} TEMPLATE template0 ENCODING 'UTF8'"
            ),
        )),
        Some(found) if found.owner != OWNER_ROLE => commands.push(command(
            format!("give the database {DATABASE} to {OWNER_ROLE}"),
            format!("ALTER DATABASE {DATABASE} OWNER TO {OWNER_ROLE}"),
        )),
        Some(_) => {}
    }
    if found.is_none_or(|found| found.open_to_public) {
        commands.push(command(
            format!("close the database {DATABASE} to everybody"),
            format!("REVOKE ALL ON DATABASE {DATABASE} FROM PUBLIC"),
        ));
    }
    if found.is_none_or(|found| !found.open_to_bot) {
        commands.push(command(
            format!("let {BOT_ROLE} connect"),
            format!("GRANT CONNECT ON DATABASE {DATABASE} TO {BOT_ROLE}"),
        ));
    }
    commands
}

/// What is missing in the database itself. A new one is looked at once it exists.
pub(super) fn schema_commands(found: &Schema) -> Vec<Command> {
    let mut commands = Vec::new();
    // From PostgreSQL 15 on the schema belongs to whoever owns the database.
    if found.owner != OWNER_ROLE && found.owner != "pg_database_owner" {
        commands.push(command(
            format!("give the schema public to {OWNER_ROLE}"),
            format!("ALTER SCHEMA public OWNER TO {OWNER_ROLE}"),
        ));
    }
    if found.open_to_public {
        commands.push(command(
            "close the schema public to everybody".to_owned(),
            "REVOKE ALL ON SCHEMA public FROM PUBLIC".to_owned(),
        ));
    }
    commands
}

fn command(about: String, sql: String) -> Command {
    Command { about, sql }
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng as _;
    use rand::rngs::StdRng;

    use super::*;

    fn planned(seen: &Seen, bot_password: &str) -> Vec<String> {
        let mut random = StdRng::seed_from_u64(1);
        let wanted = roles("milik", bot_password, 100);
        let commands = plan(seen, &wanted, &mut random);
        commands.into_iter().map(|command| command.about).collect()
    }

    fn role(name: &str, password: &str, connection_limit: i32) -> Role {
        Role {
            name: name.to_owned(),
            can_login: true,
            has_power: false,
            connection_limit,
            verifier: Some(scram::verifier(password, [1; 16])),
            member_of: Vec::new(),
        }
    }

    fn settled() -> Seen {
        Seen {
            roles: vec![role(OWNER_ROLE, "milik", 10), role(BOT_ROLE, "layan", 85)],
            database: Some(Database {
                owner: OWNER_ROLE.to_owned(),
                open_to_public: false,
                open_to_bot: true,
            }),
            schema: Some(Schema {
                owner: "pg_database_owner".to_owned(),
                open_to_public: false,
            }),
        }
    }

    #[test]
    fn a_bare_server_gets_its_roles_before_the_database_they_own() {
        let about = planned(&Seen::default(), "layan");
        assert_eq!(
            about,
            [
                "create the role warung_owner",
                "create the role warung_bot",
                "create the database warung",
                "close the database warung to everybody",
                "let warung_bot connect",
            ]
        );
    }

    #[test]
    fn a_server_that_is_right_is_left_alone() {
        assert!(planned(&settled(), "layan").is_empty());
    }

    #[test]
    fn each_drift_has_its_own_remedy() {
        let mut seen = settled();
        seen.roles[1].has_power = true;
        seen.roles[1].member_of = vec![OWNER_ROLE.to_owned()];
        let database = seen.database.as_mut().unwrap();
        database.owner = "postgres".to_owned();
        database.open_to_public = true;
        database.open_to_bot = false;
        seen.schema = Some(Schema {
            owner: "postgres".to_owned(),
            open_to_public: true,
        });
        assert_eq!(
            planned(&seen, "baru"),
            [
                "give the role warung_bot the rights it should have",
                "give the role warung_bot the password of its Secret",
                "take the role warung_bot out of warung_owner",
                "give the database warung to warung_owner",
                "close the database warung to everybody",
                "let warung_bot connect",
                "give the schema public to warung_owner",
                "close the schema public to everybody",
            ]
        );
    }

    #[test]
    fn no_command_tells_a_password() {
        let mut random = StdRng::seed_from_u64(1);
        let wanted = roles("milik", "layan", 100);
        let commands = plan(&Seen::default(), &wanted, &mut random);
        let tells = |command: &Command| command.sql.contains("layan");
        assert!(!commands.iter().any(tells));
    }
}
