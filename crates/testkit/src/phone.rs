//! A customer's phone and bank, over the control APIs of the two sandboxes.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// How long the shop may take to answer.
const REPLY_LIMIT: Duration = Duration::from_secs(15);
/// How long any call to a sandbox may take, beyond what it was asked to wait.
const CALL_LIMIT: Duration = Duration::from_secs(5);

/// One customer's phone.
#[derive(Debug)]
pub struct Phone {
    http: reqwest::Client,
    base: String,
}

/// A message from the shop.
#[derive(Debug, Deserialize)]
pub struct Message {
    /// Body or caption.
    pub text: String,
    /// What can be tapped.
    pub options: Vec<Choice>,
    /// What a link button opens.
    pub link: Option<String>,
    /// Where its picture is, if it has one.
    pub media: Option<String>,
}

/// A button, or a row of a list.
#[derive(Debug, Deserialize)]
pub struct Choice {
    /// What the bot is told.
    pub id: String,
    /// What the customer reads.
    pub title: String,
    /// A second line, of a row.
    pub description: Option<String>,
    /// A row of a list, else a button.
    pub is_row: bool,
}

/// The customer's bank.
#[derive(Debug)]
pub struct Bank {
    http: reqwest::Client,
    base: String,
}

/// A payment at Midtrans.
#[derive(Debug, Deserialize)]
pub struct Payment {
    /// As the shop named it.
    pub order_id: String,
    /// As Midtrans named it.
    pub transaction_id: String,
}

impl Phone {
    /// The phone of a customer, who is made known to WhatsApp. `sandbox` is the base address of
    /// the WhatsApp sandbox.
    ///
    /// # Errors
    /// When the sandbox does not answer or refuses.
    pub async fn of(
        http: &reqwest::Client,
        sandbox: &str,
        wa_id: &str,
        name: &str,
    ) -> Result<Self> {
        let control = format!("{sandbox}/control/customers");
        let customer = json!({"wa_id": wa_id, "name": name});
        call::<Value>(http.post(&control).json(&customer).timeout(CALL_LIMIT)).await?;
        Ok(Self {
            http: http.clone(),
            base: format!("{control}/{wa_id}"),
        })
    }

    /// Writes to the shop.
    ///
    /// # Errors
    /// When the sandbox does not answer or refuses.
    pub async fn says(&self, text: &str) -> Result<()> {
        self.does("says", &json!({"text": text})).await
    }

    /// Taps an option of the last message, by its id.
    ///
    /// # Errors
    /// When the message has no such option.
    pub async fn taps(&self, option: &str) -> Result<()> {
        self.does("taps", &json!({"option": option})).await
    }

    /// Waits for the next message from the shop.
    ///
    /// # Errors
    /// After 15 s of silence.
    pub async fn next_reply(&self) -> Result<Message> {
        self.next_reply_within(REPLY_LIMIT).await
    }

    /// Waits for the next message from the shop for so long (at most a minute).
    ///
    /// # Errors
    /// After that silence.
    pub async fn next_reply_within(&self, limit: Duration) -> Result<Message> {
        let url = format!("{}/next-reply?wait_ms={}", self.base, limit.as_millis());
        let request = self.http.get(url).timeout(limit + CALL_LIMIT);
        call(request).await.context("no reply from the shop")
    }

    /// How many messages the shop has sent to this phone.
    ///
    /// # Errors
    /// When the sandbox does not answer.
    pub async fn received(&self) -> Result<u64> {
        let request = self.http.get(format!("{}/received", self.base));
        call(request.timeout(CALL_LIMIT)).await
    }

    async fn does(&self, what: &str, body: &Value) -> Result<()> {
        let request = self.http.post(format!("{}/{what}", self.base)).json(body);
        call::<Value>(request.timeout(CALL_LIMIT)).await?;
        Ok(())
    }
}

impl Bank {
    /// `sandbox` is the base address of the Midtrans sandbox.
    pub fn new(http: &reqwest::Client, sandbox: &str) -> Self {
        Self {
            http: http.clone(),
            base: format!("{sandbox}/control"),
        }
    }

    /// The payments so far, oldest first.
    ///
    /// # Errors
    /// When the sandbox does not answer.
    pub async fn payments(&self) -> Result<Vec<Payment>> {
        let request = self.http.get(format!("{}/payments", self.base));
        call(request.timeout(CALL_LIMIT)).await
    }

    /// Pays what is on the screen.
    ///
    /// # Errors
    /// When the sandbox refuses.
    pub async fn pays(&self, payment: &Payment) -> Result<()> {
        let url = format!("{}/pay/{}", self.base, payment.transaction_id);
        call::<Value>(self.http.post(url).timeout(CALL_LIMIT)).await?;
        Ok(())
    }
}

async fn call<T: DeserializeOwned>(request: reqwest::RequestBuilder) -> Result<T> {
    let answer = request.send().await?;
    let status = answer.status();
    let url = answer.url().clone();
    let text = answer.text().await?;
    ensure!(status.is_success(), "{url} says {status}: {text}");
    serde_json::from_str(&text).with_context(|| format!("the answer of {url}"))
}
