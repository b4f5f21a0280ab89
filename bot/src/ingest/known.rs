//! Whom this bot has met lately.

use std::{
    collections::HashSet,
    hash::{BuildHasher, RandomState},
    mem,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use crate::store::identities::Identities;

/// Identities remembered of one period.
const PERIOD_IDENTITIES: usize = 50_000;
/// How long a period lasts. A customer who writes again and again is not looked at anew, for what a
/// message teaches, for one to two of them. Whose a message is is asked each time, when it is stored.
const PERIOD: Duration = Duration::from_mins(5);

/// The senders of this period and of the one before. Eight bytes each: what is remembered is a
/// digest under a random key. Whoever is taken for another is found out when the message is stored,
/// for then it has no customer.
#[derive(Debug, Clone, Default)]
pub(super) struct Known {
    digests: RandomState,
    periods: Arc<Mutex<Periods>>,
}

#[derive(Debug, Default)]
struct Periods {
    now: HashSet<u64>,
    before: HashSet<u64>,
    begun: Option<Instant>,
}

impl Known {
    pub(super) fn contains(&self, sender: &Identities, at: Instant) -> bool {
        let digest = self.digests.hash_one(sender);
        let mut periods = self.periods();
        periods.advance(at);
        periods.now.contains(&digest) || periods.before.contains(&digest)
    }

    pub(super) fn add(&self, sender: &Identities, at: Instant) {
        let digest = self.digests.hash_one(sender);
        let mut periods = self.periods();
        periods.advance(at);
        if periods.now.len() >= PERIOD_IDENTITIES {
            periods.begin(at);
        }
        periods.now.insert(digest);
    }

    pub(super) fn forget(&self, sender: &Identities) {
        let digest = self.digests.hash_one(sender);
        let mut periods = self.periods();
        periods.now.remove(&digest);
        periods.before.remove(&digest);
    }

    fn periods(&self) -> MutexGuard<'_, Periods> {
        self.periods.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Periods {
    fn advance(&mut self, at: Instant) {
        let begun = *self.begun.get_or_insert(at);
        if at - begun >= 2 * PERIOD {
            self.now = HashSet::new();
        }
        if at - begun >= PERIOD {
            self.begin(at);
        }
    }

    fn begin(&mut self, at: Instant) {
        self.before = mem::take(&mut self.now);
        self.begun = Some(at);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn person(number: usize) -> Identities {
        Identities::parse(Some(&format!("62812{number:07}")), None, None).unwrap()
    }

    #[test]
    fn a_sender_is_known_for_one_to_two_periods() {
        let (known, begun) = (Known::default(), Instant::now());
        known.add(&person(1), begun);
        known.add(&person(2), begun + PERIOD);
        assert!(known.contains(&person(1), begun + PERIOD));
        assert!(!known.contains(&person(1), begun + 2 * PERIOD));
        assert!(known.contains(&person(2), begun + 2 * PERIOD));
        known.forget(&person(2));
        assert!(!known.contains(&person(2), begun + 2 * PERIOD));
    }

    #[test]
    fn a_long_silence_forgets_everybody() {
        let (known, begun) = (Known::default(), Instant::now());
        known.add(&person(1), begun);
        assert!(!known.contains(&person(1), begun + 2 * PERIOD));
    }

    #[test]
    fn a_crowd_does_not_grow_what_is_remembered() {
        let (known, begun) = (Known::default(), Instant::now());
        for number in 0..3 * PERIOD_IDENTITIES {
            known.add(&person(number), begun);
        }
        let periods = known.periods();
        assert!(periods.now.len() + periods.before.len() <= 2 * PERIOD_IDENTITIES);
    }
}
