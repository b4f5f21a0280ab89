//! A bot that only listens: it checks signatures and writes down what it is told.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::get;
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::Value;
use sha2::Sha256;
use tokio_util::sync::CancellationToken;
use warung_sandbox::serve::{Server, bind};
use warung_sandbox::whatsapp::Config;

#[derive(Debug)]
pub(super) struct Bot {
    heard: Arc<Mutex<Heard>>,
    server: Server,
}

#[derive(Debug, Default)]
struct Heard {
    /// Bodies with a right signature.
    webhooks: Vec<Value>,
    /// Requests with a wrong one.
    forgeries: usize,
    /// Statuses to answer with before all is well.
    moods: VecDeque<u16>,
}

impl Bot {
    pub(super) async fn start() -> Self {
        let heard = Arc::new(Mutex::new(Heard::default()));
        let router = Router::new()
            .route("/webhooks/whatsapp", get(handshake).post(webhook))
            .with_state(Arc::clone(&heard));
        let listener = bind(([127, 0, 0, 1], 0).into()).await.unwrap();
        let server = Server::run(listener, router, CancellationToken::new()).unwrap();
        Self { heard, server }
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}/webhooks/whatsapp", self.server.address())
    }

    /// Answers the next requests with these statuses.
    pub(super) fn answers(&self, moods: &[u16]) {
        self.heard.lock().unwrap().moods.extend(moods);
    }

    pub(super) fn webhooks(&self) -> Vec<Value> {
        self.heard.lock().unwrap().webhooks.clone()
    }

    pub(super) fn forgeries(&self) -> usize {
        self.heard.lock().unwrap().forgeries
    }

    /// All customers' messages, in order of arrival.
    pub(super) fn messages(&self) -> Vec<Value> {
        self.values("messages")
    }

    /// All statuses, in order of arrival.
    pub(super) fn statuses(&self) -> Vec<Value> {
        self.values("statuses")
    }

    /// The texts of all customers' messages, in order of arrival.
    pub(super) fn texts(&self) -> Vec<String> {
        let text = |message: &Value| message["text"]["body"].as_str().unwrap_or("?").to_owned();
        self.messages().iter().map(text).collect()
    }

    fn values(&self, what: &str) -> Vec<Value> {
        let items = |value: &Value| value.as_array().cloned().unwrap_or_default();
        self.webhooks()
            .iter()
            .flat_map(|webhook| items(&webhook["entry"]))
            .flat_map(|entry| items(&entry["changes"]))
            .flat_map(|change| items(&change["value"][what]))
            .collect()
    }
}

async fn handshake(Query(query): Query<Vec<(String, String)>>) -> Result<String, StatusCode> {
    let get = |name| {
        query
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.clone())
    };
    let token = Some(Config::default().verify_token);
    if get("hub.mode").as_deref() == Some("subscribe") && get("hub.verify_token") == token {
        get("hub.challenge").ok_or(StatusCode::BAD_REQUEST)
    } else {
        Err(StatusCode::FORBIDDEN)
    }
}

async fn webhook(
    State(heard): State<Arc<Mutex<Heard>>>,
    headers: HeaderMap,
    body: Bytes,
) -> StatusCode {
    let mut heard = heard.lock().unwrap();
    if let Some(mood) = heard.moods.pop_front() {
        return StatusCode::from_u16(mood).unwrap();
    }
    let secret = Config::default().app_secret;
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(&body);
    let right = format!("sha256={}", hex::encode(mac.finalize().into_bytes()));
    if headers
        .get("x-hub-signature-256")
        .is_none_or(|signature| *signature != *right)
    {
        heard.forgeries += 1;
        return StatusCode::UNAUTHORIZED;
    }
    heard.webhooks.push(serde_json::from_slice(&body).unwrap());
    StatusCode::OK
}
