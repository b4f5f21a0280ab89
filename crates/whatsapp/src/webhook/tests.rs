use proptest::prelude::*;
use serde_json::json;

use super::*;

const NUMBER: &str = "106540352242922";

fn envelope(field: &str, value: &serde_json::Value) -> Vec<u8> {
    let mut value = value.clone();
    if let Some(fields) = value.as_object_mut() {
        fields.insert("messaging_product".to_owned(), json!("whatsapp"));
        fields.insert(
            "metadata".to_owned(),
            json!({"display_phone_number": "62215550123", "phone_number_id": NUMBER}),
        );
    }
    json!({
        "object": "whatsapp_business_account",
        "entry": [{
            "id": "102290129340398",
            "time": 1_764_000_000,
            "changes": [{"field": field, "value": value}]
        }]
    })
    .to_string()
    .into_bytes()
}

fn text(id: &str, from: &str) -> serde_json::Value {
    json!({
        "from": from, "id": id, "timestamp": "1764000001",
        "type": "text", "text": {"body": "menu"}
    })
}

fn kinds<'a>(items: &'a [Item<'_>]) -> Vec<&'a Kind> {
    items.iter().map(|item| &item.kind).collect()
}

#[test]
fn one_message_gives_one_item_with_its_customer() {
    let message = text("wamid.A", "6281234567890");
    let body = envelope(
        "messages",
        &json!({
            "contacts": [
                {"profile": {"name": "Orang Lain"}, "wa_id": "628999"},
                {"profile": {"name": "Bu  Sari\n"}, "wa_id": "6281234567890", "user_id": "ID.7a",
                 "parent_user_id": "ID.ENT.9b"}
            ],
            "messages": [message]
        }),
    );
    let items = walk(&body).unwrap();
    assert_eq!(items.len(), 1);
    let item = &items[0];
    assert_eq!(item.kind, Kind::Message);
    assert_eq!(item.phone_number_id, NUMBER);
    assert_eq!(item.field, "messages");
    assert_eq!(item.key, "wamid.A");
    assert_eq!(item.identities.wa_id.as_deref(), Some("6281234567890"));
    assert_eq!(item.identities.user_id.as_deref(), Some("ID.7a"));
    assert_eq!(item.identities.parent_user_id.as_deref(), Some("ID.ENT.9b"));
    assert_eq!(item.profile_name.as_deref(), Some("Bu Sari"));
    assert_eq!(item.sent_at.map(|at| at.timestamp()), Some(1_764_000_001));
    let raw: serde_json::Value = serde_json::from_str(item.raw.get()).unwrap();
    assert_eq!(raw, message);
}

#[test]
fn a_customer_with_a_username_is_known_by_user_id_alone() {
    let body = envelope(
        "messages",
        &json!({
            "contacts": [{"profile": {"name": "Sari", "username": "busari"}, "user_id": "ID.2026"}],
            "messages": [{"from_user_id": "ID.2026", "id": "wamid.B", "timestamp": "1764000001",
                          "type": "text", "text": {"body": "halo"}}]
        }),
    );
    let items = walk(&body).unwrap();
    assert_eq!(items[0].kind, Kind::Message);
    assert_eq!(items[0].identities.wa_id, None);
    assert_eq!(items[0].identities.user_id.as_deref(), Some("ID.2026"));
    assert_eq!(items[0].profile_name.as_deref(), Some("Sari"));
}

#[test]
fn a_status_is_the_same_status_only_for_the_same_message_state_and_recipient() {
    let status = |state: &str| {
        json!({"id": "wamid.C", "status": state, "timestamp": "1764000002",
               "recipient_id": "6281234567890", "recipient_user_id": "ID.7a"})
    };
    let to_user_id = json!({"id": "wamid.D", "status": "sent", "timestamp": "1764000002",
                            "recipient_user_id": "ID.7a"});
    let body = envelope(
        "messages",
        &json!({"statuses": [status("sent"), status("read"), to_user_id]}),
    );
    let items = walk(&body).unwrap();
    let keys: Vec<&str> = items.iter().map(|item| item.key.as_str()).collect();
    assert_eq!(
        keys,
        [
            "status:wamid.C:sent:6281234567890",
            "status:wamid.C:read:6281234567890",
            "status:wamid.D:sent:ID.7a"
        ]
    );
    assert!(items.iter().all(|item| item.kind == Kind::Status));
    assert_eq!(items[2].identities.user_id.as_deref(), Some("ID.7a"));
}

#[test]
fn every_entry_change_message_and_status_of_a_batch_is_walked() {
    let change = |id: usize| {
        json!({"field": "messages", "value": {
            "metadata": {"phone_number_id": NUMBER},
            "messages": [
                text(&format!("wamid.{id}a"), "628111"),
                text(&format!("wamid.{id}b"), "628222")
            ],
            "statuses": [{"id": format!("wamid.{id}c"), "status": "sent", "recipient_id": "628111"}]
        }})
    };
    let entries: Vec<_> = (0..100)
        .map(|entry| json!({"id": "1", "changes": [change(2 * entry), change(2 * entry + 1)]}))
        .collect();
    let body = json!({"object": "whatsapp_business_account", "entry": entries}).to_string();
    let items = walk(body.as_bytes()).unwrap();
    assert_eq!(items.len(), 100 * 2 * 3);
    let keys: std::collections::HashSet<_> = items.iter().map(|item| &item.key).collect();
    assert_eq!(keys.len(), items.len());
}

#[test]
fn a_poison_item_is_set_aside_alone() {
    let body = envelope(
        "messages",
        &json!({
            "contacts": [17, {"profile": {"name": "Sari"}, "wa_id": "628111"}],
            "messages": [
                text("wamid.1", "628111"),
                "poison",
                {"id": 5, "from": "628111"},
                {"id": "wamid.2", "type": "text"},
                {"from": "628111", "type": "text"},
                text("wamid.3", "628111"),
                text("wamid.4", &"6".repeat(300)),
            ],
            "statuses": {"not": "a list"}
        }),
    );
    let items = walk(&body).unwrap();
    assert_eq!(items.len(), 8);
    let good: Vec<_> = items
        .iter()
        .filter(|item| item.kind == Kind::Message)
        .collect();
    assert_eq!(
        good.iter().map(|item| &*item.key).collect::<Vec<_>>(),
        ["wamid.1", "wamid.3"]
    );
    assert_eq!(good[0].profile_name.as_deref(), Some("Sari"));
    for item in items.iter().filter(|item| item.kind != Kind::Message) {
        assert!(matches!(&item.kind, Kind::Malformed(reason) if !reason.is_empty()));
        assert_eq!(item.phone_number_id, NUMBER);
    }
}

#[test]
fn a_poison_entry_or_change_spoils_nothing_else() {
    let good = json!({"field": "messages", "value": {
        "metadata": {"phone_number_id": NUMBER}, "messages": [text("wamid.1", "628111")]
    }});
    let body = json!({"entry": [
        "poison",
        {"changes": "poison"},
        {"time": "soon", "changes": ["poison", {"field": 5}, good, {"value": 7}]}
    ]})
    .to_string();
    let items = walk(body.as_bytes()).unwrap();
    assert_eq!(
        items
            .iter()
            .filter(|item| item.kind == Kind::Message)
            .count(),
        1
    );
    assert_eq!(
        items
            .iter()
            .filter(|item| matches!(item.kind, Kind::Malformed(_)))
            .count(),
        5
    );
}

#[test]
fn why_an_item_cannot_be_read_repeats_nothing_that_was_written() {
    let secret = "my PIN is 1234 ".repeat(1000);
    let body = json!({"entry": [{"changes": [{"field": "messages", "value": {
        "metadata": {"phone_number_id": NUMBER}, "messages": [secret], "statuses": secret
    }}]}]});
    for item in walk(body.to_string().as_bytes()).unwrap() {
        let Kind::Malformed(reason) = item.kind else {
            panic!("{:?}", item.kind);
        };
        assert!(
            reason.starts_with("another shape than documented"),
            "{reason}"
        );
        assert!(reason.len() < 100 && !reason.contains("PIN"));
    }
    let error = walk(json!(secret).to_string().as_bytes()).unwrap_err();
    assert!(!error.to_string().contains("PIN"));
}

#[test]
fn keys_and_names_are_fit_for_a_database() {
    let long = format!("wamid.{}", "x".repeat(5000));
    let body = envelope(
        "messages",
        &json!({
            "contacts": [{"profile": {"name": "Sa\u{0}ri"}, "wa_id": "628111"}],
            "messages": [
                text(&long, "628111"),
                text("wamid.\u{0}", "628111"),
                text("wamid.1", "6\u{0}2")
            ]
        }),
    );
    let items = walk(&body).unwrap();
    assert!(items[0].key.starts_with("hash:") && items[1].key.starts_with("hash:"));
    assert_ne!(items[0].key, items[1].key);
    assert_eq!(items[0].kind, Kind::Message);
    assert_eq!(items[0].profile_name.as_deref(), Some("Sa ri"));
    assert!(matches!(items[2].kind, Kind::Malformed(_)));
    assert!(items[2].identities.is_empty());
}

#[test]
fn standby_handover_and_other_changes_are_told_apart() {
    let standby = envelope("standby", &json!({"messages": [text("wamid.1", "628111")]}));
    let items = walk(&standby).unwrap();
    assert_eq!(kinds(&items), [&Kind::Standby]);
    assert_eq!(items[0].key, "standby:wamid.1");
    assert_eq!(items[0].identities.wa_id.as_deref(), Some("628111"));

    let handover = envelope("messaging_handovers", &json!({"new_owner": "app"}));
    assert_eq!(kinds(&walk(&handover).unwrap()), [&Kind::Handover]);

    let account = envelope("account_update", &json!({"event": "PARTNER_REMOVED"}));
    let first = walk(&account).unwrap();
    assert_eq!(kinds(&first), [&Kind::Other]);
    assert_eq!(first[0].field, "account_update");
    assert_eq!(
        first[0].key,
        walk(&account).unwrap()[0].key,
        "the key is stable"
    );

    let errors = envelope("messages", &json!({"errors": [{"code": 130_429}]}));
    assert_eq!(kinds(&walk(&errors).unwrap()), [&Kind::Other]);
}

#[test]
fn two_equal_events_at_different_times_are_two() {
    let at = |time: u64| {
        json!({"entry": [{"time": time, "changes": [
            {"field": "account_alerts", "value": {"alert": "x"}}]}]})
        .to_string()
    };
    let (one, other) = (at(1), at(2));
    let key = |body: &str| walk(body.as_bytes()).unwrap()[0].key.clone();
    assert_ne!(key(&one), key(&other));
}

#[test]
fn without_a_business_number_a_message_cannot_be_kept_as_good() {
    let body = json!({"entry": [{"changes": [{"field": "messages", "value": {
        "messages": [text("wamid.1", "628111")]}}]}]})
    .to_string();
    let items = walk(body.as_bytes()).unwrap();
    assert!(matches!(items[0].kind, Kind::Malformed(_)));
    assert_eq!(items[0].phone_number_id, "");
}

#[test]
fn a_system_message_may_name_nobody() {
    let body = envelope(
        "messages",
        &json!({"messages": [{"id": "wamid.1", "type": "system", "timestamp": "1764000001",
            "system": {"type": "user_changed_user_id", "previous_user_id": "ID.a"}}]}),
    );
    assert_eq!(kinds(&walk(&body).unwrap()), [&Kind::Message]);
}

#[test]
fn deep_nesting_is_malformed_and_no_overflow() {
    let deep = format!("{}1{}", "[".repeat(100_000), "]".repeat(100_000));
    let message = format!(r#"{{"id":"wamid.1","from":"628111","type":"x","x":{deep}}}"#);
    let body = format!(
        r#"{{"entry":[{{"changes":[{{"field":"messages","value":{{"metadata":
           {{"phone_number_id":"1"}},"messages":[{message}]}}}}]}}]}}"#
    );
    let items = walk(body.as_bytes()).unwrap();
    assert_eq!(
        kinds(&items),
        [&Kind::Malformed("nested too deeply".to_owned())]
    );
}

#[test]
fn only_what_is_no_envelope_is_an_error() {
    for no_json in [
        &b""[..],
        b"{",
        b"nonsense",
        b"{\"entry\":[\"\xff\"]}",
        b"{\"entry\":[]} x",
    ] {
        assert!(
            matches!(walk(no_json), Err(WalkError::NotJson(_))),
            "{no_json:?}"
        );
    }
    for no_envelope in ["{}", "[1]", "5", r#"{"entry":5}"#, r#"{"entry":null}"#] {
        assert!(
            matches!(walk(no_envelope.as_bytes()), Err(WalkError::NoEnvelope(_))),
            "{no_envelope}"
        );
    }
    assert!(walk(br#"{"object":"x","entry":[]}"#).unwrap().is_empty());
}

/// Any JSON, with the envelope's names among its keys.
fn any_json() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(serde_json::Value::from),
        any::<i64>().prop_map(serde_json::Value::from),
        any::<String>().prop_map(serde_json::Value::from),
    ];
    leaf.prop_recursive(6, 64, 6, |inner| {
        let name = prop_oneof![
            Just("entry"),
            Just("changes"),
            Just("field"),
            Just("value"),
            Just("metadata"),
            Just("phone_number_id"),
            Just("messages"),
            Just("statuses"),
            Just("contacts"),
            Just("errors"),
            Just("id"),
            Just("from"),
            Just("timestamp"),
            Just("status"),
        ];
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(serde_json::Value::from),
            prop::collection::vec((name, inner), 0..6).prop_map(|fields| {
                fields
                    .into_iter()
                    .map(|(name, value)| (name.to_owned(), value))
                    .collect()
            }),
        ]
    })
}

fn assert_storable(body: &[u8]) {
    for item in walk(body).unwrap_or_default() {
        assert!(!item.key.is_empty() && item.key.len() <= KEY_BYTES + "standby:".len());
        let names = [&item.identities.wa_id, &item.identities.user_id];
        let mut texts = vec![item.key.as_str(), &item.phone_number_id, &item.field];
        texts.extend(names.into_iter().flatten().map(String::as_str));
        texts.extend(item.profile_name.as_deref());
        assert!(texts.iter().all(|text| !text.contains('\0')));
    }
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(body in prop::collection::vec(any::<u8>(), 0..512)) {
        assert_storable(&body);
    }

    #[test]
    fn arbitrary_entries_give_storable_items(entries in prop::collection::vec(any_json(), 0..4)) {
        assert_storable(json!({"entry": entries}).to_string().as_bytes());
    }

    #[test]
    fn arbitrary_values_give_storable_items(value in any_json()) {
        assert_storable(&envelope("messages", &value));
    }

    #[test]
    fn a_body_cut_or_changed_anywhere_never_panics(at in 0_usize..400, byte in any::<u8>()) {
        let mut body = envelope("messages", &json!({"messages": [text("wamid.1", "628111")]}));
        let at = at.min(body.len() - 1);
        assert_storable(&body[..at]);
        body[at] = byte;
        assert_storable(&body);
    }
}

#[test]
fn a_body_of_crumbs_is_refused_before_it_takes_memory() {
    let crumbs =
        |crumb: &str, count: usize| format!("[{crumb}{}]", format!(",{crumb}").repeat(count - 1));
    let body = |entry: String| format!("{{\"entry\":{entry}}}").into_bytes();
    let change = r#"{"value":0}"#;
    for fits in [
        crumbs("0", MAX_ITEMS),
        crumbs(r#"{"changes":[0]}"#, MAX_ITEMS),
    ] {
        assert_eq!(walk(&body(fits)).unwrap().len(), MAX_ITEMS);
    }
    let spread = format!("{{\"changes\":{}}}", crumbs(change, MAX_ITEMS / 2));
    for too_many in [
        crumbs("0", MAX_ITEMS + 1),
        crumbs("{}", MAX_ITEMS + 1),
        format!("[{{\"changes\":{}}}]", crumbs(change, MAX_ITEMS + 1)),
        format!("[0,{{\"changes\":{}}}]", crumbs("0", MAX_ITEMS + 1)),
        crumbs(&spread, 3),
    ] {
        assert_eq!(walk(&body(too_many)).unwrap_err(), WalkError::TooMany);
    }
    // Within one change nothing but the list itself is beyond measure: it is kept, and the rest read.
    let messages: Vec<_> = (0..=MAX_ITEMS).map(|_| json!(0)).collect();
    let status = json!({"id": "wamid.A", "status": "read", "timestamp": "1764000001"});
    let body = envelope(
        "messages",
        &json!({"messages": messages, "statuses": [status]}),
    );
    let items = walk(&body).unwrap();
    assert_eq!(
        kinds(&items),
        [
            &Kind::Malformed("too many elements".to_owned()),
            &Kind::Status
        ]
    );
}
