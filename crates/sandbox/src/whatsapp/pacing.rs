//! Meta's two send limits, as leaky buckets over the sandbox's clock.
//!
//! A number may send so many messages a second (error 130429). One customer may get one message
//! every six seconds, of which 45 may be borrowed from the future (error 131056).

use std::collections::HashMap;

use chrono::{DateTime, Utc};

/// One message to the same customer per this many microseconds.
const PAIR_INTERVAL_US: i64 = 6_000_000;
/// Messages to one customer that may be sent at once.
const PAIR_BURST: i64 = 45;
const SECOND_US: i64 = 1_000_000;

/// Which limit was hit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Limit {
    /// The number's throughput, error 130429.
    Number,
    /// The pair of number and customer, error 131056.
    Pair,
}

/// The buckets of one business number.
#[derive(Debug)]
pub(super) struct Pacing {
    messages_per_second: i64,
    pair_limit: bool,
    number: Bucket,
    pairs: HashMap<String, Bucket>,
}

/// The instant, in microseconds, at which the bucket will be empty again.
#[derive(Clone, Copy, Debug, Default)]
struct Bucket {
    empty_at: i64,
}

impl Pacing {
    pub(super) fn new(messages_per_second: u32, pair_limit: bool) -> Self {
        Self {
            messages_per_second: i64::from(messages_per_second.max(1)),
            pair_limit,
            number: Bucket::default(),
            pairs: HashMap::new(),
        }
    }

    /// Takes one message to `customer` from both buckets, or from neither.
    pub(super) fn take(&mut self, customer: &str, now: DateTime<Utc>) -> Result<(), Limit> {
        let now = now.timestamp_micros();
        let per_message = SECOND_US / self.messages_per_second;
        let number = self
            .number
            .filled(now, per_message, self.messages_per_second);
        let number = number.ok_or(Limit::Number)?;
        if self.pair_limit {
            let pair = self.pairs.entry(customer.to_owned()).or_default();
            *pair = pair
                .filled(now, PAIR_INTERVAL_US, PAIR_BURST)
                .ok_or(Limit::Pair)?;
        }
        self.number = number;
        Ok(())
    }
}

impl Bucket {
    /// The bucket after one more message, or `None` when that would be more than `burst` of them.
    fn filled(self, now: i64, interval: i64, burst: i64) -> Option<Self> {
        let start = self.empty_at.max(now);
        (start - now <= interval * (burst - 1)).then_some(Self {
            empty_at: start + interval,
        })
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;

    fn noon() -> DateTime<Utc> {
        DateTime::from_timestamp(1_790_000_000, 0).unwrap()
    }

    #[test]
    fn a_customer_gets_45_at_once_and_then_one_every_six_seconds() {
        let mut pacing = Pacing::new(1000, true);
        for _ in 0..45 {
            assert_eq!(pacing.take("62811", noon()), Ok(()));
        }
        assert_eq!(pacing.take("62811", noon()), Err(Limit::Pair));
        assert_eq!(pacing.take("62822", noon()), Ok(()));
        assert_eq!(
            pacing.take("62811", noon() + TimeDelta::seconds(5)),
            Err(Limit::Pair)
        );
        assert_eq!(pacing.take("62811", noon() + TimeDelta::seconds(6)), Ok(()));
        assert_eq!(
            pacing.take("62811", noon() + TimeDelta::seconds(6)),
            Err(Limit::Pair)
        );
    }

    #[test]
    fn a_number_sends_so_many_a_second() {
        let mut pacing = Pacing::new(80, false);
        for _ in 0..80 {
            assert_eq!(pacing.take("62811", noon()), Ok(()));
        }
        assert_eq!(pacing.take("62811", noon()), Err(Limit::Number));
        let later = noon() + TimeDelta::milliseconds(13);
        assert_eq!(pacing.take("62811", later), Ok(()));
        assert_eq!(pacing.take("62811", later), Err(Limit::Number));
    }
}
