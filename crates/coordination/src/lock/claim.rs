//! One attempt on the three keys: calling for votes, counting them, giving them back.

use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use futures_util::future::{BoxFuture, FutureExt, join_all};
use futures_util::stream::FuturesUnordered;
use redis::Value;

use super::{Cluster, DRIFT_DIVISOR, DRIFT_FIXED, KEYS, QUORUM, millis};
use crate::cluster::CallError;
use crate::metrics::Command;
use crate::script::Script;

/// Wait before a master that did not answer is asked again to free a key.
const RELEASE_WAIT: Duration = Duration::from_millis(250);

static ACQUIRE: LazyLock<Script> =
    LazyLock::new(|| Script::new(include_str!("../lua/lock_acquire.lua")));
static EXTEND: LazyLock<Script> =
    LazyLock::new(|| Script::new(include_str!("../lua/lock_extend.lua")));
static RELEASE: LazyLock<Script> = LazyLock::new(|| {
    Script::new(if without!("lock_nonce") {
        "return redis.call('DEL', KEYS[1])"
    } else {
        include_str!("../lua/lock_release.lua")
    })
});

/// Bytes of a nonce, as the Redlock specification has it.
const NONCE_BYTES: usize = 20;

pub(super) type Nonce = [u8; NONCE_BYTES];
pub(super) type Votes = FuturesUnordered<BoxFuture<'static, (usize, Vote)>>;

/// What one master said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Vote {
    Granted,
    /// Another nonce has the key, for this long.
    Held {
        holder: Nonce,
        left: Duration,
    },
    /// Nothing was sent, or it was refused: the key was surely not taken.
    Away,
    /// No answer; the key may have been taken.
    Silent,
}

/// The three keys of a lock and the nonce that claims them.
pub(super) struct Claim {
    pub(super) cluster: Arc<Cluster>,
    keys: [(String, u16); KEYS],
    nonce: Nonce,
    pub(super) ttl: Duration,
}

impl Claim {
    pub(super) fn new(cluster: Arc<Cluster>, resource: &str, ttl: Duration) -> Self {
        let map = cluster.map();
        let prefix = &cluster.prefix;
        let keys = map
            .triples
            .for_name(resource.as_bytes())
            .each_ref()
            .map(|tag| {
                (
                    format!("{prefix}lock:{{{}}}:{resource}", tag.text),
                    tag.slot,
                )
            });
        Self {
            cluster,
            keys,
            nonce: rand::random(),
            ttl,
        }
    }

    /// How long a claim is surely valid from the moment before the votes were called for.
    pub(super) fn validity(&self) -> Duration {
        self.ttl
            .saturating_sub(self.ttl / DRIFT_DIVISOR + DRIFT_FIXED)
    }

    /// Asks all three masters at once.
    pub(super) fn call_for_votes(self: &Arc<Self>) -> Votes {
        (0..KEYS)
            .map(|index| Arc::clone(self).vote(index).boxed())
            .collect()
    }

    /// Asks one master.
    pub(super) async fn vote(self: Arc<Self>, index: usize) -> (usize, Vote) {
        let reply = self.eval(Command::LockAcquire, &ACQUIRE, index).await;
        let vote = match reply {
            Ok(Value::Array(fields)) => match fields.as_slice() {
                [Value::Int(1 | 2)] => Vote::Granted,
                [Value::Int(0), Value::Int(left), Value::BulkString(holder)] => Vote::Held {
                    holder: Nonce::try_from(holder.as_slice()).unwrap_or_default(),
                    left: Duration::from_millis(u64::try_from(*left).unwrap_or(0)),
                },
                _ => Vote::Silent,
            },
            Ok(_) | Err(CallError::Timeout) => Vote::Silent,
            Err(CallError::Unavailable | CallError::Refused) => Vote::Away,
        };
        (index, vote)
    }

    /// Prolongs all three keys; says which are this claim's afterwards.
    pub(super) async fn extend(&self) -> [bool; KEYS] {
        let calls = (0..KEYS).map(|index| self.eval(Command::LockExtend, &EXTEND, index));
        let replies = join_all(calls).await;
        std::array::from_fn(|index| matches!(replies[index], Ok(Value::Int(1 | 2))))
    }

    /// Frees all three keys; says which masters did not answer.
    pub(super) async fn release(&self) -> [bool; KEYS] {
        self.release_some([true; KEYS]).await
    }

    /// Frees the keys of masters that did not answer once they do: a key that outlives its lock, up to
    /// its time to live, lets every later lock stand on the two others only.
    pub(super) async fn release_later(&self, mut kept: [bool; KEYS]) {
        let expired = Instant::now() + self.ttl;
        while kept.contains(&true) && Instant::now() < expired {
            tokio::time::sleep(RELEASE_WAIT).await;
            if self.cluster.tasks.is_closed() {
                return;
            }
            kept = self.release_some(kept).await;
        }
    }

    /// Frees, in the background, whatever a lost vote may have taken.
    pub(super) fn give_back(self: &Arc<Self>, tally: &Tally) {
        let taken = tally.maybe_taken();
        if taken.contains(&true) {
            let claim = Arc::clone(self);
            self.cluster.tasks.spawn(async move {
                let kept = claim.release_some(taken).await;
                claim.release_later(kept).await;
            });
        }
    }

    /// Frees some keys; says which of them may not be free.
    async fn release_some(&self, which: [bool; KEYS]) -> [bool; KEYS] {
        let calls = (0..KEYS).map(|index| async move {
            let (key, slot) = &self.keys[index];
            let limit = self.cluster.timeouts.response;
            let release = self
                .cluster
                .eval(Command::LockRelease, *slot, &RELEASE, limit, |cmd| {
                    cmd.arg(1).arg(key).arg(&self.nonce);
                });
            which[index] && release.await.is_err()
        });
        let kept = join_all(calls).await;
        std::array::from_fn(|index| kept[index])
    }

    async fn eval(
        &self,
        command: Command,
        script: &Script,
        index: usize,
    ) -> Result<Value, CallError> {
        let (key, slot) = &self.keys[index];
        let limit = self.cluster.timeouts.vote;
        self.cluster
            .eval(command, *slot, script, limit, |cmd| {
                cmd.arg(1).arg(key).arg(&self.nonce).arg(millis(self.ttl));
            })
            .await
    }
}

/// How a vote went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    Won,
    /// One other holder has the quorum.
    Held,
    /// Too many masters are known to be away.
    Away,
    /// Nobody has a quorum, or nobody can tell.
    Split,
}

/// Votes counted so far, by key.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Tally {
    votes: [Option<Vote>; KEYS],
}

impl Tally {
    /// Counts until the result is certain; votes still out stay in `votes`.
    pub(super) async fn count(votes: &mut Votes) -> Self {
        let mut tally = Self::default();
        while let Some((index, vote)) = votes.next().await {
            tally.votes[index] = Some(vote);
            let out = tally.votes.iter().filter(|vote| vote.is_none()).count();
            if tally.granted() >= QUORUM || tally.granted() + out < QUORUM {
                break;
            }
        }
        tally
    }

    pub(super) fn granted(&self) -> usize {
        self.count_of(|vote| *vote == Vote::Granted)
    }

    /// Keys that were not granted: worth asking for again.
    pub(super) fn missing(&self) -> impl Iterator<Item = usize> {
        let votes = self.votes;
        (0..KEYS).filter(move |index| votes[*index].is_some_and(|vote| vote != Vote::Granted))
    }

    pub(super) fn verdict(&self) -> Verdict {
        if self.granted() >= QUORUM {
            Verdict::Won
        } else if self.one_holder() {
            Verdict::Held
        } else if self.count_of(|vote| *vote == Vote::Away) >= QUORUM {
            Verdict::Away
        } else {
            Verdict::Split
        }
    }

    /// The longest time another holder has left.
    pub(super) fn held_for(&self) -> Option<Duration> {
        let left = self.votes.iter().flatten().filter_map(|vote| match vote {
            Vote::Held { left, .. } => Some(*left),
            _ => None,
        });
        left.max()
    }

    fn one_holder(&self) -> bool {
        let holders: [Option<Nonce>; KEYS] = self.votes.map(|vote| match vote {
            Some(Vote::Held { holder, .. }) => Some(holder),
            _ => None,
        });
        holders.iter().flatten().any(|holder| {
            holders
                .iter()
                .flatten()
                .filter(|other| *other == holder)
                .count()
                >= QUORUM
        })
    }

    fn maybe_taken(&self) -> [bool; KEYS] {
        self.votes
            .map(|vote| matches!(vote, None | Some(Vote::Granted | Vote::Silent)))
    }

    fn count_of(&self, wanted: impl Fn(&Vote) -> bool) -> usize {
        self.votes
            .iter()
            .flatten()
            .filter(|vote| wanted(vote))
            .count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn held(holder: u8, left: u64) -> Vote {
        Vote::Held {
            holder: [holder; NONCE_BYTES],
            left: Duration::from_millis(left),
        }
    }

    fn tally(votes: [Option<Vote>; KEYS]) -> Tally {
        Tally { votes }
    }

    #[test]
    fn two_grants_win() {
        let tally = tally([Some(Vote::Granted), None, Some(Vote::Granted)]);
        assert_eq!(tally.verdict(), Verdict::Won);
    }

    #[test]
    fn one_holder_of_two_keys_is_contention_but_three_rivals_are_not() {
        let contended = tally([Some(held(1, 40)), Some(held(1, 90)), None]);
        assert_eq!(contended.verdict(), Verdict::Held);
        assert_eq!(contended.held_for(), Some(Duration::from_millis(90)));
        let rivals = tally([Some(held(1, 40)), Some(held(2, 90)), Some(Vote::Granted)]);
        assert_eq!(rivals.verdict(), Verdict::Split);
        assert_eq!(rivals.maybe_taken(), [false, false, true]);
    }

    #[test]
    fn what_may_have_been_taken_is_given_back() {
        let tally = tally([Some(Vote::Silent), None, Some(Vote::Away)]);
        assert_eq!(tally.maybe_taken(), [true, true, false]);
        assert_eq!(tally.missing().collect::<Vec<_>>(), [0, 2]);
    }

    #[test]
    fn two_absent_masters_end_the_attempt() {
        let tally = tally([Some(Vote::Away), Some(Vote::Away), None]);
        assert_eq!(tally.verdict(), Verdict::Away);
    }
}
