//! What every look at a shop needs.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use k8s_openapi::api::core::v1::ObjectReference;
use kube::runtime::events::{Event, EventType, Recorder, Reporter};
use tracing::warn;

use crate::lease::Leadership;
use crate::metrics::Metrics;
use crate::shop::{Defaults, KnownKinds};

/// Pause after the first failure; it doubles with each that follows.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// Longest pause.
const LONGEST_PAUSE: Duration = Duration::from_mins(5);
/// Longest note of an event, in bytes; the API server takes 1024.
const NOTE_LIMIT: usize = 1_000;

/// What the operator calls itself in events and managed fields.
pub const MANAGER: &str = "warung";

/// Of one term of leadership.
pub struct Context {
    /// Writes only while we lead.
    pub client: kube::Client,
    /// The right to act. Ask it before every command to PostgreSQL and Redis.
    pub leadership: Leadership,
    /// Figures.
    pub metrics: Arc<Metrics>,
    /// What the operator was started with.
    pub defaults: Defaults,
    /// Optional kinds that the cluster has.
    pub kinds: tokio::sync::watch::Receiver<KnownKinds>,
    /// Our name in events.
    pub identity: String,
    /// Failures in a row, by UID of what was looked at.
    failures: Mutex<HashMap<String, u32>>,
    /// Digests of differences that the API server itself makes to what we apply, by UID.
    pub(crate) normalised: Mutex<HashMap<String, String>>,
}

impl Context {
    /// Begins a term.
    pub fn new(
        client: kube::Client,
        leadership: Leadership,
        metrics: Arc<Metrics>,
        defaults: Defaults,
        kinds: tokio::sync::watch::Receiver<KnownKinds>,
        identity: String,
    ) -> Self {
        Self {
            client,
            leadership,
            metrics,
            defaults,
            kinds,
            identity,
            failures: Mutex::default(),
            normalised: Mutex::default(),
        }
    }

    /// How long to wait after one more failure: from a second to five minutes, with jitter.
    pub fn back_off(&self, uid: &str) -> Duration {
        let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        let count = failures.entry(uid.to_owned()).or_default();
        let pause = pause_after(*count, rand::random());
        *count = count.saturating_add(1);
        self.metrics.backing_off(failures.len());
        pause
    }

    /// All is well: the next failure begins with a short pause again.
    pub fn well(&self, uid: &str) {
        let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        failures.remove(uid);
        self.metrics.backing_off(failures.len());
    }

    /// Tells whoever describes the object. An event that cannot be written is only logged.
    pub async fn tell(&self, about: &ObjectReference, type_: EventType, reason: &str, note: &str) {
        let mut note = note.to_owned();
        while note.len() > NOTE_LIMIT {
            note.pop();
        }
        let reporter = Reporter {
            controller: "warung-operator".to_owned(),
            instance: Some(self.identity.clone()),
        };
        // A recorder that lives on would count events of one reason as one, with the first note.
        let recorder = Recorder::new(self.client.clone(), reporter);
        let event = Event {
            type_,
            reason: reason.to_owned(),
            note: Some(note),
            action: "Reconcile".to_owned(),
            secondary: None,
        };
        if let Err(error) = recorder.publish(&event, about).await {
            warn!(%error, event.reason = reason, "cannot write an event");
        }
    }
}

/// The pause after `failures` earlier ones; `chance` lies between 0 and 1.
fn pause_after(failures: u32, chance: f64) -> Duration {
    let doubled = FIRST_PAUSE.saturating_mul(2_u32.saturating_pow(failures.min(16)));
    doubled.min(LONGEST_PAUSE).mul_f64(0.8 + 0.2 * chance)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_five_minutes() {
        let pauses: Vec<u64> = (0..12).map(|n| pause_after(n, 1.0).as_secs()).collect();
        assert_eq!(pauses, [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300]);
        assert_eq!(pause_after(u32::MAX, 0.0).as_secs(), 240);
    }
}
