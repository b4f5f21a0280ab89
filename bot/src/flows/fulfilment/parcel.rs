//! Parcels on their way, and their arrival.

use anyhow::Result;
use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use warung_domain::{
    conversation::Command,
    language::Language,
    order::{OrderEvent, OrderState},
    tracking::{Courier, Resi},
};
use warung_whatsapp::reply::Reply;

use super::{addressee, choice, plain_parcel};
use crate::{
    app::App,
    outbox,
    store::orders::{self, Order},
};

/// Why a parcel cannot be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ShipRefused {
    /// The order is not paid, or not any more.
    #[error("an order that is {0} is not shipped")]
    NotPaid(OrderState),
    /// Nothing in it is shipped.
    #[error("the order has nothing to ship")]
    NothingToShip,
}

/// Why an order cannot be completed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CompleteRefused {
    /// It is already.
    #[error("the order is completed")]
    Already,
    /// It is not on its way.
    #[error("an order that is {0} is not completed")]
    NotOnItsWay(OrderState),
}

/// Goods have reached their customer. Only staff (`by_hand`) can say so of what no courier had, as
/// when a customer fetches a parcel at the shop. Call
/// [`crate::store::orders::load_for_update`] before.
///
/// # Errors
/// [`CompleteRefused`] (downcast it), or the database's.
pub async fn complete(
    connection: &mut PgConnection,
    order: &mut Order,
    by_hand: bool,
    actor: &str,
    reason: &str,
    now: DateTime<Utc>,
) -> Result<()> {
    let moves: &[_] = match order.state {
        OrderState::Completed => return Err(CompleteRefused::Already.into()),
        OrderState::Fulfilling if !order.digital => &[(OrderEvent::Completed, reason)],
        OrderState::Paid if by_hand && !order.digital => &[
            (OrderEvent::FulfilmentStarted, reason),
            (OrderEvent::Completed, reason),
        ],
        state => return Err(CompleteRefused::NotOnItsWay(state).into()),
    };
    orders::advance(connection, order, moves, actor, now).await?;
    Ok(())
}

/// A parcel went out: the customer is told with whom and under which number. A second call
/// corrects the first. Call [`crate::store::orders::load_for_update`] before.
///
/// # Errors
/// [`ShipRefused`] (downcast it), or the database's.
pub async fn ship(
    app: &App,
    connection: &mut PgConnection,
    order: &mut Order,
    courier: Courier,
    resi: Resi,
    actor: &str,
    now: DateTime<Utc>,
) -> Result<()> {
    if order.digital {
        return Err(ShipRefused::NothingToShip.into());
    }
    let moves: &[_] = match order.state {
        OrderState::Paid => &[(
            OrderEvent::FulfilmentStarted,
            "parcel handed to the courier",
        )],
        OrderState::Fulfilling => &[],
        state => return Err(ShipRefused::NotPaid(state).into()),
    };
    let key = format!("order:{}:shipped:{resi}", order.id);
    order.courier = Some(courier);
    order.tracking = Some(resi);
    orders::advance(connection, order, moves, actor, now).await?;
    let Some(to) = addressee(app, connection, order.customer_id).await? else {
        return Ok(());
    };
    let reply = shipped_reply(app, to.language, order);
    let parcel = plain_parcel(&to, reply, Some(order), key)?;
    outbox::push(connection, &parcel, now).await?;
    Ok(())
}

fn shipped_reply(app: &App, language: Language, order: &Order) -> Reply {
    let text = |name: &Option<String>| name.clone().unwrap_or_default();
    let courier = order.courier.as_ref().map(ToString::to_string);
    let tracking = order.tracking.as_ref().map(ToString::to_string);
    let mut body = app.texts.get(
        language,
        "order-shipped",
        &[
            ("number", order.number.to_string().into()),
            ("courier", text(&courier).into()),
            ("resi", text(&tracking).into()),
        ],
    );
    body.push_str("\n\n");
    body.push_str(&match app.settings.current().complete_after_days {
        0 => app.texts.get(language, "order-arrived-hint", &[]),
        days => {
            let days = [("days", days.to_string().into())];
            app.texts.get(language, "order-arrived-hint-days", &days)
        }
    });
    let received = Command::Received {
        number: Some(order.number.clone()),
    };
    let track = Command::Track {
        number: Some(order.number.clone()),
    };
    let arrived = app.texts.get(language, "orders-received", &[]);
    Reply {
        body,
        choices: vec![
            choice(app, &received, arrived),
            choice(app, &track, app.texts.get(language, "orders-track", &[])),
            choice(
                app,
                &Command::Menu,
                app.texts.get(language, "orders-menu", &[]),
            ),
        ],
        ..Reply::default()
    }
}
