//! `warung-bot migrate`.

use std::process::ExitCode;

use anyhow::{Context, Result};
use sqlx::PgPool;

use super::say;

static MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!("../migrations");

/// Applies what is missing; sqlx's advisory lock lets only one process do it at a time.
pub(super) async fn run(pool: &PgPool) -> Result<ExitCode> {
    MIGRATIONS
        .run(pool)
        .await
        .context("the database could not be migrated")?;
    say("the database is up to date");
    Ok(ExitCode::SUCCESS)
}
