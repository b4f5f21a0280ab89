//! Wake-up calls between the bots of a shop.
//!
//! A hint says "look at this queue now" and nothing else; the queue itself is elsewhere, and is
//! looked at on a timer too. So hints may be lost, merged and repeated.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use tokio::sync::Notify;

use crate::Coordination;
use crate::bus::Bus;

/// Time between two messages of one bot to the fleet; hints in between are merged.
const SPACING: Duration = Duration::from_millis(2);

/// One kind of hint, such as "the inbox has something".
///
/// ```
/// use warung_coordination::Hint;
///
/// const INBOX: Hint = Hint::new(0);
/// const OUTBOX: Hint = Hint::new(1);
/// assert_ne!(INBOX, OUTBOX);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Hint(u8);

impl Hint {
    /// How many kinds there can be.
    pub const KINDS: u8 = 64;

    /// The kind of this number, the same in every bot.
    ///
    /// # Panics
    /// When the number is not below [`Hint::KINDS`]; in a constant, at compile time.
    pub const fn new(number: u8) -> Self {
        assert!(number < Self::KINDS, "a hint's number is below 64");
        Self(number)
    }

    const fn bit(self) -> u64 {
        1 << self.0
    }
}

/// The hints that came since the last look.
///
/// ```
/// use warung_coordination::{Hint, HintSet};
///
/// assert!(HintSet::ALL.contains(Hint::new(5)));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HintSet(u64);

impl HintSet {
    /// Every hint: what a receiver gets after a gap, when any may have been missed.
    pub const ALL: Self = Self(u64::MAX);

    pub(crate) const fn bits(self) -> u64 {
        self.0
    }

    /// Whether a hint is among them.
    pub const fn contains(self, hint: Hint) -> bool {
        self.0 & hint.bit() != 0
    }
}

/// Sends and hands out hints. Cheap to clone.
#[derive(Clone)]
pub struct Hints {
    board: Arc<Board>,
}

impl Hints {
    pub(crate) fn new() -> Self {
        Self {
            board: Arc::new(Board::default()),
        }
    }

    pub(crate) fn board(&self) -> Arc<Board> {
        Arc::clone(&self.board)
    }

    /// Gives a hint to every receiver in this process at once and to the other bots within a few
    /// milliseconds. Never waits; while Redis is away, the other bots go without.
    ///
    /// ```no_run
    /// # fn example(coordination: warung_coordination::Coordination) {
    /// use warung_coordination::Hint;
    ///
    /// const INBOX: Hint = Hint::new(0);
    /// coordination.hints().publish(INBOX);
    /// # }
    /// ```
    pub fn publish(&self, hint: Hint) {
        self.board.deliver(hint.bit());
        self.board.outgoing.put(hint.bit());
    }

    /// A receiver of everything from now on.
    ///
    /// ```no_run
    /// # async fn example(coordination: warung_coordination::Coordination) {
    /// use warung_coordination::Hint;
    ///
    /// const INBOX: Hint = Hint::new(0);
    /// let mut hints = coordination.hints().subscribe();
    /// while hints.recv().await.contains(INBOX) {
    ///     // look into the inbox
    /// }
    /// # }
    /// ```
    pub fn subscribe(&self) -> HintReceiver {
        let mailbox = Arc::new(Mailbox::default());
        let mut receivers = self.board.receivers();
        receivers.retain(|receiver| receiver.strong_count() > 0);
        receivers.push(Arc::downgrade(&mailbox));
        HintReceiver { mailbox }
    }
}

/// Receives hints. Those that come while nobody waits are merged, never queued.
pub struct HintReceiver {
    mailbox: Arc<Mailbox>,
}

impl HintReceiver {
    /// Waits for hints; all that came since the last call. Safe to cancel.
    pub async fn recv(&mut self) -> HintSet {
        HintSet(self.mailbox.take().await)
    }
}

/// Bits that wait for one reader.
#[derive(Default)]
struct Mailbox {
    bits: AtomicU64,
    filled: Notify,
}

impl Mailbox {
    fn put(&self, bits: u64) {
        if self.bits.fetch_or(bits, Ordering::AcqRel) | bits != 0 {
            self.filled.notify_one();
        }
    }

    async fn take(&self) -> u64 {
        loop {
            let bits = self.bits.swap(0, Ordering::AcqRel);
            if bits != 0 {
                return bits;
            }
            self.filled.notified().await;
        }
    }
}

/// The receivers of this process and what is to be sent to the others.
#[derive(Default)]
pub(crate) struct Board {
    receivers: Mutex<Vec<Weak<Mailbox>>>,
    outgoing: Mailbox,
}

impl Board {
    /// Wakes the receivers of this process.
    pub(crate) fn deliver(&self, bits: u64) {
        for receiver in self.receivers().iter().filter_map(Weak::upgrade) {
            receiver.put(bits);
        }
    }

    fn receivers(&self) -> std::sync::MutexGuard<'_, Vec<Weak<Mailbox>>> {
        self.receivers
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// Sends what was published: one message in flight at most, and a pause after each.
pub(crate) async fn send_on(board: Arc<Board>, bus: Arc<Bus>) {
    loop {
        let bits = board.outgoing.take().await;
        // A lost hint costs the others one turn of their timer.
        let _ = bus.publish_hints(bits).await;
        tokio::time::sleep(SPACING).await;
    }
}

impl Coordination {
    /// The hints of this shop.
    pub fn hints(&self) -> &Hints {
        &self.inner.hints
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt;

    #[test]
    fn hints_that_nobody_waits_for_are_merged() {
        let hints = Hints::new();
        let mut receiver = hints.subscribe();
        hints.publish(Hint::new(1));
        hints.publish(Hint::new(63));
        let got = receiver.recv().now_or_never().unwrap();
        assert!(got.contains(Hint::new(1)) && got.contains(Hint::new(63)));
        assert!(!got.contains(Hint::new(2)));
        assert!(receiver.recv().now_or_never().is_none());
    }

    #[test]
    fn a_dropped_receiver_is_forgotten() {
        let hints = Hints::new();
        drop(hints.subscribe());
        let _kept = hints.subscribe();
        assert_eq!(hints.board.receivers().len(), 1);
    }
}
