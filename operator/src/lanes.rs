//! Whose turn it is: shops whose stores answer never wait behind shops whose stores do not.
//!
//! A few looks go on at once. A look that lasts moves to a lane of its own with many more places,
//! where it costs a socket and hardly anything else, and its shop is looked at there until it is
//! quick again. Only when that lane is full does it keep the place that it has.

use std::collections::HashSet;
use std::pin::pin;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Semaphore;
use tokio::time::timeout;

use crate::queue::{Lane, Queue};

/// A look that lasts longer is slow.
const SLOW_AFTER: Duration = Duration::from_secs(5);
/// Slow looks at once.
const SLOW_AT_ONCE: usize = 32;

/// The two lanes.
pub struct Lanes {
    quick: Semaphore,
    slow: Semaphore,
    slow_after: Duration,
    /// UIDs of shops whose last look was slow.
    known: Mutex<HashSet<String>>,
}

impl Lanes {
    /// With `at_once` looks at a time, and some more for slow ones.
    pub fn new(at_once: usize) -> Self {
        Self {
            quick: Semaphore::new(at_once),
            slow: Semaphore::new(SLOW_AT_ONCE),
            slow_after: SLOW_AFTER,
            known: Mutex::default(),
        }
    }

    /// Looks at the shop `uid` when it is its turn.
    pub async fn turn<F: Future>(
        &self,
        uid: &str,
        queue: &Queue,
        look: impl FnOnce() -> F,
    ) -> F::Output {
        let slow = self.known().contains(uid);
        let (places, lane) = if slow {
            (&self.slow, Lane::Slow)
        } else {
            (&self.quick, Lane::Quick)
        };
        let waiting = queue.enter(lane);
        // Closed never: the lanes outlive every look.
        let place = places.acquire().await;
        drop(waiting);
        let began = Instant::now();
        let mut look = pin!(look());
        let looked = match timeout(self.slow_after, look.as_mut()).await {
            Ok(looked) => looked,
            Err(_) if slow => look.await,
            Err(_) => {
                self.known().insert(uid.to_owned());
                let moved = async {
                    let other = self.slow.acquire().await;
                    drop(place);
                    other
                };
                tokio::select! {
                    looked = look.as_mut() => looked,
                    _other = moved => look.await,
                }
            }
        };
        if began.elapsed() < self.slow_after {
            self.forget(uid);
        }
        looked
    }

    /// A shop is gone, or quick again.
    pub fn forget(&self, uid: &str) {
        self.known().remove(uid);
    }

    fn known(&self) -> std::sync::MutexGuard<'_, HashSet<String>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};

    use futures_util::future::join_all;
    use prometheus::Registry;

    use super::*;

    /// A quick look must not take longer than this, however many others hang.
    const LIMIT: Duration = Duration::from_secs(20);

    #[tokio::test]
    async fn twenty_looks_that_hang_cost_the_others_nothing() {
        let queue = Queue::register(&Registry::new());
        let lanes = Lanes {
            slow_after: Duration::from_millis(20),
            ..Lanes::new(2)
        };
        let uids: Vec<String> = (0..20).map(|number| format!("bad-{number}")).collect();
        let hanging = uids
            .iter()
            .map(|uid| lanes.turn(uid, &queue, pending::<()>));
        let hanging = join_all(hanging);
        let others = async {
            for number in 0..200 {
                lanes
                    .turn(&format!("good-{number}"), &queue, || ready(()))
                    .await;
            }
            assert_eq!(lanes.known().len(), uids.len());
        };
        tokio::select! {
            _ = hanging => panic!("they hang"),
            done = timeout(LIMIT, others) => done.unwrap(),
        }
    }

    #[tokio::test]
    async fn a_shop_that_is_quick_again_comes_back_to_the_quick_lane() {
        let queue = Queue::register(&Registry::new());
        let lanes = Lanes::new(1);
        lanes.known().insert("toko".to_owned());
        lanes.turn("toko", &queue, || ready(())).await;
        assert!(lanes.known().is_empty());
    }

    #[tokio::test]
    async fn whoever_waits_is_counted() {
        let queue = Queue::register(&Registry::new());
        let lanes = Lanes::new(0);
        let waits = lanes.turn("toko", &queue, || ready(()));
        let mut waits = pin!(waits);
        assert!(
            timeout(Duration::from_millis(1), waits.as_mut())
                .await
                .is_err()
        );
        assert_eq!(queue.depth(Lane::Quick), 1);
        lanes.quick.add_permits(1);
        waits.await;
        assert_eq!(queue.depth(Lane::Quick), 0);
    }
}
