//! Nodes that moved find each other again, replicas their primaries.

use jiff::SignedDuration;

use super::{Class, Context, Row, promote};
use crate::redis::parse::Replication;
use crate::redis::picture::Picture;
use crate::redis::{Memory, Step};

/// How long a broken replication link is left to mend itself, and between two attempts to mend
/// it: telling it again restarts a copy that has begun.
const RELINK_PAUSE: SignedDuration = SignedDuration::from_secs(5);

/// Nodes that moved are brought back together. A promotion that is due goes with it: a node that
/// cannot be brought back must not keep another shard without a primary.
pub(super) fn addresses_and_promotions(context: &Context, memory: &mut Memory) -> Row {
    let mut steps = moved_nodes(context.picture);
    if steps.is_empty() {
        return Row::Pass;
    }
    if let Row::Act(_, due) = promote::promotions(context, memory) {
        steps.extend(due);
    }
    Row::Act(Class::HealAddresses, steps)
}

/// One meeting for each node that is alive elsewhere than some other believes; the rest hear of it
/// by gossip.
fn moved_nodes(picture: &Picture) -> Vec<Step> {
    let members = picture.members();
    let mut steps = Vec::new();
    for moved in &members {
        let place = moved.pod.ip.map(|ip| (ip, moved.pod.port));
        // A link that is down to the right address is Redis's own to mend.
        let lost = members.iter().find(|other| {
            let line = other.view.line(&moved.view.id).filter(|line| !line.myself);
            line.is_some_and(|line| line.address != place || line.no_address)
        });
        if let Some(lost) = lost {
            steps.push(Step::Meet {
                at: lost.node(),
                peer: moved.node(),
            });
        }
    }
    steps
}

/// A replica whose link is down, or leads to where its primary no longer is, is told anew whom to
/// follow. Every node being connected does not mean that this is so.
pub(super) fn links(context: &Context, memory: &mut Memory) -> Row {
    let picture = context.picture;
    let mut steps = Vec::new();
    for replica in picture.members() {
        let id = &replica.view.id;
        let Replication::Replica {
            source,
            link_up,
            syncing,
            ..
        } = replica.view.replication
        else {
            memory.relinked.remove(id);
            continue;
        };
        let Some(primary) = replica.follows().and_then(|id| picture.member(id)) else {
            continue;
        };
        let astray = source != primary.pod.ip.map(|ip| (ip, primary.pod.port));
        if !astray && (link_up || syncing) {
            memory.relinked.remove(id);
            continue;
        }
        let last = memory.relinked.get(id).copied();
        let due = last.map_or(astray, |last| {
            context.now.duration_since(last) >= RELINK_PAUSE
        });
        if due || last.is_none() {
            memory.relinked.insert(id.clone(), context.now);
        }
        if due && primary.is_primary() {
            steps.push(Step::Replicate {
                at: replica.node(),
                primary: primary.view.id.clone(),
            });
        }
    }
    if steps.is_empty() {
        Row::Pass
    } else {
        Row::Act(Class::HealLinks, steps)
    }
}
