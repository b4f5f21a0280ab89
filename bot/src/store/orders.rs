//! Orders, their lines and their events. States move along the table in `warung_domain::order`.

pub mod place;

use chrono::{DateTime, Utc};
use sqlx::{PgConnection, PgExecutor};
use uuid::Uuid;
use warung_domain::{
    catalog::ProductKind,
    language::Language,
    money::Rupiah,
    order::{InvalidTransition, OrderEvent, OrderState},
    order_number::OrderNumber,
    quote::QuoteNonce,
    tracking::{Courier, Resi},
};

/// Orders on one page of a list.
pub const PAGE_ORDERS: i64 = 9;

/// An order: every column of the table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    /// Row id.
    pub id: Uuid,
    /// What people call it.
    pub number: OrderNumber,
    /// Whose it is.
    pub customer_id: i64,
    /// The quote it came from.
    pub quote_nonce: QuoteNonce,
    /// Where it stands.
    pub state: OrderState,
    /// Price of the goods.
    pub subtotal: Rupiah,
    /// Price of sending them.
    pub shipping: Rupiah,
    /// What is paid.
    pub total: Rupiah,
    /// How much of it by saldo.
    pub saldo_part: Rupiah,
    /// The pending ledger transaction that holds `saldo_part` while the rest is awaited.
    pub saldo_hold: Option<Uuid>,
    /// What was paid.
    pub paid: Rupiah,
    /// What went back.
    pub refunded: Rupiah,
    /// Whether nothing is shipped.
    pub digital: bool,
    /// Digital goods wait until then.
    pub deliver_after: Option<DateTime<Utc>>,
    /// Where parcels go, sealed.
    pub address: Option<Vec<u8>>,
    /// Who carries it.
    pub courier: Option<Courier>,
    /// Under which number.
    pub tracking: Option<Resi>,
    /// When it was placed.
    pub created_at: DateTime<Utc>,
    /// Until when it can be paid.
    pub expires_at: Option<DateTime<Utc>>,
    /// How many events it had.
    pub version: i64,
}

impl Order {
    /// What has to come from outside: the total less the saldo set aside for it.
    pub fn due(&self) -> Rupiah {
        self.total.checked_sub(self.saldo_part).unwrap_or_default()
    }
}

/// One product of an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Row id.
    pub id: Uuid,
    /// Which product.
    pub variant_id: i64,
    /// Its name when it was bought.
    pub name: String,
    /// Shipped or sent in the chat.
    pub kind: ProductKind,
    /// Units.
    pub quantity: i32,
    /// Rupiah a unit.
    pub unit_price: Rupiah,
}

/// Why an order did not move.
#[derive(Debug, thiserror::Error)]
pub enum MoveError {
    /// The table has no such move.
    #[error(transparent)]
    Invalid(#[from] InvalidTransition),
    /// Somebody moved it since it was read; it was not locked.
    #[error("the order was changed by another")]
    Overtaken,
    /// The database's.
    #[error("the order cannot be written")]
    Database(#[from] sqlx::Error),
}

/// Moves of one order as columns.
#[derive(Debug, Default)]
struct Events<'a> {
    start: i64,
    state: Option<OrderState>,
    versions: Vec<i64>,
    from: Vec<&'static str>,
    to: Vec<&'static str>,
    reasons: Vec<&'a str>,
}

impl<'a> Events<'a> {
    fn following(
        mut state: OrderState,
        start: i64,
        moves: &[(OrderEvent, &'a str)],
    ) -> Result<Self, InvalidTransition> {
        let mut events = Self {
            start,
            ..Self::default()
        };
        for (version, (event, reason)) in (start + 1..).zip(moves) {
            let next = state.transition(*event)?;
            events.versions.push(version);
            events.from.push(state.as_str());
            events.to.push(next.as_str());
            events.reasons.push(reason);
            state = next;
        }
        events.state = Some(state);
        Ok(events)
    }

    fn last(&self) -> OrderState {
        self.state.unwrap_or(OrderState::Draft)
    }

    fn newest(&self) -> i64 {
        self.versions.last().copied().unwrap_or(self.start)
    }
}

/// Moves an order by one event. See [`advance`].
///
/// # Errors
/// [`MoveError`].
pub async fn transition(
    connection: &mut PgConnection,
    order: &mut Order,
    event: OrderEvent,
    actor: &str,
    reason: &str,
    now: DateTime<Utc>,
) -> Result<(), MoveError> {
    advance(connection, order, &[(event, reason)], actor, now).await
}

/// Moves an order by several events and saves `paid`, `refunded`, `deliver_after`, `courier` and
/// `tracking` as they are in `order`. The caller holds the order's lock.
///
/// # Errors
/// [`MoveError`].
pub async fn advance(
    connection: &mut PgConnection,
    order: &mut Order,
    moves: &[(OrderEvent, &str)],
    actor: &str,
    now: DateTime<Utc>,
) -> Result<(), MoveError> {
    let events = Events::following(order.state, order.version, moves)?;
    let is_done = sqlx::query_scalar!(
        r#"
        WITH moved AS (
            UPDATE orders
            SET state = $3, version = $4, paid = $5, refunded = $6, deliver_after = $7,
                courier = $8, tracking = $9
            WHERE id = $1 AND version = $2
            RETURNING id
        ), event AS (
            INSERT INTO order_event (order_id, version, from_state, to_state, actor, reason, at)
            SELECT moved.id, e.version, e.from_state, e.to_state, $10, e.reason, $11
            FROM moved CROSS JOIN UNNEST($12::bigint[], $13::text[], $14::text[], $15::text[])
                AS e (version, from_state, to_state, reason)
        )
        SELECT EXISTS (SELECT FROM moved) AS "moved!"
        "#,
        order.id,
        order.version,
        events.last().as_str(),
        events.newest(),
        order.paid.get(),
        order.refunded.get(),
        order.deliver_after,
        order.courier.as_ref().map(Courier::as_str),
        order.tracking.as_ref().map(Resi::as_str),
        actor,
        now,
        &events.versions,
        &events.from as &[&str],
        &events.to as &[&str],
        &events.reasons as &[&str],
    )
    .fetch_one(connection)
    .await?;
    if !is_done {
        return Err(MoveError::Overtaken);
    }
    order.state = events.last();
    order.version = events.newest();
    Ok(())
}

/// Loads an order and locks it. Lock its payment before it, and saldo and stock after it.
pub async fn load_for_update(
    connection: &mut PgConnection,
    id: Uuid,
) -> anyhow::Result<Option<Order>> {
    sqlx::query_as!(Row, "SELECT * FROM orders WHERE id = $1 FOR UPDATE", id)
        .fetch_optional(connection)
        .await?
        .map(Order::try_from)
        .transpose()
}

/// Loads an order and locks it, unless another has it locked.
pub async fn load_if_free(
    connection: &mut PgConnection,
    id: Uuid,
) -> anyhow::Result<Option<Order>> {
    sqlx::query_as!(
        Row,
        "SELECT * FROM orders WHERE id = $1 FOR UPDATE SKIP LOCKED",
        id
    )
    .fetch_optional(connection)
    .await?
    .map(Order::try_from)
    .transpose()
}

/// Loads an order as it is now.
pub async fn load(executor: impl PgExecutor<'_>, id: Uuid) -> anyhow::Result<Option<Order>> {
    sqlx::query_as!(Row, "SELECT * FROM orders WHERE id = $1", id)
        .fetch_optional(executor)
        .await?
        .map(Order::try_from)
        .transpose()
}

/// The order that people call so, whoever's it is.
pub async fn by_number(
    executor: impl PgExecutor<'_>,
    number: &OrderNumber,
) -> anyhow::Result<Option<Order>> {
    sqlx::query_as!(
        Row,
        "SELECT * FROM orders WHERE number = $1",
        number.as_str()
    )
    .fetch_optional(executor)
    .await?
    .map(Order::try_from)
    .transpose()
}

/// One page (from 1) of a customer's orders, newest first, and whether there are older ones.
pub async fn page(
    executor: impl PgExecutor<'_>,
    customer: i64,
    page: u32,
) -> anyhow::Result<(Vec<Order>, bool)> {
    let offset = i64::from(page.saturating_sub(1)).saturating_mul(PAGE_ORDERS);
    let rows = sqlx::query_as!(
        Row,
        "SELECT * FROM orders WHERE customer_id = $1
         ORDER BY created_at DESC, id DESC OFFSET $2 LIMIT $3::bigint + 1",
        customer,
        offset,
        PAGE_ORDERS,
    )
    .fetch_all(executor)
    .await?;
    let wanted = usize::try_from(PAGE_ORDERS).unwrap_or(usize::MAX);
    let more = rows.len() > wanted;
    let orders = rows.into_iter().take(wanted).map(Order::try_from);
    Ok((orders.collect::<anyhow::Result<_>>()?, more))
}

/// A customer's orders that wait for their money, newest first, at most [`PAGE_ORDERS`].
pub async fn awaiting_payment(
    executor: impl PgExecutor<'_>,
    customer: i64,
) -> anyhow::Result<Vec<Order>> {
    sqlx::query_as!(
        Row,
        "SELECT * FROM orders WHERE customer_id = $1 AND state = 'awaiting_payment'
         ORDER BY created_at DESC LIMIT $2",
        customer,
        PAGE_ORDERS,
    )
    .fetch_all(executor)
    .await?
    .into_iter()
    .map(Order::try_from)
    .collect()
}

/// The order that *where is it* means: the customer's latest with something to ship on its way,
/// else simply the latest.
pub async fn latest_to_track(
    executor: impl PgExecutor<'_>,
    customer: i64,
) -> anyhow::Result<Option<Order>> {
    sqlx::query_as!(
        Row,
        "SELECT * FROM orders WHERE customer_id = $1
         ORDER BY (state IN ('paid', 'fulfilling') AND NOT digital) DESC, created_at DESC LIMIT 1",
        customer,
    )
    .fetch_optional(executor)
    .await?
    .map(Order::try_from)
    .transpose()
}

/// A customer's orders whose parcels are on their way, latest first, at most [`PAGE_ORDERS`].
pub async fn on_their_way(
    executor: impl PgExecutor<'_>,
    customer: i64,
) -> anyhow::Result<Vec<Order>> {
    sqlx::query_as!(
        Row,
        "SELECT * FROM orders WHERE customer_id = $1 AND state = 'fulfilling' AND NOT digital
         ORDER BY created_at DESC LIMIT $2",
        customer,
        PAGE_ORDERS,
    )
    .fetch_all(executor)
    .await?
    .into_iter()
    .map(Order::try_from)
    .collect()
}

/// An order's lines, in the order of the product codes.
pub async fn lines(connection: &mut PgConnection, order: Uuid) -> anyhow::Result<Vec<Line>> {
    let rows = sqlx::query!(
        "SELECT l.id, l.variant_id, l.name, l.kind, l.qty, l.unit_price
         FROM order_line l JOIN variant v ON v.id = l.variant_id
         WHERE l.order_id = $1 ORDER BY v.sku",
        order,
    )
    .fetch_all(connection)
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok(Line {
                id: row.id,
                variant_id: row.variant_id,
                name: row.name,
                kind: ProductKind::parse(&row.kind).ok_or(Unreadable("order_line.kind"))?,
                quantity: row.qty,
                unit_price: Rupiah::try_from(row.unit_price)?,
            })
        })
        .collect()
}

/// How and when an order was paid.
#[derive(Debug, Clone, Default)]
pub struct Payment {
    /// The method of its settled payment; none where saldo paid all of it.
    pub method: Option<String>,
    /// When its money was in.
    pub paid_at: Option<DateTime<Utc>>,
}

/// How and when an order was paid.
pub async fn payment(connection: &mut PgConnection, order: Uuid) -> sqlx::Result<Payment> {
    sqlx::query_as!(
        Payment,
        "SELECT (SELECT method FROM payment_attempt
                 WHERE order_id = $1 AND credited_to = 'order' LIMIT 1) AS method,
                (SELECT at FROM order_event
                 WHERE order_id = $1 AND to_state = 'paid' LIMIT 1) AS paid_at",
        order,
    )
    .fetch_one(connection)
    .await
}

/// The language a customer was last heard to speak; it counts where they chose none.
pub async fn detected_language(
    connection: &mut PgConnection,
    customer: i64,
) -> sqlx::Result<Option<Language>> {
    let detected = sqlx::query_scalar!(
        "SELECT state ->> 'detected' AS detected FROM conversation WHERE customer_id = $1",
        customer,
    )
    .fetch_optional(connection)
    .await?;
    Ok(detected.flatten().and_then(|code| Language::parse(&code)))
}

/// A column that holds what this version cannot read.
#[derive(Debug, thiserror::Error)]
#[error("{0} cannot be read")]
struct Unreadable(&'static str);

/// The table's row.
struct Row {
    id: Uuid,
    number: String,
    customer_id: i64,
    quote_nonce: String,
    state: String,
    subtotal: i64,
    shipping: i64,
    total: i64,
    saldo_part: i64,
    saldo_hold: Option<Uuid>,
    paid: i64,
    refunded: i64,
    digital: bool,
    deliver_after: Option<DateTime<Utc>>,
    address: Option<Vec<u8>>,
    courier: Option<String>,
    tracking: Option<String>,
    created_at: DateTime<Utc>,
    expires_at: Option<DateTime<Utc>>,
    version: i64,
}

impl TryFrom<Row> for Order {
    type Error = anyhow::Error;

    fn try_from(row: Row) -> Result<Self, Self::Error> {
        Ok(Self {
            id: row.id,
            number: OrderNumber::parse(&row.number)?,
            customer_id: row.customer_id,
            quote_nonce: QuoteNonce::parse(&row.quote_nonce)?,
            state: OrderState::parse(&row.state).ok_or(Unreadable("orders.state"))?,
            subtotal: Rupiah::try_from(row.subtotal)?,
            shipping: Rupiah::try_from(row.shipping)?,
            total: Rupiah::try_from(row.total)?,
            saldo_part: Rupiah::try_from(row.saldo_part)?,
            saldo_hold: row.saldo_hold,
            paid: Rupiah::try_from(row.paid)?,
            refunded: Rupiah::try_from(row.refunded)?,
            digital: row.digital,
            deliver_after: row.deliver_after,
            address: row.address,
            courier: row.courier.as_deref().map(Courier::parse).transpose()?,
            tracking: row.tracking.as_deref().map(Resi::parse).transpose()?,
            created_at: row.created_at,
            expires_at: row.expires_at,
            version: row.version,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moves_are_numbered_from_where_the_order_stands() {
        let moves = [
            (OrderEvent::Paid, "saldo"),
            (OrderEvent::FulfilmentStarted, "delivered in the chat"),
        ];
        let events = Events::following(OrderState::AwaitingPayment, 1, &moves).unwrap();
        assert_eq!(events.versions, [2, 3]);
        assert_eq!(events.from, ["awaiting_payment", "paid"]);
        assert_eq!(events.to, ["paid", "fulfilling"]);
        assert_eq!(
            (events.last(), events.newest()),
            (OrderState::Fulfilling, 3)
        );
        let none = Events::following(OrderState::Paid, 7, &[]).unwrap();
        assert_eq!((none.last(), none.newest()), (OrderState::Paid, 7));
        assert!(Events::following(OrderState::Expired, 2, &moves).is_err());
    }
}
