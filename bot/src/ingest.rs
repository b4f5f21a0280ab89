//! From a webhook's body to a durable inbox, in batches.
//!
//! A few writers each take what is waiting, store it in one commit and tell the requests that wait
//! for it. While one commit is on its way to the disk the next batch gathers, so that one `fsync`
//! serves many webhooks and a lone webhook waits for nobody.

mod known;

use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::Result;
use futures_util::future::try_join_all;
use tokio::sync::{Mutex, OwnedSemaphorePermit, Semaphore, mpsc, oneshot};
use warung_domain::identity::ChannelIdentity;
use warung_whatsapp::{
    inbound::{Content, Inbound, parse_message},
    status::parse_status,
    webhook,
};

use self::known::Known;
use crate::{
    app::App,
    flows::identity::News,
    inbox::{self, Kind, NewItem},
    outbox::{self, StatusReport},
    store::{
        self,
        identities::{self, Identities},
    },
};

/// Webhooks that may wait for a commit; beyond, ingress answers 503.
const QUEUE_WEBHOOKS: usize = 1_024;
/// Items that may wait for a commit, twice the most of one webhook; beyond, ingress answers 503. An
/// item takes up to a kilobyte beside its text, and the bound of bodies knows but of the text.
const QUEUE_ITEMS: usize = 2 * webhook::MAX_ITEMS;
/// Commits under way at once.
const WRITERS: usize = 2;
/// Items from which a commit takes no further webhook; one webhook has at most 1,000.
const BATCH_ROWS: usize = 1_000;
/// Customers that one writer makes or changes at once.
const MEETINGS: usize = 4;
/// Longest a batch may take; then its webhooks are answered 503 and Meta sends them again.
const COMMIT_TIMEOUT: Duration = Duration::from_secs(4);

/// Hands webhooks to the writers.
#[derive(Clone)]
pub struct Ingest {
    queue: mpsc::Sender<Delivery>,
    room: Arc<Semaphore>,
    own_number: Arc<str>,
}

/// Why a webhook could not be stored.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// Too many wait already.
    #[error("too many webhooks wait")]
    Full,
    /// The database is away or too slow.
    #[error("the database is away")]
    Database,
}

struct Delivery {
    items: Vec<Received>,
    stored: oneshot::Sender<bool>,
    /// Its share of [`QUEUE_ITEMS`].
    room: OwnedSemaphorePermit,
}

/// An item of a webhook, owned.
struct Received {
    item: NewItem,
    sender: Option<Sender>,
    status: Option<StatusReport>,
}

/// Who sent a message.
enum Sender {
    /// Somebody under these identities, with a profile name.
    Person(Identities, Option<String>),
    /// WhatsApp, about somebody known by one of these names, the likeliest first.
    News(Vec<ChannelIdentity>),
}

impl Ingest {
    /// Starts the writers; they end when every clone is dropped.
    pub fn start(app: &App) -> Self {
        let (queue, deliveries) = mpsc::channel(QUEUE_WEBHOOKS);
        let deliveries = Arc::new(Mutex::new(deliveries));
        let known = Known::default();
        for _ in 0..WRITERS {
            let writer = Writer {
                app: app.clone(),
                known: known.clone(),
            };
            tokio::spawn(writer.run(Arc::clone(&deliveries)));
        }
        let own_number = app.config.whatsapp.phone_number_id.as_str().into();
        Self {
            queue,
            room: Arc::new(Semaphore::new(QUEUE_ITEMS)),
            own_number,
        }
    }

    /// Stores every item of a webhook; returns once they are durable.
    ///
    /// # Errors
    /// [`Refused`]: nothing may be acknowledged.
    pub async fn store(&self, items: Vec<webhook::Item<'_>>, trace: &str) -> Result<(), Refused> {
        if items.is_empty() {
            return Ok(());
        }
        let count = u32::try_from(items.len()).unwrap_or(u32::MAX);
        let room = Arc::clone(&self.room).try_acquire_many_owned(count);
        let room = room.map_err(|_| Refused::Full)?;
        let items = items
            .into_iter()
            .map(|item| Received::new(item, trace, &self.own_number))
            .collect();
        let (stored, answer) = oneshot::channel();
        self.queue
            .try_send(Delivery {
                items,
                stored,
                room,
            })
            .map_err(|_| Refused::Full)?;
        match answer.await {
            Ok(true) => Ok(()),
            _ => Err(Refused::Database),
        }
    }
}

impl Received {
    /// An item of another number on the same app is kept but is none of ours: its statuses must
    /// settle no row of ours, its messages get no answer from us.
    fn new(item: webhook::Item<'_>, trace: &str, own_number: &str) -> Self {
        let is_foreign = !item.phone_number_id.is_empty() && item.phone_number_id != own_number;
        let (kind, mut error) = match &item.kind {
            _ if is_foreign => (Kind::Other, None),
            webhook::Kind::Message => (Kind::Message, None),
            webhook::Kind::Status => (Kind::Status, None),
            webhook::Kind::Standby | webhook::Kind::Handover => (Kind::Handover, None),
            webhook::Kind::Other => (Kind::Other, None),
            webhook::Kind::Malformed(reason) => (Kind::Malformed, Some(reason.clone())),
        };
        let sender = sender(&item);
        let mut received = Self {
            item: NewItem {
                phone_number_id: item.phone_number_id.into_owned(),
                key: item.key,
                kind,
                customer_id: None,
                sender: None,
                payload: item.raw.get().replace('\0', ""),
                error: None,
                trace: Some(trace.to_owned()),
                sent_at: item.sent_at,
            },
            sender: None,
            status: None,
        };
        match kind {
            Kind::Message => match sender {
                Ok(sender) => received.sender = Some(sender),
                Err(reason) => error = Some(reason),
            },
            Kind::Status => match parse_status(item.raw.get()) {
                Ok(status) => {
                    received.status = Some(StatusReport {
                        id: status
                            .opaque
                            .as_deref()
                            .and_then(|opaque| opaque.parse().ok()),
                        wamid: status.wamid,
                        delivery: status.state.as_str().to_owned(),
                        billable: status.pricing.and_then(|pricing| pricing.billable),
                        code: status.errors.first().map(|error| error.code),
                    });
                }
                Err(reason) => error = Some(reason.to_string()),
            },
            Kind::Handover | Kind::Other | Kind::Malformed => {}
        }
        if let Some(error) = error {
            received.item.kind = Kind::Malformed;
            received.item.error = Some(error);
        }
        received
    }
}

/// Who sent a message: news of changed identities are about the names inside, and the names they
/// are sent under teach nothing.
fn sender(item: &webhook::Item<'_>) -> Result<Sender, String> {
    let raw = item.raw.get();
    if raw.contains("\"system\"")
        && let Ok(Inbound {
            content: Content::System(system),
            ..
        }) = parse_message(raw)
        && let Some(news) = News::of(&system)
    {
        let names = news.names();
        if !names.is_empty() {
            return Ok(Sender::News(names));
        }
    }
    let names = &item.identities;
    let identities = Identities::parse(
        names.wa_id.as_deref(),
        names.user_id.as_deref(),
        names.parent_user_id.as_deref(),
    )?;
    Ok(Sender::Person(identities, item.profile_name.clone()))
}

struct Writer {
    app: App,
    known: Known,
}

impl Writer {
    async fn run(self, deliveries: Arc<Mutex<mpsc::Receiver<Delivery>>>) {
        while let Some(batch) = gather(&deliveries).await {
            let (items, waiting): (Vec<_>, Vec<_>) = batch
                .into_iter()
                .map(|delivery| (delivery.items, (delivery.stored, delivery.room)))
                .unzip();
            let mut items: Vec<Received> = items.into_iter().flatten().collect();
            crash_point!("ingest.received");
            let stored = self.store_in_time(&mut items).await;
            crash_point!("ingest.stored");
            drop(items);
            for (waiter, _room) in waiting {
                // A request that has gone needs no answer: Meta will send it again.
                let _ = waiter.send(stored);
            }
        }
    }

    /// Stores a batch; one that met another bot's batch crosswise (a deadlock, which PostgreSQL
    /// ends by failing one of them) is tried again, and so is one with a sender who has lost an
    /// identity since it was looked up.
    async fn store_in_time(&self, items: &mut [Received]) -> bool {
        let attempt = async {
            loop {
                match self.store(items).await {
                    Err(error) if is_deadlock(&error) => {}
                    Err(error) if is_sender_gone(&error) => self.forget(items),
                    result => return result,
                }
            }
        };
        match tokio::time::timeout(COMMIT_TIMEOUT, attempt).await {
            Ok(Ok(())) => true,
            Ok(Err(error)) => {
                tracing::warn!(error = format!("{error:#}"), "webhooks were not stored");
                false
            }
            Err(_) => {
                tracing::warn!("storing webhooks took too long");
                false
            }
        }
    }

    async fn store(&self, received: &mut [Received]) -> Result<()> {
        let now = self.app.clock.now();
        self.meet_all(received).await?;
        for item in received.iter_mut() {
            match &item.sender {
                Some(Sender::Person(identities, _)) => {
                    item.item.sender = identities.all().next().cloned();
                }
                Some(Sender::News(names)) => {
                    let mut tx = store::begin(&self.app.pool).await?;
                    let customer = identities::resolve_news(&mut tx, names, now).await?;
                    tx.commit().await?;
                    item.item.customer_id = Some(customer);
                }
                None => {}
            }
        }
        let items: Vec<&NewItem> = received.iter().map(|received| &received.item).collect();
        let statuses: Vec<&StatusReport> = received
            .iter()
            .filter_map(|received| received.status.as_ref())
            .collect();
        if !statuses.is_empty() {
            // A commit of its own, which may be repeated, and which the durable one behind it takes
            // to the disk.
            let mut connection = self.app.relaxed_at_hand.lend().await?;
            outbox::apply_statuses(&mut connection, &statuses, now).await?;
            connection.done();
            crash_point!("ingest.statuses");
        }
        let mut connection = self.app.at_hand.lend().await?;
        let fresh = inbox::put(&mut connection, &items, now).await?;
        connection.done();
        self.count(&items, fresh.len());
        if items.iter().any(|item| item.kind == Kind::Message) {
            self.app.messages_wait();
        }
        Ok(())
    }

    /// Makes sure that every sender is a customer: one look for all that this bot has not met, and
    /// for those of whom something is new a transaction each.
    async fn meet_all(&self, received: &[Received]) -> Result<()> {
        let at = Instant::now();
        let mut strangers: HashMap<Identities, Option<String>> = HashMap::new();
        for item in received {
            if let Some(Sender::Person(identities, profile)) = &item.sender
                && !self.known.contains(identities, at)
            {
                strangers.insert(identities.clone(), profile.clone());
            }
        }
        if strangers.is_empty() {
            return Ok(());
        }
        let senders: Vec<Identities> = strangers.keys().cloned().collect();
        let mut connection = self.app.at_hand.lend().await?;
        let met = identities::already_met(&mut connection, &senders).await?;
        connection.done();
        for identities in met {
            strangers.remove(&identities);
            self.known.add(&identities, at);
        }
        let strangers: Vec<(Identities, Option<String>)> = strangers.into_iter().collect();
        for chunk in strangers.chunks(MEETINGS) {
            let mut meetings = Vec::with_capacity(chunk.len());
            for (identities, profile) in chunk {
                meetings.push(self.meet(identities, profile.as_deref()));
            }
            try_join_all(meetings).await?;
        }
        Ok(())
    }

    async fn meet(&self, identities: &Identities, profile: Option<&str>) -> Result<()> {
        let mut tx = store::begin(&self.app.pool).await?;
        let now = self.app.clock.now();
        identities::resolve(&mut tx, identities, profile, now).await?;
        tx.commit().await?;
        self.known.add(identities, Instant::now());
        Ok(())
    }

    fn forget(&self, received: &[Received]) {
        for received in received {
            if let Some(Sender::Person(identities, _)) = &received.sender {
                self.known.forget(identities);
            }
        }
    }

    fn count(&self, items: &[&NewItem], fresh: usize) {
        let metrics = &self.app.metrics;
        for item in items {
            metrics
                .inbox_items
                .with_label_values(&[item.kind.as_str()])
                .inc();
            if item.kind == Kind::Handover {
                metrics.handovers.inc();
            }
        }
        let repeated = items.len() - fresh;
        metrics
            .duplicates
            .inc_by(u64::try_from(repeated).unwrap_or(0));
        #[expect(clippy::cast_precision_loss, reason = "batches are small")]
        metrics.inbox_batch_rows.observe(items.len() as f64);
    }
}

/// Waits for a webhook and takes with it what else waits, up to [`BATCH_ROWS`].
async fn gather(deliveries: &Mutex<mpsc::Receiver<Delivery>>) -> Option<Vec<Delivery>> {
    let mut deliveries = deliveries.lock().await;
    let first = deliveries.recv().await?;
    let mut rows = first.items.len();
    let mut batch = vec![first];
    while rows < BATCH_ROWS
        && let Ok(next) = deliveries.try_recv()
    {
        rows += next.items.len();
        batch.push(next);
    }
    Some(batch)
}

/// PostgreSQL's `deadlock_detected`.
fn is_deadlock(error: &anyhow::Error) -> bool {
    error
        .downcast_ref::<sqlx::Error>()
        .and_then(sqlx::Error::as_database_error)
        .is_some_and(|error| error.code().as_deref() == Some("40P01"))
}

/// A message whose sender's identity is nobody's any more.
fn is_sender_gone(error: &anyhow::Error) -> bool {
    error
        .downcast_ref::<sqlx::Error>()
        .and_then(sqlx::Error::as_database_error)
        .is_some_and(|error| error.constraint() == Some(inbox::SENDER_GONE))
}
