//! The bots of a shop.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::ResourceRequirements;
use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::LocalRef;
use super::schema::{self, IMAGE, OBJECT_NAME};

/// The bots that answer customers.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct Bot {
    /// Image of `warung-bot`. Left out, the operator's own default is taken, so that an upgrade of
    /// the operator upgrades the shops. A new image first migrates the database, then rolls.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 500), regex(pattern = IMAGE))]
    pub image: Option<String>,

    /// When a node fetches the image: `Always`, `IfNotPresent` or `Never`.
    #[serde(default)]
    pub image_pull_policy: PullPolicy,

    /// Secrets with which a private registry is reached.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 8))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    pub image_pull_secrets: Vec<LocalRef>,

    /// How many bots. Ignored under `autoscaling`, which then owns the number.
    #[serde(default = "replicas")]
    #[schemars(range(min = 0, max = 100))]
    pub replicas: i32,

    /// Lets a HorizontalPodAutoscaler choose the number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub autoscaling: Option<Autoscaling>,

    /// `single`: every bot takes webhooks and works on them. `split`: one Deployment takes
    /// webhooks, another works; each has `replicas`, and autoscaling applies to the workers.
    #[serde(default)]
    pub topology: Topology,

    /// CPU, memory and ephemeral storage of one bot. What is given here replaces the default whole.
    #[serde(default = "resources")]
    #[schemars(schema_with = "schema::bot_resources")]
    pub resources: ResourceRequirements,

    /// How often one customer may buy.
    #[serde(default)]
    pub limits: Limits,

    /// Life of a purchase's lock. Longer than the slowest purchase; a crashed bot's lock ends by
    /// itself after this time.
    #[serde(default = "lock_ttl", rename = "lockTTL")]
    #[schemars(length(max = 10), regex(pattern = r"^[0-9]{1,6}(ms|s|m)$"))]
    #[x_kube(validation = Rule::new("duration(self) >= duration('10s') && duration(self) <= duration('5m')")
        .message("lockTTL must lie between 10s and 5m"))]
    pub lock_ttl: String,

    /// Texts of one customer that follow each other faster than this are answered as one; `0s`
    /// answers each at once.
    #[serde(default = "burst_window")]
    #[schemars(length(max = 10), regex(pattern = r"^[0-9]{1,6}(ms|s)$"))]
    #[x_kube(validation = Rule::new("duration(self) <= duration('10s')")
        .message("burstWindow must be at most 10s"))]
    pub burst_window: String,

    /// Connections of one bot to PostgreSQL. All bots together must stay below the server's most
    /// connections.
    #[serde(default = "connections")]
    #[schemars(range(min = 2, max = 200))]
    pub database_connections: i32,

    /// Log filter, such as `info` or `info,warung_bot=debug`.
    #[serde(default = "log")]
    #[schemars(length(min = 1, max = 200))]
    pub log: String,

    /// Priority class of the pods.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253), regex(pattern = OBJECT_NAME))]
    pub priority_class_name: Option<String>,

    /// Nodes that the pods may run on.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "schema::node_labels")]
    pub node_selector: BTreeMap<String, String>,

    /// Where traces go (OTLP over HTTP), such as `http://collector.observability:4318`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 200), regex(pattern = r"^https?://[^\s?#]+$"))]
    pub traces_endpoint: Option<String>,
}

impl Default for Bot {
    fn default() -> Self {
        Self {
            image: None,
            image_pull_policy: PullPolicy::default(),
            image_pull_secrets: Vec::new(),
            replicas: replicas(),
            autoscaling: None,
            topology: Topology::default(),
            resources: resources(),
            limits: Limits::default(),
            lock_ttl: lock_ttl(),
            burst_window: burst_window(),
            database_connections: connections(),
            log: log(),
            priority_class_name: None,
            node_selector: BTreeMap::new(),
            traces_endpoint: None,
        }
    }
}

fn replicas() -> i32 {
    2
}

fn lock_ttl() -> String {
    "30s".to_owned()
}

fn burst_window() -> String {
    "1200ms".to_owned()
}

fn connections() -> i32 {
    16
}

fn log() -> String {
    "info".to_owned()
}

/// What one bot needs for some hundred messages a second (measured: docs/performance.md).
fn resources() -> ResourceRequirements {
    schema::requirements(["100m", "64Mi", "16Mi"], ["1", "256Mi", "128Mi"])
}

/// When a node fetches an image.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PullPolicy {
    /// At every start of a container.
    Always,
    /// When the node does not have it.
    #[default]
    IfNotPresent,
    /// Never: it must be there.
    Never,
}

impl PullPolicy {
    /// As Kubernetes writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Always => "Always",
            Self::IfNotPresent => "IfNotPresent",
            Self::Never => "Never",
        }
    }
}

/// Which Deployments the bots make up.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Copy, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum Topology {
    /// One Deployment, every bot does all.
    #[default]
    Single,
    /// A Deployment for webhooks, another for the work.
    Split,
}

/// Bounds and aim of a HorizontalPodAutoscaler.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("self.minReplicas <= self.maxReplicas")
    .message("autoscaling.minReplicas must not exceed autoscaling.maxReplicas"))]
pub struct Autoscaling {
    /// Fewest bots.
    #[serde(default = "replicas")]
    #[schemars(range(min = 1, max = 100))]
    pub min_replicas: i32,
    /// Most bots.
    #[schemars(range(min = 1, max = 100))]
    pub max_replicas: i32,
    /// Share of the requested CPU, in percent, that the bots are held at.
    #[serde(default = "cpu_target", rename = "targetCPUUtilization")]
    #[schemars(range(min = 10, max = 95))]
    pub target_cpu_utilization: i32,
}

fn cpu_target() -> i32 {
    70
}

/// How often one customer may buy.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct Limits {
    /// Purchases in any window.
    #[serde(default = "purchases")]
    #[schemars(range(min = 1, max = 1000))]
    pub transactions_per_window: i32,
    /// Length of the window.
    #[serde(default = "window")]
    #[schemars(length(max = 10), regex(pattern = r"^[0-9]{1,6}(s|m|h)$"))]
    #[x_kube(validation = Rule::new("duration(self) >= duration('1s') && duration(self) <= duration('24h')")
        .message("limits.window must lie between 1s and 24h"))]
    pub window: String,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            transactions_per_window: purchases(),
            window: window(),
        }
    }
}

fn purchases() -> i32 {
    3
}

fn window() -> String {
    "60s".to_owned()
}
