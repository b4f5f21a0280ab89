//! A replica takes over from a primary that is away.
//!
//! Redis does so itself when a majority agrees that the primary failed. It never does when another
//! server answers at the primary's address: then the primary has no address, but has not failed.

use jiff::{SignedDuration, Timestamp};

use super::{Class, Context, Deletion, Row};
use crate::redis::parse::NodeId;
use crate::redis::picture::{Live, Picture};
use crate::redis::{Away, Memory, Step, Takeover};

/// Added to twice the node time-out before an election is forced: Redis gets its own chance first.
const GRACE: SignedDuration = SignedDuration::from_secs(2);
/// How much longer a primary may take to come back before a replica takes over without a vote.
/// Without a majority nothing else is served either, so this is about restarts of everything.
const GRACE_ALONE: SignedDuration = SignedDuration::from_secs(30);

/// Promotes a replica of each primary that is away, once Redis had its chance.
pub(super) fn promotions(context: &Context, memory: &mut Memory) -> Row {
    let (mut steps, mut fence) = (Vec::new(), Vec::new());
    for (id, away) in memory.away.clone() {
        match decide(context, memory, &id, &away) {
            Decision::Later => {}
            Decision::Fence(pod) => fence.push(pod),
            Decision::Promote(step) => {
                steps.push(step);
                let tried = Some(context.now);
                memory.away.insert(id, Away { tried, ..away });
            }
        }
    }
    if !steps.is_empty() {
        Row::Act(Class::Promote, steps)
    } else if fence.is_empty() {
        Row::Pass
    } else {
        Row::Delete(Class::Promote, fence)
    }
}

enum Decision {
    Later,
    Fence(Deletion),
    Promote(Step),
}

fn decide(context: &Context, memory: &Memory, id: &NodeId, away: &Away) -> Decision {
    let picture = context.picture;
    let election = timeout(picture) * 2;
    let waited = since(context.now, away.since);
    let tried_lately = away
        .tried
        .is_some_and(|tried| since(context.now, tried) < election);
    if waited < election + GRACE || tried_lately || !missed_by_a_peer(picture, id) {
        return Decision::Later;
    }
    let Some(heir) = heir(picture, id) else {
        return Decision::Later;
    };
    let promote = |mode| {
        let at = heir.node();
        Decision::Promote(Step::Failover { at, mode })
    };
    if picture.slots_of(id) == 0 && !claims_more(picture, &heir, id) {
        // Nobody votes for the replica of a primary without slots, and nothing can be split.
        return promote(Takeover::Alone);
    }
    if has_majority(picture) {
        return promote(Takeover::Voted);
    }
    if waited < election + GRACE + GRACE_ALONE || claims_more(picture, &heir, id) {
        return Decision::Later;
    }
    match pod_of(picture, memory, id) {
        None => promote(Takeover::Alone),
        // Only Kubernetes can say that a pod nobody hears of does not serve on somewhere.
        Some(pod) if pod.ready || pod.terminating => Decision::Later,
        Some(pod) => Decision::Fence(Deletion {
            name: pod.name.clone(),
            uid: pod.uid.clone(),
        }),
    }
}

/// The replica to promote: of those that ever held the data the most advanced. Of a primary without
/// slots there is no data to hold.
pub(super) fn heir<'a>(picture: &Picture<'a>, id: &NodeId) -> Option<Live<'a>> {
    let mut heirs = picture.followers(id);
    heirs.retain(|live| picture.slots_of(id) == 0 || live.has_data());
    heirs.sort_by_key(|live| (live.offset(), live.view.keys));
    heirs.pop()
}

/// An heir that was away itself may not have heard which slots its primary gave to others. Voters
/// refuse it; without a vote it would take them back by a younger right, and the keys written
/// since would be lost. Its peers tell it soon.
pub(super) fn claims_more(picture: &Picture, heir: &Live, id: &NodeId) -> bool {
    let others = |slot| picture.owner(slot).is_some_and(|owner| owner != id);
    let line = heir.view.line(id);
    line.is_some_and(|line| line.slots.iter().any(others))
}

fn missed_by_a_peer(picture: &Picture, id: &NodeId) -> bool {
    picture.members().iter().any(|live| {
        let line = live.view.line(id);
        line.is_some_and(|l| l.fail || l.suspect || l.no_address || !l.connected)
    })
}

fn has_majority(picture: &Picture) -> bool {
    let all = picture.slots.len();
    let live = |id: &&NodeId| picture.live.contains_key(*id);
    picture.slots.keys().filter(live).count() * 2 > all
}

/// The pod in which a node lived, if it is still the same.
fn pod_of<'a>(
    picture: &Picture<'a>,
    memory: &Memory,
    id: &NodeId,
) -> Option<&'a crate::redis::Pod> {
    let home = memory.nodes.get(id)?;
    let mut pods = picture.seen.iter().map(|one| &one.pod);
    pods.find(|pod| pod.uid == home.uid)
}

fn timeout(picture: &Picture) -> SignedDuration {
    SignedDuration::try_from(picture.desired.node_timeout).unwrap_or(SignedDuration::MAX)
}

fn since(now: Timestamp, then: Timestamp) -> SignedDuration {
    now.duration_since(then)
}
