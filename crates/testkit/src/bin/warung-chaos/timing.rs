//! How long customers wait for answers.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// A question and when it was answered.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ask {
    /// When the customer sent it.
    pub(crate) sent: Instant,
    /// When the answer was at WhatsApp.
    pub(crate) answered: Option<Instant>,
    /// Whether the answer needs nobody but the shop: Midtrans has a time of its own.
    pub(crate) plain: bool,
}

/// All questions of a run.
#[derive(Debug, Default)]
pub(crate) struct Timing(Mutex<Vec<Ask>>);

impl Timing {
    /// Notes a question; the number under which its answer is noted.
    pub(crate) fn asked(&self, plain: bool) -> usize {
        let mut asks = self.asks();
        asks.push(Ask {
            sent: Instant::now(),
            answered: None,
            plain,
        });
        asks.len() - 1
    }

    /// Notes an answer.
    pub(crate) fn answered(&self, ask: usize) {
        self.asks()[ask].answered = Some(Instant::now());
    }

    /// A question that turned out to have no answer of its own, as a repeated tap.
    pub(crate) fn forget(&self, ask: usize) {
        self.asks()[ask].plain = false;
    }

    /// How many questions were asked.
    pub(crate) fn count(&self) -> usize {
        self.asks().len()
    }

    /// Plain questions sent from `since` on that are answered.
    pub(crate) fn answered_since(&self, since: Instant) -> usize {
        let asks = self.asks();
        let late = asks.iter().rev().take_while(|ask| ask.sent >= since);
        late.filter(|ask| ask.plain && ask.answered.is_some())
            .count()
    }

    /// Plain questions still open that were sent before `until`.
    pub(crate) fn open_before(&self, until: Instant) -> usize {
        let asks = self.asks();
        let open = |ask: &&Ask| ask.plain && ask.answered.is_none() && ask.sent < until;
        asks.iter().filter(open).count()
    }

    /// Whether a plain question has been open for longer than `most`.
    pub(crate) fn anybody_waits(&self, most: Duration) -> bool {
        let asks = self.asks();
        let waits = |ask: &Ask| ask.plain && ask.answered.is_none() && ask.sent.elapsed() > most;
        asks.iter().any(waits)
    }

    /// What customers felt between two moments.
    pub(crate) fn felt(&self, from: Instant, to: Instant) -> Felt {
        let asks = self.asks();
        let plain = asks.iter().filter(|ask| ask.plain);
        let mut waits: Vec<Duration> = Vec::new();
        let mut first: Option<Duration> = None;
        for ask in plain {
            let Some(answered) = ask.answered else {
                continue;
            };
            if ask.sent >= from {
                let after = answered - from;
                first = Some(first.map_or(after, |first| first.min(after)));
            }
            if ask.sent < to && answered > from {
                waits.push(answered - ask.sent);
            }
        }
        waits.sort_unstable();
        Felt {
            answers: waits.len(),
            first,
            p50: at(&waits, 50),
            p99: at(&waits, 99),
            longest: waits.last().copied().unwrap_or_default(),
        }
    }

    fn asks(&self) -> MutexGuard<'_, Vec<Ask>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What customers felt.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Felt {
    /// Answers that were on their way or came.
    pub(crate) answers: usize,
    /// From the beginning to the first answer of a question sent after it.
    pub(crate) first: Option<Duration>,
    pub(crate) p50: Duration,
    pub(crate) p99: Duration,
    pub(crate) longest: Duration,
}

fn at(sorted: &[Duration], percent: usize) -> Duration {
    let index = (sorted.len() * percent).div_ceil(100).saturating_sub(1);
    sorted.get(index).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_wait_over_a_fault_counts_though_it_began_before() {
        let timing = Timing::default();
        let begun = Instant::now();
        let ask = |sent: u64, answered: u64| Ask {
            sent: begun + Duration::from_millis(sent),
            answered: Some(begun + Duration::from_millis(answered)),
            plain: true,
        };
        *timing.asks() = vec![ask(0, 10), ask(90, 2_000), ask(150, 180), ask(900, 910)];
        let from = begun + Duration::from_millis(100);
        let felt = timing.felt(from, from + Duration::from_millis(500));
        assert_eq!(felt.longest, Duration::from_millis(1_910));
        assert_eq!(felt.first, Some(Duration::from_millis(80)));
        assert_eq!(felt.answers, 2);
    }
}
