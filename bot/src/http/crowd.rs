//! Whose connections are open at once. Beyond a bound somebody has to go: whoever has kept us
//! waiting the longest. A stranger who opens thousands of connections and says nothing on them then
//! closes his own, and not the door to customers.

use std::{
    collections::BTreeMap,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, ready},
};

use axum::body::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use tokio_util::sync::CancellationToken;

/// All open connections of a process.
pub(super) struct Crowd {
    limit: usize,
    members: Mutex<Members>,
}

#[derive(Default)]
struct Members {
    open: usize,
    /// Counts how often anybody began to wait, so that the smallest has waited the longest.
    tickets: u64,
    /// Connections on which the client has to act: to end a request, to begin one, to take an answer.
    waiting: BTreeMap<u64, CancellationToken>,
}

/// One connection's place; given up when dropped.
pub(super) struct Place {
    crowd: Arc<Crowd>,
    ticket: Mutex<Option<u64>>,
    /// Cancelled when another connection takes the place.
    pub(super) lost: CancellationToken,
}

/// How a connection came in.
pub(super) enum Entrance {
    /// There was room.
    Free(Arc<Place>),
    /// Somebody who kept us waiting had to go.
    InsteadOf(Arc<Place>),
    /// All that are open are being worked for.
    Full,
}

impl Crowd {
    pub(super) fn new(limit: usize) -> Arc<Self> {
        let members = Mutex::default();
        Arc::new(Self { limit, members })
    }

    /// Lets a connection in, which then waits for its client.
    pub(super) fn enter(self: &Arc<Self>) -> Entrance {
        let mut members = self.members();
        let is_free = members.open < self.limit;
        if is_free {
            members.open += 1;
        } else {
            let Some((_, longest)) = members.waiting.pop_first() else {
                return Entrance::Full;
            };
            longest.cancel();
        }
        let lost = CancellationToken::new();
        let ticket = members.wait(lost.clone());
        drop(members);
        let place = Arc::new(Place {
            crowd: Arc::clone(self),
            ticket: Mutex::new(Some(ticket)),
            lost,
        });
        if is_free {
            Entrance::Free(place)
        } else {
            Entrance::InsteadOf(place)
        }
    }

    fn members(&self) -> MutexGuard<'_, Members> {
        self.members.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Members {
    fn wait(&mut self, lost: CancellationToken) -> u64 {
        self.tickets += 1;
        self.waiting.insert(self.tickets, lost);
        self.tickets
    }
}

impl Place {
    /// The client has done its part: the rest is our work, for which nobody is sent away.
    pub(super) fn works(&self) {
        if let Some(ticket) = self.ticket().take() {
            self.crowd.members().waiting.remove(&ticket);
        }
    }

    /// The client has to act again.
    pub(super) fn waits(&self) {
        self.works();
        if !self.lost.is_cancelled() {
            let ticket = self.crowd.members().wait(self.lost.clone());
            *self.ticket() = Some(ticket);
        }
    }

    fn ticket(&self) -> MutexGuard<'_, Option<u64>> {
        self.ticket.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.works();
        if !self.lost.is_cancelled() {
            // Who lost the place has left it to another, who gives it up in turn.
            self.crowd.members().open -= 1;
        }
    }
}

/// A request's body, whose end ends the wait for the client.
pub(super) struct Awaited<B> {
    body: B,
    place: Arc<Place>,
}

impl<B: Body<Data = Bytes> + Unpin> Awaited<B> {
    pub(super) fn new(body: B, place: Arc<Place>) -> Self {
        if body.is_end_stream() {
            place.works();
        }
        Self { body, place }
    }
}

impl<B: Body<Data = Bytes> + Unpin> Body for Awaited<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(context));
        if !matches!(frame, Some(Ok(_))) || self.body.is_end_stream() {
            self.place.works();
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(entrance: Entrance) -> Arc<Place> {
        match entrance {
            Entrance::Free(place) | Entrance::InsteadOf(place) => place,
            Entrance::Full => panic!("nobody is let in"),
        }
    }

    #[test]
    fn who_has_kept_us_waiting_the_longest_goes_first_and_who_is_worked_for_never() {
        let crowd = Crowd::new(3);
        let worked_for = place(crowd.enter());
        let silent = place(crowd.enter());
        let back_again = place(crowd.enter());
        worked_for.works();
        back_again.works();
        back_again.waits();
        let new = crowd.enter();
        assert!(matches!(new, Entrance::InsteadOf(_)));
        assert!(silent.lost.is_cancelled());
        let new = place(new);
        place(crowd.enter()).works();
        assert!(back_again.lost.is_cancelled());
        assert!(!worked_for.lost.is_cancelled() && !new.lost.is_cancelled());
    }

    #[test]
    fn a_place_that_is_given_up_is_free_once_however_it_was_lost() {
        let crowd = Crowd::new(2);
        let (first, second) = (place(crowd.enter()), place(crowd.enter()));
        let third = place(crowd.enter());
        assert!(first.lost.is_cancelled());
        first.waits();
        drop(first);
        assert!(matches!(crowd.enter(), Entrance::InsteadOf(_)), "no room");
        drop((second, third));
        let members = crowd.members();
        assert_eq!((members.open, members.waiting.len()), (0, 0));
    }

    #[test]
    fn nobody_is_sent_away_while_all_are_worked_for() {
        let crowd = Crowd::new(1);
        let only = place(crowd.enter());
        only.works();
        assert!(matches!(crowd.enter(), Entrance::Full));
        drop(only);
        assert!(matches!(crowd.enter(), Entrance::Free(_)));
    }
}
