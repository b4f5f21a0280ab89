//! Shops that share one cluster, and clusters of their own for those that break them.

use std::path::PathBuf;
use std::time::Duration;

use prometheus::Registry;
use prometheus::proto::{LabelPair, MetricFamily};
use tokio::sync::{Mutex, MutexGuard};
use warung_coordination::{Config, Coordination};
use warung_testkit::{RedisCluster, RedisOptions, eventually, stores};

/// How long anything may take that is only a matter of time.
pub(crate) const SOON: Duration = Duration::from_secs(10);

/// One shop: a key prefix on a cluster.
pub(crate) struct Shop {
    pub(crate) prefix: String,
    nodes: Vec<String>,
}

/// One bot of a shop, with its own metrics.
pub(crate) struct Bot {
    pub(crate) coordination: Coordination,
    registry: Registry,
}

impl Shop {
    /// A new shop on the cluster that all tests share.
    pub(crate) async fn open() -> Self {
        Self::on(&stores().await.redis)
    }

    pub(crate) fn on(cluster: &RedisCluster) -> Self {
        let prefix = format!("warung:{:08x}:", rand::random::<u32>());
        Self {
            prefix,
            nodes: cluster.urls(),
        }
    }

    /// A bot that is connected and hears the others.
    pub(crate) async fn bot(&self) -> Bot {
        self.bot_with(|_| {}).await
    }

    pub(crate) async fn bot_with(&self, change: impl FnOnce(&mut Config)) -> Bot {
        Self::connect(Config::parse(&self.nodes, &self.prefix).unwrap(), change).await
    }

    /// A bot that is told of one node only.
    pub(crate) async fn bot_at(&self, node: &str) -> Bot {
        Self::connect(Config::parse([node], &self.prefix).unwrap(), |_| {}).await
    }

    pub(crate) async fn connect(mut config: Config, change: impl FnOnce(&mut Config)) -> Bot {
        // Two cores run everything at once here; a stall of the machine is no fault of Redis.
        config.timeouts.vote = Duration::from_millis(200);
        config.timeouts.response = Duration::from_millis(400);
        change(&mut config);
        let registry = Registry::new();
        let coordination = Coordination::connect(config, &registry);
        let health = || coordination.health();
        eventually(SOON, async || health().is_up && health().is_subscribed).await;
        Bot {
            coordination,
            registry,
        }
    }
}

impl Bot {
    /// A counter or gauge by name and label values, in the order of their names.
    pub(crate) fn metric(&self, name: &str, labels: &[&str]) -> f64 {
        let families = self.registry.gather();
        let family = families.iter().find(|family| family.name() == name);
        let metrics = family.map(MetricFamily::get_metric).unwrap_or_default();
        let metric = metrics.iter().find(|metric| {
            metric
                .get_label()
                .iter()
                .map(LabelPair::value)
                .eq(labels.iter().copied())
        });
        metric.map_or(0.0, |metric| {
            metric.get_counter().get_value() + metric.get_gauge().get_value()
        })
    }

    /// How often a histogram was fed.
    pub(crate) fn samples(&self, name: &str) -> u64 {
        let families = self.registry.gather();
        let family = families.iter().find(|family| family.name() == name);
        let metrics = family.map(MetricFamily::get_metric).unwrap_or_default();
        metrics
            .iter()
            .map(|metric| metric.get_histogram().get_sample_count())
            .sum()
    }

    pub(crate) fn metric_names(&self) -> Vec<String> {
        self.registry
            .gather()
            .iter()
            .map(|family| family.name().to_owned())
            .collect()
    }
}

/// The keys of a pattern on every primary, each with its node.
pub(crate) async fn keys(cluster: &RedisCluster, pattern: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for node in cluster.primaries().await.unwrap() {
        let mut connection = cluster.connect(node).await.unwrap();
        let keys: Vec<String> = redis::cmd("KEYS")
            .arg(pattern)
            .query_async(&mut connection)
            .await
            .unwrap();
        found.extend(keys.into_iter().map(|key| (node, key)));
    }
    found
}

/// Runs one command on one node.
pub(crate) async fn run<T: redis::FromRedisValue>(
    cluster: &RedisCluster,
    node: usize,
    words: &[&str],
) -> T {
    let mut connection = cluster.connect(node).await.unwrap();
    let mut cmd = redis::Cmd::new();
    for word in words {
        cmd.arg(*word);
    }
    cmd.query_async(&mut connection).await.unwrap()
}

/// A cluster that a test may break. One at a time: each is six processes.
pub(crate) struct OwnCluster {
    pub(crate) redis: RedisCluster,
    dir: PathBuf,
    _turn: MutexGuard<'static, ()>,
}

impl OwnCluster {
    pub(crate) async fn start() -> Self {
        Self::start_with(|options| options).await
    }

    pub(crate) async fn start_with(change: impl FnOnce(RedisOptions) -> RedisOptions) -> Self {
        static TURN: Mutex<()> = Mutex::const_new(());
        let turn = TURN.lock().await;
        let name = format!("warung-coordination-{:016x}", rand::random::<u64>());
        let dir = std::env::temp_dir().join(name);
        let options = change(RedisOptions::new(&dir));
        let redis = RedisCluster::start(options).await.unwrap();
        Self {
            redis,
            dir,
            _turn: turn,
        }
    }
}

impl Drop for OwnCluster {
    fn drop(&mut self) {
        self.redis.kill_all().unwrap();
        // A leftover directory in the temporary directory harms nobody.
        let _ = std::fs::remove_dir_all(&self.dir);
    }
}
