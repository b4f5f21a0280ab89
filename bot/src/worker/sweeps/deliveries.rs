//! Hands over digital goods that waited until their payment could no longer be taken back.

use anyhow::Result;
use uuid::Uuid;

use crate::{
    app::App,
    flows::fulfilment,
    store::{self, orders},
};

/// Orders that one run delivers.
const BATCH: i64 = 100;

pub(super) async fn run(app: App) -> Result<()> {
    let due = sqlx::query_scalar!(
        "SELECT id FROM orders WHERE deliver_after <= $1 ORDER BY deliver_after LIMIT $2",
        app.clock.now(),
        BATCH,
    )
    .fetch_all(&app.relaxed)
    .await?;
    for order in &due {
        if let Err(error) = deliver(&app, *order).await {
            // One faulty order must not keep the others.
            tracing::warn!(order.id = %order, error = format!("{error:#}"), "not delivered");
        }
    }
    if !due.is_empty() {
        app.signals.outbound.notify_one();
    }
    Ok(())
}

async fn deliver(app: &App, id: Uuid) -> Result<()> {
    let now = app.clock.now();
    let mut tx = store::begin(&app.pool).await?;
    let Some(mut order) = orders::load_if_free(&mut tx, id).await? else {
        return Ok(());
    };
    if order.deliver_after.is_none_or(|after| after > now) {
        return Ok(());
    }
    let before = order.state;
    fulfilment::deliver_held(app, &mut tx, &mut order, now).await?;
    tx.commit().await?;
    if order.state != before {
        fulfilment::count(app, order.state);
    }
    Ok(())
}
