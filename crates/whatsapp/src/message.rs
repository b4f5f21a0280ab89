//! Outgoing messages as the API takes them: `POST /{version}/{phone-number-id}/messages`.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::interactive::Interactive;
use crate::limits::CALLBACK_DATA_UNITS;
use crate::text::units;

/// One message to one customer. It serialises to the body of the call, and back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutgoingMessage {
    messaging_product: Product,
    recipient_type: RecipientType,
    /// To whom it goes.
    #[serde(flatten)]
    pub recipient: Recipient,
    /// The message it answers, shown quoted above it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context: Option<Context>,
    /// What Meta repeats in every status of the message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub biz_opaque_callback_data: Option<CallbackData>,
    /// Set for a Direct Send, which reaches a customer outside the 24-hour window without a
    /// template, for accounts that may (else error 139200).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub category: Option<Category>,
    /// What it says.
    #[serde(flatten)]
    pub content: Content,
}

/// What a Direct Send is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Category {
    /// News of an order.
    Utility,
}

impl OutgoingMessage {
    /// A message that quotes nothing and carries no callback data.
    pub fn new(recipient: Recipient, content: Content) -> Self {
        Self {
            messaging_product: Product::Whatsapp,
            recipient_type: RecipientType::Individual,
            recipient,
            context: None,
            biz_opaque_callback_data: None,
            category: None,
            content,
        }
    }

    /// The same message quoting the message with this id.
    #[must_use]
    pub fn quoting(mut self, message_id: impl Into<String>) -> Self {
        self.context = Some(Context {
            message_id: message_id.into(),
        });
        self
    }

    /// The same message with data that comes back in its statuses.
    #[must_use]
    pub fn with_callback_data(mut self, data: CallbackData) -> Self {
        self.biz_opaque_callback_data = Some(data);
        self
    }
}

/// Whom a message goes to: a phone number (`to`) or a business-scoped user id (`recipient`).
///
/// When both are sent Meta follows `to`, so there is only ever one. Its `Debug` form shows no
/// identity.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Recipient {
    /// A phone number's id: digits only.
    WaId {
        /// Such as `6281234567890`.
        to: String,
    },
    /// A business-scoped user id.
    UserId {
        /// Such as `ID.1a2b3c`.
        recipient: String,
    },
}

/// Why a text is no recipient.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RecipientError {
    /// A phone number's id has 5 to 20 digits and nothing else.
    #[error("not a phone number's id")]
    WaId,
    /// A user id has a two-letter prefix, a dot, and at most 128 letters and digits; a parent id
    /// has `ENT.` between.
    #[error("not a business-scoped user id")]
    UserId,
}

impl Recipient {
    /// A customer known by phone number. Nothing is cleaned: a user id stripped of its letters
    /// would be a stranger's number.
    pub fn wa_id(text: &str) -> Result<Self, RecipientError> {
        let digits = text.bytes().all(|byte| byte.is_ascii_digit());
        if digits && (5..=20).contains(&text.len()) {
            Ok(Self::WaId {
                to: text.to_owned(),
            })
        } else {
            Err(RecipientError::WaId)
        }
    }

    /// A customer known by business-scoped user id or parent id.
    pub fn user_id(text: &str) -> Result<Self, RecipientError> {
        let (country, rest) = text.split_once('.').ok_or(RecipientError::UserId)?;
        let id = rest.strip_prefix("ENT.").unwrap_or(rest);
        let country = country.len() == 2 && country.bytes().all(|b| b.is_ascii_uppercase());
        let id = (1..=128).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_alphanumeric());
        if country && id {
            Ok(Self::UserId {
                recipient: text.to_owned(),
            })
        } else {
            Err(RecipientError::UserId)
        }
    }
}

impl fmt::Debug for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::WaId { .. } => f.write_str("WaId(…)"),
            Self::UserId { .. } => f.write_str("UserId(…)"),
        }
    }
}

/// Data of ours that Meta repeats in the statuses of a message: at most 512 characters. The id of
/// the outbox row belongs here, because it settles a send whose answer was lost.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct CallbackData(String);

/// Callback data longer than the API takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("callback data is empty or longer than 512 characters")]
pub struct CallbackDataError;

impl CallbackData {
    /// The data as it is, when it has 1 to 512 characters.
    pub fn parse(text: impl Into<String>) -> Result<Self, CallbackDataError> {
        let text = text.into();
        if text.is_empty() || units(&text) > CALLBACK_DATA_UNITS {
            return Err(CallbackDataError);
        }
        Ok(Self(text))
    }

    /// The data.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for CallbackData {
    type Error = CallbackDataError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(text)
    }
}

impl From<CallbackData> for String {
    fn from(data: CallbackData) -> Self {
        data.0
    }
}

impl From<i64> for CallbackData {
    fn from(id: i64) -> Self {
        Self(id.to_string())
    }
}

/// The message an answer quotes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Context {
    /// Its id (`wamid.…`).
    pub message_id: String,
}

/// What a message says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Content {
    /// Plain text.
    Text {
        /// The text.
        text: Text,
    },
    /// A picture.
    Image {
        /// The picture.
        image: Image,
    },
    /// Buttons, a list or a link button.
    Interactive {
        /// The message.
        interactive: Interactive,
    },
    /// An approved template, the only thing that may be sent outside the 24-hour window.
    Template {
        /// The template and its parameters.
        template: Template,
    },
}

impl Content {
    /// Plain text without a link preview, as it is (no limit is applied).
    pub fn text(body: impl Into<String>) -> Self {
        Self::Text {
            text: Text {
                preview_url: false,
                body: body.into(),
            },
        }
    }
}

/// Plain text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Text {
    /// Whether the first link in it gets a preview.
    #[serde(default)]
    pub preview_url: bool,
    /// At most 4096 characters.
    pub body: String,
}

/// A picture with an optional caption.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Image {
    /// Where the picture is.
    #[serde(flatten)]
    pub media: Media,
    /// At most 1024 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub caption: Option<String>,
}

/// Where a medium is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Media {
    /// At an address Meta fetches it from.
    Link(String),
    /// Uploaded before; the id lives 30 days.
    Id(String),
}

/// An approved template.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Template {
    /// Its name.
    pub name: String,
    /// Its language.
    pub language: TemplateLanguage,
    /// Its parameters, by component.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub components: Vec<TemplateComponent>,
}

impl Template {
    /// A template whose body takes these texts in order.
    pub fn with_body(name: &str, language: &str, texts: impl IntoIterator<Item = String>) -> Self {
        let parameters: Vec<_> = texts
            .into_iter()
            .map(|text| TemplateParameter::Text { text })
            .collect();
        let components = if parameters.is_empty() {
            Vec::new()
        } else {
            vec![TemplateComponent::Body { parameters }]
        };
        Self {
            name: name.to_owned(),
            language: TemplateLanguage {
                code: language.to_owned(),
            },
            components,
        }
    }
}

/// A template's language.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TemplateLanguage {
    /// Such as `id` or `en_US`.
    pub code: String,
}

/// The parameters of a part of a template.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum TemplateComponent {
    /// The body's parameters.
    Body {
        /// In order.
        parameters: Vec<TemplateParameter>,
    },
}

/// A parameter of a template.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum TemplateParameter {
    /// A text.
    Text {
        /// The text; Meta refuses line feeds in it.
        text: String,
    },
}

/// Marks a message, and those before it, as read; with the typing indicator the customer also sees
/// that an answer is being written, for at most 25 seconds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ReadReceipt {
    messaging_product: Product,
    status: &'static str,
    message_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    typing_indicator: Option<TypingIndicator>,
}

impl ReadReceipt {
    /// A receipt for a customer's message.
    pub fn new(message_id: &str, typing: bool) -> Self {
        Self {
            messaging_product: Product::Whatsapp,
            status: "read",
            message_id: message_id.to_owned(),
            typing_indicator: typing.then_some(TypingIndicator { r#type: "text" }),
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct TypingIndicator {
    r#type: &'static str,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Product {
    Whatsapp,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum RecipientType {
    Individual,
}

#[cfg(test)]
mod tests;
