//! The shapes of a webhook's body, borrowed from it.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::MAX_ITEMS;

/// The first [`MAX_ITEMS`] elements of a list: two bytes of a body become dozens in memory, so that
/// a body within its bound could still take hundreds of megabytes.
pub(super) struct Bounded<T> {
    pub(super) list: Vec<T>,
    /// Whether the list goes on.
    pub(super) is_cut: bool,
}

impl<T> Default for Bounded<T> {
    fn default() -> Self {
        Self {
            list: Vec::new(),
            is_cut: false,
        }
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Bounded<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(Elements(PhantomData))
    }
}

struct Elements<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for Elements<T> {
    type Value = Bounded<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Bounded<T>, A::Error> {
        let mut bounded = Bounded::default();
        while bounded.list.len() < MAX_ITEMS {
            match elements.next_element()? {
                Some(element) => bounded.list.push(element),
                None => return Ok(bounded),
            }
        }
        while elements.next_element::<IgnoredAny>()?.is_some() {
            bounded.is_cut = true;
        }
        Ok(bounded)
    }
}

/// The usual shape, read in one pass.
#[derive(Deserialize)]
pub(super) struct Envelope<'a> {
    #[serde(borrow)]
    pub(super) entry: Bounded<Entry<'a>>,
}

#[derive(Deserialize)]
pub(super) struct Entry<'a> {
    #[serde(borrow, default)]
    pub(super) changes: Bounded<Change<'a>>,
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
    pub(super) entry: Bounded<&'a RawValue>,
}

#[derive(Deserialize)]
pub(super) struct LenientEntry<'a> {
    #[serde(borrow, default)]
    pub(super) changes: Bounded<&'a RawValue>,
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
