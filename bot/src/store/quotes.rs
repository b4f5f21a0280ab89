//! Quotes: what a cart or a product costs, frozen for a quarter of an hour.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sqlx::{PgConnection, types::Json};
use warung_domain::{
    catalog::{ProductKind, Sku},
    money::{Quantity, Rupiah},
    quote::QuoteNonce,
};

use super::catalog::unexpected;

/// A quote as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quote {
    /// What confirms it.
    pub nonce: QuoteNonce,
    /// Whose it is.
    pub customer_id: i64,
    /// What is bought, one line per product code, in the order of the codes.
    pub lines: Vec<QuoteLine>,
    /// Whether the lines leave the cart when the quote is confirmed.
    pub from_cart: bool,
    /// Price of the goods.
    pub subtotal: Rupiah,
    /// Price of sending them.
    pub shipping: Rupiah,
    /// What the customer pays.
    pub total: Rupiah,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// From this moment on it no longer binds.
    pub expires_at: DateTime<Utc>,
}

/// One line of a quote.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct QuoteLine {
    /// Row id of the variant.
    pub variant_id: i64,
    /// Its code.
    pub sku: Sku,
    /// Its name in the language the customer was answered in.
    pub name: String,
    /// Shipped or sent in the chat.
    pub kind: ProductKind,
    /// What this customer pays for one.
    pub unit_price: Rupiah,
    /// How many.
    pub quantity: Quantity,
}

/// What a quote's answer depends on beside the quote.
#[derive(Debug, Clone, Default)]
pub struct Standing {
    /// The customer's delivery address, sealed.
    pub address: Option<Vec<u8>>,
    /// What the customer may spend from saldo.
    pub saldo: Rupiah,
}

impl Quote {
    /// Whether something in it is shipped.
    pub fn needs_address(&self) -> bool {
        self.lines
            .iter()
            .any(|line| line.kind == ProductKind::Physical)
    }

    /// Whether it no longer binds.
    pub fn is_expired(&self, now: DateTime<Utc>) -> bool {
        now >= self.expires_at
    }
}

/// Stores a new quote.
pub async fn insert(connection: &mut PgConnection, quote: &Quote) -> sqlx::Result<()> {
    sqlx::query!(
        "INSERT INTO quote (nonce, customer_id, lines, from_cart, subtotal, shipping, total,
                            created_at, expires_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        quote.nonce.to_string(),
        quote.customer_id,
        Json(&quote.lines) as _,
        quote.from_cart,
        quote.subtotal.get(),
        quote.shipping.get(),
        quote.total.get(),
        quote.created_at,
        quote.expires_at,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// The quote with a nonce, whoever's it is: callers compare `customer_id`.
pub async fn load(
    connection: &mut PgConnection,
    nonce: &QuoteNonce,
) -> sqlx::Result<Option<Quote>> {
    let row = sqlx::query!(
        r#"SELECT customer_id, lines AS "lines!: Json<Vec<QuoteLine>>", from_cart, subtotal,
                  shipping, total, created_at, expires_at
           FROM quote WHERE nonce = $1"#,
        nonce.to_string(),
    )
    .fetch_optional(connection)
    .await?;
    let Some(row) = row else { return Ok(None) };
    let rupiah =
        |amount: i64| Rupiah::new(amount).ok_or_else(|| unexpected("quote", row.customer_id));
    Ok(Some(Quote {
        nonce: *nonce,
        customer_id: row.customer_id,
        from_cart: row.from_cart,
        subtotal: rupiah(row.subtotal)?,
        shipping: rupiah(row.shipping)?,
        total: rupiah(row.total)?,
        created_at: row.created_at,
        expires_at: row.expires_at,
        lines: row.lines.0,
    }))
}

/// Ends a quote before its time: its buttons lead to a fresh one from now on.
pub async fn drop_early(
    connection: &mut PgConnection,
    nonce: &QuoteNonce,
    customer: i64,
    now: DateTime<Utc>,
) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE quote SET expires_at = least(expires_at, $3) WHERE nonce = $1 AND customer_id = $2",
        nonce.to_string(),
        customer,
        now,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// The number of the order that a quote has become.
pub async fn order_number(
    connection: &mut PgConnection,
    nonce: &QuoteNonce,
) -> sqlx::Result<Option<String>> {
    sqlx::query_scalar!(
        "SELECT number FROM orders WHERE quote_nonce = $1",
        nonce.to_string(),
    )
    .fetch_optional(connection)
    .await
}

/// Where parcels of a customer go, and what they may spend.
pub async fn standing(connection: &mut PgConnection, customer: i64) -> sqlx::Result<Standing> {
    let row = sqlx::query!(
        r#"SELECT k.address, a.posted - a.pending_out AS saldo
           FROM customer k LEFT JOIN ledger_account a ON a.customer_id = k.id
           WHERE k.id = $1"#,
        customer,
    )
    .fetch_optional(connection)
    .await?;
    Ok(row.map_or_else(Standing::default, |row| Standing {
        address: row.address,
        saldo: row.saldo.and_then(Rupiah::new).unwrap_or(Rupiah::ZERO),
    }))
}

/// Stores a sealed delivery address.
pub async fn set_address(
    connection: &mut PgConnection,
    customer: i64,
    sealed: &[u8],
) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE customer SET address = $2 WHERE id = $1",
        customer,
        sealed,
    )
    .execute(connection)
    .await?;
    Ok(())
}
