//! `warung-bot settings`.

use std::process::ExitCode;

use anyhow::Result;
use sqlx::PgPool;

use super::say;
use crate::store::settings;

pub(super) async fn list(pool: &PgPool) -> Result<ExitCode> {
    let mut rows = settings::load(pool).await?;
    rows.sort();
    for (key, value) in rows {
        say(&format!("{key} = {value}"));
    }
    Ok(ExitCode::SUCCESS)
}

pub(super) async fn set(pool: &PgPool, key: &str, value: &str) -> Result<ExitCode> {
    let mut connection = pool.acquire().await?;
    settings::set(&mut connection, key, value).await?;
    say(&format!("{key} = {value}"));
    Ok(ExitCode::SUCCESS)
}
