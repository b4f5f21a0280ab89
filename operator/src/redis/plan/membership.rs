//! Who belongs to the cluster, and whom each replica follows.

use super::{Class, Context, Row};
use crate::redis::parse::NodeId;
use crate::redis::picture::{Live, Picture};
use crate::redis::report::{Finding, Reason};
use crate::redis::{Memory, Step};

/// Nodes that are gone are forgotten by everybody in one pass, within the minute that Redis
/// remembers a forgotten node for. Only when every pod answered: then a node that is none of
/// theirs cannot come back, nor can anybody who was not told bring it back.
pub(super) fn forget(context: &Context, _: &mut Memory) -> Row {
    let picture = context.picture;
    if !picture.missing().is_empty() {
        return Row::Pass;
    }
    let gone = |id: &&NodeId| {
        let alive = picture.live.contains_key(*id);
        let needed = picture.slots_of(id) > 0 || !picture.followers(id).is_empty();
        !alive && !needed
    };
    let gone: Vec<&NodeId> = picture.known.keys().filter(gone).collect();
    let steps = forget_everywhere(picture, &gone);
    if steps.is_empty() {
        Row::Pass
    } else {
        Row::Act(Class::Forget, steps)
    }
}

/// The steps by which everybody who knows of these nodes forgets them.
pub(super) fn forget_everywhere(picture: &Picture, gone: &[&NodeId]) -> Vec<Step> {
    let mut steps = Vec::new();
    for id in gone {
        let knowing = picture.live.values().filter(|l| l.view.line(id).is_some());
        steps.extend(knowing.map(|live| Step::Forget {
            at: live.node(),
            id: (*id).clone(),
        }));
    }
    steps
}

/// New nodes are met, and members that have not heard of each other.
pub(super) fn meet(context: &Context, memory: &mut Memory) -> Row {
    let picture = context.picture;
    let members = picture.members();
    let newcomers = picture.newcomers();
    if let Some(finding) = rival(picture, &newcomers) {
        return Row::Stop(finding);
    }
    let missing = picture.missing();
    let no_slots = picture.slots.is_empty();
    if no_slots && !missing.is_empty() {
        // Whether this is a first formation or all that is left of a cluster is known only when
        // everybody answered.
        let reason = format!("waiting for {}", missing.join(", "));
        return Row::Wait(Finding::new(Reason::PodsAway, reason));
    }
    let Some(hub) = hub(picture, &members) else {
        return Row::Wait(Finding::new(Reason::PodsAway, "no node answers"));
    };
    let mut steps = Vec::new();
    if newcomers.is_empty() {
        steps.extend(introductions(&members));
    } else {
        let mut fresh: Vec<&Live> = newcomers.iter().filter(|live| is_fresh(live)).collect();
        if is_fresh(&hub) && !memory.formed {
            fresh.insert(0, &hub);
        }
        for (epoch, live) in (picture.epoch() + 1..).zip(fresh) {
            let at = live.node();
            steps.push(Step::SetEpoch { at, epoch });
        }
        for live in &newcomers {
            let (old, new) = (hub.node(), live.node());
            steps.push(Step::Meet {
                at: old.clone(),
                peer: new.clone(),
            });
            steps.push(Step::Meet { at: new, peer: old });
        }
    }
    if steps.is_empty() {
        Row::Pass
    } else {
        Row::Act(Class::Meet, steps)
    }
}

/// The member that introduces others: the first with slots, or just the first.
fn hub<'a>(picture: &Picture, members: &[Live<'a>]) -> Option<Live<'a>> {
    let owners = members.iter().find(|m| picture.slots_of(&m.view.id) > 0);
    owners.or(members.first()).copied()
}

/// Knows nobody and was never given an epoch.
fn is_fresh(live: &Live) -> bool {
    let own = live.view.own();
    live.view.nodes.len() == 1 && own.epoch == 0 && own.slots.is_empty()
}

fn introductions(members: &[Live]) -> Vec<Step> {
    let mut steps = Vec::new();
    for at in members {
        for peer in members {
            let known = at.view.line(&peer.view.id).is_some();
            if !known {
                steps.push(Step::Meet {
                    at: at.node(),
                    peer: peer.node(),
                });
            }
        }
    }
    steps
}

/// A newcomer that owns slots which a member owns by an older right would take them away: another
/// cluster, or a volume of one. Younger rights than its own end its claim, as those of a replica
/// that was promoted while it was away.
fn rival(picture: &Picture, newcomers: &[Live]) -> Option<Finding> {
    for newcomer in newcomers {
        let own = newcomer.view.own();
        let taken = own.slots.iter().find(|slot| {
            let owner = picture.owner(*slot);
            owner.is_some_and(|owner| picture.known[owner].epoch <= own.epoch)
        });
        if let Some(slot) = taken {
            let message = format!(
                "{} owns slot {slot} of another cluster: its volume does not belong here; \
                 delete the pod together with its volume",
                newcomer.pod.name
            );
            return Some(Finding::new(Reason::SplitCluster, message));
        }
    }
    None
}

/// Every node that is not the primary of its shard follows it.
pub(super) fn replicate(context: &Context, memory: &mut Memory) -> Row {
    let picture = context.picture;
    let mut steps = Vec::new();
    let mut stray = None;
    for shard in picture.shards() {
        let Some(primary) = picture.primary(shard, memory) else {
            continue;
        };
        let id = &primary.view.id;
        for mate in picture.members() {
            let settled = mate.view.id == *id || mate.follows() == Some(id);
            let owner = picture.slots_of(&mate.view.id) > 0;
            if mate.pod.shard != shard || settled || owner {
                continue;
            }
            if mate.is_primary() && mate.view.keys > 0 {
                stray = Some(mate.pod.name.clone());
                continue;
            }
            // It must have heard of its primary, and of it as a primary; gossip tells it.
            let heard = mate.view.line(id).is_some_and(|line| line.primary);
            if heard && primary.is_primary() {
                steps.push(Step::Replicate {
                    at: mate.node(),
                    primary: id.clone(),
                });
            }
        }
    }
    match (steps.is_empty(), stray) {
        (false, _) => Row::Act(Class::Replicate, steps),
        (true, Some(name)) => {
            let message = format!(
                "{name} holds keys but no slots, so it cannot follow its shard's primary; \
                 if the keys are not needed, delete the pod together with its volume"
            );
            Row::Note(Finding::new(Reason::StrayKeys, message))
        }
        (true, None) => Row::Pass,
    }
}
