//! What payments write into the ledger: clearing holds what Midtrans has of ours.

use anyhow::{Result, ensure};
use sqlx::PgConnection;
use uuid::Uuid;
use warung_midtrans::transaction::Refund;

use super::case::Case;
use crate::{
    clock::new_id,
    store::{
        ledger::{self, Account, Kind, Posting},
        orders::Order,
        payments::CreditedTo,
    },
};

/// Source of postings about an attempt; its id is the attempt's.
const SOURCE: &str = "payment";
/// Source of postings about one refund; its id is the attempt's and the refund's key.
const REFUND_SOURCE: &str = "refund";
/// Who causes them.
const ACTOR: &str = "midtrans";

/// The order's money: the saldo set aside for it, and what came in. Returns the transaction of the
/// latter.
pub(super) async fn purchase(
    case: &Case<'_>,
    connection: &mut PgConnection,
    order: &Order,
) -> Result<Uuid> {
    if let Some(hold) = order.saldo_hold {
        let posting = Posting {
            id: new_id(&case.app.clock),
            kind: Kind::Purchase,
            source_type: "order",
            source_id: &order.id.to_string(),
            actor: ACTOR,
            memo: None,
            event_at: case.now,
            legs: &[(Account::Sales, order.saldo_part.get())],
        };
        ledger::post_held(connection, hold, &posting).await?;
    }
    let amount = case.attempt.amount.get();
    let legs = [(Account::Clearing, -amount), (Account::Sales, amount)];
    post_once(case, connection, Kind::Purchase, &legs).await
}

/// Money that becomes the customer's saldo.
pub(super) async fn saldo(case: &Case<'_>, connection: &mut PgConnection) -> Result<Uuid> {
    let amount = case.attempt.amount.get();
    let saldo = Account::Saldo(case.attempt.customer_id);
    let legs = [(Account::Clearing, -amount), (saldo, amount)];
    post_once(case, connection, Kind::TopUp, &legs).await
}

/// Money for a person to look at.
pub(super) async fn suspense(
    case: &Case<'_>,
    connection: &mut PgConnection,
    received: i64,
) -> Result<Uuid> {
    let legs = [
        (Account::Clearing, -received),
        (Account::Suspense, received),
    ];
    post_once(case, connection, Kind::Suspense, &legs).await
}

/// All of the attempt's money that did not go back by refunds is gone. Returns what the customer
/// had spent of it already: the shop bears that until somebody settles it.
pub(super) async fn take_back(
    case: &Case<'_>,
    connection: &mut PgConnection,
    refunds: &[Refund],
) -> Result<i64> {
    let amount = case.attempt.amount.get() - confirmed(refunds);
    if amount <= 0 {
        return Ok(0);
    }
    let (legs, debt) = outward(case, connection, amount).await?;
    post_once(case, connection, Kind::Reversal, &legs).await?;
    Ok(debt)
}

/// The sum of refunds that their bank has confirmed.
pub(super) fn confirmed(refunds: &[Refund]) -> i64 {
    refunds
        .iter()
        .filter(|refund| refund.bank_confirmed_at.is_some())
        .map(|refund| refund.amount)
        .sum()
}

/// Books refunds that their bank has confirmed and that are not booked yet; returns their sum.
pub(super) async fn refunds(
    case: &Case<'_>,
    connection: &mut PgConnection,
    refunds: &[Refund],
) -> Result<i64> {
    let mut booked = 0;
    for refund in refunds {
        let (Some(key), Some(confirmed_at)) = (&refund.refund_key, refund.bank_confirmed_at) else {
            continue;
        };
        let (legs, _) = outward(case, connection, refund.amount).await?;
        let posting = Posting {
            id: new_id(&case.app.clock),
            kind: Kind::Refund,
            source_type: REFUND_SOURCE,
            source_id: &format!("{}:{key}", case.attempt.id),
            actor: ACTOR,
            memo: refund.reason.as_deref(),
            event_at: confirmed_at,
            legs: &legs,
        };
        if ledger::post(connection, &posting).await? {
            booked += refund.amount;
        }
    }
    Ok(booked)
}

/// The legs of money that leaves clearing again, from where it was credited. What the customer no
/// longer has is the shop's loss, returned beside the legs.
async fn outward(
    case: &Case<'_>,
    connection: &mut PgConnection,
    amount: i64,
) -> Result<(Vec<(Account, i64)>, i64)> {
    let place = case.attempt.credit.map(|credit| credit.to);
    let back = (Account::Clearing, amount);
    Ok(match place {
        Some(CreditedTo::Saldo) => {
            let customer = case.attempt.customer_id;
            let has = ledger::balance(connection, customer)
                .await?
                .spendable()
                .get();
            let from_saldo = amount.min(has);
            let debt = amount - from_saldo;
            let legs = vec![
                back,
                (Account::Saldo(customer), -from_saldo),
                (Account::Adjustment, -debt),
            ];
            (legs, debt)
        }
        Some(CreditedTo::Suspense) => (vec![back, (Account::Suspense, -amount)], 0),
        Some(CreditedTo::Order) | None => (vec![back, (Account::Sales, -amount)], 0),
    })
}

/// Posts what happens to an attempt once.
async fn post_once(
    case: &Case<'_>,
    connection: &mut PgConnection,
    kind: Kind,
    legs: &[(Account, i64)],
) -> Result<Uuid> {
    let memo = case.order.as_ref().map(|order| order.number.to_string());
    let posting = Posting {
        id: new_id(&case.app.clock),
        kind,
        source_type: SOURCE,
        source_id: &case.attempt.id.to_string(),
        actor: ACTOR,
        memo: memo.as_deref(),
        event_at: case.now,
        legs,
    };
    let is_new = ledger::post(connection, &posting).await?;
    ensure!(is_new, "the books hold a {} of it already", kind.as_str());
    Ok(posting.id)
}
