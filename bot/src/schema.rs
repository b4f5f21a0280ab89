//! The database's schema, and what the role that serves may do with it.

use anyhow::{Context, Result};
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

/// Applies what is missing; sqlx's advisory lock lets only one process do it at a time.
///
/// # Errors
/// A migration fails, or the database is newer than this program.
pub async fn migrate(pool: &PgPool) -> Result<Migrated> {
    let before = known(pool).await?;
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
    let mut tx = pool.begin().await?;
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
