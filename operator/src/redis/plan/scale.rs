//! Slots move to where they belong: evenly over the wanted shards, away from the others.

use std::collections::BTreeMap;

use super::{Class, Context, Row};
use crate::redis::parse::NodeId;
use crate::redis::picture::{Live, Picture};
use crate::redis::report::{Finding, Reason};
use crate::redis::slots::{SLOTS, SlotSet};
use crate::redis::{Memory, Moving, Node, Step};

/// Slots that are written down, and then moved, at a time.
const BATCH: usize = 256;
/// A destination may be filled so far, in percent of its memory.
const FILL_LIMIT: u64 = 80;

/// Slots on their way are moved on: those written down, and those that a node has marked. The
/// marks of a move live in two nodes only and die with them; what was written down survives both.
pub(super) fn open_slots(context: &Context, memory: &mut Memory) -> Row {
    let picture = context.picture;
    let work = Work::new(picture, memory);
    if !work.tidy.is_empty() {
        return Row::Act(Class::OpenSlots, work.tidy_steps());
    }
    let moves = work.moves(picture);
    if !moves.is_empty() {
        return Row::Act(Class::OpenSlots, moves);
    }
    Row::Pass
}

/// Slots on their way that cannot go on. The rows that bring nodes in and replace dead ones come
/// before this: what is waited for may be one of theirs.
pub(super) fn held_up(context: &Context, memory: &mut Memory) -> Row {
    let work = Work::new(context.picture, memory);
    work.waiting.map_or(Row::Pass, Row::Wait)
}

/// Where each slot on its way is going; nothing when its destination is away.
fn goals<'a>(picture: &Picture<'a>, memory: &Memory) -> BTreeMap<u16, Option<Live<'a>>> {
    let mut goals = BTreeMap::new();
    if let Some(moving) = &memory.moving {
        let to = picture.primary(moving.to, memory);
        goals.extend(moving.slots.iter().map(|slot| (slot, to)));
    }
    let primaries = picture.members().into_iter().filter(Live::is_primary);
    for live in primaries {
        let own = live.view.own();
        for (slot, _) in &own.importing {
            goals.entry(*slot).or_insert(Some(live));
        }
        for (slot, to) in &own.migrating {
            let to = destination(picture, memory, to);
            goals.entry(*slot).or_insert(to);
        }
    }
    goals
}

/// A destination by its id, or whoever took its place in its shard.
fn destination<'a>(picture: &Picture<'a>, memory: &Memory, id: &NodeId) -> Option<Live<'a>> {
    let itself = picture.member(id).filter(Live::is_primary);
    let shard = || {
        let alive = picture.member(id).map(|live| live.pod.shard);
        alive.or_else(|| memory.nodes.get(id).map(|home| home.shard))
    };
    itself.or_else(|| picture.primary(shard()?, memory))
}

#[derive(Default)]
struct Work<'a> {
    /// Marks to take away first, and owners to name, by node.
    tidy: BTreeMap<(NodeId, Option<NodeId>), (Live<'a>, SlotSet)>,
    /// What to move, by owner and destination.
    moves: BTreeMap<(NodeId, NodeId), (Live<'a>, Live<'a>, SlotSet)>,
    waiting: Option<Finding>,
}

impl<'a> Work<'a> {
    fn new(picture: &Picture<'a>, memory: &Memory) -> Self {
        let mut work = Self::default();
        for (slot, to) in goals(picture, memory) {
            work.add(picture, slot, to);
        }
        work
    }

    fn add(&mut self, picture: &Picture<'a>, slot: u16, to: Option<Live<'a>>) {
        // Without an owner it is for the handing out to settle.
        let Some(owner) = picture.owner(slot) else {
            return;
        };
        let Some(to) = to else {
            return self.wait("waiting for the destination of a slot");
        };
        let goal = &to.view.id;
        if owner == goal {
            return self.tidy_up(picture, slot, goal);
        }
        let Some(from) = picture.member(owner) else {
            return self.wait("waiting for the owner of a slot");
        };
        // A mark that names another owner than the one there is now: the owner failed over since.
        let imports = &to.view.own().importing;
        if imports.iter().any(|(s, from)| *s == slot && from != owner) {
            return self.close(to, None, slot);
        }
        let exports = &from.view.own().migrating;
        if exports.iter().any(|(s, to)| *s == slot && to != goal) {
            return self.close(from, None, slot);
        }
        let seen = |line: &&crate::redis::Line| line.primary && line.slots.contains(slot);
        if to.view.nodes.iter().find(seen).map(|line| &line.id) != Some(owner) {
            return self.wait("waiting until the destination of a slot has heard of its owner");
        }
        let pair = (owner.clone(), goal.clone());
        let entry = self.moves.entry(pair);
        let (_, _, slots) = entry.or_insert((from, to, SlotSet::default()));
        slots.insert(slot);
    }

    /// Marks left on a slot that has arrived. Who still takes itself for the owner is told of the
    /// new one: without its mark it would take writes that are lost a moment later.
    fn tidy_up(&mut self, picture: &Picture<'a>, slot: u16, owner: &NodeId) {
        for live in picture.members().into_iter().filter(Live::is_primary) {
            let own = live.view.own();
            let mut marks = own.importing.iter().chain(&own.migrating);
            if !marks.any(|(marked, _)| *marked == slot) {
                continue;
            }
            let claims = own.id != *owner && own.slots.contains(slot);
            self.close(live, claims.then(|| owner.clone()), slot);
        }
    }

    fn close(&mut self, at: Live<'a>, owner: Option<NodeId>, slot: u16) {
        let entry = self.tidy.entry((at.view.id.clone(), owner));
        entry.or_insert((at, SlotSet::default())).1.insert(slot);
    }

    fn wait(&mut self, message: &str) {
        self.waiting = Some(Finding::new(Reason::Moving, message));
    }

    fn tidy_steps(self) -> Vec<Step> {
        let steps = self.tidy.into_iter().map(|((_, owner), (live, slots))| {
            let at = live.node();
            match owner {
                Some(owner) => Step::Assign { at, slots, owner },
                None => Step::Close { at, slots },
            }
        });
        steps.collect()
    }

    fn moves(&self, picture: &Picture) -> Vec<Step> {
        let moves = self.moves.values();
        moves
            .map(|(from, to, slots)| Step::Move {
                from: from.node(),
                to: to.node(),
                others: others(picture, from, to),
                slots: slots.clone(),
            })
            .collect()
    }
}

fn others(picture: &Picture, from: &Live, to: &Live) -> Vec<Node> {
    let primaries = picture.members().into_iter().filter(Live::is_primary);
    primaries
        .filter(|live| live.view.id != from.view.id && live.view.id != to.view.id)
        .map(|live| live.node())
        .collect()
}

/// Who has too many slots, and who too few.
struct Balance<'a> {
    surplus: Vec<(Live<'a>, usize)>,
    deficit: Vec<(Live<'a>, usize)>,
}

impl<'a> Balance<'a> {
    /// `None` while the primary of a wanted shard is away.
    fn new(picture: &Picture<'a>, memory: &Memory) -> Option<Self> {
        let shards = 0..picture.desired.shards;
        let mut active: Vec<Live> = shards
            .map(|shard| picture.primary(shard, memory))
            .collect::<Option<_>>()?;
        let owned = |live: &Live| picture.slots_of(&live.view.id);
        // Whoever has most keeps the slot more that an uneven division leaves.
        active.sort_by_key(|live| std::cmp::Reverse(owned(live)));
        let (even, rest) = (
            usize::from(SLOTS) / active.len(),
            usize::from(SLOTS) % active.len(),
        );
        let mut balance = Self {
            surplus: Vec::new(),
            deficit: Vec::new(),
        };
        for (index, live) in active.iter().enumerate() {
            let target = even + usize::from(index < rest);
            let held = owned(live);
            if held > target {
                balance.surplus.push((*live, held - target));
            } else if held < target {
                balance.deficit.push((*live, target - held));
            }
        }
        for live in picture.members() {
            let wanted = active.iter().any(|one| one.view.id == live.view.id);
            if !wanted && owned(&live) > 0 {
                balance.surplus.push((live, owned(&live)));
            }
        }
        Some(balance)
    }

    fn misplaced(&self) -> usize {
        self.deficit.iter().map(|(_, count)| count).sum()
    }
}

/// How many slots are not yet where they belong.
pub(in crate::redis) fn misplaced(picture: &Picture, memory: &Memory) -> usize {
    Balance::new(picture, memory).map_or(0, |balance| balance.misplaced())
}

/// Moves the next batch from whoever has most too many to whoever has most too few.
pub(super) fn move_slots(context: &Context, memory: &mut Memory) -> Row {
    let picture = context.picture;
    let Some(balance) = Balance::new(picture, memory) else {
        return Row::Pass;
    };
    let from = balance.surplus.iter().max_by_key(|(_, count)| *count);
    let to = balance.deficit.iter().max_by_key(|(_, count)| *count);
    let (Some((from, surplus)), Some((to, deficit))) = (from, to) else {
        memory.moving = None;
        return Row::Pass;
    };
    if let Some(finding) = too_small(picture, &balance) {
        memory.moving = None;
        return Row::Note(finding);
    }
    let count = (*surplus).min(*deficit).min(BATCH);
    let slots: SlotSet = picture.slots[&from.view.id]
        .iter()
        .rev()
        .take(count)
        .collect();
    let misplaced = balance.misplaced();
    let total = memory.moving.as_ref().map_or(0, |moving| moving.total);
    memory.moving = Some(Moving {
        slots: slots.clone(),
        to: to.pod.shard,
        total: total.max(misplaced),
    });
    let step = Step::Move {
        from: from.node(),
        to: to.node(),
        others: others(picture, from, to),
        slots,
    };
    Row::Act(Class::MoveSlots, vec![step])
}

/// A destination that would be filled beyond its limit by all that is to come.
fn too_small(picture: &Picture, balance: &Balance) -> Option<Finding> {
    let coming: u64 = balance
        .surplus
        .iter()
        .map(|(live, count)| {
            part(
                live.view.used_memory,
                *count,
                picture.slots_of(&live.view.id),
            )
        })
        .sum();
    let all = balance.misplaced();
    let full = balance.deficit.iter().find(|(live, count)| {
        let then = live.view.used_memory + part(coming, *count, all);
        live.view.max_memory > 0 && then * 100 > live.view.max_memory * FILL_LIMIT
    });
    full.map(|(live, _)| {
        let message = format!(
            "{} would be filled above {FILL_LIMIT} % of its memory: \
             give Redis more memory, or keep the shards",
            live.pod.name
        );
        Finding::new(Reason::MemoryTooSmall, message)
    })
}

/// `count / of` of an amount.
fn part(amount: u64, count: usize, of: usize) -> u64 {
    let wide = |number: usize| u128::try_from(number).unwrap_or(u128::MAX);
    let part = u128::from(amount) * wide(count) / wide(of.max(1));
    u64::try_from(part).unwrap_or(u64::MAX)
}
