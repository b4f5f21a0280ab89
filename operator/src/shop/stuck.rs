//! The pod of the managed PostgreSQL while it is not ready.
//!
//! A StatefulSet replaces a pod of an old revision only once it is ready, which one with a bad
//! image or a bad setting never is: the corrected manifest would wait for it for ever. Such a pod
//! is deleted, and its StatefulSet makes the next one from the newest revision.
//!
//! What keeps a pod of a store from starting is told in the same words for PostgreSQL and Redis.

use anyhow::{Context as _, Result};
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::core::v1::{ContainerStatus, Pod};
use kube::ResourceExt as _;
use kube::api::{Api, DeleteParams, Preconditions};
use serde_json::Value;
use tracing::info;

use super::Found;
use super::names::Names;
use crate::conditions::{Finding, Reason, Truth};
use crate::context::Context;

/// How long a server that runs and is not ready is left alone: it may be recovering from a crash.
const RECOVERY: SignedDuration = SignedDuration::from_mins(5);
/// How long a pod may look for a node before somebody is told: a new one waits for its volume.
const PLACING: SignedDuration = SignedDuration::from_secs(15);

/// Says why the server does not serve yet, and replaces its pod where it is stuck and of an old
/// revision; `None` when it is ready.
///
/// # Errors
/// When the API server does not answer, or we no longer lead.
pub(super) async fn look_after(
    ctx: &Context,
    names: &Names,
    found: &Found,
) -> Result<Option<Finding>> {
    let set = found.child("StatefulSet", &names.postgres());
    let ready = set.and_then(|set| set["status"]["readyReplicas"].as_i64());
    if ready.unwrap_or(0) > 0 {
        return Ok(None);
    }
    let api: Api<Pod> = Api::namespaced(ctx.client.clone(), &names.namespace);
    let name = format!("{}-0", names.postgres());
    let pod = api.get_opt(&name).await;
    let pod = pod.context("read the pod of PostgreSQL")?;
    let (Some(set), Some(pod)) = (set, pod) else {
        return Ok(Some(waits("PostgreSQL's pod is not there yet")));
    };
    if is_stuck(set, &pod, Timestamp::now()) {
        replace(&api, &pod).await?;
        return Ok(Some(waits(
            "PostgreSQL's pod was stuck and is made anew from what the manifest says now",
        )));
    }
    let trouble = trouble(&pod, &POSTGRES, Timestamp::now());
    Ok(Some(trouble.unwrap_or_else(|| {
        waits("PostgreSQL's pod is not ready yet")
    })))
}

async fn replace(api: &Api<Pod>, pod: &Pod) -> Result<()> {
    let params = DeleteParams::default().preconditions(Preconditions {
        uid: pod.uid(),
        resource_version: None,
    });
    match api.delete(&pod.name_any(), &params).await {
        Ok(_) => info!(
            pod.name = pod.name_any(),
            "replaces a stuck pod of PostgreSQL"
        ),
        // It is another one already.
        Err(kube::Error::Api(status)) if matches!(status.code, 404 | 409) => {}
        Err(error) => return Err(error).context("replace a stuck pod of PostgreSQL"),
    }
    Ok(())
}

/// Whether the StatefulSet waits for a pod that it would replace if only it were ready.
fn is_stuck(set: &Value, pod: &Pod, now: Timestamp) -> bool {
    let status = &set["status"];
    let revision = pod.labels().get("controller-revision-hash");
    let newest = status["updateRevision"].as_str();
    let outdated = status["observedGeneration"] == set["metadata"]["generation"]
        && newest.is_some()
        && revision.map(String::as_str) != newest;
    let said = pod.status.as_ref();
    let conditions = said.and_then(|it| it.conditions.as_deref());
    let ready = conditions.unwrap_or_default().iter();
    let ready = ready
        .filter(|it| it.type_ == "Ready")
        .any(|it| it.status == "True");
    let works = |container: &ContainerStatus| {
        let running = container.state.as_ref().and_then(|it| it.running.as_ref());
        let since = running.and_then(|it| it.started_at.as_ref());
        since.is_some_and(|since| now.duration_since(since.0) < RECOVERY)
    };
    outdated && !ready && pod.metadata.deletion_timestamp.is_none() && !containers(pod).any(works)
}

fn containers(pod: &Pod) -> impl Iterator<Item = &ContainerStatus> {
    let status = pod.status.iter();
    status.flat_map(|it| {
        let first = it.init_container_statuses.iter().flatten();
        first.chain(it.container_statuses.iter().flatten())
    })
}

/// A store, as messages about its pods name it.
pub(super) struct Store {
    name: &'static str,
    /// Where the manifest names its image.
    image: &'static str,
}

const POSTGRES: Store = Store {
    name: "PostgreSQL",
    image: "spec.database.managed.image",
};
/// The managed Redis Cluster.
pub(super) const REDIS: Store = Store {
    name: "Redis",
    image: "spec.redis.managed.image",
};

/// What a person has to mend, so that a pod can start.
pub(super) fn trouble(pod: &Pod, store: &Store, now: Timestamp) -> Option<Finding> {
    let Store { name: part, image } = store;
    let name = pod.name_any();
    for container in containers(pod) {
        let waiting = container.state.as_ref().and_then(|it| it.waiting.as_ref());
        let last = container.last_state.as_ref();
        let last = last.and_then(|it| it.terminated.as_ref()?.message.as_deref());
        match waiting.and_then(|it| it.reason.as_deref()) {
            Some(
                reason @ ("ErrImagePull" | "ImagePullBackOff" | "InvalidImageName"
                | "ErrImageNeverPull"),
            ) => {
                let message = format!(
                    "image {} cannot be fetched for pod {name} ({reason}): correct {image}, its \
                     pull policy or the pull secrets",
                    container.image
                );
                return Some(finding(Reason::ImageUnavailable, message));
            }
            Some("CrashLoopBackOff") => {
                let said = last.map(str::trim).filter(|said| !said.is_empty());
                let message = said.map_or_else(
                    || {
                        let container = &container.name;
                        format!("{part} keeps ending: see `kubectl logs {name} -c {container} --previous`")
                    },
                    |said| format!("{part} keeps ending: {said}"),
                );
                return Some(finding(Reason::Crashing, message));
            }
            _ => {}
        }
    }
    let conditions = pod.status.as_ref()?.conditions.as_deref()?.iter();
    let mut waits = conditions.filter(|it| it.type_ == "PodScheduled" && it.status == "False");
    let unscheduled = waits.next()?;
    let since = unscheduled.last_transition_time.as_ref();
    if since.is_some_and(|since| now.duration_since(since.0) < PLACING) {
        return None;
    }
    let why = unscheduled.message.as_deref().unwrap_or_default();
    let message = format!("pod {name} of {part} fits on no node: {why}");
    Some(finding(Reason::Unschedulable, message))
}

fn waits(message: &str) -> Finding {
    finding(Reason::Starting, message.to_owned())
}

fn finding(reason: Reason, message: String) -> Finding {
    Finding {
        truth: Truth::False,
        reason,
        message,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn now() -> Timestamp {
        "2026-11-24T03:12:00Z".parse().unwrap()
    }

    fn set(newest: &str) -> Value {
        json!({"metadata": {"generation": 2},
            "status": {"observedGeneration": 2, "updateRevision": newest}})
    }

    fn pod(state: &Value, ready: &str) -> Pod {
        let pod = json!({
            "metadata": {"name": "toko-postgres-0",
                "labels": {"controller-revision-hash": "old"}},
            "status": {"conditions": [{"type": "Ready", "status": ready}],
                "containerStatuses": [{"name": "postgres", "image": "postgres:lama",
                    "imageID": "", "ready": false, "restartCount": 3, "state": state,
                    "lastState": {"terminated": {"exitCode": 1,
                        "message": "the data is of PostgreSQL 16\n"}}}]},
        });
        serde_json::from_value(pod).unwrap()
    }

    fn stuck(set: &Value, pod: &Pod) -> bool {
        is_stuck(set, pod, now())
    }

    #[test]
    fn only_an_outdated_pod_that_does_not_work_is_stuck() {
        let crashing = json!({"waiting": {"reason": "CrashLoopBackOff"}});
        assert!(stuck(&set("new"), &pod(&crashing, "False")));
        assert!(
            !stuck(&set("old"), &pod(&crashing, "False")),
            "it is the newest"
        );
        assert!(
            !stuck(&set("new"), &pod(&crashing, "True")),
            "the roll goes on by itself"
        );
        let running = |since: &str| json!({"running": {"startedAt": since}});
        let recovers = pod(&running("2026-11-24T03:08:00Z"), "False");
        assert!(!stuck(&set("new"), &recovers), "it may be recovering");
        assert!(stuck(
            &set("new"),
            &pod(&running("2026-11-24T03:06:00Z"), "False")
        ));
        let mut unseen = set("new");
        unseen["metadata"]["generation"] = json!(3);
        assert!(!stuck(&unseen, &pod(&crashing, "False")));
    }

    #[test]
    fn the_last_words_of_a_server_are_told() {
        let told = |reason: &str| {
            let pod = pod(&json!({"waiting": {"reason": reason}}), "False");
            trouble(&pod, &POSTGRES, now()).map(|it| (it.reason, it.message))
        };
        let (reason, message) = told("CrashLoopBackOff").unwrap();
        assert_eq!(reason, Reason::Crashing);
        assert_eq!(
            message,
            "PostgreSQL keeps ending: the data is of PostgreSQL 16"
        );
        let (reason, message) = told("ImagePullBackOff").unwrap();
        assert_eq!(reason, Reason::ImageUnavailable);
        let named =
            "image postgres:lama cannot be fetched for pod toko-postgres-0 (ImagePullBackOff)";
        assert!(message.starts_with(named), "{message}");
        assert_eq!(told("ContainerCreating"), None);
    }

    #[test]
    fn a_new_pod_may_wait_for_its_volume_before_anybody_is_told() {
        let unscheduled = |since: &str| {
            let pod = json!({"metadata": {"name": "toko-redis-0-0"}, "status": {"conditions": [
                {"type": "PodScheduled", "status": "False", "reason": "Unschedulable",
                    "lastTransitionTime": since, "message": "no volume"}]}});
            let pod: Pod = serde_json::from_value(pod).unwrap();
            trouble(&pod, &REDIS, now()).map(|it| it.message)
        };
        assert_eq!(unscheduled("2026-11-24T03:11:50Z"), None);
        assert_eq!(
            unscheduled("2026-11-24T03:11:40Z").unwrap(),
            "pod toko-redis-0-0 of Redis fits on no node: no volume"
        );
    }
}
