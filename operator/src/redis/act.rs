//! Carries out the steps of a plan.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use ::redis::aio::MultiplexedConnection;
use ::redis::{Cmd, FromRedisValue};
use anyhow::{Context, Result, anyhow, ensure};

use super::connection::{self, COMMAND_LIMIT, Credentials};
use super::parse::{self, NodeId, Replication};
use super::slots::SlotSet;
use super::{Node, Step, Takeover};

/// Longest wait for a replica to have taken over.
const TAKEOVER_LIMIT: Duration = Duration::from_secs(3);
/// How often it is asked.
const TAKEOVER_INTERVAL: Duration = Duration::from_millis(20);
/// How long a pass moves slots before it lets the next one look at everything again.
const MOVE_LIMIT: Duration = Duration::from_secs(4);
/// Slots that are open at once.
const OPEN_SLOTS: usize = 16;
/// Keys sent by one `MIGRATE`, which holds up its node meanwhile.
const KEYS_PER_MIGRATE: usize = 100;
/// How long one `MIGRATE` may be without progress, milliseconds.
const MIGRATE_IDLE_MS: u64 = 5_000;
/// Longest wait for one `MIGRATE`.
const MIGRATE_LIMIT: Duration = Duration::from_secs(15);

/// Asked before each command whether we may still give commands.
pub type Check<'a> = &'a (dyn Fn() -> Result<()> + Send + Sync);

/// Carries out steps one after the other. `check` is asked before every command; when it refuses,
/// nothing more is sent. A step that fails does not keep the others of its kind from being tried.
///
/// # Errors
/// When `check` refuses or a step fails; the next pass decides anew either way.
pub async fn act(steps: &[Step], credentials: &Credentials, check: Check<'_>) -> Result<()> {
    let mut hands = Hands {
        credentials,
        check,
        connections: HashMap::new(),
    };
    let mut first = None;
    for step in steps {
        if let Err(error) = hands.step(step).await {
            check()?;
            tracing::warn!("a change to the redis cluster failed: {error:#}");
            first.get_or_insert(error);
        }
    }
    first.map_or(Ok(()), Err)
}

struct Hands<'a> {
    credentials: &'a Credentials,
    check: Check<'a>,
    connections: HashMap<NodeId, MultiplexedConnection>,
}

impl Hands<'_> {
    async fn step(&mut self, step: &Step) -> Result<()> {
        match step {
            Step::SetEpoch { at, epoch } => {
                let epoch = epoch.to_string();
                self.cluster(at, &["SET-CONFIG-EPOCH", &epoch]).await
            }
            Step::Meet { at, peer } => self.meet(at, peer).await,
            Step::Forget { at, id } => self.cluster(at, &["FORGET", id.as_str()]).await,
            Step::Replicate { at, primary } => {
                self.cluster(at, &["REPLICATE", primary.as_str()]).await
            }
            Step::Failover { at, mode } => self.take_over(at, *mode).await,
            Step::AddSlots { at, slots } => self.add_slots(at, slots).await,
            Step::Close { at, slots } => {
                let slots: Vec<u16> = slots.iter().collect();
                self.set_slots(at, &slots, &["STABLE"]).await
            }
            Step::Assign { at, slots, owner } => {
                let slots: Vec<u16> = slots.iter().collect();
                self.set_slots(at, &slots, &["NODE", owner.as_str()]).await
            }
            Step::Move {
                from,
                to,
                others,
                slots,
            } => self.move_slots(from, to, others, slots).await,
        }
    }

    /// An address may belong to somebody else by now: its id and our password prove that it is
    /// the node that was meant.
    async fn meet(&mut self, at: &Node, peer: &Node) -> Result<()> {
        self.connection(peer).await?;
        let (ip, port) = (peer.ip.to_string(), peer.port.to_string());
        let mut words = vec!["MEET", &ip, &port];
        let bus = peer.bus_port.map(|port| port.to_string());
        words.extend(bus.as_deref());
        self.cluster(at, &words).await
    }

    async fn take_over(&mut self, at: &Node, mode: Takeover) -> Result<()> {
        let words: &[&str] = match mode {
            Takeover::Agreed => &["FAILOVER"],
            Takeover::Voted => &["FAILOVER", "FORCE"],
            Takeover::Alone => &["FAILOVER", "TAKEOVER"],
        };
        self.cluster(at, words).await?;
        let deadline = Instant::now() + TAKEOVER_LIMIT;
        loop {
            let info = ::redis::cmd("INFO").arg("replication").to_owned();
            let info: String = self.ask(at, &info, COMMAND_LIMIT).await?;
            if matches!(parse::replication(&info)?, Replication::Primary { .. }) {
                return Ok(());
            }
            ensure!(
                Instant::now() < deadline,
                "{} did not become a primary within {TAKEOVER_LIMIT:?}",
                at.pod
            );
            tokio::time::sleep(TAKEOVER_INTERVAL).await;
        }
    }

    async fn add_slots(&mut self, at: &Node, slots: &SlotSet) -> Result<()> {
        let mut words = vec!["ADDSLOTSRANGE".to_owned()];
        for (first, last) in slots.ranges() {
            words.extend([first.to_string(), last.to_string()]);
        }
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        self.cluster(at, &words).await
    }

    async fn move_slots(
        &mut self,
        from: &Node,
        to: &Node,
        others: &[Node],
        slots: &SlotSet,
    ) -> Result<()> {
        let deadline = Instant::now() + MOVE_LIMIT;
        let slots: Vec<u16> = slots.iter().collect();
        for some in slots.chunks(OPEN_SLOTS) {
            if !self.empty_slots(from, to, some, deadline).await? {
                return Ok(());
            }
            // The destination first: were it to miss the news, nobody would own the slot.
            let owner = ["NODE", to.id.as_str()];
            self.set_slots(to, some, &owner).await?;
            self.set_slots(from, some, &owner).await?;
            for other in others {
                // They would hear of it by gossip too, just later.
                if let Err(error) = self.set_slots(other, some, &owner).await {
                    (self.check)()?;
                    tracing::debug!("{} was not told of moved slots: {error:#}", other.pod);
                }
            }
        }
        Ok(())
    }

    /// Moves the keys of some slots; false when time is up before all are moved.
    async fn empty_slots(
        &mut self,
        from: &Node,
        to: &Node,
        slots: &[u16],
        deadline: Instant,
    ) -> Result<bool> {
        self.set_slots(to, slots, &["IMPORTING", from.id.as_str()])
            .await?;
        self.set_slots(from, slots, &["MIGRATING", to.id.as_str()])
            .await?;
        for slot in slots {
            loop {
                let listing = ::redis::cmd("CLUSTER")
                    .arg("GETKEYSINSLOT")
                    .arg(slot)
                    .arg(KEYS_PER_MIGRATE)
                    .to_owned();
                let keys: Vec<Vec<u8>> = self.ask(from, &listing, COMMAND_LIMIT).await?;
                if keys.is_empty() {
                    break;
                }
                if Instant::now() >= deadline {
                    return Ok(false);
                }
                self.migrate(from, to, &keys).await?;
            }
        }
        Ok(true)
    }

    async fn migrate(&mut self, from: &Node, to: &Node, keys: &[Vec<u8>]) -> Result<()> {
        // A key that is on both sides was left behind by an interrupted move; customers are
        // served by the owner, so its copy is the one that counts.
        let mut command = ::redis::cmd("MIGRATE");
        command
            .arg(to.ip.to_string())
            .arg(to.port)
            .arg("")
            .arg(0)
            .arg(MIGRATE_IDLE_MS)
            .arg("REPLACE")
            .arg("AUTH2")
            .arg(&self.credentials.user)
            .arg(&self.credentials.password)
            .arg("KEYS")
            .arg(keys);
        self.ask::<()>(from, &command, MIGRATE_LIMIT)
            .await
            .with_context(|| format!("MIGRATE from {} to {}", from.pod, to.pod))
    }

    async fn set_slots(&mut self, at: &Node, slots: &[u16], words: &[&str]) -> Result<()> {
        (self.check)()?;
        let mut pipeline = ::redis::pipe();
        for slot in slots {
            let command = pipeline.cmd("CLUSTER").arg("SETSLOT").arg(slot);
            command.arg(words).ignore();
        }
        let connection = self.connection(at).await?;
        let answering = pipeline.query_async::<()>(connection);
        let answer = tokio::time::timeout(COMMAND_LIMIT, answering).await;
        let answer = answer
            .map_err(|_| anyhow!("no answer in time"))
            .and_then(|answer| answer.map_err(Into::into));
        if answer.is_err() {
            self.connections.remove(&at.id);
        }
        answer.with_context(|| format!("{}: CLUSTER SETSLOT … {}", at.pod, words.join(" ")))
    }

    async fn cluster(&mut self, at: &Node, words: &[&str]) -> Result<()> {
        let command = ::redis::cmd("CLUSTER").arg(words).to_owned();
        self.ask::<()>(at, &command, COMMAND_LIMIT)
            .await
            .with_context(|| format!("{}: CLUSTER {}", at.pod, words.join(" ")))
    }

    async fn ask<T: FromRedisValue>(
        &mut self,
        at: &Node,
        command: &Cmd,
        limit: Duration,
    ) -> Result<T> {
        self.connection(at).await?;
        (self.check)()?;
        let connection = self.connection(at).await?;
        let answer = connection::ask(connection, command, limit).await;
        if answer.is_err() {
            self.connections.remove(&at.id);
        }
        answer
    }

    async fn connection(&mut self, node: &Node) -> Result<&mut MultiplexedConnection> {
        if !self.connections.contains_key(&node.id) {
            let mut opened = connection::open((node.ip, node.port), self.credentials).await?;
            let question = ::redis::cmd("CLUSTER").arg("MYID").to_owned();
            let id: String = connection::ask(&mut opened, &question, COMMAND_LIMIT).await?;
            ensure!(
                id == node.id.as_str(),
                "{} is not the node it was a moment ago",
                node.pod
            );
            self.connections.insert(node.id.clone(), opened);
        }
        self.connections
            .get_mut(&node.id)
            .context("the connection was just put there")
    }
}
