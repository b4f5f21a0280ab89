//! A Redis Cluster kept in order: look, decide, act, and again.
//!
//! This room knows no Kubernetes. Its caller lists the pods and gives what must be remembered; it
//! gets back what to do, what to remember and what to tell. One `StatefulSet` per shard is assumed,
//! with `OnDelete`: nothing but [`Plan::delete`] ever replaces a pod.
//!
//! One pass of a reconcile:
//!
//! ```ignore
//! let seen = redis::observe(&pods, &credentials).await;              // ≤ 1 s, never fails
//! let plan = redis::plan(&desired, &seen, memory, Timestamp::now()); // pure
//! write_status(&plan.memory, &plan.report).await?; // BEFORE acting: a move is found again by it
//! redis::act(&plan.steps, &credentials, &|| leadership.check()).await?;
//! for pod in &plan.delete {
//!     delete(&pod.name, Preconditions { uid: pod.uid.clone() }).await?;
//! }
//! requeue(plan.verdict.pause()); // None: settled, wait for a watch or the next resync
//! ```
//!
//! What the caller has to do besides:
//! - Create the `StatefulSets` of all `desired.shards` at any time; pods may come up in any order.
//! - Keep the `StatefulSet` of a shard that is no longer desired until its number is listed in
//!   [`Report::empty_shards`]; then delete it *and its volumes*.
//! - Lower the replicas of a `StatefulSet` only while [`ShardReport::shrinkable`] holds.
//! - Never act on an error of `act`: the next pass looks again and decides anew.
//!
//! Every pass decides from what all nodes say together. It does one kind of change, the first
//! that is due of: bring moved nodes back together, mend replication links, promote, finish open
//! slots, forget, meet, hand out slots, replicate, move slots, hand over and replace pods.

mod act;
pub mod config;
mod connection;
pub mod external;
mod observe;
mod parse;
mod picture;
mod plan;
mod report;
mod slots;

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

pub use self::act::{Check, act};
pub use self::connection::Credentials;
pub use self::observe::{LOOK_LIMIT, Seen, View, accepted, observe};
pub use self::parse::{Line, NodeId, ParseError, Replication};
pub use self::plan::{Class, Deletion, Plan, Verdict, plan};
pub use self::report::{Finding, Findings, Progress, Reason, Report, ShardReport};
pub use self::slots::{SLOTS, SlotSet};

/// A pod of the Redis Cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pod {
    /// Its name, the same after each restart.
    pub name: String,
    /// Its identity; another after each restart.
    pub uid: String,
    /// Its address, once it has one.
    pub ip: Option<IpAddr>,
    /// Where Redis listens.
    pub port: u16,
    /// Where the cluster bus listens, if not 10,000 above.
    pub bus_port: Option<u16>,
    /// Its shard: which `StatefulSet` it belongs to.
    pub shard: usize,
    /// Its place in the `StatefulSet`.
    pub ordinal: usize,
    /// Ready in the eyes of Kubernetes.
    pub ready: bool,
    /// On its way out.
    pub terminating: bool,
    /// Started from an older template than the one wanted now.
    pub outdated: bool,
}

/// What the cluster should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Desired {
    /// Number of shards, at least three.
    pub shards: usize,
    /// Replicas of each primary.
    pub replicas_per_shard: usize,
    /// `cluster-node-timeout` of the nodes.
    pub node_timeout: Duration,
    /// The number of the loss that a person has accepted; see [`Memory::loss`].
    pub acknowledged_loss: Option<u32>,
}

/// What must be remembered between two passes. Belongs into the shop's status; a cluster at rest
/// does not change it. When it is gone, only a slot move in progress and the progress of waits
/// are lost, and the move is found again unless both its ends fail over.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Memory {
    /// All slots were handed out once: slots without an owner are lost, not new.
    pub formed: bool,
    /// What was wanted when the manifest last made sense.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wanted: Option<Size>,
    /// Which node lives in which pod.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub nodes: BTreeMap<NodeId, Home>,
    /// The slots on their way.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub moving: Option<Moving>,
    /// Primaries that are away.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub away: BTreeMap<NodeId, Away>,
    /// When a replica's link was first seen down, or last mended.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub relinked: BTreeMap<NodeId, Timestamp>,
    /// The number of the last loss of data: what a person must write to accept it, so that an
    /// earlier acceptance never covers a later loss.
    #[serde(skip_serializing_if = "is_zero")]
    pub loss: u32,
    /// The slots of that loss, until they are all handed out again. One that is not among them
    /// is another loss.
    #[serde(skip_serializing_if = "SlotSet::is_empty")]
    pub lost: SlotSet,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "the signature that serde calls"
)]
fn is_zero(number: &u32) -> bool {
    *number == 0
}

/// How big a cluster is to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Size {
    /// Number of shards.
    pub shards: usize,
    /// Replicas of each primary.
    pub replicas_per_shard: usize,
}

/// Where a node lives.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Home {
    /// Name of the pod.
    pub pod: String,
    /// Its UID when the node was last seen.
    pub uid: String,
    /// Its shard.
    pub shard: usize,
}

/// Slots on their way to a shard. Written down before the first of them is opened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Moving {
    /// Which slots.
    pub slots: SlotSet,
    /// Where to.
    pub to: usize,
    /// Slots of the whole rearrangement that this batch is a part of.
    pub total: usize,
}

/// A primary that is away.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Away {
    /// Since when.
    pub since: Timestamp,
    /// When a replica was last told to take over.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tried: Option<Timestamp>,
}

/// A node that a step speaks to or of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// Its id; checked before anything is done to it.
    pub id: NodeId,
    /// Name of its pod.
    pub pod: String,
    /// Address.
    pub ip: IpAddr,
    /// Port.
    pub port: u16,
    /// Port of its bus, if not 10,000 above.
    pub bus_port: Option<u16>,
}

/// One change to the cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// `CLUSTER SET-CONFIG-EPOCH`, on a node that knows no other.
    SetEpoch {
        /// Where.
        at: Node,
        /// Which.
        epoch: u64,
    },
    /// `CLUSTER MEET`.
    Meet {
        /// Who is told.
        at: Node,
        /// Whom it shall meet.
        peer: Node,
    },
    /// `CLUSTER FORGET`.
    Forget {
        /// Who is told.
        at: Node,
        /// Whom it shall forget.
        id: NodeId,
    },
    /// `CLUSTER REPLICATE`.
    Replicate {
        /// The replica.
        at: Node,
        /// Its primary.
        primary: NodeId,
    },
    /// `CLUSTER FAILOVER`.
    Failover {
        /// The replica that takes over.
        at: Node,
        /// How.
        mode: Takeover,
    },
    /// `CLUSTER ADDSLOTSRANGE`.
    AddSlots {
        /// The new owner.
        at: Node,
        /// The slots.
        slots: SlotSet,
    },
    /// `CLUSTER SETSLOT … STABLE`: the marks of a move are taken away.
    Close {
        /// Where.
        at: Node,
        /// Which slots.
        slots: SlotSet,
    },
    /// `CLUSTER SETSLOT … NODE`: a node is told who owns the slots now.
    Assign {
        /// Where.
        at: Node,
        /// Which slots.
        slots: SlotSet,
        /// Their owner.
        owner: NodeId,
    },
    /// Slots with their keys from one primary to another, as many as a pass has time for.
    Move {
        /// The owner.
        from: Node,
        /// The next owner.
        to: Node,
        /// The other primaries, which are told of it.
        others: Vec<Node>,
        /// Which slots.
        slots: SlotSet,
    },
}

/// How a replica takes over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Takeover {
    /// In agreement with its primary; nothing is lost.
    Agreed,
    /// Without its primary, by vote of the others (`FORCE`).
    Voted,
    /// Without its primary and without a vote (`TAKEOVER`).
    Alone,
}
