//! Stub.

use anyhow::Result;

use crate::app::App;

pub(super) async fn run(_app: App) -> Result<()> {
    Ok(())
}
