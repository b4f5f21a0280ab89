//! One master: its connection, and the watchdog that replaces a silent one.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use redis::aio::MultiplexedConnection;
use redis::{Cmd, RedisResult, Value};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::connector::Connector;
use super::topology::Address;
use crate::metrics::Metrics;

/// Calls in a row without any answer after which a connection is given up.
const SILENT_CALLS_MAX: u32 = 2;
/// First and longest wait between two attempts to connect.
const RECONNECT_MIN: Duration = Duration::from_millis(50);
const RECONNECT_MAX: Duration = Duration::from_millis(500);

/// Why a node gave no reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NodeError {
    /// There is no connection at the moment, so nothing was sent.
    Down,
    /// The connection broke after the command may have been sent.
    Lost,
    /// No reply in time.
    Timeout,
}

/// A live connection and the number that tells it from its predecessors.
#[derive(Clone)]
struct Link {
    connection: MultiplexedConnection,
    generation: u64,
}

/// One master of the cluster.
///
/// A hung process keeps its sockets open, so nothing but silence gives it away. A call that
/// times out counts only when nothing at all was heard on the connection since it began: then
/// the node is hung, not merely slow.
pub(crate) struct Node {
    pub(crate) address: Address,
    link: RwLock<Option<Link>>,
    silence: Silence,
    /// Microseconds on the clock of `silence`.
    rests_until: AtomicU64,
    silent_for_max: Duration,
    lost: Notify,
    retired: CancellationToken,
    metrics: Arc<Metrics>,
    /// Told whenever a connection comes or goes.
    changed: Arc<Notify>,
}

impl Node {
    pub(crate) fn new(
        address: Address,
        silent_for_max: Duration,
        metrics: Arc<Metrics>,
        changed: Arc<Notify>,
        retired: CancellationToken,
    ) -> Self {
        Self {
            address,
            link: RwLock::new(None),
            silence: Silence::new(),
            rests_until: AtomicU64::new(0),
            silent_for_max,
            lost: Notify::new(),
            retired,
            metrics,
            changed,
        }
    }

    pub(crate) fn is_connected(&self) -> bool {
        self.link().is_some()
    }

    /// Has calls fail at once for a while.
    pub(crate) fn rest(&self, pause: Duration) {
        let until = self.silence.micros(Instant::now() + pause);
        self.rests_until.store(until, Ordering::Relaxed);
    }

    pub(crate) fn is_resting(&self) -> bool {
        let until = self.rests_until.load(Ordering::Relaxed);
        until != 0 && self.silence.now() < until
    }

    /// Sends a command and awaits its reply, which may be a server error.
    ///
    /// `asking` sends it to a node that is importing its slot.
    pub(crate) async fn send(
        &self,
        cmd: &Cmd,
        asking: bool,
        deadline: Instant,
    ) -> Result<Value, NodeError> {
        let Link {
            mut connection,
            generation,
        } = self.link().ok_or(NodeError::Down)?;
        let started = Instant::now();
        let reply = async {
            if asking {
                ask(&mut connection, cmd).await
            } else {
                connection.send_packed_command(cmd).await
            }
        };
        match tokio::time::timeout_at(deadline.into(), reply).await {
            Ok(Ok(value)) => {
                self.silence.heard();
                Ok(value)
            }
            Ok(Err(error)) => {
                tracing::debug!(node = %self.address, %error, "a redis connection broke");
                self.drop_link(generation);
                Err(NodeError::Lost)
            }
            Err(_) => {
                let is_hung = self.silence.missed(started, self.silent_for_max);
                if is_hung && !without!("watchdog") && self.drop_link(generation) {
                    self.metrics.rebuilds.inc();
                    tracing::warn!(node = %self.address, "a silent redis connection is replaced");
                }
                Err(NodeError::Timeout)
            }
        }
    }

    /// Keeps the node connected until it is retired.
    pub(crate) async fn run(self: Arc<Self>, connector: Connector) {
        let retired = self.retired.clone();
        retired
            .run_until_cancelled(self.keep_connected(&connector))
            .await;
        self.set_link(None);
    }

    /// Ends the task of a node that is no master any more.
    pub(crate) fn retire(&self) {
        self.retired.cancel();
    }

    async fn keep_connected(&self, connector: &Connector) {
        let mut wait = RECONNECT_MIN;
        for generation in 0.. {
            match connector.open(&self.address).await {
                Ok(connection) => {
                    wait = RECONNECT_MIN;
                    self.silence.reset();
                    self.set_link(Some(Link {
                        connection,
                        generation,
                    }));
                    self.changed.notify_one();
                    self.lost.notified().await;
                    self.changed.notify_one();
                }
                Err(error) => {
                    tracing::debug!(node = %self.address, %error, "cannot connect to redis");
                    tokio::time::sleep(wait.mul_f64(rand::random_range(0.5..1.0))).await;
                    wait = RECONNECT_MAX.min(wait * 2);
                }
            }
        }
    }

    fn link(&self) -> Option<Link> {
        self.link
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn set_link(&self, link: Option<Link>) {
        *self.link.write().unwrap_or_else(PoisonError::into_inner) = link;
    }

    /// Gives a connection up, unless another call has done so; says whether it did.
    fn drop_link(&self, generation: u64) -> bool {
        let mut link = self.link.write().unwrap_or_else(PoisonError::into_inner);
        let current = link
            .as_ref()
            .is_some_and(|link| link.generation == generation);
        if current {
            *link = None;
            self.lost.notify_one();
        }
        current
    }
}

/// `ASKING` and the command must arrive together; only the second reply is wanted.
async fn ask(connection: &mut MultiplexedConnection, cmd: &Cmd) -> RedisResult<Value> {
    let mut pipeline = redis::Pipeline::with_capacity(2);
    pipeline.cmd("ASKING").add_command(cmd.clone());
    let mut replies = connection.send_packed_commands(&pipeline, 0, 2).await?;
    Ok(replies.pop().unwrap_or(Value::Nil))
}

/// How long a connection has said nothing although it was asked.
///
/// Times are microseconds since `zero`. The fields are read and written one by one: the worst
/// that a race can do is to notice a hung node one call later.
struct Silence {
    zero: Instant,
    last_heard: AtomicU64,
    missed: AtomicU32,
    since: AtomicU64,
}

impl Silence {
    fn new() -> Self {
        Self {
            zero: Instant::now(),
            last_heard: AtomicU64::new(0),
            missed: AtomicU32::new(0),
            since: AtomicU64::new(0),
        }
    }

    fn reset(&self) {
        self.missed.store(0, Ordering::Relaxed);
    }

    fn heard(&self) {
        self.last_heard.store(self.now(), Ordering::Relaxed);
        if self.missed.load(Ordering::Relaxed) != 0 {
            self.reset();
        }
    }

    /// Notes a call that began at `started` and had no reply; true when the node seems hung.
    fn missed(&self, started: Instant, silent_for_max: Duration) -> bool {
        let started = self.micros(started);
        if self.last_heard.load(Ordering::Relaxed) > started {
            self.reset();
            return false;
        }
        let missed = self.missed.fetch_add(1, Ordering::Relaxed) + 1;
        if missed == 1 {
            self.since.store(started, Ordering::Relaxed);
        }
        let silent = self
            .now()
            .saturating_sub(self.since.load(Ordering::Relaxed));
        missed >= SILENT_CALLS_MAX && Duration::from_micros(silent) >= silent_for_max
    }

    fn now(&self) -> u64 {
        self.micros(Instant::now())
    }

    fn micros(&self, at: Instant) -> u64 {
        let since_zero = at.saturating_duration_since(self.zero);
        u64::try_from(since_zero.as_micros()).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ago(duration: Duration) -> Instant {
        Instant::now().checked_sub(duration).unwrap()
    }

    fn silence() -> Silence {
        Silence {
            zero: ago(Duration::from_mins(1)),
            ..Silence::new()
        }
    }

    #[test]
    fn two_silent_calls_mean_a_hung_node() {
        let silence = silence();
        let limit = Duration::from_millis(100);
        assert!(!silence.missed(ago(Duration::from_millis(200)), limit));
        assert!(silence.missed(ago(Duration::from_millis(50)), limit));
    }

    #[test]
    fn a_burst_of_short_timeouts_is_not_enough() {
        let silence = silence();
        let limit = Duration::from_millis(100);
        for _ in 0..50 {
            assert!(!silence.missed(ago(Duration::from_millis(20)), limit));
        }
    }

    #[test]
    fn a_node_that_answers_anything_is_only_slow() {
        let silence = silence();
        let slow_call = ago(Duration::from_millis(300));
        silence.heard();
        assert!(!silence.missed(slow_call, Duration::ZERO));
        assert!(!silence.missed(slow_call, Duration::ZERO));
    }
}
