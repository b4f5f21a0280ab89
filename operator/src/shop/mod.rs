//! One shop: what is found, what is wanted, what is done, what is said.
//!
//! ```text
//! dereference  reads: children, referenced Secrets, known kinds, PostgreSQL, Redis   (client)
//! validate     faults of the manifest and of what it names, as conditions            (pure)
//! build        every child object, the steps for PostgreSQL and Redis                (pure)
//! apply        writes what differs, and nothing else                                 (client)
//! status       sums up, writes when it differs                                       (client)
//! ```

pub mod apply;
pub mod build;
mod child;
pub mod cluster;
pub mod compare;
pub mod credentials;
pub mod dereference;
pub mod identity;
pub mod migration;
pub mod names;
mod reconcile;
pub mod rotation;
pub mod status;
pub mod stores;
mod stuck;
pub mod upkeep;
mod validate;

pub use child::{Child, Keep, ObjectKey};
pub use credentials::{
    BackupKeyPair, Broken, Credentials, DatabaseCredentials, Needs, Past, RENEW,
};
pub use reconcile::{Outcome, reconcile};
pub use validate::{
    Content, ExternalAddress, Fault, Reference, Validated, references, resolve, validate,
};

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::crds::{ShopBackup, ShopRestore};

/// What the operator was started with, the same for all shops.
#[derive(Clone, Debug, PartialEq)]
pub struct Defaults {
    /// Image of the bot where the manifest names none.
    pub bot_image: String,
    /// Image of PostgreSQL where the manifest names none.
    pub postgres_image: String,
    /// Image of Redis or Valkey where the manifest names none.
    pub redis_image: String,
    /// Namespace of the operator, whose pods may reach the stores.
    pub operator_namespace: String,
    /// Domain of the cluster, such as `cluster.local`.
    pub cluster_domain: String,
}

/// What the cluster and the stores say of a shop now.
#[derive(Clone, Default)]
pub struct Found {
    /// The shop's children (label `app.kubernetes.io/instance`), as the API server has them.
    pub children: BTreeMap<ObjectKey, Value>,
    /// Secrets that the manifest names: their keys and values, by name; `None` when missing.
    pub secrets: BTreeMap<String, Option<BTreeMap<String, Vec<u8>>>>,
    /// Optional kinds that this cluster has.
    pub kinds: KnownKinds,
    /// Backups of the shop.
    pub backups: Vec<ShopBackup>,
    /// Restores of the shop.
    pub restores: Vec<ShopRestore>,
}

impl Found {
    /// A child as the API server has it.
    pub fn child(&self, kind: &str, name: &str) -> Option<&Value> {
        self.children.get(&ObjectKey::new(kind, name))
    }

    /// The children of a kind.
    pub fn of_kind<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = &'a Value> {
        let of_kind = move |(key, _): &(&ObjectKey, &Value)| key.kind == kind;
        self.children.iter().filter(of_kind).map(|(_, live)| live)
    }

    /// The Deployments of the bots.
    pub fn bots(&self) -> impl Iterator<Item = &Value> {
        let of_bots = |live: &&Value| live["metadata"]["labels"][names::COMPONENT] == "bot";
        self.of_kind("Deployment").filter(of_bots)
    }
}

/// Optional kinds that a cluster has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each kind is there or not")]
pub struct KnownKinds {
    /// `monitoring.coreos.com/v1` `ServiceMonitor`.
    pub service_monitor: bool,
    /// `monitoring.coreos.com/v1` `PrometheusRule`.
    pub prometheus_rule: bool,
    /// `gateway.networking.k8s.io/v1` `HTTPRoute`.
    pub http_route: bool,
    /// `postgresql.cnpg.io/v1` `Cluster`.
    pub cloud_native_pg: bool,
}

/// How far a shop has come; decides which children may exist yet.
#[derive(Clone, Debug, Default, PartialEq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each holds or not, by itself"
)]
pub struct Progress {
    /// The database answers, with its roles.
    pub database_ready: bool,
    /// The image that the database was last migrated for.
    pub migrated_image: Option<String>,
    /// Shards of Redis that are no longer wanted and are empty: their StatefulSets may go.
    pub redis_empty_shards: BTreeSet<usize>,
    /// Shards whose surplus replicas hold nothing that is not elsewhere: they may shrink.
    pub redis_shrinkable: BTreeSet<usize>,
    /// Every node of Redis was seen to accept the password that is to be used next.
    pub redis_accepts_next: bool,
    /// The next step of a change of Redis' password is due.
    pub redis_password_due: bool,
    /// The shop is held: no bot may run, no schedule may start, nothing is migrated.
    pub held: bool,
    /// The database answers, be it the shop's own or another in its place.
    pub database_answers: bool,
    /// Another database has taken the place of the shop's.
    pub database_replaced: bool,
    /// The shop's database was empty when it became the shop's: it is migrated before a bot runs.
    pub unmigrated: bool,
    /// System identifier of the database.
    pub system_identifier: Option<String>,
}

impl Progress {
    /// Whether no bot may run now.
    pub fn keeps_bots_away(&self) -> bool {
        self.held || self.unmigrated
    }
}
