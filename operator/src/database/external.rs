//! A PostgreSQL that somebody else runs: can it serve a shop? Nothing is changed in it.

use std::collections::BTreeMap;

use sqlx::postgres::PgConnectOptions;
use sqlx::{PgConnection, Row as _};

use super::connect::{Server, Stopped, close, finding, within_pass};
use super::{Identity, Looked, OLDEST_VERSION};
use crate::conditions::{Finding, Reason};
use crate::crds::{ExternalDatabase, SecretKeyRef};
use crate::lease::{Leadership, LostLeadership};

/// Secrets of a namespace that were looked for: their keys and values, or `None` when missing.
type Secrets = BTreeMap<String, Option<BTreeMap<String, Vec<u8>>>>;

/// What the server says of itself and of a role's rights.
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact by itself")]
struct Facts {
    version_number: i32,
    version: String,
    role: String,
    database: String,
    /// System identifier, the same for two URLs of one server; `None` where a service hides it.
    identity: Option<String>,
    is_standby: bool,
    /// May make tables in the schema that its search path begins with.
    may_create_tables: bool,
    /// The extension `pg_trgm` is there, or may be made by this role.
    has_trigrams: bool,
    /// Has the tables of a shop.
    has_tables: bool,
}

/// Connects as the bots and as the owner, and looks at version and rights.
///
/// # Errors
/// When the leadership is lost on the way.
pub async fn external(
    database: &ExternalDatabase,
    secrets: &Secrets,
    leadership: &Leadership,
) -> Result<Looked, LostLeadership> {
    within_pass("PostgreSQL", look(database, secrets, leadership)).await
}

async fn look(
    database: &ExternalDatabase,
    secrets: &Secrets,
    leadership: &Leadership,
) -> Result<Looked, Stopped> {
    let bots = server(&database.secret_ref, secrets).map_err(Stopped::Found)?;
    let seen_by_bots = facts(&bots, leadership).await?;
    let Some(owner_ref) = &database.owner_secret_ref else {
        let finding = judge(&bots.name, &seen_by_bots, None);
        return Ok(known(finding, &bots, &seen_by_bots));
    };
    let owner = server(owner_ref, secrets).map_err(Stopped::Found)?;
    let seen_by_owner = facts(&owner, leadership).await?;
    let of_owner = Some((owner.name.as_str(), &seen_by_owner));
    let finding = judge(&bots.name, &seen_by_bots, of_owner);
    // The owner sees every table.
    Ok(known(finding, &bots, &seen_by_owner))
}

/// Which database it is, where a shop can use it and its server tells.
fn known(finding: Finding, server: &Server, facts: &Facts) -> Looked {
    let options = &server.options;
    let (host, port) = (options.get_host(), options.get_port());
    let identity = |system: String| Identity {
        system,
        address: Some(format!("{host}:{port}/{}", facts.database)),
        is_empty: !facts.has_tables,
    };
    let system = facts.identity.clone();
    Looked {
        identity: system
            .filter(|_| finding.reason == Reason::Connected)
            .map(identity),
        finding,
    }
}

/// The server that a key of a Secret names.
fn server(key_ref: &SecretKeyRef, secrets: &Secrets) -> Result<Server, Finding> {
    let SecretKeyRef { name, key } = key_ref;
    let missing = |reason, message| Err(finding(reason, message));
    let Some(Some(secret)) = secrets.get(name) else {
        let message = format!("Secret {name} does not exist: create it with the key {key}");
        return missing(Reason::SecretMissing, message);
    };
    let Some(value) = secret.get(key) else {
        let message = format!("Secret {name} has no key {key}: add it");
        return missing(Reason::KeyMissing, message);
    };
    let url = std::str::from_utf8(value).unwrap_or_default().trim();
    let is_postgres = ["postgres://", "postgresql://"]
        .iter()
        .any(|scheme| url.starts_with(scheme));
    let options = is_postgres
        .then(|| url.parse::<PgConnectOptions>().ok())
        .flatten()
        .filter(|options| options.get_database().is_some() && options.get_socket().is_none());
    let Some(options) = options else {
        let message = format!(
            "key {key} of Secret {name} must be a URL such as \
             postgres://user:password@host:5432/database?sslmode=verify-full"
        );
        return missing(Reason::ValueInvalid, message);
    };
    let (host, port) = (options.get_host(), options.get_port());
    Ok(Server {
        name: format!("PostgreSQL at {host}:{port} (key {key} of Secret {name})"),
        options: options.application_name("warung-operator"),
    })
}

async fn facts(server: &Server, leadership: &Leadership) -> Result<Facts, Stopped> {
    let mut connection = server.connect(leadership).await?;
    let facts = ask(&mut connection).await;
    close(connection).await;
    facts.map_err(|error| server.failed(&error))
}

async fn ask(connection: &mut PgConnection) -> sqlx::Result<Facts> {
    let row = sqlx::query(
        "SELECT current_setting('server_version_num')::int4 AS version_number,
                current_setting('server_version') AS version,
                current_user::text AS role,
                current_database()::text AS database,
                pg_is_in_recovery() AS is_standby,
                coalesce(has_schema_privilege(current_schema(), 'CREATE'), false)
                    AS may_create_tables,
                EXISTS (SELECT FROM pg_extension WHERE extname = 'pg_trgm')
                    OR has_database_privilege(current_database(), 'CREATE')
                    AND EXISTS (SELECT FROM pg_available_extension_versions v
                        WHERE v.name = 'pg_trgm' AND (v.trusted OR NOT v.superuser
                            OR (SELECT rolsuper FROM pg_roles WHERE rolname = current_user)))
                    AS has_trigrams,
                to_regclass('_sqlx_migrations') IS NOT NULL AS has_tables",
    )
    .fetch_one(&mut *connection)
    .await?;
    // A hosted service may forbid this one.
    let identity = sqlx::query_scalar("SELECT system_identifier::text FROM pg_control_system()")
        .fetch_one(connection)
        .await
        .ok();
    Ok(Facts {
        version_number: row.try_get("version_number")?,
        version: row.try_get("version")?,
        role: row.try_get("role")?,
        database: row.try_get("database")?,
        identity,
        is_standby: row.try_get("is_standby")?,
        may_create_tables: row.try_get("may_create_tables")?,
        has_trigrams: row.try_get("has_trigrams")?,
        has_tables: row.try_get("has_tables")?,
    })
}

/// What the facts mean. `owner` has a name and facts of its own where it is another role.
fn judge(bots_name: &str, bots: &Facts, owner: Option<(&str, &Facts)>) -> Finding {
    let (name, facts) = owner.unwrap_or((bots_name, bots));
    let (role, database) = (&facts.role, &facts.database);
    if facts.version_number < OLDEST_VERSION {
        let version = &facts.version;
        let message = format!("{name} is version {version}; at least 14 is needed");
        return finding(Reason::VersionTooOld, message);
    }
    if facts.is_standby || bots.is_standby {
        let name = if bots.is_standby { bots_name } else { name };
        let message = format!("{name} is a standby and takes no writes: name the primary");
        return finding(Reason::ReadOnly, message);
    }
    if let Some((owner_name, owner)) = owner {
        let differ = |left: &Option<String>, right: &Option<String>| {
            left.is_some() && right.is_some() && left != right
        };
        if bots.database != owner.database || differ(&bots.identity, &owner.identity) {
            let message = format!("{bots_name} and {owner_name} are not the same database");
            return finding(Reason::ValueInvalid, message);
        }
        if bots.role == owner.role {
            let message = format!(
                "{bots_name} and {owner_name} log in as the same role {role}: give the bots a \
                 role of their own, or leave database.external.ownerSecretRef out"
            );
            return finding(Reason::ValueInvalid, message);
        }
    }
    let lacks = |why: String, grant: String| {
        let message = format!("{name}: role {role} {why}; as a superuser run: {grant}");
        finding(Reason::RightsMissing, message)
    };
    if !facts.may_create_tables {
        return lacks(
            "may not create tables".to_owned(),
            format!("GRANT CREATE, USAGE ON SCHEMA public TO \"{role}\""),
        );
    }
    if !facts.has_trigrams {
        return lacks(
            format!("may not create the extension pg_trgm in database {database}"),
            "CREATE EXTENSION pg_trgm (PostgreSQL's contrib package has it)".to_owned(),
        );
    }
    let version = &facts.version;
    let mut message = format!("{bots_name} ({version}) has what a shop needs");
    if owner.is_none() {
        message += "; the bots' own role migrates and could change the ledger's past: \
                    database.external.ownerSecretRef separates the two";
    }
    finding(Reason::Connected, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(role: &str) -> Facts {
        Facts {
            version_number: 150_008,
            version: "15.8".to_owned(),
            role: role.to_owned(),
            database: "toko".to_owned(),
            identity: Some("1".to_owned()),
            is_standby: false,
            may_create_tables: true,
            has_trigrams: true,
            has_tables: false,
        }
    }

    fn reason(bots: &Facts, owner: Option<&Facts>) -> Reason {
        judge("BOTS", bots, owner.map(|facts| ("OWNER", facts))).reason
    }

    #[test]
    fn an_old_server_a_standby_and_two_databases_are_told() {
        let (bots, owner) = (facts("bot"), facts("milik"));
        assert_eq!(reason(&bots, Some(&owner)), Reason::Connected);
        let mut old = facts("milik");
        old.version_number = 130_016;
        old.version = "13.16".to_owned();
        assert_eq!(reason(&bots, Some(&old)), Reason::VersionTooOld);
        assert_eq!(
            judge("BOTS", &old, None).message,
            "BOTS is version 13.16; at least 14 is needed"
        );
        let mut standby = facts("bot");
        standby.is_standby = true;
        assert_eq!(reason(&standby, Some(&owner)), Reason::ReadOnly);
        let mut elsewhere = facts("milik");
        elsewhere.identity = Some("2".to_owned());
        assert_eq!(reason(&bots, Some(&elsewhere)), Reason::ValueInvalid);
        assert_eq!(reason(&bots, Some(&bots)), Reason::ValueInvalid);
    }

    #[test]
    fn a_right_that_is_missing_comes_with_its_grant() {
        let mut poor = facts("milik");
        poor.may_create_tables = false;
        assert_eq!(
            judge("BOTS", &poor, None).message,
            "BOTS: role milik may not create tables; as a superuser run: \
             GRANT CREATE, USAGE ON SCHEMA public TO \"milik\""
        );
        let mut poor = facts("milik");
        poor.has_trigrams = false;
        assert_eq!(reason(&poor, None), Reason::RightsMissing);
    }

    #[test]
    fn a_url_that_is_none_is_told_without_its_text() {
        let key_ref = SecretKeyRef {
            name: "toko-db".to_owned(),
            key: "url".to_owned(),
        };
        for bad in [
            "",
            "mysql://u:rahasia@h/d",
            "postgres://u:rahasia@h",
            "rahasia",
        ] {
            let keys = BTreeMap::from([("url".to_owned(), bad.as_bytes().to_vec())]);
            let secrets = Secrets::from([("toko-db".to_owned(), Some(keys))]);
            let told = server(&key_ref, &secrets).err().unwrap();
            assert_eq!(told.reason, Reason::ValueInvalid, "{bad}");
            assert!(!told.message.contains("rahasia"));
        }
        let none = Secrets::from([("toko-db".to_owned(), None)]);
        let told = server(&key_ref, &none).err().unwrap();
        assert_eq!(told.reason, Reason::SecretMissing);
        let empty = Secrets::from([("toko-db".to_owned(), Some(BTreeMap::new()))]);
        assert_eq!(
            server(&key_ref, &empty).err().unwrap().reason,
            Reason::KeyMissing
        );
    }
}
