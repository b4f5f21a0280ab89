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
const BACKOFF_MOST: Duration = Duration::from_mins(1);

/// What Midtrans was asked already in this go.
#[derive(Debug, Default)]
pub(super) struct Asked(Vec<Call>);

impl Asked {
    pub(super) fn note(&mut self, call: Call) {
        self.0.push(call);
    }

    /// Whether a payment may exist at Midtrans although nothing was heard: a charge was sent now,
    /// or its status had to be read because somebody may have sent one.
    pub(super) fn may_have_charged(&self, sent: bool) -> bool {
        self.has(Call::Status) || (self.has(Call::Charge) && sent)
    }

    fn has(&self, call: Call) -> bool {
        self.0.contains(&call)
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

/// What a page of Midtrans' own changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Page {
    /// The customer can begin there, for the first time or again after a refusal: the report says
    /// nothing about the attempt.
    Open,
    /// The same, but the attempt is over: the page must be closed before anything is made of it.
    MustClose,
}

/// Whether the report is only about a page on which nobody pays at the moment. The status call does
/// not know a page whose customer has chosen nothing yet, and tells of a refusal after which the
/// customer may choose again.
pub(super) fn page(
    attempt: &Attempt,
    status: &ProviderStatus,
    asked: &Asked,
    now: DateTime<Utc>,
) -> Option<Page> {
    let is_idle = matches!(
        status,
        ProviderStatus::Missing | ProviderStatus::Deny | ProviderStatus::Failure
    );
    let has_page = matches!(attempt.instructions, Some(Instructions::Link { .. }));
    let is_payable = attempt.state.is_live() && attempt.hold_until.is_none();
    if !(is_idle && has_page && is_payable) || asked.has(Call::ClosePage) {
        return None;
    }
    Some(if is_over(attempt, now) {
        Page::MustClose
    } else {
        Page::Open
    })
}

/// What to do after a report was applied.
pub(super) fn after(
    attempt: &Attempt,
    status: &ProviderStatus,
    asked: &Asked,
    now: DateTime<Utc>,
) -> Then {
    // With a hold, the money is in: there is nothing to call off.
    if !attempt.state.is_live() || attempt.hold_until.is_some() {
        return Then::Rest;
    }
    let over = is_over(attempt, now);
    // A charge that was answered, or known already, and still has told nothing to pay by.
    let lost = attempt.instructions.is_none() && asked.has(Call::Charge);
    if over || lost {
        return match status {
            ProviderStatus::Missing => Then::End,
            _ if asked.has(Call::Cancel) || asked.has(Call::Expire) => Then::Stuck,
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

#[cfg(test)]
mod tests {
    use uuid::Uuid;
    use warung_domain::{money::Rupiah, payment::PaymentMethod};

    use super::*;
    use crate::store::payments::Purpose;

    /// An attempt by QRIS that can be paid for fifteen minutes.
    fn attempt(state: PaymentState) -> Attempt {
        let created_at = DateTime::UNIX_EPOCH;
        Attempt {
            id: Uuid::nil(),
            purpose: Purpose::TopUp("nonce".to_owned()),
            customer_id: 1,
            provider_order_id: "TOPUP-010170-abcdefgh".to_owned(),
            amount: Rupiah::new(10_000).unwrap(),
            method: PaymentMethod::Qris,
            idem_key: Uuid::nil(),
            state,
            cancel_requested: false,
            instructions: None,
            provider_txn_id: None,
            provider_status: None,
            fraud_status: None,
            credit: None,
            hold_until: None,
            polls: 0,
            failures: 0,
            checked_at: None,
            act_at: None,
            owner: None,
            claimed_at: None,
            created_at,
            expires_at: created_at + TimeDelta::minutes(15),
            version: 0,
        }
    }

    fn with_code(state: PaymentState) -> Attempt {
        Attempt {
            instructions: Some(Instructions::Qris {
                qr_string: "000201".to_owned(),
            }),
            ..attempt(state)
        }
    }

    fn with_page() -> Attempt {
        Attempt {
            instructions: Some(Instructions::Link {
                url: "https://pay.example/t".to_owned(),
                token: "t".to_owned(),
            }),
            ..attempt(PaymentState::Pending)
        }
    }

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::seconds(seconds)
    }

    fn asked(call: Call) -> Asked {
        let mut asked = Asked::default();
        asked.note(call);
        asked
    }

    #[test]
    fn only_an_attempt_that_nobody_can_have_charged_is_charged_first() {
        let new = attempt(PaymentState::Creating);
        assert_eq!(first(&new, false, at(0)), Some(Call::Charge));
        assert_eq!(first(&new, true, at(0)), Some(Call::Status));
        assert_eq!(first(&new, false, at(900)), None);
        let unwanted = Attempt {
            cancel_requested: true,
            ..new
        };
        assert_eq!(first(&unwanted, false, at(0)), None);
        for state in [PaymentState::Unknown, PaymentState::Pending] {
            assert_eq!(first(&attempt(state), false, at(0)), Some(Call::Status));
        }
    }

    #[test]
    fn what_gives_no_way_to_pay_is_charged_again_once_and_then_called_off() {
        let lost = attempt(PaymentState::Pending);
        let then = |asked: &Asked| after(&lost, &ProviderStatus::Pending, asked, at(5));
        assert_eq!(then(&Asked::default()), Then::Ask(Call::Charge));
        assert_eq!(then(&asked(Call::Charge)), Then::Ask(Call::Cancel));
        let known = with_code(PaymentState::Pending);
        let then = after(
            &known,
            &ProviderStatus::Pending,
            &asked(Call::Charge),
            at(5),
        );
        assert_eq!(then, Then::Rest);
    }

    #[test]
    fn an_unwanted_attempt_ends_only_when_midtrans_says_so() {
        let unwanted = Attempt {
            cancel_requested: true,
            ..with_code(PaymentState::Pending)
        };
        let then = |asked: &Asked, now| after(&unwanted, &ProviderStatus::Pending, asked, now);
        assert_eq!(then(&Asked::default(), at(5)), Then::Ask(Call::Cancel));
        assert_eq!(then(&asked(Call::Cancel), at(5)), Then::Stuck);
        assert_eq!(then(&Asked::default(), at(900)), Then::Ask(Call::Expire));
        let missing = after(
            &unwanted,
            &ProviderStatus::Missing,
            &Asked::default(),
            at(5),
        );
        assert_eq!(missing, Then::End);
        let held = Attempt {
            hold_until: Some(at(600)),
            ..unwanted
        };
        let paid = after(&held, &ProviderStatus::Settlement, &Asked::default(), at(5));
        assert_eq!(paid, Then::Rest, "the money is in");
    }

    #[test]
    fn a_page_on_which_nobody_pays_stays_open_until_its_end() {
        let page_at = |status, asked: &Asked, now| page(&with_page(), &status, asked, now);
        let none = &Asked::default();
        for idle in [ProviderStatus::Missing, ProviderStatus::Deny] {
            assert_eq!(page_at(idle.clone(), none, at(5)), Some(Page::Open));
            assert_eq!(page_at(idle.clone(), none, at(900)), Some(Page::MustClose));
            assert_eq!(page_at(idle, &asked(Call::ClosePage), at(900)), None);
        }
        assert_eq!(page_at(ProviderStatus::Pending, none, at(900)), None);
        let code = with_code(PaymentState::Pending);
        assert_eq!(page(&code, &ProviderStatus::Deny, none, at(5)), None);
    }

    #[test]
    fn a_live_attempt_is_looked_at_until_its_end_and_right_after_it() {
        let pending = with_code(PaymentState::Pending);
        assert_eq!(next_look(&pending, at(0)), Some(at(30)));
        assert_eq!(next_look(&pending, at(30)), Some(at(90)));
        assert_eq!(next_look(&pending, at(600)), Some(at(902)));
        assert_eq!(next_look(&pending, at(1_000)), Some(at(1_000)));
    }

    #[test]
    fn money_is_looked_for_long_after_the_end() {
        let expired = with_code(PaymentState::Expired);
        assert_eq!(next_look(&expired, at(903)), Some(at(1_410)));
        let day = 86_400;
        assert_eq!(next_look(&expired, at(1_500)), Some(at(1_500 + day)));
        assert_eq!(next_look(&expired, at(1_500 + 7 * day)), None);
        assert_eq!(next_look(&attempt(PaymentState::Failed), at(5)), None);
    }

    #[test]
    fn a_hold_is_looked_at_before_its_goods_go_out_and_at_its_end_before_its_saldo_comes() {
        let mut held = with_code(PaymentState::Settled);
        held.hold_until = Some(at(600));
        assert_eq!(next_look(&held, at(0)), Some(at(585)));
        assert_eq!(next_look(&held, at(590)), None);
        held.state = PaymentState::Pending;
        assert_eq!(next_look(&held, at(0)), Some(at(600)));
    }

    #[test]
    fn pauses_double_up_to_a_minute() {
        let pauses: Vec<i64> = (1..=9).map(|n| backoff(n).num_seconds()).collect();
        assert_eq!(pauses, [1, 2, 4, 8, 16, 32, 60, 60, 60]);
        assert_eq!(backoff(i32::MAX).num_seconds(), 60);
    }
}
