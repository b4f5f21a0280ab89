//! The same buckets in this process, for when Redis is away.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use super::{PaceLimits, SendGrant};

/// Recipients remembered. Beyond it the spent ones go first, then all: pacing is a courtesy to
/// the API, which refuses for itself.
const PAIRS_MAX: usize = 20_000;

/// One bucket: the time up to which it is spent.
#[derive(Debug, Clone, Copy)]
struct Bucket {
    interval: Duration,
    tolerance: Duration,
}

impl Bucket {
    /// A bucket of `burst` sends, one more every `interval`; its share in a fleet.
    fn share(interval: Duration, burst: u32, fleet: u32) -> Self {
        let burst = (burst / fleet).max(1);
        let interval = interval * fleet;
        Self {
            interval,
            tolerance: interval * (burst - 1),
        }
    }

    fn wait(self, spent: Instant, now: Instant) -> Duration {
        spent.saturating_duration_since(now + self.tolerance)
    }
}

/// The buckets of one bot: a fleet's limits divided by its size.
#[derive(Debug)]
pub(super) struct LocalBuckets {
    limits: PaceLimits,
    number: Option<Instant>,
    pairs: HashMap<String, Instant>,
}

impl LocalBuckets {
    pub(super) fn new(limits: PaceLimits) -> Self {
        Self {
            limits,
            number: None,
            pairs: HashMap::new(),
        }
    }

    pub(super) fn grant(
        &mut self,
        recipients: &[&str],
        fleet: u32,
        now: Instant,
    ) -> Vec<SendGrant> {
        let number = self.number_bucket(fleet);
        let pair = self.pair_bucket(fleet);
        self.make_room(now);
        let mut queued = self.number.unwrap_or(now).max(now);
        recipients
            .iter()
            .map(|recipient| {
                let spent = self.pairs.get(*recipient).copied().unwrap_or(now).max(now);
                let pair_wait = pair.wait(spent, now);
                if !pair_wait.is_zero() {
                    return SendGrant::PairDelay(pair_wait);
                }
                let wait = number.wait(queued, now);
                queued += number.interval;
                if !wait.is_zero() {
                    return SendGrant::NumberDelay(wait);
                }
                self.number = Some(queued);
                self.pairs
                    .insert((*recipient).to_owned(), spent + pair.interval);
                SendGrant::Granted
            })
            .collect()
    }

    pub(super) fn delay_pair(
        &mut self,
        recipient: &str,
        delay: Duration,
        fleet: u32,
        now: Instant,
    ) {
        self.make_room(now);
        let until = now + delay + self.pair_bucket(fleet).tolerance;
        let spent = self.pairs.entry(recipient.to_owned()).or_insert(until);
        *spent = until.max(*spent);
    }

    pub(super) fn delay_number(&mut self, delay: Duration, fleet: u32, now: Instant) {
        let until = now + delay + self.number_bucket(fleet).tolerance;
        self.number = Some(self.number.map_or(until, |spent| spent.max(until)));
    }

    fn number_bucket(&self, fleet: u32) -> Bucket {
        Bucket::share(self.limits.interval(), self.limits.burst, fleet)
    }

    fn pair_bucket(&self, fleet: u32) -> Bucket {
        Bucket::share(self.limits.pair_interval, self.limits.pair_burst, fleet)
    }

    fn make_room(&mut self, now: Instant) {
        if self.pairs.len() >= PAIRS_MAX {
            self.pairs.retain(|_, spent| *spent > now);
        }
        if self.pairs.len() >= PAIRS_MAX {
            self.pairs.clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: PaceLimits = PaceLimits {
        per_second: 10,
        burst: 4,
        pair_interval: Duration::from_secs(6),
        pair_burst: 45,
    };

    #[test]
    fn a_bot_takes_its_share_of_the_number() {
        let mut buckets = LocalBuckets::new(LIMITS);
        let now = Instant::now();
        let grants = buckets.grant(&["a", "b", "c", "d"], 2, now);
        assert_eq!(
            grants,
            [
                SendGrant::Granted,
                SendGrant::Granted,
                SendGrant::NumberDelay(Duration::from_millis(200)),
                SendGrant::NumberDelay(Duration::from_millis(400)),
            ]
        );
        let later = now + Duration::from_millis(200);
        assert_eq!(buckets.grant(&["c"], 2, later), [SendGrant::Granted]);
    }

    #[test]
    fn a_pair_borrows_its_burst_and_then_waits() {
        let limits = PaceLimits {
            per_second: 1_000,
            burst: 1_000,
            ..LIMITS
        };
        let mut buckets = LocalBuckets::new(limits);
        let now = Instant::now();
        let sends = ["a"; 46];
        let grants = buckets.grant(&sends, 1, now);
        assert!(
            grants[..45]
                .iter()
                .all(|grant| *grant == SendGrant::Granted)
        );
        assert_eq!(grants[45], SendGrant::PairDelay(Duration::from_secs(6)));
        assert_eq!(buckets.grant(&["b"], 1, now), [SendGrant::Granted]);
    }

    #[test]
    fn delays_are_obeyed() {
        let mut buckets = LocalBuckets::new(LIMITS);
        let now = Instant::now();
        buckets.delay_pair("a", Duration::from_secs(4), 1, now);
        let wait = SendGrant::PairDelay(Duration::from_secs(4));
        assert_eq!(
            buckets.grant(&["a", "b"], 1, now),
            [wait, SendGrant::Granted]
        );
        buckets.delay_number(Duration::from_secs(2), 1, now);
        let wait = SendGrant::NumberDelay(Duration::from_secs(2));
        assert_eq!(buckets.grant(&["b"], 1, now), [wait]);
    }

    #[test]
    fn memory_stays_bounded() {
        let mut buckets = LocalBuckets::new(LIMITS);
        let now = Instant::now();
        for recipient in 0..=PAIRS_MAX {
            buckets.delay_pair(&recipient.to_string(), Duration::from_secs(9), 1, now);
        }
        assert!(buckets.pairs.len() <= PAIRS_MAX);
    }
}
