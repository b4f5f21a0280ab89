//! Roles and database of a PostgreSQL that the operator, or CloudNativePG for it, runs.

use std::time::Duration;

use rand::CryptoRng;
use sqlx::postgres::{PgConnectOptions, PgSslMode};
use sqlx::{AssertSqlSafe, FromRow, PgConnection, Row as _, postgres::PgRow};
use tracing::info;

use super::connect::{Server, Stopped, close, finding, within_pass};
use super::plan::{self, Command, Database, Role, Schema, Seen};
use super::scram;
use super::{Identity, Looked, OLDEST_VERSION};
use crate::conditions::Reason;
use crate::lease::{Leadership, LostLeadership};
use crate::shop::DatabaseCredentials;
use crate::shop::names::{BOT_ROLE, DATABASE, OWNER_ROLE};

/// How long the server works at one command before it gives up by itself, so that none of ours
/// is done long after we have turned away.
const COMMAND: Duration = Duration::from_secs(10);

/// A PostgreSQL that the operator runs.
#[derive(Clone, Copy)]
pub struct Managed<'a> {
    /// Name or address of the server; its certificate must carry it.
    pub host: &'a str,
    /// Its port.
    pub port: u16,
    /// The server must show a certificate by this authority (PEM), with its name in it.
    pub authority: &'a str,
    /// Passwords of the superuser and of the two roles.
    pub credentials: &'a DatabaseCredentials,
    /// Most connections to the server.
    pub max_connections: i32,
}

/// Makes and keeps the roles `warung_owner` and `warung_bot` and the database `warung`; a password
/// that was changed in its Secret is applied. Changes nothing when all is as it should be.
///
/// # Errors
/// When the leadership is lost on the way.
pub async fn managed(
    server: &Managed<'_>,
    leadership: &Leadership,
    random: &mut (impl CryptoRng + Send),
) -> Result<Looked, LostLeadership> {
    let name = format!("PostgreSQL at {}:{}", server.host, server.port);
    within_pass(&name, look(server, &name, leadership, random)).await
}

async fn look(
    managed: &Managed<'_>,
    name: &str,
    leadership: &Leadership,
    random: &mut (impl CryptoRng + Send),
) -> Result<Looked, Stopped> {
    let server = managed.server(DATABASE, name);
    let credentials = managed.credentials;
    for (role, password) in [
        ("postgres", &credentials.superuser_password),
        (OWNER_ROLE, &credentials.owner_password),
        (BOT_ROLE, &credentials.bot_password),
    ] {
        if !scram::is_plain(password) {
            let why = format!(
                "cannot take the password of {role}: in its Secret, use printable ASCII only"
            );
            return Err(server.not_ready(Reason::ValueInvalid, &why));
        }
    }
    // Roles are seen from every database; ours is missing only at the very first.
    let (mut connection, is_there) = match server.connect(leadership).await {
        Err(Stopped::Found(found)) if found.reason == Reason::DatabaseMissing => {
            let maintenance = managed.server("postgres", name);
            (maintenance.connect(leadership).await?, false)
        }
        connected => (connected?, true),
    };
    let looked = async {
        let version = version(&server, &mut connection).await?;
        let seen = seen(&mut connection, is_there).await;
        let seen = seen.map_err(|error| server.failed(&error))?;
        let [owner, bot] = plan::roles(
            &credentials.owner_password,
            &credentials.bot_password,
            managed.max_connections,
        );
        let commands = plan::plan(&seen, &[owner, bot], random);
        run(&server, &mut connection, commands, leadership).await?;
        let identity = identity(&mut connection, is_there).await;
        let identity = identity.map_err(|error| server.failed(&error))?;
        Ok::<_, Stopped>((version, identity))
    };
    let looked = looked.await;
    close(connection).await;
    let (version, identity) = looked?;
    if !is_there {
        close_new_schema(&server, leadership).await?;
    }
    let message = format!("{name} ({version}) has its roles and the database {DATABASE}");
    Ok(Looked {
        finding: finding(Reason::Connected, message),
        identity: Some(identity),
    })
}

impl Managed<'_> {
    fn server(&self, database: &str, name: &str) -> Server {
        let milliseconds = COMMAND.as_millis().to_string();
        let options = PgConnectOptions::new_without_pgpass()
            .host(self.host)
            .port(self.port)
            .username("postgres")
            .password(&self.credentials.superuser_password)
            .database(database)
            .application_name("warung-operator")
            .options([
                ("statement_timeout", milliseconds.as_str()),
                ("lock_timeout", milliseconds.as_str()),
            ]);
        let options = options
            .ssl_mode(PgSslMode::VerifyFull)
            .ssl_root_cert_from_pem(self.authority.as_bytes().to_vec());
        Server {
            options,
            name: name.to_owned(),
        }
    }
}

async fn version(server: &Server, connection: &mut PgConnection) -> Result<String, Stopped> {
    let row = sqlx::query(
        "SELECT current_setting('server_version_num')::int4, current_setting('server_version'),
                pg_is_in_recovery()",
    )
    .fetch_one(connection)
    .await
    .map_err(|error| server.failed(&error))?;
    let version: String = row.get(1);
    if row.get::<i32, _>(0) < OLDEST_VERSION {
        let why = format!("is version {version}; at least 14 is needed");
        return Err(server.not_ready(Reason::VersionTooOld, &why));
    }
    if row.get(2) {
        return Err(server.not_ready(
            Reason::ReadOnly,
            "is a standby and takes no writes: it must be the primary",
        ));
    }
    Ok(version)
}

/// Which database it is; `inside` of it, whether it has tables of a shop.
async fn identity(connection: &mut PgConnection, inside: bool) -> sqlx::Result<Identity> {
    let row = sqlx::query(
        "SELECT system_identifier::text, to_regclass('_sqlx_migrations') IS NULL
         FROM pg_control_system()",
    )
    .fetch_one(connection)
    .await?;
    Ok(Identity {
        system: row.try_get(0)?,
        address: None,
        is_empty: !inside || row.try_get(1)?,
    })
}

async fn seen(connection: &mut PgConnection, inside: bool) -> sqlx::Result<Seen> {
    let roles = sqlx::query_as(
        "SELECT rolname::text, rolcanlogin, rolconnlimit, rolpassword,
                rolsuper OR rolcreatedb OR rolcreaterole OR rolreplication OR rolbypassrls,
                ARRAY(SELECT pg_get_userbyid(roleid)::text FROM pg_auth_members
                      WHERE member = r.oid)
         FROM pg_authid r WHERE rolname = ANY($1)",
    )
    .bind([OWNER_ROLE, BOT_ROLE])
    .fetch_all(&mut *connection)
    .await?;
    let database = sqlx::query_as(
        "SELECT pg_get_userbyid(datdba)::text,
                EXISTS (SELECT FROM aclexplode(coalesce(datacl, acldefault('d', datdba)))
                        WHERE grantee = 0),
                EXISTS (SELECT FROM aclexplode(datacl) a JOIN pg_roles r ON r.oid = a.grantee
                        WHERE r.rolname = $2 AND a.privilege_type = 'CONNECT')
         FROM pg_database WHERE datname = $1",
    )
    .bind(DATABASE)
    .bind(BOT_ROLE)
    .fetch_optional(&mut *connection)
    .await?;
    let schema = if inside {
        schema(connection).await?
    } else {
        None
    };
    Ok(Seen {
        roles,
        database,
        schema,
    })
}

async fn schema(connection: &mut PgConnection) -> sqlx::Result<Option<Schema>> {
    sqlx::query_as(
        "SELECT pg_get_userbyid(nspowner)::text,
                EXISTS (SELECT FROM aclexplode(coalesce(nspacl, acldefault('n', nspowner)))
                        WHERE grantee = 0)
         FROM pg_namespace WHERE nspname = 'public'",
    )
    .fetch_optional(connection)
    .await
}

/// A database that was made just now has a schema that everybody may use.
async fn close_new_schema(server: &Server, leadership: &Leadership) -> Result<(), Stopped> {
    let mut connection = server.connect(leadership).await?;
    let closed = async {
        let seen = schema(&mut connection).await;
        let seen = seen.map_err(|error| server.failed(&error))?;
        let commands = seen.as_ref().map(plan::schema_commands).unwrap_or_default();
        run(server, &mut connection, commands, leadership).await
    };
    let closed = closed.await;
    close(connection).await;
    closed
}

async fn run(
    server: &Server,
    connection: &mut PgConnection,
    commands: Vec<Command>,
    leadership: &Leadership,
) -> Result<(), Stopped> {
    for command in commands {
        leadership.check()?;
        info!(postgres.server = %server.name, "{}", command.about);
        // Names cannot be bound; all of them are ours, or quoted.
        sqlx::raw_sql(AssertSqlSafe(command.sql))
            .execute(&mut *connection)
            .await
            .map_err(|error| {
                let mut fault = server.fault(&error);
                fault.message = format!("could not {}: {}", command.about, fault.message);
                Stopped::Found(fault)
            })?;
    }
    Ok(())
}

impl FromRow<'_, PgRow> for Role {
    fn from_row(row: &PgRow) -> sqlx::Result<Self> {
        Ok(Self {
            name: row.try_get(0)?,
            can_login: row.try_get(1)?,
            connection_limit: row.try_get(2)?,
            verifier: row.try_get(3)?,
            has_power: row.try_get(4)?,
            member_of: row.try_get(5)?,
        })
    }
}

impl FromRow<'_, PgRow> for Database {
    fn from_row(row: &PgRow) -> sqlx::Result<Self> {
        Ok(Self {
            owner: row.try_get(0)?,
            open_to_public: row.try_get(1)?,
            open_to_bot: row.try_get(2)?,
        })
    }
}

impl FromRow<'_, PgRow> for Schema {
    fn from_row(row: &PgRow) -> sqlx::Result<Self> {
        Ok(Self {
            owner: row.try_get(0)?,
            open_to_public: row.try_get(1)?,
        })
    }
}
