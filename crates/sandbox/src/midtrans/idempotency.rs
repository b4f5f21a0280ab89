//! `Idempotency-Key`, as Midtrans documents it: five minutes, successes only, the same response
//! whatever the body, one key space for all endpoints, 202 while the first call is in flight.

use std::collections::{HashMap, VecDeque};

use chrono::{DateTime, TimeDelta, Utc};

use super::answer::Answer;

/// The longest key Midtrans takes.
pub(super) const KEY_MAX: usize = 46;
/// How long a stored response is given again.
const KEPT: TimeDelta = TimeDelta::minutes(5);

#[derive(Debug)]
struct Stored {
    answer: Answer,
    ready_at: DateTime<Utc>,
}

/// What is known of a key.
#[derive(Debug)]
pub(super) enum Known {
    /// Nothing: the call is carried out.
    New,
    /// The first call has not been answered yet.
    InFlight,
    /// The first call succeeded with this answer.
    Answered(Answer),
}

/// The keys seen in the last five minutes.
#[derive(Debug, Default)]
pub(super) struct Keys {
    stored: HashMap<String, Stored>,
    /// Keys in the order in which they end.
    ends: VecDeque<(DateTime<Utc>, String)>,
}

impl Keys {
    pub(super) fn known(&mut self, key: &str, now: DateTime<Utc>) -> Known {
        while self
            .ends
            .front()
            .is_some_and(|(ends_at, _)| *ends_at <= now)
        {
            if let Some((_, ended)) = self.ends.pop_front() {
                self.stored.remove(&ended);
            }
        }
        match self.stored.get(key) {
            None => Known::New,
            Some(stored) if now < stored.ready_at => Known::InFlight,
            Some(stored) => Known::Answered(stored.answer.clone()),
        }
    }

    /// Remembers a success, in flight until `ready_at`; other answers are not kept.
    pub(super) fn remember(
        &mut self,
        key: &str,
        answer: &Answer,
        now: DateTime<Utc>,
        ready_at: DateTime<Utc>,
    ) {
        if answer.is_success() {
            self.ends.push_back((now + KEPT, key.to_owned()));
            self.stored.insert(
                key.to_owned(),
                Stored {
                    answer: answer.clone(),
                    ready_at,
                },
            );
        }
    }
}
