//! What every part of a running sandbox holds on to.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::Config;
use super::agenda::Agenda;
use super::answer::Answer;
use super::fault::Faults;
use super::idempotency::Keys;
use super::post::Post;
use super::world::World;

/// The running sandbox's parts. Locks are held for moments only, never across an await.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) config: Config,
    /// Where the sandbox is reached, without a slash at the end.
    pub(super) base: String,
    pub(super) faults: Faults,
    pub(super) agenda: Agenda,
    pub(super) post: Post,
    pub(super) keys: Mutex<Keys>,
    /// Counts changes; pages and waiting tests watch it.
    pub(super) changes: watch::Sender<u64>,
    pub(super) stopping: CancellationToken,
    world: Mutex<World>,
    charge_times: Mutex<VecDeque<DateTime<Utc>>>,
}

impl Shared {
    pub(super) fn new(
        config: Config,
        base: String,
        client: reqwest::Client,
        stopping: CancellationToken,
    ) -> Self {
        Self {
            base,
            faults: Faults::new(config.seed),
            agenda: Agenda::new(config.clock.clone()),
            post: Post::new(&config.notify, client),
            keys: Mutex::default(),
            changes: watch::Sender::new(0),
            stopping,
            world: Mutex::new(World::new(
                config.seed,
                &config.shop_name,
                &config.merchant_id,
            )),
            charge_times: Mutex::default(),
            config,
        }
    }

    pub(super) fn now(&self) -> DateTime<Utc> {
        self.config.clock.now()
    }

    pub(super) fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn keys(&self) -> MutexGuard<'_, Keys> {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// When the charges of the last minute came, oldest first.
    pub(super) fn charge_times(&self) -> MutexGuard<'_, VecDeque<DateTime<Utc>>> {
        self.charge_times
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells pages and waiting tests that something changed.
    pub(super) fn changed(&self) {
        self.changes.send_modify(|count| *count += 1);
    }

    /// A wait of Midtrans' own, shortened by the configured factor.
    pub(super) fn scaled(&self, wait: TimeDelta) -> TimeDelta {
        let scale = i64::from(self.config.time_scale.max(1));
        TimeDelta::milliseconds(wait.num_milliseconds() / scale)
    }

    /// An error answer of Core with an id of its own.
    pub(super) fn error(&self, code: u16, message: &str) -> Answer {
        let id = self.world().uuid();
        Answer::error(code, message, id)
    }

    pub(super) fn invalid(&self, faults: Vec<String>) -> Answer {
        let id = self.world().uuid();
        Answer::invalid(faults, id)
    }

    pub(super) fn not_found(&self) -> Answer {
        self.error(404, "Transaction doesn't exist.")
    }

    pub(super) fn cannot_modify(&self) -> Answer {
        self.error(412, "Transaction status cannot be updated.")
    }

    /// How long a slow answer takes.
    pub(super) fn slow(&self) -> TimeDelta {
        TimeDelta::milliseconds(i64::from(self.config.slow_ms))
    }
}
