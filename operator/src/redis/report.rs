//! What the shop's status is told.

use super::Memory;
use super::picture::Picture;
use super::slots::SLOTS;

/// Why something is as it is. Each is a reason of a condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reason {
    /// Nothing is left to do.
    Settled,
    /// Pods are missing, starting or do not answer.
    PodsAway,
    /// Nodes do not yet see the same cluster.
    ViewsDiffer,
    /// A node answers, but holds its customers back for some seconds after a start.
    NotServing,
    /// A primary does not answer and a replica is going to take over.
    PrimaryAway,
    /// A replica is still copying its primary's data.
    ReplicaSyncing,
    /// A change is on its way.
    Changing,
    /// Slots are on their way to another shard.
    Moving,
    /// Pods are being replaced one by one.
    Rolling,
    /// Slots lost all their copies; a person must accept it.
    DataLoss,
    /// A node holds slots that others own as well: two clusters, or an old volume.
    SplitCluster,
    /// A node without slots holds keys.
    StrayKeys,
    /// The other shards have no memory for the keys of the shard that is to go.
    MemoryTooSmall,
    /// No replica is in step that could serve while its primary is replaced.
    NoSyncedReplica,
    /// The shop wants no replicas.
    NoReplicas,
    /// Every primary has a replica in step.
    AllReplicated,
}

impl Reason {
    /// The word in a condition.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Settled => "Settled",
            Self::PodsAway => "PodsAway",
            Self::ViewsDiffer => "ViewsDiffer",
            Self::NotServing => "NotServing",
            Self::PrimaryAway => "PrimaryAway",
            Self::ReplicaSyncing => "ReplicaSyncing",
            Self::Changing => "Changing",
            Self::Moving => "Moving",
            Self::Rolling => "Rolling",
            Self::DataLoss => "DataLoss",
            Self::SplitCluster => "SplitCluster",
            Self::StrayKeys => "StrayKeys",
            Self::MemoryTooSmall => "MemoryTooSmall",
            Self::NoSyncedReplica => "NoSyncedReplica",
            Self::NoReplicas => "NoReplicas",
            Self::AllReplicated => "AllReplicated",
        }
    }
}

/// A reason with the names that belong to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Why.
    pub reason: Reason,
    /// The same in words, with what to do if a person has to.
    pub message: String,
}

impl Finding {
    pub(super) fn new(reason: Reason, message: impl Into<String>) -> Self {
        let message = message.into();
        Self { reason, message }
    }
}

/// A condition's value, without its time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Findings {
    /// Every slot is served and nothing stands in the way: `RedisReady`.
    pub ready: (bool, Finding),
    /// Every primary has a replica in step: `RedisDataSafe`.
    pub data_safe: (bool, Finding),
    /// Slots were lost: `DataLoss`.
    pub data_loss: Option<Finding>,
    /// Pods cannot be replaced without a gap: `RollBlocked`.
    pub roll_blocked: Option<Finding>,
}

/// How far a rearrangement of slots is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Slots that have arrived.
    pub done: usize,
    /// Slots that were to move.
    pub total: usize,
}

/// A shard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShardReport {
    /// Its number.
    pub shard: usize,
    /// The pod of its primary, if that answers.
    pub primary: Option<String>,
    /// Slots that it owns.
    pub slots: usize,
    /// Replicas in step.
    pub synced: usize,
    /// No primary lives in a pod that is one too many: replicas may be lowered.
    pub shrinkable: bool,
}

/// What the shop's status is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// Whether all slots were handed out once.
    pub formed: bool,
    /// Nodes that the cluster knows.
    pub known_nodes: usize,
    /// Nodes that answered.
    pub live_nodes: usize,
    /// Primaries with slots that answered.
    pub primaries: usize,
    /// Slots whose primary answered and serves; all are 16,384.
    pub slots_covered: usize,
    /// Pods started from an older template.
    pub outdated: usize,
    /// The shards.
    pub shards: Vec<ShardReport>,
    /// Shards no longer wanted that hold nothing: their `StatefulSets` and volumes may go.
    pub empty_shards: Vec<usize>,
    /// How far a rearrangement of slots is.
    pub moving: Option<Progress>,
    /// The number of the last loss of data; see [`Memory::loss`].
    pub losses: u32,
    /// The conditions.
    pub findings: Findings,
}

/// Draws the report, with what the rows of the plan found.
pub(super) fn draw(picture: &Picture, memory: &Memory, found: &[Finding]) -> Report {
    let live = |id: &_| picture.live.contains_key(id);
    let serves = |id: &_| picture.live.get(id).is_some_and(|live| live.view.serving);
    let covered: usize = picture
        .slots
        .iter()
        .filter(|(id, _)| serves(id))
        .map(|(_, slots)| slots.len())
        .sum();
    let shards = shards(picture, memory);
    let left = picture.slots.iter().map(|(id, slots)| (id, slots.len()));
    let primaries = left.filter(|(id, count)| live(id) && *count > 0).count();
    Report {
        formed: memory.formed,
        known_nodes: picture.known.len(),
        live_nodes: picture.live.len(),
        primaries,
        slots_covered: covered,
        outdated: picture.seen.iter().filter(|one| one.pod.outdated).count(),
        empty_shards: empty_shards(picture, memory),
        moving: progress(picture, memory),
        losses: memory.loss,
        findings: findings(picture, &shards, covered, found),
        shards,
    }
}

fn shards(picture: &Picture, memory: &Memory) -> Vec<ShardReport> {
    let numbers = picture.shards().into_iter();
    let report = |shard| {
        let primary = picture.primary(shard, memory);
        let synced = primary.map_or(0, |live| picture.synced(&live.view.id).len());
        let surplus = |ordinal: usize| ordinal > picture.desired.replicas_per_shard;
        let mates = picture
            .members()
            .into_iter()
            .filter(|m| m.pod.shard == shard);
        let held: usize = mates.map(|live| picture.slots_of(&live.view.id)).sum();
        ShardReport {
            shard,
            primary: primary.map(|live| live.pod.name.clone()),
            slots: held,
            synced,
            shrinkable: primary.is_some_and(|live| !surplus(live.pod.ordinal)),
        }
    };
    numbers.map(report).collect()
}

/// A shard is empty when every pod of it answered and none owns a slot or, as a primary, a key.
fn empty_shards(picture: &Picture, memory: &Memory) -> Vec<usize> {
    let moving = |shard| memory.moving.as_ref().is_some_and(|m| m.to == shard);
    let holds = |shard: usize| {
        let pods = picture.seen.iter().filter(|one| one.pod.shard == shard);
        pods.into_iter().any(|one| match &one.view {
            Err(_) => true,
            Ok(view) => {
                let stray = view.own().primary && view.keys > 0;
                let marked = !view.own().importing.is_empty() || !view.own().migrating.is_empty();
                stray || marked || picture.slots_of(&view.id) > 0
            }
        })
    };
    let absent = |shard: usize| {
        let homes = memory.nodes.iter().filter(|(_, home)| home.shard == shard);
        homes.into_iter().any(|(id, _)| picture.slots_of(id) > 0)
    };
    let retired = picture
        .shards()
        .into_iter()
        .filter(|s| *s >= picture.desired.shards);
    retired
        .filter(|shard| picture.unowned.is_empty() && !moving(*shard))
        .filter(|shard| !holds(*shard) && !absent(*shard))
        .collect()
}

fn progress(picture: &Picture, memory: &Memory) -> Option<Progress> {
    let moving = memory.moving.as_ref()?;
    let left = super::plan::misplaced(picture, memory);
    Some(Progress {
        done: moving.total.saturating_sub(left),
        total: moving.total,
    })
}

fn findings(
    picture: &Picture,
    shards: &[ShardReport],
    covered: usize,
    found: &[Finding],
) -> Findings {
    let first = |reasons: &[Reason]| {
        let mut fitting = found.iter().filter(|f| reasons.contains(&f.reason));
        fitting.next().cloned()
    };
    let hindrance = first(&[Reason::DataLoss, Reason::SplitCluster, Reason::PrimaryAway]);
    let ready = match (covered == usize::from(SLOTS), hindrance) {
        (true, None) => {
            let settled = Finding::new(Reason::Settled, format!("all {SLOTS} slots are served"));
            (true, found.first().cloned().unwrap_or(settled))
        }
        (_, Some(hindrance)) => (false, hindrance),
        (false, None) => {
            let message = format!("{covered} of {SLOTS} slots are served");
            let finding = found.first().cloned();
            (
                false,
                finding.unwrap_or(Finding::new(Reason::Changing, message)),
            )
        }
    };
    let data_loss = first(&[Reason::DataLoss]);
    Findings {
        ready,
        data_safe: data_safe(picture, shards, data_loss.as_ref()),
        data_loss,
        roll_blocked: first(&[Reason::NoReplicas, Reason::NoSyncedReplica]),
    }
}

fn data_safe(picture: &Picture, shards: &[ShardReport], loss: Option<&Finding>) -> (bool, Finding) {
    if let Some(loss) = loss {
        return (false, loss.clone());
    }
    if picture.desired.replicas_per_shard == 0 {
        let message = "the shop wants no replicas: a lost volume is lost data";
        return (false, Finding::new(Reason::NoReplicas, message));
    }
    let bare: Vec<String> = shards
        .iter()
        .filter(|shard| shard.shard < picture.desired.shards || shard.slots > 0)
        .filter(|shard| shard.primary.is_none() || shard.synced == 0)
        .map(|shard| shard.shard.to_string())
        .collect();
    if bare.is_empty() && picture.unowned.is_empty() {
        let message = "every primary has a replica in step";
        return (true, Finding::new(Reason::AllReplicated, message));
    }
    let message = if bare.is_empty() {
        "not all slots are handed out".to_owned()
    } else {
        format!("no replica in step in shard {}", bare.join(", "))
    };
    (false, Finding::new(Reason::NoSyncedReplica, message))
}
