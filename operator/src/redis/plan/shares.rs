//! Slots without an owner: handed out once at the beginning, and after that only when a person
//! has accepted that what they held is lost.

use super::{Class, Context, Row, membership, promote};
use crate::redis::parse::NodeId;
use crate::redis::picture::{Live, Picture};
use crate::redis::report::{Finding, Reason};
use crate::redis::slots::{SLOTS, SlotSet};
use crate::redis::{Memory, Step, Takeover};

/// Hands out the slots that nobody owns, if they never had an owner.
pub(super) fn hand_out(context: &Context, memory: &mut Memory) -> Row {
    let picture = context.picture;
    let missing = picture.missing();
    let dead = dead_owners(picture);
    if picture.unowned.is_empty() && dead.is_empty() {
        memory.formed = true;
        if missing.is_empty() {
            memory.lost = SlotSet::default();
        }
        return Row::Pass;
    }
    if !missing.is_empty() {
        // Whoever is away may hold what seems lost.
        let message = format!("waiting for {}", missing.join(", "));
        return Row::Wait(Finding::new(Reason::PodsAway, message));
    }
    if dead.is_empty() && may_form(picture, memory) {
        return first_shares(picture, memory);
    }
    let of_dead = dead.iter().flat_map(|id| picture.slots[*id].iter());
    let lost: SlotSet = picture.unowned.iter().chain(of_dead).collect();
    if let Some(holder) = unaware_holder(picture, &lost) {
        let message = format!(
            "{} has not yet heard who took its slots over",
            holder.pod.name
        );
        return Row::Wait(Finding::new(Reason::ViewsDiffer, message));
    }
    let acknowledged = picture.desired.acknowledged_loss;
    if lost.iter().any(|slot| !memory.lost.contains(slot)) {
        // Nothing that was accepted before this loss was known is about it.
        memory.loss = memory.loss.max(acknowledged.unwrap_or(0)).saturating_add(1);
        memory.lost = lost.iter().chain(memory.lost.iter()).collect();
    }
    if acknowledged != Some(memory.loss) {
        return Row::Stop(data_loss(lost.len(), memory.loss));
    }
    start_anew(picture, memory, &dead)
}

fn data_loss(slots: usize, number: u32) -> Finding {
    let message = format!(
        "data loss {number}: {slots} of {SLOTS} slots lost every copy of their keys; bring the \
         volumes back, or set redis.managed.acknowledgeDataLoss: {number} to go on without the keys"
    );
    Finding::new(Reason::DataLoss, message)
}

/// Owners that will never answer again: every pod answered, and none is theirs. Unless a replica
/// holds their data, which is then promoted.
fn dead_owners<'p>(picture: &'p Picture) -> Vec<&'p NodeId> {
    if !picture.missing().is_empty() {
        return Vec::new();
    }
    let owners = picture.slots.keys();
    owners
        .filter(|id| !picture.live.contains_key(*id))
        .filter(|id| promote::heir(picture, id).is_none())
        .collect()
}

/// A member that believes that it, or the primary that it follows, still owns some of these slots:
/// it was away while another took over and died. Its copy is not lost. The others tell it who took
/// over, after which it follows the dead owner and is promoted in its place.
fn unaware_holder<'a>(picture: &Picture<'a>, lost: &SlotSet) -> Option<Live<'a>> {
    let believes = |live: &Live| {
        let own = live.view.own();
        let line = match &own.follows {
            Some(primary) => live.view.line(primary),
            None => Some(own),
        };
        // Whoever follows the dead owner itself has heard of it, and holds no data.
        let line = line.filter(|line| line.myself || picture.slots_of(&line.id) == 0);
        line.is_some_and(|line| line.slots.iter().any(|slot| lost.contains(slot)))
    };
    picture.members().into_iter().find(believes)
}

/// A first formation, or one that was interrupted. When the memory was lost as well, keys tell
/// that there was a cluster.
fn may_form(picture: &Picture, memory: &Memory) -> bool {
    let empty = picture.live.values().all(|live| live.view.keys == 0);
    !memory.formed && empty
}

fn first_shares(picture: &Picture, memory: &Memory) -> Row {
    let count = picture.desired.shards;
    if let Some(pair) = picture.disagreement() {
        let message = format!("{pair} do not yet see the same cluster");
        return Row::Wait(Finding::new(Reason::ViewsDiffer, message));
    }
    let mut steps = Vec::new();
    for shard in 0..count {
        let share = share(shard, count);
        let due: SlotSet = share
            .iter()
            .filter(|s| picture.unowned.contains(*s))
            .collect();
        if let (false, Some(primary)) = (due.is_empty(), picture.primary(shard, memory)) {
            steps.push(Step::AddSlots {
                at: primary.node(),
                slots: due,
            });
        }
    }
    Row::Act(Class::HandOut, steps)
}

/// The slots of a shard when all are handed out evenly.
fn share(shard: usize, count: usize) -> SlotSet {
    let bound = |shard: usize| u16::try_from(usize::from(SLOTS) * shard / count).unwrap_or(SLOTS);
    (bound(shard)..bound(shard + 1)).collect()
}

/// After an accepted loss: the dead owners are replaced by empty replicas if they have some, else
/// forgotten, and their slots go to the shards that have the fewest.
fn start_anew(picture: &Picture, memory: &Memory, dead: &[&NodeId]) -> Row {
    let (mut steps, mut uninformed) = (Vec::new(), None);
    for id in dead {
        let followers = picture.followers(id);
        let aware = |live: &&Live| !promote::claims_more(picture, live, id);
        match (followers.iter().find(aware), followers.first()) {
            (Some(heir), _) => steps.push(Step::Failover {
                at: heir.node(),
                mode: Takeover::Alone,
            }),
            // What moved away before the loss is not lost, and nobody has accepted that it be.
            (None, Some(heir)) => uninformed = Some(&heir.pod.name),
            (None, None) => steps.extend(membership::forget_everywhere(picture, &[*id])),
        }
    }
    if !steps.is_empty() {
        return Row::Act(Class::HandOut, steps);
    }
    if let Some(name) = uninformed {
        let message = format!("{name} has not yet heard which slots its primary gave to others");
        return Row::Wait(Finding::new(Reason::ViewsDiffer, message));
    }
    let mut unowned = picture.unowned.iter();
    let count = picture.desired.shards;
    for shard in 0..count {
        let Some(primary) = picture.primary(shard, memory) else {
            continue;
        };
        let want = share(shard, count).len();
        let deficit = want.saturating_sub(picture.slots_of(&primary.view.id));
        let last = shard + 1 == count;
        let limit = if last { usize::MAX } else { deficit };
        let slots: SlotSet = unowned.by_ref().take(limit).collect();
        if !slots.is_empty() {
            let at = primary.node();
            steps.push(Step::AddSlots { at, slots });
        }
    }
    Row::Act(Class::HandOut, steps)
}
