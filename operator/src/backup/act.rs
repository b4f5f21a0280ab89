//! Reads Jobs and pods, writes what the plan says.

use std::collections::BTreeSet;

use jiff::Timestamp;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};
use kube::api::{Api, DeleteParams, ListParams, Patch, PatchParams, PostParams};
use kube::{Client, Resource as _, ResourceExt as _};
use serde_json::json;

use super::plan::{Gate, Seen, Step, plan};
use super::say::{COMPLETE, Said, set};
use super::{MANAGED_BY, READ};
use crate::conditions::{Reason, Truth};
use crate::crds::{DeletionPolicy, LocalRef, ShopBackup, ShopBackupSpec, WhatsAppShop};
use crate::jobs::Work;
use crate::shop::Child;
use crate::shop::names::{COMPONENT, INSTANCE};

/// How long a Job stays once it was read, in seconds: a person may want its log.
const STAY_SECONDS: i32 = 86_400;

/// Makes the Job of a name and a work, without an owner; `None` where the manifest has no
/// `backup`.
pub type MakeJob<'a> = &'a (dyn Fn(&str, &Work) -> Option<Child> + Send + Sync);

/// What the rooms of backups and restores need to write.
#[derive(Clone, Copy)]
pub struct Desk<'a> {
    /// Writes only while we lead.
    pub client: &'a Client,
    /// The shop.
    pub shop: &'a WhatsAppShop,
    /// Its Jobs, of all components.
    pub jobs: &'a [Job],
    /// Makes more.
    pub make: MakeJob<'a>,
    /// Now.
    pub now: Timestamp,
}

/// What came of a look.
#[derive(Clone, Debug, Default)]
pub struct Looked {
    /// The shop's backups as they are now.
    pub backups: Vec<ShopBackup>,
    /// Jobs that failed: component, and a sentence for an event.
    pub failures: Vec<(String, String)>,
    /// Those whose Job could not be begun: what was to be said of it is not true.
    not_begun: BTreeSet<String>,
}

/// Records and begins what is due.
///
/// # Errors
/// When the API server does not answer, or we no longer lead. What was done stays; the next look
/// goes on from there.
pub async fn look_after(
    desk: &Desk<'_>,
    backups: &[ShopBackup],
    gate: Gate,
) -> kube::Result<Looked> {
    let pods = if desk
        .jobs
        .iter()
        .any(|job| !job.annotations().contains_key(READ))
    {
        desk.pods().await?
    } else {
        Vec::new()
    };
    let steps = plan(&Seen {
        jobs: desk.jobs,
        pods: &pods,
        backups,
        gate,
        now: desk.now,
    });
    let mut looked = Looked {
        backups: backups.to_vec(),
        ..Looked::default()
    };
    for step in steps {
        desk.take(step, &mut looked).await?;
    }
    Ok(looked)
}

impl Desk<'_> {
    /// Pods of the shop that are of Jobs.
    pub(crate) async fn pods(&self) -> kube::Result<Vec<Pod>> {
        let shop = self.shop.name_any();
        let labels = format!("{INSTANCE}={shop},batch.kubernetes.io/job-name");
        let api: Api<Pod> = self.api();
        Ok(api
            .list(&ListParams::default().labels(&labels))
            .await?
            .items)
    }

    pub(crate) fn api<K>(&self) -> Api<K>
    where
        K: kube::Resource<DynamicType = (), Scope = kube::core::NamespaceResourceScope>,
    {
        let namespace = self.shop.namespace().unwrap_or_default();
        Api::namespaced(self.client.clone(), &namespace)
    }

    async fn take(&self, step: Step, looked: &mut Looked) -> kube::Result<()> {
        let backups: Api<ShopBackup> = self.api();
        match step {
            Step::Record { name } => {
                let created = backups
                    .create(&PostParams::default(), &self.record(&name))
                    .await;
                match created {
                    Ok(created) => looked.backups.push(created),
                    // Somebody was faster; the next look sees it.
                    Err(error) if is_conflict(&error) => {}
                    Err(error) => return Err(error),
                }
            }
            Step::Begin {
                backup,
                job,
                verify,
            } => {
                let known = looked.backups.iter().find(|it| it.name_any() == backup);
                let Some(owner) = known.and_then(|it| it.controller_owner_ref(&())) else {
                    return Ok(());
                };
                let work = match verify {
                    None => Work::Run,
                    verify => Work::Verify { backup: verify },
                };
                match self.begin(&job, &work, owner).await? {
                    Begun::Yes => {}
                    Begun::NotConfigured => {
                        looked.not_begun.insert(backup);
                    }
                    Begun::NameTaken => {
                        self.name_taken(&backup, &job, looked).await?;
                        looked.not_begun.insert(backup);
                    }
                }
            }
            Step::Say { name, .. } if looked.not_begun.contains(&name) => {}
            Step::Say { name, status } => {
                let there = looked.backups.iter_mut().find(|it| it.name_any() == name);
                if let Some(there) = there {
                    let patch = Patch::Merge(json!({ "status": status }));
                    let params = PatchParams::default();
                    *there = backups.patch_status(&name, &params, &patch).await?;
                }
            }
            Step::Forget { name } => {
                gone_is_well(backups.delete(&name, &DeleteParams::default()).await)?;
                looked.backups.retain(|it| it.name_any() != name);
            }
            Step::Read { job } => self.read(&job).await?,
            Step::Failed { component, note } => looked.failures.push((component, note)),
        }
        Ok(())
    }

    /// Creates a Job that goes with its owner. One that is there already is as good.
    pub(crate) async fn begin(
        &self,
        name: &str,
        work: &Work,
        owner: OwnerReference,
    ) -> kube::Result<Begun> {
        let Some(child) = (self.make)(name, work) else {
            return Ok(Begun::NotConfigured);
        };
        let job: Job = serde_json::from_value(child.object).map_err(kube::Error::SerdeError)?;
        let jobs: Api<Job> = self.api();
        let uid = owner.uid.clone();
        let mut job = job;
        job.metadata.name = Some(name.to_owned());
        job.metadata.owner_references = Some(vec![owner]);
        if let Some(spec) = &mut job.spec {
            // It may go only once it was read.
            spec.ttl_seconds_after_finished = None;
        }
        match jobs.create(&PostParams::default(), &job).await {
            Ok(_) => Ok(Begun::Yes),
            Err(error) if is_conflict(&error) => {
                let found = jobs.get_opt(name).await?;
                let ours = found.is_some_and(|found| {
                    let owners = found.metadata.owner_references.unwrap_or_default();
                    owners.iter().any(|owner| owner.uid == uid)
                });
                Ok(if ours { Begun::Yes } else { Begun::NameTaken })
            }
            Err(error) => Err(error),
        }
    }

    async fn name_taken(&self, backup: &str, job: &str, looked: &Looked) -> kube::Result<()> {
        let known = looked.backups.iter().find(|it| it.name_any() == backup);
        let mut status = known.and_then(|it| it.status.clone()).unwrap_or_default();
        let generation = known.and_then(|it| it.metadata.generation);
        let message = format!("there is another Job {job}: delete it, or name this otherwise");
        let said = Said {
            kind: COMPLETE,
            truth: Truth::False,
            reason: Reason::NameTaken,
            message: &message,
        };
        set(&mut status.conditions, &said, generation, self.now);
        let patch = Patch::Merge(json!({ "status": status }));
        let api: Api<ShopBackup> = self.api();
        let params = PatchParams::default();
        api.patch_status(backup, &params, &patch).await.map(drop)
    }

    /// Notes that a Job's report was read; from now on it may go.
    pub(crate) async fn read(&self, job: &str) -> kube::Result<()> {
        let patch = Patch::Merge(json!({
            "metadata": { "annotations": { READ: "true" } },
            "spec": { "ttlSecondsAfterFinished": STAY_SECONDS },
        }));
        let api: Api<Job> = self.api();
        let params = PatchParams::default();
        gone_is_well(api.patch(job, &params, &patch).await)
    }

    fn record(&self, name: &str) -> ShopBackup {
        let shop = self.shop.name_any();
        let labels = [
            ("app.kubernetes.io/name", "warung"),
            ("app.kubernetes.io/part-of", "warung"),
            MANAGED_BY,
            (COMPONENT, "backup"),
            (INSTANCE, &shop),
        ];
        let labels = labels.map(|(key, value)| (key.to_owned(), value.to_owned()));
        // Under Retain nothing points at the shop, so that its backups stay known without it.
        let goes_with_shop = self.shop.spec.deletion_policy == DeletionPolicy::Delete;
        let owner = goes_with_shop.then(|| self.shop.controller_owner_ref(&()));
        let spec = ShopBackupSpec {
            shop_ref: LocalRef { name: shop.clone() },
            verify: false,
        };
        let mut backup = ShopBackup::new(name, spec);
        backup.metadata = ObjectMeta {
            labels: Some(labels.into()),
            owner_references: owner.flatten().map(|owner| vec![owner]),
            ..backup.metadata
        };
        backup
    }
}

/// Whether a Job could be begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Begun {
    Yes,
    NameTaken,
    NotConfigured,
}

pub(crate) fn is_conflict(error: &kube::Error) -> bool {
    matches!(error, kube::Error::Api(status) if status.code == 409)
}

/// What is gone already need not be changed or deleted.
pub(crate) fn gone_is_well<T>(done: kube::Result<T>) -> kube::Result<()> {
    match done {
        Err(kube::Error::Api(status)) if status.code == 404 => Ok(()),
        done => done.map(drop),
    }
}
