//! The shops that are due and whose turn has not come, and how long they have waited.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use prometheus::{GaugeVec, IntGaugeVec, Opts, Registry};

/// A lane of the queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lane {
    /// For shops whose looks are quick, or that nobody has looked at yet.
    Quick,
    /// For shops whose last look was slow.
    Slow,
}

impl Lane {
    const ALL: [Self; 2] = [Self::Quick, Self::Slow];

    /// As figures name it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Quick => "quick",
            Self::Slow => "slow",
        }
    }
}

/// The queue, with its figures.
pub struct Queue {
    waiting: Mutex<Waiting>,
    depth: IntGaugeVec,
    oldest: GaugeVec,
}

#[derive(Default)]
struct Waiting {
    next: u64,
    /// By number of arrival: their lanes, and since when.
    shops: BTreeMap<u64, (Lane, Instant)>,
}

impl Queue {
    /// With nobody in it.
    ///
    /// # Panics
    /// When `registry` has such figures already.
    pub fn register(registry: &Registry) -> Self {
        let depth = Opts::new(
            "warung_operator_queue_depth",
            "Shops that are due and wait for their turn, by lane (quick, slow)",
        );
        let oldest = Opts::new(
            "warung_operator_queue_oldest_seconds",
            "How long the shop that waits longest has waited for its turn, by lane",
        );
        let depth = IntGaugeVec::new(depth, &["lane"]).expect("a valid name");
        let oldest = GaugeVec::new(oldest, &["lane"]).expect("a valid name");
        let gauges: [Box<dyn prometheus::core::Collector>; 2] =
            [Box::new(depth.clone()), Box::new(oldest.clone())];
        for gauge in gauges {
            registry.register(gauge).expect("names differ");
        }
        Self {
            waiting: Mutex::default(),
            depth,
            oldest,
        }
    }

    /// A shop is due; drop the guard when its turn comes.
    pub fn enter(&self, lane: Lane) -> InQueue<'_> {
        let mut waiting = self.lock();
        let number = waiting.next;
        waiting.next += 1;
        waiting.shops.insert(number, (lane, Instant::now()));
        InQueue {
            queue: self,
            number,
        }
    }

    /// How many wait.
    pub fn depth(&self, lane: Lane) -> usize {
        let waiting = self.lock();
        let of_lane = waiting.shops.values().filter(|(of, _)| *of == lane);
        of_lane.count()
    }

    /// How long the first of them has waited.
    pub fn oldest(&self, lane: Lane) -> Duration {
        let waiting = self.lock();
        let mut of_lane = waiting.shops.values().filter(|(of, _)| *of == lane);
        let first = of_lane.next();
        first.map_or(Duration::ZERO, |(_, since)| since.elapsed())
    }

    /// Brings the figures up to date.
    pub fn measure(&self) {
        for lane in Lane::ALL {
            let label = [lane.as_str()];
            let depth = i64::try_from(self.depth(lane)).unwrap_or(i64::MAX);
            self.depth.with_label_values(&label).set(depth);
            let oldest = self.oldest(lane).as_secs_f64();
            self.oldest.with_label_values(&label).set(oldest);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A shop that waits.
pub struct InQueue<'a> {
    queue: &'a Queue,
    number: u64,
}

impl Drop for InQueue<'_> {
    fn drop(&mut self) {
        self.queue.lock().shops.remove(&self.number);
    }
}
