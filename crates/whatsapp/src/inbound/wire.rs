//! The fields of each message type, as Meta sends them.

use serde::Deserialize;
use serde_json::Value;

use super::{ContactCard, Content, OrderItem, System as News};

#[derive(Deserialize)]
pub(super) struct Text {
    pub(super) body: String,
}

#[derive(Deserialize)]
pub(super) struct Button {
    #[serde(default)]
    pub(super) payload: String,
    #[serde(default)]
    pub(super) text: String,
}

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Interactive {
    ButtonReply {
        button_reply: Reply,
    },
    ListReply {
        list_reply: Reply,
    },
    NfmReply {
        nfm_reply: FlowReply,
    },
    #[serde(other)]
    Unknown,
}

#[derive(Deserialize)]
pub(super) struct Reply {
    id: String,
    #[serde(default)]
    title: String,
    #[serde(default)]
    description: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct FlowReply {
    #[serde(default)]
    name: Option<String>,
    response_json: String,
}

impl From<Interactive> for Content {
    fn from(interactive: Interactive) -> Self {
        match interactive {
            Interactive::ButtonReply {
                button_reply: Reply { id, title, .. },
            } => Self::ButtonReply { id, title },
            Interactive::ListReply {
                list_reply:
                    Reply {
                        id,
                        title,
                        description,
                    },
            } => Self::ListReply {
                id,
                title,
                description,
            },
            Interactive::NfmReply {
                nfm_reply:
                    FlowReply {
                        name,
                        response_json,
                    },
            } => Self::FlowReply {
                name,
                response_json,
            },
            Interactive::Unknown => Self::Unknown {
                type_name: "interactive".to_owned(),
            },
        }
    }
}

#[derive(Deserialize)]
pub(super) struct Order {
    #[serde(default)]
    catalog_id: Option<String>,
    #[serde(default)]
    text: Option<String>,
    product_items: Vec<Item>,
}

#[derive(Deserialize)]
struct Item {
    product_retailer_id: String,
    quantity: Value,
}

impl From<Order> for Content {
    fn from(order: Order) -> Self {
        let items = order.product_items.into_iter().map(|item| OrderItem {
            product_retailer_id: item.product_retailer_id,
            quantity: match item.quantity {
                Value::String(text) => text,
                other => other.to_string(),
            },
        });
        Self::Order {
            catalog_id: order.catalog_id,
            text: order.text.filter(|text| !text.is_empty()),
            items: items.collect(),
        }
    }
}

#[derive(Deserialize)]
pub(super) struct Location {
    pub(super) latitude: f64,
    pub(super) longitude: f64,
    #[serde(default)]
    pub(super) name: Option<String>,
    #[serde(default)]
    pub(super) address: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct Media {
    pub(super) id: String,
    #[serde(default)]
    pub(super) mime_type: Option<String>,
    #[serde(default)]
    pub(super) sha256: Option<String>,
    #[serde(default)]
    pub(super) caption: Option<String>,
    #[serde(default)]
    pub(super) filename: Option<String>,
    #[serde(default)]
    pub(super) url: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct Card {
    #[serde(default)]
    name: Option<CardName>,
    #[serde(default)]
    phones: Vec<CardPhone>,
}

#[derive(Deserialize)]
struct CardName {
    #[serde(default)]
    formatted_name: Option<String>,
}

#[derive(Deserialize)]
struct CardPhone {
    #[serde(default)]
    phone: Option<String>,
}

impl From<Card> for ContactCard {
    fn from(card: Card) -> Self {
        Self {
            name: card.name.and_then(|name| name.formatted_name),
            phones: card
                .phones
                .into_iter()
                .filter_map(|entry| entry.phone)
                .collect(),
        }
    }
}

#[derive(Deserialize)]
pub(super) struct Reaction {
    pub(super) message_id: String,
    #[serde(default)]
    pub(super) emoji: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct System {
    r#type: String,
    #[serde(default)]
    wa_id: Option<String>,
    #[serde(default)]
    user_id: Option<String>,
    #[serde(default)]
    previous_user_id: Option<String>,
}

impl System {
    /// The news, given the names on the message itself. A changed number's message comes from the
    /// number before.
    pub(super) fn into_news(self, from: Option<String>, from_user_id: Option<String>) -> News {
        match self.r#type.as_str() {
            "user_changed_number" => News::UserChangedNumber {
                previous_wa_id: from.filter(|from| self.wa_id.as_ref() != Some(from)),
                wa_id: self.wa_id,
                previous_user_id: self.previous_user_id,
                user_id: self.user_id.or(from_user_id),
            },
            "user_changed_user_id" => News::UserChangedUserId {
                previous_user_id: self.previous_user_id,
                user_id: self.user_id.or(from_user_id),
                wa_id: self.wa_id.or(from),
            },
            _ => News::Other {
                type_name: self.r#type,
            },
        }
    }
}
