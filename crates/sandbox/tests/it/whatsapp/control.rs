//! The control API tells the same stories to programs elsewhere.

use serde_json::{Value, json};
use warung_sandbox::whatsapp::Config;

use super::{PATIENCE, SARI, Shop, sandbox_with_bot};

struct Remote {
    http: reqwest::Client,
    base: String,
}

impl Remote {
    async fn post(&self, path: &str, body: Value) -> (u16, Value) {
        let url = format!("{}/control{path}", self.base);
        let response = self.http.post(url).json(&body).send().await.unwrap();
        (response.status().as_u16(), response.json().await.unwrap())
    }

    async fn get(&self, path: &str) -> (u16, Value) {
        let url = format!("{}/control{path}", self.base);
        let response = self.http.get(url).send().await.unwrap();
        (response.status().as_u16(), response.json().await.unwrap())
    }
}

#[tokio::test]
async fn a_conversation_over_http() {
    let (wa, bot) = sandbox_with_bot(Config::default()).await;
    let shop = Shop::of(&wa);
    let remote = Remote {
        http: shop.http.clone(),
        base: wa.base_url().to_owned(),
    };
    remote
        .post("/customers", json!({"wa_id": SARI, "name": "Sari"}))
        .await;
    let sari = format!("/customers/{SARI}");
    let (_, said) = remote
        .post(&format!("{sari}/says"), json!({"text": "halo"}))
        .await;
    assert!(wa.idle(PATIENCE).await);
    assert_eq!(bot.messages()[0]["id"], said["wamid"]);
    shop.sends(
        SARI,
        json!({"type": "interactive", "interactive": {
            "type": "button", "body": {"text": "Mau apa?"}, "action": {"buttons": [
                {"type": "reply", "reply": {"id": "beli", "title": "Beli"}},
            ]},
        }}),
    )
    .await;
    let (_, reply) = remote.get(&format!("{sari}/next-reply?wait_ms=5000")).await;
    assert_eq!(reply["kind"], "buttons");
    assert_eq!(reply["options"][0]["title"], "Beli");
    let (status, problem) = remote
        .post(&format!("{sari}/taps"), json!({"option": "Jual"}))
        .await;
    assert_eq!(status, 409);
    assert!(problem["error"].as_str().unwrap().contains("Beli"));
    remote
        .post(&format!("{sari}/taps"), json!({"option": "beli"}))
        .await;
    assert_eq!(
        remote.get(&format!("{sari}/next-reply?wait_ms=10")).await.0,
        408
    );
    let location = json!({"type": "location", "location": {"latitude": -6.2, "longitude": 106.8}});
    remote.post(&format!("{sari}/sends"), location).await;
    remote
        .post(
            &format!("{sari}/sends-again"),
            json!({"wamid": said["wamid"]}),
        )
        .await;
    assert!(wa.idle(PATIENCE).await);
    assert_eq!(bot.messages().len(), 4);
    let (_, book) = remote.get("/book").await;
    assert_eq!(book["accepted"].as_array().unwrap().len(), 1);
    let (_, state) = remote.get("/state").await;
    assert_eq!(state["customers"][0]["thread"].as_array().unwrap().len(), 4);
    remote.post("/reset", json!({})).await;
    assert!(
        remote.get("/state").await.1["customers"]
            .as_array()
            .unwrap()
            .is_empty()
    );
}

#[tokio::test]
async fn faults_clock_and_webhooks_over_http() {
    let (wa, bot) = sandbox_with_bot(Config::default()).await;
    let shop = Shop::of(&wa);
    let remote = Remote {
        http: shop.http.clone(),
        base: wa.base_url().to_owned(),
    };
    super::sari(&wa).await;
    let (_, armed) = remote
        .post("/faults", json!({"fault": "server_error", "next": 1}))
        .await;
    assert_eq!(armed.as_array().unwrap().len(), 1);
    assert_eq!(shop.says(SARI, "x").await.status, 500);
    remote
        .post("/faults", json!({"fault": {"error": 131_048}, "next": 1}))
        .await;
    assert_eq!(shop.says(SARI, "x").await.code(), 131_048);
    remote
        .post("/clock", json!({"advance_ms": 25 * 3_600_000}))
        .await;
    assert_eq!(shop.says(SARI, "x").await.code(), 131_047);
    remote
        .post(
            &format!("/customers/{SARI}/window"),
            json!({"hours_ago": 1}),
        )
        .await;
    assert_eq!(shop.says(SARI, "x").await.status, 200);
    let (_, urls) = remote.get("/webhooks").await;
    assert_eq!(urls, json!([bot.url()]));
    assert_eq!(
        remote.post("/webhooks/verify", json!({})).await.1,
        json!({"failed": []})
    );
    let item = json!([{"id": "wamid.X", "type": "text", "from": SARI}]);
    assert_eq!(remote.post("/deliver", item).await.1["http_status"], 200);
    let raw = json!({"body": "{}", "signature": "sha256=no"});
    assert_eq!(remote.post("/post-raw", raw).await.1["http_status"], 401);
}
