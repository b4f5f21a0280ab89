//! A private Redis Cluster on the loopback interface: three primaries and three replicas unless
//! told otherwise, formed over the protocol itself.

mod tls;
mod view;
mod wire;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail, ensure};
use rand::RngExt;
use redis::aio::MultiplexedConnection;

use self::view::{View, picture};
use self::wire::{ask, cluster, connect};
use crate::eventually::within;
use crate::ports;
use crate::process::{self, Guarded, Program, Signal};

/// Hash slots of a cluster (Redis Cluster specification).
const SLOTS: usize = 16_384;
/// The cluster bus listens this far above a node's port (Redis Cluster specification).
const BUS_OFFSET: u16 = 10_000;
/// Where free base ports are looked for: nodes and buses stay below the range from which the
/// kernel takes ports for outgoing connections.
const BASE_PORTS: Range<u16> = 11_000..22_700;
const BASE_PORT_ATTEMPTS: usize = 200;
/// How often a start tries other ports when a free one was taken meanwhile.
const START_ATTEMPTS: usize = 4;
/// After how many milliseconds without an answer a node counts as failed.
const NODE_TIMEOUT_MS: &str = "2000";
/// How long a node may take to answer after its start; loading its data is part of it.
const ANSWER_LIMIT: Duration = Duration::from_secs(20);
/// How long the nodes may take to agree.
const AGREE_LIMIT: Duration = Duration::from_secs(30);
/// How long nodes of an earlier run may take to find each other by themselves.
const REUNION_LIMIT: Duration = Duration::from_secs(15);
/// The last number of the first node's own address.
const SOURCE_MIN: usize = 96;
/// How long a node may take to stop before it is killed.
const STOP_LIMIT: Duration = Duration::from_secs(4);

/// How to start a [`RedisCluster`].
#[derive(Clone, Debug)]
pub struct RedisOptions {
    /// Directory of the nodes' data and logs. A directory used before is used again, with its
    /// keys if they were kept.
    pub dir: PathBuf,
    /// The nodes listen on this port and the following ones, their buses 10,000 above; free ports
    /// when not given.
    pub base_port: Option<u16>,
    /// Primaries; a cluster needs three at least.
    pub primaries: usize,
    /// Replicas of each primary.
    pub replicas: usize,
    /// Whether writes are kept in an append-only file, synced every second.
    pub append_only: bool,
    /// Whether the nodes speak TLS only, among themselves too, with certificates of an authority
    /// of their own.
    pub tls: bool,
    /// Variables of the nodes' environment beside ours.
    pub environment: Vec<(String, String)>,
    /// Whether what a node says of itself to others comes from an address of its own
    /// ([`RedisOptions::source`]), by which a firewall can tell the nodes apart.
    pub own_sources: bool,
}

impl RedisOptions {
    /// Three primaries with a replica each, on free ports, without append-only files.
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        Self {
            dir: dir.into(),
            base_port: None,
            primaries: 3,
            replicas: 1,
            append_only: false,
            tls: false,
            environment: Vec::new(),
            own_sources: false,
        }
    }

    /// The same with TLS only.
    #[must_use]
    pub fn with_tls(self) -> Self {
        Self { tls: true, ..self }
    }

    /// The address from which a node connects to others where each has its own: on loopback, inside
    /// [`RedisOptions::SOURCES`].
    pub fn source(index: usize) -> String {
        format!("127.0.0.{}", SOURCE_MIN + index)
    }

    /// All addresses that [`RedisOptions::source`] gives.
    pub const SOURCES: &str = "127.0.0.96/27";

    /// How many nodes there are.
    pub fn nodes(&self) -> usize {
        self.primaries * (1 + self.replicas)
    }

    /// All ports that the nodes and their buses would take, from a base port.
    pub fn ports(&self, base: u16) -> Vec<u16> {
        let count = u16::try_from(self.nodes()).unwrap_or(u16::MAX);
        let nodes = (0..count).map(|index| base.saturating_add(index));
        nodes
            .flat_map(|port| [port, port.saturating_add(BUS_OFFSET)])
            .collect()
    }
}

/// A running cluster. Dropping it kills its nodes.
#[derive(Debug)]
pub struct RedisCluster {
    options: RedisOptions,
    base_port: u16,
    nodes: Vec<Mutex<Option<Guarded>>>,
}

impl RedisCluster {
    /// Starts the nodes, forms the cluster or lets an earlier one find itself again, and waits
    /// until all nodes agree, all slots are served and all replicas are in step.
    ///
    /// # Errors
    /// When `redis-server` is missing (the message names the package), a port is taken or the
    /// cluster does not form.
    pub async fn start(options: RedisOptions) -> Result<Self> {
        ensure!(
            options.primaries >= 3,
            "a Redis Cluster needs at least three primaries"
        );
        let server = process::find("redis-server", &[]).context(
            "redis-server not found: install Redis 7 (Debian package `redis-server`) \
             or put it on PATH",
        )?;
        fs::create_dir_all(&options.dir)
            .with_context(|| format!("create {}", options.dir.display()))?;
        if options.tls {
            tls::certify(&options.dir)?;
        }
        let mut attempt = 1;
        loop {
            let base_port = choose_ports(&options)?;
            let nodes = (0..options.nodes()).map(|_| Mutex::new(None)).collect();
            let cluster = Self {
                options: options.clone(),
                base_port,
                nodes,
            };
            match cluster.come_up(&server).await {
                Ok(()) => return Ok(cluster),
                Err(error) if attempt == START_ATTEMPTS => return Err(error),
                Err(error) if options.base_port.is_some() && attempt == 2 => return Err(error),
                Err(error) => {
                    // Redis holds nothing here that cannot be lost: start anew.
                    tracing::warn!("redis cluster did not form, trying again: {error:#}");
                    cluster.stop_all().await?;
                    remove_nodes(&options)?;
                    attempt += 1;
                }
            }
        }
    }

    /// The addresses of all nodes.
    pub fn urls(&self) -> Vec<String> {
        (0..self.nodes.len()).map(|index| self.url(index)).collect()
    }

    /// The addresses joined by commas, as the bot takes them.
    pub fn url_list(&self) -> String {
        self.urls().join(",")
    }

    /// The address of one node.
    pub fn url(&self, index: usize) -> String {
        let scheme = if self.options.tls { "rediss" } else { "redis" };
        format!("{scheme}://127.0.0.1:{}", self.port(index))
    }

    /// The certificate of the authority, PEM, of a cluster with TLS.
    pub fn authority(&self) -> PathBuf {
        tls::authority(&self.options.dir)
    }

    /// The port of one node.
    ///
    /// # Panics
    /// When there is no such node.
    pub fn port(&self, index: usize) -> u16 {
        assert!(index < self.nodes.len(), "no node {index}");
        u16::try_from(index).map_or(0, |index| self.base_port + index)
    }

    /// The process number of a node, unless it is stopped.
    pub fn pid(&self, index: usize) -> Option<u32> {
        self.node(index).as_ref().map(Guarded::pid)
    }

    /// Connects to one node, not to the cluster.
    pub async fn connect(&self, index: usize) -> Result<MultiplexedConnection> {
        let authority = self.options.tls.then(|| self.authority());
        connect(&self.url(index), authority.as_deref()).await
    }

    /// The node that serves a key as its primary, in the eyes of the first node that answers.
    pub async fn primary_of(&self, key: &str) -> Result<usize> {
        for index in 0..self.nodes.len() {
            if let Ok(primary) = self.primary_seen_by(index, key).await {
                return Ok(primary);
            }
        }
        bail!("no node knows the primary of {key}")
    }

    /// The node that serves a key as its primary, in the eyes of a given node.
    pub async fn primary_seen_by(&self, index: usize, key: &str) -> Result<usize> {
        let (views, _) = self.view(index).await?;
        let mut connection = self.connect(index).await?;
        let slot: usize = ask(
            &mut connection,
            redis::cmd("CLUSTER").arg("KEYSLOT").arg(key),
        )
        .await?;
        let owner = views.iter().find(|view| view.primary && view.serves(slot));
        let owner = owner.with_context(|| format!("nobody serves slot {slot}"))?;
        Ok(usize::from(owner.port - self.base_port))
    }

    /// The nodes that are primaries with slots, in the eyes of the first node that answers.
    pub async fn primaries(&self) -> Result<Vec<usize>> {
        let views = self.any_view().await?;
        let primaries = views
            .iter()
            .filter(|view| view.primary && !view.slots.is_empty());
        let mut indices: Vec<usize> = primaries
            .map(|view| usize::from(view.port - self.base_port))
            .collect();
        indices.sort_unstable();
        Ok(indices)
    }

    /// Stops a node in order (SIGTERM).
    pub async fn stop_node(&self, index: usize) -> Result<()> {
        let taken = self.node(index).take();
        if let Some(node) = taken {
            node.resume()?;
            node.stop(STOP_LIMIT).await?;
        }
        Ok(())
    }

    /// Kills a node (SIGKILL).
    pub fn kill_node(&self, index: usize) -> Result<()> {
        let taken = self.node(index).take();
        taken.map_or(Ok(()), |node| Ok(node.kill()?))
    }

    /// Freezes a node (SIGSTOP): its connections stay open and nothing is answered.
    pub fn pause_node(&self, index: usize) -> Result<()> {
        Ok(self
            .node(index)
            .as_ref()
            .context("node is stopped")?
            .pause()?)
    }

    /// Lets a frozen node go on.
    pub fn resume_node(&self, index: usize) -> Result<()> {
        Ok(self
            .node(index)
            .as_ref()
            .context("node is stopped")?
            .resume()?)
    }

    /// Starts a stopped or killed node again and waits until it answers.
    pub async fn start_node(&self, index: usize) -> Result<()> {
        let server = process::find("redis-server", &[]).context("redis-server not found")?;
        self.launch(&server, index)?;
        self.answering(index).await
    }

    /// Stops all nodes at once, in order.
    pub async fn stop_all(&self) -> Result<()> {
        for index in 0..self.nodes.len() {
            if let Some(node) = self.node(index).as_ref() {
                node.resume()?;
                node.terminate()?;
            }
        }
        for index in 0..self.nodes.len() {
            self.stop_node(index).await?;
        }
        Ok(())
    }

    /// Kills all nodes.
    pub fn kill_all(&self) -> Result<()> {
        (0..self.nodes.len()).try_for_each(|index| self.kill_node(index))
    }

    /// Starts all stopped nodes and waits until the cluster serves again.
    pub async fn start_all(&self) -> Result<()> {
        let server = process::find("redis-server", &[]).context("redis-server not found")?;
        for index in 0..self.nodes.len() {
            self.launch(&server, index)?;
        }
        self.healthy(AGREE_LIMIT).await
    }

    /// Waits until all running nodes agree, every slot is served and every replica is in step.
    ///
    /// # Errors
    /// When that is not so within `limit`; the message says what is missing.
    pub async fn healthy(&self, limit: Duration) -> Result<()> {
        within(limit, async || self.check().await)
            .await
            .map_err(|reason| anyhow!(reason))
    }

    async fn come_up(&self, server: &Path) -> Result<()> {
        let earlier = self.directory(0).join("nodes.conf").is_file();
        for index in 0..self.nodes.len() {
            self.launch(server, index)?;
        }
        for index in 0..self.nodes.len() {
            self.answering(index).await?;
        }
        if earlier {
            // Nodes of an earlier run may have come up on other ports.
            self.introduce().await?;
            return self.healthy(REUNION_LIMIT).await;
        }
        self.form().await
    }

    async fn form(&self) -> Result<()> {
        let primaries = self.options.primaries;
        for index in 0..self.nodes.len() {
            let mut node = self.connect(index).await?;
            // Distinct from the start, or the nodes spend seconds in making them so.
            let epoch = index + 1;
            cluster(&mut node, &["SET-CONFIG-EPOCH", &epoch.to_string()]).await?;
            if index < primaries {
                let slots = slots_of(index, primaries);
                let last = slots.end - 1;
                let range = [slots.start.to_string(), last.to_string()];
                cluster(&mut node, &["ADDSLOTSRANGE", &range[0], &range[1]]).await?;
            }
        }
        self.introduce().await?;
        within(AGREE_LIMIT, async || self.all_known().await)
            .await
            .map_err(|r| anyhow!(r))?;
        for index in primaries..self.nodes.len() {
            let primary = self.view(index % primaries).await?.1;
            let mut node = self.connect(index).await?;
            cluster(&mut node, &["REPLICATE", &primary]).await?;
        }
        self.healthy(AGREE_LIMIT).await
    }

    /// Tells every node the addresses of the ones before it.
    async fn introduce(&self) -> Result<()> {
        for index in 1..self.nodes.len() {
            let mut node = self.connect(index).await?;
            for other in 0..index {
                let port = self.port(other).to_string();
                cluster(&mut node, &["MEET", "127.0.0.1", &port]).await?;
            }
        }
        Ok(())
    }

    async fn all_known(&self) -> Result<()> {
        for index in 0..self.nodes.len() {
            let (views, _) = self.view(index).await?;
            let known = views.iter().filter(|view| view.healthy).count();
            ensure!(
                known == self.nodes.len(),
                "node {index} knows {known} nodes"
            );
        }
        Ok(())
    }

    async fn check(&self) -> Result<()> {
        let mut pictures = BTreeSet::new();
        for index in 0..self.nodes.len() {
            if self.node(index).is_none() {
                continue;
            }
            let mut connection = self.connect(index).await?;
            let info: String = ask(&mut connection, redis::cmd("CLUSTER").arg("INFO")).await?;
            ensure!(
                info.contains("cluster_state:ok"),
                "node {index}: state is not ok"
            );
            let all = format!("cluster_slots_ok:{SLOTS}\r\n");
            ensure!(info.contains(&all), "node {index}: slots without a server");
            let replication: String =
                ask(&mut connection, redis::cmd("INFO").arg("replication")).await?;
            let in_step = !replication.contains("role:slave")
                || replication.contains("master_link_status:up");
            ensure!(in_step, "node {index}: replica out of step");
            pictures.insert(picture(&self.view(index).await?.0)?);
        }
        ensure!(
            pictures.len() == 1,
            "{} different views of the cluster",
            pictures.len()
        );
        Ok(())
    }

    /// How a node sees the cluster, and its own id.
    async fn view(&self, index: usize) -> Result<(Vec<View>, String)> {
        let mut connection = self.connect(index).await?;
        let text: String = ask(&mut connection, redis::cmd("CLUSTER").arg("NODES")).await?;
        let own = text.lines().find(|line| line.contains("myself"));
        let id = own
            .and_then(|line| line.split(' ').next())
            .context("no own line")?;
        Ok((
            text.lines().filter_map(View::parse).collect(),
            id.to_owned(),
        ))
    }

    async fn any_view(&self) -> Result<Vec<View>> {
        for index in 0..self.nodes.len() {
            if let Ok((views, _)) = self.view(index).await {
                return Ok(views);
            }
        }
        bail!("no node answers")
    }

    fn launch(&self, server: &Path, index: usize) -> Result<()> {
        let mut slot = self.node(index);
        if slot.as_ref().is_some_and(Guarded::is_running) {
            return Ok(());
        }
        let directory = self.directory(index);
        fs::create_dir_all(&directory)?;
        let port = self.port(index).to_string();
        let append_only = if self.options.append_only {
            "yes"
        } else {
            "no"
        };
        // It takes no other loopback address than 127.0.0.1 for one; only loopback is listened on.
        let protected = if self.options.own_sources {
            "no"
        } else {
            "yes"
        };
        let settings: BTreeMap<&str, &str> = BTreeMap::from([
            ("--bind", "127.0.0.1"),
            ("--protected-mode", protected),
            ("--cluster-enabled", "yes"),
            ("--cluster-config-file", "nodes.conf"),
            ("--cluster-node-timeout", NODE_TIMEOUT_MS),
            ("--cluster-require-full-coverage", "no"),
            ("--cluster-allow-replica-migration", "no"),
            ("--appendonly", append_only),
            ("--appendfsync", "everysec"),
            ("--save", ""),
            ("--maxmemory-policy", "noeviction"),
            // By default a primary waits five seconds for more replicas before it sends its data.
            ("--repl-diskless-sync-delay", "0"),
            ("--daemonize", "no"),
        ]);
        let mut program = Program::new(server);
        for (name, value) in settings {
            program = program.arg(name).arg(value);
        }
        program = if self.options.tls {
            tls::settings(program, &self.options.dir, &port)
        } else {
            program.arg("--port").arg(&port)
        };
        if self.options.own_sources {
            program = program
                .args(["--bind-source-addr", &RedisOptions::source(index)])
                // Else its peers would take that for where it listens.
                .args(["--cluster-announce-ip", "127.0.0.1"]);
        }
        let log = self.options.dir.join(format!("node-{index}.log"));
        let program = program
            .envs(
                self.options
                    .environment
                    .iter()
                    .map(|(name, value)| (name, value)),
            )
            .in_directory(directory)
            .log_to(log)
            .dies_by(Signal::KILL);
        *slot = Some(program.spawn()?);
        Ok(())
    }

    async fn answering(&self, index: usize) -> Result<()> {
        let answered = within(ANSWER_LIMIT, async || {
            if !self.node(index).as_ref().is_some_and(Guarded::is_running) {
                return Ok(Err(anyhow!("redis-server ended while starting")));
            }
            let mut connection = self.connect(index).await?;
            ask::<String>(&mut connection, &redis::cmd("PING"))
                .await
                .map(|_| Ok(()))
        });
        let outcome = answered
            .await
            .map_err(|reason| anyhow!(reason))
            .and_then(|answer| answer);
        outcome.with_context(|| {
            let log = self.options.dir.join(format!("node-{index}.log"));
            format!("redis node {index} did not start, see {}", log.display())
        })
    }

    /// The directory in which a node works.
    pub fn directory(&self, index: usize) -> PathBuf {
        node_directory(&self.options, index)
    }

    fn node(&self, index: usize) -> MutexGuard<'_, Option<Guarded>> {
        self.nodes[index]
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

fn slots_of(index: usize, primaries: usize) -> Range<usize> {
    SLOTS * index / primaries..SLOTS * (index + 1) / primaries
}

/// The base port asked for, or one whose followers and buses are all free.
fn choose_ports(options: &RedisOptions) -> Result<u16> {
    let taken = |base: u16| {
        options
            .ports(base)
            .into_iter()
            .find(|port| !ports::is_free(*port))
    };
    if let Some(base) = options.base_port {
        let highest = usize::from(base) + options.nodes() - 1 + usize::from(BUS_OFFSET);
        ensure!(
            u16::try_from(highest).is_ok(),
            "base port {base} is too high for the buses"
        );
        if let Some(port) = taken(base) {
            bail!("port {port} is taken");
        }
        return Ok(base);
    }
    let mut random = rand::rng();
    let mut candidates = (0..BASE_PORT_ATTEMPTS).map(|_| random.random_range(BASE_PORTS));
    let found = candidates.find(|base| taken(*base).is_none());
    found.context("no free ports for a Redis Cluster")
}

fn node_directory(options: &RedisOptions, index: usize) -> PathBuf {
    options.dir.join(format!("node-{index}"))
}

fn remove_nodes(options: &RedisOptions) -> Result<()> {
    for index in 0..options.nodes() {
        let directory = node_directory(options, index);
        if directory.exists() {
            fs::remove_dir_all(directory)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_primaries_share_all_slots() {
        let shares: Vec<_> = (0..3).map(|index| slots_of(index, 3)).collect();
        assert_eq!(shares, [0..5461, 5461..10_922, 10_922..16_384]);
    }
}
