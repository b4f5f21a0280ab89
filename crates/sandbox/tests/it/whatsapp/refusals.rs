//! What Meta refuses, the sandbox refuses, with Meta's code.

use serde_json::{Value, json};
use warung_sandbox::whatsapp::{Config, Profile, start};

use super::{SARI, Shop, eventually, message, pixel, sandbox_with_bot, sari};

fn buttons(buttons: &Value) -> Value {
    json!({"type": "interactive", "interactive": {
        "type": "button", "body": {"text": "Pilih"}, "action": {"buttons": buttons},
    }})
}

fn button(id: &str, title: &str) -> Value {
    json!({"type": "reply", "reply": {"id": id, "title": title}})
}

/// A good message without one field.
fn without(mut content: Value, parent: &str, field: &str) -> Value {
    content
        .pointer_mut(parent)
        .unwrap()
        .as_object_mut()
        .unwrap()
        .remove(field)
        .unwrap();
    content
}

fn text(body: &str) -> Value {
    json!({"type": "text", "text": {"body": body}})
}

#[tokio::test]
async fn missing_fields_are_named() {
    let (wa, _bot) = sandbox_with_bot(Config::default()).await;
    sari(&wa).await;
    let shop = Shop::of(&wa);
    let one = || buttons(&json!([button("a", "A")]));
    let bad = [
        (json!({"type": "text"}), "text"),
        (json!({"type": "text", "text": {}}), "text['body']"),
        (
            json!({"type": "image", "image": {}}),
            "image['id'] or image['link']",
        ),
        (
            without(one(), "/interactive", "body"),
            "interactive['body']",
        ),
        (
            without(one(), "/interactive", "action"),
            "interactive['action']",
        ),
        (
            without(one(), "/interactive/action/buttons/0/reply", "title"),
            "interactive['action']['buttons'][0]['reply']['title']",
        ),
    ];
    for (content, path) in bad {
        let answer = shop.sends(SARI, content).await;
        assert_eq!(answer.code(), 131_008);
        let details = &answer.body["error"]["error_data"]["details"];
        assert_eq!(details, &format!("The parameter {path} is required."));
    }
    for field in ["messaging_product", "to"] {
        let answer = shop
            .posts(&without(message(SARI, text("x")), "", field))
            .await;
        assert_eq!(answer.code(), 100);
        let required = format!("(#100) The parameter {field} is required.");
        assert_eq!(answer.body["error"]["message"], required);
    }
}

#[tokio::test]
async fn an_error_body_has_metas_form() {
    let (wa, _bot) = sandbox_with_bot(Config::default()).await;
    sari(&wa).await;
    let answer = Shop::of(&wa).sends(SARI, buttons(&json!([]))).await;
    let error = &answer.body["error"];
    assert_eq!(error["message"], "(#131009) Parameter value is not valid");
    assert_eq!(error["type"], "OAuthException");
    assert_eq!(error["error_data"]["messaging_product"], "whatsapp");
    assert!(error["fbtrace_id"].as_str().unwrap().starts_with('A'));
}

#[tokio::test]
async fn strangers_and_wrong_numbers_are_turned_away() {
    let (wa, _bot) = sandbox_with_bot(Config::default()).await;
    sari(&wa).await;
    let shop = Shop::of(&wa);
    let url = format!("{}/messages", shop.base);
    let body = message(SARI, text("x"));
    for token in ["", "wrong"] {
        let request = shop.http.post(&url).bearer_auth(token).json(&body);
        let answer = super::Answer::of(request.send().await.unwrap()).await;
        assert_eq!((answer.status, answer.code()), (401, 190));
    }
    let elsewhere = Shop {
        base: format!("{}/v26.0/999", wa.base_url()),
        ..shop
    };
    let answer = elsewhere.says(SARI, "x").await;
    assert_eq!((answer.status, answer.code()), (400, 100));
    assert_eq!(answer.body["error"]["error_subcode"], 33);
    let nowhere = Shop {
        base: format!("{}/latest/1", wa.base_url()),
        ..elsewhere
    };
    assert_eq!(nowhere.says(SARI, "x").await.code(), 100);
}

#[tokio::test]
async fn recipients_are_numbers_or_user_ids_and_never_mixed_up() {
    let (wa, _bot) = sandbox_with_bot(Config::default()).await;
    let sari = sari(&wa).await;
    let shop = Shop::of(&wa);
    let bsuid = sari.bsuid().unwrap();
    let by_id = |id: &str| {
        let mut body = without(message(SARI, text("hai")), "", "to");
        body["recipient"] = json!(id);
        body
    };
    let answer = shop.posts(&by_id(&bsuid)).await;
    assert_eq!(answer.body["contacts"][0]["input"], bsuid);
    assert_eq!(answer.body["contacts"][0]["user_id"], bsuid);
    assert_eq!(shop.posts(&by_id("ID.000")).await.code(), 131_026);
    assert_eq!(shop.posts(&by_id("6281234567890")).await.code(), 131_009);
    assert_eq!(
        shop.says(&bsuid, "a user id is no number").await.code(),
        131_009
    );
    assert_eq!(
        shop.says("+62 812-3456-7890", "hai").await.body["contacts"][0]["wa_id"],
        SARI
    );
    assert_eq!(shop.says("6289999999999", "x").await.code(), 131_026);

    let budi = wa.customer("6285550001111", "Budi");
    budi.says("halo").await;
    let mut both = message(budi.wa_id(), text("for Budi"));
    both["recipient"] = json!(bsuid);
    assert_eq!(shop.posts(&both).await.status, 200);
    assert_eq!(budi.inbox()[0].text(), "for Budi", "`to` wins");
}

#[tokio::test]
async fn a_hidden_number_is_not_given_away() {
    let (wa, bot) = sandbox_with_bot(Config::default()).await;
    let profile = Profile {
        username: Some("rani".into()),
        hides_number: true,
        ..Profile::new("6287770001111", "Rani", &Config::default().phone_number_id)
    };
    let rani = wa.customer_with(profile);
    rani.says("halo").await;
    let bsuid = rani.bsuid().unwrap();
    let mut body = without(message("", text("hai")), "", "to");
    body["recipient"] = json!(bsuid);
    assert_eq!(Shop::of(&wa).posts(&body).await.status, 200);
    eventually("the read status", || bot.statuses().len() == 3).await;
    assert_eq!(bot.messages()[0]["from_user_id"], bsuid);
    let told = serde_json::to_string(&bot.webhooks()).unwrap();
    assert!(told.contains("\"username\":\"rani\""));
    assert!(!told.contains("6287770001111"), "{told}");
}

#[tokio::test]
async fn the_window_closes_after_a_day() {
    let (wa, _bot) = sandbox_with_bot(Config::default()).await;
    let sari = sari(&wa).await;
    let shop = Shop::of(&wa);
    wa.clock().advance(chrono::TimeDelta::minutes(24 * 60 - 1));
    assert_eq!(shop.says(SARI, "just in time").await.status, 200);
    wa.clock().advance(chrono::TimeDelta::minutes(2));
    assert_eq!(shop.says(SARI, "too late").await.code(), 131_047);
    let template = json!({"type": "template",
        "template": {"name": "pesanan_dikirim", "language": {"code": "id"}}});
    assert_eq!(shop.sends(SARI, template).await.status, 200);
    sari.says("aku kembali").await;
    assert_eq!(shop.says(SARI, "selamat datang").await.status, 200);
    wa.customer("6285550001111", "Budi");
    assert_eq!(
        shop.says("6285550001111", "never wrote").await.code(),
        131_047
    );
}

#[tokio::test]
async fn late_refusals_come_as_failed_statuses() {
    let config = Config {
        late_refusals: true,
        ..Config::default()
    };
    let (wa, bot) = sandbox_with_bot(config).await;
    let answer = Shop::of(&wa).says("6289999999999", "x").await;
    let wamid = answer.wamid().to_owned();
    eventually("the failed status", || !bot.statuses().is_empty()).await;
    let status = &bot.statuses()[0];
    assert_eq!(status["id"], wamid);
    assert_eq!(status["status"], "failed");
    assert_eq!(status["errors"][0]["code"], 131_026);
    let webhook = &bot.webhooks()[0];
    let value = &webhook["entry"][0]["changes"][0]["value"];
    assert!(
        value.get("contacts").is_none(),
        "Meta leaves contacts out of failed statuses"
    );
}

#[tokio::test]
async fn media_is_checked_stored_and_served() {
    let (wa, _bot) = sandbox_with_bot(Config::default()).await;
    let sari = sari(&wa).await;
    let shop = Shop::of(&wa);
    let image = |id: &str| json!({"type": "image", "image": {"id": id, "caption": "QR"}});
    let uploaded = shop.uploads("image/png", pixel()).await;
    let id = uploaded.body["id"].as_str().unwrap().to_owned();
    assert_eq!(shop.sends(SARI, image(&id)).await.status, 200);
    assert_eq!(sari.inbox()[0].image().unwrap().bytes, pixel());
    assert_eq!(sari.inbox()[0].text(), "QR");
    assert_eq!(shop.sends(SARI, image("404")).await.code(), 100);
    let long = json!({"type": "image", "image": {"id": id, "caption": "c".repeat(1025)}});
    assert_eq!(shop.sends(SARI, long).await.code(), 100);

    let mut big = pixel();
    big.resize(5 * 1024 * 1024 + 1, 0);
    for (mime_type, bytes) in [
        ("image/png", big),
        ("image/png", b"GIF89a".to_vec()),
        ("image/gif", b"GIF89a".to_vec()),
        ("image/jpeg", pixel()),
        ("image/png", Vec::new()),
    ] {
        assert_eq!(
            shop.uploads(mime_type, bytes).await.code(),
            131_053,
            "{mime_type}"
        );
    }

    let token = Config::default().access_token;
    let url = format!("{}/v26.0/{id}", wa.base_url());
    let described = shop.http.get(url).bearer_auth(&token).send().await.unwrap();
    let described: Value = described.json().await.unwrap();
    assert_eq!(described["mime_type"], "image/png");
    let url = described["url"].as_str().unwrap();
    assert_eq!(shop.http.get(url).send().await.unwrap().status(), 401);
    let bytes = shop
        .http
        .get(url)
        .bearer_auth(&token)
        .send()
        .await
        .unwrap()
        .bytes()
        .await;
    assert_eq!(bytes.unwrap(), pixel());
}

#[tokio::test]
async fn without_webhooks_the_sandbox_still_refuses() {
    let wa = start(Config::default()).await.unwrap();
    assert_eq!(Shop::of(&wa).says(SARI, "x").await.code(), 131_026);
    wa.stop().await;
}
