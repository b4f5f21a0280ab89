//! What is true of a shop.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use kube::KubeSchema;
use serde::{Deserialize, Serialize};

use super::schema;

/// What is true of a shop now. Conditions say how it does; there is no phase.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct WhatsAppShopStatus {
    /// `Ready` sums up the others; docs/conditions.md lists each type and reason.
    #[serde(default)]
    #[schemars(schema_with = "schema::conditions")]
    pub conditions: Vec<Condition>,
    /// Version of the spec that the status speaks of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// When the shop served customers for the first time. From then on `Ready` does not ask for
    /// Redis: PostgreSQL alone sells too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_served_at: Option<Time>,
    /// Bots that exist, for the scale subresource.
    #[serde(default)]
    pub replicas: i32,
    /// Selects the bots, for the scale subresource.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub selector: Option<String>,
    /// Available bots of those wanted, such as `2/2`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bots: Option<String>,
    /// The image that the database was last migrated for and the bots run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub migrated_image: Option<String>,
    /// The database that the shop's data is in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub database: Option<DatabaseStatus>,
    /// Where the shop is reached.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endpoints: Option<Endpoints>,
    /// The managed Redis Cluster.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub redis: Option<RedisStatus>,
    /// The newest complete backup.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_backup: Option<BackupRecord>,
    /// The key that the newest backup is sealed with. While it is missing no other is made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backup_key_id: Option<String>,
    /// The newest backup that was restored and found whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_verified_backup: Option<BackupRecord>,
}

/// The database that a shop's data is in.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct DatabaseStatus {
    /// The server's `system_identifier`: a server with another one has other data.
    pub system_identifier: String,
    /// Where an external one is: `host:port/database`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// Another one that has taken its place, which nobody has asked for: the shop is held.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replaced_by: Option<String>,
    /// When that was seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replaced_at: Option<Time>,
    /// It was empty when it became the shop's, and is not migrated yet: no bot runs.
    #[serde(default, skip_serializing_if = "is_false")]
    pub unmigrated: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde gives a reference")]
fn is_false(value: &bool) -> bool {
    !*value
}

/// Where a shop is reached.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct Endpoints {
    /// The Service, from inside the cluster.
    pub service: String,
    /// For Meta's app dashboard.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub whatsapp_webhook: Option<String>,
    /// For Midtrans' dashboard.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub midtrans_notification: Option<String>,
}

/// A managed Redis Cluster, as its nodes tell it.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct RedisStatus {
    /// Slots that a primary serves, of 16384.
    #[serde(default)]
    pub slots: i32,
    /// One entry for each shard, in its order.
    #[serde(default)]
    pub shards: Vec<RedisShardStatus>,
    /// How often every copy of some keys was lost; the number of the newest loss, which
    /// `redis.managed.acknowledgeDataLoss` accepts.
    #[serde(default)]
    #[schemars(range(min = 0))]
    pub losses: u32,
    /// What the operator has set out to do and must finish, such as a move of slots; its form is
    /// the operator's own.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "memory_schema")]
    pub memory: BTreeMap<String, serde_json::Value>,
}

/// Any object, kept whole however deep: with `additionalProperties` the API server would prune what
/// lies inside its values.
fn memory_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    schemars::json_schema!({
        "type": "object",
        "description": "What the operator has set out to do and must finish, such as a move of \
            slots; its form is the operator's own.",
        "x-kubernetes-preserve-unknown-fields": true,
    })
}

/// A shard of a managed Redis Cluster.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct RedisShardStatus {
    /// Pod that serves it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub primary: Option<String>,
    /// Its slots.
    #[serde(default)]
    pub slots: i32,
    /// Replicas whose link is up.
    #[serde(default)]
    pub synced_replicas: i32,
}

/// A backup, in a line.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct BackupRecord {
    /// The ShopBackup.
    pub name: String,
    /// Its name at the destination.
    pub backup: String,
    /// When it was written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<Time>,
    /// When it was proved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verified_at: Option<Time>,
}
