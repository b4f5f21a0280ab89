//! A customer's phone and bank, over the control APIs of the two sandboxes.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// How long the shop may take to answer.
const REPLY_LIMIT: Duration = Duration::from_secs(15);
/// How long any call to a sandbox may take beyond that.
const CALL_LIMIT: Duration = Duration::from_secs(5);

/// One customer's phone.
#[derive(Debug)]
pub(crate) struct Phone {
    http: reqwest::Client,
    base: String,
}

/// A message from the shop.
#[derive(Debug, Deserialize)]
pub(crate) struct Message {
    /// Body or caption.
    pub(crate) text: String,
    /// What can be tapped.
    pub(crate) options: Vec<Choice>,
    /// What a link button opens.
    pub(crate) link: Option<String>,
    /// Where its picture is, if it has one.
    pub(crate) media: Option<String>,
}

/// A button, or a row of a list.
#[derive(Debug, Deserialize)]
pub(crate) struct Choice {
    pub(crate) id: String,
    pub(crate) title: String,
    pub(crate) description: Option<String>,
    pub(crate) is_row: bool,
}

/// The customer's bank.
#[derive(Debug)]
pub(crate) struct Bank {
    http: reqwest::Client,
    base: String,
}

/// A payment at Midtrans.
#[derive(Debug, Deserialize)]
pub(crate) struct Payment {
    pub(crate) order_id: String,
    pub(crate) transaction_id: String,
}

impl Phone {
    /// The phone of a customer, who is made known to WhatsApp.
    pub(crate) async fn of(
        http: &reqwest::Client,
        port: u16,
        wa_id: &str,
        name: &str,
    ) -> Result<Self> {
        let control = format!("http://127.0.0.1:{port}/control/customers");
        let customer = json!({"wa_id": wa_id, "name": name});
        call::<Value>(http.post(&control).json(&customer)).await?;
        Ok(Self {
            http: http.clone(),
            base: format!("{control}/{wa_id}"),
        })
    }

    /// Writes to the shop.
    pub(crate) async fn says(&self, text: &str) -> Result<()> {
        self.does("says", &json!({"text": text})).await
    }

    /// Taps an option of the last message, by its id.
    pub(crate) async fn taps(&self, option: &str) -> Result<()> {
        self.does("taps", &json!({"option": option})).await
    }

    /// Waits for the next message from the shop.
    pub(crate) async fn next_reply(&self) -> Result<Message> {
        let wait_ms = REPLY_LIMIT.as_millis();
        let request = self
            .http
            .get(format!("{}/next-reply?wait_ms={wait_ms}", self.base));
        call(request).await.context("no reply from the shop")
    }

    async fn does(&self, what: &str, body: &Value) -> Result<()> {
        call::<Value>(self.http.post(format!("{}/{what}", self.base)).json(body)).await?;
        Ok(())
    }
}

impl Bank {
    pub(crate) fn new(http: &reqwest::Client, port: u16) -> Self {
        Self {
            http: http.clone(),
            base: format!("http://127.0.0.1:{port}/control"),
        }
    }

    /// The payments so far, oldest first.
    pub(crate) async fn payments(&self) -> Result<Vec<Payment>> {
        call(self.http.get(format!("{}/payments", self.base))).await
    }

    /// Pays what is on the screen.
    pub(crate) async fn pays(&self, payment: &Payment) -> Result<()> {
        let url = format!("{}/pay/{}", self.base, payment.transaction_id);
        call::<Value>(self.http.post(url)).await?;
        Ok(())
    }
}

async fn call<T: DeserializeOwned>(request: reqwest::RequestBuilder) -> Result<T> {
    let answer = request.timeout(REPLY_LIMIT + CALL_LIMIT).send().await?;
    let status = answer.status();
    let url = answer.url().clone();
    let text = answer.text().await?;
    ensure!(status.is_success(), "{url} says {status}: {text}");
    serde_json::from_str(&text).with_context(|| format!("the answer of {url}"))
}
