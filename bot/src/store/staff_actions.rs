//! What staff do by chat, and the append-only record of it.

use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::PgConnection;
use warung_domain::{
    catalog::{ProductKind, Sku},
    clock::ShopTimezone,
    conversation::{MAX_STOCK, StockChange},
    language::Language,
    money::Rupiah,
};

use super::catalog::{full_name, in_language, unexpected};

/// Best-selling products in a recap.
const TOP_PRODUCTS: i64 = 5;

/// Something a member of staff did.
#[derive(Debug, Clone)]
pub struct Action<'a> {
    /// Who, as a customer.
    pub customer_id: i64,
    /// Who, as in the events: `staff:<id>`.
    pub actor: &'a str,
    /// What: `stock`, `units`, `price`, `ship`, `resend`, `complete`,
    /// `hand_back`, `close_shop`, `open_shop`, `recap`.
    pub action: &'static str,
    /// The particulars; never a secret.
    pub detail: Value,
    /// When.
    pub at: DateTime<Utc>,
}

/// Writes an action down, in the commit that does it.
pub async fn record(connection: &mut PgConnection, action: &Action<'_>) -> sqlx::Result<()> {
    sqlx::query!(
        "INSERT INTO staff_action (customer_id, actor, action, detail, at)
         VALUES ($1, $2, $3, $4, $5)",
        action.customer_id,
        action.actor,
        action.action,
        action.detail,
        action.at,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// The stock of one variant.
#[derive(Debug, Clone)]
pub struct Level {
    /// Row id of the variant.
    pub variant_id: i64,
    /// Its code.
    pub sku: Sku,
    name_id: String,
    name_en: String,
    /// Physical or digital.
    pub kind: ProductKind,
    /// On the shelf.
    pub on_hand: i64,
    /// Of these, held for orders not paid yet.
    pub reserved: i64,
}

impl Level {
    /// Its name in a language.
    pub fn name(&self, language: Language) -> &str {
        in_language(language, &self.name_id, &self.name_en)
    }

    /// What can be sold now.
    pub fn available(&self) -> i64 {
        self.on_hand - self.reserved
    }
}

struct LevelRow {
    id: i64,
    sku: String,
    name_id: String,
    name_en: String,
    label_id: String,
    label_en: String,
    kind: String,
    on_hand: i32,
    reserved: i32,
}

impl TryFrom<LevelRow> for Level {
    type Error = sqlx::Error;

    fn try_from(row: LevelRow) -> sqlx::Result<Self> {
        Ok(Self {
            variant_id: row.id,
            sku: Sku::parse(&row.sku).map_err(|_| unexpected("variant.sku", row.id))?,
            name_id: full_name(&row.name_id, &row.label_id),
            name_en: full_name(&row.name_en, &row.label_en),
            kind: ProductKind::parse(&row.kind)
                .ok_or_else(|| unexpected("product.kind", row.id))?,
            on_hand: i64::from(row.on_hand),
            reserved: i64::from(row.reserved),
        })
    }
}

/// The stock of the variant with a code, for sale or not. Locks it until the transaction ends.
pub async fn level(connection: &mut PgConnection, sku: &Sku) -> sqlx::Result<Option<Level>> {
    sqlx::query_as!(
        LevelRow,
        "SELECT v.id, v.sku, v.label_id, v.label_en, p.name_id, p.name_en, p.kind, s.on_hand,
                s.reserved
         FROM variant v
         JOIN product p ON p.id = v.product_id
         JOIN stock_item s ON s.variant_id = v.id
         WHERE v.sku = $1
         FOR NO KEY UPDATE OF s",
        sku.as_str(),
    )
    .fetch_optional(connection)
    .await?
    .map(Level::try_from)
    .transpose()
}

/// Variants for sale of which at most `at_most` can be sold, the scarcest first.
pub async fn low(
    connection: &mut PgConnection,
    at_most: i32,
    limit: i64,
) -> sqlx::Result<Vec<Level>> {
    let rows = sqlx::query_as!(
        LevelRow,
        "SELECT v.id, v.sku, v.label_id, v.label_en, p.name_id, p.name_en, p.kind, s.on_hand,
                s.reserved
         FROM variant v
         JOIN product p ON p.id = v.product_id
         JOIN stock_item s ON s.variant_id = v.id
         WHERE v.active AND p.active AND s.on_hand - s.reserved <= $1
         ORDER BY s.on_hand - s.reserved, v.sku
         LIMIT $2",
        at_most,
        limit,
    )
    .fetch_all(connection)
    .await?;
    rows.into_iter().map(Level::try_from).collect()
}

/// Why a stock stays as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StockRefused {
    /// Less than this many would be on hand, which unpaid orders hold.
    BelowReserved(i64),
    /// More than [`MAX_STOCK`].
    TooMany,
}

/// What `on_hand` becomes.
///
/// # Errors
/// [`StockRefused`].
pub fn changed(level: &Level, change: StockChange) -> Result<i64, StockRefused> {
    let on_hand = match change {
        StockChange::Set(units) => i64::from(units),
        StockChange::Add(units) => level.on_hand + i64::from(units),
        StockChange::Remove(units) => level.on_hand - i64::from(units),
    };
    if on_hand < level.reserved {
        Err(StockRefused::BelowReserved(level.reserved))
    } else if on_hand > i64::from(MAX_STOCK) {
        Err(StockRefused::TooMany)
    } else {
        Ok(on_hand)
    }
}

/// Sets the stock of a variant that [`level`] has locked, with the movement that explains it.
pub async fn set_on_hand(
    connection: &mut PgConnection,
    level: &Level,
    on_hand: i64,
    actor: &str,
    now: DateTime<Utc>,
) -> sqlx::Result<()> {
    sqlx::query!(
        "WITH item AS (
             UPDATE stock_item SET on_hand = $2::bigint::int
             WHERE variant_id = $1 AND on_hand <> $2::bigint
             RETURNING variant_id
         )
         INSERT INTO stock_movement (variant_id, delta, reason, actor, at)
         SELECT variant_id, $3::bigint::int, 'staff', $4, $5 FROM item",
        level.variant_id,
        on_hand,
        on_hand - level.on_hand,
        actor,
        now,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// The prices of a variant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Prices {
    /// Row id of the variant.
    pub variant_id: i64,
    /// What customers pay.
    pub price: Rupiah,
    /// What resellers pay.
    pub reseller: Rupiah,
}

/// The prices of the variant with a code. Locks them until the transaction ends.
pub async fn prices(connection: &mut PgConnection, sku: &Sku) -> sqlx::Result<Option<Prices>> {
    let row = sqlx::query!(
        "SELECT id, price, reseller_price FROM variant WHERE sku = $1 FOR NO KEY UPDATE",
        sku.as_str(),
    )
    .fetch_optional(connection)
    .await?;
    row.map(|row| {
        Ok(Prices {
            variant_id: row.id,
            price: Rupiah::new(row.price).ok_or_else(|| unexpected("price", row.id))?,
            reseller: Rupiah::new(row.reseller_price)
                .ok_or_else(|| unexpected("reseller_price", row.id))?,
        })
    })
    .transpose()
}

/// Sets prices that [`prices`] has locked.
pub async fn set_prices(connection: &mut PgConnection, prices: &Prices) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE variant SET price = $2, reseller_price = $3
         WHERE id = $1 AND (price, reseller_price) <> ($2, $3)",
        prices.variant_id,
        prices.price.get(),
        prices.reseller.get(),
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Replaces the stored form of a message, because what it said is a secret of which only the
/// sealed form is kept.
pub async fn redact(
    connection: &mut PgConnection,
    customer: i64,
    key: &str,
    payload: &Value,
) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE inbox SET payload = $3 WHERE customer_id = $1 AND key = $2",
        customer,
        key,
        payload.to_string(),
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// A day of the shop.
#[derive(Debug, Clone, Default)]
pub struct Recap {
    /// Orders placed.
    pub placed: i64,
    /// Orders paid.
    pub paid: i64,
    /// What these came to, in rupiah.
    pub revenue: i64,
    /// The same by stored name of the method, the largest first.
    pub by_method: Vec<(String, i64)>,
    /// The most sold products with their units.
    pub top: Vec<(String, i64)>,
    /// Orders, of any day, not paid yet.
    pub unpaid: i64,
    /// Orders, of any day, paid and not shipped yet.
    pub unshipped: i64,
}

/// The shop's calendar day at `now`, so far.
pub async fn recap(
    connection: &mut PgConnection,
    timezone: ShopTimezone,
    now: DateTime<Utc>,
) -> sqlx::Result<Recap> {
    let midnight = sqlx::query_scalar!(
        r#"SELECT date_trunc('day', $1::timestamptz AT TIME ZONE $2) AT TIME ZONE $2
               AS "midnight!""#,
        now,
        timezone.name(),
    )
    .fetch_one(&mut *connection)
    .await?;
    let counts = sqlx::query!(
        r#"
        SELECT count(*) FILTER (WHERE created_at >= $1) AS "placed!",
               count(*) FILTER (WHERE state = 'awaiting_payment') AS "unpaid!",
               count(*) FILTER (WHERE state IN ('paid', 'fulfilling') AND NOT digital
                                  AND tracking IS NULL) AS "unshipped!"
        FROM orders
        "#,
        midnight,
    )
    .fetch_one(&mut *connection)
    .await?;
    let parts = sqlx::query!(
        r#"
        WITH sold AS (
            SELECT o.id, o.total, o.saldo_part
            FROM order_event e JOIN orders o ON o.id = e.order_id
            WHERE e.to_state = 'paid' AND e.at >= $1
        ), part AS (
            SELECT 'saldo' AS method, saldo_part AS amount FROM sold
            UNION ALL
            SELECT coalesce((SELECT a.method FROM payment_attempt a
                             WHERE a.order_id = sold.id AND a.credited_to = 'order' LIMIT 1),
                            'saldo'),
                   total - saldo_part
            FROM sold
        )
        SELECT method AS "method!", sum(amount)::bigint AS "amount!",
               (SELECT count(*) FROM sold) AS "paid!"
        FROM part WHERE amount > 0 GROUP BY method ORDER BY 2 DESC, 1
        "#,
        midnight,
    )
    .fetch_all(&mut *connection)
    .await?;
    let top = sqlx::query!(
        r#"
        SELECT l.name, sum(l.qty)::bigint AS "units!"
        FROM order_event e JOIN order_line l ON l.order_id = e.order_id
        WHERE e.to_state = 'paid' AND e.at >= $1
        GROUP BY l.variant_id, l.name ORDER BY 2 DESC, 1 LIMIT $2
        "#,
        midnight,
        TOP_PRODUCTS,
    )
    .fetch_all(connection)
    .await?;
    Ok(Recap {
        placed: counts.placed,
        paid: parts.first().map_or(0, |part| part.paid),
        revenue: parts.iter().map(|part| part.amount).sum(),
        by_method: parts
            .into_iter()
            .map(|part| (part.method, part.amount))
            .collect(),
        top: top.into_iter().map(|row| (row.name, row.units)).collect(),
        unpaid: counts.unpaid,
        unshipped: counts.unshipped,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn level_of(on_hand: i64, reserved: i64) -> Level {
        Level {
            variant_id: 1,
            sku: Sku::parse("KOPI-01").unwrap(),
            name_id: "Kopi".to_owned(),
            name_en: "Coffee".to_owned(),
            kind: ProductKind::Physical,
            on_hand,
            reserved,
        }
    }

    #[test]
    fn stock_never_falls_below_what_orders_hold() {
        let level = level_of(10, 4);
        assert_eq!(changed(&level, StockChange::Set(4)), Ok(4));
        assert_eq!(changed(&level, StockChange::Remove(6)), Ok(4));
        assert_eq!(changed(&level, StockChange::Add(5)), Ok(15));
        let refused = Err(StockRefused::BelowReserved(4));
        assert_eq!(changed(&level, StockChange::Set(3)), refused);
        assert_eq!(changed(&level, StockChange::Remove(7)), refused);
        assert_eq!(changed(&level, StockChange::Remove(u32::MAX)), refused);
        let too_many = Err(StockRefused::TooMany);
        assert_eq!(changed(&level, StockChange::Add(MAX_STOCK)), too_many);
    }
}
