//! The auditor: derives anew, from one snapshot, what every balance, reservation and payment must
//! be, and says what is not so.
//!
//! It trusts nothing but rows that only ever grow: entries, movements, events. `warung-bot audit`
//! looks at all of history; the sweep, every minute, at the newest rows.

use sqlx::{PgConnection, PgPool};

use crate::store::{
    self,
    audit::{Finding, Scope, ledger, orders, payments, queues, stock},
    violations::Violation,
};

/// Something that must always hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    /// Entries of a transaction sum to zero.
    LedgerBalances,
    /// A saldo is the sum of its entries.
    SaldoIsItsEntries,
    /// Entries of a saldo are numbered without a gap, each with the balance after it.
    SaldoHasNoGap,
    /// What is held of a saldo is the sum of its unresolved holds.
    HeldIsItsHolds,
    /// No saldo is below zero.
    SaldoFloor,
    /// A settled payment has exactly one credit of its amount; another has none.
    PaymentHasOneCredit,
    /// A payment is where its events lead, along the table.
    PaymentMoves,
    /// The books have an order's total once it was paid, and nothing before.
    OrderMoney,
    /// `orders.paid` says the same.
    OrderPaid,
    /// An order is where its events lead, along the table.
    OrderMoves,
    /// A quote becomes one order.
    OneOrderPerQuote,
    /// No customer buys more often than the limit.
    PurchaseLimit,
    /// What is reserved is what orders hold.
    StockReserved,
    /// Orders hold stock only while they wait, and have sold it once paid.
    StockReservations,
    /// What is on hand is the sum of its movements.
    StockOnHand,
    /// There is a free unit for each digital product on hand.
    UnitsFree,
    /// No secret is there twice.
    UnitsUnique,
    /// A paid order has the units it bought.
    UnitsSold,
    /// Messages are answered.
    InboxMoves,
    /// Messages leave.
    OutboxMoves,
    /// Due payments are worked on.
    PaymentsAreWorkedOn,
}

impl Rule {
    /// Every rule.
    pub const ALL: [Self; 21] = [
        Self::LedgerBalances,
        Self::SaldoIsItsEntries,
        Self::SaldoHasNoGap,
        Self::HeldIsItsHolds,
        Self::SaldoFloor,
        Self::PaymentHasOneCredit,
        Self::PaymentMoves,
        Self::OrderMoney,
        Self::OrderPaid,
        Self::OrderMoves,
        Self::OneOrderPerQuote,
        Self::PurchaseLimit,
        Self::StockReserved,
        Self::StockReservations,
        Self::StockOnHand,
        Self::UnitsFree,
        Self::UnitsUnique,
        Self::UnitsSold,
        Self::InboxMoves,
        Self::OutboxMoves,
        Self::PaymentsAreWorkedOn,
    ];

    /// Its name, in the record and in metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::LedgerBalances => "ledger_balances",
            Self::SaldoIsItsEntries => "saldo_is_its_entries",
            Self::SaldoHasNoGap => "saldo_has_no_gap",
            Self::HeldIsItsHolds => "held_is_its_holds",
            Self::SaldoFloor => "saldo_floor",
            Self::PaymentHasOneCredit => "payment_has_one_credit",
            Self::PaymentMoves => "payment_moves",
            Self::OrderMoney => "order_money",
            Self::OrderPaid => "order_paid",
            Self::OrderMoves => "order_moves",
            Self::OneOrderPerQuote => "one_order_per_quote",
            Self::PurchaseLimit => "purchase_limit",
            Self::StockReserved => "stock_reserved",
            Self::StockReservations => "stock_reservations",
            Self::StockOnHand => "stock_on_hand",
            Self::UnitsFree => "units_free",
            Self::UnitsUnique => "units_unique",
            Self::UnitsSold => "units_sold",
            Self::InboxMoves => "inbox_moves",
            Self::OutboxMoves => "outbox_moves",
            Self::PaymentsAreWorkedOn => "payments_are_worked_on",
        }
    }

    /// Whether the rows alone decide it. The others ask how long ago something was, or how a shop
    /// is configured: a backup is not the worse for them.
    pub const fn is_of_books(self) -> bool {
        !matches!(
            self,
            Self::PurchaseLimit | Self::InboxMoves | Self::OutboxMoves | Self::PaymentsAreWorkedOn
        )
    }

    async fn findings(
        self,
        connection: &mut PgConnection,
        scope: &Scope,
    ) -> sqlx::Result<Vec<Finding>> {
        match self {
            Self::LedgerBalances => ledger::txn_balances(connection, scope).await,
            Self::SaldoIsItsEntries => ledger::saldo_is_its_entries(connection, scope).await,
            Self::SaldoHasNoGap => ledger::saldo_has_no_gap(connection, scope).await,
            Self::HeldIsItsHolds => ledger::held_is_its_holds(connection, scope).await,
            Self::SaldoFloor => ledger::saldo_floor(connection, scope).await,
            Self::PaymentHasOneCredit => payments::settled_has_one_credit(connection, scope).await,
            Self::PaymentMoves => payments::moves(connection, scope).await,
            Self::OrderMoney => orders::money(connection, scope).await,
            Self::OrderPaid => orders::paid(connection, scope).await,
            Self::OrderMoves => orders::moves(connection, scope).await,
            Self::OneOrderPerQuote => orders::one_per_quote(connection, scope).await,
            Self::PurchaseLimit => orders::purchase_limit(connection, scope).await,
            Self::StockReserved => stock::reserved(connection, scope).await,
            Self::StockReservations => stock::reservations(connection, scope).await,
            Self::StockOnHand => stock::on_hand(connection, scope).await,
            Self::UnitsFree => stock::free_units(connection, scope).await,
            Self::UnitsUnique => stock::unit_is_unique(connection, scope).await,
            Self::UnitsSold => stock::sold_units(connection, scope).await,
            Self::InboxMoves => queues::inbox(connection, scope).await,
            Self::OutboxMoves => queues::outbox(connection, scope).await,
            Self::PaymentsAreWorkedOn => queues::payments(connection, scope).await,
        }
    }
}

/// What one look found.
#[derive(Debug, Default)]
pub struct Audit {
    /// Everything that must not be.
    pub violations: Vec<Violation>,
    /// Rupiah by which the looked-at part of the ledger does not sum to zero.
    pub imbalance: i64,
}

/// Looks at every rule in one snapshot that nobody can change. See [`look`].
///
/// # Errors
/// The database's.
pub async fn audit(pool: &PgPool, scope: &Scope, wholly: &[String]) -> sqlx::Result<Audit> {
    let mut tx = store::begin(pool).await?;
    sqlx::query("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        .execute(&mut *tx)
        .await?;
    // It reads whole tables, which the plans of the bot's own statements are not made for.
    sqlx::raw_sql("SET LOCAL plan_cache_mode = auto; SET LOCAL enable_seqscan = on")
        .execute(&mut *tx)
        .await?;
    let audit = look(&mut tx, scope, wholly).await?;
    tx.commit().await?;
    Ok(audit)
}

/// Looks at every rule as the connection's transaction sees it. A rule among `wholly` is looked at
/// over all of history, whatever the scope: its violation must not pass for cleared because newer
/// rows came.
///
/// # Errors
/// The database's.
pub async fn look(
    connection: &mut PgConnection,
    scope: &Scope,
    wholly: &[String],
) -> sqlx::Result<Audit> {
    let mut audit = Audit {
        imbalance: ledger::imbalance(connection, scope).await?,
        ..Audit::default()
    };
    let all = Scope {
        rows: None,
        ..*scope
    };
    for rule in Rule::ALL {
        let is_whole = wholly.iter().any(|name| name == rule.name());
        let scope = if is_whole { &all } else { scope };
        for finding in rule.findings(connection, scope).await? {
            audit.violations.push(Violation {
                rule: rule.name(),
                subject: finding.subject,
                detail: finding.detail,
            });
        }
    }
    Ok(audit)
}
