//! What all parts of one WhatsApp sandbox share.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde::Serialize;
use serde_json::Value;
use tokio::sync::broadcast;
use tokio_util::sync::CancellationToken;

use super::Config;
use super::courier::{self, Courier, Item};
use super::envelope;
use super::faults::Faults;
use super::received::Tick;
use super::refusal::Refusal;
use super::world::{OnItsWay, World};
use crate::clock::Clock;

/// Something the phone page wants to know at once.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Event {
    /// A bubble appeared in a customer's conversation.
    Bubble { customer: String, bubble: Value },
    /// The customer's own messages came further.
    Tick {
        customer: String,
        wamids: Vec<String>,
        tick: Tick,
    },
    /// The customer has seen the shop's messages.
    Seen { customer: String },
    /// The shop is typing.
    Typing { customer: String },
    /// Customers, faults or everything changed: fetch the state again.
    State,
}

/// A message the send API accepted, for whoever times replies.
#[derive(Clone, Debug)]
pub struct Observed {
    /// The customer's `wa_id`.
    pub wa_id: String,
    /// The id the message was given.
    pub wamid: String,
    /// When the request had been read.
    pub at: Instant,
    /// The shop's `biz_opaque_callback_data`.
    pub opaque: Option<String>,
    /// The request body.
    pub payload: Arc<Value>,
}

#[derive(Debug)]
pub(super) struct Shared {
    pub(super) config: Config,
    pub(super) base_url: String,
    pub(super) clock: Clock,
    pub(super) faults: Faults,
    pub(super) courier: Courier,
    pub(super) http: reqwest::Client,
    pub(super) events: broadcast::Sender<Event>,
    pub(super) observed: broadcast::Sender<Observed>,
    pub(super) stopping: CancellationToken,
    webhooks: Mutex<Arc<[String]>>,
    world: Mutex<World>,
}

/// Events that a slow reader may lag behind.
const EVENTS_KEPT: usize = 4096;
/// Observations that a slow reader may lag behind.
const OBSERVATIONS_KEPT: usize = 65_536;

impl Shared {
    pub(super) fn new(
        config: Config,
        base_url: String,
        clock: Clock,
        world: World,
        http: reqwest::Client,
    ) -> Self {
        Self {
            base_url,
            clock,
            faults: Faults::new(config.seed),
            courier: Courier::new(config.max_in_flight),
            http,
            events: broadcast::Sender::new(EVENTS_KEPT),
            observed: broadcast::Sender::new(OBSERVATIONS_KEPT),
            stopping: CancellationToken::new(),
            webhooks: Mutex::new(config.webhooks.clone().into()),
            world: Mutex::new(world),
            config,
        }
    }

    pub(super) fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn webhooks(&self) -> Arc<[String]> {
        Arc::clone(&self.webhooks.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn set_webhooks(&self, urls: Vec<String>) {
        *self.webhooks.lock().unwrap_or_else(PoisonError::into_inner) = urls.into();
        self.courier.wake();
    }

    /// Tells the phone pages, if any are open.
    pub(super) fn tell(&self, event: impl FnOnce() -> Event) {
        if self.events.receiver_count() > 0 {
            // An error says that the last page has just been closed.
            let _ = self.events.send(event());
        }
    }

    /// Posts a body to the next webhook address and returns the HTTP status, or `None` when there
    /// was no answer.
    pub(super) async fn post(&self, body: &str, signature: Option<&str>) -> Option<u16> {
        let url = self.courier.next_of(&self.webhooks())?;
        let mut request = self
            .http
            .post(url)
            .timeout(self.config.webhook_timeout)
            .header("content-type", "application/json")
            .body(body.to_owned());
        if let Some(signature) = signature {
            request = request.header("x-hub-signature-256", signature);
        }
        request
            .send()
            .await
            .ok()
            .map(|response| response.status().as_u16())
    }

    /// Queues a status of a message.
    pub(super) fn report(
        self: &Arc<Self>,
        message: &OnItsWay,
        status: &str,
        failure: Option<&Refusal>,
    ) {
        if !self.config.statuses {
            return;
        }
        let world = self.world();
        let phone = world.phone(&message.customer);
        let profile = phone.map(|phone| &phone.profile);
        let body = envelope::status(message, profile, status, self.clock.now(), failure);
        let item = Item {
            wamid: message.wamid.clone(),
            customer: message.customer.clone(),
            is_status: true,
            // Meta leaves `contacts` out of failed statuses.
            contact: profile.filter(|_| failure.is_none()).map(envelope::contact),
            body: Arc::new(body),
            lane: phone.map_or(0, |phone| phone.number) * 2 + 1,
        };
        drop(world);
        courier::queue(self, item);
    }

    /// Puts an accepted message on the phone and reports `delivered`, and `read` if the customer
    /// reads everything.
    pub(super) fn deliver(self: &Arc<Self>, message: &OnItsWay) {
        let reads = self.config.auto_read;
        let listening = self.events.receiver_count() > 0;
        let bubble = {
            let mut world = self.world();
            let Some(bubble) = world.arrive(message, reads) else {
                return;
            };
            listening.then(|| bubble.to_json())
        };
        if let Some(bubble) = bubble {
            self.tell(|| Event::Bubble {
                customer: message.customer.clone(),
                bubble,
            });
        }
        self.report(message, "delivered", None);
        if reads {
            self.report(message, "read", None);
        }
    }

    /// Waits until no webhook item is left, at most `deadline`. Returns whether that came true.
    pub(super) async fn idle(&self, deadline: Duration) -> bool {
        let emptied = async {
            loop {
                let room = self.courier.room.notified();
                if self.courier.waiting() == 0 {
                    return;
                }
                room.await;
            }
        };
        tokio::time::timeout(deadline, emptied).await.is_ok()
    }
}
