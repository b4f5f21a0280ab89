//! `warung-bot audit`.

use std::process::ExitCode;

use anyhow::Result;
use sqlx::PgPool;

pub(super) async fn run(_pool: &PgPool) -> Result<ExitCode> {
    anyhow::bail!("not built yet")
}
