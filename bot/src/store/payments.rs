//! Payment attempts at Midtrans and their events.
//!
//! `act_at` is the queue ([`queue`]): an attempt with a due `act_at` wants a bot to do something
//! about it. Whoever wants it looked at sets `act_at` to now, even while a bot works on it: that
//! bot then leaves it due.

pub mod notifications;
pub mod queue;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sqlx::{PgConnection, PgPool};
use uuid::Uuid;
use warung_domain::{
    money::Rupiah,
    payment::{InvalidPaymentTransition, PaymentMethod, PaymentState},
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

    fn parse(text: &str) -> Option<Self> {
        [Self::Order, Self::Saldo, Self::Suspense]
            .into_iter()
            .find(|place| place.as_str() == text)
    }
}

/// An attempt's money in the books.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Credit {
    /// The ledger transaction.
    pub txn: Uuid,
    /// Where it went.
    pub to: CreditedTo,
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
    /// A page of Midtrans' own.
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
    pub idem_key: Uuid,
    /// Where it stands.
    pub state: PaymentState,
    /// Whether we want it called off.
    pub cancel_requested: bool,
    /// How the customer pays, once the provider has told.
    pub instructions: Option<Instructions>,
    /// Midtrans' id of the payment; absent until Midtrans has told of one.
    pub provider_txn_id: Option<String>,
    /// What Midtrans said last.
    pub provider_status: Option<String>,
    /// What its fraud check said last.
    pub fraud_status: Option<String>,
    /// Its money in the books, once.
    pub credit: Option<Credit>,
    /// Its money may be taken back until then.
    pub hold_until: Option<DateTime<Utc>>,
    /// Reads of its status so far.
    pub polls: i32,
    /// Calls to Midtrans in a row that gave no answer.
    pub failures: i32,
    /// When its status was last read.
    pub checked_at: Option<DateTime<Utc>>,
    /// When a bot must next do something about it.
    pub act_at: Option<DateTime<Utc>>,
    /// The bot that works on it.
    pub owner: Option<Uuid>,
    /// Since when it does.
    pub claimed_at: Option<DateTime<Utc>>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// Until when it can be paid.
    pub expires_at: DateTime<Utc>,
    /// How many moves it made.
    pub version: i64,
}

/// Why an attempt did not move.
#[derive(Debug, thiserror::Error)]
pub enum MoveError {
    /// The table has no such move.
    #[error(transparent)]
    Invalid(#[from] InvalidPaymentTransition),
    /// Somebody moved it since it was read; it was not locked.
    #[error("the payment was changed by another")]
    Overtaken,
    /// The database's.
    #[error("the payment cannot be written")]
    Database(#[from] sqlx::Error),
}

impl Attempt {
    fn instructions_json(&self) -> sqlx::Result<Option<serde_json::Value>> {
        let json = self.instructions.as_ref().map(serde_json::to_value);
        json.transpose()
            .map_err(|error| sqlx::Error::Encode(error.into()))
    }
}

/// The table's row.
struct AttemptRow {
    id: Uuid,
    purpose: String,
    order_id: Option<Uuid>,
    topup_nonce: Option<String>,
    customer_id: i64,
    provider_order_id: String,
    amount: i64,
    method: String,
    idem_key: Uuid,
    state: String,
    cancel_requested: bool,
    provider_txn_id: Option<String>,
    provider_status: Option<String>,
    fraud_status: Option<String>,
    instructions: Option<serde_json::Value>,
    credit_txn: Option<Uuid>,
    credited_to: Option<String>,
    hold_until: Option<DateTime<Utc>>,
    owner: Option<Uuid>,
    claimed_at: Option<DateTime<Utc>>,
    failures: i32,
    polls: i32,
    act_at: Option<DateTime<Utc>>,
    created_at: DateTime<Utc>,
    expires_at: DateTime<Utc>,
    checked_at: Option<DateTime<Utc>>,
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
        let credit = match (row.credit_txn, row.credited_to.as_deref()) {
            (Some(txn), Some(to)) => Some(Credit {
                txn,
                to: CreditedTo::parse(to).ok_or_else(|| bad("credited_to"))?,
            }),
            _ => None,
        };
        Ok(Self {
            purpose,
            credit,
            amount: Rupiah::new(row.amount).ok_or_else(|| bad("amount"))?,
            method: PaymentMethod::parse(&row.method).ok_or_else(|| bad("method"))?,
            state: PaymentState::parse(&row.state).ok_or_else(|| bad("state"))?,
            instructions: row
                .instructions
                .map(serde_json::from_value)
                .transpose()
                .map_err(|_| bad("instructions"))?,
            id: row.id,
            customer_id: row.customer_id,
            provider_order_id: row.provider_order_id,
            idem_key: row.idem_key,
            cancel_requested: row.cancel_requested,
            provider_txn_id: row.provider_txn_id,
            provider_status: row.provider_status,
            fraud_status: row.fraud_status,
            hold_until: row.hold_until,
            failures: row.failures,
            polls: row.polls,
            act_at: row.act_at,
            owner: row.owner,
            claimed_at: row.claimed_at,
            created_at: row.created_at,
            expires_at: row.expires_at,
            checked_at: row.checked_at,
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
        attempt.id,
        now,
        attempt.expires_at,
    )
    .execute(connection)
    .await?;
    Ok(made.rows_affected() == 1)
}

/// Reads an attempt.
pub async fn load(connection: &mut PgConnection, id: Uuid) -> sqlx::Result<Option<Attempt>> {
    sqlx::query_as!(
        AttemptRow,
        "SELECT * FROM payment_attempt WHERE id = $1",
        id
    )
    .fetch_optional(connection)
    .await?
    .map(Attempt::try_from)
    .transpose()
}

/// The newest attempt of an order.
pub async fn of_order(connection: &mut PgConnection, order: Uuid) -> sqlx::Result<Option<Attempt>> {
    sqlx::query_as!(
        AttemptRow,
        "SELECT * FROM payment_attempt WHERE order_id = $1
         ORDER BY created_at DESC, id DESC LIMIT 1",
        order,
    )
    .fetch_optional(connection)
    .await?
    .map(Attempt::try_from)
    .transpose()
}

/// Top-ups of a customer that can still be paid, newest first.
pub async fn open_top_ups(pool: &PgPool, customer: i64) -> sqlx::Result<Vec<Attempt>> {
    sqlx::query_as!(
        AttemptRow,
        "SELECT * FROM payment_attempt
         WHERE customer_id = $1 AND purpose = 'topup'
           AND state IN ('creating', 'unknown', 'pending')
         ORDER BY created_at DESC",
        customer,
    )
    .fetch_all(pool)
    .await?
    .into_iter()
    .map(Attempt::try_from)
    .collect()
}

/// The top-up that was begun with this nonce.
pub async fn top_up(pool: &PgPool, nonce: &str) -> sqlx::Result<Option<Attempt>> {
    sqlx::query_as!(
        AttemptRow,
        "SELECT * FROM payment_attempt WHERE topup_nonce = $1",
        nonce,
    )
    .fetch_optional(pool)
    .await?
    .map(Attempt::try_from)
    .transpose()
}

/// Moves an attempt and saves its credit. The caller holds its lock, and saves the rest with
/// [`save`] or [`queue::put_back`].
///
/// # Errors
/// [`MoveError`].
pub async fn transition(
    connection: &mut PgConnection,
    attempt: &mut Attempt,
    to: PaymentState,
    actor: &str,
    reason: &str,
    now: DateTime<Utc>,
) -> Result<(), MoveError> {
    let from = attempt.state;
    attempt.state = from.transition(to)?;
    let moved = sqlx::query!(
        "UPDATE payment_attempt SET state = $3, version = version + 1, credit_txn = $4,
                credited_to = $5
         WHERE id = $1 AND version = $2",
        attempt.id,
        attempt.version,
        to.as_str(),
        attempt.credit.map(|credit| credit.txn),
        attempt.credit.map(|credit| credit.to.as_str()),
    )
    .execute(&mut *connection)
    .await?;
    if moved.rows_affected() == 0 {
        return Err(MoveError::Overtaken);
    }
    attempt.version += 1;
    sqlx::query!(
        "INSERT INTO payment_event (attempt_id, version, from_state, to_state, actor, reason, at)
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
        attempt.id,
        attempt.version,
        from.as_str(),
        to.as_str(),
        actor,
        reason,
        now,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Saves what was learnt of an attempt that is still worked on.
pub async fn save(connection: &mut PgConnection, attempt: &Attempt) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE payment_attempt
         SET provider_txn_id = $2, provider_status = $3, fraud_status = $4, instructions = $5,
             hold_until = $6, polls = $7, checked_at = $8
         WHERE id = $1",
        attempt.id,
        attempt.provider_txn_id,
        attempt.provider_status,
        attempt.fraud_status,
        attempt.instructions_json()?,
        attempt.hold_until,
        attempt.polls,
        attempt.checked_at,
    )
    .execute(connection)
    .await?;
    Ok(())
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

/// Makes a customer's unpaid top-ups due now.
pub async fn ask_top_ups_now(
    connection: &mut PgConnection,
    customer: i64,
    now: DateTime<Utc>,
) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE payment_attempt SET act_at = $2
         WHERE customer_id = $1 AND purpose = 'topup'
           AND state IN ('creating', 'unknown', 'pending')",
        customer,
        now,
    )
    .execute(connection)
    .await?;
    Ok(())
}
