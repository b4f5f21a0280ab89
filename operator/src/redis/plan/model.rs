//! A small cluster in memory to try plans on: nodes with what they own, hold and believe of each
//! other. Gossip is whole and happens when it is told to, replicas copy at once.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::redis::observe::{Seen, View};
use crate::redis::parse::{Line, NodeId, Replication};
use crate::redis::plan::{Plan, plan};
use crate::redis::slots::SlotSet;
use crate::redis::{Desired, Memory, Node, Pod, Step, Takeover};

const PORT: u16 = 6379;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Belief {
    ip: Option<IpAddr>,
    primary: bool,
    follows: Option<NodeId>,
    epoch: u64,
    slots: SlotSet,
}

#[derive(Clone, Debug)]
struct Server {
    id: NodeId,
    uid: u32,
    generation: u32,
    ip: IpAddr,
    alive: bool,
    own: Belief,
    source: Option<IpAddr>,
    /// The slots whose keys it holds.
    data: SlotSet,
    beliefs: BTreeMap<NodeId, Belief>,
    importing: BTreeMap<u16, NodeId>,
    migrating: BTreeMap<u16, NodeId>,
}

pub(super) type Place = (usize, usize);

pub(super) struct Model {
    pub(super) desired: Desired,
    pub(super) memory: Memory,
    servers: BTreeMap<Place, Server>,
    now: Timestamp,
    serial: u32,
    generation: u32,
    /// Whether each slot holds keys.
    pub(super) filled: bool,
    /// Whether empty slots that have just been given out count as held.
    forming: bool,
}

impl Model {
    pub(super) fn new(shards: usize, replicas_per_shard: usize) -> Self {
        let mut model = Self {
            desired: Desired {
                shards,
                replicas_per_shard,
                node_timeout: Duration::from_secs(5),
                acknowledged_loss: None,
            },
            memory: Memory::default(),
            servers: BTreeMap::new(),
            now: Timestamp::UNIX_EPOCH,
            serial: 0,
            generation: 0,
            filled: false,
            forming: true,
        };
        model.stateful_sets();
        model
    }

    pub(super) fn scale(&mut self, shards: usize) {
        self.desired.shards = shards;
        self.stateful_sets();
    }

    fn stateful_sets(&mut self) {
        for shard in 0..self.desired.shards {
            for ordinal in 0..=self.desired.replicas_per_shard {
                if !self.servers.contains_key(&(shard, ordinal)) {
                    let server = self.fresh();
                    self.servers.insert((shard, ordinal), server);
                }
            }
        }
    }

    fn fresh(&mut self) -> Server {
        self.serial += 1;
        let ip = address(self.serial);
        let own = Belief {
            ip: Some(ip),
            primary: true,
            ..Belief::default()
        };
        Server {
            id: NodeId::parse(&format!("{:040x}", self.serial)).unwrap(),
            uid: self.serial,
            generation: self.generation,
            ip,
            alive: true,
            own,
            source: None,
            data: SlotSet::default(),
            beliefs: BTreeMap::new(),
            importing: BTreeMap::new(),
            migrating: BTreeMap::new(),
        }
    }

    pub(super) fn places(&self) -> Vec<Place> {
        self.servers.keys().copied().collect()
    }

    pub(super) fn kill(&mut self, place: Place) {
        if let Some(server) = self.servers.get_mut(&place) {
            server.alive = false;
        }
    }

    /// A pod made anew: another address, the same volume.
    pub(super) fn restart(&mut self, place: Place) {
        self.serial += 1;
        let (serial, generation) = (self.serial, self.generation);
        if let Some(server) = self.servers.get_mut(&place) {
            server.uid = serial;
            server.generation = generation;
            server.ip = address(serial);
            server.own.ip = Some(server.ip);
            server.alive = true;
        }
    }

    pub(super) fn revive_all(&mut self) {
        for place in self.places() {
            if !self.servers[&place].alive {
                self.restart(place);
            }
        }
    }

    /// A pod loses its volume, if a mate holds a copy of everything on it.
    pub(super) fn lose_volume(&mut self, place: Place) -> bool {
        let Some(lost) = self.servers.get(&place) else {
            return false;
        };
        let copied = self.servers.iter().any(|(other, server)| {
            let mate = other.0 == place.0 && *other != place;
            mate && lost.data.without(&server.data).is_empty()
        });
        if copied {
            let server = self.fresh();
            self.servers.insert(place, server);
        }
        copied
    }

    /// A node is left without its keys, but not without what it knows of the cluster.
    pub(super) fn lose_keys(&mut self, place: Place) {
        if let Some(server) = self.servers.get_mut(&place) {
            server.data = SlotSet::default();
        }
    }

    pub(super) fn new_template(&mut self) {
        self.generation += 1;
    }

    pub(super) fn pass_time(&mut self, seconds: i64) {
        self.now += SignedDuration::from_secs(seconds);
    }

    /// Everybody who can reach somebody takes over its word.
    pub(super) fn gossip(&mut self) {
        self.talk(true);
    }

    /// The same, when nobody has yet answered a claim that is out of date.
    pub(super) fn gossip_before_updates(&mut self) {
        self.talk(false);
    }

    fn talk(&mut self, updates: bool) {
        for place in self.places() {
            let mut speaker = self.servers[&place].clone();
            let alive = speaker.alive;
            for other in self.servers.values().filter(|o| o.alive && alive) {
                let linked = speaker
                    .beliefs
                    .get(&other.id)
                    .is_some_and(|b| b.ip == Some(other.ip));
                if !linked || !other.beliefs.contains_key(&speaker.id) {
                    continue;
                }
                speaker.hears(&other.id, &other.own);
                let itself = speaker.id.clone();
                for (id, belief) in other.beliefs.iter().filter(|(id, _)| **id != itself) {
                    let held = speaker.beliefs.entry(id.clone()).or_insert(belief.clone());
                    let moved = self
                        .servers
                        .values()
                        .any(|s| s.id == *id && Some(s.ip) == belief.ip);
                    if moved {
                        held.ip = belief.ip;
                    }
                    if updates {
                        speaker.is_told_of(id, belief);
                    }
                }
                speaker.yields_to(&other.id, &other.own);
            }
            self.servers.insert(place, speaker);
        }
        self.copy();
    }

    /// Replicas copy what their primaries hold.
    fn copy(&mut self) {
        let primaries: BTreeMap<NodeId, (IpAddr, SlotSet)> = self
            .servers
            .values()
            .filter(|s| s.alive && s.own.primary)
            .map(|s| (s.id.clone(), (s.ip, s.data.clone())))
            .collect();
        for server in self.servers.values_mut().filter(|s| s.alive) {
            let primary = server.own.follows.as_ref().and_then(|id| primaries.get(id));
            if let Some((ip, data)) = primary
                && server.source == Some(*ip)
            {
                server.data = data.clone();
            }
        }
    }

    fn see(&self) -> Vec<Seen> {
        self.servers
            .iter()
            .map(|(place, server)| Seen {
                pod: self.pod(*place, server),
                view: if server.alive {
                    Ok(self.view(server))
                } else {
                    Err("dead".to_owned())
                },
            })
            .collect()
    }

    fn pod(&self, (shard, ordinal): Place, server: &Server) -> Pod {
        Pod {
            name: format!("r-{shard}-{ordinal}"),
            uid: server.uid.to_string(),
            ip: Some(server.ip),
            port: PORT,
            bus_port: None,
            shard,
            ordinal,
            ready: server.alive,
            terminating: false,
            outdated: server.generation != self.generation,
        }
    }

    fn view(&self, server: &Server) -> View {
        let own = self.line(server, &server.id, &server.own);
        let others = server.beliefs.iter();
        let others = others.map(|(id, belief)| self.line(server, id, belief));
        let source = server.source.map(|ip| (ip, PORT));
        let primary = server.own.follows.as_ref().and_then(|id| self.alive(id));
        let offset = if server.data.is_empty() { 1 } else { 100 };
        View {
            id: server.id.clone(),
            nodes: std::iter::once(own).chain(others).collect(),
            current_epoch: server.own.epoch,
            serving: true,
            replication: if server.own.primary {
                Replication::Primary { offset }
            } else {
                Replication::Replica {
                    source,
                    link_up: primary.is_some_and(|p| Some(p.ip) == server.source),
                    syncing: false,
                    offset,
                }
            },
            used_memory: 1,
            max_memory: 0,
            keys: if self.filled {
                server.data.len() as u64
            } else {
                0
            },
        }
    }

    fn line(&self, speaker: &Server, id: &NodeId, belief: &Belief) -> Line {
        let myself = speaker.id == *id;
        let reached = self.alive(id).is_some_and(|s| Some(s.ip) == belief.ip);
        let marks = |marks: &BTreeMap<u16, NodeId>| {
            let marks = marks.iter().filter(|_| myself);
            marks.map(|(slot, id)| (*slot, id.clone())).collect()
        };
        Line {
            id: id.clone(),
            address: belief.ip.map(|ip| (ip, PORT)),
            myself,
            primary: belief.primary,
            follows: belief.follows.clone(),
            fail: !reached,
            suspect: false,
            no_address: false,
            handshake: false,
            epoch: belief.epoch,
            connected: reached,
            slots: belief.slots.clone(),
            migrating: marks(&speaker.migrating),
            importing: marks(&speaker.importing),
        }
    }

    fn alive(&self, id: &NodeId) -> Option<&Server> {
        self.servers.values().find(|s| s.alive && s.id == *id)
    }

    /// One pass; the operator dies after `steps` of its steps.
    pub(super) fn pass(&mut self, steps: usize) -> Plan {
        let plan = plan(&self.desired, &self.see(), self.memory.clone(), self.now);
        // Written down before anything is done.
        self.memory = plan.memory.clone();
        for step in plan.steps.iter().take(steps) {
            self.step(step, steps);
            self.copy();
        }
        if steps < plan.steps.len() {
            return plan;
        }
        for pod in &plan.delete {
            for place in self.places() {
                if self.servers[&place].uid.to_string() == pod.uid {
                    self.restart(place);
                }
            }
        }
        for shard in &plan.report.empty_shards {
            self.servers.retain(|(s, _), _| s != shard);
        }
        plan
    }

    fn at(&mut self, node: &Node) -> Option<&mut Server> {
        let fits = |server: &&mut Server| server.alive && server.id == node.id;
        self.servers.values_mut().find(fits)
    }

    fn newest(&self) -> u64 {
        let epochs = self.servers.values().map(|s| s.own.epoch);
        epochs.max().unwrap_or(0)
    }

    fn step(&mut self, step: &Step, luck: usize) {
        match step {
            Step::SetEpoch { at, epoch } => {
                if let Some(server) = self.at(at) {
                    server.own.epoch = *epoch;
                }
            }
            Step::Meet { at, peer } => self.meet(at, peer),
            Step::Forget { at, id } => {
                if let Some(server) = self.at(at) {
                    assert_ne!(server.own.follows.as_ref(), Some(id), "forgets its primary");
                    server.beliefs.remove(id);
                }
            }
            Step::Replicate { at, primary } => {
                let holds_keys = self.filled;
                if let Some(server) = self.at(at) {
                    let empty =
                        server.own.slots.is_empty() && (server.data.is_empty() || !holds_keys);
                    assert!(empty || !server.own.primary, "an owner becomes a replica");
                    server.own.primary = false;
                    server.own.follows = Some(primary.clone());
                    server.source = server.beliefs.get(primary).and_then(|b| b.ip);
                }
            }
            Step::Failover { at, mode } => self.fail_over(at, *mode),
            Step::AddSlots { at, slots } => {
                assert!(self.forming, "slots are handed out again");
                if let Some(server) = self.at(at) {
                    server.own.slots.add(slots);
                    server.data = server.own.slots.clone();
                }
            }
            Step::Close { at, slots } => {
                if let Some(server) = self.at(at) {
                    server.importing.retain(|slot, _| !slots.contains(*slot));
                    server.migrating.retain(|slot, _| !slots.contains(*slot));
                }
            }
            Step::Assign { at, slots, owner } => {
                let (slots, owner) = (slots.clone(), owner.clone());
                if let Some(server) = self.at(at).filter(|server| server.id != owner) {
                    server.own.slots = server.own.slots.without(&slots);
                    server.migrating.retain(|slot, _| !slots.contains(*slot));
                }
            }
            Step::Move {
                from, to, slots, ..
            } => {
                self.move_slots(from, to, slots, luck);
                self.announce(&to.id);
            }
        }
    }

    fn meet(&mut self, at: &Node, peer: &Node) {
        let (Some(a), Some(b)) = (self.at(at).cloned(), self.at(peer).cloned()) else {
            return;
        };
        if let Some(server) = self.at(at) {
            server.beliefs.insert(b.id.clone(), b.own.clone());
        }
        if let Some(server) = self.at(peer) {
            server.beliefs.insert(a.id.clone(), a.own.clone());
        }
    }

    fn fail_over(&mut self, at: &Node, mode: Takeover) {
        let epoch = self.newest() + 1;
        let Some(heir) = self.at(at).cloned() else {
            return;
        };
        let Some(old) = heir.own.follows.clone() else {
            return;
        };
        assert!(mode != Takeover::Agreed || self.alive(&old).is_some());
        if mode == Takeover::Voted && !self.elects(&heir, &heir.beliefs[&old]) {
            return;
        }
        let absent = heir.beliefs[&old].slots.clone();
        let slots = self.alive(&old).map_or(absent, |old| old.own.slots.clone());
        let mut taken = heir.own.clone();
        if let Some(server) = self.at(at) {
            server.own.primary = true;
            server.own.follows = None;
            server.own.epoch = epoch;
            server.own.slots = slots;
            server.source = None;
            taken = server.own.clone();
        }
        for server in self.servers.values_mut().filter(|s| s.alive && s.id == old) {
            // It is what its heir says of itself that makes it a replica.
            server.hears(&heir.id, &taken);
            server.own.primary = false;
            server.own.follows = Some(heir.id.clone());
            server.own.slots = SlotSet::default();
            server.source = Some(heir.ip);
            server.importing.clear();
            server.migrating.clear();
        }
    }

    /// Whether most owners of slots vote for an heir: none does who knows of a younger right to a
    /// slot that it would take.
    fn elects(&self, heir: &Server, claim: &Belief) -> bool {
        let owners = self.servers.values();
        let owners = owners.filter(|s| s.own.primary && !s.own.slots.is_empty());
        let takes = |belief: &Belief| {
            let younger = belief.primary && belief.epoch > claim.epoch;
            younger && claim.slots.without(&belief.slots) != claim.slots
        };
        let votes = |s: &&Server| {
            let known = s.beliefs.iter().filter(|(id, _)| **id != heir.id);
            s.alive && !takes(&s.own) && !known.into_iter().any(|(_, belief)| takes(belief))
        };
        owners.clone().filter(votes).count() * 2 > owners.count()
    }

    /// Moves some of the slots, and leaves the next one open.
    fn move_slots(&mut self, from: &Node, to: &Node, slots: &SlotSet, luck: usize) {
        let count = if luck > 20 { usize::MAX } else { luck * 13 };
        let epoch = self.newest();
        let Some(source) = self.at(from).map(|s| (s.own.slots.clone(), s.data.clone())) else {
            return;
        };
        for (done, slot) in slots.iter().enumerate() {
            let Some(destination) = self.at(to).filter(|_| source.0.contains(slot)) else {
                return;
            };
            if done >= count {
                destination.importing.insert(slot, from.id.clone());
                let source = self.at(from).unwrap();
                source.migrating.insert(slot, to.id.clone());
                return;
            }
            destination.importing.remove(&slot);
            destination.own.slots.insert(slot);
            if source.1.contains(slot) {
                destination.data.insert(slot);
            }
            if destination.own.epoch <= epoch {
                destination.own.epoch = epoch + 1;
            }
            let source = self.at(from).unwrap();
            source.own.slots.remove(slot);
            source.data.remove(slot);
            source.migrating.remove(&slot);
        }
    }

    /// A node lets everybody who knows it know at once what it owns, as it does after it took over
    /// a slot; the operator tells the other primaries the same.
    fn announce(&mut self, id: &NodeId) {
        let Some(own) = self.alive(id).map(|server| server.own.clone()) else {
            return;
        };
        for server in self.servers.values_mut().filter(|s| s.alive) {
            if server.beliefs.get(id).is_some_and(|b| b.ip == own.ip) {
                server.hears(id, &own);
            }
        }
    }

    /// From now on slots have keys, and none is ever handed out again.
    pub(super) fn fill(&mut self) {
        self.filled = true;
        self.forming = false;
    }

    /// Whether some volume still holds each slot.
    pub(super) fn holds_everything(&self) -> bool {
        let mut held = SlotSet::default();
        self.servers.values().for_each(|s| held.add(&s.data));
        held.len() == usize::from(crate::redis::SLOTS)
    }

    /// Slots whose owner does not hold their keys.
    pub(super) fn empty_handed(&self) -> usize {
        let owners = self.servers.values().filter(|s| s.own.primary);
        owners.map(|s| s.own.slots.without(&s.data).len()).sum()
    }

    /// The slots that a node owns together with their keys.
    pub(super) fn owned_with_keys(&self, place: Place) -> usize {
        let server = &self.servers[&place];
        let without = server.own.slots.without(&server.data);
        server.own.slots.without(&without).len()
    }

    pub(super) fn owners(&self) -> BTreeSet<usize> {
        let owners = self.servers.iter().filter(|(_, s)| !s.own.slots.is_empty());
        owners.map(|((shard, _), _)| *shard).collect()
    }
}

impl Server {
    /// Takes another's word for what it owns. In the eyes of a node each slot has one owner, who
    /// has the younger right to it: whoever heard that a slot moved no longer takes it for the
    /// former owner's, nor claims it when it is promoted in that one's place. Who follows one that
    /// lost everything follows the other.
    fn hears(&mut self, id: &NodeId, word: &Belief) {
        let mut word = word.clone();
        let others = self.beliefs.iter_mut().filter(|(other, _)| *other != id);
        for (other, held) in others.filter(|(_, held)| word.primary && held.primary) {
            if held.epoch > word.epoch {
                word.slots = word.slots.without(&held.slots);
            } else if held.epoch < word.epoch && !held.slots.is_empty() {
                held.slots = held.slots.without(&word.slots);
                if held.slots.is_empty() && self.own.follows.as_ref() == Some(other) {
                    self.own.follows = Some(id.clone());
                    self.source = word.ip;
                }
            }
        }
        self.beliefs.insert(id.clone(), word);
    }

    /// Gives up the slots that the other owns by a younger right; who loses all of them to one
    /// follows it.
    fn yields_to(&mut self, id: &NodeId, other: &Belief) {
        if !self.own.primary || !other.primary || other.epoch <= self.own.epoch {
            return;
        }
        let had = !self.own.slots.is_empty();
        self.own.slots = self.own.slots.without(&other.slots);
        if had && self.own.slots.is_empty() {
            self.own.primary = false;
            self.own.follows = Some(id.clone());
            self.source = other.ip;
            self.importing.clear();
            self.migrating.clear();
        }
    }

    /// Claims slots, for itself or for its primary, to one who knows of a younger right to them.
    /// It is told of that even when whoever has the right cannot say so any more (Redis: UPDATE).
    fn is_told_of(&mut self, id: &NodeId, told: &Belief) {
        let known = self.beliefs.get(id).map_or(0, |belief| belief.epoch);
        if !told.primary || told.epoch <= known {
            return;
        }
        let takes = |claim: &SlotSet| claim.iter().any(|slot| told.slots.contains(slot));
        let primary = self.own.follows.clone().filter(|primary| primary != id);
        let claim = match &primary {
            None => Some(&self.own),
            Some(primary) => self.beliefs.get(primary),
        };
        if !claim.is_some_and(|claim| claim.epoch < told.epoch && takes(&claim.slots)) {
            return;
        }
        let ip = self.beliefs.get(id).and_then(|belief| belief.ip);
        let told = Belief { ip, ..told.clone() };
        self.hears(id, &told);
        self.yields_to(id, &told);
    }
}

fn address(serial: u32) -> IpAddr {
    Ipv4Addr::from(0x0a00_0000 + serial).into()
}
