use insta::assert_debug_snapshot;
use serde_json::json;

use super::*;
use crate::status::{StatusState, parse_status};

fn message(fields: &Value) -> String {
    let mut message = json!({
        "from": "6281234567890", "id": "wamid.A", "timestamp": "1764000001"
    });
    let all = message.as_object_mut().unwrap();
    all.extend(fields.as_object().unwrap().clone());
    message.to_string()
}

fn content(fields: &Value) -> Content {
    parse_message(&message(fields)).unwrap().content
}

#[test]
fn a_text_with_all_that_may_stand_around_it() {
    let raw = message(&json!({
        "type": "text",
        "text": {"body": "masih ada?"},
        "context": {
            "from": "62215550123", "id": "wamid.OURS",
            "referred_product": {"catalog_id": "77", "product_retailer_id": "KOPI-1"}
        },
        "referral": {"source_type": "ad", "source_id": "9", "ctwa_clid": "click", "new_field": 1},
        "new_field": {"ignored": true}
    }));
    assert_debug_snapshot!(parse_message(&raw).unwrap(), @r#"
    Inbound {
        wamid: "wamid.A",
        sent_at: Some(
            2025-11-24T16:00:01Z,
        ),
        quoted: Some(
            "wamid.OURS",
        ),
        referred_product: Some(
            ReferredProduct {
                catalog_id: Some(
                    "77",
                ),
                product_retailer_id: "KOPI-1",
            },
        ),
        referral: Some(
            Referral {
                source_url: None,
                source_type: Some(
                    "ad",
                ),
                source_id: Some(
                    "9",
                ),
                headline: None,
                ctwa_clid: Some(
                    "click",
                ),
            },
        ),
        group_id: None,
        content: Text {
            body: "masih ada?",
        },
    }
    "#);
}

#[test]
fn taps_keep_the_ids_they_were_given() {
    assert_eq!(
        content(&json!({"type": "button", "button": {"payload": "v1|menu", "text": "Menu"}})),
        Content::Button {
            payload: "v1|menu".to_owned(),
            text: "Menu".to_owned()
        }
    );
    assert_eq!(
        content(&json!({"type": "interactive", "interactive": {
            "type": "button_reply", "button_reply": {"id": "v1|yes|9", "title": "Ya"}}})),
        Content::ButtonReply {
            id: "v1|yes|9".to_owned(),
            title: "Ya".to_owned()
        }
    );
    assert_eq!(
        content(&json!({"type": "interactive", "interactive": {
            "type": "list_reply",
            "list_reply": {"id": "v1|buy|1", "title": "Kopi", "description": "Rp25.000"}}})),
        Content::ListReply {
            id: "v1|buy|1".to_owned(),
            title: "Kopi".to_owned(),
            description: Some("Rp25.000".to_owned())
        }
    );
    assert_eq!(
        content(&json!({"type": "interactive", "interactive": {
            "type": "nfm_reply",
            "nfm_reply": {"name": "flow", "body": "Sent", "response_json": "{\"a\":1}"}}})),
        Content::FlowReply {
            name: Some("flow".to_owned()),
            response_json: "{\"a\":1}".to_owned()
        }
    );
    assert_eq!(
        content(&json!({"type": "interactive", "interactive": {"type": "call_permission_reply"}})),
        Content::Unknown {
            type_name: "interactive".to_owned()
        }
    );
}

#[test]
fn a_catalogue_cart_keeps_quantities_as_written_and_no_prices() {
    let order = content(&json!({"type": "order", "order": {
        "catalog_id": "77", "text": "",
        "product_items": [
            {"product_retailer_id": "KOPI-1", "quantity": 2, "item_price": 1, "currency": "IDR"},
            {"product_retailer_id": "KOPI-2", "quantity": 0.001, "item_price": 1},
            {"product_retailer_id": "KOPI-3", "quantity": "1e-9"}
        ]
    }}));
    let Content::Order { items, text, .. } = order else {
        panic!("an order")
    };
    let quantities: Vec<_> = items.iter().map(|item| item.quantity.as_str()).collect();
    assert_eq!(quantities, ["2", "0.001", "1e-9"]);
    assert_eq!(text, None);
}

#[test]
fn places_media_contacts_and_reactions_are_read() {
    assert_eq!(
        content(&json!({"type": "location", "location": {
            "latitude": -6.2, "longitude": 106.8, "name": "Rumah"}})),
        Content::Location {
            latitude: -6.2,
            longitude: 106.8,
            name: Some("Rumah".to_owned()),
            address: None
        }
    );
    for (name, kind) in [
        ("image", MediaKind::Image),
        ("video", MediaKind::Video),
        ("audio", MediaKind::Audio),
        ("document", MediaKind::Document),
        ("sticker", MediaKind::Sticker),
    ] {
        let Content::Media(media) = content(&json!({"type": name, name: {
            "id": "55", "mime_type": "x/y", "sha256": "aa", "caption": "bukti"}}))
        else {
            panic!("{name} is a medium")
        };
        assert_eq!((media.kind, media.id.as_str()), (kind, "55"));
        assert_eq!(media.caption.as_deref(), Some("bukti"));
    }
    assert_eq!(
        content(&json!({"type": "contacts", "contacts": [
            {"name": {"formatted_name": "Budi"}, "phones": [{"phone": "+62 812"}, {}]}]})),
        Content::Contacts(vec![ContactCard {
            name: Some("Budi".to_owned()),
            phones: vec!["+62 812".to_owned()]
        }])
    );
    for (reaction, emoji) in [
        (json!({"message_id": "wamid.B", "emoji": "👍"}), Some("👍")),
        (json!({"message_id": "wamid.B", "emoji": ""}), None),
        (json!({"message_id": "wamid.B"}), None),
    ] {
        assert_eq!(
            content(&json!({"type": "reaction", "reaction": reaction})),
            Content::Reaction {
                message_id: "wamid.B".to_owned(),
                emoji: emoji.map(str::to_owned)
            }
        );
    }
}

#[test]
fn a_customer_who_moves_is_told_by_both_names() {
    assert_eq!(
        content(&json!({"type": "system", "system": {
            "type": "user_changed_number", "body": "…", "wa_id": "628999",
            "previous_user_id": "ID.a", "user_id": "ID.b"}})),
        Content::System(System::UserChangedNumber {
            previous_wa_id: Some("6281234567890".to_owned()),
            wa_id: Some("628999".to_owned()),
            previous_user_id: Some("ID.a".to_owned()),
            user_id: Some("ID.b".to_owned()),
        })
    );
    let raw = json!({"id": "wamid.A", "type": "system", "timestamp": "1764000001", "system": {
        "type": "user_changed_user_id", "previous_user_id": "ID.a", "user_id": "ID.b"}})
    .to_string();
    assert_eq!(
        parse_message(&raw).unwrap().content,
        Content::System(System::UserChangedUserId {
            previous_user_id: Some("ID.a".to_owned()),
            user_id: Some("ID.b".to_owned()),
            wa_id: None,
        })
    );
    assert_eq!(
        content(&json!({"type": "system", "system": {"type": "group_created"}})),
        Content::System(System::Other {
            type_name: "group_created".to_owned()
        })
    );
}

#[test]
fn what_is_not_understood_is_named_and_no_error() {
    assert_eq!(
        content(&json!({"type": "unsupported", "errors": [{"code": 131_051, "title": "…"}]})),
        Content::Unsupported {
            codes: vec![131_051]
        }
    );
    assert_eq!(
        content(&json!({"type": "unsupported"})),
        Content::Unsupported { codes: Vec::new() }
    );
    assert_eq!(
        content(&json!({"type": "hologram", "hologram": {}})),
        Content::Unknown {
            type_name: "hologram".to_owned()
        }
    );
}

#[test]
fn a_message_that_breaks_its_promise_is_an_error() {
    for (fields, missing) in [(json!({}), "type"), (json!({"type": "text"}), "text")] {
        match parse_message(&message(&fields)) {
            Err(ParseError::Missing(name)) => assert_eq!(name, missing),
            other => panic!("{other:?}"),
        }
    }
    for fields in [
        json!({"type": 5}),
        json!({"type": "text", "text": {"body": 5}}),
        json!({"type": "location", "location": {"latitude": "x"}}),
    ] {
        assert!(matches!(
            parse_message(&message(&fields)),
            Err(ParseError::Shape(_))
        ));
    }
    assert!(matches!(
        parse_message("nonsense"),
        Err(ParseError::Shape(_))
    ));
    assert!(matches!(
        parse_message(r#"{"id":"w","type":"text","text":{"body":"\ud800"}}"#),
        Err(ParseError::Shape(_))
    ));
}

#[test]
fn no_text_holds_what_a_database_refuses() {
    let body = "ko\u{0}pi";
    assert_eq!(
        content(&json!({"type": "text", "text": {"body": body}})),
        Content::Text {
            body: "kopi".to_owned()
        }
    );
}

#[test]
fn a_status_tells_what_became_of_a_message_and_what_it_costs() {
    let raw = json!({
        "id": "wamid.OURS", "status": "sent", "timestamp": "1764000002",
        "recipient_id": "6281234567890", "biz_opaque_callback_data": "outbox:17",
        "pricing": {"billable": true, "pricing_model": "PMP", "type": "regular",
                    "category": "service"}
    })
    .to_string();
    assert_debug_snapshot!(parse_status(&raw).unwrap(), @r#"
    Status {
        wamid: "wamid.OURS",
        state: Sent,
        recipient: Some(
            "6281234567890",
        ),
        recipient_user_id: None,
        opaque: Some(
            "outbox:17",
        ),
        errors: [],
        pricing: Some(
            Pricing {
                billable: Some(
                    true,
                ),
                model: Some(
                    "PMP",
                ),
                type: Some(
                    "regular",
                ),
                category: Some(
                    "service",
                ),
            },
        ),
        timestamp: Some(
            2025-11-24T16:00:02Z,
        ),
    }
    "#);
}

#[test]
fn a_failure_keeps_its_codes() {
    let raw = json!({
        "id": "wamid.OURS", "status": "failed", "timestamp": 1_764_000_002,
        "recipient_user_id": "ID.a",
        "errors": [{"code": 131_047, "title": "Re-engagement message",
                    "error_data": {"details": "more than 24 hours"}}]
    })
    .to_string();
    let status = parse_status(&raw).unwrap();
    assert_eq!(status.state, StatusState::Failed);
    assert_eq!(status.recipient, None);
    assert_eq!(status.errors[0].code, 131_047);
    assert_eq!(
        status.errors[0].details.as_deref(),
        Some("more than 24 hours")
    );
    assert!(status.timestamp.is_some());
}

#[test]
fn a_status_holds_nothing_that_a_database_refuses() {
    let raw = r#"{"id":"wamid.\u0000OURS","status":"read\u0000","timestamp":99999999999999,
                  "biz_opaque_callback_data":"\u0000"}"#;
    let status = parse_status(raw).unwrap();
    assert_eq!(status.wamid, "wamid.OURS");
    assert_eq!(status.state, StatusState::Read);
    assert_eq!(
        (status.opaque.as_deref(), status.timestamp),
        (Some(""), None)
    );
}

#[test]
fn an_unknown_status_is_told_without_its_name() {
    let raw = json!({"id": "wamid.OURS", "status": "tele\0ported"}).to_string();
    match parse_status(&raw) {
        Err(error @ ParseError::UnknownStatus) => assert_eq!(error.to_string(), "unknown status"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn news_never_goes_back_and_late_delivery_beats_failure() {
    use StatusState::{Delivered, Failed, Played, Read, Sent};
    let rising = [Sent, Failed, Delivered, Read, Played];
    for (rank, state) in rising.into_iter().enumerate() {
        for (other_rank, other) in rising.into_iter().enumerate() {
            assert_eq!(
                state.supersedes(other),
                rank > other_rank,
                "{state:?} over {other:?}"
            );
        }
    }
}
