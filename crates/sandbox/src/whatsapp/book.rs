//! The book: everything the sandbox accepted from the shop and delivered to it.

use std::collections::VecDeque;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde::{Serialize, Serializer};
use serde_json::Value;

use super::world::OnItsWay;

/// A message that the send API accepted.
#[derive(Clone, Debug, Serialize)]
pub struct Accepted {
    /// The customer's `wa_id` (what was written in `to` when there is no such customer).
    pub to: String,
    /// The id it was given.
    pub wamid: String,
    /// The shop's `biz_opaque_callback_data`.
    pub opaque: Option<String>,
    /// When, by the sandbox's clock.
    pub at: DateTime<Utc>,
    /// The request body.
    #[serde(serialize_with = "shared_value")]
    pub payload: Arc<Value>,
}

/// A webhook item that the shop took with 200.
#[derive(Clone, Debug, Serialize)]
pub struct Delivered {
    /// The message's id.
    pub wamid: String,
    /// The status, such as `read`; `None` for a customer's message.
    pub status: Option<String>,
    /// When the 200 came, by the sandbox's clock.
    pub at: DateTime<Utc>,
    /// How many POSTs it took.
    pub attempts: u32,
}

/// A webhook item that was posted with a wrong signature.
#[derive(Clone, Debug, Serialize)]
pub struct Forged {
    /// The id of the message that never was.
    pub wamid: String,
    /// What the bot answered; a good bot answers 401.
    pub http_status: u16,
}

/// What happened so far; of each kind the newest [`Config::kept`](super::Config::kept).
#[derive(Clone, Debug, Default, Serialize)]
pub struct Book {
    /// Messages accepted by the send API, in order.
    pub accepted: VecDeque<Accepted>,
    /// Webhook items the shop took, in the order of the answers. Duplicates appear twice.
    pub delivered: VecDeque<Delivered>,
    /// Forged webhook items and their answers.
    pub forged: VecDeque<Forged>,
    /// Ids of messages whose webhook item a fault dropped.
    pub dropped: VecDeque<String>,
    /// Read receipts and typing indicators the shop sent: message ids.
    pub receipts: VecDeque<String>,
}

impl Accepted {
    pub(super) fn of(message: &OnItsWay) -> Self {
        Self {
            to: message.customer.clone(),
            wamid: message.wamid.clone(),
            opaque: message.opaque.clone(),
            at: message.at,
            payload: Arc::clone(&message.payload),
        }
    }
}

fn shared_value<S: Serializer>(value: &Arc<Value>, serializer: S) -> Result<S::Ok, S::Error> {
    value.as_ref().serialize(serializer)
}
