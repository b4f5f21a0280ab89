//! Who leads: one operator at a time, by a Lease of the API server.
//!
//! The leader renews its Lease every [`RETRY`] by compare-and-swap on the resource version. Others
//! judge it by their own clock alone: only when they have seen no change for as long as the Lease
//! says ([`LEASE`]) do they take it. The leader in turn stops by its own clock, [`TRUST`] after it
//! *began* the last renewal that succeeded, which is earlier: a leader that was frozen or cut off
//! finds its deadline passed before it does anything else. [`Leadership::check`] is that look; it
//! stands before every write to Kubernetes and every command to PostgreSQL and Redis.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta};
use kube::api::{Api, PostParams};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

/// How long others wait without seeing a renewal before they take the Lease.
pub const LEASE: Duration = Duration::from_secs(15);
/// How long a leader trusts a renewal, from when it began.
pub const TRUST: Duration = Duration::from_secs(10);
/// Time between two renewals.
pub const RETRY: Duration = Duration::from_secs(2);
/// Time between two looks of those who stand by: a Lease given away is taken within two seconds.
const LOOK: Duration = Duration::from_secs(1);
/// How long one request about the Lease may take; shorter than [`RETRY`] plus what [`TRUST`]
/// leaves, so that several fit.
const REQUEST: Duration = Duration::from_secs(3);

/// This process does not lead, or cannot be sure to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the leadership was lost")]
pub struct LostLeadership;

/// The right to act, for one term. Once lost it never comes back; the next term has its own.
#[derive(Clone, Debug)]
pub struct Leadership {
    term: Arc<Term>,
}

#[derive(Debug)]
struct Term {
    begun: Instant,
    /// Nanoseconds after `begun` up to which we may act.
    deadline: AtomicU64,
    over: CancellationToken,
}

impl Leadership {
    /// A term that may act until `until`.
    fn new(until: Instant) -> Self {
        let term = Term {
            begun: Instant::now(),
            deadline: AtomicU64::new(0),
            over: CancellationToken::new(),
        };
        let leadership = Self {
            term: Arc::new(term),
        };
        leadership.extend(until);
        leadership
    }

    /// A term that never ends, for tests that have no Lease.
    pub fn unlimited() -> Self {
        let leadership = Self::new(Instant::now());
        leadership.term.deadline.store(u64::MAX, Ordering::Release);
        leadership
    }

    /// Whether we may still act. Cheap: no lock, one look at the clock.
    ///
    /// # Errors
    /// [`LostLeadership`] once the deadline has passed or the term was ended.
    pub fn check(&self) -> Result<(), LostLeadership> {
        let now = nanoseconds(self.term.begun.elapsed());
        if self.term.over.is_cancelled() || now >= self.term.deadline.load(Ordering::Acquire) {
            // A deadline that has passed once must not be moved on by a late renewal.
            self.end();
            return Err(LostLeadership);
        }
        Ok(())
    }

    /// Returns when the term is over.
    pub async fn lost(&self) {
        self.term.over.cancelled().await;
    }

    /// Ends the term.
    pub fn end(&self) {
        self.term.over.cancel();
    }

    fn extend(&self, until: Instant) {
        let deadline = nanoseconds(until.saturating_duration_since(self.term.begun));
        self.term.deadline.store(deadline, Ordering::Release);
    }
}

fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// A Lease and who we are to it.
#[derive(Clone)]
pub struct LeaseLock {
    api: Api<Lease>,
    name: String,
    identity: String,
}

/// What others did, judged by our own clock.
struct Observed {
    version: Option<String>,
    since: Instant,
}

impl LeaseLock {
    /// A lock by the Lease `name`. `client` must not be fenced by a [`Leadership`], and `identity`
    /// must be another for every process.
    pub fn new(client: kube::Client, namespace: &str, name: &str, identity: String) -> Self {
        Self {
            api: Api::namespaced(client, namespace),
            name: name.to_owned(),
            identity,
        }
    }

    /// Waits until we lead. `heard` is called whenever the API server answered.
    pub async fn acquire(&self, heard: impl Fn()) -> (Leadership, Lease) {
        let mut observed = Observed {
            version: None,
            since: Instant::now(),
        };
        loop {
            match self.try_acquire(&mut observed).await {
                Ok(Some(held)) => {
                    info!(identity = self.identity, "this operator leads now");
                    heard();
                    return held;
                }
                Ok(None) => heard(),
                Err(error) => warn!(error = %chain(&error), "cannot read the Lease"),
            }
            sleep(jittered(LOOK)).await;
        }
    }

    async fn try_acquire(
        &self,
        observed: &mut Observed,
    ) -> Result<Option<(Leadership, Lease)>, LeaseError> {
        let began = Instant::now();
        let Some(lease) = within(self.api.get_opt(&self.name)).await? else {
            let lease = self.first();
            let created = within(self.api.create(&PostParams::default(), &lease)).await;
            return Ok(won(created)?.map(|lease| (Leadership::new(began + TRUST), lease)));
        };
        if observed.version != lease.metadata.resource_version {
            observed
                .version
                .clone_from(&lease.metadata.resource_version);
            observed.since = Instant::now();
        }
        let spec = lease.spec.clone().unwrap_or_default();
        let free = spec
            .holder_identity
            .as_deref()
            .unwrap_or_default()
            .is_empty();
        let duration = spec
            .lease_duration_seconds
            .and_then(|s| u64::try_from(s).ok());
        let patience = duration.map_or(LEASE, Duration::from_secs).max(LEASE);
        if !free && observed.since.elapsed() < patience {
            return Ok(None);
        }
        let taken = self.taken(lease);
        let replaced = within(self.api.replace(&self.name, &PostParams::default(), &taken)).await;
        Ok(won(replaced)?.map(|lease| (Leadership::new(began + TRUST), lease)))
    }

    /// Renews the Lease until the term is over. Ends the term when another holds the Lease or the
    /// deadline passes.
    pub async fn hold(&self, leadership: &Leadership, mut lease: Lease, heard: impl Fn()) {
        loop {
            tokio::select! {
                () = leadership.lost() => return,
                () = sleep(RETRY) => {}
            }
            if leadership.check().is_err() {
                warn!("no renewal of the Lease succeeded in time");
                return;
            }
            let began = Instant::now();
            match self.renew(&lease).await {
                Ok(Some(renewed)) => {
                    heard();
                    lease = renewed;
                    // The answer may have come too late: `check` then has the last word.
                    if leadership.check().is_ok() {
                        leadership.extend(began + TRUST);
                    }
                }
                Ok(None) => {
                    warn!("another operator holds the Lease");
                    leadership.end();
                    return;
                }
                Err(error) => warn!(error = %chain(&error), "cannot renew the Lease"),
            }
        }
    }

    /// The renewed Lease, or `None` when another holds it.
    async fn renew(&self, lease: &Lease) -> Result<Option<Lease>, LeaseError> {
        let renewed = self.renewed(lease.clone());
        let replaced = within(
            self.api
                .replace(&self.name, &PostParams::default(), &renewed),
        )
        .await;
        match replaced {
            Err(LeaseError::Api(error)) if is_conflict(&error) => {}
            other => return other.map(Some),
        }
        // Somebody wrote to it: it is still ours if only a label or so was changed, or if an
        // earlier renewal arrived whose answer did not.
        let Some(lease) = within(self.api.get_opt(&self.name)).await? else {
            return Ok(None);
        };
        let holder = lease.spec.as_ref().and_then(|s| s.holder_identity.clone());
        if holder.as_deref() != Some(self.identity.as_str()) {
            return Ok(None);
        }
        let renewed = self.renewed(lease);
        let replaced = within(
            self.api
                .replace(&self.name, &PostParams::default(), &renewed),
        )
        .await;
        won(replaced)
    }

    /// Ends the term and gives the Lease away at once, so that nobody waits for it.
    pub async fn release(&self, leadership: &Leadership) {
        let led = leadership.check().is_ok();
        leadership.end();
        if !led {
            return;
        }
        match self.try_release().await {
            Ok(()) => info!("the Lease was handed over"),
            Err(error) => warn!(error = %chain(&error), "cannot hand the Lease over"),
        }
    }

    async fn try_release(&self) -> Result<(), LeaseError> {
        let Some(mut lease) = within(self.api.get_opt(&self.name)).await? else {
            return Ok(());
        };
        let spec = lease.spec.get_or_insert_default();
        if spec.holder_identity.as_deref() != Some(self.identity.as_str()) {
            return Ok(());
        }
        spec.holder_identity = Some(String::new());
        spec.lease_duration_seconds = Some(1);
        let params = PostParams::default();
        won(within(self.api.replace(&self.name, &params, &lease)).await).map(drop)
    }

    fn first(&self) -> Lease {
        self.taken(Lease {
            metadata: ObjectMeta {
                name: Some(self.name.clone()),
                ..ObjectMeta::default()
            },
            spec: None,
        })
    }

    fn taken(&self, mut lease: Lease) -> Lease {
        let now = MicroTime(Timestamp::now());
        let spec = lease.spec.get_or_insert_default();
        let transitions = spec.lease_transitions.map_or(0, |count| count + 1);
        *spec = LeaseSpec {
            holder_identity: Some(self.identity.clone()),
            acquire_time: Some(now.clone()),
            renew_time: Some(now),
            lease_duration_seconds: i32::try_from(LEASE.as_secs()).ok(),
            lease_transitions: Some(transitions),
            ..LeaseSpec::default()
        };
        lease
    }

    fn renewed(&self, mut lease: Lease) -> Lease {
        let spec = lease.spec.get_or_insert_default();
        spec.holder_identity = Some(self.identity.clone());
        spec.renew_time = Some(MicroTime(Timestamp::now()));
        lease
    }
}

/// Why the Lease could not be read or written.
#[derive(Debug, thiserror::Error)]
enum LeaseError {
    #[error("the API server did not answer in time")]
    Late,
    #[error("the API server refused")]
    Api(#[source] kube::Error),
}

async fn within<T>(request: impl Future<Output = kube::Result<T>>) -> Result<T, LeaseError> {
    match timeout(REQUEST, request).await {
        Ok(answer) => answer.map_err(LeaseError::Api),
        Err(_) => Err(LeaseError::Late),
    }
}

/// Another was faster: `None`.
fn won(written: Result<Lease, LeaseError>) -> Result<Option<Lease>, LeaseError> {
    match written {
        Ok(lease) => Ok(Some(lease)),
        Err(LeaseError::Api(error)) if is_conflict(&error) => Ok(None),
        Err(error) => Err(error),
    }
}

fn is_conflict(error: &kube::Error) -> bool {
    matches!(error, kube::Error::Api(status) if status.code == 409)
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

/// Up to a fifth more, so that those who stand by do not all ask at once.
fn jittered(duration: Duration) -> Duration {
    duration.mul_f64(1.0 + rand::random::<f64>() / 5.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deadline_that_has_passed_ends_the_term_for_good() {
        let leadership = Leadership::new(Instant::now() + Duration::from_hours(1));
        assert_eq!(leadership.check(), Ok(()));
        leadership.extend(leadership.term.begun);
        assert_eq!(leadership.check(), Err(LostLeadership));
        leadership.extend(Instant::now() + Duration::from_hours(1));
        assert_eq!(leadership.check(), Err(LostLeadership));
    }

    #[test]
    fn an_ended_term_is_over_for_every_clone() {
        let leadership = Leadership::unlimited();
        let other = leadership.clone();
        leadership.end();
        assert_eq!(other.check(), Err(LostLeadership));
    }
}
