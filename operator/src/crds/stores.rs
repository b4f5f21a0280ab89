//! PostgreSQL and Redis of a shop.

use k8s_openapi::api::core::v1::ResourceRequirements;
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use kube::KubeSchema;
use serde::{Deserialize, Serialize};

use super::schema::{self, IMAGE, OBJECT_NAME};
use super::{PullPolicy, SecretKeyRef};

/// Where the shop's data lives: exactly one of `external`, `managed` and `cloudNativePG`. The
/// choice cannot be changed, because another choice is another, empty database: restore a backup
/// into a new shop instead.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("[has(self.external), has(self.managed), has(self.cloudNativePG)].filter(x, x).size() == 1")
        .message("set exactly one of database.external, database.managed and database.cloudNativePG"),
    validation = Rule::new("has(self.external) == has(oldSelf.external) && has(self.managed) == has(oldSelf.managed) && has(self.cloudNativePG) == has(oldSelf.cloudNativePG)")
        .message("the kind of database cannot be changed, the data would stay behind: make a new shop and restore a backup into it")
        .reason(Reason::FieldValueForbidden)
)]
pub struct Database {
    /// A PostgreSQL that somebody else runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external: Option<ExternalDatabase>,
    /// One PostgreSQL instance that the operator runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub managed: Option<ManagedDatabase>,
    /// A highly available PostgreSQL that CloudNativePG runs; its operator must be installed.
    #[serde(
        default,
        rename = "cloudNativePG",
        skip_serializing_if = "Option::is_none"
    )]
    pub cloud_native_pg: Option<CloudNativePg>,
}

/// A PostgreSQL (14 or newer) that somebody else runs.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct ExternalDatabase {
    /// The URL that bots use: `postgres://user:password@host:5432/database?sslmode=verify-full`.
    pub secret_ref: SecretKeyRef,
    /// The URL of the role that owns the database: it migrates, backs up and restores. Left out,
    /// the bots' own role does it and may then change the ledger's past.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner_secret_ref: Option<SecretKeyRef>,
}

/// One PostgreSQL instance that the operator runs in a StatefulSet.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct ManagedDatabase {
    /// An image with the PostgreSQL programs (`initdb`, `postgres`, `pg_dump`, `pg_amcheck`). Its
    /// entry point is not used. Left out, the operator's default is taken at creation. The major
    /// version cannot be changed in place: restore a backup into a new shop.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 500), regex(pattern = IMAGE))]
    pub image: Option<String>,
    /// When a node fetches the image.
    #[serde(default)]
    pub image_pull_policy: PullPolicy,
    /// The volume of the data.
    #[serde(default)]
    pub storage: Storage,
    /// CPU and memory; the settings of the server follow from the memory limit.
    #[serde(default = "database_resources")]
    #[schemars(schema_with = "schema::postgres_resources")]
    pub resources: ResourceRequirements,
    /// Most connections to the server.
    #[serde(default = "max_connections")]
    #[schemars(range(min = 20, max = 2000))]
    pub max_connections: i32,
}

fn max_connections() -> i32 {
    200
}

/// A highly available PostgreSQL of CloudNativePG.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct CloudNativePg {
    /// Servers: one primary, the others follow it.
    #[serde(default = "instances")]
    #[schemars(range(min = 1, max = 9))]
    pub instances: i32,
    /// Image of CloudNativePG's own making; left out, its default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 500), regex(pattern = IMAGE))]
    pub image: Option<String>,
    /// The volume of each server.
    #[serde(default)]
    pub storage: Storage,
    /// CPU and memory of each server.
    #[serde(default = "database_resources")]
    #[schemars(schema_with = "schema::postgres_resources")]
    pub resources: ResourceRequirements,
    /// Most connections to the primary.
    #[serde(default = "max_connections")]
    #[schemars(range(min = 20, max = 2000))]
    pub max_connections: i32,
}

fn instances() -> i32 {
    3
}

/// A Redis Cluster: exactly one of `external` and `managed`. The choice may change: Redis holds
/// nothing that PostgreSQL does not know.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("has(self.external) != has(self.managed)")
    .message("set exactly one of redis.external and redis.managed"))]
pub struct Redis {
    /// A Redis Cluster that somebody else runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external: Option<ExternalRedis>,
    /// A Redis Cluster that the operator runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub managed: Option<ManagedRedis>,
}

/// A Redis Cluster (7.0 or newer, at least three primaries) that somebody else runs.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct ExternalRedis {
    /// The URLs of some nodes, separated by commas: `redis://user:password@host:6379`, or
    /// `rediss://…` for all where the cluster speaks TLS. A node's certificate must be for the
    /// address under which the cluster announces it.
    pub secret_ref: SecretKeyRef,
    /// The authorities (PEM) of the nodes' certificates, where they are not public ones: no other
    /// is trusted then. It needs `rediss://` URLs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca_secret_ref: Option<SecretKeyRef>,
}

/// A Redis Cluster that the operator runs: one StatefulSet for each shard.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("self.shards * (self.replicasPerShard + 1) <= 60")
    .message("redis.managed makes shards × (replicasPerShard + 1) pods, at most 60"))]
pub struct ManagedRedis {
    /// An image with `valkey-server` or `redis-server` (7.0 or newer) and its command line
    /// client. Left out, the operator's default is taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 500), regex(pattern = IMAGE))]
    pub image: Option<String>,
    /// When a node fetches the image.
    #[serde(default)]
    pub image_pull_policy: PullPolicy,
    /// Primaries; the slots are spread evenly over them. Locks need at least three.
    #[serde(default = "shards")]
    #[schemars(range(min = 3, max = 30))]
    pub shards: i32,
    /// Replicas of each primary. With 0 a lost node loses its locks, limits and cache; sales stay
    /// right, because PostgreSQL decides.
    #[serde(default = "replicas_per_shard")]
    #[schemars(range(min = 0, max = 4))]
    pub replicas_per_shard: i32,
    /// The volume of each node.
    #[serde(default = "redis_storage")]
    pub storage: Storage,
    /// CPU and memory of each node; three fifths of the memory limit may hold data,
    /// the rest is for copies and buffers.
    #[serde(default = "redis_resources")]
    #[schemars(schema_with = "schema::redis_resources")]
    pub resources: ResourceRequirements,
    /// The number of a loss of keys that a person accepts: its slots are handed out anew, empty.
    /// The conditions `RedisReady` and `RedisDataSafe` tell the number. It stands for that loss alone: the next one
    /// has another number and waits again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub acknowledge_data_loss: Option<u32>,
}

fn shards() -> i32 {
    3
}

fn replicas_per_shard() -> i32 {
    1
}

fn redis_storage() -> Storage {
    Storage {
        size: Quantity("1Gi".to_owned()),
        ..Storage::default()
    }
}

/// A volume.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("has(self.className) == has(oldSelf.className) && (!has(self.className) || self.className == oldSelf.className)")
    .message("storage.className cannot be set, changed or removed later: a volume stays in its class")
    .reason(Reason::FieldValueForbidden))]
pub struct Storage {
    /// Its size. It may only grow, and its class must allow that.
    #[serde(default = "storage_size")]
    #[schemars(schema_with = "schema::storage_size")]
    pub size: Quantity,
    /// Its storage class; left out, the cluster's default. It cannot be changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253), regex(pattern = OBJECT_NAME))]
    pub class_name: Option<String>,
}

impl Default for Storage {
    fn default() -> Self {
        Self {
            size: storage_size(),
            class_name: None,
        }
    }
}

fn storage_size() -> Quantity {
    Quantity("10Gi".to_owned())
}

fn database_resources() -> ResourceRequirements {
    resources("250m", "512Mi", "1Gi")
}

fn redis_resources() -> ResourceRequirements {
    resources("50m", "96Mi", "256Mi")
}

fn resources(cpu: &str, memory: &str, memory_limit: &str) -> ResourceRequirements {
    schema::requirements([cpu, memory, "64Mi"], ["2", memory_limit, "512Mi"])
}

impl ExternalDatabase {
    /// The key with the owner's URL: its own, or the bots'.
    pub fn owner(&self) -> &SecretKeyRef {
        self.owner_secret_ref.as_ref().unwrap_or(&self.secret_ref)
    }
}
