//! What to do next about an attempt, and when. Pure.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use warung_domain::{payment::PaymentState, polling::next_poll, provider::ProviderStatus};

use super::midtrans::Call;
use crate::store::payments::{Attempt, Instructions};

/// Pause after a fault of our own: the database's, or a bug.
pub(super) const AFTER_FAULT: TimeDelta = TimeDelta::seconds(5);
/// A charge that has given no instructions after this long is told to its customer.
pub(super) const SLOW_CHARGE: TimeDelta = TimeDelta::seconds(10);
/// How long after its end an attempt is asked about, so that Midtrans has ended it by itself.
const AFTER_END: TimeDelta = TimeDelta::seconds(2);
/// How long before the end of a hold the status is read once more.
const BEFORE_HOLD_ENDS: TimeDelta = TimeDelta::seconds(15);
/// The first pause after a call without an answer; doubled with each further one.
const BACKOFF: Duration = Duration::from_secs(1);
/// The longest such pause.
const BACKOFF_MOST: Duration = Duration::from_secs(60);

/// What Midtrans was asked already in this go.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Asked {
    charged: bool,
    called_off: bool,
    page_closed: bool,
}

impl Asked {
    pub(super) fn note(&mut self, call: Call) {
        match call {
            Call::Status => {}
            Call::Charge => self.charged = true,
            Call::Cancel | Call::Expire => self.called_off = true,
            Call::ClosePage => self.page_closed = true,
        }
    }
}

/// What a report leaves to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Then {
    /// Nothing now.
    Rest,
    /// Ask Midtrans.
    Ask(Call),
    /// Midtrans has nothing that could be called off: the attempt is over.
    End,
    /// Midtrans was asked to call it off and did not; try later.
    Stuck,
}

/// The first call, or none where there is nothing to ask: an attempt that is over before Midtrans
/// has heard of it.
pub(super) fn first(attempt: &Attempt, taken_over: bool, now: DateTime<Utc>) -> Option<Call> {
    if attempt.state != PaymentState::Creating || taken_over {
        return Some(Call::Status);
    }
    (!is_over(attempt, now)).then_some(Call::Charge)
}

/// Whether the attempt is no longer wanted.
pub(super) fn is_over(attempt: &Attempt, now: DateTime<Utc>) -> bool {
    attempt.cancel_requested || now >= attempt.expires_at
}

/// Whether a page must be closed before anything is made of its silence: the status call does not
/// know a page on which nobody has chosen a method yet.
pub(super) fn has_page_to_close(
    attempt: &Attempt,
    status: &ProviderStatus,
    asked: Asked,
    now: DateTime<Utc>,
) -> bool {
    *status == ProviderStatus::Missing
        && attempt.state.is_live()
        && is_over(attempt, now)
        && matches!(attempt.instructions, Some(Instructions::Link { .. }))
        && !asked.page_closed
}

/// What to do after a report was applied.
pub(super) fn after(
    attempt: &Attempt,
    status: &ProviderStatus,
    asked: Asked,
    now: DateTime<Utc>,
) -> Then {
    // With a hold, the money is in: there is nothing to call off.
    if !attempt.state.is_live() || attempt.hold_until.is_some() {
        return Then::Rest;
    }
    let over = is_over(attempt, now);
    // A charge that was answered, or known already, and still has told nothing to pay by.
    let lost = attempt.instructions.is_none() && asked.charged;
    if over || lost {
        return match status {
            ProviderStatus::Missing => Then::End,
            _ if asked.called_off => Then::Stuck,
            _ if now >= attempt.expires_at => Then::Ask(Call::Expire),
            _ => Then::Ask(Call::Cancel),
        };
    }
    if attempt.instructions.is_none() {
        return Then::Ask(Call::Charge);
    }
    Then::Rest
}

/// When an attempt wants the next look, if all went well.
pub(super) fn next_look(attempt: &Attempt, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    if attempt.state.has_credit() {
        let at = attempt.hold_until? - BEFORE_HOLD_ENDS;
        return (at > now).then_some(at);
    }
    if let Some(hold_until) = attempt.hold_until {
        return Some(hold_until.max(now));
    }
    // Midtrans refused the charge itself: no money can come of it.
    if attempt.state == PaymentState::Failed && attempt.provider_txn_id.is_none() {
        return None;
    }
    let looks = (0..).map_while(|nth| next_poll(attempt.created_at, attempt.expires_at, nth));
    let scheduled = looks.into_iter().find(|at| *at > now);
    if !attempt.state.is_live() {
        return scheduled;
    }
    let end = (attempt.expires_at + AFTER_END).max(now);
    Some(scheduled.map_or(end, |at| at.min(end)))
}

/// The pause after this many calls in a row without an answer.
pub(super) fn backoff(failures: i32) -> TimeDelta {
    let doublings = u32::try_from(failures.saturating_sub(1))
        .unwrap_or(0)
        .min(6);
    let pause = (BACKOFF * 2_u32.pow(doublings)).min(BACKOFF_MOST);
    TimeDelta::from_std(pause).unwrap_or(TimeDelta::minutes(1))
}
