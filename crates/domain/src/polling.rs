//! When to ask the provider about a payment that nobody reported on.

use chrono::{DateTime, TimeDelta, Utc};

/// The first waits, then the last one again and again until the attempt is over.
const WAITS: [TimeDelta; 5] = [
    TimeDelta::seconds(30),
    TimeDelta::minutes(1),
    TimeDelta::minutes(2),
    TimeDelta::minutes(5),
    TimeDelta::minutes(15),
];
/// The last ordinary look comes this long after the attempt expired.
const AFTER_EXPIRY: TimeDelta = TimeDelta::minutes(10);
/// Then late money is looked for once a day.
const DAILY: TimeDelta = TimeDelta::days(1);
/// For this many days.
const DAYS: i32 = 7;

/// When to look the next time, after `attempts` looks; `None` once all looks were made.
///
/// The looks come 30 s after `created`, then 1, 2, 5, 15, 15, … minutes apart up to ten minutes
/// after `expires`, then daily for a week. The answer depends on the arguments alone, so it may
/// lie in the past after an outage: look at once then.
pub fn next_poll(
    created: DateTime<Utc>,
    expires: DateTime<Utc>,
    attempts: u32,
) -> Option<DateTime<Utc>> {
    let last = (expires + AFTER_EXPIRY).max(created);
    let waits = WAITS
        .iter()
        .chain(std::iter::repeat(&WAITS[WAITS.len() - 1]));
    let ordinary = waits.scan(created, |at, wait| {
        *at += *wait;
        Some(*at)
    });
    let daily = (0..=DAYS).map(|days| last + DAILY * days);
    ordinary
        .take_while(|at| *at < last)
        .chain(daily)
        .nth(usize::try_from(attempts).ok()?)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn looks(window: TimeDelta) -> Vec<i64> {
        let created = DateTime::UNIX_EPOCH;
        (0..)
            .map_while(|attempts| next_poll(created, created + window, attempts))
            .map(|at| (at - created).num_seconds())
            .collect()
    }

    #[test]
    fn a_qris_payment_is_looked_at_six_times_and_then_daily() {
        let day = 86_400;
        let last = 25 * 60;
        let mut expected = vec![30, 90, 210, 510, 1_410, last];
        expected.extend((1..=7).map(|days| last + days * day));
        assert_eq!(looks(TimeDelta::minutes(15)), expected);
    }

    #[test]
    fn a_virtual_account_is_looked_at_every_quarter_of_an_hour() {
        let looks = looks(TimeDelta::hours(24));
        let last = 24 * 3600 + 600;
        assert_eq!(looks[5..8], [2310, 3210, 4110]);
        assert!(looks.contains(&last));
        assert_eq!(looks.iter().filter(|at| **at > last).count(), 7);
    }

    proptest! {
        #[test]
        fn looks_come_one_after_the_other_and_end(seconds in -600_i64..100_000) {
            let looks = looks(TimeDelta::seconds(seconds));
            let last = (seconds + 600).max(0);
            prop_assert!(looks.windows(2).all(|pair| pair[0] < pair[1]), "{looks:?}");
            prop_assert!(looks.windows(2).all(|pair| pair[1] - pair[0] <= 86_400));
            prop_assert_eq!(looks.iter().filter(|at| **at == last).count(), 1);
            prop_assert_eq!(looks.last(), Some(&(last + 7 * 86_400)));
        }
    }
}
