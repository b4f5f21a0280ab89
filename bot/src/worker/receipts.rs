//! Read receipts: the blue ticks of messages that the bot has answered, and *typing…* while a
//! payment is asked for.
//!
//! They are billed to nobody and worth little, so they hold up and fail nothing: they leave behind
//! the commit, beside the reply, a few at once; where those are busy, or WhatsApp refuses, they are
//! left out. A message that a person must answer stays unread.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use chrono::TimeDelta;
use tokio::{sync::Semaphore, time::timeout};

use crate::app::App;

/// Receipts under way at once, beside the 64 calls of the sender.
const CALLS_MAX: usize = 8;
/// Longest a receipt may take.
const CALL_TIMEOUT: Duration = Duration::from_secs(3);
/// After a refusal, such as a used-up call budget, none is sent for this long.
const REST: TimeDelta = TimeDelta::minutes(1);

/// What bounds a bot's read receipts.
#[derive(Debug)]
pub struct Receipts {
    slots: Arc<Semaphore>,
    /// Milliseconds since 1970.
    rests_until: AtomicI64,
}

impl Default for Receipts {
    fn default() -> Self {
        Self {
            slots: Arc::new(Semaphore::new(CALLS_MAX)),
            rests_until: AtomicI64::new(0),
        }
    }
}

/// Marks a customer's message, and those before it, as read; with `typing` also shows that an
/// answer is being written. Returns at once.
pub fn read(app: &App, message: &str, typing: bool) {
    if !app.settings.current().read_receipts {
        return;
    }
    let now = app.clock.now().timestamp_millis();
    let rests = now < app.receipts.rests_until.load(Ordering::Relaxed);
    let slot = Arc::clone(&app.receipts.slots).try_acquire_owned();
    let (false, Ok(slot)) = (rests, slot) else {
        return count(app, "left_out");
    };
    let (app, message) = (app.clone(), message.to_owned());
    tokio::spawn(async move {
        let _slot = slot;
        let call = timeout(CALL_TIMEOUT, app.whatsapp.mark_read(&message, typing)).await;
        let outcome = match call {
            Ok(Ok(())) => "sent",
            Ok(Err(error)) => {
                tracing::debug!(%error, "a read receipt was refused");
                let until = app.clock.now() + REST;
                app.receipts
                    .rests_until
                    .store(until.timestamp_millis(), Ordering::Relaxed);
                "refused"
            }
            Err(_) => "timed_out",
        };
        count(&app, outcome);
    });
}

fn count(app: &App, outcome: &str) {
    app.metrics
        .read_receipts
        .with_label_values(&[outcome])
        .inc();
}
