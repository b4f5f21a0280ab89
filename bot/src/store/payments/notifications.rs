//! Midtrans' notifications: kept as they came, and only ever a reason to read the payment.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

/// A notification on its way in.
#[derive(Debug)]
pub struct NewNotification<'a> {
    /// Digest of the raw body: a repeated notification is stored once.
    pub body_sha256: &'a [u8],
    /// Our order id at Midtrans.
    pub provider_order_id: &'a str,
    /// What it claims.
    pub transaction_status: &'a str,
    /// The body as it came.
    pub raw: &'a [u8],
}

/// What became of a notification.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Notified {
    /// Stored; its payment is due to be read now.
    New,
    /// Known already.
    Repeated,
    /// No payment of ours has this order id.
    UnknownOrder,
}

/// Stores a notification and makes its payment due.
pub async fn notified(
    connection: &mut PgConnection,
    notification: &NewNotification<'_>,
    now: DateTime<Utc>,
) -> sqlx::Result<Notified> {
    let due = sqlx::query!(
        "UPDATE payment_attempt SET act_at = $2
         WHERE provider_order_id = $1",
        notification.provider_order_id,
        now,
    )
    .execute(&mut *connection)
    .await?;
    if due.rows_affected() == 0 {
        return Ok(Notified::UnknownOrder);
    }
    let stored = sqlx::query!(
        "INSERT INTO payment_notification
             (body_sha256, provider_order_id, transaction_status, raw, received_at)
         VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (body_sha256) DO NOTHING",
        notification.body_sha256,
        notification.provider_order_id,
        notification.transaction_status,
        notification.raw,
        now,
    )
    .execute(connection)
    .await?;
    Ok(if stored.rows_affected() == 1 {
        Notified::New
    } else {
        Notified::Repeated
    })
}
