//! The body of a webhook of Meta's, as `POST /webhooks/whatsapp` takes it apart.

use serde_json::Value;
use warung_whatsapp::{
    inbound::parse_message,
    status::parse_status,
    webhook::{Item, Kind, walk},
};

/// Longest key of an item in bytes, as [`Item`] promises.
const KEY_BYTES: usize = 520;
/// Longest reason of an item that cannot be read, in bytes: it is stored beside the item.
const REASON_BYTES: usize = 200;

/// Every item is read or kept as it came, once and within its bounds, and none holds what the
/// database refuses: one that did would have its whole batch sent again for seven days.
pub fn holds(body: &[u8]) {
    let items = match walk(body) {
        Ok(items) => items,
        Err(error) => return is_short_text(&error.to_string()),
    };
    // An item is at least `{}` in the body.
    assert!(items.len() <= body.len() / 2 + 1, "more items than bytes");
    for item in &items {
        fits(item, body);
        reads(item);
    }
    nothing_is_lost(body, &items);
    let again = walk(body).map(keys);
    assert_eq!(again, Ok(keys(items)), "the same body gives other keys");
}

fn keys(items: Vec<Item<'_>>) -> Vec<String> {
    items.into_iter().map(|item| item.key).collect()
}

fn fits(item: &Item<'_>, body: &[u8]) {
    assert!(item.key.len() <= KEY_BYTES, "a key that fits no index");
    assert!(!item.key.is_empty(), "an item without a key");
    assert!(item.raw.get().len() <= body.len(), "larger than its body");
    assert!(!item.raw.get().contains('\0'), "a NUL in the raw text");
    let names = &item.identities;
    let texts = [
        Some(item.key.as_str()),
        Some(&*item.phone_number_id),
        Some(&*item.field),
        item.profile_name.as_deref(),
        names.wa_id.as_deref(),
        names.user_id.as_deref(),
        names.parent_user_id.as_deref(),
    ];
    for text in texts.into_iter().flatten() {
        assert!(!text.contains(char::is_control), "a control character");
    }
    if let Some(at) = item.sent_at {
        assert!((0..10_000).contains(&year(at.timestamp())), "{at}");
    }
    if let Kind::Malformed(reason) = &item.kind {
        is_short_text(reason);
    }
}

/// A message and a status are understood, or there is a reason that can be stored beside them.
fn reads(item: &Item<'_>) {
    match item.kind {
        Kind::Message => match parse_message(item.raw.get()) {
            Ok(message) => {
                holds_no_nul(&message);
                if let Some(at) = message.sent_at {
                    assert!((0..10_000).contains(&year(at.timestamp())), "{at}");
                }
            }
            Err(error) => is_short_text(&error.to_string()),
        },
        Kind::Status => match parse_status(item.raw.get()) {
            Ok(status) => {
                holds_no_nul(&status);
                if let Some(at) = status.timestamp {
                    assert!((0..10_000).contains(&year(at.timestamp())), "{at}");
                }
            }
            Err(error) => is_short_text(&error.to_string()),
        },
        _ => {}
    }
}

fn holds_no_nul(read: &impl std::fmt::Debug) {
    let shown = format!("{read:?}").replace(r"\\", "");
    assert!(!shown.contains(r"\0"), "a NUL in a text: {shown}");
}

/// About the year of a moment.
fn year(seconds: i64) -> i64 {
    seconds.div_euclid(366 * 86_400) + 1970
}

fn is_short_text(reason: &str) {
    assert!(reason.len() <= REASON_BYTES, "a long reason: {reason}");
    assert!(!reason.contains(char::is_control), "{reason:?}");
}

/// Each message and status of the body is an item, or inside one that is kept whole.
fn nothing_is_lost(body: &[u8], items: &[Item<'_>]) {
    // Another reader's view; what it refuses (a number too large, half a character) it cannot tell.
    let Ok(body) = serde_json::from_slice::<Value>(body) else {
        return;
    };
    let kept: Vec<Value> = items
        .iter()
        .filter_map(|item| serde_json::from_str(item.raw.get()).ok())
        .collect();
    if kept.len() < items.len() {
        return;
    }
    let list = |value: &Value, name: &str| value[name].as_array().cloned().unwrap_or_default();
    for entry in list(&body, "entry") {
        for change in list(&entry, "changes") {
            for name in ["messages", "statuses", "standby", "errors"] {
                for element in list(&change["value"], name) {
                    let held = kept.iter().any(|item| holds_within(item, &element));
                    assert!(held, "{name}: {element} is lost");
                }
            }
        }
    }
}

fn holds_within(value: &Value, wanted: &Value) -> bool {
    value == wanted
        || match value {
            Value::Array(list) => list.iter().any(|value| holds_within(value, wanted)),
            Value::Object(fields) => fields.values().any(|value| holds_within(value, wanted)),
            _ => false,
        }
}
