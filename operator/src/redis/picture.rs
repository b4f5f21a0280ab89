//! All views put together.

use std::collections::{BTreeMap, BTreeSet};

use super::observe::{Seen, View};
use super::parse::{Line, NodeId, Replication};
use super::slots::SlotSet;
use super::{Desired, Memory, Node, Pod};

/// A replica may be this far behind, in bytes of the stream, and still count as in step.
pub(super) const LAG_LIMIT: u64 = 1 << 20;

/// A node that answered.
#[derive(Clone, Copy, Debug)]
pub(super) struct Live<'a> {
    pub(super) pod: &'a Pod,
    pub(super) view: &'a View,
}

impl Live<'_> {
    pub(super) fn node(&self) -> Node {
        Node {
            id: self.view.id.clone(),
            pod: self.pod.name.clone(),
            // It answered, so it has an address.
            ip: self
                .pod
                .ip
                .unwrap_or(std::net::Ipv4Addr::UNSPECIFIED.into()),
            port: self.pod.port,
            bus_port: self.pod.bus_port,
        }
    }

    pub(super) fn is_primary(&self) -> bool {
        self.view.own().primary
    }

    pub(super) fn follows(&self) -> Option<&NodeId> {
        self.view.own().follows.as_ref()
    }

    /// Bytes of the replication stream that it has.
    pub(super) fn offset(&self) -> u64 {
        match self.view.replication {
            Replication::Primary { offset } | Replication::Replica { offset, .. } => offset,
        }
    }

    /// Whether it ever held a copy of its primary's data. A replica that did not must never be
    /// promoted: it would make all its shard's keys vanish.
    pub(super) fn has_data(&self) -> bool {
        // An offset of 1 (0 in some versions) is what a replica says that never copied anything;
        // after a restart it says so too, but then it has keys from its own file.
        self.offset() > 1 || self.view.keys > 0
    }
}

/// What is known of a node from all views together.
#[derive(Clone, Debug)]
pub(super) struct Known {
    primary: bool,
    pub(super) epoch: u64,
    claims: SlotSet,
}

/// All views put together, and what was remembered.
pub(super) struct Picture<'a> {
    pub(super) desired: &'a Desired,
    pub(super) seen: &'a [Seen],
    /// Every node that answered.
    pub(super) live: BTreeMap<NodeId, Live<'a>>,
    /// Those of them that belong to the cluster: the others know of them.
    pub(super) members: BTreeSet<NodeId>,
    /// Everybody whom a member knows.
    pub(super) known: BTreeMap<NodeId, Known>,
    /// The slots of each owner.
    pub(super) slots: BTreeMap<NodeId, SlotSet>,
    /// Slots that nobody owns.
    pub(super) unowned: SlotSet,
}

impl<'a> Picture<'a> {
    pub(super) fn new(desired: &'a Desired, seen: &'a [Seen]) -> Self {
        let mut live = BTreeMap::new();
        for one in seen {
            if let Ok(view) = &one.view {
                let pod = &one.pod;
                live.insert(view.id.clone(), Live { pod, view });
            }
        }
        let members = members(&live);
        let known = known(&live, &members);
        let (slots, unowned) = owners(&known);
        Self {
            desired,
            seen,
            live,
            members,
            known,
            slots,
            unowned,
        }
    }

    /// The members that answered, by the names of their pods.
    pub(super) fn members(&self) -> Vec<Live<'a>> {
        let mut members: Vec<Live> = self.members.iter().map(|id| self.live[id]).collect();
        members.sort_by(|a, b| a.pod.name.cmp(&b.pod.name));
        members
    }

    /// Nodes that answered but that the cluster does not know.
    pub(super) fn newcomers(&self) -> Vec<Live<'a>> {
        let strange = self
            .live
            .iter()
            .filter(|(id, _)| !self.members.contains(*id));
        let mut strange: Vec<Live> = strange.map(|(_, live)| *live).collect();
        strange.sort_by(|a, b| a.pod.name.cmp(&b.pod.name));
        strange
    }

    /// A member, if it answered.
    pub(super) fn member(&self, id: &NodeId) -> Option<Live<'a>> {
        self.members.contains(id).then(|| self.live[id])
    }

    pub(super) fn slots_of(&self, id: &NodeId) -> usize {
        self.slots.get(id).map_or(0, SlotSet::len)
    }

    /// Who owns a slot.
    pub(super) fn owner(&self, slot: u16) -> Option<&NodeId> {
        self.slots
            .iter()
            .find(|(_, slots)| slots.contains(slot))
            .map(|(id, _)| id)
    }

    /// The members that say that they follow `id`.
    pub(super) fn followers(&self, id: &NodeId) -> Vec<Live<'a>> {
        let mut followers = self.members();
        followers.retain(|live| live.follows() == Some(id));
        followers
    }

    /// Names of the pods that should be there and did not answer; a pod on its way out counts.
    pub(super) fn missing(&self) -> Vec<String> {
        let mut missing = Vec::new();
        for shard in 0..self.desired.shards {
            for ordinal in 0..=self.desired.replicas_per_shard {
                let at = |one: &&Seen| one.pod.shard == shard && one.pod.ordinal == ordinal;
                match self.seen.iter().find(at) {
                    Some(one) if one.view.is_ok() => {}
                    Some(one) => missing.push(one.pod.name.clone()),
                    None => missing.push(format!("{shard}-{ordinal}")),
                }
            }
        }
        let unasked = self.seen.iter().filter(|one| one.view.is_err());
        for one in unasked {
            if !missing.contains(&one.pod.name) {
                missing.push(one.pod.name.clone());
            }
        }
        missing
    }

    /// Shards that have pods, or should.
    pub(super) fn shards(&self) -> BTreeSet<usize> {
        let present = self.seen.iter().map(|one| one.pod.shard);
        (0..self.desired.shards).chain(present).collect()
    }

    /// The primary of a shard among those that answered. Before the shard has slots it is the one
    /// that its mates follow, or else the first. There is none while the shard's slots are held
    /// by a node that is away: that is for a promotion to settle, not for a new node.
    pub(super) fn primary(&self, shard: usize, memory: &Memory) -> Option<Live<'a>> {
        let mates: Vec<Live> = self
            .members()
            .into_iter()
            .filter(|live| live.pod.shard == shard)
            .collect();
        let owners = mates.iter().filter(|live| self.slots_of(&live.view.id) > 0);
        if let Some(owner) = owners.max_by_key(|live| self.slots_of(&live.view.id)) {
            return Some(*owner);
        }
        let away = |id: &NodeId| !self.live.contains_key(id);
        let held_by_absent = |id: &NodeId| {
            let home = memory.nodes.get(id).is_some_and(|home| home.shard == shard);
            let followed = mates.iter().any(|live| live.follows() == Some(id));
            home || followed
        };
        if self.slots.keys().any(|id| away(id) && held_by_absent(id)) {
            return None;
        }
        let primaries: Vec<&Live> = mates.iter().filter(|live| live.is_primary()).collect();
        let followed = primaries
            .iter()
            .find(|one| mates.iter().any(|m| m.follows() == Some(&one.view.id)));
        followed.or(primaries.first()).map(|live| **live)
    }

    /// Why a replica is not in step with its primary, if it is not.
    pub(super) fn out_of_step(&self, replica: Live<'_>) -> Option<String> {
        let name = &replica.pod.name;
        let Some(primary) = replica.follows().and_then(|id| self.member(id)) else {
            return Some(format!("the primary of {name} does not answer"));
        };
        match replica.view.replication {
            Replication::Replica {
                source,
                link_up: true,
                offset,
                ..
            } if source == primary.pod.ip.map(|ip| (ip, primary.pod.port)) => {
                let lag = primary.offset().saturating_sub(offset);
                (lag > LAG_LIMIT).then(|| format!("{name} is {lag} bytes behind"))
            }
            _ => Some(format!("{name} has no link to its primary")),
        }
    }

    /// The replicas of a primary that are in step, the most advanced first.
    pub(super) fn synced(&self, primary: &NodeId) -> Vec<Live<'a>> {
        let mut replicas = self.followers(primary);
        replicas.retain(|live| self.out_of_step(*live).is_none());
        replicas.sort_by_key(|live| std::cmp::Reverse(live.offset()));
        replicas
    }

    /// Two members that do not see the same cluster, if there are such.
    pub(super) fn disagreement(&self) -> Option<String> {
        let members = self.members();
        let first = members.first()?;
        let drawn = drawing(first.view);
        let other = members[1..]
            .iter()
            .find(|live| drawing(live.view) != drawn)?;
        Some(format!("{} and {}", first.pod.name, other.pod.name))
    }

    /// The highest epoch that anybody heard of.
    pub(super) fn epoch(&self) -> u64 {
        let heard = self.live.values().map(|live| live.view.current_epoch);
        let held = self.known.values().map(|known| known.epoch);
        heard.chain(held).max().unwrap_or(0)
    }
}

/// Who is what in the eyes of one node, apart from health.
fn drawing(view: &View) -> BTreeMap<&NodeId, (bool, Option<&NodeId>, &SlotSet)> {
    let met = view.nodes.iter().filter(|line| !line.handshake);
    met.map(|line| (&line.id, (line.primary, line.follows.as_ref(), &line.slots)))
        .collect()
}

fn knows(view: &View, id: &NodeId) -> bool {
    view.line(id).is_some()
}

/// The members: of all groups of nodes that know of each other the one with the most slots, and
/// of it those whom others know. A node that only knows others was forgotten by them.
fn members(live: &BTreeMap<NodeId, Live<'_>>) -> BTreeSet<NodeId> {
    let mut rest: BTreeSet<&NodeId> = live.keys().collect();
    let mut groups: Vec<BTreeSet<&NodeId>> = Vec::new();
    while let Some(first) = rest.pop_first() {
        let mut group = BTreeSet::from([first]);
        let mut open = vec![first];
        while let Some(id) = open.pop() {
            let linked =
                |other: &NodeId| knows(live[id].view, other) || knows(live[other].view, id);
            let next: Vec<&NodeId> = rest.iter().copied().filter(|o| linked(o)).collect();
            for other in next {
                rest.remove(other);
                group.insert(other);
                open.push(other);
            }
        }
        groups.push(group);
    }
    let weight = |group: &BTreeSet<&NodeId>| {
        let mut slots = SlotSet::default();
        for id in group {
            for line in &live[*id].view.nodes {
                slots.add(&line.slots);
            }
        }
        let name = group.iter().map(|id| &live[*id].pod.name).min();
        (slots.len(), group.len(), std::cmp::Reverse(name))
    };
    let Some(main) = groups.iter().max_by_key(|group| weight(group)) else {
        return BTreeSet::new();
    };
    let heard_of =
        |id: &&NodeId| main.len() == 1 || main.iter().any(|o| o != id && knows(live[*o].view, id));
    main.iter().copied().filter(heard_of).cloned().collect()
}

/// The best that is known of each node: its own word, else the newest of the others.
fn known(live: &BTreeMap<NodeId, Live<'_>>, members: &BTreeSet<NodeId>) -> BTreeMap<NodeId, Known> {
    let mut best: BTreeMap<&NodeId, &Line> = BTreeMap::new();
    for id in members {
        for line in live[id].view.nodes.iter().filter(|line| !line.handshake) {
            let newer = best
                .get(&line.id)
                .is_none_or(|held| line.myself || (!held.myself && line.epoch > held.epoch));
            if newer {
                best.insert(&line.id, line);
            }
        }
    }
    let known = |line: &Line| Known {
        primary: line.primary,
        epoch: line.epoch,
        claims: line.slots.clone(),
    };
    best.into_iter()
        .map(|(id, line)| (id.clone(), known(line)))
        .collect()
}

/// Each slot belongs to the primary that claims it with the highest epoch.
fn owners(known: &BTreeMap<NodeId, Known>) -> (BTreeMap<NodeId, SlotSet>, SlotSet) {
    let mut claims: Vec<_> = known.iter().filter(|(_, node)| node.primary).collect();
    claims.sort_by_key(|(_, node)| std::cmp::Reverse(node.epoch));
    let mut unowned = SlotSet::all();
    let mut slots = BTreeMap::new();
    for (id, node) in claims {
        let taken = unowned.without(&unowned.without(&node.claims));
        if !taken.is_empty() {
            unowned = unowned.without(&taken);
            slots.insert(id.clone(), taken);
        }
    }
    (slots, unowned)
}
