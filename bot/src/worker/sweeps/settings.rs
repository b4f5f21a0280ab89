//! Reads the shop's settings and texts anew, so that every bot follows a change within seconds.

use anyhow::Result;

use crate::{
    app::App,
    store::settings::{load, texts},
};

pub(super) async fn run(app: App) -> Result<()> {
    let rows = load(&app.pool).await?;
    app.settings.apply(&rows);
    for refused in app.texts.set_overrides(texts(&rows)) {
        tracing::warn!(%refused, "a text of the shop's own is not used");
    }
    Ok(())
}
