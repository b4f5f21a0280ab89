//! The sender: takes claimed messages, paces them over the fleet, calls WhatsApp, marks what
//! became of each.
//!
//! Messages come from turns that claimed their reply with their own commit (no detour), and from
//! the outbox: what waited, what must be tried again, what another bot left behind.

use std::{
    collections::{BTreeMap, HashSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use serde::Deserialize;
use tokio::{
    sync::{Semaphore, mpsc},
    time::{MissedTickBehavior, timeout},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::Instrument;
use warung_coordination::SendGrant;
use warung_whatsapp::{
    client::SendError,
    error::{Action, ApiError},
    message::{CallbackData, OutgoingMessage},
    reply::{Header, render},
};

use crate::{
    app::App,
    outbox::{self, Body, Mark, Outcome, Parcel},
    qr,
    store::customers,
    telemetry,
};

/// Claimed replies that may wait for the sender; beyond, replies stay in the outbox.
const QUEUE_PARCELS: usize = 256;
/// Messages that ask for pacing together.
const BATCH_PARCELS: usize = 64;
/// Calls to WhatsApp under way at once.
const MAX_CALLS: usize = 64;
/// How long a lost signal can delay a message.
const POLL: Duration = Duration::from_millis(250);
/// Longest a claim may take: the server's own time-out does not help on a dead connection.
const CLAIM_TIMEOUT: Duration = Duration::from_secs(6);
/// A claimed message that waited this long is claimed anew: perhaps the process stood still and
/// another bot has sent it.
const STALE: Duration = Duration::from_secs(20);
/// Marks that share one commit.
const BATCH_MARKS: usize = 256;
/// How long a mark is tried again while the database is away; then the row is taken up again by
/// the sweep, which may repeat a reply but loses none.
const MARK_RETRIES: u32 = 50;
/// Pause between two tries of a mark.
const MARK_PAUSE: Duration = Duration::from_millis(200);
/// Longest a mark may take.
const MARK_TIMEOUT: Duration = Duration::from_secs(6);
/// Rest of the number after WhatsApp could not be reached: one message tries, not all.
const UNREACHABLE_PAUSE: Duration = Duration::from_secs(1);
/// A frozen account (token, policy, billing) is tried again after this long: a person must act.
const FREEZE: Duration = Duration::from_mins(5);

/// The way to the sender for replies claimed with their commit, and what it has in hand.
#[derive(Debug, Clone)]
pub struct SenderHandle {
    queue: mpsc::Sender<Parcel>,
    in_hand: Arc<Mutex<InHand>>,
}

/// What this bot has claimed and not yet marked.
#[derive(Debug, Default)]
struct InHand {
    rows: HashSet<i64>,
    /// When each claim began whose rows are not known yet.
    coming: BTreeMap<u64, DateTime<Utc>>,
    begun: u64,
}

/// A claim on its way: its commit may have happened, and its rows may not be known yet. Keep it until
/// they are in hand.
pub struct Coming {
    in_hand: Arc<Mutex<InHand>>,
    number: u64,
}

impl Drop for Coming {
    fn drop(&mut self) {
        let mut in_hand = self.in_hand.lock().unwrap_or_else(PoisonError::into_inner);
        in_hand.coming.remove(&self.number);
    }
}

/// A place in the sender's queue, kept while the commit is under way.
pub struct Room {
    place: mpsc::OwnedPermit<Parcel>,
    handle: SenderHandle,
}

impl SenderHandle {
    /// A handle and the queue behind it.
    pub fn new() -> (Self, mpsc::Receiver<Parcel>) {
        let (queue, parcels) = mpsc::channel(QUEUE_PARCELS);
        (
            Self {
                queue,
                in_hand: Arc::default(),
            },
            parcels,
        )
    }

    /// A place, unless the queue is full: then the reply waits in the outbox like any other.
    pub fn room(&self) -> Option<Room> {
        let place = self.queue.clone().try_reserve_owned().ok()?;
        Some(Room {
            place,
            handle: self.clone(),
        })
    }

    /// The rows this bot has claimed and not yet marked, and when the oldest claim began whose rows
    /// are yet to be known.
    pub fn in_hand(&self) -> (Vec<i64>, Option<DateTime<Utc>>) {
        let in_hand = self.hand();
        let rows = in_hand.rows.iter().copied().collect();
        (rows, in_hand.coming.values().min().copied())
    }

    /// Notes that a claim has begun, at the time that its rows will have.
    pub fn coming(&self, begun_at: DateTime<Utc>) -> Coming {
        let mut in_hand = self.hand();
        in_hand.begun += 1;
        let number = in_hand.begun;
        in_hand.coming.insert(number, begun_at);
        Coming {
            in_hand: Arc::clone(&self.in_hand),
            number,
        }
    }

    fn hand(&self) -> MutexGuard<'_, InHand> {
        self.in_hand.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Room {
    /// Hands the reply over.
    pub fn send(self, parcel: Parcel) {
        self.handle.hand().rows.insert(parcel.id);
        self.place.send(parcel);
    }
}

/// Sends until `drained` says that no turn can hand over another reply, then finishes.
pub async fn run(app: App, mut queue: mpsc::Receiver<Parcel>, drained: CancellationToken) {
    let (marks, marker) = mpsc::channel(BATCH_MARKS);
    let marker = tokio::spawn(mark(app.clone(), marker));
    let mut sender = Sender {
        calls: Arc::new(Semaphore::new(MAX_CALLS)),
        tasks: TaskTracker::new(),
        rests_until: Instant::now(),
        marks,
        app,
    };
    let mut batch = Vec::with_capacity(BATCH_PARCELS);
    let mut poll = tokio::time::interval(POLL);
    poll.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while !drained.is_cancelled() {
        // Not biased: however busy the queue is, what waits in the outbox has its turn.
        tokio::select! {
            _ = queue.recv_many(&mut batch, BATCH_PARCELS) => {}
            () = sender.app.signals.outbound.notified() => sender.claim(&mut batch).await,
            _ = poll.tick() => sender.claim(&mut batch).await,
            () = drained.cancelled() => {}
        }
        sender.dispatch(&mut batch).await;
    }
    while let Ok(parcel) = queue.try_recv() {
        batch.push(parcel);
    }
    sender.dispatch(&mut batch).await;
    sender.tasks.close();
    sender.tasks.wait().await;
    drop(sender);
    let _ = marker.await;
}

struct Sender {
    app: App,
    calls: Arc<Semaphore>,
    tasks: TaskTracker,
    /// The number's limit is reached until then: claiming more would only move rows about.
    rests_until: Instant,
    marks: mpsc::Sender<Mark>,
}

impl Sender {
    /// Takes what waits in the outbox, no more than can be called now.
    async fn claim(&self, batch: &mut Vec<Parcel>) {
        let room = self.calls.available_permits().min(BATCH_PARCELS);
        let rests = Instant::now() < self.rests_until;
        if room == 0 || rests || self.app.stop.is_cancelled() {
            return;
        }
        let limit = i64::try_from(room).unwrap_or(1);
        let now = self.app.clock.now();
        let _coming = self.app.sender.coming(now);
        let claim = async {
            #[cfg(feature = "chaos")]
            if without!("outbox_claim") {
                return crate::chaos::due_unclaimed(&self.app, limit, now).await;
            }
            let mut connection = self.app.at_hand.lend().await?;
            let claimed = outbox::claim(&mut connection, self.app.bot_id, limit, now).await?;
            connection.done();
            Ok::<_, sqlx::Error>(claimed)
        };
        match timeout(CLAIM_TIMEOUT, claim).await {
            Ok(Ok(parcels)) => {
                if !parcels.is_empty() {
                    crash_point!("outbox.claimed");
                }
                if parcels.len() == room {
                    self.app.signals.outbound.notify_one();
                }
                self.app
                    .sender
                    .hand()
                    .rows
                    .extend(parcels.iter().map(|parcel| parcel.id));
                batch.extend(parcels);
            }
            Ok(Err(error)) => tracing::warn!(%error, "the outbox could not be claimed"),
            Err(_) => tracing::warn!("claiming from the outbox took too long"),
        }
    }

    async fn dispatch(&mut self, parcels: &mut Vec<Parcel>) {
        if parcels.is_empty() {
            return;
        }
        let names: Vec<String> = parcels
            .iter()
            .map(|parcel| parcel.customer_id.to_string())
            .collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let grants = self.app.pace.grant(&names).await;
        for (parcel, grant) in parcels.drain(..).zip(grants) {
            let wait = match grant {
                SendGrant::Granted => {
                    self.call(parcel).await;
                    continue;
                }
                SendGrant::NumberDelay(wait) => {
                    self.rests_until = Instant::now() + wait;
                    wait
                }
                SendGrant::PairDelay(wait) => wait,
            };
            self.app.metrics.sends.with_label_values(&["paced"]).inc();
            let outcome = Outcome::Paced(after(self.app.clock.now(), wait), None);
            let _ = self.marks.send(Mark::of(&parcel, outcome)).await;
        }
    }

    async fn call(&self, parcel: Parcel) {
        let Ok(permit) = Arc::clone(&self.calls).acquire_owned().await else {
            return;
        };
        let (app, marks) = (self.app.clone(), self.marks.clone());
        let trace = telemetry::begin("send", parcel.trace.as_deref());
        self.tasks.spawn(
            async move {
                let outcome = if parcel.claimed_at.elapsed() > STALE {
                    Outcome::Paced(
                        app.clock.now(),
                        Some("waited too long to be sent".to_owned()),
                    )
                } else {
                    send(&app, &parcel).await
                };
                drop(permit);
                let _ = marks.send(Mark::of(&parcel, outcome)).await;
            }
            .instrument(trace.span),
        );
    }
}

impl Mark {
    fn of(parcel: &Parcel, outcome: Outcome) -> Self {
        Self {
            id: parcel.id,
            attempt: parcel.attempts,
            outcome,
        }
    }
}

/// Sends one message and says what became of it.
async fn send(app: &App, parcel: &Parcel) -> Outcome {
    let attempt = u32::try_from(parcel.attempts - 1).unwrap_or(0);
    let mut body = match open(app, parcel) {
        Ok(body) => body,
        Err(error) => return Outcome::Dead(format!("{error:#}")),
    };
    let begun = std::time::Instant::now();
    if let Some(text) = body.qr.take() {
        match upload(app, &text).await {
            Ok(id) => body.reply.header = Header::ImageId(id),
            Err(error) => return judge(app, parcel, attempt, error).await,
        }
    }
    let mut message = OutgoingMessage::new(body.recipient, render(&body.reply).content);
    message.biz_opaque_callback_data = CallbackData::parse(parcel.id.to_string()).ok();
    crash_point!("send.before");
    let sent = app.whatsapp.send(&message).await;
    crash_point!("send.after");
    app.metrics
        .send_seconds
        .observe(begun.elapsed().as_secs_f64());
    match sent {
        Ok(wamid) => {
            app.metrics.sends.with_label_values(&["ok"]).inc();
            if let Some(received_at) = parcel.received_at {
                let waited = (app.clock.now() - received_at).as_seconds_f64();
                app.metrics.message_e2e_seconds.observe(waited.max(0.0));
            }
            // A line a message would cost more than writing the message.
            tracing::debug!(outbox.id = parcel.id, "sent");
            Outcome::Sent(wamid.0)
        }
        Err(error) => judge(app, parcel, attempt, error).await,
    }
}

fn open(app: &App, parcel: &Parcel) -> anyhow::Result<Body> {
    Ok(match (&parcel.payload, &parcel.sealed) {
        (Some(payload), _) => Body::deserialize(payload)?,
        (None, Some(sealed)) => {
            serde_json::from_str(&app.vault.open(outbox::SEAL_PURPOSE, sealed)?)?
        }
        (None, None) => anyhow::bail!("the message has no body"),
    })
}

async fn upload(app: &App, text: &str) -> Result<String, SendError> {
    let picture = qr::png(text).map_err(|error| SendError::NotSent(format!("QR code: {error}")))?;
    let media = app
        .whatsapp
        .upload_media(Bytes::from(picture), "image/png", "qris.png")
        .await
        .map_err(not_sent)?;
    Ok(media.0)
}

/// A picture that perhaps was uploaded is simply uploaded again: no message was sent.
fn not_sent(error: SendError) -> SendError {
    match error {
        SendError::Unknown(reason) => SendError::NotSent(reason),
        error => error,
    }
}

/// What the error table says about a send that did not succeed.
async fn judge(app: &App, parcel: &Parcel, attempt: u32, error: SendError) -> Outcome {
    let now = app.clock.now();
    let reason = error.to_string();
    let outcome = match &error {
        SendError::NotSent(_) => {
            app.metrics.sends.with_label_values(&["not_sent"]).inc();
            app.pace.pause_number(UNREACHABLE_PAUSE).await;
            // Counts as no attempt: WhatsApp being out of reach for an hour kills no message.
            Outcome::Paced(after(now, UNREACHABLE_PAUSE), Some(reason))
        }
        SendError::Unknown(_) => {
            app.metrics.sends.with_label_values(&["unknown"]).inc();
            Outcome::Unknown(reason)
        }
        SendError::Api(api) => {
            app.metrics
                .sends
                .with_label_values(&[&api.code.to_string()])
                .inc();
            act(app, parcel, api, attempt, now, reason).await
        }
    };
    tracing::warn!(outbox.id = parcel.id, %error, outcome = name(&outcome), "send failed");
    match outcome {
        Outcome::Retry(_, reason) if parcel.attempts >= outbox::MAX_ATTEMPTS => {
            Outcome::Dead(reason)
        }
        outcome => outcome,
    }
}

async fn act(
    app: &App,
    parcel: &Parcel,
    api: &ApiError,
    attempt: u32,
    now: DateTime<Utc>,
    reason: String,
) -> Outcome {
    let retry = |wait: Duration| Outcome::Retry(after(now, wait), reason.clone());
    match api.action(attempt) {
        Action::RetryWithBackoff(wait) | Action::Hold(wait) => retry(wait),
        Action::PauseApp(wait) | Action::PauseNumber(wait) | Action::WaitThrottle(wait) => {
            app.pace.pause_number(wait).await;
            retry(wait)
        }
        Action::DelayPair(wait) => {
            app.pace
                .penalize_pair(&parcel.customer_id.to_string(), wait)
                .await;
            retry(wait)
        }
        Action::FreezeAndPage | Action::RegistrationLimit => {
            tracing::error!(
                code = api.code,
                "WhatsApp refuses this account: a person must act"
            );
            app.pace.pause_number(FREEZE).await;
            retry(FREEZE)
        }
        Action::MediaRetryOnce => retry(Duration::ZERO),
        Action::OptOut => {
            let customer = parcel.customer_id;
            if let Err(error) = customers::stop_marketing(&app.pool, customer).await {
                tracing::warn!(%error, "an opt-out was not recorded");
            }
            Outcome::Dead(reason)
        }
        Action::WindowClosed
        | Action::DirectSendBlocked
        | Action::Undeliverable
        | Action::Drop
        | Action::HaltCampaigns
        | Action::OurBug
        | Action::NeedsPhone
        | Action::IdentityChanged
        | Action::Template => Outcome::Dead(reason),
    }
}

fn name(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Sent(_) => "sent",
        Outcome::Retry(..) => "retry",
        Outcome::Paced(..) => "paced",
        Outcome::Unknown(_) => "unknown",
        Outcome::Dead(_) => "dead",
    }
}

fn after(now: DateTime<Utc>, wait: Duration) -> DateTime<Utc> {
    now + TimeDelta::from_std(wait).unwrap_or(TimeDelta::minutes(1))
}

/// Records what became of sends, many in one commit.
async fn mark(app: App, mut finished: mpsc::Receiver<Mark>) {
    let mut batch = Vec::with_capacity(BATCH_MARKS);
    while finished.recv_many(&mut batch, BATCH_MARKS).await > 0 {
        for _ in 0..MARK_RETRIES {
            let now = app.clock.now();
            let marked = async {
                let mut connection = app.relaxed_at_hand.lend().await?;
                let more = outbox::mark(&mut connection, app.bot_id, &batch, now).await?;
                connection.done();
                Ok::<_, sqlx::Error>(more)
            };
            match timeout(MARK_TIMEOUT, marked).await {
                Ok(Ok(more)) => {
                    crash_point!("send.marked");
                    if more {
                        app.signals.outbound.notify_one();
                    }
                    break;
                }
                Ok(Err(error)) => tracing::warn!(%error, rows = batch.len(), "marking failed"),
                Err(_) => tracing::warn!(rows = batch.len(), "marking took too long"),
            }
            tokio::time::sleep(MARK_PAUSE).await;
        }
        let mut in_hand = app.sender.hand();
        for mark in &batch {
            in_hand.rows.remove(&mark.id);
        }
        drop(in_hand);
        batch.clear();
    }
}
