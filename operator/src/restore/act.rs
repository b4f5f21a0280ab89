//! Reads what uses the database, writes what the plan says.

use k8s_openapi::api::core::v1::Pod;
use kube::api::{Api, ListParams, Patch, PatchParams};
use kube::{Resource as _, ResourceExt as _};
use serde_json::{Value, json};

use super::plan::{Seen, Step, plan};
use crate::backup::say::{COMPLETE, Said, set};
use crate::backup::{Begun, Desk, Gate};
use crate::conditions::{Reason, Truth};
use crate::crds::{ShopBackup, ShopRestore};
use crate::shop::names::{COMPONENT, INSTANCE};

/// Components whose pods use the database; a restore waits for them.
const USERS: &str = "bot,backup,migrate";

/// What came of a look.
#[derive(Clone, Debug, Default)]
pub struct Looked {
    /// Who holds the shop, as a sentence: no bot may run, no schedule may start.
    pub hold: Option<String>,
    /// Restores that failed, as sentences for events.
    pub failures: Vec<String>,
    /// Something is under way: look again soon.
    pub under_way: bool,
}

/// Brings the shop's restores on. `deployments` are those of the bots, as the API server has them.
///
/// # Errors
/// When the API server does not answer, or we no longer lead. What was done stays; the next look
/// goes on from there.
pub async fn look_after(
    desk: &Desk<'_>,
    restores: &[ShopRestore],
    backups: &[ShopBackup],
    deployments: &[&Value],
    gate: Gate,
) -> kube::Result<Looked> {
    let is_open = |restore: &ShopRestore| {
        let status = restore.status.as_ref();
        status.is_none_or(|status| status.finished_at.is_none())
    };
    let under_way = restores.iter().any(is_open);
    let (pods, users) = if under_way {
        let users = users(desk, deployments).await?;
        (desk.pods().await?, users)
    } else {
        (Vec::new(), Vec::new())
    };
    let planned = plan(&Seen {
        restores,
        backups,
        jobs: desk.jobs,
        pods: &pods,
        users: &users,
        gate,
        now: desk.now,
    });
    let mut looked = Looked {
        hold: planned.hold,
        under_way,
        ..Looked::default()
    };
    let mut not_begun: Vec<String> = Vec::new();
    for step in planned.steps {
        match step {
            Step::Begin { restore, job, work } => {
                let known = restores.iter().find(|it| it.name_any() == restore);
                let Some(owner) = known.and_then(|it| it.controller_owner_ref(&())) else {
                    continue;
                };
                match desk.begin(&job, &work, owner).await? {
                    Begun::Yes => {}
                    Begun::NotConfigured => not_begun.push(restore),
                    Begun::NameTaken => {
                        name_taken(desk, known, &job).await?;
                        not_begun.push(restore);
                    }
                }
            }
            Step::Say { name, .. } if not_begun.contains(&name) => {}
            Step::Say { name, status } => {
                let patch = Patch::Merge(json!({ "status": status }));
                let api: Api<ShopRestore> = desk.api();
                let params = PatchParams::default();
                api.patch_status(&name, &params, &patch).await?;
            }
            Step::Read { job } => desk.read(&job).await?,
            Step::Failed { note } => looked.failures.push(note),
        }
    }
    Ok(looked)
}

/// The name of the Job is another's: the person who asked must choose another one.
async fn name_taken(desk: &Desk<'_>, restore: Option<&ShopRestore>, job: &str) -> kube::Result<()> {
    let Some(restore) = restore else {
        return Ok(());
    };
    let mut status = restore.status.clone().unwrap_or_default();
    let message = format!("there is another Job {job}: delete it, or name this otherwise");
    let said = Said {
        kind: COMPLETE,
        truth: Truth::Unknown,
        reason: Reason::NameTaken,
        message: &message,
    };
    let generation = restore.metadata.generation;
    set(&mut status.conditions, &said, generation, desk.now);
    if restore.status.as_ref() == Some(&status) {
        return Ok(());
    }
    let patch = Patch::Merge(json!({ "status": status }));
    let api: Api<ShopRestore> = desk.api();
    let (name, params) = (restore.name_any(), PatchParams::default());
    api.patch_status(&name, &params, &patch).await.map(drop)
}

/// What still uses the database. A Deployment counts too: its pods may not be there yet.
async fn users(desk: &Desk<'_>, deployments: &[&Value]) -> kube::Result<Vec<String>> {
    let wants = |live: &&&Value| {
        let number = |at: &Value| at.as_i64().unwrap_or(0);
        number(&live["spec"]["replicas"]) > 0 || number(&live["status"]["replicas"]) > 0
    };
    let named = |live: &&Value| {
        let name = live["metadata"]["name"].as_str().unwrap_or_default();
        format!("Deployment {name}")
    };
    let mut users: Vec<String> = deployments.iter().filter(wants).map(named).collect();
    let shop = desk.shop.name_any();
    let labels = format!("{INSTANCE}={shop},{COMPONENT} in ({USERS})");
    let api: Api<Pod> = desk.api();
    let pods = api.list(&ListParams::default().labels(&labels)).await?;
    let runs = |pod: &Pod| {
        let phase = pod
            .status
            .as_ref()
            .and_then(|status| status.phase.as_deref());
        !matches!(phase, Some("Succeeded" | "Failed"))
    };
    let running = pods.items.iter().filter(|pod| runs(pod));
    users.extend(running.map(|pod| format!("Pod {}", pod.name_any())));
    users.sort();
    Ok(users)
}
