//! Restores and backups within one look at a shop, before its children are built.

use jiff::Timestamp;
use k8s_openapi::api::batch::v1::Job;
use kube::runtime::events::EventType;
use kube::{Resource as _, ResourceExt as _};
use serde::Deserialize as _;
use serde_json::Value;

use super::build::{Site, backup as build_backup, migrate};
use super::{Child, Found};
use crate::backup::{self, Desk, Gate, Summary};
use crate::context::Context;
use crate::crds::WhatsAppShop;
use crate::jobs::Work;
use crate::restore;

/// What came of it.
#[derive(Clone, Debug)]
pub struct Upkeep {
    /// A restore holds the shop, as a sentence: set `Progress::held` before the children are built.
    pub hold: Option<String>,
    /// Conditions `BackupHealthy` and `BackupVerified`, and two lines of the status.
    pub summary: Summary,
    /// A restore is under way: look again soon, no watch tells of pods that go.
    pub under_way: bool,
}

/// Brings restores on, records and begins backups, sums up.
///
/// `site` is what Jobs are built from, with what was just found of the database in its progress;
/// `None` while the shop is paused or its manifest cannot be used: then nothing begins, and what
/// ends is recorded all the same.
///
/// # Errors
/// When the API server does not answer, or we no longer lead.
pub async fn upkeep(
    ctx: &Context,
    shop: &WhatsAppShop,
    found: &Found,
    site: Option<&Site<'_>>,
    now: Timestamp,
) -> kube::Result<Upkeep> {
    let jobs = jobs(found);
    let make = |name: &str, work: &Work| site.and_then(|site| job(site, name, work));
    let desk = Desk {
        client: &ctx.client,
        shop,
        jobs: &jobs,
        make: &make,
        now,
    };
    let deployments: Vec<&Value> = found.bots().collect();
    let gate = gate(shop, site);
    let for_restores = match (&gate, site) {
        (Gate::Open, Some(site)) if !site.progress.database_answers => {
            Gate::Closed("the shop's database is not ready: see DatabaseReady".to_owned())
        }
        _ => gate.clone(),
    };
    let (restores, backups) = (&found.restores, &found.backups);
    let brought_on =
        restore::look_after(&desk, restores, backups, &deployments, for_restores).await?;
    let replaced = site.is_some_and(|site| site.progress.database_replaced);
    let for_backups = match (&gate, &brought_on.hold) {
        (Gate::Open, None) if replaced => {
            Gate::Closed("another database is in the shop's place: see DatabaseReady".to_owned())
        }
        (Gate::Open, Some(hold)) => Gate::Closed(format!("waits for a restore. {hold}")),
        _ => gate,
    };
    let looked = backup::look_after(&desk, backups, for_backups).await?;
    tell(ctx, shop, &brought_on.failures, &looked.failures).await;
    let summary = backup::summary(shop.spec.backup.as_ref(), &looked.backups, now);
    let namespace = shop.namespace().unwrap_or_default();
    let gauges = ctx.metrics.backups();
    gauges.set(&namespace, &shop.name_any(), &summary.figures);
    Ok(Upkeep {
        hold: brought_on.hold,
        summary,
        under_way: brought_on.under_way,
    })
}

fn gate(shop: &WhatsAppShop, site: Option<&Site>) -> Gate {
    if shop.spec.backup.is_none() {
        Gate::NotConfigured
    } else if shop.spec.paused {
        Gate::Closed("the shop is paused (spec.paused)".to_owned())
    } else if site.is_none() {
        Gate::Closed("the shop cannot be looked after yet: see its conditions".to_owned())
    } else {
        Gate::Open
    }
}

/// The shop's Jobs. One that cannot be read is none of ours.
fn jobs(found: &Found) -> Vec<Job> {
    let all = found.of_kind("Job");
    all.filter_map(|live| Job::deserialize(live).ok()).collect()
}

fn job(site: &Site, name: &str, work: &Work) -> Option<Child> {
    use build_backup::Task;

    let task = match work {
        Work::Run => Task::Run,
        Work::Verify { backup } => Task::Verify {
            backup: backup.as_deref(),
        },
        Work::Restore { backup, replace } => Task::Restore {
            backup: backup.as_deref(),
            replace: *replace,
        },
        Work::Migrate => return Some(migrate::again(site, name)),
    };
    build_backup::job(site, name, task)
}

async fn tell(
    ctx: &Context,
    shop: &WhatsAppShop,
    restores: &[String],
    backups: &[(String, String)],
) {
    let restores = restores.iter().map(|note| ("restore", note));
    let backups = backups
        .iter()
        .map(|(component, note)| (component.as_str(), note));
    let (namespace, name) = (shop.namespace().unwrap_or_default(), shop.name_any());
    for (component, note) in restores.chain(backups) {
        let reason = match component {
            "restore" => "RestoreFailed",
            "verify" => "VerificationFailed",
            _ => "BackupFailed",
        };
        ctx.metrics.backups().failed(&namespace, &name, component);
        let about = shop.object_ref(&());
        ctx.tell(&about, EventType::Warning, reason, note).await;
    }
}
