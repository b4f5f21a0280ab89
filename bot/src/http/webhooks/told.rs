//! How often a refused webhook is told in the log. Every one is counted in the metrics; a line each
//! would let a stranger write as much to the disk as he likes.

use std::{
    mem,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

/// Lines in a span of time.
const LINES: u32 = 10;
const SPAN: Duration = Duration::from_secs(1);

/// The refusals of a process.
#[derive(Default)]
pub(in crate::http) struct Refusals(Mutex<Told>);

#[derive(Default)]
struct Told {
    since: Option<Instant>,
    lines: u32,
    untold: u64,
}

impl Refusals {
    /// Whether one may be told now; if so, how many before it were not.
    pub(super) fn tell(&self, now: Instant) -> Option<u64> {
        let mut told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_over = |since| now.saturating_duration_since(since) >= SPAN;
        if told.since.is_none_or(is_over) {
            told.since = Some(now);
            told.lines = 0;
        }
        if told.lines == LINES {
            told.untold += 1;
            return None;
        }
        told.lines += 1;
        Some(mem::take(&mut told.untold))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_gives_a_few_lines_a_second_and_the_next_says_how_many_were_left_out() {
        let refusals = Refusals::default();
        let begun = Instant::now();
        let told = (0..5_000).filter(|_| refusals.tell(begun).is_some());
        assert_eq!(told.count(), LINES as usize);
        let later = begun + SPAN;
        assert_eq!(refusals.tell(later), Some(5_000 - u64::from(LINES)));
        assert_eq!(refusals.tell(later), Some(0));
    }
}
