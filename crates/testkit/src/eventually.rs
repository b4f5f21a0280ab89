//! Waiting for a condition instead of sleeping.

use std::fmt::Display;
use std::time::Duration;

use tokio::time::{Instant, sleep};

/// First pause between two looks; it doubles up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(2);
const LONGEST_PAUSE: Duration = Duration::from_millis(50);

/// What a condition may answer: `Some`/`Ok` when it holds, `None`/`Err` when not yet, or a `bool`.
pub trait Outcome {
    /// What the caller gets once the condition holds.
    type Value;

    /// The value, or why there is none yet.
    fn outcome(self) -> Result<Self::Value, String>;
}

impl<T> Outcome for Option<T> {
    type Value = T;

    fn outcome(self) -> Result<T, String> {
        self.ok_or_else(|| String::from("nothing yet"))
    }
}

impl<T, E: Display> Outcome for Result<T, E> {
    type Value = T;

    fn outcome(self) -> Result<T, String> {
        // The alternate form prints the chain of causes of an `anyhow::Error`.
        self.map_err(|error| format!("{error:#}"))
    }
}

impl Outcome for bool {
    type Value = ();

    fn outcome(self) -> Result<(), String> {
        self.then_some(()).ok_or_else(|| String::from("false"))
    }
}

/// Looks at a condition until it holds and returns its value.
///
/// # Panics
/// When it does not hold within `limit`; the message has the last reason.
#[track_caller]
pub fn eventually<T: Outcome>(
    limit: Duration,
    mut condition: impl AsyncFnMut() -> T,
) -> impl Future<Output = T::Value> {
    let caller = std::panic::Location::caller();
    async move {
        match within(limit, &mut condition).await {
            Ok(value) => value,
            Err(reason) => panic!("not within {limit:?} at {caller}: {reason}"),
        }
    }
}

/// As [`eventually`], for code that must not panic.
pub(crate) async fn within<T: Outcome>(
    limit: Duration,
    mut condition: impl AsyncFnMut() -> T,
) -> Result<T::Value, String> {
    let deadline = Instant::now() + limit;
    let mut pause = FIRST_PAUSE;
    loop {
        let reason = match condition().await.outcome() {
            Ok(value) => return Ok(value),
            Err(reason) => reason,
        };
        if Instant::now() >= deadline {
            return Err(reason);
        }
        sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_value_of_the_first_look_that_holds_is_returned() {
        let mut looks = 0;
        let value = eventually(Duration::from_secs(5), async || {
            looks += 1;
            (looks == 3).then_some(looks)
        })
        .await;
        assert_eq!(value, 3);
    }

    #[tokio::test]
    #[should_panic(expected = "still cold")]
    async fn a_condition_that_never_holds_panics_with_its_reason() {
        eventually(Duration::from_millis(20), async || {
            Err::<(), _>("still cold")
        })
        .await;
    }
}
