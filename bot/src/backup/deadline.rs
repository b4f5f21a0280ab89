//! When a run gives up: at its deadline, or when told to stop.

use std::{future::Future, time::Duration};

use anyhow::Result;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// The end of a run's time.
#[derive(Debug, Clone)]
pub struct Deadline {
    at: Instant,
    whole: Duration,
    stop: CancellationToken,
}

/// Why a run gave up.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GaveUp {
    /// Its time was over.
    #[error("the deadline of {whole:?} passed while {doing}")]
    Late {
        /// How long the run had.
        whole: Duration,
        /// What it was at.
        doing: &'static str,
    },
    /// Kubernetes, or a person, wants the process gone.
    #[error("told to stop while {doing}")]
    Told {
        /// What it was at.
        doing: &'static str,
    },
}

impl Deadline {
    /// This far from now, or at `stop`, whatever comes first.
    pub fn new(whole: Duration, stop: CancellationToken) -> Self {
        Self {
            at: Instant::now() + whole,
            whole,
            stop,
        }
    }

    /// Does a part of the work, or drops it at the deadline; the children it started are killed
    /// with it.
    ///
    /// # Errors
    /// The work's, or [`GaveUp`].
    pub async fn within<T>(
        &self,
        doing: &'static str,
        work: impl Future<Output = Result<T>>,
    ) -> Result<T> {
        tokio::select! {
            done = work => done,
            () = tokio::time::sleep_until(self.at) => {
                let whole = self.whole;
                Err(GaveUp::Late { whole, doing }.into())
            }
            () = self.stop.cancelled() => Err(GaveUp::Told { doing }.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn work_that_hangs_is_dropped_and_named() {
        let deadline = Deadline::new(Duration::from_millis(20), CancellationToken::new());
        assert_eq!(deadline.within("adding", async { Ok(2) }).await.unwrap(), 2);
        let late = deadline
            .within::<()>("dumping", std::future::pending())
            .await;
        let said = late.unwrap_err().to_string();
        assert_eq!(said, "the deadline of 20ms passed while dumping");
    }

    #[tokio::test]
    async fn a_word_stops_it_too() {
        let stop = CancellationToken::new();
        stop.cancel();
        let deadline = Deadline::new(Duration::from_mins(1), stop);
        let told = deadline
            .within::<()>("dumping", std::future::pending())
            .await;
        assert_eq!(told.unwrap_err().to_string(), "told to stop while dumping");
    }
}
