//! From a quote to an order, in as few statements as can be: this is the path of every purchase.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;
use warung_domain::{
    catalog::ProductKind,
    money::Rupiah,
    order::{OrderEvent, OrderState},
    order_number::OrderNumber,
    quote::QuoteNonce,
};

use super::{Events, Line, Order};
use crate::store::quotes::QuoteLine;

/// A quote that its customer wants to confirm, and what else the decision needs.
#[derive(Debug, Clone)]
pub struct Confirmable {
    /// Which quote.
    pub nonce: QuoteNonce,
    /// What is bought.
    pub lines: Vec<QuoteLine>,
    /// Whether the lines leave the cart.
    pub from_cart: bool,
    /// Price of the goods.
    pub subtotal: Rupiah,
    /// Price of sending them.
    pub shipping: Rupiah,
    /// What is paid.
    pub total: Rupiah,
    /// From then on it does not bind.
    pub expires_at: DateTime<Utc>,
    /// The order it became, if it was confirmed before.
    pub order_id: Option<Uuid>,
    /// Saldo that can be spent now.
    pub spendable: Rupiah,
    /// Whether the customer has an address.
    pub has_address: bool,
}

impl Confirmable {
    /// Whether nothing is shipped.
    pub fn is_digital(&self) -> bool {
        self.lines
            .iter()
            .all(|line| line.kind == ProductKind::Digital)
    }
}

/// An order to be written, with everything that belongs to its beginning.
#[derive(Debug)]
pub struct NewOrder<'a> {
    /// Its id.
    pub id: Uuid,
    /// Its number.
    pub number: &'a OrderNumber,
    /// Whose it is.
    pub customer_id: i64,
    /// The quote it comes from.
    pub quote: &'a Confirmable,
    /// How much of it by saldo.
    pub saldo_part: Rupiah,
    /// The pending ledger transaction that holds it.
    pub saldo_hold: Option<Uuid>,
    /// What it goes through at once, from draft on.
    pub events: &'a [(OrderEvent, &'a str)],
    /// Who causes that.
    pub actor: &'a str,
    /// Until when it can be paid, if it is not paid at once.
    pub expires_at: Option<DateTime<Utc>>,
}

/// What a written order leaves.
#[derive(Debug)]
pub struct Placed {
    /// The order.
    pub order: Order,
    /// Its lines.
    pub lines: Vec<Line>,
    /// Sealed secrets of its digital goods, if it was paid at once: the line, then the secret.
    pub sealed_units: Vec<(Uuid, Vec<u8>)>,
}

impl Placed {
    /// Whether units of its digital goods are missing, because others hold the last ones.
    pub fn lacks_units(&self) -> bool {
        let digital = self
            .lines
            .iter()
            .filter(|line| line.kind == ProductKind::Digital);
        let wanted: usize = digital
            .map(|line| usize::try_from(line.quantity).unwrap_or(0))
            .sum();
        self.sealed_units.len() < wanted
    }
}

/// The customer's quote. `None`: unknown, or another customer's.
pub async fn confirmable(
    connection: &mut PgConnection,
    customer: i64,
    nonce: &QuoteNonce,
) -> anyhow::Result<Option<Confirmable>> {
    let row = sqlx::query!(
        r#"
        SELECT q.lines, q.from_cart, q.subtotal, q.shipping, q.total, q.expires_at,
               (SELECT o.id FROM orders o WHERE o.quote_nonce = q.nonce) AS order_id,
               (SELECT a.posted - a.pending_out FROM ledger_account a
                WHERE a.customer_id = q.customer_id) AS spendable,
               k.address IS NOT NULL AS "has_address!"
        FROM quote q JOIN customer k ON k.id = q.customer_id
        WHERE q.nonce = $1 AND q.customer_id = $2
        "#,
        nonce.to_string(),
        customer,
    )
    .fetch_optional(connection)
    .await?;
    row.map(|row| {
        let mut lines: Vec<QuoteLine> = serde_json::from_value(row.lines)?;
        lines.sort_by(|a, b| a.sku.cmp(&b.sku));
        Ok(Confirmable {
            nonce: *nonce,
            lines,
            from_cart: row.from_cart,
            subtotal: Rupiah::try_from(row.subtotal)?,
            shipping: Rupiah::try_from(row.shipping)?,
            total: Rupiah::try_from(row.total)?,
            expires_at: row.expires_at,
            order_id: row.order_id.filter(|_| !without!("quote")),
            spendable: Rupiah::new(row.spendable.unwrap_or(0)).unwrap_or_default(),
            has_address: row.has_address,
        })
    })
    .transpose()
}

/// What a customer may still do, read after the fence row is locked.
#[derive(Debug, Clone)]
pub struct Allowance {
    /// Orders placed in the window.
    pub recent: i64,
    /// When the oldest of the newest `limit` of them was placed.
    pub oldest: Option<DateTime<Utc>>,
    /// Saldo that can be spent; locked until the commit.
    pub spendable: Rupiah,
    /// The order that this quote became meanwhile.
    pub order_id: Option<Uuid>,
    /// What is left of each line's product, as far as others have committed.
    pub left: Vec<i32>,
}

/// The authoritative count of a customer's orders since `since`, with the saldo's row locked.
///
/// Call it as a statement of its own, after [`crate::store::fences::advance`]: the fence's row serialises
/// a customer's purchases, and only a snapshot taken after that lock sees the ones before.
pub async fn allowance(
    connection: &mut PgConnection,
    customer: i64,
    quote: &Confirmable,
    since: DateTime<Utc>,
    limit: i64,
) -> sqlx::Result<Allowance> {
    let products: Vec<i64> = quote.lines.iter().map(|line| line.variant_id).collect();
    let row = sqlx::query!(
        r#"
        WITH recent AS (
            SELECT created_at FROM orders WHERE customer_id = $1 AND created_at > $2
            ORDER BY created_at DESC LIMIT $3
        ), purse AS (
            SELECT posted - pending_out AS spendable FROM ledger_account WHERE customer_id = $1
            FOR NO KEY UPDATE
        )
        SELECT (SELECT count(*) FROM recent) AS "recent!",
               (SELECT min(created_at) FROM recent) AS oldest,
               (SELECT spendable FROM purse) AS spendable,
               (SELECT id FROM orders WHERE quote_nonce = $4) AS order_id,
               ARRAY(SELECT greatest(coalesce(s.on_hand - s.reserved, 0), 0)
                     FROM UNNEST($5::bigint[]) WITH ORDINALITY AS w (variant_id, nr)
                     LEFT JOIN stock_item s USING (variant_id)
                     ORDER BY w.nr) AS "left!: Vec<i32>"
        "#,
        customer,
        since,
        limit,
        quote.nonce.to_string(),
        &products,
    )
    .fetch_one(connection)
    .await?;
    Ok(Allowance {
        recent: row.recent,
        oldest: row.oldest,
        spendable: Rupiah::new(row.spendable.unwrap_or(0)).unwrap_or_default(),
        order_id: row.order_id.filter(|_| !without!("quote")),
        left: row.left,
    })
}

/// Writes an order with its lines and events, takes its lines out of the cart, and, when it is paid
/// at once, takes as many of its digital units as nobody else is taking: one statement, which waits
/// for no other buyer. The stock is yet to be taken ([`crate::store::stock::take`]).
/// `None`: the number is taken; try another.
///
/// # Errors
/// A move the table does not have, or the database's.
#[expect(
    clippy::too_many_lines,
    reason = "one statement: its parts belong together and its columns are most of it"
)]
pub async fn place(
    connection: &mut PgConnection,
    new: &NewOrder<'_>,
    new_line_id: impl Fn() -> Uuid,
    now: DateTime<Utc>,
) -> anyhow::Result<Option<Placed>> {
    let events = Events::following(OrderState::Draft, 0, new.events)?;
    let state = events.last();
    let is_paid = state.is_paid();
    let lines: Vec<Line> = new
        .quote
        .lines
        .iter()
        .map(|line| line_of(line, new_line_id()))
        .collect();
    let columns = LineColumns::new(&lines);
    let order = order_of(new, state, &events, now);
    let row = sqlx::query!(
        r#"
        WITH line AS (
            SELECT * FROM UNNEST($1::uuid[], $2::bigint[], $3::text[], $4::text[], $5::int[],
                                 $6::bigint[])
                AS l (id, variant_id, name, kind, qty, unit_price)
        ), placed AS (
            INSERT INTO orders (id, number, customer_id, quote_nonce, state, subtotal, shipping,
                                total, saldo_part, saldo_hold, paid, digital, address, created_at,
                                expires_at, version)
            VALUES ($7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18,
                    CASE WHEN NOT $18 THEN (SELECT address FROM customer WHERE id = $9) END,
                    $19, $20, $21)
            ON CONFLICT (number) DO NOTHING
            RETURNING id, address
        ), written AS (
            INSERT INTO order_line (id, order_id, variant_id, name, kind, qty, unit_price)
            SELECT line.id, placed.id, line.variant_id, line.name, line.kind, line.qty,
                   line.unit_price
            FROM placed CROSS JOIN line
        ), event AS (
            INSERT INTO order_event (order_id, version, from_state, to_state, actor, reason, at)
            SELECT placed.id, e.version, e.from_state, e.to_state, $22, e.reason, $19
            FROM placed CROSS JOIN UNNEST($23::bigint[], $24::text[], $25::text[], $26::text[])
                AS e (version, from_state, to_state, reason)
        ), emptied AS (
            DELETE FROM cart_line c USING placed, line
            WHERE $28 AND c.customer_id = $9 AND c.variant_id = line.variant_id
        ), unit AS (
            SELECT u.id, line.id AS line_id
            FROM placed CROSS JOIN line CROSS JOIN LATERAL (
                SELECT free.id FROM stock_unit free
                WHERE free.variant_id = line.variant_id AND free.order_line_id IS NULL
                ORDER BY free.id LIMIT line.qty
                FOR UPDATE SKIP LOCKED) u
            WHERE $27 AND line.kind = 'digital'
        ), assigned AS (
            UPDATE stock_unit s SET order_line_id = unit.line_id, sold_at = $19
            FROM unit WHERE s.id = unit.id
            RETURNING s.id, s.order_line_id, s.secret
        )
        SELECT EXISTS (SELECT FROM placed) AS "placed!",
               (SELECT address FROM placed) AS address,
               ARRAY(SELECT order_line_id FROM assigned ORDER BY id) AS "unit_lines!: Vec<Uuid>",
               ARRAY(SELECT secret FROM assigned ORDER BY id) AS "secrets!: Vec<Vec<u8>>"
        "#,
        &columns.ids,
        &columns.variants,
        &columns.names as &[&str],
        &columns.kinds as &[&str],
        &columns.quantities,
        &columns.prices,
        order.id,
        order.number.as_str(),
        order.customer_id,
        order.quote_nonce.to_string(),
        order.state.as_str(),
        order.subtotal.get(),
        order.shipping.get(),
        order.total.get(),
        order.saldo_part.get(),
        order.saldo_hold,
        order.paid.get(),
        order.digital,
        now,
        order.expires_at,
        order.version,
        new.actor,
        &events.versions,
        &events.from as &[&str],
        &events.to as &[&str],
        &events.reasons as &[&str],
        is_paid,
        new.quote.from_cart,
    )
    .fetch_one(connection)
    .await?;
    if !row.placed {
        return Ok(None);
    }
    let sealed_units = row.unit_lines.into_iter().zip(row.secrets).collect();
    let order = Order {
        address: row.address,
        ..order
    };
    Ok(Some(Placed {
        order,
        lines,
        sealed_units,
    }))
}

fn line_of(line: &QuoteLine, id: Uuid) -> Line {
    Line {
        id,
        variant_id: line.variant_id,
        name: line.name.clone(),
        kind: line.kind,
        // At most 999.
        quantity: i32::try_from(line.quantity.get()).unwrap_or(i32::MAX),
        unit_price: line.unit_price,
    }
}

fn order_of(
    new: &NewOrder<'_>,
    state: OrderState,
    events: &Events<'_>,
    now: DateTime<Utc>,
) -> Order {
    let quote = new.quote;
    Order {
        id: new.id,
        number: new.number.clone(),
        customer_id: new.customer_id,
        quote_nonce: quote.nonce,
        state,
        subtotal: quote.subtotal,
        shipping: quote.shipping,
        total: quote.total,
        saldo_part: new.saldo_part,
        saldo_hold: new.saldo_hold,
        paid: if state.is_paid() {
            quote.total
        } else {
            Rupiah::ZERO
        },
        refunded: Rupiah::ZERO,
        digital: quote.is_digital(),
        deliver_after: None,
        address: None,
        courier: None,
        tracking: None,
        created_at: now,
        expires_at: new.expires_at,
        version: events.newest(),
    }
}

#[derive(Default)]
struct LineColumns<'a> {
    ids: Vec<Uuid>,
    variants: Vec<i64>,
    names: Vec<&'a str>,
    kinds: Vec<&'static str>,
    quantities: Vec<i32>,
    prices: Vec<i64>,
}

impl<'a> LineColumns<'a> {
    fn new(lines: &'a [Line]) -> Self {
        let mut columns = Self::default();
        for line in lines {
            columns.ids.push(line.id);
            columns.variants.push(line.variant_id);
            columns.names.push(&line.name);
            columns.kinds.push(line.kind.as_str());
            columns.quantities.push(line.quantity);
            columns.prices.push(line.unit_price.get());
        }
        columns
    }
}
