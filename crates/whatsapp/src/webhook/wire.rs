//! The shapes of a webhook's body, borrowed from it.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

/// The usual shape, read in one pass.
#[derive(Deserialize)]
pub(super) struct Envelope<'a> {
    #[serde(borrow)]
    pub(super) entry: Vec<Entry<'a>>,
}

#[derive(Deserialize)]
pub(super) struct Entry<'a> {
    #[serde(borrow, default)]
    pub(super) changes: Vec<Change<'a>>,
    #[serde(default)]
    pub(super) time: Option<u64>,
}

#[derive(Deserialize)]
pub(super) struct Change<'a> {
    #[serde(borrow, default)]
    pub(super) field: Cow<'a, str>,
    #[serde(borrow)]
    pub(super) value: &'a RawValue,
}

/// The same for bodies of which some part has another shape: that part alone is set aside.
#[derive(Deserialize)]
pub(super) struct LenientEnvelope<'a> {
    #[serde(borrow)]
    pub(super) entry: Vec<&'a RawValue>,
}

#[derive(Deserialize)]
pub(super) struct LenientEntry<'a> {
    #[serde(borrow, default)]
    pub(super) changes: Vec<&'a RawValue>,
    #[serde(borrow, default)]
    pub(super) time: Option<&'a RawValue>,
}

/// A change's value: each list is read by itself, so that a bad one spoils nothing else.
#[derive(Deserialize)]
pub(super) struct Value<'a> {
    #[serde(borrow, default)]
    pub(super) metadata: Option<&'a RawValue>,
    #[serde(borrow, default)]
    pub(super) contacts: Option<&'a RawValue>,
    #[serde(borrow, default)]
    pub(super) messages: Option<&'a RawValue>,
    #[serde(borrow, default)]
    pub(super) statuses: Option<&'a RawValue>,
    #[serde(borrow, default)]
    pub(super) standby: Option<&'a RawValue>,
    #[serde(borrow, default)]
    pub(super) errors: Option<&'a RawValue>,
}

#[derive(Deserialize)]
pub(super) struct Metadata<'a> {
    #[serde(borrow)]
    pub(super) phone_number_id: Cow<'a, str>,
}

#[derive(Deserialize)]
pub(super) struct Contact<'a> {
    #[serde(borrow, default)]
    pub(super) profile: Option<Profile<'a>>,
    #[serde(borrow, default)]
    pub(super) wa_id: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    pub(super) user_id: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    pub(super) parent_user_id: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
pub(super) struct Profile<'a> {
    #[serde(borrow, default)]
    pub(super) name: Option<Cow<'a, str>>,
}

/// The fields of a message that say who sent it and when.
#[derive(Deserialize)]
pub(super) struct MessageHead<'a> {
    #[serde(borrow, default)]
    pub(super) id: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    pub(super) from: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    pub(super) from_user_id: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    pub(super) from_parent_user_id: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    pub(super) timestamp: Option<&'a RawValue>,
    #[serde(borrow, default)]
    pub(super) r#type: Option<&'a RawValue>,
}

/// The fields of a status that say which message it is about.
#[derive(Deserialize)]
pub(super) struct StatusHead<'a> {
    #[serde(borrow, default)]
    pub(super) id: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    pub(super) status: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    pub(super) recipient_id: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    pub(super) recipient_participant_id: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    pub(super) recipient_user_id: Option<Cow<'a, str>>,
    #[serde(borrow, default, alias = "parent_recipient_user_id")]
    pub(super) recipient_parent_user_id: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    pub(super) timestamp: Option<&'a RawValue>,
}
