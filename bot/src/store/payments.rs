//! Payment attempts at Midtrans, their events, and the notifications about them.
//!
//! `act_at` is the queue: an attempt with a due `act_at` wants a bot to do something about it. A
//! bot that does holds the row as `owner` across its network call; a dead owner's rows are free.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sqlx::{PgConnection, PgPool};
use uuid::Uuid;
use warung_domain::{
    money::Rupiah,
    payment::{PaymentMethod, PaymentState},
};

/// What a payment is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Purpose {
    /// This order.
    Order(Uuid),
    /// Saldo; the nonce makes the same tap twice one top-up.
    TopUp(String),
}

/// Where a credit went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CreditedTo {
    /// The order it was for.
    Order,
    /// The customer's saldo.
    Saldo,
    /// Suspense, for a person to look at.
    Suspense,
}

impl CreditedTo {
    /// As stored.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Order => "order",
            Self::Saldo => "saldo",
            Self::Suspense => "suspense",
        }
    }
}

/// How the customer pays, as the provider told us.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Instructions {
    /// A QRIS code's text.
    Qris {
        /// What the code says.
        qr_string: String,
    },
    /// A virtual account.
    VirtualAccount {
        /// The bank, in capitals.
        bank: String,
        /// The number.
        number: String,
    },
    /// Mandiri Bill.
    MandiriBill {
        /// The company.
        biller_code: String,
        /// The bill.
        bill_key: String,
    },
    /// A code to show at a counter.
    Store {
        /// The store.
        store: String,
        /// The code.
        code: String,
    },
    /// A page of Snap.
    Link {
        /// Its address.
        url: String,
        /// Snap's token, by which it is cancelled.
        token: String,
    },
}

/// A payment attempt to be made.
#[derive(Debug, Clone)]
pub struct NewAttempt {
    /// Row id.
    pub id: Uuid,
    /// What it is for.
    pub purpose: Purpose,
    /// Who pays.
    pub customer_id: i64,
    /// Our order id at Midtrans.
    pub provider_order_id: String,
    /// How much.
    pub amount: Rupiah,
    /// How.
    pub method: PaymentMethod,
    /// Until when it can be paid.
    pub expires_at: DateTime<Utc>,
}

/// A payment attempt.
#[derive(Debug, Clone)]
pub struct Attempt {
    /// Row id.
    pub id: Uuid,
    /// What it is for.
    pub purpose: Purpose,
    /// Who pays.
    pub customer_id: i64,
    /// Our order id at Midtrans.
    pub provider_order_id: String,
    /// How much.
    pub amount: Rupiah,
    /// How.
    pub method: PaymentMethod,
    /// Midtrans' idempotency key.
    pub idem_key: String,
    /// Where it stands.
    pub state: PaymentState,
    /// Whether we want it called off.
    pub cancel_requested: bool,
    /// How the customer pays, once the provider has told.
    pub instructions: Option<Instructions>,
    /// The ledger transaction of its money.
    pub credit_txn: Option<Uuid>,
    /// Its money may be taken back until then.
    pub hold_until: Option<DateTime<Utc>>,
    /// Reads of its status so far.
    pub polls: i32,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// Until when it can be paid.
    pub expires_at: DateTime<Utc>,
    /// Raised by every change; a bot that comes back from the network checks it.
    pub version: i64,
}

/// The columns of an attempt.
struct AttemptRow {
    id: Uuid,
    purpose: String,
    order_id: Option<Uuid>,
    topup_nonce: Option<String>,
    customer_id: i64,
    provider_order_id: String,
    amount: i64,
    method: String,
    idem_key: String,
    state: String,
    cancel_requested: bool,
    instructions: Option<serde_json::Value>,
    credit_txn: Option<Uuid>,
    hold_until: Option<DateTime<Utc>>,
    polls: i32,
    created_at: DateTime<Utc>,
    expires_at: Option<DateTime<Utc>>,
    version: i64,
}

impl TryFrom<AttemptRow> for Attempt {
    type Error = sqlx::Error;

    fn try_from(row: AttemptRow) -> Result<Self, sqlx::Error> {
        let bad = |column: &str| {
            sqlx::Error::Decode(format!("payment_attempt.{column} of {}", row.id).into())
        };
        let purpose = match (row.purpose.as_str(), row.order_id, row.topup_nonce) {
            ("order", Some(order), _) => Purpose::Order(order),
            ("topup", _, Some(nonce)) => Purpose::TopUp(nonce),
            _ => return Err(bad("purpose")),
        };
        Ok(Self {
            purpose,
            amount: Rupiah::new(row.amount).ok_or_else(|| bad("amount"))?,
            method: PaymentMethod::parse(&row.method).ok_or_else(|| bad("method"))?,
            state: PaymentState::parse(&row.state).ok_or_else(|| bad("state"))?,
            instructions: row
                .instructions
                .map(serde_json::from_value)
                .transpose()
                .map_err(|_| bad("instructions"))?,
            expires_at: row.expires_at.unwrap_or(row.created_at),
            id: row.id,
            customer_id: row.customer_id,
            provider_order_id: row.provider_order_id,
            idem_key: row.idem_key,
            cancel_requested: row.cancel_requested,
            credit_txn: row.credit_txn,
            hold_until: row.hold_until,
            polls: row.polls,
            created_at: row.created_at,
            version: row.version,
        })
    }
}

/// Makes an attempt that the payments sweep will charge at once. Returns false if one of the same
/// top-up, or another live one of the same order, exists already.
pub async fn create(
    connection: &mut PgConnection,
    attempt: &NewAttempt,
    now: DateTime<Utc>,
) -> sqlx::Result<bool> {
    let (purpose, order_id, nonce) = match &attempt.purpose {
        Purpose::Order(order) => ("order", Some(*order), None),
        Purpose::TopUp(nonce) => ("topup", None, Some(nonce.as_str())),
    };
    let made = sqlx::query!(
        "WITH made AS (
             INSERT INTO payment_attempt (id, purpose, order_id, topup_nonce, customer_id,
                 provider_order_id, amount, method, idem_key, state, act_at, created_at, expires_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 'creating', $10, $10, $11)
             ON CONFLICT DO NOTHING
             RETURNING id
         )
         INSERT INTO payment_event (attempt_id, version, to_state, actor, reason, at)
         SELECT id, 0, 'creating', 'customer', 'asked to pay', $10 FROM made",
        attempt.id,
        purpose,
        order_id,
        nonce,
        attempt.customer_id,
        attempt.provider_order_id,
        attempt.amount.get(),
        attempt.method.as_str(),
        attempt.id.to_string(),
        now,
        attempt.expires_at,
    )
    .execute(connection)
    .await?;
    Ok(made.rows_affected() == 1)
}

/// Claims due attempts that no living bot works on; returns their ids, the longest due first.
pub async fn claim_due(
    pool: &PgPool,
    bot: Uuid,
    limit: i64,
    now: DateTime<Utc>,
) -> sqlx::Result<Vec<Uuid>> {
    sqlx::query_scalar!(
        "WITH due AS (
             SELECT p.id FROM payment_attempt p
             WHERE p.act_at <= $3
               AND (p.owner IS NULL OR NOT EXISTS (
                    SELECT 1 FROM bot_instance b WHERE b.id = p.owner AND b.alive_until > $3))
             ORDER BY p.act_at
             LIMIT $2
             FOR UPDATE OF p SKIP LOCKED
         )
         UPDATE payment_attempt p SET owner = $1 FROM due WHERE p.id = due.id RETURNING p.id",
        bot,
        limit,
        now,
    )
    .fetch_all(pool)
    .await
}

/// Lets go of an attempt; it is due again at `act_at`, or never where that is null.
pub async fn let_go(
    connection: &mut PgConnection,
    id: Uuid,
    bot: Uuid,
    act_at: Option<DateTime<Utc>>,
) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE payment_attempt SET owner = NULL, act_at = $3 WHERE id = $1 AND owner = $2",
        id,
        bot,
        act_at,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Reads an attempt.
pub async fn load(connection: &mut PgConnection, id: Uuid) -> sqlx::Result<Option<Attempt>> {
    sqlx::query_as!(
        AttemptRow,
        "SELECT id, purpose, order_id, topup_nonce, customer_id, provider_order_id, amount, method,
                idem_key, state, cancel_requested, instructions, credit_txn, hold_until, polls,
                created_at, expires_at, version
         FROM payment_attempt WHERE id = $1",
        id,
    )
    .fetch_optional(connection)
    .await?
    .map(Attempt::try_from)
    .transpose()
}

/// Reads an attempt and keeps others from changing it until the commit.
pub async fn load_for_update(
    connection: &mut PgConnection,
    id: Uuid,
) -> sqlx::Result<Option<Attempt>> {
    sqlx::query_as!(
        AttemptRow,
        "SELECT id, purpose, order_id, topup_nonce, customer_id, provider_order_id, amount, method,
                idem_key, state, cancel_requested, instructions, credit_txn, hold_until, polls,
                created_at, expires_at, version
         FROM payment_attempt WHERE id = $1 FOR UPDATE",
        id,
    )
    .fetch_optional(connection)
    .await?
    .map(Attempt::try_from)
    .transpose()
}

/// The newest attempt of an order.
pub async fn of_order(
    connection: &mut PgConnection,
    order: Uuid,
) -> sqlx::Result<Option<Attempt>> {
    sqlx::query_as!(
        AttemptRow,
        "SELECT id, purpose, order_id, topup_nonce, customer_id, provider_order_id, amount, method,
                idem_key, state, cancel_requested, instructions, credit_txn, hold_until, polls,
                created_at, expires_at, version
         FROM payment_attempt WHERE order_id = $1 ORDER BY created_at DESC, id DESC LIMIT 1",
        order,
    )
    .fetch_optional(connection)
    .await?
    .map(Attempt::try_from)
    .transpose()
}

/// Wants the order's live attempt called off, now. Returns whether there is one: without, the
/// order can be closed at once.
pub async fn request_cancel(
    connection: &mut PgConnection,
    order: Uuid,
    now: DateTime<Utc>,
) -> sqlx::Result<bool> {
    let live = sqlx::query!(
        "UPDATE payment_attempt SET cancel_requested = true, act_at = $2
         WHERE order_id = $1 AND state IN ('creating', 'unknown', 'pending')",
        order,
        now,
    )
    .execute(connection)
    .await?;
    Ok(live.rows_affected() > 0)
}

/// Makes the order's newest attempt due now: its status is read at once.
pub async fn ask_now(
    connection: &mut PgConnection,
    order: Uuid,
    now: DateTime<Utc>,
) -> sqlx::Result<bool> {
    let due = sqlx::query!(
        "UPDATE payment_attempt SET act_at = $2
         WHERE order_id = $1 AND state IN ('creating', 'unknown', 'pending')",
        order,
        now,
    )
    .execute(connection)
    .await?;
    Ok(due.rows_affected() > 0)
}

/// How long a bot works on an attempt before it gives way even while alive: longer than any call.
pub const WORK_LIMIT: Duration = Duration::from_secs(60);

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
        "UPDATE payment_attempt SET act_at = least(coalesce(act_at, $2), $2)
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
