//! Stock: what is on hand, what orders hold of it, and units of digital goods.
//!
//! Every function locks `stock_item` rows in the order of the product codes, so that no two of them
//! wait for each other. Lock a customer's saldo before, never after.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use super::{orders::Line, units::SEAL_PURPOSE};
use crate::vault::Vault;

/// A product of which less is left than wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Short {
    /// Which.
    pub variant_id: i64,
    /// How many are left.
    pub left: i32,
}

/// What a new order takes from the stock.
#[derive(Debug, Clone)]
pub struct Taking {
    pub(crate) lines: Vec<i64>,
    pub(crate) quantities: Vec<i32>,
    pub(crate) order_lines: Vec<Uuid>,
    pub(crate) sold: bool,
    pub(crate) held_until: DateTime<Utc>,
    pub(crate) actor: &'static str,
    pub(crate) at: DateTime<Utc>,
}

impl Taking {
    /// Of an order whose lines are one a product, in the order of the product codes. With
    /// `held_until` it waits for its money; without, it is paid in the same transaction.
    pub fn new(
        lines: &[Line],
        held_until: Option<DateTime<Utc>>,
        actor: &'static str,
        at: DateTime<Utc>,
    ) -> Self {
        Self {
            lines: lines.iter().map(|line| line.variant_id).collect(),
            quantities: lines.iter().map(|line| line.quantity).collect(),
            order_lines: lines.iter().map(|line| line.id).collect(),
            sold: held_until.is_none(),
            held_until: held_until.unwrap_or(at),
            actor,
            at,
        }
    }
}

/// Takes stock for an order that is written already: all of it or nothing. Returns what is short;
/// nothing when all of it is taken.
///
/// Do it last in a transaction: whoever wants the same product waits from here to the commit.
pub async fn take(connection: &mut PgConnection, taking: &Taking) -> sqlx::Result<Vec<Short>> {
    #[cfg(feature = "chaos")]
    if without!("stock") {
        return crate::chaos::take_blindly(connection, taking).await;
    }
    // What is left is read under the rows' locks; a condition in the UPDATE itself would be tried
    // against the older rows of the statement's snapshot.
    sqlx::query_as!(
        Short,
        r#"
        WITH wanted AS (
            SELECT * FROM UNNEST($1::bigint[], $2::int[], $3::uuid[]) WITH ORDINALITY
                AS w (variant_id, qty, order_line_id, nr)
        ), locked AS (
            SELECT s.variant_id, s.on_hand - s.reserved AS left
            FROM stock_item s JOIN wanted w USING (variant_id)
            ORDER BY w.nr
            FOR NO KEY UPDATE OF s
        ), short AS (
            SELECT w.variant_id, greatest(coalesce(l.left, 0), 0) AS left
            FROM wanted w LEFT JOIN locked l USING (variant_id)
            WHERE coalesce(l.left, 0) < w.qty
        ), granted AS (
            SELECT * FROM wanted WHERE NOT EXISTS (SELECT FROM short)
        ), taken AS (
            UPDATE stock_item s
            SET on_hand = s.on_hand - CASE WHEN $4 THEN g.qty ELSE 0 END,
                reserved = s.reserved + CASE WHEN $4 THEN 0 ELSE g.qty END
            FROM granted g
            WHERE s.variant_id = g.variant_id
        ), reserved AS (
            INSERT INTO stock_reservation (order_line_id, variant_id, qty, state, expires_at)
            SELECT order_line_id, variant_id, qty,
                   CASE WHEN $4 THEN 'committed' ELSE 'held' END, $5
            FROM granted
        ), sale AS (
            INSERT INTO stock_movement (variant_id, delta, reason, actor, order_line_id, at)
            SELECT variant_id, -qty, 'sale', $6, order_line_id, $7 FROM granted WHERE $4
        )
        SELECT variant_id AS "variant_id!", "left" AS "left!" FROM short ORDER BY variant_id
        "#,
        &taking.lines,
        &taking.quantities,
        &taking.order_lines,
        taking.sold,
        taking.held_until,
        taking.actor,
        taking.at,
    )
    .fetch_all(connection)
    .await
}

/// Turns what an order holds into a sale. Returns how many lines were sold: none when it was done
/// before.
pub async fn commit_sale(
    connection: &mut PgConnection,
    order: Uuid,
    actor: &str,
    now: DateTime<Utc>,
) -> sqlx::Result<i64> {
    sqlx::query_scalar!(
        r#"
        WITH held AS (
            SELECT r.order_line_id, r.variant_id, r.qty
            FROM order_line l
            JOIN stock_reservation r ON r.order_line_id = l.id
            JOIN stock_item s ON s.variant_id = r.variant_id
            JOIN variant v ON v.id = r.variant_id
            WHERE l.order_id = $1 AND r.state = 'held'
            ORDER BY v.sku
            FOR NO KEY UPDATE OF r, s
        ), sold AS (
            UPDATE stock_item s
            SET on_hand = s.on_hand - held.qty, reserved = s.reserved - held.qty
            FROM held WHERE s.variant_id = held.variant_id
        ), committed AS (
            UPDATE stock_reservation r SET state = 'committed'
            FROM held WHERE r.order_line_id = held.order_line_id
        ), sale AS (
            INSERT INTO stock_movement (variant_id, delta, reason, actor, order_line_id, at)
            SELECT variant_id, -qty, 'sale', $2, order_line_id, $3 FROM held
        )
        SELECT count(*) AS "lines!" FROM held
        "#,
        order,
        actor,
        now,
    )
    .fetch_one(connection)
    .await
}

/// Gives back what an order holds. Returns how many lines were released: none when it was done
/// before.
pub async fn release(connection: &mut PgConnection, order: Uuid) -> sqlx::Result<i64> {
    sqlx::query_scalar!(
        r#"
        WITH held AS (
            SELECT r.order_line_id, r.variant_id, r.qty
            FROM order_line l
            JOIN stock_reservation r ON r.order_line_id = l.id
            JOIN stock_item s ON s.variant_id = r.variant_id
            JOIN variant v ON v.id = r.variant_id
            WHERE l.order_id = $1 AND r.state = 'held'
            ORDER BY v.sku
            FOR NO KEY UPDATE OF r, s
        ), freed AS (
            UPDATE stock_item s SET reserved = s.reserved - held.qty
            FROM held WHERE s.variant_id = held.variant_id
        ), released AS (
            UPDATE stock_reservation r SET state = 'released'
            FROM held WHERE r.order_line_id = held.order_line_id
        )
        SELECT count(*) AS "lines!" FROM held
        "#,
        order,
    )
    .fetch_one(connection)
    .await
}

/// One digital unit of an order, opened.
#[derive(Clone, PartialEq, Eq)]
pub struct Unit {
    /// The line it belongs to.
    pub line_id: Uuid,
    /// What the customer bought. Never log it.
    pub secret: String,
}

impl std::fmt::Debug for Unit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Unit")
            .field("line_id", &self.line_id)
            .finish_non_exhaustive()
    }
}

/// Gives an order its digital units, exactly as many as it bought, once: all or none. Returns all
/// it has then; `None` when too few are free.
///
/// # Errors
/// A unit that the vault cannot open, or the database's.
pub async fn assign_units(
    connection: &mut PgConnection,
    vault: &Vault,
    order: Uuid,
    now: DateTime<Utc>,
) -> anyhow::Result<Option<Vec<Unit>>> {
    if fill(&mut *connection, order, now).await? {
        units(connection, vault, order).await.map(Some)
    } else {
        Ok(None)
    }
}

/// Gives an order the digital units that it lacks: all of them or none. Returns whether it has
/// them all.
pub async fn fill(
    connection: &mut PgConnection,
    order: Uuid,
    now: DateTime<Utc>,
) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        r#"
        WITH line AS (
            SELECT l.id, l.variant_id, l.qty,
                   l.qty - (SELECT count(*) FROM stock_unit u WHERE u.order_line_id = l.id)
                       AS missing
            FROM order_line l
            WHERE l.order_id = $1 AND l.kind = 'digital'
        ), picked AS (
            SELECT u.id, line.id AS line_id
            FROM line CROSS JOIN LATERAL (
                SELECT free.id FROM stock_unit free
                WHERE free.variant_id = line.variant_id AND free.order_line_id IS NULL
                ORDER BY free.id LIMIT line.missing
                FOR UPDATE SKIP LOCKED) u
        ), assigned AS (
            UPDATE stock_unit s SET order_line_id = picked.line_id, sold_at = $2
            FROM picked
            WHERE s.id = picked.id
              AND (SELECT count(*) FROM picked) = (SELECT sum(missing) FROM line)
        )
        SELECT (SELECT count(*) FROM picked) = coalesce((SELECT sum(missing) FROM line), 0)
            AS "complete!"
        "#,
        order,
        now,
    )
    .fetch_one(connection)
    .await?;
    Ok(done.complete)
}

/// The digital units an order has.
///
/// # Errors
/// A unit that the vault cannot open, or the database's.
pub async fn units(
    connection: &mut PgConnection,
    vault: &Vault,
    order: Uuid,
) -> anyhow::Result<Vec<Unit>> {
    let sealed = sealed_units(connection, order).await?;
    sealed
        .iter()
        .map(|(line, secret)| open_unit(vault, *line, secret))
        .collect()
}

/// The digital units an order has, sealed: the line, then the secret.
pub async fn sealed_units(
    connection: &mut PgConnection,
    order: Uuid,
) -> sqlx::Result<Vec<(Uuid, Vec<u8>)>> {
    let rows = sqlx::query!(
        r#"SELECT u.order_line_id AS "line_id!", u.secret
           FROM order_line l JOIN stock_unit u ON u.order_line_id = l.id
           WHERE l.order_id = $1 ORDER BY u.id"#,
        order,
    )
    .fetch_all(connection)
    .await?;
    let units = rows.into_iter().map(|row| (row.line_id, row.secret));
    Ok(units.collect())
}

/// Opens one sealed unit.
///
/// # Errors
/// When it was sealed with another key.
pub fn open_unit(vault: &Vault, line_id: Uuid, sealed: &[u8]) -> anyhow::Result<Unit> {
    Ok(Unit {
        line_id,
        secret: vault.open(SEAL_PURPOSE, sealed)?,
    })
}
