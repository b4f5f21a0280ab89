//! The sandbox's own time: the machine's clock plus an offset that a test may move forward.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use chrono::{DateTime, TimeDelta, Utc};

/// A clock that all parts of one sandbox share. Cloning it shares the offset.
#[derive(Clone, Debug, Default)]
pub struct Clock {
    offset_ms: Arc<AtomicI64>,
}

impl Clock {
    /// The sandbox's present time, in UTC.
    #[expect(
        clippy::disallowed_methods,
        reason = "this module is where time enters the sandbox"
    )]
    pub fn now(&self) -> DateTime<Utc> {
        Utc::now() + TimeDelta::milliseconds(self.offset_ms.load(Ordering::Relaxed))
    }

    /// Moves the clock by `step`; a negative step moves it back.
    pub fn advance(&self, step: TimeDelta) {
        self.offset_ms
            .fetch_add(step.num_milliseconds(), Ordering::Relaxed);
    }
}
