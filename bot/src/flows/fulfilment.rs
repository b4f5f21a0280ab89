//! From money to goods: receipts, digital units, parcels, and orders that end without either.
//!
//! Every function works inside its caller's transaction, with the order's row locked, and never
//! sends: what the customer must be told goes into the outbox, or is returned as the reply. After
//! the commit the caller wakes `app.signals.outbound` and counts where the order went ([`count`]).

mod parcel;
mod receipt;

use anyhow::{Context as _, Result, ensure};
use chrono::{DateTime, TimeDelta, Utc};
use sqlx::PgConnection;
use uuid::Uuid;
use warung_domain::{
    catalog::ProductKind,
    conversation::Command,
    language::Language,
    order::{OrderEvent, OrderState},
};
use warung_whatsapp::{
    message::Recipient,
    reply::{Choice, Reply},
};

use crate::{
    app::App,
    clock::new_id,
    outbox::{self, Body, NewParcel, Priority},
    store::{
        customers, ledger,
        orders::{self, Line, Order, place::Placed},
        stock,
    },
};

pub use parcel::{CompleteRefused, ShipRefused, complete, ship};
use receipt::{Goods, Sale};
pub use receipt::{Receipt, address_hint, line_texts, method_name, paid_by};

/// Units that the stock counts but that are not there are looked for again after this long.
const MISSING_UNITS_RETRY: TimeDelta = TimeDelta::minutes(2);

/// Who caused what no person did.
const SYSTEM: &str = "system";

/// Somebody outside a turn who must be told something.
#[derive(Debug, Clone)]
pub struct Addressee {
    /// Row id.
    pub customer_id: i64,
    /// Where messages go.
    pub recipient: Recipient,
    /// The language they are answered in.
    pub language: Language,
}

/// Where and in which language a customer is told something outside a turn; `None` for one whom
/// nothing reaches.
///
/// # Errors
/// The database's.
pub async fn addressee(
    app: &App,
    connection: &mut PgConnection,
    customer: i64,
) -> Result<Option<Addressee>> {
    let default = app.config.shop.language;
    let Some(customer) = customers::load(connection, customer, default).await? else {
        return Ok(None);
    };
    let language = match customer.chosen_language {
        Some(chosen) => chosen,
        None => orders::detected_language(connection, customer.id)
            .await?
            .unwrap_or(default),
    };
    Ok(customer.recipient().map(|recipient| Addressee {
        customer_id: customer.id,
        recipient,
        language,
    }))
}

/// Sent once for each order, as the reply of the purchase or from the outbox.
pub fn receipt_key(order: Uuid) -> String {
    format!("order:{order}:paid")
}

/// The receipt of an order that was paid at its birth.
///
/// # Errors
/// A unit that the vault cannot open.
pub fn receipt_of(
    app: &App,
    language: Language,
    placed: &Placed,
    now: DateTime<Utc>,
) -> Result<Receipt> {
    let units = placed
        .sealed_units
        .iter()
        .map(|(line, sealed)| stock::open_unit(&app.vault, *line, sealed))
        .collect::<Result<Vec<_>>>()?;
    let sale = Sale {
        order: &placed.order,
        lines: &placed.lines,
        by: "saldo",
        paid_at: now,
    };
    Ok(receipt::compose(app, language, &sale, &Goods::Here(units)))
}

/// The order's money is in (`by`: the method's stored name; ledger posted by the caller): stock is
/// sold, units are assigned, the order moves to paid (to completed when its digital goods go out
/// with the receipt), and the receipt goes into the outbox. With `hold_until`, digital goods wait
/// until then and the receipt says so.
///
/// # Errors
/// A move the order's table does not have, or the database's.
pub async fn paid(
    app: &App,
    connection: &mut PgConnection,
    order: &mut Order,
    by: &str,
    hold_until: Option<DateTime<Utc>>,
    now: DateTime<Utc>,
) -> Result<()> {
    let lines = orders::lines(connection, order.id).await?;
    let sold = stock::commit_sale(connection, order.id, SYSTEM, now).await?;
    ensure!(
        usize::try_from(sold) == Ok(lines.len()),
        "{sold} of {} lines were held for the order",
        lines.len()
    );
    let goods = goods(app, connection, order, &lines, hold_until, now).await?;
    order.paid = order.total;
    order.deliver_after = match &goods {
        Goods::Here(_) => None,
        Goods::Later(until) => Some(*until),
    };
    let reason = format!("paid by {by}");
    let mut moves = vec![(OrderEvent::Paid, reason.as_str())];
    if order.digital && order.deliver_after.is_none() {
        moves.push((OrderEvent::FulfilmentStarted, "goods in the receipt"));
        moves.push((OrderEvent::Completed, "goods in the receipt"));
    }
    orders::advance(connection, order, &moves, SYSTEM, now).await?;
    let sale = Sale {
        order,
        lines: &lines,
        by,
        paid_at: now,
    };
    tell_receipt(app, connection, &sale, &goods, &receipt_key(order.id), now).await
}

/// The digital goods of an order: here, or later because its money may still go back, or because
/// units are missing.
async fn goods(
    app: &App,
    connection: &mut PgConnection,
    order: &Order,
    lines: &[Line],
    hold_until: Option<DateTime<Utc>>,
    now: DateTime<Utc>,
) -> Result<Goods> {
    if lines.iter().all(|line| line.kind != ProductKind::Digital) {
        return Ok(Goods::Here(Vec::new()));
    }
    let units = stock::assign_units(connection, &app.vault, order.id, now).await?;
    Ok(match (units, hold_until) {
        (Some(units), None) => Goods::Here(units),
        (Some(_), Some(until)) => Goods::Later(until),
        (None, until) => {
            tracing::error!(order.id = %order.id, "a paid order waits for missing units");
            Goods::Later(until.unwrap_or(now) + MISSING_UNITS_RETRY)
        }
    })
}

async fn tell_receipt(
    app: &App,
    connection: &mut PgConnection,
    sale: &Sale<'_>,
    goods: &Goods,
    key: &str,
    now: DateTime<Utc>,
) -> Result<()> {
    let order = sale.order;
    let Some(to) = addressee(app, connection, order.customer_id).await? else {
        tracing::warn!(order.id = %order.id, "a receipt reaches nobody");
        return Ok(());
    };
    let receipt = receipt::compose(app, to.language, sale, goods);
    for parcel in receipt.parcels(app, &to, sale.order, key)? {
        outbox::push(connection, &parcel, now).await?;
    }
    Ok(())
}

/// The order ends unpaid ([`OrderEvent::Expired`] or [`OrderEvent::Cancelled`]): held saldo and
/// stock go back, and the customer is told. Call it only once its payment is certainly over.
///
/// # Errors
/// A move the order's table does not have, or the database's.
pub async fn close(
    app: &App,
    connection: &mut PgConnection,
    order: &mut Order,
    event: OrderEvent,
    actor: &str,
    reason: &str,
    now: DateTime<Utc>,
) -> Result<()> {
    end(app, connection, order, event, actor, reason, now).await?;
    let Some(to) = addressee(app, connection, order.customer_id).await? else {
        return Ok(());
    };
    let reply = ended_reply(app, to.language, order);
    let parcel = plain_parcel(&to, reply, Some(order), closed_key(order.id))?;
    outbox::push(connection, &parcel, now).await?;
    Ok(())
}

/// What [`close`] does, without telling: for a turn whose reply is [`ended_reply`].
///
/// # Errors
/// A move the order's table does not have, or the database's.
pub async fn end(
    app: &App,
    connection: &mut PgConnection,
    order: &mut Order,
    event: OrderEvent,
    actor: &str,
    reason: &str,
    now: DateTime<Utc>,
) -> Result<()> {
    order.state.transition(event)?;
    if let Some(hold) = order.saldo_hold {
        ledger::void_held(connection, hold, new_id(&app.clock), actor, now).await?;
    }
    stock::release(connection, order.id).await?;
    orders::transition(connection, order, event, actor, reason, now).await?;
    Ok(())
}

/// Told once for each order that ends unpaid.
pub fn closed_key(order: Uuid) -> String {
    format!("order:{order}:closed")
}

/// What a customer is told of an order that ended unpaid.
pub fn ended_reply(app: &App, language: Language, order: &Order) -> Reply {
    let args = [("number", order.number.to_string().into())];
    let mut body = if order.state == OrderState::Expired {
        app.texts.get(language, "order-expired", &args)
    } else {
        app.texts.get(language, "order-cancelled", &args)
    };
    if order.saldo_hold.is_some() {
        let amount = [("amount", order.saldo_part.to_string().into())];
        body.push_str("\n\n");
        body.push_str(&app.texts.get(language, "order-saldo-back", &amount));
    }
    let again = Command::Quote {
        quote: order.quote_nonce,
    };
    Reply {
        body,
        choices: vec![
            choice(app, &again, app.texts.get(language, "order-again", &[])),
            choice(
                app,
                &Command::Menu,
                app.texts.get(language, "orders-menu", &[]),
            ),
        ],
        ..Reply::default()
    }
}

/// Digital goods that waited go out now. An order that is no longer paid keeps them.
///
/// # Errors
/// A move the order's table does not have, or the database's.
pub async fn deliver_held(
    app: &App,
    connection: &mut PgConnection,
    order: &mut Order,
    now: DateTime<Utc>,
) -> Result<()> {
    if !order.state.is_paid() {
        order.deliver_after = None;
        orders::advance(connection, order, &[], SYSTEM, now).await?;
        return Ok(());
    }
    let lines = orders::lines(connection, order.id).await?;
    let goods = goods(app, connection, order, &lines, None, now).await?;
    let Goods::Here(units) = &goods else {
        order.deliver_after = Some(now + MISSING_UNITS_RETRY);
        orders::advance(connection, order, &[], SYSTEM, now).await?;
        return Ok(());
    };
    order.deliver_after = None;
    let moves: &[_] = if order.digital && order.state == OrderState::Paid {
        &[
            (OrderEvent::FulfilmentStarted, "goods delivered in the chat"),
            (OrderEvent::Completed, "goods delivered in the chat"),
        ]
    } else {
        &[]
    };
    orders::advance(connection, order, moves, SYSTEM, now).await?;
    let Some(to) = addressee(app, connection, order.customer_id).await? else {
        return Ok(());
    };
    let letter = receipt::goods_letter(app, to.language, order, &lines, units);
    let key = format!("order:{}:goods", order.id);
    for parcel in letter.parcels(app, &to, order, &key)? {
        outbox::push(connection, &parcel, now).await?;
    }
    Ok(())
}

/// Sends a paid order's receipt to its customer again, with the same units, never new ones. `once`
/// names the request (a message id, say): the same one sends it once. `false`: nothing was paid.
///
/// # Errors
/// The database's.
pub async fn resend(
    app: &App,
    connection: &mut PgConnection,
    order: &Order,
    once: &str,
    now: DateTime<Utc>,
) -> Result<bool> {
    if !order.state.is_paid() {
        return Ok(false);
    }
    let lines = orders::lines(connection, order.id).await?;
    let payment = orders::payment(connection, order.id).await?;
    let goods = match order.deliver_after {
        Some(until) => Goods::Later(until),
        None => Goods::Here(stock::units(connection, &app.vault, order.id).await?),
    };
    let sale = Sale {
        order,
        lines: &lines,
        by: payment.method.as_deref().unwrap_or("saldo"),
        paid_at: payment.paid_at.unwrap_or(order.created_at),
    };
    let key = format!("order:{}:again:{once}", order.id);
    tell_receipt(app, connection, &sale, &goods, &key, now).await?;
    Ok(true)
}

/// A message without secrets to somebody outside a turn.
///
/// # Errors
/// Never in practice: the body always has a JSON form.
pub fn plain_parcel(
    to: &Addressee,
    reply: Reply,
    about: Option<&Order>,
    dedupe_key: String,
) -> Result<NewParcel> {
    let body = Body {
        recipient: to.recipient.clone(),
        reply,
        qr: None,
        about: about.map(|order| Command::Order {
            number: order.number.clone(),
        }),
    };
    Ok(NewParcel {
        customer_id: to.customer_id,
        priority: Priority::Receipt,
        payload: Some(serde_json::to_value(body).context("a message has no JSON form")?),
        sealed: None,
        dedupe_key: Some(dedupe_key),
        inbox_id: None,
        trace: None,
    })
}

fn choice(app: &App, command: &Command, title: String) -> Choice {
    Choice::new(app.vault.sign(&command.encode()), title)
}

/// Counts an order's new state, once it is committed.
pub fn count(app: &App, state: OrderState) {
    app.metrics
        .orders
        .with_label_values(&[state.as_str()])
        .inc();
}
