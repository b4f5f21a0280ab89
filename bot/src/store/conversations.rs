//! Where each conversation stands. The row is saved by [`crate::worker::turn`] when a turn ends.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use warung_domain::{
    conversation::{Awaiting, Command},
    language::Language,
    quote::QuoteNonce,
};

/// What the bot must remember between two messages of a customer.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Conversation {
    /// The options of the last message, so that "2" means the second.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub menu: Vec<Command>,
    /// What the shop asked last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub awaiting: Option<Awaiting>,
    /// The quote that "ya" confirms.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub open_quote: Option<QuoteNonce>,
    /// The language the customer was last heard to speak.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detected: Option<Language>,
    /// Until when a person answers instead of the bot.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub muted_until: Option<DateTime<Utc>>,
    /// When the last text was answered: texts that follow quickly are one burst.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_text_at: Option<DateTime<Utc>>,
    /// Messages in a row that were not understood.
    #[serde(skip_serializing_if = "is_zero")]
    pub misses: u8,
    /// Whether the customer was already told that some kinds of messages cannot be read.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub told_unreadable: bool,
    /// When the customer was last told that old messages were not acted on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub told_old_at: Option<DateTime<Utc>>,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde calls it with a reference"
)]
fn is_zero(misses: &u8) -> bool {
    *misses == 0
}

impl Conversation {
    /// Reads the stored form. A form that this version cannot read begins anew: it holds nothing
    /// that matters for money or stock.
    pub fn from_stored(state: serde_json::Value) -> Self {
        serde_json::from_value(state).unwrap_or_else(|_| {
            // The reader's own words would repeat what stands there, which a customer wrote.
            tracing::warn!("a conversation cannot be read and begins anew");
            Self::default()
        })
    }
}
