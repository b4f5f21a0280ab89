//! What keeps one customer's purchases apart and few: limit, lock, fence, count.

use std::time::Duration;

use anyhow::{Result, bail};
use chrono::TimeDelta;
use warung_coordination::{LockError, RateDecision};

use super::plan::Refused;
use crate::{
    app::App,
    store::{
        fences,
        orders::place::{self, Allowance, Confirmable},
    },
    worker::turn::{PurchaseLock, Turn},
};

/// The action under which purchases are limited, locked and fenced.
const ACTION: &str = "buy";
/// A customer's message is held back this long for a lock that another holder has. Whoever works on
/// the customer's messages works on them alone, so that a living holder is about to free it, as the
/// turn before does behind its answer; a lock still held then belongs to a bot that died or is stuck,
/// and the fence keeps that one out.
const LOCK_PATIENCE: TimeDelta = TimeDelta::seconds(1);

/// The purchase lock is another's right now. Nothing was done: try the message again soon.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("the purchase lock is held by another")]
pub struct Busy;

/// Charges the purchase against the customer's limit. Returns the wait when it is denied; while
/// Redis is away the count in the transaction decides alone.
pub(super) async fn charge(turn: &Turn<'_>) -> Option<Duration> {
    let limits = &turn.app.config.limits;
    let decision = turn
        .app
        .coordination
        .check_rate_limit(
            &turn.customer.id.to_string(),
            ACTION,
            limits.transactions,
            limits.window,
            &turn.message_key,
        )
        .await;
    match decision {
        RateDecision::Denied { retry_after } => Some(retry_after),
        RateDecision::Allowed { .. } | RateDecision::Repeated | RateDecision::Unavailable => None,
    }
}

/// Gives a charge back. Best effort: at worst the customer waits out the window.
pub async fn refund(app: &App, customer: i64, charge: &str) {
    let refunded = app
        .coordination
        .refund_charge(&customer.to_string(), ACTION, charge)
        .await;
    if refunded.is_err() {
        tracing::debug!("a charge could not be given back");
    }
}

/// Takes the purchase lock and, after it, draws the fence token. The turn keeps both until its
/// commit.
///
/// # Errors
/// [`Busy`], or the database's.
pub(super) async fn lock(turn: &mut Turn<'_>) -> Result<()> {
    let customer = turn.customer.id.to_string();
    let ttl = turn.app.config.limits.lock_ttl;
    let lock = match turn
        .app
        .coordination
        .acquire_lock(&customer, ACTION, ttl)
        .await
    {
        Ok(lock) => Some(lock),
        Err(LockError::Contended { .. }) if turn.now - turn.received_at < LOCK_PATIENCE => {
            return Err(Busy.into());
        }
        // Contended for longer than a living holder works: the fence decides.
        Err(LockError::Contended { .. } | LockError::Unavailable) => {
            turn.app.metrics.lock_fallback.inc();
            None
        }
    };
    let mut connection = turn.app.at_hand.lend().await?;
    let token = fences::token(&mut connection).await?;
    connection.done();
    turn.purchase_lock = Some(PurchaseLock { lock, token });
    Ok(())
}

/// Passes the fence and reads, as a statement of its own behind it, what the customer may still do.
pub(super) async fn fenced(turn: &mut Turn<'_>, quote: &Confirmable) -> Result<Allowance> {
    let (app, now, customer) = (turn.app, turn.now, turn.customer.id);
    let limits = app.config.limits;
    let since = now - TimeDelta::from_std(limits.window)?;
    let resource = format!("{customer}:{ACTION}");
    let Some(PurchaseLock { lock, token }) = &turn.purchase_lock else {
        bail!("a purchase without its lock");
    };
    let (has_lock, token) = (lock.is_some(), *token);
    let connection = turn.tx().await?;
    if !has_lock && !fences::try_advisory(connection, &resource).await? {
        return Err(Busy.into());
    }
    if !fences::advance(connection, &resource, token).await? {
        app.metrics.lock_fenced.inc();
        bail!("fenced: a later holder of the purchase lock was here");
    }
    crash_point!("purchase.fenced");
    let limit = i64::from(limits.transactions);
    Ok(place::allowance(connection, customer, quote, since, limit).await?)
}

/// The authoritative yes or no to one purchase more.
pub(super) fn count(turn: &Turn<'_>, allowance: &Allowance) -> Result<(), Refused> {
    let limits = &turn.app.config.limits;
    let left = i64::from(limits.transactions) - allowance.recent;
    if left <= 0 && !without!("count") {
        let window = TimeDelta::from_std(limits.window).unwrap_or(TimeDelta::MAX);
        let oldest = allowance.oldest.unwrap_or(turn.now);
        let retry_after = (oldest + window - turn.now).max(TimeDelta::zero());
        let denied = RateDecision::Denied {
            retry_after: retry_after.to_std().unwrap_or_default(),
        };
        turn.app.coordination.count_rate(denied, "postgres");
        return Err(Refused::TooMany(retry_after));
    }
    let allowed = RateDecision::Allowed {
        remaining: u32::try_from(left - 1).unwrap_or(0),
    };
    turn.app.coordination.count_rate(allowed, "postgres");
    Ok(())
}
