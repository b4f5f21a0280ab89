//! The phone page in a browser, with a small shop behind it.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use axum::{Json, Router};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use warung_sandbox::serve::{Server, bind};
use warung_sandbox::whatsapp::{Config, Sandbox, start};

use crate::browser;

/// A shop that knows three words and answers through the send API.
struct Shop {
    http: reqwest::Client,
    numbers: String,
}

impl Shop {
    async fn starts(wa: &Sandbox) -> Server {
        let numbers = format!(
            "{}/v26.0/{}",
            wa.base_url(),
            Config::default().phone_number_id
        );
        let shop = Arc::new(Self {
            http: reqwest::Client::builder().build().unwrap(),
            numbers,
        });
        let router = Router::new()
            .route("/webhooks/whatsapp", post(webhook))
            .with_state(shop);
        let listener = bind(([127, 0, 0, 1], 0).into()).await.unwrap();
        let server = Server::run(listener, router, CancellationToken::new()).unwrap();
        wa.set_webhooks(vec![format!(
            "http://{}/webhooks/whatsapp",
            server.address()
        )]);
        server
    }

    async fn posts(&self, body: Value) {
        let request = self.http.post(format!("{}/messages", self.numbers));
        let request = request
            .bearer_auth(Config::default().access_token)
            .json(&body);
        assert_eq!(request.send().await.unwrap().status(), 200);
    }

    async fn answers(&self, message: &Value) {
        self.posts(json!({"messaging_product": "whatsapp", "status": "read",
            "message_id": message["id"], "typing_indicator": {"type": "text"}}))
            .await;
        let reply = &message["interactive"];
        let mut content = match message["text"]["body"].as_str() {
            Some("halo") => welcome(),
            Some("produk") => shelf(),
            Some("gambar") => self.picture().await,
            _ if reply["list_reply"].is_object() => bill(&reply["list_reply"]["title"]),
            _ => json!({"type": "text", "text": {"body": "Maaf, coba *halo* atau *produk*."}}),
        };
        content["messaging_product"] = json!("whatsapp");
        content["to"] = message["from"].clone();
        self.posts(content).await;
    }

    async fn picture(&self) -> Value {
        let pixel = concat!(
            "89504e470d0a1a0a0000000d49484452000000010000000108000000003a7e9b55",
            "0000000a49444154789c6360000000020001e221bc330000000049454e44ae426082"
        );
        let file = reqwest::multipart::Part::bytes(hex::decode(pixel).unwrap()).file_name("qr.png");
        let form = reqwest::multipart::Form::new()
            .text("messaging_product", "whatsapp")
            .text("type", "image/png")
            .part("file", file);
        let request = self
            .http
            .post(format!("{}/media", self.numbers))
            .multipart(form);
        let request = request.bearer_auth(Config::default().access_token);
        let uploaded: Value = request.send().await.unwrap().json().await.unwrap();
        json!({"type": "image", "image": {"id": uploaded["id"], "caption": "Pindai untuk bayar"}})
    }
}

fn welcome() -> Value {
    let text = "Selamat datang di *Toko Sari*! Lihat-lihat _dulu_: ~Rp15.000~ ```KOPI-01```";
    let button =
        |id: &str, title: &str| json!({"type": "reply", "reply": {"id": id, "title": title}});
    json!({"type": "interactive", "interactive": {
        "type": "button",
        "body": {"text": text},
        "action": {"buttons": [
            button("produk", "Produk"), button("keranjang", "Keranjang"), button("saldo", "Saldo"),
        ]},
    }})
}

fn shelf() -> Value {
    let row = |id: &str, title: &str| json!({"id": id, "title": title, "description": "Rp12.000"});
    json!({"type": "interactive", "interactive": {
        "type": "list",
        "body": {"text": "Ada di rak hari ini:"},
        "action": {"button": "Lihat produk", "sections": [
            {"title": "Kopi", "rows": [row("gayo", "Kopi Gayo"), row("toraja", "Kopi Toraja")]},
            {"title": "Camilan", "rows": [row("keripik", "Keripik Tempe")]},
        ]},
    }})
}

fn bill(title: &Value) -> Value {
    let text = format!("Pilihan bagus: {}", title.as_str().unwrap_or_default());
    json!({"type": "interactive", "interactive": {
        "type": "cta_url",
        "body": {"text": text},
        "action": {"name": "cta_url", "parameters": {
            "display_text": "Bayar", "url": "https://example.com/bayar/1",
        }},
    }})
}

async fn webhook(State(shop): State<Arc<Shop>>, Json(body): Json<Value>) -> StatusCode {
    let messages: Vec<Value> = body["entry"]
        .as_array()
        .into_iter()
        .flatten()
        .flat_map(|entry| entry["changes"].as_array().into_iter().flatten())
        .flat_map(|change| change["value"]["messages"].as_array().into_iter().flatten())
        .cloned()
        .collect();
    tokio::spawn(async move {
        for message in messages {
            shop.answers(&message).await;
        }
    });
    StatusCode::OK
}

#[tokio::test(flavor = "multi_thread")]
async fn the_phone_page_is_a_phone() {
    let wa = start(Config::default()).await.unwrap();
    let _shop = Shop::starts(&wa).await;
    browser::passes("phone.test.mjs", wa.base_url()).await;
}
