//! What became of a Job, from its status and its pods'. Pure.

use jiff::Timestamp;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{ContainerStateTerminated, ContainerStatus, Pod};

use super::Report;

/// Characters of a failed container's last words that a message quotes.
const QUOTED: usize = 400;

/// Why containers wait that will go on waiting until somebody mends it.
const HINDRANCES: [&str; 7] = [
    "CreateContainerConfigError",
    "CreateContainerError",
    "ErrImageNeverPull",
    "ErrImagePull",
    "ImagePullBackOff",
    "InvalidImageName",
    "RunContainerError",
];

/// What became of a Job.
#[derive(Clone, Debug, PartialEq)]
pub enum State {
    /// It runs, or will; `hindrance` says what keeps its pod from starting.
    Running {
        /// Such as an image that cannot be fetched.
        hindrance: Option<String>,
    },
    /// It is over.
    Ended(Box<Ended>),
}

/// How a Job that is not over does, as a sentence.
pub fn runs(job: &str, hindrance: Option<&str>) -> String {
    match hindrance {
        None => format!("Job {job} runs"),
        Some(what) => format!("Job {job} cannot start: {what}"),
    }
}

/// How a Job ended.
#[derive(Clone, Debug, PartialEq)]
pub struct Ended {
    /// When.
    pub at: Option<Timestamp>,
    /// What it said; `None` when it said nothing, or its pod was gone before anybody read it.
    pub report: Option<Report>,
    /// Why it failed; `None` when it succeeded.
    pub failure: Option<Failure>,
    /// How many of its pods failed.
    pub failed_tries: i32,
}

/// How a Job failed, apart from its own report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// It took longer than it may.
    DeadlineExceeded,
    /// Its container used more memory than it may.
    OutOfMemory,
    /// Its pod was evicted or went with its node.
    PodLost,
    /// It ended with an error; these are its last words or its status.
    Exited(String),
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::DeadlineExceeded => f.write_str(
                "it took longer than backup.deadline allows: raise it, or find out what is slow",
            ),
            Self::OutOfMemory => f.write_str("its container used more memory than it may"),
            Self::PodLost => {
                f.write_str("its pod went before it ended, or before its report was read")
            }
            Self::Exited(words) => f.write_str(words),
        }
    }
}

/// Whether a pod is of this Job.
pub fn is_of(pod: &Pod, job: &Job) -> bool {
    let owners = pod.metadata.owner_references.as_deref().unwrap_or_default();
    let uid = job.metadata.uid.as_deref();
    uid.is_some_and(|uid| owners.iter().any(|owner| owner.uid == uid))
}

/// What became of a Job, given the pods of its namespace that are still there.
pub fn look(job: &Job, pods: &[Pod]) -> State {
    let pods: Vec<&Pod> = pods.iter().filter(|pod| is_of(pod, job)).collect();
    let status = job.status.as_ref();
    let conditions = status
        .and_then(|status| status.conditions.as_deref())
        .unwrap_or_default();
    let met = |name: &str| {
        conditions
            .iter()
            .find(|condition| condition.type_ == name && condition.status == "True")
    };
    let report = || {
        let said = pods.iter().flat_map(|pod| last_words(pod));
        let reports = said.filter_map(|(at, message)| Some((at, Report::parse(message)?)));
        reports.max_by_key(|(at, _)| *at).map(|(_, report)| report)
    };
    let failed_tries = status.and_then(|status| status.failed).unwrap_or(0);
    if let Some(complete) = met("Complete") {
        let completion = status.and_then(|status| status.completion_time.as_ref());
        let at = completion.or(complete.last_transition_time.as_ref());
        return State::Ended(Box::new(Ended {
            at: at.map(|time| time.0),
            report: report(),
            failure: None,
            failed_tries,
        }));
    }
    if let Some(failed) = met("Failed") {
        let failure = if failed.reason.as_deref() == Some("DeadlineExceeded") {
            Failure::DeadlineExceeded
        } else {
            pods.iter()
                .find_map(|pod| failure(pod))
                .unwrap_or(Failure::PodLost)
        };
        return State::Ended(Box::new(Ended {
            at: failed.last_transition_time.as_ref().map(|time| time.0),
            report: report(),
            failure: Some(failure),
            failed_tries,
        }));
    }
    State::Running {
        hindrance: pods.iter().find_map(|pod| hindrance(pod)),
    }
}

fn containers(pod: &Pod) -> impl Iterator<Item = &ContainerStatus> {
    pod.status.iter().flat_map(|status| {
        let inits = status.init_container_statuses.iter().flatten();
        inits.chain(status.container_statuses.iter().flatten())
    })
}

fn terminated(pod: &Pod) -> impl Iterator<Item = &ContainerStateTerminated> {
    containers(pod).filter_map(|container| container.state.as_ref()?.terminated.as_ref())
}

fn last_words(pod: &Pod) -> impl Iterator<Item = (Option<Timestamp>, &str)> {
    terminated(pod).filter_map(|end| {
        let at = end.finished_at.as_ref().map(|time| time.0);
        Some((at, end.message.as_deref()?))
    })
}

fn failure(pod: &Pod) -> Option<Failure> {
    let status = pod.status.as_ref()?;
    if let Some(end) = terminated(pod).find(|end| end.exit_code != 0) {
        if end.reason.as_deref() == Some("OOMKilled") {
            return Some(Failure::OutOfMemory);
        }
        let words = end.message.as_deref().map(str::trim).unwrap_or_default();
        // The report is told by other means.
        if words.is_empty() || Report::parse(words).is_some() {
            let code = end.exit_code;
            return Some(Failure::Exited(format!("it ended with status {code}")));
        }
        return Some(Failure::Exited(tail(words)));
    }
    let message = status.message.as_deref().unwrap_or_default();
    match status.reason.as_deref() {
        Some(reason @ "Evicted") => Some(Failure::Exited(format!("{reason}: {message}"))),
        _ => None,
    }
}

fn hindrance(pod: &Pod) -> Option<String> {
    let status = pod.status.as_ref()?;
    let waiting = containers(pod).find_map(|container| {
        let waiting = container.state.as_ref()?.waiting.as_ref()?;
        let reason = waiting.reason.as_deref()?;
        HINDRANCES
            .contains(&reason)
            .then(|| format!("{reason} of image {}", container.image))
    });
    waiting.or_else(|| {
        let conditions = status.conditions.as_deref().unwrap_or_default();
        let unscheduled = conditions.iter().find(|condition| {
            condition.type_ == "PodScheduled"
                && condition.reason.as_deref() == Some("Unschedulable")
        })?;
        Some(unscheduled.message.clone().unwrap_or_default())
    })
}

/// The end of a text: an error comes last in a log.
fn tail(text: &str) -> String {
    let letters = text.chars().count();
    text.chars().skip(letters.saturating_sub(QUOTED)).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn job(conditions: &Value) -> Job {
        serde_json::from_value(json!({
            "metadata": {"name": "toko-backup-1", "uid": "j1"},
            "status": {"conditions": conditions},
        }))
        .unwrap()
    }

    fn pod(status: &Value) -> Pod {
        serde_json::from_value(json!({
            "metadata": {"name": "p", "ownerReferences": [
                {"apiVersion": "batch/v1", "kind": "Job", "name": "toko-backup-1", "uid": "j1"},
            ]},
            "status": status,
        }))
        .unwrap()
    }

    fn ended_pod(code: i32, message: &str, at: &str) -> Pod {
        pod(&json!({"containerStatuses": [{
            "name": "backup", "image": "i", "imageID": "", "ready": false, "restartCount": 0,
            "state": {"terminated": {"exitCode": code, "message": message, "finishedAt": at}},
        }]}))
    }

    fn failed(reason: &str) -> Job {
        job(&json!([{"type": "Failed", "status": "True", "reason": reason}]))
    }

    fn end(job: &Job, pods: &[Pod]) -> Ended {
        match look(job, pods) {
            State::Ended(ended) => *ended,
            State::Running { .. } => panic!("it runs"),
        }
    }

    #[test]
    fn a_job_that_runs_tells_what_hinders_it() {
        let running = job(&json!([]));
        assert_eq!(look(&running, &[]), State::Running { hindrance: None });
        let stuck = pod(&json!({"initContainerStatuses": [{
            "name": "tools", "image": "bot:tiada", "imageID": "", "ready": false,
            "restartCount": 0, "state": {"waiting": {"reason": "ImagePullBackOff"}},
        }]}));
        let hindrance = Some("ImagePullBackOff of image bot:tiada".to_owned());
        assert_eq!(look(&running, &[stuck]), State::Running { hindrance });
        let unplaced = pod(&json!({"conditions": [{
            "type": "PodScheduled", "status": "False", "reason": "Unschedulable",
            "message": "0/1 nodes are available: 1 Insufficient cpu.",
        }]}));
        let State::Running { hindrance } = look(&running, &[unplaced]) else {
            panic!("it runs")
        };
        assert!(hindrance.unwrap().contains("Insufficient cpu"));
    }

    #[test]
    fn the_newest_report_is_read_from_the_pods_of_the_job_alone() {
        let done = job(&json!([{"type": "Complete", "status": "True"}]));
        let first = r#"{"kind":"backup","error":"no room"}"#;
        let second = r#"{"kind":"backup","backup":"toko/2","bytes":7,"pruned":["toko/1"]}"#;
        let mut stranger = ended_pod(0, r#"{"kind":"migrate"}"#, "2026-11-24T09:00:00Z");
        stranger.metadata.owner_references = None;
        let pods = [
            ended_pod(0, &format!("{second}\n"), "2026-11-24T03:12:00Z"),
            ended_pod(1, first, "2026-11-24T03:00:00Z"),
            stranger,
        ];
        let Some(Report::Backup(report)) = end(&done, &pods).report else {
            panic!("no report")
        };
        assert_eq!(report.backup.as_deref(), Some("toko/2"));
        assert_eq!(report.pruned, ["toko/1"]);
        assert_eq!(end(&done, &[]).report, None);
    }

    #[test]
    fn each_way_to_fail_is_told_apart() {
        let failure = |job: &Job, pods: &[Pod]| end(job, pods).failure.unwrap();
        let late = failed("DeadlineExceeded");
        assert_eq!(failure(&late, &[]), Failure::DeadlineExceeded);
        let tired = failed("BackoffLimitExceeded");
        assert_eq!(failure(&tired, &[]), Failure::PodLost);
        let log = ended_pod(2, "panicked at main.rs\n", "2026-11-24T03:12:00Z");
        let words = Failure::Exited("panicked at main.rs".to_owned());
        assert_eq!(failure(&tired, &[log]), words);
        let report = ended_pod(
            1,
            r#"{"kind":"restore","error":"x"}"#,
            "2026-11-24T03:12:00Z",
        );
        let words = Failure::Exited("it ended with status 1".to_owned());
        assert_eq!(failure(&tired, std::slice::from_ref(&report)), words);
        assert_eq!(end(&tired, &[report]).report.unwrap().error(), Some("x"));
        let killed = pod(&json!({"containerStatuses": [{
            "name": "backup", "image": "i", "imageID": "", "ready": false, "restartCount": 0,
            "state": {"terminated": {"exitCode": 137, "reason": "OOMKilled"}},
        }]}));
        assert_eq!(failure(&tired, &[killed]), Failure::OutOfMemory);
    }
}
