//! The database's schema, and what the role that serves may do with it.

use anyhow::{Context, Result, bail, ensure};
use serde::Serialize;
use sqlx::{PgConnection, PgPool};

static MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!("../migrations");

/// What the serving role may do, table by table.
const GRANTS: &str = include_str!("../../migrations/grants.sql");

/// What a migration did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Migrated {
    /// The schema's version now.
    pub version: i64,
    /// Migrations that were missing.
    pub applied: i64,
}

impl Migrated {
    /// Whether the database is newer than this program, which then leaves it alone.
    pub fn is_ahead(&self) -> bool {
        self.version > newest_known()
    }
}

/// The newest migration that this program knows.
pub fn newest_known() -> i64 {
    MIGRATIONS.iter().map(|it| it.version).max().unwrap_or(0)
}

/// Applies what is missing; sqlx's advisory lock lets only one process do it at a time. A database
/// that is newer than this program is left as it is, if this program can serve it.
///
/// # Errors
/// A migration fails, or the database is too new for this program.
pub async fn migrate(pool: &PgPool) -> Result<Migrated> {
    let before = known(pool).await?;
    if before.is_ahead() {
        let mut connection = pool.acquire().await?;
        can_serve(&mut connection).await?;
        has_all_known(&mut connection).await?;
        let applied = 0;
        return Ok(Migrated { applied, ..before });
    }
    MIGRATIONS
        .run(pool)
        .await
        .context("the database could not be migrated")?;
    let after = known(pool).await?;
    Ok(Migrated {
        version: after.version,
        applied: after.applied - before.applied,
    })
}

/// Refuses a database that needs a newer program. One that says nothing of it needs none.
///
/// # Errors
/// It does; or the database's.
pub async fn can_serve(connection: &mut PgConnection) -> Result<()> {
    let says: bool = sqlx::query_scalar("SELECT to_regclass('schema_compatibility') IS NOT NULL")
        .fetch_one(&mut *connection)
        .await?;
    if !says {
        return Ok(());
    }
    let oldest: i64 = sqlx::query_scalar("SELECT oldest_bot FROM schema_compatibility")
        .fetch_one(connection)
        .await
        .context("read which bots the database can be served by")?;
    let known = newest_known();
    ensure!(
        oldest <= known,
        "this version is too old for the database: it knows migrations up to {known}, and the \
         database can only be served by one that knows {oldest}; use a newer image, or restore a \
         backup from before that migration"
    );
    Ok(())
}

/// A newer database may lack what only this program brings, if the two were never one line.
async fn has_all_known(connection: &mut PgConnection) -> Result<()> {
    let applied: Vec<i64> =
        sqlx::query_scalar("SELECT version FROM _sqlx_migrations WHERE success")
            .fetch_all(connection)
            .await?;
    let missing = MIGRATIONS.iter().find(|it| !applied.contains(&it.version));
    if let Some(missing) = missing {
        bail!(
            "the database is newer than this version and yet lacks its migration {}: use the \
             version that migrated it last",
            missing.version
        );
    }
    Ok(())
}

/// Whether a role could serve already.
///
/// # Errors
/// There is no such role; or the database's.
pub async fn is_granted(pool: &PgPool, role: &str) -> Result<bool> {
    let granted = sqlx::query_scalar(
        "SELECT has_table_privilege($1, 'inbox', 'INSERT')
                AND has_table_privilege($1, 'ledger_entry', 'INSERT')",
    );
    let granted = granted.bind(role).fetch_one(pool).await;
    granted.with_context(|| format!("look at the rights of role {role}"))
}

/// The newest migration in the database, and how many there are.
async fn known(pool: &PgPool) -> sqlx::Result<Migrated> {
    let mut connection = pool.acquire().await?;
    let version = version(&mut connection).await?;
    let applied = if version == 0 {
        0
    } else {
        sqlx::query_scalar("SELECT count(*) FROM _sqlx_migrations")
            .fetch_one(&mut *connection)
            .await?
    };
    Ok(Migrated { version, applied })
}

/// The schema's version; 0 where nothing was migrated yet.
///
/// # Errors
/// The database's.
pub async fn version(connection: &mut PgConnection) -> sqlx::Result<i64> {
    let is_there: bool = sqlx::query_scalar("SELECT to_regclass('_sqlx_migrations') IS NOT NULL")
        .fetch_one(&mut *connection)
        .await?;
    if !is_there {
        return Ok(0);
    }
    sqlx::query_scalar("SELECT coalesce(max(version), 0) FROM _sqlx_migrations WHERE success")
        .fetch_one(connection)
        .await
}

/// Gives the serving role its rights, and takes back whatever else it had. Must run as the owner.
///
/// # Errors
/// The role is missing or has the owner's rights, or `migrations/grants.sql` is silent about a
/// table.
pub async fn grant(pool: &PgPool, role: &str) -> Result<()> {
    let mut tx = crate::store::begin(pool).await?;
    sqlx::query("SELECT set_config('warung.serving_role', $1, true)")
        .bind(role)
        .execute(&mut *tx)
        .await?;
    sqlx::raw_sql(GRANTS)
        .execute(&mut *tx)
        .await
        .with_context(|| format!("role {role} could not be given its rights"))?;
    tx.commit().await?;
    Ok(())
}
