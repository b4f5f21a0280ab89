//! Time and randomness: the only places where the process asks for either.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use rand::{RngExt, distr::StandardUniform, prelude::Distribution};
use uuid::Uuid;

/// Tells the time. Cheap to clone; a test may hand out one that stands still.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> DateTime<Utc> + Send + Sync>);

impl Clock {
    /// The system's clock.
    #[expect(clippy::disallowed_methods, reason = "the one place that may")]
    pub fn system() -> Self {
        Self(Arc::new(Utc::now))
    }

    /// A clock that always says `at`.
    pub fn stopped(at: DateTime<Utc>) -> Self {
        Self(Arc::new(move || at))
    }

    /// The time now, cut to the microsecond that PostgreSQL keeps.
    pub fn now(&self) -> DateTime<Utc> {
        let now = (self.0)();
        DateTime::from_timestamp_micros(now.timestamp_micros()).unwrap_or(now)
    }
}

/// Random bytes (or numbers) from the operating system's seeded generator.
pub fn random<T>() -> T
where
    StandardUniform: Distribution<T>,
{
    rand::rng().random()
}

/// A version 7 UUID (RFC 9562): random, and in the order of `now`.
pub fn new_id(clock: &Clock) -> Uuid {
    let milliseconds = u64::try_from(clock.now().timestamp_millis()).unwrap_or(0);
    uuid::Builder::from_unix_timestamp_millis(milliseconds, &random()).into_uuid()
}
