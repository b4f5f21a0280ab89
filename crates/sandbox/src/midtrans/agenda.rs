//! What is due later, on the sandbox's clock: expiries, reversals, late and repeated notifications.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::sync::Notify;

use super::life;
use super::post::{self, Delivery};
use super::shared::Shared;
use crate::clock::Clock;

/// The clock may be moved from outside; so the agenda looks at it at least this often.
const LOOK_AGAIN: Duration = Duration::from_millis(250);

/// Something to do later.
#[derive(Debug)]
pub(super) enum Job {
    /// End a payment if it still waits, by its `transaction_id`.
    Expire(String),
    /// Take a settlement back, by its `transaction_id`.
    Reverse(String),
    /// Confirm a refund, by `transaction_id` and refund key.
    ConfirmRefund(String, String),
    /// Send a notification.
    Deliver(Delivery),
    /// Let an order's held notifications go.
    Release(String),
}

/// The agenda of one sandbox.
#[derive(Debug)]
pub(super) struct Agenda {
    clock: Clock,
    jobs: Mutex<BTreeMap<(DateTime<Utc>, u64), Job>>,
    wake: Notify,
}

impl Agenda {
    pub(super) fn new(clock: Clock) -> Self {
        Self {
            clock,
            jobs: Mutex::default(),
            wake: Notify::new(),
        }
    }

    pub(super) fn add(&self, due: DateTime<Utc>, job: Job) {
        let mut jobs = self.jobs.lock().unwrap_or_else(PoisonError::into_inner);
        let turn = jobs
            .range((due, 0)..=(due, u64::MAX))
            .next_back()
            .map_or(0, |((_, turn), _)| turn + 1);
        jobs.insert((due, turn), job);
        drop(jobs);
        self.wake.notify_one();
    }

    /// Looks at the clock now, after it was moved.
    pub(super) fn wake(&self) {
        self.wake.notify_one();
    }

    fn take_due(&self) -> Option<Job> {
        let mut jobs = self.jobs.lock().unwrap_or_else(PoisonError::into_inner);
        let first = jobs.first_entry()?;
        (first.key().0 <= self.clock.now()).then(|| first.remove())
    }

    fn pause(&self) -> Duration {
        let jobs = self.jobs.lock().unwrap_or_else(PoisonError::into_inner);
        jobs.first_key_value()
            .and_then(|((due, _), _)| (*due - self.clock.now()).to_std().ok())
            .map_or(LOOK_AGAIN, |wait| wait.min(LOOK_AGAIN))
    }
}

/// Does what is due until the sandbox stops.
pub(super) async fn run(shared: Arc<Shared>) {
    loop {
        while let Some(job) = shared.agenda.take_due() {
            carry_out(&shared, job);
        }
        tokio::select! {
            () = shared.stopping.cancelled() => return,
            () = shared.agenda.wake.notified() => {}
            () = tokio::time::sleep(shared.agenda.pause()) => {}
        }
    }
}

fn carry_out(shared: &Arc<Shared>, job: Job) {
    match job {
        // A payment that was paid or called off meanwhile is left as it is.
        Job::Expire(id) => drop(life::expire(shared, &id)),
        Job::Reverse(id) => drop(life::reverse(shared, &id)),
        Job::ConfirmRefund(id, key) => life::confirm_refund(shared, &id, &key),
        Job::Deliver(delivery) => post::enqueue(shared, delivery),
        Job::Release(order_id) => post::release(shared, &order_id),
    }
}
