//! Ends orders whose time to pay is over. Where a payment is under way its end comes first: only
//! when the provider has confirmed that no money can come any more is the stock given back.

use anyhow::Result;
use uuid::Uuid;
use warung_domain::order::{OrderEvent, OrderState};

use crate::{
    app::App,
    flows::fulfilment,
    store::{self, orders, payments},
};

/// Orders that one run ends.
const BATCH: i64 = 100;

pub(super) async fn run(app: App) -> Result<()> {
    let now = app.clock.now();
    // An order whose payment was asked to end already waits for that, and for nothing here.
    let overdue = sqlx::query_scalar!(
        "SELECT id FROM orders o
         WHERE state = 'awaiting_payment' AND expires_at <= $1
           AND NOT EXISTS (
                SELECT 1 FROM payment_attempt p
                WHERE p.order_id = o.id AND p.cancel_requested
                  AND p.state IN ('creating', 'unknown', 'pending'))
         ORDER BY expires_at LIMIT $2",
        now,
        BATCH,
    )
    .fetch_all(&app.relaxed)
    .await?;
    let mut closed = 0_usize;
    for order in &overdue {
        match expire(&app, *order).await {
            Ok(Expired::Closed) => closed += 1,
            Ok(Expired::Asked) => app.signals.payments.notify_one(),
            Ok(Expired::NotOurs) => {}
            Err(error) => {
                // One faulty order must not keep the others.
                tracing::warn!(order.id = %order, error = format!("{error:#}"), "not expired");
            }
        }
    }
    if closed > 0 {
        tracing::info!(orders = closed, "orders expired");
        app.signals.outbound.notify_one();
    }
    Ok(())
}

enum Expired {
    /// The order is over and its stock is back.
    Closed,
    /// Its payment was asked to end.
    Asked,
    /// Another bot has it, or it was paid meanwhile.
    NotOurs,
}

async fn expire(app: &App, id: Uuid) -> Result<Expired> {
    let now = app.clock.now();
    let mut tx = store::begin(&app.pool).await?;
    // Payment before order: the order in which everybody locks them.
    if payments::request_cancel(&mut tx, id, now).await? {
        tx.commit().await?;
        return Ok(Expired::Asked);
    }
    let Some(mut order) = orders::load_if_free(&mut tx, id).await? else {
        return Ok(Expired::NotOurs);
    };
    let is_over = order.expires_at.is_some_and(|until| until <= now);
    if order.state != OrderState::AwaitingPayment || !is_over {
        return Ok(Expired::NotOurs);
    }
    let event = OrderEvent::Expired;
    fulfilment::close(
        app,
        &mut tx,
        &mut order,
        event,
        "system",
        "not paid in time",
        now,
    )
    .await?;
    tx.commit().await?;
    fulfilment::count(app, order.state);
    Ok(Expired::Closed)
}
