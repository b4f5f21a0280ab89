//! Stories of the WhatsApp sandbox.

mod bot;
mod control;
mod faults;
mod lengths;
mod limits;
mod phones;
mod refusals;
mod webhooks;

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use warung_sandbox::whatsapp::{Config, Customer, Sandbox, start};

use bot::Bot;

/// Longer than anything here takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(10);

/// Polls until `condition` holds.
async fn eventually(what: &str, condition: impl Fn() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !condition() {
        assert!(Instant::now() < deadline, "never came true: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// A sandbox whose webhooks go to one bot.
async fn sandbox_with_bot(config: Config) -> (Sandbox, Bot) {
    let bot = Bot::start().await;
    let wa = start(Config {
        webhooks: vec![bot.url()],
        ..config
    })
    .await
    .unwrap();
    (wa, bot)
}

/// A shop that sends as a bot's client would, without being one.
struct Shop {
    http: reqwest::Client,
    base: String,
}

/// What the send API answered.
struct Answer {
    status: u16,
    body: Value,
}

impl Shop {
    fn of(wa: &Sandbox) -> Self {
        // The sandbox has installed the TLS provider that this client wants.
        let http = reqwest::Client::builder()
            .timeout(PATIENCE)
            .build()
            .unwrap();
        let number = Config::default().phone_number_id;
        Self {
            http,
            base: format!("{}/v26.0/{number}", wa.base_url()),
        }
    }

    async fn posts(&self, body: &Value) -> Answer {
        let token = Config::default().access_token;
        let url = format!("{}/messages", self.base);
        let request = self.http.post(url).bearer_auth(token).json(body);
        Answer::of(request.send().await.unwrap()).await
    }

    /// Sends `content` (`{"type": …}`) to a customer.
    async fn sends(&self, to: &str, content: Value) -> Answer {
        self.posts(&message(to, content)).await
    }

    async fn says(&self, to: &str, text: &str) -> Answer {
        self.sends(to, json!({"type": "text", "text": {"body": text}}))
            .await
    }

    async fn uploads(&self, mime_type: &str, bytes: Vec<u8>) -> Answer {
        let part = reqwest::multipart::Part::bytes(bytes).file_name("file");
        let form = reqwest::multipart::Form::new()
            .text("messaging_product", "whatsapp")
            .text("type", mime_type.to_owned())
            .part("file", part);
        let token = Config::default().access_token;
        let url = format!("{}/media", self.base);
        let request = self.http.post(url).bearer_auth(token).multipart(form);
        Answer::of(request.send().await.unwrap()).await
    }
}

impl Answer {
    async fn of(response: reqwest::Response) -> Self {
        let status = response.status().as_u16();
        Self {
            status,
            body: response.json().await.unwrap(),
        }
    }

    fn code(&self) -> u64 {
        self.body["error"]["code"]
            .as_u64()
            .unwrap_or_else(|| panic!("accepted: {}", self.body))
    }

    fn wamid(&self) -> &str {
        self.body["messages"][0]["id"]
            .as_str()
            .unwrap_or_else(|| panic!("refused: {}", self.body))
    }
}

fn message(to: &str, content: Value) -> Value {
    let mut message = content;
    message["messaging_product"] = json!("whatsapp");
    message["recipient_type"] = json!("individual");
    message["to"] = json!(to);
    message
}

const SARI: &str = "6281234567890";

/// Sari, who has just written.
async fn sari(wa: &Sandbox) -> Customer {
    let sari = wa.customer(SARI, "Sari");
    sari.says("halo").await;
    sari
}

/// The smallest PNG there is: one pixel.
fn pixel() -> Vec<u8> {
    hex::decode(concat!(
        "89504e470d0a1a0a0000000d49484452000000010000000108000000003a7e9b55",
        "0000000a49444154789c6360000000020001e221bc330000000049454e44ae426082"
    ))
    .unwrap()
}
