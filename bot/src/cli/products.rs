//! `warung-bot products`.

use std::{path::Path, process::ExitCode};

use anyhow::Result;
use sqlx::PgPool;

use crate::config::AdminConfig;

pub(super) async fn import(_pool: &PgPool, _file: &Path, _apply: bool) -> Result<ExitCode> {
    anyhow::bail!("not built yet")
}

pub(super) async fn add_units(
    _pool: &PgPool,
    _config: &AdminConfig,
    _sku: &str,
    _file: &Path,
) -> Result<ExitCode> {
    anyhow::bail!("not built yet")
}
