//! Customers' messages, once stored: [`parse_message`] understands one.

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

/// How JSON writes the character NUL.
pub(crate) const NUL_ESCAPE: &str = "\\u0000";

/// A customer's message.
#[derive(Debug, Clone, PartialEq)]
pub struct Inbound {
    /// Its id.
    pub wamid: String,
    /// When the customer's phone sent it.
    pub sent_at: Option<DateTime<Utc>>,
    /// The id of the message of ours it quotes, or whose button or list it answers.
    pub quoted: Option<String>,
    /// The catalogue product it asks about.
    pub referred_product: Option<ReferredProduct>,
    /// The advertisement or post it came from.
    pub referral: Option<Referral>,
    /// The group it was written in; absent for a message to the shop alone.
    pub group_id: Option<String>,
    /// What it says.
    pub content: Content,
}

/// What a customer's message says.
#[derive(Debug, Clone, PartialEq)]
pub enum Content {
    /// Text.
    Text {
        /// The text as typed.
        body: String,
    },
    /// A template's quick-reply button.
    Button {
        /// What the template gave it.
        payload: String,
        /// What stood on it.
        text: String,
    },
    /// A reply button of ours.
    ButtonReply {
        /// Its id.
        id: String,
        /// Its title.
        title: String,
    },
    /// A row of a list of ours.
    ListReply {
        /// Its id.
        id: String,
        /// Its title.
        title: String,
        /// Its description.
        description: Option<String>,
    },
    /// A form (flow) that was filled in.
    FlowReply {
        /// The flow's name, usually `flow`.
        name: Option<String>,
        /// The form's fields: JSON in a string, as Meta sends it.
        response_json: String,
    },
    /// A cart of Meta's catalogue. Its prices are the customer's word: price it again.
    Order {
        /// The catalogue.
        catalog_id: Option<String>,
        /// A note.
        text: Option<String>,
        /// What is ordered.
        items: Vec<OrderItem>,
    },
    /// A place.
    Location {
        /// Degrees north.
        latitude: f64,
        /// Degrees east.
        longitude: f64,
        /// Its name.
        name: Option<String>,
        /// Its address.
        address: Option<String>,
    },
    /// A picture, video, audio, document or sticker.
    Media(Media),
    /// Contact cards.
    Contacts(Vec<ContactCard>),
    /// An emoji on a message.
    Reaction {
        /// The message it is on.
        message_id: String,
        /// The emoji; absent when it was taken back.
        emoji: Option<String>,
    },
    /// News of the customer's account.
    System(System),
    /// Something WhatsApp does not hand to businesses.
    Unsupported {
        /// The reasons' codes, usually 131051.
        codes: Vec<i64>,
    },
    /// A type this crate does not know.
    Unknown {
        /// Its name.
        type_name: String,
    },
}

/// One line of a catalogue cart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderItem {
    /// The product's own id (its sku).
    pub product_retailer_id: String,
    /// How many, as written, to be parsed as strictly as a typed quantity.
    pub quantity: String,
}

/// A medium a customer sent. Its id lives seven days, its address five minutes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Media {
    /// What sort.
    pub kind: MediaKind,
    /// Its id.
    pub id: String,
    /// Its MIME type.
    pub mime_type: Option<String>,
    /// Its SHA-256, as Meta writes it.
    pub sha256: Option<String>,
    /// What the customer wrote under it.
    pub caption: Option<String>,
    /// A document's name.
    pub filename: Option<String>,
    /// Where it can be fetched with the token, for five minutes.
    pub url: Option<String>,
}

/// The sorts of media.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MediaKind {
    /// A picture.
    Image,
    /// A video.
    Video,
    /// A sound or voice message.
    Audio,
    /// A file.
    Document,
    /// A sticker.
    Sticker,
}

/// A contact card.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContactCard {
    /// The person's name.
    pub name: Option<String>,
    /// Phone numbers as written.
    pub phones: Vec<String>,
}

/// News of a customer's account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum System {
    /// The customer has another phone number, and with it another user id.
    UserChangedNumber {
        /// The number before, where the message came from.
        previous_wa_id: Option<String>,
        /// The number now.
        wa_id: Option<String>,
        /// The user id before.
        previous_user_id: Option<String>,
        /// The user id now.
        user_id: Option<String>,
    },
    /// The customer has another business-scoped user id.
    UserChangedUserId {
        /// The user id before.
        previous_user_id: Option<String>,
        /// The user id now.
        user_id: Option<String>,
        /// The number, where Meta tells it.
        wa_id: Option<String>,
    },
    /// Other news.
    Other {
        /// Its type.
        type_name: String,
    },
}

/// The catalogue product a customer asks about.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ReferredProduct {
    /// The catalogue.
    #[serde(default)]
    pub catalog_id: Option<String>,
    /// The product's own id (its sku).
    pub product_retailer_id: String,
}

/// The advertisement or post a customer came from.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Referral {
    /// Where it is.
    #[serde(default)]
    pub source_url: Option<String>,
    /// `ad` or `post`.
    #[serde(default)]
    pub source_type: Option<String>,
    /// Its id.
    #[serde(default)]
    pub source_id: Option<String>,
    /// Its headline.
    #[serde(default)]
    pub headline: Option<String>,
    /// The click's id.
    #[serde(default)]
    pub ctwa_clid: Option<String>,
}

/// Why an item cannot be understood.
#[derive(Debug, thiserror::Error)]
pub enum ParseError {
    /// A field is missing or has another shape.
    #[error("item has another shape than documented")]
    Shape(#[from] serde_json::Error),
    /// A field that the message's type promises is absent.
    #[error("message has no {0}")]
    Missing(String),
    /// A status with a name this crate does not know; the item itself says which.
    #[error("unknown status")]
    UnknownStatus,
}

/// Reads a message, as the webhook's walk kept it. A type that is not known is no error. No text
/// of the result holds a NUL.
pub fn parse_message(raw: &str) -> Result<Inbound, ParseError> {
    let mut fields: Map<String, Value> = serde_json::from_str(raw)?;
    if raw.contains(NUL_ESCAPE) {
        fields.values_mut().for_each(remove_nul);
    }
    let type_name: String = take(&mut fields, "type")?;
    let content = content(type_name, &mut fields)?;
    let head: Head = serde_json::from_value(Value::Object(fields))?;
    let around = head.context.unwrap_or_default();
    Ok(Inbound {
        wamid: head.id,
        sent_at: head.timestamp.as_ref().and_then(epoch_seconds),
        quoted: around.id,
        referred_product: around.referred_product,
        referral: head.referral,
        group_id: head.group_id,
        content,
    })
}

/// What messages of all types have.
#[derive(Deserialize)]
struct Head {
    id: String,
    #[serde(default)]
    group_id: Option<String>,
    #[serde(default)]
    timestamp: Option<Value>,
    #[serde(default)]
    context: Option<Context>,
    #[serde(default)]
    referral: Option<Referral>,
}

#[derive(Default, Deserialize)]
struct Context {
    #[serde(default)]
    id: Option<String>,
    #[serde(default)]
    referred_product: Option<ReferredProduct>,
}

/// An error inside a message or status.
#[derive(Debug, Deserialize)]
pub(crate) struct WireError {
    pub(crate) code: i64,
    #[serde(default)]
    pub(crate) title: Option<String>,
    #[serde(default)]
    pub(crate) error_data: Option<WireErrorData>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct WireErrorData {
    #[serde(default)]
    pub(crate) details: Option<String>,
}

/// Meta writes Unix seconds as a string, at times as a number.
pub(crate) fn epoch_seconds(value: &Value) -> Option<DateTime<Utc>> {
    let seconds = value.as_i64().or_else(|| value.as_str()?.parse().ok())?;
    crate::webhook::instant(seconds)
}

/// Removes what PostgreSQL stores in no text.
pub(crate) fn remove_nul(value: &mut Value) {
    match value {
        Value::String(text) => text.retain(|c| c != '\0'),
        Value::Array(list) => list.iter_mut().for_each(remove_nul),
        Value::Object(fields) => fields.values_mut().for_each(remove_nul),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// Takes a field out of a message and reads it.
fn take<T: DeserializeOwned>(fields: &mut Map<String, Value>, name: &str) -> Result<T, ParseError> {
    let value = fields
        .remove(name)
        .ok_or_else(|| ParseError::Missing(name.to_owned()))?;
    Ok(serde_json::from_value(value)?)
}

/// The content stands in a field named after the type.
fn content(type_name: String, fields: &mut Map<String, Value>) -> Result<Content, ParseError> {
    let name = type_name.as_str();
    Ok(match name {
        "text" => Content::Text {
            body: take::<wire::Text>(fields, name)?.body,
        },
        "button" => {
            let button: wire::Button = take(fields, name)?;
            Content::Button {
                payload: button.payload,
                text: button.text,
            }
        }
        "interactive" => take::<wire::Interactive>(fields, name)?.into(),
        "order" => take::<wire::Order>(fields, name)?.into(),
        "location" => {
            let place: wire::Location = take(fields, name)?;
            Content::Location {
                latitude: place.latitude,
                longitude: place.longitude,
                name: place.name,
                address: place.address,
            }
        }
        "image" => media(MediaKind::Image, take(fields, name)?),
        "video" => media(MediaKind::Video, take(fields, name)?),
        "audio" => media(MediaKind::Audio, take(fields, name)?),
        "document" => media(MediaKind::Document, take(fields, name)?),
        "sticker" => media(MediaKind::Sticker, take(fields, name)?),
        "contacts" => {
            let cards: Vec<wire::Card> = take(fields, name)?;
            Content::Contacts(cards.into_iter().map(ContactCard::from).collect())
        }
        "reaction" => {
            let reaction: wire::Reaction = take(fields, name)?;
            Content::Reaction {
                message_id: reaction.message_id,
                emoji: reaction.emoji.filter(|emoji| !emoji.is_empty()),
            }
        }
        "system" => {
            let from = text_field(fields, "from");
            let from_user_id = text_field(fields, "from_user_id");
            Content::System(take::<wire::System>(fields, name)?.into_news(from, from_user_id))
        }
        "unsupported" => {
            let errors: Vec<WireError> = take(fields, "errors").unwrap_or_default();
            Content::Unsupported {
                codes: errors.iter().map(|error| error.code).collect(),
            }
        }
        _ => Content::Unknown { type_name },
    })
}

fn text_field(fields: &Map<String, Value>, name: &str) -> Option<String> {
    fields.get(name).and_then(Value::as_str).map(str::to_owned)
}

fn media(kind: MediaKind, wire: wire::Media) -> Content {
    Content::Media(Media {
        kind,
        id: wire.id,
        mime_type: wire.mime_type,
        sha256: wire.sha256,
        caption: wire.caption,
        filename: wire.filename,
        url: wire.url,
    })
}

mod wire;

#[cfg(test)]
mod tests;
