//! What is to be recorded, begun and forgotten of a shop's backups. Pure.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt as _;

use super::say::{COMPLETE, get};
use super::status::{Record, whole_second, words_of};
use super::{READ, name_for};
use crate::conditions::{Reason, Truth};
use crate::crds::{ShopBackup, ShopBackupStatus};
use crate::jobs::{Ended, Report, State, look};
use crate::shop::names::COMPONENT;

/// Failed runs of the schedule that stay recorded, the newest; older ones are forgotten.
const FAILED_KEPT: usize = 10;

/// What a shop's backups are planned from.
pub struct Seen<'a> {
    /// Jobs of the shop, of all components.
    pub jobs: &'a [Job],
    /// Pods of the namespace that are of Jobs.
    pub pods: &'a [Pod],
    /// Backups of the shop.
    pub backups: &'a [ShopBackup],
    /// Whether Jobs may be begun now.
    pub gate: Gate,
    /// Now.
    pub now: Timestamp,
}

/// Whether Jobs may be begun.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Gate {
    /// They may.
    Open,
    /// Not now; this is what is waited for.
    Closed(String),
    /// The manifest has no `backup`.
    NotConfigured,
}

/// What is to be done, in this order.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// Create a `ShopBackup` of this name.
    Record {
        /// Its name: that of its Job.
        name: String,
    },
    /// Create a Job for a `ShopBackup`.
    Begin {
        /// The `ShopBackup`, which owns it.
        backup: String,
        /// Name of the Job.
        job: String,
        /// The backup to verify, by its name at the destination; left out, a new one is made.
        verify: Option<String>,
    },
    /// Write the status of a `ShopBackup`.
    Say {
        /// The `ShopBackup`.
        name: String,
        /// All of it.
        status: Box<ShopBackupStatus>,
    },
    /// Delete a `ShopBackup`.
    Forget {
        /// The `ShopBackup`.
        name: String,
    },
    /// Note that a Job's report was read: only now it may go.
    Read {
        /// The Job.
        job: String,
    },
    /// Tell about a Job that failed, and count it.
    Failed {
        /// `backup` or `verify`.
        component: String,
        /// What happened.
        note: String,
    },
}

/// The steps that are due.
pub fn plan(seen: &Seen) -> Vec<Step> {
    let mut plan = Plan::new(seen);
    let mut jobs: Vec<&Job> = seen.jobs.iter().collect();
    jobs.sort_by_key(|job| job.creation_timestamp().map(|time| time.0));
    for job in &jobs {
        if component(job) == "backup" && !is_read(job) {
            plan.backup_job(job);
        }
    }
    for job in &jobs {
        if component(job) == "verify" && !is_read(job) {
            plan.verify_job(job);
        }
    }
    let names: Vec<String> = plan.records.keys().cloned().collect();
    for name in &names {
        plan.begin(name);
    }
    plan.forget_old_failures();
    plan.steps()
}

struct Plan<'a> {
    seen: &'a Seen<'a>,
    live: BTreeMap<String, &'a ShopBackup>,
    records: BTreeMap<String, Record>,
    new: Vec<Step>,
    begun: Vec<Step>,
    forgotten: BTreeSet<String>,
    read: Vec<Step>,
}

impl<'a> Plan<'a> {
    fn new(seen: &'a Seen) -> Self {
        let live: BTreeMap<_, _> = seen
            .backups
            .iter()
            .filter(|backup| backup.metadata.deletion_timestamp.is_none())
            .map(|backup| (backup.name_any(), backup))
            .collect();
        let record = |(name, backup): (&String, &&ShopBackup)| {
            let record = Record {
                status: backup.status.clone().unwrap_or_default(),
                generation: backup.metadata.generation,
                now: seen.now,
            };
            (name.clone(), record)
        };
        Self {
            seen,
            records: live.iter().map(record).collect(),
            live,
            new: Vec::new(),
            begun: Vec::new(),
            forgotten: BTreeSet::new(),
            read: Vec::new(),
        }
    }

    /// A run: recorded as soon as it is seen, by its report once it has ended.
    fn backup_job(&mut self, job: &Job) {
        let job_name = job.name_any();
        let known = self.records.iter().find(|(name, record)| {
            record.status.job.as_ref() == Some(&job_name)
                || (**name == job_name && record.status.job.is_none())
        });
        let name = match known {
            Some((name, _)) => name.clone(),
            // The ShopBackup that asked for it was deleted, and the Job is about to follow.
            None if is_asked_for(job) => return,
            None => self.record(job_name.clone()),
        };
        let state = look(job, self.seen.pods);
        let record = self.records.get_mut(&name).expect("it was just found");
        record.write_job(&job_name, &state);
        let State::Ended(ended) = state else { return };
        if let Some(Report::Backup(report)) = &ended.report {
            self.pruned(&report.pruned);
        }
        self.ended(job, &ended);
    }

    fn verify_job(&mut self, job: &Job) {
        let job_name = job.name_any();
        let state = look(job, self.seen.pods);
        let report = match &state {
            State::Ended(ended) => match &ended.report {
                Some(Report::Verify(report)) => Some(report),
                _ => None,
            },
            State::Running { .. } => None,
        };
        let of = |record: &Record| match report.and_then(|report| report.backup.as_ref()) {
            Some(backup) => record.status.backup.as_ref() == Some(backup),
            None => record.status.verification_job.as_ref() == Some(&job_name),
        };
        let known = self.records.iter().find(|(_, record)| of(record));
        let mut name = known.map(|(name, _)| name.clone());
        if name.is_none() && matches!(state, State::Ended(_)) {
            name = match report.and_then(|report| report.backup.as_ref()) {
                Some(backup) => Some(self.found_at_destination(backup)),
                // It came to nothing before it could say what it looked at: the newest, as ever.
                None => self.newest(),
            };
        }
        if let Some(record) = name.and_then(|name| self.records.get_mut(&name)) {
            record.verify_job(&job_name, &state);
        }
        if let State::Ended(ended) = &state {
            self.ended(job, ended);
        }
    }

    fn newest(&self) -> Option<String> {
        let complete = self.records.iter().filter(|(_, it)| it.is_complete());
        let newest = complete.max_by_key(|(_, it)| it.status.finished_at.as_ref().map(|at| at.0));
        newest.map(|(name, _)| name.clone())
    }

    /// A backup that nobody recorded: its report was lost, or the shop came back to a new cluster.
    fn found_at_destination(&mut self, backup: &str) -> String {
        let name = self.record(name_for(backup));
        let record = self.records.get_mut(&name).expect("it was just made");
        record.status.backup = Some(backup.to_owned());
        record.status.finished_at = written_at(backup).map(whole_second);
        let message = "found at the destination by a verification";
        record.complete(Truth::True, Reason::FoundAtDestination, message);
        name
    }

    fn record(&mut self, name: String) -> String {
        if !self.records.contains_key(&name) {
            let record = Record {
                status: ShopBackupStatus::default(),
                generation: Some(1),
                now: self.seen.now,
            };
            self.records.insert(name.clone(), record);
            self.new.push(Step::Record { name: name.clone() });
        }
        name
    }

    fn ended(&mut self, job: &Job, ended: &Ended) {
        let name = job.name_any();
        if let Some(failure) = &ended.failure {
            self.read.push(Step::Failed {
                component: component(job).to_owned(),
                note: format!("Job {name} failed: {}", words_of(ended, failure)),
            });
        }
        self.read.push(Step::Read { job: name });
    }

    fn pruned(&mut self, pruned: &[String]) {
        let gone = self.records.iter().filter(|(_, record)| {
            let backup = record.status.backup.as_ref();
            backup.is_some_and(|backup| pruned.contains(backup))
        });
        let names: Vec<String> = gone.map(|(name, _)| name.clone()).collect();
        self.forgotten.extend(names);
    }

    /// Begins what a person asked for.
    fn begin(&mut self, name: &str) {
        let Some(live) = self.live.get(name) else {
            return;
        };
        let there = |job: &str| self.seen.jobs.iter().any(|found| found.name_any() == job);
        let record = self.records.get_mut(name).expect("every live one has one");
        match record.status.job.clone() {
            None if !record.is_over() => match &self.seen.gate {
                Gate::Open => {
                    let job = name_for(name);
                    record.status.job = Some(job.clone());
                    let message = format!("Job {job} begins");
                    record.complete(Truth::Unknown, Reason::Running, &message);
                    self.begun.push(Step::Begin {
                        backup: name.to_owned(),
                        job,
                        verify: None,
                    });
                }
                Gate::Closed(why) => record.complete(Truth::Unknown, Reason::Waiting, why),
                Gate::NotConfigured => {
                    let message = "the shop's manifest has no backup: add spec.backup";
                    record.complete(Truth::Unknown, Reason::NotConfigured, message);
                }
            },
            Some(job) if !record.is_over() && !there(&job) && !lost_its_report(record) => {
                let message = format!("Job {job} was deleted before it ended");
                record.complete(Truth::False, Reason::JobGone, &message);
            }
            _ => {}
        }
        if !live.spec.verify || !record.is_complete() || record.was_looked_at() {
            return;
        }
        let backup = record.status.backup.clone();
        match (record.status.verification_job.clone(), backup) {
            (None, Some(backup)) if self.seen.gate == Gate::Open => {
                let job = name_for(&format!("{name}-verify"));
                record.status.verification_job = Some(job.clone());
                let message = format!("Job {job} begins");
                record.verified(Truth::Unknown, Reason::Verifying, &message);
                self.begun.push(Step::Begin {
                    backup: name.to_owned(),
                    job,
                    verify: Some(backup),
                });
            }
            (Some(job), _) if !there(&job) => {
                let message = format!("Job {job} was deleted before it ended");
                record.verified(Truth::False, Reason::JobGone, &message);
            }
            _ => {}
        }
    }

    /// Failed runs of the schedule are no news for ever. Those that a person asked for stay.
    fn forget_old_failures(&mut self) {
        let failed = |name: &&String| {
            let record = &self.records[*name];
            record.is_over() && !record.is_complete()
        };
        let recorded = self
            .live
            .iter()
            .filter(|(_, backup)| super::is_recorded(backup));
        let mut failures: Vec<_> = recorded
            .filter(|(name, _)| failed(name))
            .map(|(name, backup)| (backup.creation_timestamp().map(|time| time.0), name.clone()))
            .collect();
        failures.sort();
        let surplus = failures.len().saturating_sub(FAILED_KEPT);
        self.forgotten
            .extend(failures.into_iter().take(surplus).map(|(_, name)| name));
    }

    fn steps(self) -> Vec<Step> {
        let mut steps = self.new;
        steps.extend(self.begun);
        for (name, record) in self.records {
            let before = self.live.get(&name).and_then(|live| live.status.as_ref());
            if before != Some(&record.status) && !self.forgotten.contains(&name) {
                steps.push(Step::Say {
                    name,
                    status: Box::new(record.status),
                });
            }
        }
        let forget = |name: String| Step::Forget { name };
        steps.extend(self.forgotten.into_iter().map(forget));
        steps.extend(self.read);
        steps
    }
}

/// The component of a Job, empty where it has none.
pub(crate) fn component(job: &Job) -> &str {
    job.labels().get(COMPONENT).map_or("", String::as_str)
}

fn is_read(job: &Job) -> bool {
    job.annotations().contains_key(READ)
}

/// Whether it was made for a `ShopBackup`, which owns it.
fn is_asked_for(job: &Job) -> bool {
    let owners = job.metadata.owner_references.as_deref().unwrap_or_default();
    owners.iter().any(|owner| owner.kind == "ShopBackup")
}

/// Its Job has ended, and nothing more will be known of it from there.
fn lost_its_report(record: &Record) -> bool {
    get(&record.status.conditions, COMPLETE)
        .is_some_and(|known| known.reason == Reason::ReportLost.as_str())
}

/// When a backup was written: its name at the destination begins with the time.
fn written_at(backup: &str) -> Option<Timestamp> {
    let name = backup.rsplit('/').next()?;
    let (time, _) = name.split_once('-')?;
    let time = time.strip_suffix('Z')?;
    let civil = jiff::civil::DateTime::strptime("%Y%m%dT%H%M%S", time).ok()?;
    Some(civil.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp())
}

#[cfg(test)]
#[expect(
    clippy::needless_pass_by_value,
    reason = "fixtures read better when made on the spot"
)]
#[path = "plan_tests.rs"]
mod tests;
