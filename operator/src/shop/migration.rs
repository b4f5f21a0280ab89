//! How far the database is migrated for the manifest's image.

use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::Pod;
use serde_json::Value;

use super::names::COMPONENT;
use super::{Child, Found, Progress, Validated};
use crate::conditions::{Finding, Reason, Truth};
use crate::jobs;

/// What the migration's Job has come to.
pub struct State {
    /// The database has the tables of the manifest's image.
    pub done: bool,
    /// For the condition `MigrationsApplied`.
    pub finding: Finding,
}

/// Looks at the Job among the children that are wanted.
///
/// `pods` are those of migrations, where one is [under way](is_under_way).
pub fn state(
    valid: &Validated,
    found: &Found,
    progress: &Progress,
    wanted: &[Child],
    pods: &[Pod],
) -> State {
    let image = &valid.bot_image;
    let say = |done, truth, reason, message: String| State {
        done,
        finding: Finding {
            truth,
            reason,
            message,
        },
    };
    let migrated = || {
        let message = format!("the database has the tables of {image}");
        say(true, Truth::True, Reason::Migrated, message)
    };
    if progress.migrated_image.as_ref() == Some(image) {
        return migrated();
    }
    if progress.database_replaced {
        let message = "waits for the shop's database: see DatabaseReady".to_owned();
        return say(false, Truth::False, Reason::Waiting, message);
    }
    if progress.held {
        let message = "a restore migrates what it brings back".to_owned();
        return say(false, Truth::False, Reason::Restoring, message);
    }
    let Some(job) = wanted.iter().find(|child| child.resource.kind == "Job") else {
        let message = "waits for the database".to_owned();
        return say(false, Truth::False, Reason::Waiting, message);
    };
    let key = job.key();
    let live = found.children.get(&key);
    if live.is_some_and(|live| ended(live, "Complete").is_some()) {
        return migrated();
    }
    if let Some(failed) = live.and_then(|live| ended(live, "Failed")) {
        let why = failed["message"].as_str().unwrap_or("it failed");
        let message = format!(
            "Job {} failed: {why}; see `kubectl logs job/{}`. Bots of the former image go on. Mend \
             it and delete the Job to try again",
            key.name, key.name
        );
        return say(false, Truth::False, Reason::MigrationFailed, message);
    }
    if let Some(what) = live.and_then(|live| hindrance(live, pods)) {
        let cannot = jobs::runs(&key.name, Some(&what));
        let message = format!("{cannot}. Bots of the former image go on");
        return say(false, Truth::False, Reason::Hindered, message);
    }
    let message = format!("Job {} migrates the database for {image}", key.name);
    say(false, Truth::False, Reason::Migrating, message)
}

/// What keeps a Job from starting.
fn hindrance(job: &Value, pods: &[Pod]) -> Option<String> {
    let job: Job = serde_json::from_value(job.clone()).ok()?;
    match jobs::look(&job, pods) {
        jobs::State::Running { hindrance } => hindrance,
        jobs::State::Ended(_) => None,
    }
}

/// Whether a migration is not over yet.
pub fn is_under_way(found: &Found) -> bool {
    let of_migration = |job: &&Value| job["metadata"]["labels"][COMPONENT] == "migrate";
    let over = |job: &Value| {
        ["Complete", "Failed"]
            .iter()
            .any(|end| ended(job, end).is_some())
    };
    found
        .of_kind("Job")
        .filter(of_migration)
        .any(|job| !over(job))
}

fn ended<'a>(job: &'a Value, kind: &str) -> Option<&'a Value> {
    let conditions = job["status"]["conditions"].as_array();
    let mut of_kind = conditions
        .into_iter()
        .flatten()
        .filter(|c| c["type"] == kind);
    of_kind.find(|condition| condition["status"] == "True")
}
