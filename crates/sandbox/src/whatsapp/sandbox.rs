//! The handle of a running sandbox.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use serde_json::Value;
use tokio::sync::broadcast;

use super::book::Book;
use super::courier::{self, Item};
use super::customer::Customer;
use super::faults::Faults;
use super::ids::Ids;
use super::pacing::Pacing;
use super::shared::{Event, Observed, Shared};
use super::world::{Profile, World};
use super::{Config, control, envelope, graph, page, signature};
use crate::clock::Clock;
use crate::serve::{self, Server};

/// A running WhatsApp sandbox. Cloning shares it; it stops with its last handle.
#[derive(Clone, Debug)]
pub struct Sandbox {
    pub(super) shared: Arc<Shared>,
    server: Arc<Server>,
}

/// Starts a sandbox on the machine's time.
pub async fn start(config: Config) -> io::Result<Sandbox> {
    start_with_clock(config, Clock::default()).await
}

/// Starts a sandbox on a clock that others may share.
pub async fn start_with_clock(config: Config, clock: Clock) -> io::Result<Sandbox> {
    // The process may have installed a provider already, which is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let http = reqwest::Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .map_err(io::Error::other)?;
    let listener = serve::bind(config.listen).await?;
    let base_url = format!("http://{}", listener.local_addr()?);
    let pacing = Pacing::new(config.messages_per_second, config.pair_limit);
    let ids = Ids::new(clock.now().timestamp_micros(), config.seed);
    let world = World::new(&config.phone_number_id, config.kept, pacing, ids);
    let shared = Arc::new(Shared::new(config, base_url, clock, world, http));
    let router = Router::new()
        .merge(graph::router())
        .merge(page::router())
        .nest("/control", control::router())
        .with_state(Arc::clone(&shared));
    let server = Arc::new(Server::run(listener, router, shared.stopping.clone())?);
    tokio::spawn(courier::run(Arc::clone(&shared)));
    Ok(Sandbox { shared, server })
}

impl Sandbox {
    /// Where the Graph API is, without version: `http://127.0.0.1:PORT`.
    pub fn base_url(&self) -> &str {
        &self.shared.base_url
    }

    /// Sends webhooks to these full addresses from now on, those under way included.
    pub fn set_webhooks(&self, urls: Vec<String>) {
        self.shared.set_webhooks(urls);
    }

    /// The customer of this number (digits only), created on first use under this name.
    pub fn customer(&self, wa_id: &str, name: &str) -> Customer {
        self.shared.world().customer(wa_id, name);
        self.shared.tell(|| Event::State);
        Customer::new(Arc::clone(&self.shared), wa_id)
    }

    /// Creates a customer, or changes who they are: BSUID, username, hidden number.
    pub fn customer_with(&self, profile: Profile) -> Customer {
        let wa_id = profile.wa_id.clone();
        self.shared.world().put_profile(profile);
        self.shared.tell(|| Event::State);
        Customer::new(Arc::clone(&self.shared), &wa_id)
    }

    /// The faults, to arm them.
    pub fn faults(&self) -> &Faults {
        &self.shared.faults
    }

    /// The sandbox's clock, to move it.
    pub fn clock(&self) -> &Clock {
        &self.shared.clock
    }

    /// A copy of what happened so far.
    pub fn book(&self) -> Book {
        self.shared.world().book.clone()
    }

    /// Every message the send API accepts from now on, for timing replies. A reader that falls
    /// behind by more than 65,536 of them loses the oldest.
    pub fn observe(&self) -> broadcast::Receiver<Observed> {
        self.shared.observed.subscribe()
    }

    /// Webhook items that no bot has taken yet.
    pub fn waiting(&self) -> usize {
        self.shared.courier.waiting()
    }

    /// Waits until every webhook item has been taken, at most `deadline`; false if it was not.
    pub async fn idle(&self, deadline: Duration) -> bool {
        self.shared.idle(deadline).await
    }

    /// Posts raw elements of `messages[]` and `statuses[]` (those with a `status`) as one webhook to
    /// the next address, untouched by faults, once. Returns the bot's HTTP status, or `None` when
    /// there was no answer. [`Customer::composes`] makes whole messages for it.
    pub async fn deliver(&self, items: &[Value]) -> Option<u16> {
        deliver(&self.shared, items).await
    }

    /// Posts any body with any signature header to the next address. Returns as [`Self::deliver`].
    pub async fn post_raw(&self, body: &str, signature: Option<&str>) -> Option<u16> {
        self.shared.post(body, signature).await
    }

    /// The right `X-Hub-Signature-256` of a body.
    pub fn sign(&self, body: &[u8]) -> String {
        signature::sign(&self.shared.config.app_secret, body)
    }

    /// Does the webhook handshake with every address: 200 and the raw challenge. Returns the
    /// addresses that failed it.
    pub async fn verify_webhooks(&self) -> Vec<String> {
        verify_webhooks(&self.shared).await
    }

    /// Forgets customers, conversations, the book and armed faults. Webhooks under way go on.
    pub fn reset(&self) {
        reset(&self.shared);
    }

    /// Stops: open connections get half a second, webhooks not yet taken are lost.
    pub async fn stop(&self) {
        self.server.stop().await;
    }
}

/// See [`Sandbox::deliver`].
pub(super) async fn deliver(shared: &Shared, items: &[Value]) -> Option<u16> {
    let items: Vec<Item> = items.iter().map(|body| item(shared, body)).collect();
    let body = envelope::envelope(&shared.config, &items).to_string();
    let signature = signature::sign(&shared.config.app_secret, body.as_bytes());
    let http_status = shared.post(&body, Some(&signature)).await;
    if http_status == Some(200) {
        courier::note_taken(shared, &items, 1);
    }
    http_status
}

/// See [`Sandbox::verify_webhooks`].
pub(super) async fn verify_webhooks(shared: &Shared) -> Vec<String> {
    let mut failed = Vec::new();
    for url in shared.webhooks().iter() {
        let challenge = shared.world().ids.media();
        let token = &shared.config.verify_token;
        let request = shared.http.get(format!(
            "{url}?hub.mode=subscribe&hub.challenge={challenge}&hub.verify_token={token}"
        ));
        let answer = request.timeout(shared.config.webhook_timeout).send().await;
        let echoed = match answer {
            Ok(answer) if answer.status() == 200 => answer.text().await.ok(),
            _ => None,
        };
        if echoed.as_deref() != Some(challenge.as_str()) {
            failed.push(url.clone());
        }
    }
    failed
}

/// See [`Sandbox::reset`].
pub(super) fn reset(shared: &Shared) {
    shared.faults.clear();
    shared.world().reset();
    shared.tell(|| Event::State);
}

fn item(shared: &Shared, body: &Value) -> Item {
    let is_status = body.get("status").is_some();
    let customer = body["from"].as_str().unwrap_or_default();
    let world = shared.world();
    let contact = world
        .phone(customer)
        .filter(|_| !is_status)
        .map(|phone| envelope::contact(&phone.profile));
    Item {
        wamid: body["id"].as_str().unwrap_or_default().to_owned(),
        customer: customer.to_owned(),
        is_status,
        contact,
        body: Arc::new(body.clone()),
        lane: 0,
    }
}
