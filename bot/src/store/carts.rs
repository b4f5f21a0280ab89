//! Carts: what a customer has put aside to buy, at prices that are looked up anew each time.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use warung_domain::{
    cart::MAX_LINES,
    catalog::{ProductKind, Sku},
    money::{Quantity, Rupiah},
    order::OrderState,
};

use super::catalog::{Offer, full_name, unexpected};

/// One product in a cart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CartItem {
    /// The variant as it is sold now.
    pub offer: Offer,
    /// Whether it still is.
    pub for_sale: bool,
    /// How many are wanted.
    pub quantity: Quantity,
}

/// What putting something into a cart came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Added {
    /// So many are in the cart now.
    Now(Quantity),
    /// More than [`Quantity::MAX`] of one product.
    TooMany,
    /// More than [`MAX_LINES`] products.
    CartFull,
}

/// What the menu says about a customer.
#[derive(Debug, Clone, Default)]
pub struct Glance {
    /// Units in the cart.
    pub in_cart: i64,
    /// What may be spent from saldo.
    pub saldo: Rupiah,
    /// The order that waits longest for something, unpaid ones first.
    pub open_order: Option<OpenOrder>,
}

/// An order that is not finished.
#[derive(Debug, Clone)]
pub struct OpenOrder {
    /// Its number.
    pub number: String,
    /// Its state.
    pub state: OrderState,
    /// What it costs.
    pub total: Rupiah,
}

/// The lines of a cart, in the order of the product codes.
pub async fn items(connection: &mut PgConnection, customer: i64) -> sqlx::Result<Vec<CartItem>> {
    let rows = sqlx::query!(
        r#"
        SELECT v.id, v.sku, v.label_id, v.label_en, v.price, v.reseller_price,
               p.name_id, p.name_en, p.kind, s.on_hand - s.reserved AS "available!",
               v.active AND p.active AS "for_sale!", l.qty
        FROM cart_line l
        JOIN variant v ON v.id = l.variant_id
        JOIN product p ON p.id = v.product_id
        JOIN stock_item s ON s.variant_id = v.id
        WHERE l.customer_id = $1
        ORDER BY v.sku
        "#,
        customer,
    )
    .fetch_all(connection)
    .await?;
    rows.into_iter()
        .map(|row| {
            let offer = Offer {
                variant_id: row.id,
                sku: Sku::parse(&row.sku).map_err(|_| unexpected("variant.sku", row.id))?,
                name_id: full_name(&row.name_id, &row.label_id),
                name_en: full_name(&row.name_en, &row.label_en),
                kind: ProductKind::parse(&row.kind)
                    .ok_or_else(|| unexpected("product.kind", row.id))?,
                price: Rupiah::new(row.price).ok_or_else(|| unexpected("price", row.id))?,
                reseller_price: Rupiah::new(row.reseller_price)
                    .ok_or_else(|| unexpected("reseller_price", row.id))?,
                available: u32::try_from(row.available).unwrap_or(0),
            };
            Ok(CartItem {
                offer,
                for_sale: row.for_sale,
                quantity: quantity(row.qty).ok_or_else(|| unexpected("cart_line.qty", row.id))?,
            })
        })
        .collect()
}

/// Puts more of a variant into a cart.
pub async fn add(
    connection: &mut PgConnection,
    customer: i64,
    variant: i64,
    more: Quantity,
    now: DateTime<Utc>,
) -> sqlx::Result<Added> {
    let before = sqlx::query!(
        r#"SELECT count(*) AS "lines!",
                  max(qty) FILTER (WHERE variant_id = $2) AS wanted
           FROM cart_line WHERE customer_id = $1"#,
        customer,
        variant,
    )
    .fetch_one(&mut *connection)
    .await?;
    let wanted = before.wanted.and_then(quantity);
    let max_lines = i64::try_from(MAX_LINES).unwrap_or(i64::MAX);
    if wanted.is_none() && before.lines >= max_lines {
        return Ok(Added::CartFull);
    }
    let sum = match wanted {
        Some(wanted) => wanted.checked_add(more),
        None => Some(more),
    };
    let Some(sum) = sum else {
        return Ok(Added::TooMany);
    };
    sqlx::query!(
        "INSERT INTO cart_line (customer_id, variant_id, qty, added_at) VALUES ($1, $2, $3, $4)
         ON CONFLICT (customer_id, variant_id) DO UPDATE SET qty = excluded.qty",
        customer,
        variant,
        stored(sum),
        now,
    )
    .execute(connection)
    .await?;
    Ok(Added::Now(sum))
}

/// Takes some of a variant, or all of it, out of a cart. Returns how many are left.
pub async fn remove(
    connection: &mut PgConnection,
    customer: i64,
    variant: i64,
    fewer: Option<Quantity>,
) -> sqlx::Result<Option<Quantity>> {
    let left = sqlx::query_scalar!(
        "UPDATE cart_line SET qty = qty - $3
         WHERE customer_id = $1 AND variant_id = $2 AND qty > $3 RETURNING qty",
        customer,
        variant,
        fewer.map_or(i32::MAX, stored),
    )
    .fetch_optional(&mut *connection)
    .await?;
    if left.is_none() {
        sqlx::query!(
            "DELETE FROM cart_line WHERE customer_id = $1 AND variant_id = $2",
            customer,
            variant,
        )
        .execute(connection)
        .await?;
    }
    Ok(left.and_then(quantity))
}

/// Empties a cart. Returns how many lines it had.
pub async fn clear(connection: &mut PgConnection, customer: i64) -> sqlx::Result<u64> {
    let cleared = sqlx::query!("DELETE FROM cart_line WHERE customer_id = $1", customer)
        .execute(connection)
        .await?;
    Ok(cleared.rows_affected())
}

/// What the menu says about a customer, in one query.
pub async fn glance(connection: &mut PgConnection, customer: i64) -> sqlx::Result<Glance> {
    let row = sqlx::query!(
        r#"
        SELECT (SELECT coalesce(sum(qty), 0) FROM cart_line WHERE customer_id = $1) AS "in_cart!",
               (SELECT posted - pending_out FROM ledger_account WHERE customer_id = $1) AS saldo,
               o.number AS "number?", o.state AS "state?", o.total AS "total?"
        FROM (SELECT 1) AS one
        LEFT JOIN LATERAL (
            SELECT number, state, total FROM orders
            WHERE customer_id = $1 AND state IN ('awaiting_payment', 'paid', 'fulfilling')
            ORDER BY state = 'awaiting_payment' DESC, created_at DESC LIMIT 1) o ON true
        "#,
        customer,
    )
    .fetch_one(connection)
    .await?;
    let open_order = row.number.zip(row.state).zip(row.total);
    Ok(Glance {
        in_cart: row.in_cart,
        saldo: row.saldo.and_then(Rupiah::new).unwrap_or(Rupiah::ZERO),
        open_order: open_order.and_then(|((number, state), total)| {
            Some(OpenOrder {
                number,
                state: OrderState::parse(&state)?,
                total: Rupiah::new(total)?,
            })
        }),
    })
}

fn quantity(stored: i32) -> Option<Quantity> {
    u32::try_from(stored)
        .ok()
        .and_then(|units| Quantity::new(units).ok())
}

fn stored(quantity: Quantity) -> i32 {
    i32::try_from(quantity.get()).unwrap_or(i32::MAX)
}
