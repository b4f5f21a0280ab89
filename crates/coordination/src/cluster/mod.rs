//! Routing of commands to the masters of a Redis Cluster.
//!
//! The cluster client of the `redis` crate (1.8) drives all nodes from one task. While it
//! refreshes its slot map it answers nobody, it never refreshes after a time-out, and so one hung
//! master stops every command to the healthy ones and never comes back by itself (measured: all of
//! 114 commands over 46 s after a finished failover). Locks need the opposite: two votes while
//! the third node hangs. So this module keeps one of that crate's multiplexed connections per
//! master, each with its own watchdog, and a slot map that is read every second. A call costs one
//! hop instead of two, and a fault costs only the slots of the faulty node.

mod connector;
mod keeper;
mod node;
pub(crate) mod slot;
pub(crate) mod tags;
pub(crate) mod topology;

use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use redis::{Cmd, ServerErrorKind, Value};
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use self::node::{Node, NodeError};
use self::tags::Triples;
use self::topology::{Address, Topology};
use crate::config::{Config, Timeouts};
use crate::metrics::{Command, Metrics, Outcome};
use crate::script::Script;

pub(crate) use self::connector::Connector;
pub(crate) use self::keeper::keep;

/// Times one call is sent again after a redirect or a passing fault.
const RETRIES_MAX: u32 = 6;
/// First and longest wait between them, before jitter.
const RETRY_WAIT_MIN: Duration = Duration::from_millis(10);
const RETRY_WAIT_MAX: Duration = Duration::from_millis(80);
/// How long calls to a node fail at once after it said that the cluster is down. The others are
/// asked all the same: it may be the one that is cut off.
const CLUSTER_DOWN_PAUSE: Duration = Duration::from_millis(250);

/// Why a call gave nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CallError {
    /// Known to be away; nothing was sent.
    Unavailable,
    /// No reply in time; it may have taken effect.
    Timeout,
    /// The server refused it for good.
    Refused,
}

/// The slot map with the nodes it speaks of.
pub(crate) struct Map {
    pub(crate) topology: Topology,
    pub(crate) triples: Triples,
    nodes: Vec<Arc<Node>>,
}

/// The shared heart of all parts: where keys live and how to reach them.
pub(crate) struct Cluster {
    pub(crate) prefix: String,
    pub(crate) timeouts: Timeouts,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) connector: Connector,
    pub(crate) stop: CancellationToken,
    /// Work on someone's behalf, such as freeing a lock.
    pub(crate) tasks: TaskTracker,
    /// What runs until the stop.
    pub(crate) services: TaskTracker,
    pub(crate) up: watch::Sender<bool>,
    seeds: Vec<Address>,
    map: RwLock<Arc<Map>>,
    refresh: Arc<Notify>,
}

impl Cluster {
    pub(crate) fn new(config: Config, metrics: Arc<Metrics>) -> Self {
        let Config {
            mut nodes,
            prefix,
            timeouts,
            ..
        } = config;
        let seeds = nodes
            .iter()
            .filter_map(|node| Address::parse(&node.addr().to_string()))
            .collect();
        let topology = Topology::empty();
        let triples = Triples::compute(&topology);
        Self {
            prefix,
            timeouts,
            metrics,
            // All nodes share their credentials, so any one is the pattern for the rest.
            connector: Connector::new(nodes.swap_remove(0), timeouts.connect),
            stop: CancellationToken::new(),
            tasks: TaskTracker::new(),
            services: TaskTracker::new(),
            up: watch::Sender::new(false),
            seeds,
            map: RwLock::new(Arc::new(Map {
                topology,
                triples,
                nodes: Vec::new(),
            })),
            refresh: Arc::new(Notify::new()),
        }
    }

    /// The slot map of the moment.
    pub(crate) fn map(&self) -> Arc<Map> {
        Arc::clone(&self.map.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Runs a service until the stop.
    pub(crate) fn serve(&self, service: impl Future<Output = ()> + Send + 'static) {
        let stop = self.stop.clone();
        self.services.spawn(async move {
            stop.run_until_cancelled(service).await;
        });
    }

    /// The master of a slot, connected or not.
    pub(crate) fn address_of(&self, slot: u16) -> Option<Address> {
        let map = self.map();
        map.topology
            .owner(slot)
            .and_then(|owner| map.topology.masters.get(owner))
            .cloned()
    }

    /// Runs a script on a key's slot, by its hash and, where a node does not know it, in full.
    ///
    /// `arguments` appends the number of keys, the keys and the arguments.
    pub(crate) async fn eval(
        &self,
        command: Command,
        slot: u16,
        script: &Script,
        limit: Duration,
        arguments: impl Fn(&mut Cmd),
    ) -> Result<Value, CallError> {
        let started = Instant::now();
        let deadline = started + limit;
        let mut cmd = script.by_hash();
        arguments(&mut cmd);
        let mut result = self.route(slot, &cmd, deadline).await;
        if matches!(result, Err(RouteError::NoScript)) {
            let mut cmd = script.in_full();
            arguments(&mut cmd);
            result = self.route(slot, &cmd, deadline).await;
        }
        self.account(command, started, result)
    }

    /// Sends one command to the master of a slot.
    pub(crate) async fn call(
        &self,
        command: Command,
        slot: u16,
        cmd: &Cmd,
    ) -> Result<Value, CallError> {
        let started = Instant::now();
        let result = self
            .route(slot, cmd, started + self.timeouts.response)
            .await;
        self.account(command, started, result)
    }

    fn account(
        &self,
        command: Command,
        started: Instant,
        result: Result<Value, RouteError>,
    ) -> Result<Value, CallError> {
        let (outcome, result) = match result {
            Ok(value) => (Outcome::Ok, Ok(value)),
            Err(RouteError::Unavailable) => (Outcome::Unavailable, Err(CallError::Unavailable)),
            Err(RouteError::Timeout) => (Outcome::Timeout, Err(CallError::Timeout)),
            Err(RouteError::NoScript | RouteError::Refused) => {
                (Outcome::Error, Err(CallError::Refused))
            }
        };
        self.metrics.observe(command, outcome, started.elapsed());
        result
    }

    async fn route(&self, slot: u16, cmd: &Cmd, deadline: Instant) -> Result<Value, RouteError> {
        let mut redirect: Option<(Arc<Node>, bool)> = None;
        let mut maybe_done = false;
        for attempt in 0..=RETRIES_MAX {
            let (node, asking) = match redirect.take() {
                Some(target) => target,
                None => match self.owner(slot) {
                    Some(owner) => (owner, false),
                    None => break,
                },
            };
            let sent = if node.is_resting() {
                Err(NodeError::Down)
            } else {
                node.send(cmd, asking, deadline).await
            };
            let error = match sent {
                Ok(Value::ServerError(error)) => error,
                Ok(value) => return Ok(value),
                Err(NodeError::Timeout) => return Err(RouteError::Timeout),
                Err(NodeError::Down) if attempt == 0 => break,
                Err(error) => {
                    maybe_done |= error == NodeError::Lost;
                    self.refresh.notify_one();
                    if pause(attempt, deadline).await {
                        continue;
                    }
                    break;
                }
            };
            redirect = match error.kind() {
                Some(ServerErrorKind::NoScript) => return Err(RouteError::NoScript),
                Some(ServerErrorKind::Moved) => {
                    self.refresh.notify_one();
                    self.named_in(error.details()).map(|node| (node, false))
                }
                Some(ServerErrorKind::Ask) => {
                    self.named_in(error.details()).map(|node| (node, true))
                }
                Some(ServerErrorKind::ClusterDown) => {
                    node.rest(CLUSTER_DOWN_PAUSE);
                    self.refresh.notify_one();
                    None
                }
                Some(
                    ServerErrorKind::TryAgain
                    | ServerErrorKind::MasterDown
                    | ServerErrorKind::BusyLoading
                    | ServerErrorKind::ReadOnly,
                ) => {
                    self.refresh.notify_one();
                    None
                }
                _ => {
                    tracing::error!(%error, "redis refused a command");
                    return Err(RouteError::Refused);
                }
            };
            if redirect.is_none() && !pause(attempt, deadline).await {
                break;
            }
        }
        Err(if maybe_done {
            RouteError::Timeout
        } else {
            RouteError::Unavailable
        })
    }

    fn owner(&self, slot: u16) -> Option<Arc<Node>> {
        let map = self.map.read().unwrap_or_else(PoisonError::into_inner);
        map.topology
            .owner(slot)
            .and_then(|owner| map.nodes.get(owner))
            .cloned()
    }

    /// The connected node a redirect names (`3999 10.0.0.1:6381`), if it is known already.
    fn named_in(&self, details: Option<&str>) -> Option<Arc<Node>> {
        let address = details?.split_ascii_whitespace().nth(1)?;
        let address = Address::parse(address)?;
        let map = self.map();
        map.nodes
            .iter()
            .find(|node| node.address == address && node.is_connected())
            .cloned()
    }
}

enum RouteError {
    Unavailable,
    /// It may have taken effect: sent, and no reply in time or a connection that broke.
    Timeout,
    NoScript,
    Refused,
}

/// Waits before the next try; false when the time left is too short for it.
async fn pause(attempt: u32, deadline: Instant) -> bool {
    let wait = RETRY_WAIT_MAX.min(RETRY_WAIT_MIN * 2u32.pow(attempt.min(8)));
    let wait = wait.mul_f64(rand::random_range(0.5..1.0));
    let in_time = Instant::now() + wait < deadline;
    if in_time {
        tokio::time::sleep(wait).await;
    }
    in_time
}

/// Whole milliseconds.
pub(crate) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
