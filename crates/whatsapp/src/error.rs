//! The Cloud API's error codes and what a sender does about each.
//!
//! Only `error.code` decides: Meta warns that titles, subcodes and HTTP statuses change.

use std::time::Duration;

use serde::Deserialize;

/// First pause after a transient fault; it doubles with each attempt.
pub const BACKOFF_FIRST: Duration = Duration::from_secs(1);
/// Longest pause after a transient fault.
pub const BACKOFF_CAP: Duration = Duration::from_mins(5);
/// How long the whole app stops calling after 4 or 80007 (call budget).
pub const APP_PAUSE: Duration = Duration::from_mins(1);
/// How long a number stops sending after 131057 (its throughput is being raised, up to a minute).
pub const NUMBER_PAUSE: Duration = Duration::from_mins(1);
/// First pause of a number after 130429 (throughput); it doubles with each attempt.
pub const THROTTLE_FIRST: Duration = Duration::from_secs(1);
/// Longest pause of a number after 130429.
pub const THROTTLE_CAP: Duration = Duration::from_secs(30);
/// How long a marketing message refused with 131049 is not tried again.
pub const MARKETING_HOLD: Duration = Duration::from_hours(24);
/// Largest exponent X of the 4^X seconds a pair waits after 131056.
pub const PAIR_EXPONENT_CAP: u32 = 6;

/// An error the API answered with.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("api error {code} (http {http_status}): {message}")]
pub struct ApiError {
    /// `error.code`, which alone decides what to do.
    pub code: i64,
    /// `error.message`, in English, for people.
    pub message: String,
    /// `error.error_data.details`, where given. It may quote what was sent.
    pub details: Option<String>,
    /// The HTTP status of the answer.
    pub http_status: u16,
    /// The answer's `Retry-After` in seconds, where given.
    pub retry_after: Option<Duration>,
    /// `error.fbtrace_id`, which Meta's support asks for.
    pub trace_id: Option<String>,
}

/// What a sender does about an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// A transient fault: send again after this long.
    RetryWithBackoff(Duration),
    /// The app's call budget is used up: nothing is sent for this long, by any number.
    PauseApp(Duration),
    /// The number cannot send for this long.
    PauseNumber(Duration),
    /// The number sends too fast: it rests this long and then goes slower.
    WaitThrottle(Duration),
    /// Too many messages from this number to this customer: only this pair waits.
    DelayPair(Duration),
    /// Not again before this long has passed (a marketing limit of the customer's).
    Hold(Duration),
    /// The 24-hour window is shut: only a template or a Direct Send reaches the customer.
    WindowClosed,
    /// Direct Send is not allowed for this account or text: only a template is left.
    DirectSendBlocked,
    /// The message cannot reach this customer: stop, and show why.
    Undeliverable,
    /// Drop this message: the customer is in an experiment that blocks it.
    Drop,
    /// The number is limited for spam: stop every campaign.
    HaltCampaigns,
    /// The customer stopped marketing messages: record it.
    OptOut,
    /// Token, permission, policy or billing: stop sending and call a person.
    FreezeAndPage,
    /// The request is wrong: sending it again is useless; keep it for a developer.
    OurBug,
    /// The media could not be fetched or stored: fetch or encode it once more.
    MediaRetryOnce,
    /// The customer cannot be reached by user id for this message: a phone number is needed.
    NeedsPhone,
    /// The customer's identity key changed: confirm it before sending anything private.
    IdentityChanged,
    /// The template is missing, mismatched, paused or disabled.
    Template,
    /// The number was registered too often (10 times in 72 hours).
    RegistrationLimit,
}

impl ApiError {
    /// What a sender does, where `attempt` is 0 after the first try. A pause is never shorter than
    /// the answer's `Retry-After`.
    pub fn action(&self, attempt: u32) -> Action {
        let action = match Action::for_code(self.code, attempt) {
            Some(action) => action,
            None if self.http_status >= 500 || self.http_status == 429 => {
                Action::RetryWithBackoff(doubled(BACKOFF_FIRST, attempt, BACKOFF_CAP))
            }
            None => Action::OurBug,
        };
        action.no_sooner_than(self.retry_after.unwrap_or_default())
    }
}

impl Action {
    /// What a sender does about a code, where `attempt` is 0 after the first try; nothing for a
    /// code that is not known. Failed statuses carry the same codes.
    pub fn for_code(code: i64, attempt: u32) -> Option<Self> {
        let action = match code {
            1 | 2 | 131_000 | 131_016 => {
                Self::RetryWithBackoff(doubled(BACKOFF_FIRST, attempt, BACKOFF_CAP))
            }
            4 | 80_007 => Self::PauseApp(APP_PAUSE),
            130_429 => Self::WaitThrottle(doubled(THROTTLE_FIRST, attempt, THROTTLE_CAP)),
            131_056 => {
                let exponent = attempt.min(PAIR_EXPONENT_CAP);
                Self::DelayPair(Duration::from_secs(4_u64.pow(exponent)))
            }
            131_057 => Self::PauseNumber(NUMBER_PAUSE),
            131_047 => Self::WindowClosed,
            139_200 => Self::DirectSendBlocked,
            131_026 | 131_030 => Self::Undeliverable,
            131_048 => Self::HaltCampaigns,
            131_049 => Self::Hold(MARKETING_HOLD),
            131_050 => Self::OptOut,
            130_472 => Self::Drop,
            // Token and permission, then policy, lock, country, display name and billing.
            0
            | 3
            | 10
            | 190
            | 200..=299
            | 131_005
            | 368
            | 130_497
            | 131_031
            | 131_037
            | 131_042
            | 131_045 => Self::FreezeAndPage,
            131_052 | 131_053 if attempt == 0 => Self::MediaRetryOnce,
            33 | 100 | 131_008 | 131_009 | 131_021 | 131_051..=131_053 => Self::OurBug,
            131_062 => Self::NeedsPhone,
            137_000 => Self::IdentityChanged,
            132_000..=132_016 => Self::Template,
            133_016 => Self::RegistrationLimit,
            _ => return None,
        };
        Some(action)
    }

    fn no_sooner_than(self, least: Duration) -> Self {
        match self {
            Self::RetryWithBackoff(pause) => Self::RetryWithBackoff(pause.max(least)),
            Self::PauseApp(pause) => Self::PauseApp(pause.max(least)),
            Self::PauseNumber(pause) => Self::PauseNumber(pause.max(least)),
            Self::WaitThrottle(pause) => Self::WaitThrottle(pause.max(least)),
            Self::DelayPair(pause) => Self::DelayPair(pause.max(least)),
            Self::Hold(pause) => Self::Hold(pause.max(least)),
            other => other,
        }
    }
}

fn doubled(first: Duration, attempt: u32, cap: Duration) -> Duration {
    first.saturating_mul(2_u32.saturating_pow(attempt)).min(cap)
}

/// The body of an error answer.
#[derive(Deserialize)]
pub(crate) struct ErrorBody {
    pub(crate) error: ErrorDetail,
}

#[derive(Deserialize)]
pub(crate) struct ErrorDetail {
    pub(crate) code: i64,
    #[serde(default)]
    pub(crate) message: String,
    #[serde(default)]
    pub(crate) error_data: Option<ErrorData>,
    #[serde(default)]
    pub(crate) fbtrace_id: Option<String>,
}

#[derive(Deserialize)]
pub(crate) struct ErrorData {
    #[serde(default)]
    pub(crate) details: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(count: u64) -> Duration {
        Duration::from_secs(count)
    }

    #[test]
    fn every_code_of_metas_table_has_its_action() {
        let table: &[(&[i64], Action)] = &[
            (
                &[1, 2, 131_000, 131_016],
                Action::RetryWithBackoff(seconds(1)),
            ),
            (&[4, 80_007], Action::PauseApp(seconds(60))),
            (&[130_429], Action::WaitThrottle(seconds(1))),
            (&[131_056], Action::DelayPair(seconds(1))),
            (&[131_057], Action::PauseNumber(seconds(60))),
            (&[131_047], Action::WindowClosed),
            (&[139_200], Action::DirectSendBlocked),
            (&[131_026, 131_030], Action::Undeliverable),
            (&[131_048], Action::HaltCampaigns),
            (&[131_049], Action::Hold(seconds(86_400))),
            (&[131_050], Action::OptOut),
            (&[130_472], Action::Drop),
            (
                &[0, 3, 10, 190, 200, 250, 299, 131_005],
                Action::FreezeAndPage,
            ),
            (
                &[368, 131_031, 131_037, 130_497, 131_042, 131_045],
                Action::FreezeAndPage,
            ),
            (
                &[33, 100, 131_008, 131_009, 131_021, 131_051],
                Action::OurBug,
            ),
            (&[131_052, 131_053], Action::MediaRetryOnce),
            (&[131_062], Action::NeedsPhone),
            (&[137_000], Action::IdentityChanged),
            (
                &[
                    132_000, 132_001, 132_005, 132_007, 132_012, 132_015, 132_016,
                ],
                Action::Template,
            ),
            (&[133_016], Action::RegistrationLimit),
        ];
        for (codes, action) in table {
            for code in *codes {
                assert_eq!(Action::for_code(*code, 0), Some(*action), "{code}");
            }
        }
        assert_eq!(Action::for_code(999_999, 0), None);
    }

    #[test]
    fn pauses_grow_with_each_attempt_and_end_at_their_cap() {
        let pair = |attempt| Action::for_code(131_056, attempt);
        assert_eq!(pair(0), Some(Action::DelayPair(seconds(1))));
        assert_eq!(pair(3), Some(Action::DelayPair(seconds(64))));
        assert_eq!(pair(99), Some(Action::DelayPair(seconds(4096))));
        let transient = |attempt| Action::for_code(131_000, attempt);
        assert_eq!(transient(3), Some(Action::RetryWithBackoff(seconds(8))));
        assert_eq!(
            transient(u32::MAX),
            Some(Action::RetryWithBackoff(seconds(300)))
        );
        assert_eq!(
            Action::for_code(130_429, 10),
            Some(Action::WaitThrottle(seconds(30)))
        );
    }

    #[test]
    fn media_is_tried_once_more_and_then_kept_for_a_person() {
        assert_eq!(Action::for_code(131_053, 0), Some(Action::MediaRetryOnce));
        assert_eq!(Action::for_code(131_053, 1), Some(Action::OurBug));
    }

    #[test]
    fn an_unknown_code_is_retried_only_when_the_server_is_at_fault() {
        let error = |http_status| ApiError {
            code: 999_999,
            message: "new".to_owned(),
            details: None,
            http_status,
            retry_after: None,
            trace_id: None,
        };
        assert_eq!(error(500).action(0), Action::RetryWithBackoff(seconds(1)));
        assert_eq!(error(429).action(1), Action::RetryWithBackoff(seconds(2)));
        assert_eq!(error(400).action(0), Action::OurBug);
    }

    #[test]
    fn retry_after_lengthens_a_pause_and_never_shortens_it() {
        let mut error = ApiError {
            code: 4,
            message: String::new(),
            details: None,
            http_status: 429,
            retry_after: Some(seconds(600)),
            trace_id: None,
        };
        assert_eq!(error.action(0), Action::PauseApp(seconds(600)));
        error.retry_after = Some(seconds(1));
        assert_eq!(error.action(0), Action::PauseApp(seconds(60)));
    }
}
