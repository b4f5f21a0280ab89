//! Notifications: queued per order, sent to the shop's addresses in turn, repeated by the answer.
//!
//! Midtrans' table of answers: 2xx is the end; 500 is tried once more, 400 and 404 twice, 503 four
//! times, anything else five; 301, 302 and 303 lose the notification; 307 and 308 are followed up
//! to five times.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use http::header;
use serde::Serialize;
use serde_json::{Map, Value};
use tokio::sync::Semaphore;
use tokio_util::task::TaskTracker;

use super::agenda::Job;
use super::answer;
use super::fault::{Call, Fault};
use super::forge;
use super::payment::Payment;
use super::shared::Shared;

/// How long Midtrans waits for an answer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(15);
/// The waits before the first to the fifth retry, in minutes.
const RETRY_MINUTES: [i64; 5] = [2, 10, 30, 90, 210];
/// How many 307 and 308 answers are followed.
const REDIRECTS_MAX: usize = 5;
/// How late a delayed notification is.
const DELAY: TimeDelta = TimeDelta::minutes(3);
/// How long a notification is held back at most for the one that is to overtake it.
const HOLD: TimeDelta = TimeDelta::minutes(5);
/// How many notifications are under way at once.
const UNDER_WAY_MAX: usize = 64;
/// How many attempts the log keeps.
const LOG_MAX: usize = 10_000;

/// One notification on its way.
#[derive(Clone, Debug)]
pub(super) struct Delivery {
    pub(super) order_id: String,
    pub(super) body: Value,
    /// Retries made so far.
    pub(super) retries: usize,
}

/// One attempt to notify the shop.
#[derive(Clone, Debug, Serialize)]
pub struct Sent {
    /// When the answer was known.
    pub at: DateTime<Utc>,
    /// The order it is about.
    pub order_id: String,
    /// Where it was sent; empty when the drop fault ate it.
    pub url: String,
    /// The body.
    pub body: Value,
    /// 0 for the first attempt.
    pub retry: usize,
    /// The HTTP status; `None` for a time-out, a refused connection or a drop.
    pub answer: Option<u16>,
}

/// The post office of one sandbox.
#[derive(Debug)]
pub(super) struct Post {
    urls: Mutex<Vec<String>>,
    turn: AtomicUsize,
    /// Notifications that were accepted and are not done yet, wherever they wait.
    open: AtomicUsize,
    /// A queue exists while a task drains it.
    queues: Mutex<HashMap<String, VecDeque<Delivery>>>,
    held: Mutex<HashMap<String, Vec<Delivery>>>,
    log: Mutex<VecDeque<Sent>>,
    under_way: Semaphore,
    tasks: TaskTracker,
    client: reqwest::Client,
}

impl Post {
    pub(super) fn new(urls: &[String], client: reqwest::Client) -> Self {
        Self {
            urls: Mutex::new(urls.to_vec()),
            turn: AtomicUsize::new(0),
            open: AtomicUsize::new(0),
            queues: Mutex::default(),
            held: Mutex::default(),
            log: Mutex::default(),
            under_way: Semaphore::new(UNDER_WAY_MAX),
            tasks: TaskTracker::new(),
            client,
        }
    }

    /// The attempts so far, oldest first.
    pub(super) fn log(&self) -> Vec<Sent> {
        lock(&self.log).iter().cloned().collect()
    }

    /// The newest attempts about one order, newest first.
    pub(super) fn log_of(&self, order_id: &str, count: usize) -> Vec<Sent> {
        let log = lock(&self.log);
        let of_order = log.iter().rev().filter(|sent| sent.order_id == order_id);
        of_order.take(count).cloned().collect()
    }

    /// Whether nothing is under way, held back, late or due for a retry.
    pub(super) fn is_idle(&self) -> bool {
        self.open.load(Ordering::SeqCst) == 0
    }

    fn open(&self, order_id: &str, body: Value) -> Delivery {
        self.open.fetch_add(1, Ordering::SeqCst);
        Delivery {
            order_id: order_id.to_owned(),
            body,
            retries: 0,
        }
    }

    /// Ends when every task has ended; the sandbox is being stopped.
    pub(super) async fn close(&self) {
        self.tasks.close();
        self.tasks.wait().await;
    }

    /// From now on these addresses are notified, in turn.
    pub(super) fn set_urls(&self, urls: Vec<String>) {
        *lock(&self.urls) = urls;
    }

    fn next_url(&self) -> Option<String> {
        let urls = lock(&self.urls);
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        urls.get(turn.checked_rem(urls.len())?).cloned()
    }

    fn write_down(&self, sent: Sent) {
        let mut log = lock(&self.log);
        if log.len() == LOG_MAX {
            log.pop_front();
        }
        log.push_back(sent);
    }
}

/// The client for notifications. Midtrans follows some redirects itself, by its own rule.
pub(super) fn client() -> reqwest::Result<reqwest::Client> {
    reqwest::Client::builder()
        .user_agent("Veritrans")
        .redirect(reqwest::redirect::Policy::none())
        .timeout(ANSWER_TIMEOUT)
        .build()
}

/// Tells the shop where the payment stands, or fails to as the faults will.
pub(super) fn notify(shared: &Arc<Shared>, payment: &Payment) {
    let strikes = |fault| shared.faults.strikes(fault, Call::Notification);
    let mut body = answer::notification(payment, &shared.config);
    if strikes(Fault::UpperCase) {
        let upper = payment.status.name().to_uppercase();
        body.insert("transaction_status".into(), upper.into());
    }
    if strikes(Fault::ExtraFields) {
        add_extra_fields(&mut body);
    }
    let body = Value::Object(body);
    let order_id = payment.order_id.as_str();
    for (fault, kind) in [
        (Fault::ForgeSignature, forge::Forgery::BadSignature),
        (Fault::ForgeStatus, forge::Forgery::EditedStatus),
    ] {
        if strikes(fault) {
            accept(shared, order_id, forge::body(kind, payment, &shared.config));
        }
    }
    let now = shared.now();
    if strikes(Fault::Drop) {
        shared.post.write_down(Sent {
            at: now,
            order_id: order_id.to_owned(),
            url: String::new(),
            body,
            retry: 0,
            answer: None,
        });
    } else if strikes(Fault::Delay) {
        let late = shared.post.open(order_id, body);
        let due = now + shared.scaled(DELAY);
        shared.agenda.add(due, Job::Deliver(late));
    } else if strikes(Fault::Reorder) {
        let held = shared.post.open(order_id, body);
        lock(&shared.post.held)
            .entry(order_id.to_owned())
            .or_default()
            .push(held);
        let release = Job::Release(order_id.to_owned());
        shared.agenda.add(now + shared.scaled(HOLD), release);
    } else {
        if strikes(Fault::Duplicate) {
            accept(shared, order_id, body.clone());
        }
        accept(shared, order_id, body);
        release(shared, order_id);
    }
}

/// Takes a new notification and queues it.
pub(super) fn accept(shared: &Arc<Shared>, order_id: &str, body: Value) {
    let delivery = shared.post.open(order_id, body);
    enqueue(shared, delivery);
}

/// Sends what was held back for an order.
pub(super) fn release(shared: &Arc<Shared>, order_id: &str) {
    let held = lock(&shared.post.held).remove(order_id);
    for delivery in held.unwrap_or_default() {
        enqueue(shared, delivery);
    }
}

/// Puts a notification at the end of its order's queue; one order's notifications leave one by one.
pub(super) fn enqueue(shared: &Arc<Shared>, delivery: Delivery) {
    let order_id = delivery.order_id.clone();
    let mut queues = lock(&shared.post.queues);
    if let Some(queue) = queues.get_mut(&order_id) {
        queue.push_back(delivery);
    } else {
        queues.insert(order_id.clone(), VecDeque::from([delivery]));
        shared.post.tasks.spawn(drain(shared.clone(), order_id));
    }
}

async fn drain(shared: Arc<Shared>, order_id: String) {
    while let Some(delivery) = next(&shared, &order_id) {
        tokio::select! {
            () = shared.stopping.cancelled() => return,
            () = attempt(&shared, delivery) => {}
        }
    }
}

fn next(shared: &Shared, order_id: &str) -> Option<Delivery> {
    let mut queues = lock(&shared.post.queues);
    let delivery = queues.get_mut(order_id)?.pop_front();
    if delivery.is_none() {
        queues.remove(order_id);
    }
    delivery
}

async fn attempt(shared: &Shared, delivery: Delivery) {
    let Some(url) = shared.post.next_url() else {
        shared.post.open.fetch_sub(1, Ordering::SeqCst);
        return;
    };
    let Ok(_permit) = shared.post.under_way.acquire().await else {
        return;
    };
    let answer = post(&shared.post.client, &url, &delivery.body).await;
    let now = shared.now();
    shared.post.write_down(Sent {
        at: now,
        order_id: delivery.order_id.clone(),
        url,
        body: delivery.body.clone(),
        retry: delivery.retries,
        answer,
    });
    if delivery.retries < retries_allowed(answer)
        && let Some(minutes) = RETRY_MINUTES.get(delivery.retries)
    {
        let jitter = shared.world().jitter_per_mille();
        let wait = shared.scaled(TimeDelta::minutes(*minutes) * jitter / 1000);
        let again = Delivery {
            retries: delivery.retries + 1,
            ..delivery
        };
        shared.agenda.add(now + wait, Job::Deliver(again));
    } else {
        shared.post.open.fetch_sub(1, Ordering::SeqCst);
    }
    shared.changed();
}

/// How many retries Midtrans makes after an answer; `None` is no answer at all.
fn retries_allowed(answer: Option<u16>) -> usize {
    match answer {
        Some(200..=299 | 301..=303) => 0,
        Some(500) => 1,
        Some(400 | 404) => 2,
        Some(503) => 4,
        _ => 5,
    }
}

async fn post(client: &reqwest::Client, url: &str, body: &Value) -> Option<u16> {
    let mut url = reqwest::Url::parse(url).ok()?;
    for _ in 0..=REDIRECTS_MAX {
        let request = client
            .post(url.clone())
            .header(header::ACCEPT, "application/json")
            .json(body);
        let response = request.send().await.ok()?;
        let status = response.status().as_u16();
        let location = response.headers().get(header::LOCATION);
        match location.and_then(|location| location.to_str().ok()) {
            Some(location) if matches!(status, 307 | 308) => url = url.join(location).ok()?,
            _ => return Some(status),
        }
    }
    None
}

fn add_extra_fields(body: &mut Map<String, Value>) {
    body.insert("shopeepay_reference_number".into(), Value::Null);
    body.insert("point_balance".into(), "0".into());
    body.insert(
        "metadata".into(),
        serde_json::json!({ "extra_info": { "campaign": [1, 2, 3] } }),
    );
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_of_answers() {
        let table = [
            (Some(200), 0),
            (Some(204), 0),
            (Some(302), 0),
            (Some(500), 1),
            (Some(400), 2),
            (Some(404), 2),
            (Some(503), 4),
            (Some(403), 5),
            (Some(504), 5),
            (None, 5),
        ];
        for (answer, retries) in table {
            assert_eq!(retries_allowed(answer), retries, "{answer:?}");
        }
    }
}
