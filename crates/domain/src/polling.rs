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
const DAYS: u32 = 7;

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
    let window = last - created;
    let early = ordinary_looks_before(window);
    if attempts < early {
        return Some(created + ordinary_offset(attempts));
    }
    let days = attempts - early;
    (days <= DAYS).then(|| last + DAILY * i32::try_from(days).unwrap_or(i32::MAX))
}

/// How long after creation the look with this index comes.
fn ordinary_offset(index: u32) -> TimeDelta {
    let index = usize::try_from(index).unwrap_or(usize::MAX);
    let first: TimeDelta = WAITS.iter().take(index.saturating_add(1)).sum();
    let repeats = index.saturating_sub(WAITS.len() - 1);
    first + WAITS[WAITS.len() - 1] * i32::try_from(repeats).unwrap_or(i32::MAX)
}

/// How many ordinary looks come strictly before the end of the window.
fn ordinary_looks_before(window: TimeDelta) -> u32 {
    let ramp: TimeDelta = WAITS.iter().sum();
    if window <= ramp {
        let first = (0..WAITS.len() as u32).find(|index| ordinary_offset(*index) >= window);
        return first.unwrap_or(WAITS.len() as u32);
    }
    let step = WAITS[WAITS.len() - 1].num_milliseconds();
    let beyond = (window - ramp).num_milliseconds();
    let repeats = (beyond + step - 1) / step - 1;
    WAITS.len() as u32 + u32::try_from(repeats).unwrap_or(u32::MAX / 2)
}
