//! Pods of an older template are replaced, one at a time: replicas first, and a primary only after
//! it has handed over.

use super::{Class, Context, Deletion, Row};
use crate::redis::Memory;
use crate::redis::Pod;
use crate::redis::Step;
use crate::redis::Takeover;
use crate::redis::picture::{Live, Picture};
use crate::redis::report::{Finding, Reason};

/// A pod of an older template that does not come up serves nobody; the newer one may mend it. One
/// at a time: when all seem stuck it may be us who cannot ask them.
pub(super) fn replace_stuck(context: &Context, _: &mut Memory) -> Row {
    let pods = || context.picture.seen.iter().map(|one| &one.pod);
    let comes = |pod: &Pod| pod.terminating || (!pod.outdated && !pod.ready);
    if pods().any(comes) {
        return Row::Pass;
    }
    let mut stuck = context.picture.seen.iter().filter(|one| {
        let Pod {
            outdated, ready, ..
        } = one.pod;
        one.view.is_err() && outdated && !ready
    });
    match stuck.next() {
        Some(one) => Row::Delete(Class::Replace, vec![deletion(&one.pod)]),
        None => Row::Pass,
    }
}

/// The next replacement or hand-over. The rows before have seen to it that everybody is there and
/// in step.
pub(super) fn roll(context: &Context, memory: &mut Memory) -> Row {
    let picture = context.picture;
    let owns = |live: &Live| picture.slots_of(&live.view.id) > 0;
    let members = picture.members();
    let outdated = |live: &&Live| live.pod.outdated;
    let mut replicas = members.iter().filter(outdated).filter(|live| !owns(live));
    if let Some(live) = replicas.find(|live| !leads(picture, memory, live)) {
        return Row::Delete(Class::Replace, vec![deletion(live.pod)]);
    }
    let mut blocked = None;
    let surplus = |live: &Live| live.pod.ordinal > picture.desired.replicas_per_shard;
    for live in members.iter().filter(|live| owns(live)) {
        if !live.pod.outdated && !surplus(live) {
            continue;
        }
        let heirs = picture.synced(&live.view.id);
        let mut fit = heirs
            .into_iter()
            .filter(|heir| !heir.pod.outdated && !surplus(heir));
        match fit.next() {
            Some(heir) => {
                let (at, mode) = (heir.node(), Takeover::Agreed);
                return Row::Act(Class::HandOver, vec![Step::Failover { at, mode }]);
            }
            None => blocked = Some(no_heir(picture, live)),
        }
    }
    match (blocked, members.iter().find(outdated)) {
        // A primary without slots, of a shard that is to be filled or to go.
        (None, Some(live)) => Row::Delete(Class::Replace, vec![deletion(live.pod)]),
        (Some(finding), _) => Row::Note(finding),
        (None, None) => Row::Pass,
    }
}

/// Whether it is the primary of a shard without slots.
fn leads(picture: &Picture, memory: &Memory, live: &Live) -> bool {
    let primary = picture.primary(live.pod.shard, memory);
    primary.is_some_and(|primary| primary.view.id == live.view.id)
}

fn no_heir(picture: &Picture, live: &Live) -> Finding {
    let name = &live.pod.name;
    if picture.desired.replicas_per_shard == 0 {
        let message = format!(
            "{name} has no replica that could serve while it is replaced: \
             set replicasPerShard to 1 at least, or delete the pod"
        );
        return Finding::new(Reason::NoReplicas, message);
    }
    let message = format!("{name} has no replica in step that could take over");
    Finding::new(Reason::NoSyncedReplica, message)
}

fn deletion(pod: &Pod) -> Deletion {
    Deletion {
        name: pod.name.clone(),
        uid: pod.uid.clone(),
    }
}
