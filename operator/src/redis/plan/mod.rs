//! Decides the next change. Pure: data in, data out.
//!
//! The rows below are asked in order; the first that has something to do decides the pass.

mod heal;
mod membership;
mod promote;
mod roll;
mod scale;
mod shares;

#[cfg(test)]
mod model;
#[cfg(test)]
mod tests;

use std::time::Duration;

use jiff::Timestamp;

use super::observe::Seen;
use super::picture::Picture;
use super::report::{Finding, Reason, Report, draw};
use super::{Desired, Home, Memory, Size, Step};

pub(super) use self::scale::misplaced;

/// Pause before the next pass after a change, and while something is awaited.
const PAUSE_ACTING: Duration = Duration::from_millis(500);
const PAUSE_MOVING: Duration = Duration::from_millis(20);
const PAUSE_WAITING: Duration = Duration::from_secs(1);
/// Pause when only a person can help.
const PAUSE_BLOCKED: Duration = Duration::from_secs(10);

/// Kinds of change. A pass makes one kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// Nodes that moved are brought back together.
    HealAddresses,
    /// Replication links are mended.
    HealLinks,
    /// A replica takes over from a primary that is away.
    Promote,
    /// Slots on their way are moved on.
    OpenSlots,
    /// Nodes that are gone are forgotten.
    Forget,
    /// New nodes are met.
    Meet,
    /// Slots are handed out.
    HandOut,
    /// Replicas are assigned.
    Replicate,
    /// Slots begin to move.
    MoveSlots,
    /// A primary hands over to its replica.
    HandOver,
    /// A pod is replaced.
    Replace,
}

/// A pod to delete. Its `StatefulSet` makes it anew, with the same volume.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deletion {
    /// Its name.
    pub name: String,
    /// Its UID, the precondition of the deletion.
    pub uid: String,
}

/// How the pass stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The cluster is as desired.
    Settled,
    /// Something is to be done now.
    Acting(Class),
    /// Something outside has to happen first.
    Waiting(Finding),
    /// A person has to decide.
    Blocked(Finding),
}

impl Verdict {
    /// When to look again; `None` when nothing is left to do.
    pub fn pause(&self) -> Option<Duration> {
        match self {
            Self::Settled => None,
            Self::Acting(Class::OpenSlots | Class::MoveSlots) => Some(PAUSE_MOVING),
            Self::Acting(_) => Some(PAUSE_ACTING),
            Self::Waiting(_) => Some(PAUSE_WAITING),
            Self::Blocked(_) => Some(PAUSE_BLOCKED),
        }
    }
}

/// The outcome of a plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// How the pass stands.
    pub verdict: Verdict,
    /// What to do over RESP.
    pub steps: Vec<Step>,
    /// Pods to delete.
    pub delete: Vec<Deletion>,
    /// What to remember, to be written down before anything is done.
    pub memory: Memory,
    /// What to tell.
    pub report: Report,
}

/// What a row says.
enum Row {
    /// Nothing to do here.
    Pass,
    /// Do this now.
    Act(Class, Vec<Step>),
    /// Delete these pods now.
    Delete(Class, Vec<Deletion>),
    /// Go no further until this is over.
    Wait(Finding),
    /// Go no further until a person decides.
    Stop(Finding),
    /// A person should decide, but the rows below may go on.
    Note(Finding),
}

/// What a row sees.
struct Context<'p, 'a> {
    picture: &'p Picture<'a>,
    now: Timestamp,
}

type RowOf = fn(&Context, &mut Memory) -> Row;

const ROWS: [RowOf; 13] = [
    heal::addresses_and_promotions,
    heal::links,
    promote::promotions,
    roll::replace_stuck,
    scale::open_slots,
    membership::forget,
    membership::meet,
    shares::hand_out,
    membership::replicate,
    scale::held_up,
    steady,
    scale::move_slots,
    roll::roll,
];

/// Decides what to do next, from what is wanted, seen and remembered.
pub fn plan(desired: &Desired, seen: &[Seen], memory: Memory, now: Timestamp) -> Plan {
    let picture = Picture::new(desired, seen);
    let mut memory = memory;
    memory.wanted = Some(Size {
        shards: desired.shards,
        replicas_per_shard: desired.replicas_per_shard,
    });
    remember(&picture, &mut memory, now);
    let context = Context {
        picture: &picture,
        now,
    };
    let mut found = Vec::new();
    let (mut steps, mut delete) = (Vec::new(), Vec::new());
    let mut verdict = None;
    for row in ROWS {
        match row(&context, &mut memory) {
            Row::Pass => continue,
            Row::Note(finding) => {
                found.push(finding);
                continue;
            }
            Row::Act(class, due) => {
                steps = due;
                verdict = Some(Verdict::Acting(class));
            }
            Row::Delete(class, due) => {
                delete = due;
                verdict = Some(Verdict::Acting(class));
            }
            Row::Wait(finding) => verdict = Some(Verdict::Waiting(finding)),
            Row::Stop(finding) => verdict = Some(Verdict::Blocked(finding)),
        }
        break;
    }
    let verdict = verdict.unwrap_or_else(|| {
        let note = found.first().cloned();
        note.map_or(Verdict::Settled, Verdict::Blocked)
    });
    found.extend(tell(&verdict));
    let report = draw(&picture, &memory, &found);
    Plan {
        verdict,
        steps,
        delete,
        memory,
        report,
    }
}

/// The verdict in words.
fn tell(verdict: &Verdict) -> Option<Finding> {
    let (reason, message) = match verdict {
        Verdict::Settled => return None,
        Verdict::Waiting(finding) | Verdict::Blocked(finding) => return Some(finding.clone()),
        Verdict::Acting(class) => match class {
            Class::HealAddresses => (Reason::Changing, "bringing moved nodes back together"),
            Class::HealLinks => (Reason::Changing, "mending replication links"),
            Class::Promote => (Reason::PrimaryAway, "a replica takes over"),
            Class::OpenSlots | Class::MoveSlots => (Reason::Moving, "moving slots"),
            Class::Forget => (Reason::Changing, "forgetting nodes that are gone"),
            Class::Meet => (Reason::Changing, "meeting new nodes"),
            Class::HandOut => (Reason::Changing, "handing out slots"),
            Class::Replicate => (Reason::Changing, "assigning replicas"),
            Class::HandOver => (Reason::Rolling, "a primary hands over to its replica"),
            Class::Replace => (Reason::Rolling, "replacing a pod"),
        },
    };
    Some(Finding::new(reason, message))
}

/// Brings the memory up to date with what was seen.
fn remember(picture: &Picture, memory: &mut Memory, now: Timestamp) {
    for live in picture.members() {
        let home = Home {
            pod: live.pod.name.clone(),
            uid: live.pod.uid.clone(),
            shard: live.pod.shard,
        };
        memory.nodes.insert(live.view.id.clone(), home);
    }
    if picture.missing().is_empty() {
        memory.nodes.retain(|id, _| picture.known.contains_key(id));
    }
    let absent = |id: &_| {
        let needed = picture.slots_of(id) > 0 || !picture.followers(id).is_empty();
        needed && !picture.live.contains_key(id)
    };
    memory.away.retain(|id, _| absent(id));
    for id in picture.known.keys().filter(|id| absent(id)) {
        let away = super::Away {
            since: now,
            tried: None,
        };
        memory.away.entry(id.clone()).or_insert(away);
    }
    let live = &picture.live;
    memory.relinked.retain(|id, _| live.contains_key(id));
}

/// Slots move and pods are replaced only in a cluster that is whole: everybody is there, sees the
/// same and is in step.
fn steady(context: &Context, _: &mut Memory) -> Row {
    let picture = context.picture;
    let missing = picture.missing();
    if !missing.is_empty() {
        let message = format!("waiting for {}", missing.join(", "));
        return Row::Wait(Finding::new(Reason::PodsAway, message));
    }
    let leaving = |one: &&Seen| one.pod.terminating || !one.pod.ready;
    if let Some(one) = picture.seen.iter().find(leaving) {
        let message = format!("waiting for {} to be ready", one.pod.name);
        return Row::Wait(Finding::new(Reason::PodsAway, message));
    }
    if let Some(pair) = picture.disagreement() {
        let message = format!("{pair} do not yet see the same cluster");
        return Row::Wait(Finding::new(Reason::ViewsDiffer, message));
    }
    for live in picture.members() {
        let ailing = live
            .view
            .nodes
            .iter()
            .any(|l| l.fail || l.suspect || !l.connected);
        if ailing {
            let message = format!("{} has lost sight of a node", live.pod.name);
            return Row::Wait(Finding::new(Reason::ViewsDiffer, message));
        }
        if !live.view.serving {
            let message = format!("{} does not serve yet", live.pod.name);
            return Row::Wait(Finding::new(Reason::NotServing, message));
        }
        if let Some(message) = live.follows().and_then(|_| picture.out_of_step(live)) {
            return Row::Wait(Finding::new(Reason::ReplicaSyncing, message));
        }
    }
    Row::Pass
}
