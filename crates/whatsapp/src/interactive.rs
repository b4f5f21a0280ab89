//! Messages that can be tapped: buttons, lists and links, as the API takes them.

use serde::{Deserialize, Serialize};

use crate::message::Media;

/// A message that can be tapped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Interactive {
    /// What stands above the body.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub header: Option<InteractiveHeader>,
    /// At most 1024 characters.
    pub body: TextPart,
    /// At most 60 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub footer: Option<TextPart>,
    /// What can be tapped.
    #[serde(flatten)]
    pub action: Action,
}

/// A body or footer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TextPart {
    /// The text.
    pub text: String,
}

/// What stands above the body of an interactive message. A list takes text only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum InteractiveHeader {
    /// At most 60 characters.
    Text {
        /// The text.
        text: String,
    },
    /// A picture.
    Image {
        /// Where it is.
        image: Media,
    },
}

/// What can be tapped in an interactive message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", content = "action", rename_all = "snake_case")]
pub enum Action {
    /// One to three buttons.
    Button(ButtonAction),
    /// A button that opens a list.
    List(ListAction),
    /// A button that opens a link.
    CtaUrl(LinkAction),
}

/// One to three reply buttons.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ButtonAction {
    /// The buttons.
    pub buttons: Vec<Button>,
}

/// One button.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", content = "reply", rename_all = "snake_case")]
pub enum Button {
    /// A button that answers with its id.
    Reply(ButtonReply),
}

/// A reply button's id and title.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ButtonReply {
    /// At most 256 characters, unique in the message.
    pub id: String,
    /// At most 20 characters, unique in the message.
    pub title: String,
}

/// A list: at most 10 rows over all sections.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListAction {
    /// The label of the button that opens the list, at most 20 characters.
    pub button: String,
    /// The sections.
    pub sections: Vec<Section>,
}

/// A section of a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Section {
    /// At most 24 characters; needed when there is more than one section.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// The rows.
    pub rows: Vec<Row>,
}

/// A row of a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Row {
    /// At most 200 characters, unique in the message.
    pub id: String,
    /// At most 24 characters.
    pub title: String,
    /// At most 72 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
}

/// A link button.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "name", content = "parameters", rename_all = "snake_case")]
pub enum LinkAction {
    /// Opens a page in the browser.
    CtaUrl(LinkParameters),
}

/// A link button's label and address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkParameters {
    /// The label, at most 20 characters.
    pub display_text: String,
    /// The address, http or https.
    pub url: String,
}
