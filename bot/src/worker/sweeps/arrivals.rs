//! Completes shipped orders whose customers have not said that the parcel arrived. Nobody is told:
//! the shipped notice announced it, and a message now would be billed.

use anyhow::Result;
use chrono::TimeDelta;
use uuid::Uuid;
use warung_domain::order::OrderState;

use crate::{
    app::App,
    flows::fulfilment,
    store::{self, orders, settings},
};

/// Orders that one run completes.
const BATCH: i64 = 100;

pub(super) async fn run(app: App) -> Result<()> {
    // In a bot that has just begun the defaults still stand: the shop may want longer.
    app.settings.apply(&settings::load(&app.pool).await?);
    let days = app.settings.current().complete_after_days;
    if days == 0 {
        return Ok(());
    }
    let patience = TimeDelta::days(i64::from(days));
    let due = sqlx::query_scalar!(
        "SELECT o.id FROM orders o
         JOIN order_event e ON e.order_id = o.id AND e.to_state = 'fulfilling'
         WHERE o.state = 'fulfilling' AND NOT o.digital AND o.deliver_after IS NULL AND e.at <= $1
         ORDER BY e.at LIMIT $2",
        app.clock.now() - patience,
        BATCH,
    )
    .fetch_all(&app.relaxed)
    .await?;
    for order in &due {
        if let Err(error) = complete(&app, *order, patience).await {
            // One faulty order must not keep the others.
            tracing::warn!(order.id = %order, error = format!("{error:#}"), "not completed");
        }
    }
    Ok(())
}

async fn complete(app: &App, id: Uuid, patience: TimeDelta) -> Result<()> {
    let now = app.clock.now();
    let mut tx = store::begin(&app.pool).await?;
    let Some(mut order) = orders::load_if_free(&mut tx, id).await? else {
        return Ok(());
    };
    // Since the look, its customer or staff may have been faster.
    if order.state != OrderState::Fulfilling {
        return Ok(());
    }
    let reason = format!("no complaint {} days after shipping", patience.num_days());
    fulfilment::complete(&mut tx, &mut order, false, "system", &reason, now).await?;
    tx.commit().await?;
    fulfilment::count(app, order.state);
    Ok(())
}
