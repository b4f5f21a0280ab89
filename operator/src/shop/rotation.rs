//! How the password of the managed Redis Cluster is replaced while everybody is served.
//!
//! A person writes another password into the kept Secret `‹shop›-redis`. A node reads what it
//! accepts when it starts, and nodes log in at each other, so one pod would be locked out by the
//! next if all were told at once. Three steps, each of which replaces the nodes one by one:
//!
//! ```text
//! add   the old one is used, the old and the new are accepted
//! use   every node was seen to accept the new one: nodes and bots use it
//! drop  every node and every bot was replaced since: only the new one is accepted
//! ```
//!
//! Where a change stands is written in the Secret `‹shop›-redis-access` and nowhere else: which
//! password is used, and which was used before. Another password that is written meanwhile waits
//! until the old one is dropped, or takes the place of one that nobody uses yet.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::names::{COMPONENT, SECRETS_HASH, keys};
use super::{Child, Found, Progress};
use crate::redis::config;

/// Passwords of the managed Redis Cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Passwords {
    /// The one that nodes, bots and operator use.
    pub used: String,
    /// The one that is to be used once every node accepts it.
    pub next: Option<String>,
    /// The one that was used before and is still accepted.
    pub previous: Option<String>,
}

impl Passwords {
    /// What the nodes were told last; `access` is the Secret with it, as the API server has it.
    /// Without such a Secret, or with one that contradicts itself, there is only what is wanted.
    pub fn read(wanted: &str, access: Option<&Value>) -> Self {
        let only = Self {
            used: wanted.to_owned(),
            next: None,
            previous: None,
        };
        let told = access.and_then(Self::told);
        let Some(mut told) = told else { return only };
        if told.previous.is_none() && told.used != wanted {
            told.next = Some(wanted.to_owned());
        }
        told
    }

    /// Those that the nodes were told last, whatever is wanted now.
    pub fn told(access: &Value) -> Option<Self> {
        let text = |key: &str| {
            let decoded = STANDARD.decode(access["data"][key].as_str()?).ok()?;
            String::from_utf8(decoded).ok()
        };
        let used = text(keys::PASSWORD)?;
        let previous = text(keys::PREVIOUS_PASSWORD);
        // Somebody else's change of one key is set back, not followed.
        let accepted = text(keys::USERS_ACL)?;
        let known = |password: &String| accepted.contains(&config::digest(password));
        let login = text(keys::LOGIN_CONF)? == config::login_conf(config::USER, &used);
        (login && known(&used) && previous.iter().all(known)).then_some(Self {
            used,
            next: None,
            previous,
        })
    }

    /// All that nodes shall accept.
    pub fn accepted(&self) -> Vec<&str> {
        let others = self.next.iter().chain(&self.previous);
        let all = std::iter::once(&self.used).chain(others);
        all.map(String::as_str).collect()
    }

    /// After the next step.
    #[must_use]
    pub fn advanced(self) -> Self {
        match self.next {
            Some(next) => Self {
                used: next,
                next: None,
                previous: Some(self.used),
            },
            None => Self {
                previous: None,
                ..self
            },
        }
    }

    /// Whether the next step may be made. `wanted` are the children as this step wants them.
    pub fn may_advance(&self, wanted: &[Child], found: &Found, progress: &Progress) -> bool {
        let nodes = || all_replaced(wanted, found, "StatefulSet", "redis");
        let bots = || all_replaced(wanted, found, "Deployment", "bot");
        match (&self.next, &self.previous) {
            (Some(_), _) => progress.redis_accepts_next && nodes(),
            (None, Some(_)) => nodes() && bots(),
            (None, None) => false,
        }
    }
}

/// Whether all pods of a component were started with the Secrets that are wanted now, and none
/// that was started before is left.
fn all_replaced(wanted: &[Child], found: &Found, kind: &str, component: &str) -> bool {
    let of_component = |object: &Value| object["metadata"]["labels"][COMPONENT] == component;
    let hash = |object: &Value| {
        let template = &object["spec"]["template"]["metadata"]["annotations"];
        template[SECRETS_HASH].as_str().map(str::to_owned)
    };
    let current = |live: &Value| {
        let name = &live["metadata"]["name"];
        let same = |child: &&Child| {
            child.resource.kind == kind && child.object["metadata"]["name"] == *name
        };
        let child = wanted.iter().find(same);
        child.is_some_and(|child| hash(&child.object) == hash(live)) && is_complete(live)
    };
    let mut live = found.of_kind(kind).filter(|live| of_component(live));
    let made = |child: &&Child| child.resource.kind == kind && of_component(&child.object);
    let mut made = wanted.iter().filter(made);
    live.all(current) && made.all(|child| found.children.contains_key(&child.key()))
}

/// Whether every pod is of the newest template and ready.
fn is_complete(live: &Value) -> bool {
    let status = &live["status"];
    let number = |field: &str| status[field].as_i64().unwrap_or(0);
    let pods = live["spec"]["replicas"].as_i64().unwrap_or(1);
    status["observedGeneration"] == live["metadata"]["generation"]
        && ["replicas", "updatedReplicas", "readyReplicas"]
            .iter()
            .all(|field| number(field) == pods)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::ObjectKey;
    use super::super::build::tests::world::{World, key};
    use super::*;

    const NEW: &str = "the new one";

    /// A shop that sells, its children as they were applied and all their pods up to date.
    fn selling() -> World {
        let mut world = World::of_sample("everything-managed");
        replaced(&mut world);
        world
    }

    /// Everything that is wanted was applied, and every pod was replaced.
    fn replaced(world: &mut World) {
        applied(world);
        for live in world.found.children.values_mut() {
            let pods = live["spec"]["replicas"].as_i64().unwrap_or(1);
            live["metadata"]["generation"] = json!(1);
            live["status"] = json!({
                "observedGeneration": 1, "replicas": pods, "updatedReplicas": pods,
                "readyReplicas": pods, "availableReplicas": pods,
            });
        }
    }

    /// What is wanted was applied; the pods are those of before.
    fn applied(world: &mut World) {
        for child in world.children() {
            let key = child.key();
            let before = world.found.children.get(&key).cloned().unwrap_or_default();
            let mut object = child.object;
            let moved = before["spec"]["template"] != object["spec"]["template"];
            object["status"] = before["status"].clone();
            let generation = before["metadata"]["generation"].as_i64().unwrap_or(0);
            object["metadata"]["generation"] = json!(generation + i64::from(moved));
            world.found.children.insert(key, object);
        }
    }

    fn access(world: &World) -> &Value {
        &world.found.children[&key("Secret", "toko-redis-access")]
    }

    fn passwords(world: &World) -> Passwords {
        let wanted = world.credentials.redis_password.as_ref().unwrap();
        Passwords::read(wanted, Some(access(world)))
    }

    fn may_advance(world: &World) -> bool {
        passwords(world).may_advance(&world.children(), &world.found, &world.progress)
    }

    fn secrets_hash(world: &World, kind: &str, name: &str) -> Value {
        let object = &world.found.children[&ObjectKey::new(kind, name)];
        object["spec"]["template"]["metadata"]["annotations"][SECRETS_HASH].clone()
    }

    #[test]
    fn another_password_is_added_then_used_and_only_then_the_old_one_dropped() {
        let mut world = selling();
        let old = passwords(&world).used;
        assert_eq!(passwords(&world).accepted(), [old.as_str()]);
        let bots = |world: &World| secrets_hash(world, "Deployment", "toko-bot");
        let nodes = |world: &World| secrets_hash(world, "StatefulSet", "toko-redis-0");
        let (first_bots, first_nodes) = (bots(&world), nodes(&world));
        world.credentials.redis_password = Some(NEW.to_owned());

        // Added: the nodes roll, the bots do not.
        applied(&mut world);
        assert_eq!(passwords(&world).accepted(), [old.as_str(), NEW]);
        assert_eq!(passwords(&world).used, old);
        assert_eq!(bots(&world), first_bots);
        assert_ne!(nodes(&world), first_nodes);
        world.progress.redis_accepts_next = true;
        assert!(!may_advance(&world), "no node has been replaced yet");
        replaced(&mut world);
        world.progress.redis_accepts_next = false;
        assert!(!may_advance(&world), "nobody has seen a node accept it");
        world.progress.redis_accepts_next = true;
        assert!(may_advance(&world));

        // Used: both roll, and a node that is as before is still let in.
        world.progress.redis_password_due = true;
        applied(&mut world);
        world.progress.redis_password_due = false;
        assert_eq!(passwords(&world).used, NEW);
        assert_eq!(passwords(&world).accepted(), [NEW, old.as_str()]);
        assert_ne!(bots(&world), first_bots);
        assert!(!may_advance(&world), "pods of before are left");

        // Another one that is written now waits.
        world.credentials.redis_password = Some("a third".to_owned());
        assert_eq!(passwords(&world).accepted(), [NEW, old.as_str()]);
        world.credentials.redis_password = Some(NEW.to_owned());

        // Dropped.
        replaced(&mut world);
        assert!(may_advance(&world));
        world.progress.redis_password_due = true;
        let second_bots = bots(&world);
        replaced(&mut world);
        world.progress.redis_password_due = false;
        assert_eq!(passwords(&world).accepted(), [NEW]);
        assert_eq!(bots(&world), second_bots);
        assert!(!may_advance(&world));
    }

    #[test]
    fn a_secret_that_somebody_else_changed_is_set_back_and_not_followed() {
        let world = selling();
        let used = passwords(&world).used;
        let mut changed = access(&world).clone();
        changed["data"][keys::PASSWORD] = STANDARD.encode("guessed").into();
        let read = Passwords::read(&used, Some(&changed));
        assert_eq!(read.accepted(), [used.as_str()]);
    }
}
