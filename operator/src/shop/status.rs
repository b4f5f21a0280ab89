//! What a shop's status says: summed up from what was found, written when it differs.

use jiff::Timestamp;
use k8s_openapi::api::core::v1::Pod;
use kube::api::{Api, ListParams, Patch, PatchParams};
use kube::runtime::events::EventType;
use kube::{Resource as _, ResourceExt as _};
use serde_json::{Map, Value, json};

use super::names::{COMPONENT, INSTANCE};
use super::{Found, Progress};
use crate::conditions::{ConditionType, Conditions, Finding, Reason, Truth};
use crate::context::{Context, MANAGER};
use crate::crds::{WhatsAppShop, WhatsAppShopStatus};

/// How many bots there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bots {
    /// Deployments found.
    pub deployments: usize,
    /// Wanted by their manifests.
    pub wanted: i64,
    /// Exist.
    pub existing: i64,
    /// Exist and are of the newest template.
    pub updated: i64,
    /// Have been ready for a while.
    pub available: i64,
}

/// Counts the bots of a shop.
pub fn bots(found: &Found) -> Bots {
    let mut bots = Bots::default();
    for live in found.bots() {
        let number = |field: &str| live["status"][field].as_i64().unwrap_or(0);
        bots.deployments += 1;
        bots.wanted += live["spec"]["replicas"].as_i64().unwrap_or(1);
        bots.existing += number("replicas");
        let observed = live["status"]["observedGeneration"].as_i64();
        // Until its controller has seen the newest template nothing is of it.
        if observed == live["metadata"]["generation"].as_i64() {
            bots.updated += number("updatedReplicas");
        }
        bots.available += number("availableReplicas");
    }
    bots
}

/// The condition `BotAvailable`. `trouble` says what is wrong with the pods, where something is.
pub fn bot_available(
    found: &Found,
    progress: &Progress,
    trouble: Option<(Reason, String)>,
) -> Conditions {
    let mut conditions = Conditions::default();
    let mut say = |truth: bool, reason: Reason, message: String| {
        conditions.set(ConditionType::BotAvailable, truth, reason, message);
    };
    let count = bots(found);
    let Bots {
        wanted, available, ..
    } = count;
    let enough = found.bots().all(serves);
    if progress.database_replaced {
        let message = "the bots are stopped: see DatabaseReady".to_owned();
        say(false, Reason::DatabaseReplaced, message);
    } else if progress.unmigrated {
        let message = "bots start once the database is migrated".to_owned();
        say(false, Reason::Waiting, message);
    } else if progress.held {
        let message = "the bots are stopped while a restore runs".to_owned();
        say(false, Reason::Restoring, message);
    } else if count.deployments == 0 {
        let message = "bots start once the database is migrated".to_owned();
        say(false, Reason::Waiting, message);
    } else if wanted == 0 {
        let message = "spec.bot.replicas is 0: nobody answers customers".to_owned();
        say(false, Reason::ScaledToZero, message);
    } else if let Some((reason, message)) = trouble {
        say(enough, reason, message);
    } else if let Some(message) = replica_failure(found) {
        say(enough, Reason::Refused, message);
    } else if !enough {
        let message = format!("{available} of {wanted} bots are available");
        say(false, Reason::Unavailable, message);
    } else if count.updated < wanted || available < wanted || count.existing > wanted {
        let message = "bots are replaced one after the other".to_owned();
        say(true, Reason::Rolling, message);
    } else {
        say(
            true,
            Reason::Available,
            format!("{wanted} bots are available"),
        );
    }
    conditions
}

/// Whether a Deployment has enough bots. One of which none was wanted says so too, until its controller
/// has seen how many are wanted now.
fn serves(live: &Value) -> bool {
    let has_some = live["status"]["availableReplicas"].as_i64() > Some(0);
    is_true(live, "Available") && (has_some || live["spec"]["replicas"] == 0)
}

fn is_true(live: &Value, kind: &str) -> bool {
    condition(live, kind).is_some_and(|found| found["status"] == "True")
}

fn condition<'a>(live: &'a Value, kind: &str) -> Option<&'a Value> {
    let conditions = live["status"]["conditions"].as_array();
    conditions.into_iter().flatten().find(|c| c["type"] == kind)
}

/// A Deployment that is not allowed to make pods says so: a quota, Pod Security, a webhook.
fn replica_failure(found: &Found) -> Option<String> {
    let failing = found.bots().find(|live| is_true(live, "ReplicaFailure"))?;
    let message = condition(failing, "ReplicaFailure")?["message"].as_str()?;
    Some(format!("pods of the bots are refused: {message}"))
}

/// Reads what is wrong with pods of the bots. Asked only while not all are available.
///
/// # Errors
/// When the API server does not answer.
pub async fn pod_trouble(
    ctx: &Context,
    shop: &WhatsAppShop,
    found: &Found,
) -> kube::Result<Option<(Reason, String)>> {
    let count = bots(found);
    if count.available >= count.wanted && count.updated >= count.wanted {
        return Ok(None);
    }
    let pods = pods(ctx, shop, "bot").await?;
    Ok(pods.iter().find_map(trouble_of))
}

/// Reads the pods of a component.
///
/// # Errors
/// When the API server does not answer.
pub async fn pods(ctx: &Context, shop: &WhatsAppShop, component: &str) -> kube::Result<Vec<Pod>> {
    let namespace = shop.namespace().unwrap_or_default();
    let api: Api<Pod> = Api::namespaced(ctx.client.clone(), &namespace);
    let labels = format!("{INSTANCE}={},{COMPONENT}={component}", shop.name_any());
    let listed = api.list(&ListParams::default().labels(&labels)).await?;
    Ok(listed.items)
}

fn trouble_of(pod: &Pod) -> Option<(Reason, String)> {
    let name = pod.name_any();
    let status = pod.status.as_ref()?;
    let statuses = status.init_container_statuses.iter().flatten();
    for container in statuses.chain(status.container_statuses.iter().flatten()) {
        let state = container.state.as_ref();
        let Some(waiting) = state.and_then(|state| state.waiting.as_ref()) else {
            continue;
        };
        let said = waiting.message.as_deref().unwrap_or_default();
        let image = &container.image;
        match waiting.reason.as_deref().unwrap_or_default() {
            reason @ ("ErrImagePull" | "ImagePullBackOff" | "InvalidImageName"
            | "ErrImageNeverPull") => {
                let message = format!(
                    "image {image} cannot be fetched ({reason}): correct spec.bot.image, its pull policy or its pull secrets"
                );
                return Some((Reason::ImageUnavailable, message));
            }
            "CrashLoopBackOff" => {
                let message = format!(
                    "a bot keeps ending: see `kubectl logs {name} -c {} --previous`",
                    container.name
                );
                return Some((Reason::Crashing, message));
            }
            "CreateContainerConfigError" => {
                let message = format!("pod {name} cannot start: {said}");
                return Some((Reason::Unavailable, message));
            }
            _ => {}
        }
    }
    let scheduled = status.conditions.iter().flatten();
    let mut scheduled = scheduled.filter(|c| c.type_ == "PodScheduled" && c.status == "False");
    let message = scheduled.next()?.message.clone().unwrap_or_default();
    Some((
        Reason::Unschedulable,
        format!("a bot fits on no node: {message}"),
    ))
}

/// What must hold for customers to be served for the first time, the most telling first.
const NEEDED: [ConditionType; 7] = [
    ConditionType::ManifestValid,
    ConditionType::SecretsFound,
    ConditionType::ObjectsApplied,
    ConditionType::DatabaseReady,
    ConditionType::MigrationsApplied,
    ConditionType::RedisReady,
    ConditionType::BotAvailable,
];

/// What must hold for customers of a shop that has served to be served still: what runs goes on,
/// whatever its manifest says meanwhile.
const SELLS: [ConditionType; 2] = [ConditionType::DatabaseReady, ConditionType::BotAvailable];

/// What must hold for what runs to be what the manifest asks for, the most telling first.
const WISHED: [ConditionType; 4] = [
    ConditionType::ManifestValid,
    ConditionType::SecretsFound,
    ConditionType::ObjectsApplied,
    ConditionType::MigrationsApplied,
];

/// Sums up `Ready`: whether the shop sells. One that has ever `served` sells without Redis and by an
/// earlier manifest, whatever else went wrong meanwhile; one that is being set up waits for all.
pub fn sum_up(conditions: &Conditions, served: bool) -> Finding {
    let lacks = |kind: &ConditionType| !conditions.holds(*kind);
    let missing: Vec<_> = NEEDED.into_iter().filter(lacks).collect();
    let redis = ConditionType::RedisReady;
    let message_of = |kind: ConditionType| conditions.get(kind).map_or("", |it| &it.message);
    let sells = served && SELLS.into_iter().all(|kind| conditions.holds(kind));
    let (truth, reason, message) = match missing.first() {
        None => (true, Reason::Serving, "customers are served".to_owned()),
        Some(_) if sells && missing.contains(&redis) => {
            let message = format!("customers are served, slower: {}", message_of(redis));
            (true, Reason::ServingWithoutRedis, message)
        }
        Some(first) if sells => {
            let said = message_of(*first);
            let message = format!("customers are served as before: {first}: {said}");
            (true, Reason::ServingAsBefore, message)
        }
        Some(first) => {
            // Redis does not stop a shop that has served: name what does.
            let mut telling = missing.iter().filter(|kind| !served || **kind != redis);
            let first = telling.next().unwrap_or(first);
            match conditions.get(*first) {
                Some(found) => {
                    let message = format!("{first}: {}", found.message);
                    (false, found.reason, message)
                }
                None => (false, Reason::Pending, format!("{first} is not known yet")),
            }
        }
    };
    Finding {
        truth: truth.into(),
        reason,
        message,
    }
}

/// Sums up `UpToDate`: whether what runs is what the manifest asks for.
pub fn up_to_date(conditions: &Conditions) -> Finding {
    let about = |kind: ConditionType, found: &Finding| Finding {
        truth: match found.truth {
            Truth::Unknown => Truth::Unknown,
            Truth::True | Truth::False => Truth::False,
        },
        reason: found.reason,
        message: format!("{kind}: {}", found.message),
    };
    for kind in WISHED {
        match conditions.get(kind) {
            Some(found) if found.truth == Truth::True => {}
            Some(found) => return about(kind, found),
            None => {
                return Finding {
                    truth: Truth::Unknown,
                    reason: Reason::Pending,
                    message: format!("{kind} is not known yet"),
                };
            }
        }
    }
    // Bots of the former template may be enough while those of the newest do not start.
    let bots = ConditionType::BotAvailable;
    match conditions.get(bots) {
        Some(found) if !matches!(found.reason, Reason::Available | Reason::ScaledToZero) => {
            about(bots, found)
        }
        _ => Finding {
            truth: Truth::True,
            reason: Reason::Applied,
            message: "what runs is what the manifest asks for".to_owned(),
        },
    }
}

/// Writes the status if it differs from what the shop says, and tells about transitions.
///
/// # Errors
/// When the API server does not take it.
pub async fn write(
    ctx: &Context,
    shop: &WhatsAppShop,
    conditions: Conditions,
    mut status: WhatsAppShopStatus,
    now: Timestamp,
) -> kube::Result<()> {
    let before = shop.status.clone().unwrap_or_default();
    let generation = shop.metadata.generation;
    status.conditions = conditions.into_status(&before.conditions, generation, now);
    status.observed_generation = generation;
    let namespace = shop.namespace().unwrap_or_default();
    let name = shop.name_any();
    ctx.metrics
        .conditions(&namespace, &name, &status.conditions);
    if shop.status.as_ref() != Some(&status) {
        patch(ctx, shop, &status).await?;
        let said = Conditions::of_status(&before.conditions);
        announce(ctx, shop, &said, &Conditions::of_status(&status.conditions)).await;
    }
    Ok(())
}

/// Writes a status over the one that `shop` has.
///
/// # Errors
/// When the API server does not take it.
pub async fn patch(
    ctx: &Context,
    shop: &WhatsAppShop,
    status: &WhatsAppShopStatus,
) -> kube::Result<WhatsAppShop> {
    let namespace = shop.namespace().unwrap_or_default();
    let api: Api<WhatsAppShop> = Api::namespaced(ctx.client.clone(), &namespace);
    let before = serde_json::to_value(&shop.status).map_err(kube::Error::SerdeError)?;
    let after = serde_json::to_value(status).map_err(kube::Error::SerdeError)?;
    let patch = json!({"status": merge_patch(&before, &after)});
    let params = PatchParams {
        field_manager: Some(MANAGER.to_owned()),
        ..PatchParams::default()
    };
    let patch = Patch::Merge(&patch);
    let mut written = api.patch_status(&shop.name_any(), &params, &patch).await?;
    written.metadata.managed_fields = None;
    Ok(written)
}

/// What makes `after` of `before` by a JSON merge patch (RFC 7386).
fn merge_patch(before: &Value, after: &Value) -> Value {
    let (Value::Object(old), Value::Object(new)) = (before, after) else {
        return after.clone();
    };
    let mut patch = Map::new();
    for (name, value) in new {
        match old.get(name) {
            Some(same) if same == value => {}
            Some(other) => {
                patch.insert(name.clone(), merge_patch(other, value));
            }
            None => {
                patch.insert(name.clone(), value.clone());
            }
        }
    }
    for name in old.keys().filter(|name| !new.contains_key(*name)) {
        patch.insert(name.clone(), Value::Null);
    }
    Value::Object(patch)
}

/// Tells about conditions whose status has changed, once for each transition.
async fn announce(ctx: &Context, shop: &WhatsAppShop, before: &Conditions, after: &Conditions) {
    let about = shop.object_ref(&());
    for (kind, found) in after.iter() {
        let truth = before.get(kind).map_or(Truth::Unknown, |old| old.truth);
        let reason = before.get(kind).map(|old| old.reason);
        // Another reason for the same trouble is news as well; a shop that comes to be is not.
        let news =
            truth != found.truth || (found.truth == Truth::False && reason != Some(found.reason));
        let bad = (found.truth == Truth::False) != (kind == ConditionType::Paused);
        let waits = matches!(
            found.reason,
            Reason::Pending | Reason::Waiting | Reason::Starting | Reason::NotLooked
        );
        if !news || found.truth == Truth::Unknown || (bad && waits) {
            continue;
        }
        if kind == ConditionType::Paused && found.truth == Truth::False && truth != Truth::True {
            continue;
        }
        // These repeat what another condition says.
        if matches!(kind, ConditionType::Ready | ConditionType::UpToDate) && bad {
            continue;
        }
        let type_ = if bad {
            EventType::Warning
        } else {
            EventType::Normal
        };
        let note = format!("{kind} is {}: {}", found.truth.as_str(), found.message);
        ctx.tell(&about, type_, found.reason.as_str(), &note).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all_true() -> Conditions {
        let mut conditions = Conditions::default();
        for kind in NEEDED {
            conditions.set(kind, true, Reason::Found, "");
        }
        conditions
    }

    #[test]
    fn a_shop_that_served_goes_on_without_redis_and_a_new_one_waits() {
        let mut conditions = all_true();
        conditions.set(
            ConditionType::RedisReady,
            false,
            Reason::Healing,
            "two nodes are away",
        );
        let ready = sum_up(&conditions, true);
        assert_eq!(
            (ready.truth, ready.reason),
            (Truth::True, Reason::ServingWithoutRedis)
        );
        let ready = sum_up(&conditions, false);
        assert_eq!((ready.truth, ready.reason), (Truth::False, Reason::Healing));
        assert_eq!(ready.message, "RedisReady: two nodes are away");

        // PostgreSQL goes as well, and comes back before Redis does.
        let database = ConditionType::DatabaseReady;
        conditions.set(database, false, Reason::Unreachable, "gone");
        let ready = sum_up(&conditions, true);
        assert_eq!(ready.message, "DatabaseReady: gone");
        conditions.set(database, true, Reason::Connected, "");
        assert_eq!(sum_up(&conditions, true).truth, Truth::True);
    }

    #[test]
    fn bots_that_were_only_just_asked_for_again_do_not_serve_yet() {
        let deployment = |replicas: i64, available: i64| {
            json!({
                "spec": {"replicas": replicas},
                "status": {
                    "availableReplicas": available,
                    "conditions": [{"type": "Available", "status": "True"}],
                },
            })
        };
        assert!(serves(&deployment(2, 1)) && serves(&deployment(0, 0)));
        assert!(
            !serves(&deployment(2, 0)),
            "stopped for a restore until now"
        );
    }

    #[test]
    fn a_shop_that_sells_stays_ready_while_its_manifest_is_broken() {
        let mut conditions = all_true();
        let bots = ConditionType::BotAvailable;
        conditions.set(bots, true, Reason::Available, "");
        assert_eq!(up_to_date(&conditions).truth, Truth::True);
        let secrets = ConditionType::SecretsFound;
        conditions.set(secrets, false, Reason::SecretMissing, "Secret whatsapp");
        let ready = sum_up(&conditions, true);
        assert_eq!(
            (ready.truth, ready.reason),
            (Truth::True, Reason::ServingAsBefore)
        );
        let told = "SecretsFound: Secret whatsapp";
        assert!(ready.message.ends_with(told), "{}", ready.message);
        let wish = up_to_date(&conditions);
        assert_eq!(
            (wish.truth, wish.reason),
            (Truth::False, Reason::SecretMissing)
        );
        assert_eq!(wish.message, told);
        assert_eq!(sum_up(&conditions, false).truth, Truth::False);

        // Its bots go: the fault that keeps them from coming back is named.
        conditions.set(bots, false, Reason::Unavailable, "0 of 2");
        let ready = sum_up(&conditions, true);
        assert_eq!((ready.truth, ready.message.as_str()), (Truth::False, told));

        // A new image that does not start leaves the former bots at work.
        conditions.set(secrets, true, Reason::Found, "");
        conditions.set(bots, true, Reason::ImageUnavailable, "image toko:2");
        assert_eq!(sum_up(&conditions, true).reason, Reason::Serving);
        let wish = up_to_date(&conditions);
        assert_eq!(
            (wish.truth, wish.reason),
            (Truth::False, Reason::ImageUnavailable)
        );
    }

    #[test]
    fn a_merge_patch_removes_what_is_gone_and_leaves_what_is_the_same() {
        let before = json!({"a": 1, "b": {"c": 1, "d": 2}, "list": [1]});
        let after = json!({"a": 1, "b": {"c": 3}, "list": [1, 2]});
        let patch = json!({"b": {"c": 3, "d": null}, "list": [1, 2]});
        assert_eq!(merge_patch(&before, &after), patch);
        assert_eq!(merge_patch(&Value::Null, &after), after);
    }
}
