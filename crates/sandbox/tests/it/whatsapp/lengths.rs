//! Lengths and counts: what fits is taken, one more is refused.

use serde_json::{Value, json};
use warung_sandbox::whatsapp::Config;

use super::{SARI, Shop, sandbox_with_bot, sari};

fn buttons(buttons: &Value) -> Value {
    json!({"type": "interactive", "interactive": {
        "type": "button", "body": {"text": "Pilih"}, "action": {"buttons": buttons},
    }})
}

fn button(id: &str, title: &str) -> Value {
    json!({"type": "reply", "reply": {"id": id, "title": title}})
}

fn list(opener: &str, sections: &Value) -> Value {
    json!({"type": "interactive", "interactive": {
        "type": "list", "body": {"text": "Pilih"},
        "action": {"button": opener, "sections": sections},
    }})
}

fn rows(count: usize, first: usize) -> Value {
    (first..first + count)
        .map(|n| json!({"id": format!("r{n}"), "title": format!("T{n}")}))
        .collect()
}

fn link(label: &str, url: &str) -> Value {
    json!({"type": "interactive", "interactive": {
        "type": "cta_url", "body": {"text": "Bayar"},
        "action": {"name": "cta_url", "parameters": {"display_text": label, "url": url}},
    }})
}

/// A good message with one thing changed at a JSON pointer.
fn with(mut content: Value, pointer: &str, value: Value) -> Value {
    *content
        .pointer_mut(pointer)
        .unwrap_or_else(|| panic!("no {pointer}")) = value;
    content
}

fn text(body: &str) -> Value {
    json!({"type": "text", "text": {"body": body}})
}

/// Sends each and expects its refusal, and that nothing of it arrives.
async fn all_are_refused(bad: &[(u64, Value)]) {
    let (wa, _bot) = sandbox_with_bot(Config::default()).await;
    let sari = sari(&wa).await;
    let shop = Shop::of(&wa);
    for (code, content) in bad {
        let answer = shop.sends(SARI, content.clone()).await;
        assert_eq!(answer.code(), *code, "{content}");
        assert_eq!(answer.status, 400);
    }
    assert!(sari.inbox().is_empty(), "a refused message must not arrive");
    assert!(wa.book().accepted.is_empty());
}

#[tokio::test]
async fn messages_at_the_limits_are_taken() {
    let (wa, _bot) = sandbox_with_bot(Config::default()).await;
    let sari = sari(&wa).await;
    let shop = Shop::of(&wa);
    let (é20, id256) = ("é".repeat(20), "i".repeat(256));
    let row =
        json!({"id": "i".repeat(200), "title": "t".repeat(24), "description": "d".repeat(72)});
    let good = [
        text(&"é".repeat(4096)),
        buttons(&json!([
            button("a", "A"),
            button("b", "B"),
            button(&id256, &é20)
        ])),
        with(
            buttons(&json!([button("a", "A")])),
            "/interactive/body/text",
            json!("b".repeat(1024)),
        ),
        list(&é20, &json!([{"title": "t".repeat(24), "rows": [row]}])),
        list(
            "Buka",
            &json!([{"title": "A", "rows": rows(5, 0)}, {"title": "B", "rows": rows(5, 5)}]),
        ),
        list("Buka", &json!([{"rows": rows(10, 0)}])),
        link(&é20, "https://example.com/bayar?id=1"),
    ];
    let count = good.len();
    for content in good {
        assert_eq!(shop.sends(SARI, content).await.status, 200);
    }
    assert_eq!(sari.inbox().len(), count);
    let header = json!({"type": "text", "text": "h".repeat(60)});
    let mut content = buttons(&json!([button("a", "A")]));
    content["interactive"]["header"] = header;
    content["interactive"]["footer"] = json!({"text": "f".repeat(60)});
    content["biz_opaque_callback_data"] = json!("o".repeat(512));
    assert_eq!(shop.sends(SARI, content).await.status, 200);
}

#[tokio::test]
async fn long_texts_buttons_and_links_are_refused() {
    let one = || buttons(&json!([button("a", "A")]));
    let reply = "/interactive/action/buttons/0/reply";
    let many: Value = (0..4)
        .map(|n| button(&format!("b{n}"), &format!("T{n}")))
        .collect();
    let headed = |header: Value| {
        let mut content = one();
        content["interactive"]["header"] = header;
        content
    };
    let opaque = json!({"type": "text", "text": {"body": "x"},
        "biz_opaque_callback_data": "o".repeat(513)});
    all_are_refused(&[
        (100, text(&"x".repeat(4097))),
        (131_008, text(" ")),
        (100, opaque),
        (
            131_009,
            with(one(), "/interactive/body/text", json!("b".repeat(1025))),
        ),
        (
            131_009,
            headed(json!({"type": "text", "text": "h".repeat(61)})),
        ),
        (131_009, headed(json!({"type": "sulap"}))),
        (
            131_009,
            with(one(), &format!("{reply}/title"), json!("t".repeat(21))),
        ),
        (131_009, with(one(), &format!("{reply}/title"), json!(""))),
        (
            131_009,
            with(one(), &format!("{reply}/id"), json!("i".repeat(257))),
        ),
        (131_009, buttons(&many)),
        (131_009, buttons(&json!([]))),
        (
            131_009,
            buttons(&json!([button("a", "A"), button("a", "B")])),
        ),
        (
            131_009,
            buttons(&json!([button("a", "A"), button("b", "A")])),
        ),
        (
            131_009,
            link("Bayar sekarang juga ya", "https://example.com"),
        ),
        (131_009, link("Bayar", "ftp://example.com")),
        (131_009, link("Bayar", "example.com")),
        (131_051, json!({"type": "sulap", "sulap": {}})),
    ])
    .await;
}

#[tokio::test]
async fn long_lists_are_refused() {
    let row = json!({"id": "r", "title": "T", "description": "D"});
    let open = || list("Buka", &json!([{"title": "S", "rows": [row]}]));
    let first = "/interactive/action/sections/0/rows/0";
    let section = |title: &str, rows: Value| json!({"title": title, "rows": rows});
    let eleven: Value = (0..11)
        .map(|n| section(&format!("S{n}"), rows(1, n)))
        .collect();
    let unnamed = json!([{"rows": rows(1, 0)}, {"rows": rows(1, 1)}]);
    let mut pictured = open();
    pictured["interactive"]["header"] = json!({"type": "image", "image": {"id": "1"}});
    all_are_refused(&[
        (
            131_009,
            with(open(), "/interactive/action/button", json!("o".repeat(21))),
        ),
        (
            131_009,
            with(open(), &format!("{first}/title"), json!("t".repeat(25))),
        ),
        (
            131_009,
            with(
                open(),
                &format!("{first}/description"),
                json!("d".repeat(73)),
            ),
        ),
        (
            131_009,
            with(open(), &format!("{first}/description"), json!("")),
        ),
        (
            131_009,
            with(open(), &format!("{first}/id"), json!("i".repeat(201))),
        ),
        (
            131_009,
            with(
                open(),
                "/interactive/action/sections/0/title",
                json!("s".repeat(25)),
            ),
        ),
        (131_009, list("Buka", &json!([section("S", rows(11, 0))]))),
        (
            131_009,
            list(
                "Buka",
                &json!([section("A", rows(6, 0)), section("B", rows(5, 6))]),
            ),
        ),
        (
            131_009,
            list(
                "Buka",
                &json!([section("A", rows(1, 0)), section("B", rows(1, 0))]),
            ),
        ),
        (131_009, list("Buka", &json!([section("S", json!([]))]))),
        (131_009, list("Buka", &eleven)),
        (131_008, list("Buka", &unnamed)),
        (131_009, pictured),
    ])
    .await;
}
