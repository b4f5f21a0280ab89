//! The courier carries webhook items to the bots: signed, batched, in round robin, again and again.
//!
//! Items of one customer and kind go out one batch after the other, in order; everything else is in
//! parallel. Disorder, repeats and losses come from the armed faults only. A batch that is not
//! answered with 200 is posted again, at once to the next address and then ever more slowly, until
//! it is taken or the sandbox stops (Meta gives up after 7 days).

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::Value;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};

use super::book::{Delivered, Forged};
use super::envelope::envelope;
use super::faults::Fault;
use super::received::Tick;
use super::shared::{Event, Shared};
use super::signature::sign;

/// Items that may wait; a customer who writes more waits, a status beyond it is lost.
pub const QUEUE_MAX_ITEMS: usize = 100_000;
/// How long a reordered item waits for a later one to overtake it.
const REORDER_HOLD: Duration = Duration::from_secs(1);
/// The slowest pace of retries.
const RETRY_MAX: Duration = Duration::from_secs(5);
/// Lanes from here on are for single items that need no order.
const FREE_LANES: u64 = 1 << 40;

/// One element of `messages[]` or `statuses[]`.
#[derive(Clone, Debug)]
pub(super) struct Item {
    pub(super) wamid: String,
    pub(super) customer: String,
    pub(super) is_status: bool,
    pub(super) contact: Option<Value>,
    pub(super) body: Arc<Value>,
    /// Items of one lane keep their order.
    pub(super) lane: u64,
}

/// What waits to be carried.
#[derive(Debug)]
pub(super) struct Courier {
    lanes: Mutex<Lanes>,
    waiting: AtomicUsize,
    next_url: AtomicUsize,
    /// Told when there is something to carry, or an address to carry it to.
    work: Notify,
    /// Told when something has been carried.
    pub(super) room: Notify,
    in_flight: Arc<Semaphore>,
}

#[derive(Debug, Default)]
struct Lanes {
    queues: HashMap<u64, VecDeque<Item>>,
    ready: VecDeque<u64>,
    busy: HashSet<u64>,
    held: HashMap<u64, Item>,
    free: u64,
}

struct Batch {
    items: Vec<Item>,
    lanes: Vec<u64>,
}

impl Courier {
    pub(super) fn new(max_in_flight: usize) -> Self {
        Self {
            lanes: Mutex::default(),
            waiting: AtomicUsize::new(0),
            next_url: AtomicUsize::new(0),
            work: Notify::new(),
            room: Notify::new(),
            in_flight: Arc::new(Semaphore::new(max_in_flight.max(1))),
        }
    }

    /// Items not yet taken by a bot, those held back by faults included.
    pub(super) fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Acquire)
    }

    /// Looks again for work, after the addresses have changed.
    pub(super) fn wake(&self) {
        self.work.notify_one();
    }

    /// The next address in round robin.
    pub(super) fn next_of(&self, urls: &[String]) -> Option<String> {
        let turn = self.next_url.fetch_add(1, Ordering::Relaxed);
        (!urls.is_empty()).then(|| urls[turn % urls.len()].clone())
    }

    fn lanes(&self) -> MutexGuard<'_, Lanes> {
        self.lanes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn push(&self, item: Item) {
        self.lanes().push(item);
        self.work.notify_one();
    }

    fn push_alone(&self, mut item: Item) {
        let mut lanes = self.lanes();
        lanes.free += 1;
        item.lane = FREE_LANES + lanes.free;
        lanes.push(item);
        drop(lanes);
        self.work.notify_one();
    }

    fn forget(&self, count: usize) {
        self.waiting.fetch_sub(count, Ordering::AcqRel);
        self.room.notify_waiters();
    }
}

impl Lanes {
    fn push(&mut self, item: Item) {
        let lane = item.lane;
        let queue = self.queues.entry(lane).or_default();
        queue.push_back(item);
        if queue.len() == 1 && !self.busy.contains(&lane) {
            self.ready.push_back(lane);
        }
    }

    fn ready_items(&self) -> usize {
        self.ready
            .iter()
            .filter_map(|lane| self.queues.get(lane))
            .map(VecDeque::len)
            .sum()
    }

    fn take(&mut self, max: usize) -> Batch {
        let mut batch = Batch {
            items: Vec::new(),
            lanes: Vec::new(),
        };
        while batch.items.len() < max
            && let Some(lane) = self.ready.pop_front()
        {
            let Some(queue) = self.queues.get_mut(&lane) else {
                continue;
            };
            let count = queue.len().min(max - batch.items.len());
            batch.items.extend(queue.drain(..count));
            if queue.is_empty() {
                self.queues.remove(&lane);
            }
            self.busy.insert(lane);
            batch.lanes.push(lane);
        }
        batch
    }

    fn release(&mut self, lanes: &[u64]) {
        for lane in lanes {
            self.busy.remove(lane);
            if self.queues.contains_key(lane) {
                self.ready.push_back(*lane);
            }
        }
    }
}

/// Queues a customer's message, waiting for room first.
pub(super) async fn queue_message(shared: &Arc<Shared>, item: Item) {
    loop {
        let room = shared.courier.room.notified();
        if shared.courier.waiting() < QUEUE_MAX_ITEMS {
            break;
        }
        room.await;
    }
    queue(shared, item);
}

/// Queues an item through the armed faults. A status is lost when the queue is full.
pub(super) fn queue(shared: &Arc<Shared>, item: Item) {
    let courier = &shared.courier;
    if courier.waiting() >= QUEUE_MAX_ITEMS && item.is_status {
        tracing::warn!(
            items = QUEUE_MAX_ITEMS,
            "a status is lost: the webhook queue is full"
        );
        return;
    }
    let faults = shared.faults.of_item(&item.customer, item.is_status);
    if faults.contains(&Fault::Drop) {
        let mut world = shared.world();
        world.note(|book| &mut book.dropped, item.wamid);
        return;
    }
    if faults.contains(&Fault::Forge) {
        tokio::spawn(post_forged(Arc::clone(shared), item.clone()));
    }
    if faults.contains(&Fault::Duplicate) {
        courier.waiting.fetch_add(1, Ordering::AcqRel);
        courier.push_alone(item.clone());
    }
    courier.waiting.fetch_add(1, Ordering::AcqRel);
    let delay = faults.iter().find_map(|fault| match fault {
        Fault::DelayMs(milliseconds) => Some(Duration::from_millis(*milliseconds)),
        _ => None,
    });
    if let Some(delay) = delay {
        tokio::spawn(push_later(Arc::clone(shared), item, delay));
    } else if faults.contains(&Fault::Reorder) {
        hold(shared, item);
    } else {
        let overtaken = courier.lanes().held.remove(&item.lane);
        courier.push(item);
        if let Some(overtaken) = overtaken {
            courier.push(overtaken);
        }
    }
}

/// Carries until the sandbox stops.
pub(super) async fn run(shared: Arc<Shared>) {
    tokio::select! {
        () = carry(&shared) => {}
        () = shared.stopping.cancelled() => {}
    }
}

async fn carry(shared: &Arc<Shared>) {
    let courier = &shared.courier;
    loop {
        let Ok(permit) = Arc::clone(&courier.in_flight).acquire_owned().await else {
            return;
        };
        while courier.lanes().ready.is_empty() || shared.webhooks().is_empty() {
            courier.work.notified().await;
        }
        let max = shared.config.max_batch.max(1);
        if !shared.config.linger.is_zero() && courier.lanes().ready_items() < max {
            tokio::time::sleep(shared.config.linger).await;
        }
        let batch = courier.lanes().take(max);
        tokio::spawn(post_until_taken(Arc::clone(shared), batch, permit));
    }
}

async fn post_until_taken(shared: Arc<Shared>, batch: Batch, permit: OwnedSemaphorePermit) {
    let body = envelope(&shared.config, &batch.items).to_string();
    let signature = sign(&shared.config.app_secret, body.as_bytes());
    let mut attempts = 0;
    let mut pause = shared.config.retry_base;
    loop {
        attempts += 1;
        let status = tokio::select! {
            status = shared.post(&body, Some(&signature)) => status,
            () = shared.stopping.cancelled() => return,
        };
        if status == Some(200) {
            break;
        }
        tracing::debug!(?status, attempts, "a webhook was not taken");
        // Meta tries again at once, then ever less often.
        if attempts > 1 {
            tokio::select! {
                () = tokio::time::sleep(pause + shared.faults.jitter(pause)) => {}
                () = shared.stopping.cancelled() => return,
            }
            pause = (pause * 2).min(RETRY_MAX);
        }
    }
    taken(&shared, &batch, attempts);
    drop(permit);
}

fn taken(shared: &Shared, batch: &Batch, attempts: u32) {
    note_taken(shared, &batch.items, attempts);
    shared.courier.lanes().release(&batch.lanes);
    shared.courier.forget(batch.items.len());
    shared.courier.wake();
}

/// Writes into the book that a bot took these items, and gives their messages the second tick.
pub(super) fn note_taken(shared: &Shared, items: &[Item], attempts: u32) {
    let at = shared.clock.now();
    let mut moved = Vec::new();
    let mut world = shared.world();
    for item in items {
        let status = item.body["status"]
            .as_str()
            .filter(|_| item.is_status)
            .map(str::to_owned);
        let wamid = item.wamid.clone();
        let delivered = Delivered {
            wamid,
            status,
            at,
            attempts,
        };
        world.note(|book| &mut book.delivered, delivered);
        if !item.is_status {
            moved.extend(world.tick(&item.wamid, Tick::Delivered, false));
        }
    }
    drop(world);
    for (customer, wamids) in moved.into_iter().filter(|(_, wamids)| !wamids.is_empty()) {
        shared.tell(|| Event::Tick {
            customer,
            wamids,
            tick: Tick::Delivered,
        });
    }
}

async fn push_later(shared: Arc<Shared>, item: Item, delay: Duration) {
    tokio::select! {
        () = tokio::time::sleep(delay) => shared.courier.push_alone(item),
        () = shared.stopping.cancelled() => {}
    }
}

/// Keeps the item until a later one of its lane comes by. Only one is held in a lane: another one
/// takes its place, which is disorder enough.
fn hold(shared: &Arc<Shared>, item: Item) {
    let (lane, wamid) = (item.lane, item.wamid.clone());
    let before = shared.courier.lanes().held.insert(lane, item);
    if let Some(before) = before {
        shared.courier.push(before);
    }
    let shared = Arc::clone(shared);
    tokio::spawn(async move {
        tokio::select! {
            () = tokio::time::sleep(REORDER_HOLD) => {}
            () = shared.stopping.cancelled() => return,
        }
        let mut lanes = shared.courier.lanes();
        let item = lanes.held.remove(&lane);
        match item {
            Some(item) if item.wamid == wamid => lanes.push(item),
            Some(other) => {
                lanes.held.insert(lane, other);
            }
            None => {}
        }
        drop(lanes);
        shared.courier.wake();
    });
}

/// Posts an altered copy under a wrong signature, once, and notes the answer.
async fn post_forged(shared: Arc<Shared>, item: Item) {
    let mut body = (*item.body).clone();
    let wamid = format!("{}FORGED", item.wamid);
    body["id"] = Value::from(wamid.clone());
    if body["text"]["body"].is_string() {
        body["text"]["body"] = Value::from("PALSU");
    }
    let forged = Item {
        wamid: wamid.clone(),
        body: Arc::new(body),
        ..item
    };
    let body = envelope(&shared.config, &[forged]).to_string();
    let signature = sign("not the app secret", body.as_bytes());
    if let Some(http_status) = shared.post(&body, Some(&signature)).await {
        let forged = Forged { wamid, http_status };
        shared.world().note(|book| &mut book.forged, forged);
    }
}
