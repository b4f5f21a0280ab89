//! Saldo that merged customers got back since their merge follows them to who they are now.

use anyhow::Result;

use crate::{
    app::App,
    store::{self, merges},
};

pub(super) async fn run(app: App) -> Result<()> {
    let mut tx = store::begin(&app.pool).await?;
    merges::move_freed_saldo(&mut tx, app.clock.now()).await?;
    tx.commit().await?;
    Ok(())
}
