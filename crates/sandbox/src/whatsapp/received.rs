//! What lies in a customer's phone: messages from the shop and messages they wrote.

use std::fmt;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::{Value, json};

use super::media::Media;

/// A message from the shop, as it arrived on the phone.
#[derive(Clone, Debug)]
pub struct Received {
    /// Its id.
    pub wamid: String,
    /// When it arrived, by the sandbox's clock.
    pub at: DateTime<Utc>,
    /// The request body the shop sent.
    pub payload: Arc<Value>,
    /// The shop's `biz_opaque_callback_data`.
    pub opaque: Option<String>,
    /// Its picture or file.
    pub media: Option<Arc<Media>>,
    /// Whether the customer has seen it.
    pub read: bool,
}

/// What kind of message it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Plain text.
    Text,
    /// Text with up to three reply buttons.
    Buttons,
    /// Text with a list of rows.
    List,
    /// Text with one link button.
    Link,
    /// A picture.
    Image,
    /// A file.
    Document,
    /// An emoji on an earlier message.
    Reaction,
    /// A template.
    Template,
}

/// Something the customer can tap or pick.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Choice {
    /// Whether it is a row of a list; otherwise it is a button.
    pub is_row: bool,
    /// The id the shop gave it.
    pub id: String,
    /// The words on it.
    pub title: String,
    /// The small print of a row.
    pub description: Option<String>,
}

/// How far a customer's own message has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Tick {
    /// On its way to the shop: one grey tick.
    Sent,
    /// The shop's webhook answered 200: two grey ticks.
    Delivered,
    /// The shop marked it as read: two blue ticks.
    Read,
}

/// A message the customer wrote.
#[derive(Clone, Debug)]
pub struct Written {
    /// Its id.
    pub wamid: String,
    /// When it was written, by the sandbox's clock.
    pub at: DateTime<Utc>,
    /// The message as the webhook carries it.
    pub message: Arc<Value>,
    /// How far it has come.
    pub tick: Tick,
}

/// One bubble of the conversation.
#[derive(Clone, Debug)]
pub enum Bubble {
    /// From the shop.
    Received(Received),
    /// From the customer.
    Written(Written),
}

impl Received {
    /// What kind of message it is.
    pub fn kind(&self) -> Kind {
        match self.payload["type"].as_str().unwrap_or("text") {
            "interactive" => match self.payload["interactive"]["type"].as_str() {
                Some("button") => Kind::Buttons,
                Some("list") => Kind::List,
                _ => Kind::Link,
            },
            "image" => Kind::Image,
            "document" => Kind::Document,
            "reaction" => Kind::Reaction,
            "template" => Kind::Template,
            _ => Kind::Text,
        }
    }

    /// The words of the message: its body or caption; empty when it has none.
    pub fn text(&self) -> &str {
        let payload = &self.payload;
        let text = match self.kind() {
            Kind::Text => &payload["text"]["body"],
            Kind::Buttons | Kind::List | Kind::Link => &payload["interactive"]["body"]["text"],
            Kind::Image => &payload["image"]["caption"],
            Kind::Document => &payload["document"]["caption"],
            Kind::Reaction => &payload["reaction"]["emoji"],
            Kind::Template => &payload["template"]["name"],
        };
        text.as_str().unwrap_or_default()
    }

    /// Everything the customer can tap or pick, in order. Links are no choices: see [`Self::link`].
    pub fn options(&self) -> Vec<Choice> {
        let action = &self.payload["interactive"]["action"];
        let of = |value: &Value, is_row| Choice {
            is_row,
            id: value["id"].as_str().unwrap_or_default().to_owned(),
            title: value["title"].as_str().unwrap_or_default().to_owned(),
            description: value["description"].as_str().map(str::to_owned),
        };
        let buttons = items(&action["buttons"]).map(|button| of(&button["reply"], false));
        let rows = items(&action["sections"]).flat_map(|section| items(&section["rows"]));
        buttons.chain(rows.map(|row| of(row, true))).collect()
    }

    /// The URL behind the link button.
    pub fn link(&self) -> Option<&str> {
        self.payload["interactive"]["action"]["parameters"]["url"].as_str()
    }

    /// The picture, also when it is the header of buttons or a link.
    pub fn image(&self) -> Option<&Media> {
        self.media
            .as_deref()
            .filter(|media| media.mime_type.starts_with("image/"))
    }

    fn media_path(&self) -> Option<String> {
        self.media
            .as_ref()
            .map(|media| format!("/control/media/{}", media.id))
    }
}

impl Bubble {
    /// The message's id.
    pub fn wamid(&self) -> &str {
        match self {
            Self::Received(received) => &received.wamid,
            Self::Written(written) => &written.wamid,
        }
    }

    /// The bubble as the control API and the phone page see it.
    pub(super) fn to_json(&self) -> Value {
        match self {
            Self::Received(received) => json!({
                "from": "shop",
                "wamid": received.wamid,
                "at": received.at.timestamp_millis(),
                "kind": received.kind(),
                "text": received.text(),
                "options": received.options(),
                "link": received.link(),
                "media": received.media_path(),
                "opaque": received.opaque,
                "read": received.read,
                "payload": *received.payload,
            }),
            Self::Written(written) => json!({
                "from": "customer",
                "wamid": written.wamid,
                "at": written.at.timestamp_millis(),
                "tick": written.tick,
                "payload": *written.message,
            }),
        }
    }
}

impl fmt::Display for Choice {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{:?} ({})", self.title, self.id)
    }
}

fn items(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}
