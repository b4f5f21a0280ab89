//! Meta's webhook envelope: `entry[].changes[].value` with messages or statuses.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::Config;
use super::courier::Item;
use super::refusal::Refusal;
use super::world::{OnItsWay, Profile};

/// Changes in one entry before the next entry begins, so that readers must walk both.
const CHANGES_PER_ENTRY: usize = 3;

/// The whole webhook for these items. Neighbours of one customer and kind share a change.
pub(super) fn envelope(config: &Config, items: &[Item]) -> Value {
    let mut changes: Vec<Value> = Vec::new();
    let mut rest = items;
    while let Some(first) = rest.first() {
        let same =
            |item: &Item| (&item.customer, item.is_status) == (&first.customer, first.is_status);
        let count = rest.iter().take_while(|item| same(item)).count();
        let (group, others) = rest.split_at(count);
        changes.push(change(config, first, group));
        rest = others;
    }
    let entries: Vec<Value> = changes
        .chunks(CHANGES_PER_ENTRY)
        .map(|changes| json!({"id": config.business_account_id, "changes": changes}))
        .collect();
    json!({"object": "whatsapp_business_account", "entry": entries})
}

fn change(config: &Config, first: &Item, group: &[Item]) -> Value {
    let bodies: Vec<&Value> = group.iter().map(|item| &*item.body).collect();
    let mut value = json!({
        "messaging_product": "whatsapp",
        "metadata": {
            "display_phone_number": config.display_phone_number,
            "phone_number_id": config.phone_number_id,
        },
    });
    if let Some(contact) = &first.contact {
        value["contacts"] = json!([contact]);
    }
    value[if first.is_status {
        "statuses"
    } else {
        "messages"
    }] = json!(bodies);
    json!({"field": "messages", "value": value})
}

/// The `contacts[]` element of a customer.
pub(super) fn contact(profile: &Profile) -> Value {
    let mut contact = json!({"profile": {"name": profile.name}});
    if let Some(username) = &profile.username {
        contact["profile"]["username"] = json!(username);
    }
    if !profile.hides_number {
        contact["wa_id"] = json!(profile.wa_id);
    }
    if let Some(bsuid) = &profile.bsuid {
        contact["user_id"] = json!(bsuid);
    }
    contact
}

/// A customer's message: `content` (with its `type`) and who sent it, when, and in answer to what.
pub(super) fn message(
    profile: &Profile,
    wamid: &str,
    now: DateTime<Utc>,
    content: &Value,
    quoted: Option<Value>,
) -> Value {
    let mut message = content.clone();
    if !profile.hides_number {
        message["from"] = json!(profile.wa_id);
    }
    if let Some(bsuid) = &profile.bsuid {
        message["from_user_id"] = json!(bsuid);
    }
    message["id"] = json!(wamid);
    message["timestamp"] = json!(now.timestamp().to_string());
    if let Some(quoted) = quoted {
        message["context"] = quoted;
    }
    message
}

/// A status of a message: `sent`, `delivered`, `read`, or `failed` with its refusal.
pub(super) fn status(
    sent: &OnItsWay,
    profile: Option<&Profile>,
    status: &str,
    now: DateTime<Utc>,
    failure: Option<&Refusal>,
) -> Value {
    let mut body = json!({
        "id": sent.wamid,
        "status": status,
        "timestamp": now.timestamp().to_string(),
    });
    match profile {
        Some(profile) => {
            if !profile.hides_number {
                body["recipient_id"] = json!(profile.wa_id);
            }
            if let Some(bsuid) = &profile.bsuid {
                body["recipient_user_id"] = json!(bsuid);
            }
        }
        None => body["recipient_id"] = json!(sent.customer),
    }
    if let Some(opaque) = &sent.opaque {
        body["biz_opaque_callback_data"] = json!(opaque);
    }
    match failure {
        Some(refusal) => body["errors"] = json!([refusal.in_status()]),
        None => {
            body["pricing"] = json!({
                "billable": true, "pricing_model": "PMP", "type": "regular", "category": "service",
            });
        }
    }
    body
}
