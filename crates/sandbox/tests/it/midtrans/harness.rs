//! A shop with a key, an inbox for notifications and a Midtrans of its own.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::extract::{Json, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use serde_json::{Value, json};
use tokio::sync::watch;
use warung_sandbox::midtrans::{self, Config, Sandbox};

/// How long anything may take before a test gives up.
pub(super) const DEADLINE: Duration = Duration::from_secs(10);
/// Makes Midtrans' minutes milliseconds.
pub(super) const FAST: u32 = 60_000;

/// One notification as the shop got it.
#[derive(Clone, Debug)]
pub(super) struct Received {
    pub(super) user_agent: String,
    pub(super) body: Value,
}

impl Received {
    pub(super) fn status(&self) -> &str {
        self.body["transaction_status"].as_str().unwrap()
    }
}

/// Where a shop receives notifications; it answers 200 unless told otherwise.
#[derive(Clone, Debug)]
pub(super) struct Inbox {
    address: SocketAddr,
    received: Arc<watch::Sender<Vec<Received>>>,
    answers: Arc<Mutex<VecDeque<u16>>>,
}

impl Inbox {
    pub(super) async fn open() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let inbox = Self {
            address: listener.local_addr().unwrap(),
            received: Arc::new(watch::Sender::new(Vec::new())),
            answers: Arc::default(),
        };
        let router = Router::new()
            .route("/webhooks/midtrans", post(receive))
            .route("/moved", post(receive))
            .with_state(inbox.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        inbox
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}/webhooks/midtrans", self.address)
    }

    /// The next notifications are answered so, then 200 again.
    pub(super) fn answers(&self, statuses: &[u16]) {
        self.answers.lock().unwrap().extend(statuses);
    }

    pub(super) fn all(&self) -> Vec<Received> {
        self.received.borrow().clone()
    }

    /// Waits until `count` notifications have come, and returns all.
    pub(super) async fn wait(&self, count: usize) -> Vec<Received> {
        self.watch(|all| (all.len() >= count).then(|| all.to_vec()))
            .await
    }

    /// Waits until one says `status` (in any case), and returns it.
    pub(super) async fn wait_for(&self, status: &str) -> Received {
        self.wait_until(|it| it.status().eq_ignore_ascii_case(status))
            .await
    }

    /// Waits until one fits, and returns the first that does.
    pub(super) async fn wait_until(&self, fits: impl Fn(&Received) -> bool) -> Received {
        self.watch(|all| all.iter().find(|it| fits(it)).cloned())
            .await
    }

    async fn watch<T>(&self, look: impl Fn(&[Received]) -> Option<T>) -> T {
        let mut received = self.received.subscribe();
        let there = received.wait_for(|all| look(all).is_some());
        let in_time = tokio::time::timeout(DEADLINE, there).await.is_ok();
        assert!(in_time, "not what was expected: {:#?}", self.all());
        look(&self.all()).unwrap()
    }
}

async fn receive(
    State(inbox): State<Inbox>,
    headers: HeaderMap,
    Json(body): Json<Value>,
) -> Response {
    let user_agent = headers["user-agent"].to_str().unwrap().to_owned();
    let answer = inbox.answers.lock().unwrap().pop_front().unwrap_or(200);
    let got = Received { user_agent, body };
    inbox.received.send_modify(|all| all.push(got));
    let status = StatusCode::from_u16(answer).unwrap();
    if status.is_redirection() {
        (status, [("location", "/moved")]).into_response()
    } else {
        status.into_response()
    }
}

/// An answer of the API.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) http: u16,
    pub(super) body: Value,
}

impl Answer {
    /// The body's own code.
    pub(super) fn code(&self) -> &str {
        self.body["status_code"].as_str().unwrap()
    }

    pub(super) fn text(&self, name: &str) -> &str {
        self.body[name].as_str().unwrap()
    }
}

/// A shop and its Midtrans.
#[derive(Debug)]
pub(super) struct Shop {
    pub(super) midtrans: Sandbox,
    pub(super) inbox: Inbox,
    client: reqwest::Client,
    server_key: String,
}

impl Shop {
    pub(super) async fn open() -> Self {
        Self::open_with(|_| {}).await
    }

    pub(super) async fn open_with(adjust: impl FnOnce(&mut Config)) -> Self {
        let inbox = Inbox::open().await;
        let mut config = Config {
            notify: vec![inbox.url()],
            time_scale: FAST,
            ..Config::default()
        };
        adjust(&mut config);
        let server_key = config.server_key.clone();
        let midtrans = midtrans::start(config).await.unwrap();
        let client = reqwest::Client::builder().timeout(DEADLINE);
        Self {
            midtrans,
            inbox,
            client: client.build().unwrap(),
            server_key,
        }
    }

    /// The same shop with a wrong key.
    pub(super) fn with_key(self, server_key: &str) -> Self {
        Self {
            server_key: server_key.to_owned(),
            ..self
        }
    }

    pub(super) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.midtrans.api_url())
    }

    pub(super) async fn try_post(
        &self,
        path: &str,
        key: Option<&str>,
        body: &Value,
    ) -> reqwest::Result<Answer> {
        let mut request = self.client.post(self.url(path)).json(body);
        if let Some(key) = key {
            request = request.header("Idempotency-Key", key);
        }
        self.send(request).await
    }

    pub(super) async fn post(&self, path: &str, body: &Value) -> Answer {
        self.try_post(path, None, body).await.unwrap()
    }

    pub(super) async fn post_raw(&self, path: &str, body: &'static str) -> Answer {
        let request = self.client.post(self.url(path)).body(body);
        self.send(request).await.unwrap()
    }

    pub(super) async fn get(&self, path: &str) -> Answer {
        self.send(self.client.get(self.url(path))).await.unwrap()
    }

    pub(super) async fn charge(&self, body: &Value) -> Answer {
        self.post("/v2/charge", body).await
    }

    pub(super) async fn charge_with_key(&self, key: &str, body: &Value) -> Answer {
        self.try_post("/v2/charge", Some(key), body).await.unwrap()
    }

    pub(super) async fn status(&self, id: &str) -> Answer {
        self.get(&format!("/v2/{id}/status")).await
    }

    /// Waits until Midtrans has nothing more to say.
    pub(super) async fn settle_down(&self) {
        self.midtrans.quiet(DEADLINE).await.unwrap();
    }

    /// The client, for pages.
    pub(super) fn browser(&self) -> &reqwest::Client {
        &self.client
    }

    async fn send(&self, request: reqwest::RequestBuilder) -> reqwest::Result<Answer> {
        let response = request
            .basic_auth(&self.server_key, Some(""))
            .send()
            .await?;
        Ok(Answer {
            http: response.status().as_u16(),
            body: response.json().await?,
        })
    }
}

/// A charge by QRIS.
pub(super) fn qris(order_id: &str, amount: i64) -> Value {
    json!({
        "payment_type": "qris",
        "transaction_details": { "order_id": order_id, "gross_amount": amount },
        "qris": { "acquirer": "gopay" },
    })
}

/// A charge by a virtual account.
pub(super) fn va(bank: &str, order_id: &str, amount: i64) -> Value {
    json!({
        "payment_type": "bank_transfer",
        "transaction_details": { "order_id": order_id, "gross_amount": amount },
        "bank_transfer": { "bank": bank },
    })
}

/// A charge by Mandiri Bill Payment.
pub(super) fn mandiri(order_id: &str, amount: i64) -> Value {
    json!({
        "payment_type": "echannel",
        "transaction_details": { "order_id": order_id, "gross_amount": amount },
        "echannel": { "bill_info1": "Bayar:", "bill_info2": "Pesanan toko" },
    })
}

/// A charge at a shop's counter.
pub(super) fn cstore(store: &str, order_id: &str, amount: i64) -> Value {
    json!({
        "payment_type": "cstore",
        "transaction_details": { "order_id": order_id, "gross_amount": amount },
        "cstore": { "store": store, "message": "Toko Sari" },
    })
}

/// A charge by a wallet.
pub(super) fn wallet(payment_type: &str, order_id: &str, amount: i64) -> Value {
    json!({
        "payment_type": payment_type,
        "transaction_details": { "order_id": order_id, "gross_amount": amount },
    })
}
