//! The operator's side of a story, and a customer of the cluster.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use ::redis::aio::MultiplexedConnection;
use ::redis::{Cmd, FromRedisValue};
use anyhow::{Context, Result, bail, ensure};
use jiff::Timestamp;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;
use warung_operator::redis::{self as room, Desired, Memory, Plan, Verdict, config};
use warung_testkit::eventually;

use super::bed::{Bed, NODE_TIMEOUT, PASSWORD, PORT};

const CALL_LIMIT: Duration = Duration::from_millis(500);
/// How long a customer goes on trying one write.
const PATIENCE: Duration = Duration::from_secs(30);
/// How often a customer tries anew.
const TRY_EVERY: Duration = Duration::from_millis(5);
/// How often a customer writes.
const PACE: Duration = Duration::from_millis(1);
const HOPS_MAX: usize = 8;

/// A shop: what is wanted, the pods, and what the status remembers.
pub(super) struct Shop {
    pub(super) bed: Bed,
    pub(super) desired: Mutex<Desired>,
    status: Mutex<String>,
}

impl Shop {
    pub(super) fn new(shards: usize, replicas_per_shard: usize) -> Self {
        let desired = Desired {
            shards,
            replicas_per_shard,
            node_timeout: NODE_TIMEOUT,
            acknowledged_loss: None,
        };
        let shop = Self {
            bed: Bed::new(),
            desired: Mutex::new(desired),
            status: Mutex::new("{}".to_owned()),
        };
        shop.ensure_pods();
        shop
    }

    /// A formed cluster.
    pub(super) async fn formed(shards: usize, replicas_per_shard: usize) -> Self {
        let shop = Self::new(shards, replicas_per_shard);
        shop.settles(Duration::from_secs(30)).await;
        shop
    }

    pub(super) fn desired(&self) -> Desired {
        self.desired.lock().unwrap().clone()
    }

    pub(super) fn wants(&self, change: impl FnOnce(&mut Desired)) {
        change(&mut self.desired.lock().unwrap());
        self.ensure_pods();
    }

    fn ensure_pods(&self) {
        let desired = self.desired();
        for shard in 0..desired.shards {
            self.bed.stateful_set(shard, desired.replicas_per_shard + 1);
        }
    }

    pub(super) fn memory(&self) -> Memory {
        serde_json::from_str(&self.status.lock().unwrap()).unwrap()
    }

    /// One pass of the operator, as the reconcile does it.
    pub(super) async fn pass(&self) -> Plan {
        let credentials = self.bed.login();
        let seen = room::observe(&self.bed.list(), &credentials).await;
        let plan = room::plan(&self.desired(), &seen, self.memory(), Timestamp::now());
        *self.status.lock().unwrap() = serde_json::to_string(&plan.memory).unwrap();
        if let Err(error) = room::act(&plan.steps, &credentials, &|| Ok(())).await {
            eprintln!("{:?}: {error:#}", plan.verdict);
        }
        for pod in &plan.delete {
            self.bed.delete(&pod.name, &pod.uid).await;
        }
        for shard in &plan.report.empty_shards {
            self.bed.delete_stateful_set(*shard).await;
        }
        plan
    }

    /// Passes until nothing is left to do.
    pub(super) async fn settles(&self, limit: Duration) -> Plan {
        let started = Instant::now();
        let mut last = None;
        let plan = eventually(limit, async || {
            let plan = self.pass().await;
            if last.as_ref() != Some(&plan.verdict) {
                eprintln!("{:6} ms {:?}", started.elapsed().as_millis(), plan.verdict);
                last = Some(plan.verdict.clone());
            }
            let settled = plan.verdict == Verdict::Settled && plan.report.empty_shards.is_empty();
            settled
                .then_some(plan.clone())
                .ok_or_else(|| format!("{:?}\n{:?}\n{:#?}", plan.verdict, plan.steps, plan.report))
        })
        .await;
        assert_whole(&plan);
        plan
    }

    pub(super) fn customer(&self) -> Customer<'_> {
        self.customer_with(PASSWORD)
    }

    /// A customer who knows a password.
    pub(super) fn customer_with(&self, password: &'static str) -> Customer<'_> {
        Customer {
            bed: &self.bed,
            password,
            connections: HashMap::new(),
            owners: HashMap::new(),
        }
    }
}

/// The invariants after each story.
fn assert_whole(plan: &Plan) {
    let report = &plan.report;
    assert_eq!(report.slots_covered, 16_384, "{report:#?}");
    assert_eq!(report.known_nodes, report.live_nodes, "{report:#?}");
    assert!(report.findings.ready.0, "{report:#?}");
    let slots: Vec<usize> = report.shards.iter().map(|shard| shard.slots).collect();
    let (most, least) = (slots.iter().max(), slots.iter().min());
    assert!(most.unwrap() - least.unwrap() <= 1, "{slots:?}");
}

/// Follows redirects like any client of a cluster.
pub(super) struct Customer<'a> {
    bed: &'a Bed,
    password: &'static str,
    connections: HashMap<IpAddr, MultiplexedConnection>,
    owners: HashMap<u16, IpAddr>,
}

/// What a writer saw.
#[derive(Debug)]
pub(super) struct Written {
    pub(super) acknowledged: HashMap<String, u64>,
    pub(super) longest_gap: Duration,
}

impl Customer<'_> {
    /// Writes one key after the other until told to stop.
    pub(super) async fn writes_until(mut self, stop: CancellationToken) -> Written {
        let mut written = Written {
            acknowledged: HashMap::new(),
            longest_gap: Duration::ZERO,
        };
        let mut last = Instant::now();
        let mut number = 0_u64;
        // The servers and this test share two cores.
        let mut pace = tokio::time::interval(PACE);
        pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while !stop.is_cancelled() {
            pace.tick().await;
            let key = format!("w:{}:{}", self.password, number % 5_000);
            self.set(&key, number).await.unwrap();
            written.longest_gap = written.longest_gap.max(last.elapsed());
            last = Instant::now();
            written.acknowledged.insert(key, number);
            number += 1;
        }
        written
    }

    /// How many acknowledged writes are gone.
    pub(super) async fn misses(&mut self, written: &Written) -> usize {
        let mut missing = 0;
        for (key, number) in &written.acknowledged {
            let held: Option<u64> = self.get(key).await.unwrap();
            missing += usize::from(held != Some(*number));
        }
        missing
    }

    pub(super) async fn fills(&mut self, keys: u64) -> Written {
        let mut acknowledged = HashMap::new();
        for number in 0..keys {
            let key = format!("k:{number}");
            self.set(&key, number).await.unwrap();
            acknowledged.insert(key, number);
        }
        Written {
            acknowledged,
            longest_gap: Duration::ZERO,
        }
    }

    pub(super) async fn set(&mut self, key: &str, value: u64) -> Result<()> {
        let command = ::redis::cmd("SET").arg(key).arg(value).to_owned();
        self.call(key, &command).await
    }

    pub(super) async fn get(&mut self, key: &str) -> Result<Option<u64>> {
        let command = ::redis::cmd("GET").arg(key).to_owned();
        self.call(key, &command).await
    }

    async fn call<T: FromRedisValue>(&mut self, key: &str, command: &Cmd) -> Result<T> {
        let deadline = Instant::now() + PATIENCE;
        let mut tries = tokio::time::interval(TRY_EVERY);
        tries.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tries.tick().await;
            match self.attempt(key, command).await {
                Ok(value) => return Ok(value),
                // Who is refused is not helped by patience.
                Err(error) if is_refused(&error) || Instant::now() >= deadline => {
                    return Err(error);
                }
                Err(_) => {}
            }
        }
    }

    async fn attempt<T: FromRedisValue>(&mut self, key: &str, command: &Cmd) -> Result<T> {
        let slot = slot(key);
        let pods = self.bed.list();
        let known = self.owners.get(&slot).copied();
        let known = known.filter(|ip| pods.iter().any(|pod| pod.ip == Some(*ip)));
        let any = || {
            let ready: Vec<IpAddr> = pods
                .iter()
                .filter(|p| p.ready)
                .filter_map(|p| p.ip)
                .collect();
            let index = rand::random_range(0..ready.len().max(1));
            ready.get(index).copied()
        };
        let mut ip = known.or_else(any).context("nobody is there")?;
        let mut asking = false;
        for _ in 0..HOPS_MAX {
            let answer = self.send(ip, command, asking).await;
            let error = match answer {
                Ok(value) => {
                    if !asking {
                        self.owners.insert(slot, ip);
                    }
                    return Ok(value);
                }
                Err(error) => error,
            };
            self.owners.remove(&slot);
            let Some(redirect) = error.downcast_ref::<::redis::RedisError>() else {
                return Err(error);
            };
            let Some((place, _)) = redirect.redirect_node() else {
                return Err(error);
            };
            let (host, port) = place.rsplit_once(':').context("no port")?;
            ensure!(
                port == PORT.to_string() && !host.is_empty(),
                "sent to {place}"
            );
            asking = redirect.code() == Some("ASK");
            ip = host.parse()?;
        }
        bail!("sent from one to the other")
    }

    async fn send<T: FromRedisValue>(
        &mut self,
        ip: IpAddr,
        command: &Cmd,
        asking: bool,
    ) -> Result<T> {
        let sending = async {
            let mut connection = self.connection(ip).await?;
            if asking {
                let mut pair = ::redis::pipe();
                pair.cmd("ASKING").ignore().add_command(command.clone());
                let (value,): (T,) = pair.query_async(&mut connection).await?;
                return anyhow::Ok(value);
            }
            Ok(command.query_async(&mut connection).await?)
        };
        let answer = tokio::time::timeout(CALL_LIMIT, sending).await;
        let answer = answer.context("no answer").flatten();
        if answer.is_err() {
            self.connections.remove(&ip);
        }
        answer
    }

    async fn connection(&mut self, ip: IpAddr) -> Result<MultiplexedConnection> {
        if let Some(connection) = self.connections.get(&ip) {
            return Ok(connection.clone());
        }
        let connection = connect(ip, self.password).await?;
        self.connections.insert(ip, connection.clone());
        Ok(connection)
    }
}

/// A connection to one pod.
async fn connect(ip: IpAddr, password: &str) -> Result<MultiplexedConnection> {
    let user = config::USER;
    let client = ::redis::Client::open(format!("redis://{user}:{password}@{ip}:{PORT}"))?;
    Ok(client.get_multiplexed_async_connection().await?)
}

fn is_refused(error: &anyhow::Error) -> bool {
    let error = error.downcast_ref::<::redis::RedisError>();
    error.is_some_and(|error| {
        error.kind() == ::redis::ErrorKind::AuthenticationFailed
            || matches!(error.code(), Some("NOAUTH" | "WRONGPASS" | "NOPERM"))
    })
}

/// The slot of a key without a tag (Redis Cluster specification: CRC16, XMODEM).
fn slot(key: &str) -> u16 {
    let mut crc = 0_u16;
    for byte in key.bytes() {
        crc ^= u16::from(byte) << 8;
        for _ in 0..8 {
            crc = if crc & 0x8000 == 0 {
                crc << 1
            } else {
                (crc << 1) ^ 0x1021
            };
        }
    }
    crc % 16_384
}
