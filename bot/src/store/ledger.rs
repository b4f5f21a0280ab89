//! The double-entry ledger: append-only transactions whose legs sum to zero, credit positive.
//!
//! Every posting has a business key `(kind, phase, source_type, source_id)`: posting it again
//! changes nothing. Only a customer's saldo has a cached balance and a floor; system accounts are
//! the sums of their entries, so that no two purchases wait for one row. Saldo accounts are locked
//! in the order of their ids.
//!
//! Money that a customer sets aside for an order paid in two ways is **held**: a `pending`
//! transaction without entries keeps it from being spent; a `post` turns it into entries, a `void`
//! gives it back, and each pending transaction ends in one of the two, once.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;
use warung_domain::money::Rupiah;

/// Rows of one page of a statement.
pub const STATEMENT_ROWS: i64 = 10;

/// An account of the shop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Account {
    /// What the shop owes a customer: saldo that they can spend.
    Saldo(i64),
    /// Money at Midtrans; negative when the shop has some, as assets are.
    Clearing,
    /// What the shop earned.
    Sales,
    /// Money whose payment contradicts what was asked for.
    Suspense,
    /// What the shop gave or took by hand.
    Adjustment,
}

impl Account {
    const fn code(self) -> Option<&'static str> {
        match self {
            Self::Saldo(_) => None,
            Self::Clearing => Some("midtrans:clearing"),
            Self::Sales => Some("sales"),
            Self::Suspense => Some("suspense"),
            Self::Adjustment => Some("adjustment"),
        }
    }

    const fn customer(self) -> Option<i64> {
        match self {
            Self::Saldo(customer) => Some(customer),
            _ => None,
        }
    }
}

/// What a posting is, as the table's check lists it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Saldo bought at Midtrans, or late money.
    TopUp,
    /// An order paid.
    Purchase,
    /// Money given back.
    Refund,
    /// Money that the bank took back.
    Reversal,
    /// By hand.
    Adjustment,
    /// Money put aside until a person has looked at it.
    Suspense,
}

impl Kind {
    /// The stored name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::TopUp => "topup",
            Self::Purchase => "purchase",
            Self::Refund => "refund",
            Self::Reversal => "reversal",
            Self::Adjustment => "adjustment",
            Self::Suspense => "suspense",
        }
    }
}

/// A transaction to be posted.
#[derive(Debug, Clone)]
pub struct Posting<'a> {
    /// Its id.
    pub id: Uuid,
    /// What it is.
    pub kind: Kind,
    /// What it comes from: `order`, `attempt`, `merge`…
    pub source_type: &'a str,
    /// Which one.
    pub source_id: &'a str,
    /// Who caused it: `customer`, `midtrans`, `staff:<id>`, `system`.
    pub actor: &'a str,
    /// A note for people.
    pub memo: Option<&'a str>,
    /// When it happened.
    pub event_at: DateTime<Utc>,
    /// Rupiah by account, credit positive. Legs on one account are added up.
    pub legs: &'a [(Account, i64)],
}

/// Saldo to be set aside.
#[derive(Debug, Clone)]
pub struct Hold<'a> {
    /// The pending transaction's id.
    pub id: Uuid,
    /// Whose saldo.
    pub customer: i64,
    /// How much.
    pub amount: Rupiah,
    /// What it is held for.
    pub kind: Kind,
    /// What it comes from.
    pub source_type: &'a str,
    /// Which one.
    pub source_id: &'a str,
    /// Who caused it.
    pub actor: &'a str,
    /// When.
    pub event_at: DateTime<Utc>,
}

/// Why nothing was posted. The transaction it was tried in is spoilt: roll it back.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// A saldo would fall below zero, or below what is held of it.
    #[error("not enough saldo")]
    InsufficientSaldo,
    /// The legs do not sum to zero, or fewer than two are left.
    #[error("the legs do not balance")]
    Unbalanced,
    /// A leg names an account that does not exist.
    #[error("no such account")]
    UnknownAccount,
    /// The pending transaction is unknown or holds another amount.
    #[error("no such hold")]
    UnknownHold,
    /// The database's.
    #[error("the ledger cannot be written")]
    Database(#[source] sqlx::Error),
}

impl From<sqlx::Error> for LedgerError {
    fn from(error: sqlx::Error) -> Self {
        let is_floor = error
            .as_database_error()
            .and_then(|fault| fault.constraint())
            == Some("saldo_non_negative");
        if is_floor {
            Self::InsufficientSaldo
        } else {
            Self::Database(error)
        }
    }
}

/// What a customer has.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Balance {
    /// What belongs to them.
    pub posted: i64,
    /// How much of it is set aside for orders under way.
    pub held: i64,
}

impl Balance {
    /// What can be spent now.
    pub fn spendable(self) -> Rupiah {
        Rupiah::new(self.posted - self.held).unwrap_or_default()
    }
}

/// One movement of a saldo.
#[derive(Debug, Clone)]
pub struct Movement {
    /// The transaction.
    pub txn_id: Uuid,
    /// What it was: `topup`, `purchase`, `refund`, `reversal`, `adjustment`, `opening`.
    pub kind: String,
    /// What it came from.
    pub source_type: String,
    /// Which one.
    pub source_id: String,
    /// The number of the order it is about, if it is about one.
    pub order_number: Option<String>,
    /// A note.
    pub memo: Option<String>,
    /// Rupiah: positive came in, negative went out.
    pub amount: i64,
    /// The saldo after it.
    pub balance_after: i64,
    /// When.
    pub event_at: DateTime<Utc>,
}

/// Posts a transaction. `false`: it was posted before under the same business key, and nothing
/// was changed.
///
/// # Errors
/// [`LedgerError`].
pub async fn post(
    connection: &mut PgConnection,
    posting: &Posting<'_>,
) -> Result<bool, LedgerError> {
    write(connection, posting, None).await
}

/// Turns a hold into entries: `−held` on the saldo it was held on, and the legs of `posting` on
/// the other accounts. `false`: done before.
///
/// # Errors
/// [`LedgerError::UnknownHold`] when the hold is not one, or was resolved in another way;
/// [`LedgerError`].
pub async fn post_held(
    connection: &mut PgConnection,
    hold: Uuid,
    posting: &Posting<'_>,
) -> Result<bool, LedgerError> {
    let pending = sqlx::query!(
        r#"SELECT held AS "held!", held_on AS "held_on!",
                  EXISTS (SELECT FROM ledger_txn v WHERE v.pending_id = t.id AND v.phase = 'void')
                      AS "voided!"
           FROM ledger_txn t WHERE id = $1 AND phase = 'pending'"#,
        hold,
    )
    .fetch_optional(&mut *connection)
    .await?
    .filter(|pending| !pending.voided)
    .ok_or(LedgerError::UnknownHold)?;
    let resolved = Held {
        txn: hold,
        account: pending.held_on,
        amount: pending.held,
    };
    write(connection, posting, Some(resolved)).await
}

struct Held {
    txn: Uuid,
    account: i64,
    amount: i64,
}

async fn write(
    connection: &mut PgConnection,
    posting: &Posting<'_>,
    held: Option<Held>,
) -> Result<bool, LedgerError> {
    let legs = Legs::new(posting.legs, held.as_ref())?;
    if legs.bounded > 1 {
        lock_accounts(connection, &legs.customers).await?;
    }
    let written = sqlx::query!(
        r#"
        WITH leg AS (
            SELECT l.line, l.amount, l.customer IS NOT NULL OR l.held_on IS NOT NULL AS bounded,
                   coalesce(l.held_on,
                            (SELECT id FROM ledger_account WHERE customer_id = l.customer),
                            (SELECT id FROM ledger_account WHERE code = l.code)) AS account_id
            FROM UNNEST($1::smallint[], $2::bigint[], $3::text[], $4::bigint[], $5::bigint[])
                AS l (line, customer, code, held_on, amount)
        ), txn AS (
            INSERT INTO ledger_txn (id, kind, phase, pending_id, source_type, source_id, actor,
                                    memo, event_at)
            SELECT $6, $7, $8, $9, $10, $11, $12, $13, $14
            WHERE NOT EXISTS (SELECT FROM leg WHERE account_id IS NULL)
            ON CONFLICT DO NOTHING
            RETURNING id
        ), moved AS (
            UPDATE ledger_account a
            SET posted = a.posted + leg.amount, pending_out = a.pending_out - $15,
                version = a.version + 1
            FROM txn CROSS JOIN leg
            WHERE leg.bounded AND a.id = leg.account_id
            RETURNING a.id, a.posted, a.version
        ), entry AS (
            INSERT INTO ledger_entry (txn_id, line, account_id, amount, account_version,
                                      balance_after)
            SELECT txn.id, leg.line, leg.account_id, leg.amount, moved.version, moved.posted
            FROM txn CROSS JOIN leg LEFT JOIN moved ON moved.id = leg.account_id
        )
        SELECT EXISTS (SELECT FROM txn) AS "posted!",
               EXISTS (SELECT FROM leg WHERE account_id IS NULL) AS "unknown!"
        "#,
        &legs.lines,
        &legs.customers as &[Option<i64>],
        &legs.codes as &[Option<&str>],
        &legs.held_on as &[Option<i64>],
        &legs.amounts,
        posting.id,
        posting.kind.as_str(),
        if held.is_some() { "post" } else { "single" },
        held.as_ref().map(|held| held.txn),
        posting.source_type,
        posting.source_id,
        posting.actor,
        posting.memo,
        posting.event_at,
        held.as_ref().map_or(0, |held| held.amount),
    )
    .fetch_one(connection)
    .await?;
    if written.unknown {
        return Err(LedgerError::UnknownAccount);
    }
    Ok(written.posted)
}

/// The legs of a posting as columns, one an account.
#[derive(Default)]
struct Legs {
    lines: Vec<i16>,
    customers: Vec<Option<i64>>,
    codes: Vec<Option<&'static str>>,
    held_on: Vec<Option<i64>>,
    amounts: Vec<i64>,
    bounded: usize,
}

impl Legs {
    fn new(legs: &[(Account, i64)], held: Option<&Held>) -> Result<Self, LedgerError> {
        let mut of_account: BTreeMap<Account, i64> = BTreeMap::new();
        for (account, amount) in legs {
            let sum = of_account.entry(*account).or_default();
            *sum = sum.checked_add(*amount).ok_or(LedgerError::Unbalanced)?;
        }
        let mut columns = Self::default();
        if let Some(held) = held {
            columns.push(None, None, Some(held.account), -held.amount);
        }
        for (account, amount) in of_account {
            if amount != 0 {
                columns.push(account.customer(), account.code(), None, amount);
            }
        }
        let sum: i128 = columns
            .amounts
            .iter()
            .map(|amount| i128::from(*amount))
            .sum();
        // A hold lowers what is pending by its whole; another saldo leg beside it would, too.
        let mixes = held.is_some() && columns.bounded > 1;
        if sum == 0 && columns.lines.len() >= 2 && !mixes {
            Ok(columns)
        } else {
            Err(LedgerError::Unbalanced)
        }
    }

    fn push(
        &mut self,
        customer: Option<i64>,
        code: Option<&'static str>,
        held_on: Option<i64>,
        amount: i64,
    ) {
        self.lines
            .push(i16::try_from(self.lines.len() + 1).unwrap_or(i16::MAX));
        self.customers.push(customer);
        self.codes.push(code);
        self.held_on.push(held_on);
        self.amounts.push(amount);
        self.bounded += usize::from(customer.is_some() || held_on.is_some());
    }
}

/// Locks saldo accounts in the order of their ids, so that two transfers never wait for each other.
async fn lock_accounts(
    connection: &mut PgConnection,
    customers: &[Option<i64>],
) -> Result<(), LedgerError> {
    let customers: Vec<i64> = customers.iter().copied().flatten().collect();
    sqlx::query!(
        "SELECT id FROM ledger_account WHERE customer_id = ANY($1) ORDER BY id
         FOR NO KEY UPDATE",
        &customers,
    )
    .fetch_all(connection)
    .await?;
    Ok(())
}

/// Sets saldo aside. `false`: done before under the same business key.
///
/// # Errors
/// [`LedgerError::InsufficientSaldo`] when less can be spent; [`LedgerError`].
pub async fn hold(connection: &mut PgConnection, hold: &Hold<'_>) -> Result<bool, LedgerError> {
    let row = sqlx::query!(
        r#"
        WITH purse AS (
            SELECT id FROM ledger_account WHERE customer_id = $2
        ), txn AS (
            INSERT INTO ledger_txn (id, kind, phase, held, held_on, source_type, source_id, actor,
                                    event_at)
            SELECT $1, $3, 'pending', $4, purse.id, $5, $6, $7, $8 FROM purse
            ON CONFLICT DO NOTHING
            RETURNING held_on, held
        ), moved AS (
            UPDATE ledger_account a SET pending_out = a.pending_out + txn.held
            FROM txn WHERE a.id = txn.held_on
        )
        SELECT EXISTS (SELECT FROM txn) AS "held!", EXISTS (SELECT FROM purse) AS "known!"
        "#,
        hold.id,
        hold.customer,
        hold.kind.as_str(),
        hold.amount.get(),
        hold.source_type,
        hold.source_id,
        hold.actor,
        hold.event_at,
    )
    .fetch_one(connection)
    .await?;
    if row.known {
        Ok(row.held)
    } else {
        Err(LedgerError::UnknownAccount)
    }
}

/// Gives held saldo back. `false`: the hold was resolved before.
///
/// # Errors
/// [`LedgerError`].
pub async fn void_held(
    connection: &mut PgConnection,
    hold: Uuid,
    void_id: Uuid,
    actor: &str,
    now: DateTime<Utc>,
) -> Result<bool, LedgerError> {
    let voided = sqlx::query_scalar!(
        r#"
        WITH txn AS (
            INSERT INTO ledger_txn (id, kind, phase, pending_id, source_type, source_id, actor,
                                    event_at)
            SELECT $2, kind, 'void', id, source_type, source_id, $3, $4
            FROM ledger_txn WHERE id = $1 AND phase = 'pending'
            ON CONFLICT DO NOTHING
            RETURNING pending_id
        ), moved AS (
            UPDATE ledger_account a SET pending_out = a.pending_out - held.held
            FROM txn JOIN ledger_txn held ON held.id = txn.pending_id
            WHERE a.id = held.held_on
        )
        SELECT EXISTS (SELECT FROM txn) AS "voided!"
        "#,
        hold,
        void_id,
        actor,
        now,
    )
    .fetch_one(connection)
    .await?;
    Ok(voided)
}

/// What a customer has; nothing for one without an account.
pub async fn balance(connection: &mut PgConnection, customer: i64) -> sqlx::Result<Balance> {
    let row = sqlx::query_as!(
        Balance,
        "SELECT posted, pending_out AS held FROM ledger_account WHERE customer_id = $1",
        customer,
    )
    .fetch_optional(connection)
    .await?;
    Ok(row.unwrap_or_default())
}

/// One page (from 1) of a customer's movements, newest first, and whether there are older ones.
pub async fn statement(
    connection: &mut PgConnection,
    customer: i64,
    page: u32,
) -> sqlx::Result<(Vec<Movement>, bool)> {
    let offset = i64::from(page.saturating_sub(1)).saturating_mul(STATEMENT_ROWS);
    let mut rows = sqlx::query_as!(
        Movement,
        r#"
        SELECT e.txn_id, t.kind, t.source_type, t.source_id,
               (SELECT number FROM orders o
                WHERE o.id = CASE WHEN t.source_type = 'order' THEN t.source_id::uuid END)
                   AS order_number,
               t.memo, e.amount, e.balance_after AS "balance_after!", t.event_at
        FROM ledger_account a
        JOIN ledger_entry e ON e.account_id = a.id AND e.account_version IS NOT NULL
        JOIN ledger_txn t ON t.id = e.txn_id
        WHERE a.customer_id = $1
        ORDER BY e.account_version DESC
        OFFSET $2 LIMIT $3::bigint + 1
        "#,
        customer,
        offset,
        STATEMENT_ROWS,
    )
    .fetch_all(connection)
    .await?;
    let rows_wanted = usize::try_from(STATEMENT_ROWS).unwrap_or(usize::MAX);
    let more = rows.len() > rows_wanted;
    rows.truncate(rows_wanted);
    Ok((rows, more))
}

#[cfg(test)]
mod tests;
