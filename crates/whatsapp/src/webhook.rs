//! Taking a webhook's body apart: every entry, change, message and status becomes one [`Item`].
//!
//! The walk understands only what an inbox needs to store an item once and to queue it behind the
//! right customer. It never fails for the sake of one item: Meta retries a whole batch for seven
//! days, so an item that cannot be read is handed over as [`Kind::Malformed`] with its raw text.
//!
//! An item's raw text is valid JSON, but it may hold escapes such as `\u0000` or a lone surrogate
//! that PostgreSQL's `jsonb` refuses: store it as `text`.

use std::borrow::Cow;
use std::fmt;

use chrono::{DateTime, Utc};
use serde_json::error::Category;
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};

use self::wire::{
    Bounded, Change, Contact, Envelope, LenientEntry, LenientEnvelope, MessageHead, Metadata,
    StatusHead, Value,
};

mod wire;

/// Most items of a body: ten times what Meta says it sends at most.
pub const MAX_ITEMS: usize = 10_000;

/// Longest id that is used as part of a key, in bytes; a longer one is hashed, because a unique
/// index refuses rows of a few kilobytes.
const KEY_BYTES: usize = 512;

/// Longest identity that is believed, in bytes. A parent id has at most 7 + 128.
const IDENTITY_BYTES: usize = 256;

/// Longest profile name that is handed on, in characters.
const NAME_CHARS: usize = 256;

/// Deepest nesting of an item; `serde_json` refuses more when an item becomes a `Value`.
const NESTING_LEVELS: usize = 120;

/// The first second of the year 10000.
const LAST_SECOND: i64 = 253_402_300_800;

/// One message, status or other event of a webhook. Its `Debug` form shows no customer.
#[derive(Clone)]
pub struct Item<'a> {
    /// The business number the event belongs to; empty when the envelope names none.
    pub phone_number_id: Cow<'a, str>,
    /// The envelope's `field` (`messages`, `standby`, `account_update`, …).
    pub field: Cow<'a, str>,
    /// What makes the item the same item when Meta sends it again: the message's id (`wamid.…`),
    /// `status:{wamid}:{status}:{recipient}`, either with `standby:` before it, or
    /// `hash:{sha256}` where there is no usable id. At most 520 bytes, without control characters.
    /// A status's key names its recipient, so keys do not belong in logs.
    pub key: String,
    /// What sort of item it is.
    pub kind: Kind,
    /// Who wrote it, or for a status to whom it was sent.
    pub identities: Identities,
    /// The customer's profile name, when the batch gave one.
    pub profile_name: Option<String>,
    /// When the customer's phone sent it, by Meta's clock.
    pub sent_at: Option<DateTime<Utc>>,
    /// The item as it came: a message or status object, or for other events the change's value.
    pub raw: &'a RawValue,
}

/// What sort of item an [`Item`] is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// A customer's message, for [`crate::inbound::parse_message`].
    Message,
    /// News of a message we sent, for [`crate::status::parse_status`].
    Status,
    /// Traffic that went to another app that holds the conversation (field `standby`).
    Standby,
    /// A conversation changed hands (field `messaging_handovers`).
    Handover,
    /// Any other change: account updates, template reviews, errors.
    Other,
    /// Something that cannot be read, and why.
    Malformed(String),
}

/// A customer's names on the channel, as Meta wrote them. They are never cleaned here: stripping
/// a BSUID of its letters would make a plausible phone number. The `Debug` form shows none.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Identities {
    /// The phone number's id (`62812…`); absent for customers with a username.
    pub wa_id: Option<String>,
    /// The business-scoped user id (`ID.…`).
    pub user_id: Option<String>,
    /// The parent business-scoped user id (`ID.ENT.…`).
    pub parent_user_id: Option<String>,
}

impl Identities {
    /// Whether no name is known at all.
    pub fn is_empty(&self) -> bool {
        self.wa_id.is_none() && self.user_id.is_none() && self.parent_user_id.is_none()
    }

    fn all(&self, holds: fn(&str) -> bool) -> bool {
        [&self.wa_id, &self.user_id, &self.parent_user_id]
            .into_iter()
            .flatten()
            .all(|name| holds(name))
    }
}

impl fmt::Debug for Item<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Item")
            .field("phone_number_id", &self.phone_number_id)
            .field("field", &self.field)
            .field("kind", &self.kind)
            .field("sent_at", &self.sent_at)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Identities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identities").finish_non_exhaustive()
    }
}

/// Why a body has no items at all.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WalkError {
    /// The body is not JSON.
    #[error("body is not JSON: {0}")]
    NotJson(String),
    /// The body is JSON, but has no list `entry`.
    #[error("body is not a webhook: {0}")]
    NoEnvelope(String),
    /// The body has more than [`MAX_ITEMS`].
    #[error("body has more than {MAX_ITEMS} items")]
    TooMany,
}

/// Every item of a webhook's body, in the body's order.
///
/// A body without entries gives no items. Errors are only for bodies that are not JSON, not an
/// envelope at all or beyond any measure.
pub fn walk(body: &[u8]) -> Result<Vec<Item<'_>>, WalkError> {
    let mut items = Vec::new();
    if let Ok(envelope) = serde_json::from_slice::<Envelope<'_>>(body) {
        for entry in whole(envelope.entry)? {
            for change in whole(entry.changes)? {
                walk_change(&change, entry.time, &mut items);
                within_measure(&items)?;
            }
        }
        return Ok(items);
    }
    let envelope: LenientEnvelope<'_> = serde_json::from_slice(body).map_err(|error| {
        if error.is_data() {
            WalkError::NoEnvelope(reason(&error))
        } else {
            WalkError::NotJson(reason(&error))
        }
    })?;
    for raw in whole(envelope.entry)? {
        match serde_json::from_str::<LenientEntry<'_>>(raw.get()) {
            Ok(entry) => walk_entry(entry, &mut items)?,
            Err(error) => items.push(malformed(&Scope::default(), raw, &reason(&error))),
        }
        within_measure(&items)?;
    }
    Ok(items)
}

/// A list that does not go on.
fn whole<T>(bounded: Bounded<T>) -> Result<Vec<T>, WalkError> {
    if bounded.is_cut {
        return Err(WalkError::TooMany);
    }
    Ok(bounded.list)
}

fn within_measure(items: &[Item<'_>]) -> Result<(), WalkError> {
    if items.len() > MAX_ITEMS {
        return Err(WalkError::TooMany);
    }
    Ok(())
}

/// What the items of one change have in common.
#[derive(Default)]
struct Scope<'a> {
    phone_number_id: Cow<'a, str>,
    field: Cow<'a, str>,
    contacts: Vec<Contact<'a>>,
}

fn walk_entry<'a>(entry: LenientEntry<'a>, items: &mut Vec<Item<'a>>) -> Result<(), WalkError> {
    let time = entry.time.and_then(|time| time.get().parse().ok());
    for raw in whole(entry.changes)? {
        match serde_json::from_str::<Change<'a>>(raw.get()) {
            Ok(change) => walk_change(&change, time, items),
            Err(error) => items.push(malformed(&Scope::default(), raw, &reason(&error))),
        }
        within_measure(items)?;
    }
    Ok(())
}

fn walk_change<'a>(change: &Change<'a>, time: Option<u64>, items: &mut Vec<Item<'a>>) {
    let value: Value<'a> = match serde_json::from_str(change.value.get()) {
        Ok(value) => value,
        Err(error) => {
            let scope = Scope {
                field: field(change),
                ..Scope::default()
            };
            items.push(malformed(&scope, change.value, &reason(&error)));
            return;
        }
    };
    let scope = Scope {
        phone_number_id: phone_number_id(value.metadata),
        field: field(change),
        contacts: contacts(value.contacts),
    };
    let standby = change.field == "standby";
    let before = items.len();
    for (list, is_status) in [
        (value.messages, false),
        (value.standby, false),
        (value.statuses, true),
    ] {
        for raw in elements(list, &scope, items) {
            let mut item = if is_status {
                status(raw, &scope)
            } else {
                message(raw, &scope)
            };
            if standby && !matches!(item.kind, Kind::Malformed(_)) {
                // The same message may come again when the conversation is handed to us.
                item.kind = Kind::Standby;
                item.key = format!("standby:{}", item.key);
            }
            items.push(item);
        }
    }
    for raw in elements(value.errors, &scope, items) {
        items.push(event(Kind::Other, raw, &scope, time));
    }
    if items.len() == before {
        let kind = match &*change.field {
            "standby" => Kind::Standby,
            "messaging_handovers" => Kind::Handover,
            _ => Kind::Other,
        };
        items.push(event(kind, change.value, &scope, time));
    }
}

/// The elements of a list; a list that is none, or beyond any measure, becomes a malformed item of
/// its own.
fn elements<'a>(
    list: Option<&'a RawValue>,
    scope: &Scope<'a>,
    items: &mut Vec<Item<'a>>,
) -> Vec<&'a RawValue> {
    let Some(raw) = list else { return Vec::new() };
    match serde_json::from_str::<Option<Bounded<&'a RawValue>>>(raw.get()) {
        Ok(Some(bounded)) if bounded.is_cut => {
            items.push(malformed(scope, raw, "too many elements"));
            Vec::new()
        }
        Ok(bounded) => bounded.unwrap_or_default().list,
        Err(error) => {
            items.push(malformed(scope, raw, &reason(&error)));
            Vec::new()
        }
    }
}

/// The change's field, unless it is something no database would take.
fn field<'a>(change: &Change<'a>) -> Cow<'a, str> {
    if is_identity(&change.field) {
        change.field.clone()
    } else {
        Cow::Borrowed("")
    }
}

fn phone_number_id(metadata: Option<&RawValue>) -> Cow<'_, str> {
    metadata
        .and_then(|raw| serde_json::from_str::<Metadata<'_>>(raw.get()).ok())
        .map(|metadata| metadata.phone_number_id)
        .filter(|id| is_identity(id))
        .unwrap_or_default()
}

/// The contacts that can be read; one that cannot only costs its customer's name.
fn contacts(list: Option<&RawValue>) -> Vec<Contact<'_>> {
    list.and_then(|raw| serde_json::from_str::<Bounded<&RawValue>>(raw.get()).ok())
        .unwrap_or_default()
        .list
        .into_iter()
        .filter_map(|raw| serde_json::from_str(raw.get()).ok())
        .collect()
}

fn message<'a>(raw: &'a RawValue, scope: &Scope<'a>) -> Item<'a> {
    match serde_json::from_str::<MessageHead<'a>>(raw.get()) {
        Ok(head) => {
            let system = head.r#type.is_some_and(|kind| kind.get() == r#""system""#);
            let facts = Facts {
                kind: Kind::Message,
                id: head.id,
                wa_id: head.from,
                user_id: head.from_user_id,
                parent_user_id: head.from_parent_user_id,
                timestamp: head.timestamp,
                may_be_nameless: system,
            };
            facts.into_item(raw, scope)
        }
        Err(error) => malformed(scope, raw, &reason(&error)),
    }
}

fn status<'a>(raw: &'a RawValue, scope: &Scope<'a>) -> Item<'a> {
    match serde_json::from_str::<StatusHead<'a>>(raw.get()) {
        Ok(head) => {
            let recipient = [&head.recipient_participant_id, &head.recipient_id]
                .into_iter()
                .chain([&head.recipient_user_id])
                .find_map(|name| given(name.as_ref()))
                .unwrap_or_default();
            let id = match (given(head.id.as_ref()), given(head.status.as_ref())) {
                (Some(id), Some(status)) => Some(format!("status:{id}:{status}:{recipient}")),
                _ => None,
            };
            let facts = Facts {
                kind: Kind::Status,
                id: id.map(Cow::Owned),
                wa_id: head.recipient_participant_id.or(head.recipient_id),
                user_id: head.recipient_user_id,
                parent_user_id: head.recipient_parent_user_id,
                timestamp: head.timestamp,
                may_be_nameless: true,
            };
            facts.into_item(raw, scope)
        }
        Err(error) => malformed(scope, raw, &reason(&error)),
    }
}

/// What a message and a status have in common once their fields are read.
struct Facts<'a> {
    kind: Kind,
    id: Option<Cow<'a, str>>,
    wa_id: Option<Cow<'a, str>>,
    user_id: Option<Cow<'a, str>>,
    parent_user_id: Option<Cow<'a, str>>,
    timestamp: Option<&'a RawValue>,
    may_be_nameless: bool,
}

impl<'a> Facts<'a> {
    fn into_item(self, raw: &'a RawValue, scope: &Scope<'a>) -> Item<'a> {
        let contact = scope.contacts.iter().find(|contact| {
            same(contact.wa_id.as_ref(), self.wa_id.as_ref())
                || same(contact.user_id.as_ref(), self.user_id.as_ref())
        });
        let name = |own: Option<&Cow<'_, str>>, listed: Option<&Cow<'_, str>>| {
            given(own).or_else(|| given(listed)).map(str::to_owned)
        };
        let identities = Identities {
            wa_id: name(self.wa_id.as_ref(), contact.and_then(|c| c.wa_id.as_ref())),
            user_id: name(
                self.user_id.as_ref(),
                contact.and_then(|c| c.user_id.as_ref()),
            ),
            parent_user_id: name(
                self.parent_user_id.as_ref(),
                contact.and_then(|c| c.parent_user_id.as_ref()),
            ),
        };
        let fault = if self.id.as_deref().is_none_or(str::is_empty) {
            Some("no id")
        } else if scope.phone_number_id.is_empty() {
            Some("envelope names no phone_number_id")
        } else if identities.is_empty() && !self.may_be_nameless {
            Some("message names no sender")
        } else if !identities.all(is_identity) {
            Some("an identity is too long or holds control characters")
        } else if is_nested_too_deeply(raw.get()) {
            Some("nested too deeply")
        } else {
            None
        };
        Item {
            phone_number_id: scope.phone_number_id.clone(),
            field: scope.field.clone(),
            key: key(self.id.as_deref(), &scope.field, None, raw),
            kind: fault.map_or(self.kind, |reason| Kind::Malformed(reason.to_owned())),
            identities: if identities.all(is_identity) {
                identities
            } else {
                Identities::default()
            },
            profile_name: contact.and_then(profile_name),
            sent_at: self.timestamp.and_then(epoch_seconds),
            raw,
        }
    }
}

/// An event that is no message and no status; `time` tells two equal ones apart.
fn event<'a>(kind: Kind, raw: &'a RawValue, scope: &Scope<'a>, time: Option<u64>) -> Item<'a> {
    Item {
        phone_number_id: scope.phone_number_id.clone(),
        field: scope.field.clone(),
        key: key(None, &scope.field, time, raw),
        kind,
        identities: Identities::default(),
        profile_name: None,
        sent_at: time.and_then(|seconds| instant(i64::try_from(seconds).ok()?)),
        raw,
    }
}

fn malformed<'a>(scope: &Scope<'a>, raw: &'a RawValue, reason: &str) -> Item<'a> {
    event(Kind::Malformed(reason.to_owned()), raw, scope, None)
}

/// What is wrong and where. Not the reader's own words, which repeat what a customer wrote, however
/// long it is.
fn reason(error: &serde_json::Error) -> String {
    let what = match error.classify() {
        Category::Data => "another shape than documented",
        Category::Eof => "ends too early",
        Category::Syntax | Category::Io => "cannot be read",
    };
    format!("{what}, line {} column {}", error.line(), error.column())
}

/// The id itself where it can be a key, else a hash of the item.
fn key(id: Option<&str>, field: &str, time: Option<u64>, raw: &RawValue) -> String {
    if let Some(id) = id
        && !id.is_empty()
        && id.len() <= KEY_BYTES
        && !id.contains(char::is_control)
    {
        return id.to_owned();
    }
    let mut hash = Sha256::new();
    hash.update(field.as_bytes());
    hash.update([0]);
    hash.update(time.unwrap_or_default().to_be_bytes());
    hash.update(raw.get().as_bytes());
    format!("hash:{}", hex::encode(hash.finalize()))
}

fn given<'a>(name: Option<&'a Cow<'_, str>>) -> Option<&'a str> {
    name.map(|name| &**name).filter(|name| !name.is_empty())
}

fn same(one: Option<&Cow<'_, str>>, other: Option<&Cow<'_, str>>) -> bool {
    given(one).is_some() && given(one) == given(other)
}

fn is_identity(name: &str) -> bool {
    name.len() <= IDENTITY_BYTES && !name.contains(char::is_control)
}

/// The name on one line; control characters would not survive a database or a terminal.
fn profile_name(contact: &Contact<'_>) -> Option<String> {
    let name = given(contact.profile.as_ref()?.name.as_ref())?;
    let name: String = crate::text::one_line(name)
        .chars()
        .take(NAME_CHARS)
        .collect();
    (!name.is_empty()).then_some(name)
}

/// Meta writes Unix seconds, as a string in messages and as a number elsewhere.
fn epoch_seconds(raw: &RawValue) -> Option<DateTime<Utc>> {
    instant(raw.get().trim_matches('"').parse().ok()?)
}

pub(crate) fn instant(seconds: i64) -> Option<DateTime<Utc>> {
    // Years past 9999 are nonsense here and do not survive every later format.
    DateTime::from_timestamp(seconds, 0).filter(|at| (0..LAST_SECOND).contains(&at.timestamp()))
}

/// Whether brackets outside strings nest deeper than [`NESTING_LEVELS`].
fn is_nested_too_deeply(json: &str) -> bool {
    let mut depth = 0_usize;
    let mut in_string = false;
    let mut escaped = false;
    for byte in json.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            b'{' | b'[' if !in_string => depth += 1,
            b'}' | b']' if !in_string => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > NESTING_LEVELS {
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests;
