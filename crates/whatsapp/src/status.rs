//! Statuses: the news Meta sends of a message of ours.

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::Value;

use crate::inbound::{NUL_ESCAPE, ParseError, WireError, epoch_seconds, remove_nul};

/// News of a message we sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// The message's id.
    pub wamid: String,
    /// What became of it.
    pub state: StatusState,
    /// The phone number's id it went to; absent when it was sent to a user id.
    pub recipient: Option<String>,
    /// The business-scoped user id it went to.
    pub recipient_user_id: Option<String>,
    /// The callback data it was sent with.
    pub opaque: Option<String>,
    /// Why it failed; the first is the one that counts.
    pub errors: Vec<StatusError>,
    /// What it costs, with the first of sent, delivered or read.
    pub pricing: Option<Pricing>,
    /// When it happened.
    pub timestamp: Option<DateTime<Utc>>,
}

/// What became of a message.
///
/// News comes in any order and `delivered` is skipped when the customer reads at once, so states
/// are compared, never expected in sequence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum StatusState {
    /// Meta has it.
    Sent,
    /// It could not be delivered; a later delivery still counts.
    Failed,
    /// It is on the customer's phone.
    Delivered,
    /// The customer has seen it.
    Read,
    /// The customer has played it (voice messages).
    Played,
}

impl StatusState {
    /// Whether this news changes what was known before: a message never goes back from read to
    /// delivered, and a delivery after a failure wins.
    pub fn supersedes(self, known: Self) -> bool {
        self > known
    }

    /// The state's name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Sent => "sent",
            Self::Failed => "failed",
            Self::Delivered => "delivered",
            Self::Read => "read",
            Self::Played => "played",
        }
    }
}

/// Why a message failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatusError {
    /// The code [`crate::error::Action::for_code`] knows.
    pub code: i64,
    /// Its title, for people.
    pub title: Option<String>,
    /// Its details, for people.
    pub details: Option<String>,
}

/// What a message costs.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Pricing {
    /// Whether it is billed.
    #[serde(default)]
    pub billable: Option<bool>,
    /// `PMP`, per-message pricing.
    #[serde(default, rename = "pricing_model")]
    pub model: Option<String>,
    /// `regular`, `free_customer_service` or `free_entry_point`.
    #[serde(default)]
    pub r#type: Option<String>,
    /// `marketing`, `utility`, `authentication`, `service`, …
    #[serde(default)]
    pub category: Option<String>,
}

/// Reads a status, as the webhook's walk kept it. No text of the result holds a NUL.
pub fn parse_status(raw: &str) -> Result<Status, ParseError> {
    let wire: Wire = if raw.contains(NUL_ESCAPE) {
        let mut value: Value = serde_json::from_str(raw)?;
        remove_nul(&mut value);
        serde_json::from_value(value)?
    } else {
        serde_json::from_str(raw)?
    };
    let state = match wire.status.as_str() {
        "sent" => StatusState::Sent,
        "failed" => StatusState::Failed,
        "delivered" => StatusState::Delivered,
        "read" => StatusState::Read,
        "played" => StatusState::Played,
        _ => return Err(ParseError::UnknownStatus),
    };
    let errors = wire
        .errors
        .unwrap_or_default()
        .into_iter()
        .map(StatusError::from)
        .collect();
    Ok(Status {
        wamid: wire.id,
        state,
        recipient: wire.recipient_id,
        recipient_user_id: wire.recipient_user_id,
        opaque: wire.biz_opaque_callback_data,
        errors,
        pricing: wire.pricing,
        timestamp: wire.timestamp.as_ref().and_then(epoch_seconds),
    })
}

impl From<WireError> for StatusError {
    fn from(error: WireError) -> Self {
        Self {
            code: error.code,
            title: error.title,
            details: error.error_data.and_then(|data| data.details),
        }
    }
}

#[derive(Deserialize)]
struct Wire {
    id: String,
    status: String,
    #[serde(default)]
    recipient_id: Option<String>,
    #[serde(default)]
    recipient_user_id: Option<String>,
    #[serde(default)]
    biz_opaque_callback_data: Option<String>,
    #[serde(default)]
    timestamp: Option<Value>,
    #[serde(default)]
    pricing: Option<Pricing>,
    #[serde(default)]
    errors: Option<Vec<WireError>>,
}
