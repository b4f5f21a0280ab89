//! What is due of a shop's restores. Pure.

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt as _;

use crate::backup::say::{BOTS_STOPPED, COMPLETE, Said, get, holds, set};
use crate::backup::status::{whole_second, words_of};
use crate::backup::{Gate, component, name_for};
use crate::conditions::{Reason, Truth};
use crate::crds::{ShopBackup, ShopRestore, ShopRestoreStatus};
use crate::jobs::{Ended, Failure, Report, State, Work, look, runs};

/// How long bots, and Jobs that use the database, may take to stop. A bot drains for a minute.
pub const STOP_LIMIT: SignedDuration = SignedDuration::from_mins(15);

/// What a shop's restores are planned from.
pub struct Seen<'a> {
    /// Restores of the shop.
    pub restores: &'a [ShopRestore],
    /// Its backups.
    pub backups: &'a [ShopBackup],
    /// Its Jobs, of all components.
    pub jobs: &'a [Job],
    /// Pods of these Jobs.
    pub pods: &'a [Pod],
    /// What still uses the database: bots and Jobs, by kind and name.
    pub users: &'a [String],
    /// Whether a restore may begin.
    pub gate: Gate,
    /// Now.
    pub now: Timestamp,
}

/// What is to be done, in this order.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// Create a Job that a `ShopRestore` owns.
    Begin {
        /// The `ShopRestore`.
        restore: String,
        /// Name of the Job.
        job: String,
        /// What it has to do.
        work: Work,
    },
    /// Write the status of a `ShopRestore`.
    Say {
        /// The `ShopRestore`.
        name: String,
        /// All of it.
        status: Box<ShopRestoreStatus>,
    },
    /// Note that a Job was read: only now it may go.
    Read {
        /// The Job.
        job: String,
    },
    /// Tell about a restore that failed, and count it.
    Failed {
        /// What happened.
        note: String,
    },
}

/// What is due.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Plan {
    /// In this order.
    pub steps: Vec<Step>,
    /// Who holds the shop: a sentence.
    pub hold: Option<String>,
}

/// Plans the next steps.
pub fn plan(seen: &Seen) -> Plan {
    let mut restores: Vec<&ShopRestore> = seen
        .restores
        .iter()
        .filter(|restore| restore.metadata.deletion_timestamp.is_none())
        .collect();
    restores.sort_by_key(|it| (it.creation_timestamp().map(|time| time.0), it.name_any()));
    let mut records: Vec<Record> = restores
        .into_iter()
        .map(|it| Record::of(it, seen))
        .collect();
    let mut first: Option<String> = None;
    for record in records.iter_mut().filter(|it| !it.is_over()) {
        match &first {
            None => {
                first = Some(record.restore.name_any());
                record.advance();
            }
            Some(first) => {
                let message = format!("ShopRestore {first} comes first");
                record.complete(Truth::Unknown, Reason::Waiting, &message);
            }
        }
    }
    release_older_holds(&mut records);
    let mut plan = Plan::default();
    for record in records {
        plan.hold = plan.hold.or_else(|| record.hold());
        plan.steps.extend(record.steps());
    }
    plan.hold = plan.hold.or_else(|| orphan(seen));
    plan
}

/// A restore that succeeded answers the question that an older one left.
fn release_older_holds(records: &mut [Record]) {
    let good = |it: &Record| holds(&it.status.conditions, COMPLETE);
    let Some(newest) = records.iter().rposition(good) else {
        return;
    };
    let by = records[newest].restore.name_any();
    for older in &mut records[..newest] {
        if older.is_over() && holds(&older.status.conditions, BOTS_STOPPED) {
            older.released(&format!("ShopRestore {by} succeeded"));
        }
    }
}

/// A Job whose `ShopRestore` was deleted goes with it, but not at once.
fn orphan(seen: &Seen) -> Option<String> {
    let owned = |job: &Job| {
        let owners = job.metadata.owner_references.as_deref().unwrap_or_default();
        let known = |uid: &String| {
            seen.restores
                .iter()
                .any(|it| it.uid().as_ref() == Some(uid))
        };
        owners.iter().any(|owner| known(&owner.uid))
    };
    let runs = |job: &&Job| matches!(look(job, seen.pods), State::Running { .. });
    let mut left = seen.jobs.iter().filter(|job| component(job) == "restore");
    let left = left.find(|job| !owned(job) && runs(job))?;
    Some(format!("Job {} is being stopped", left.name_any()))
}

struct Record<'a> {
    seen: &'a Seen<'a>,
    restore: &'a ShopRestore,
    status: ShopRestoreStatus,
    begun: Vec<Step>,
    read: Vec<Step>,
}

impl<'a> Record<'a> {
    fn of(restore: &'a ShopRestore, seen: &'a Seen<'a>) -> Self {
        Self {
            seen,
            restore,
            status: restore.status.clone().unwrap_or_default(),
            begun: Vec::new(),
            read: Vec::new(),
        }
    }

    fn is_over(&self) -> bool {
        self.status.finished_at.is_some()
    }

    /// Goes on from where it is.
    fn advance(&mut self) {
        match (self.status.started_at.clone(), self.status.job.clone()) {
            (None, _) => self.start(),
            (Some(since), None) => self.stop_bots(since.0),
            (Some(_), Some(job)) => self.restore(&job),
        }
    }

    fn start(&mut self) {
        match &self.seen.gate {
            Gate::Open => {}
            Gate::Closed(why) => return self.complete(Truth::Unknown, Reason::Waiting, why),
            Gate::NotConfigured => {
                let message = "the shop's manifest has no backup: add spec.backup, which says \
                               where backups are";
                return self.complete(Truth::Unknown, Reason::NotConfigured, message);
            }
        }
        match self.backup() {
            Ok(backup) => self.status.backup = backup,
            Err((reason, message)) => return self.over(Truth::False, reason, &message),
        }
        self.status.started_at = Some(whole_second(self.seen.now));
        let message = "the bots are asked to stop";
        self.bots_stopped(Truth::False, Reason::StoppingBots, message);
        self.complete(Truth::Unknown, Reason::StoppingBots, message);
    }

    /// The backup that is asked for, by its name at the destination; `None` for the newest that
    /// was verified, which the Job finds by itself.
    fn backup(&self) -> Result<Option<String>, (Reason, String)> {
        let Some(name) = &self.restore.spec.backup else {
            return Ok(None);
        };
        // Names of Kubernetes have no slash.
        if name.contains('/') {
            return Ok(Some(name.clone()));
        }
        let found = self.seen.backups.iter().find(|it| it.name_any() == *name);
        let Some(found) = found else {
            let message = format!("the shop has no ShopBackup {name}");
            return Err((Reason::BackupNotFound, message));
        };
        let status = found.status.clone().unwrap_or_default();
        match status.backup {
            Some(backup) if holds(&status.conditions, COMPLETE) => Ok(Some(backup)),
            _ => {
                let message = format!("ShopBackup {name} was not written whole: name another one");
                Err((Reason::BackupNotComplete, message))
            }
        }
    }

    fn stop_bots(&mut self, since: Timestamp) {
        if self.seen.users.is_empty() {
            let name = self.restore.name_any();
            let job = name_for(&name);
            self.bots_stopped(Truth::True, Reason::BotsStopped, "no bot runs");
            let message = format!("Job {job} begins");
            self.complete(Truth::Unknown, Reason::Restoring, &message);
            self.status.job = Some(job.clone());
            let work = Work::Restore {
                backup: self.status.backup.clone(),
                replace: self.restore.spec.replace,
            };
            self.begin(job, work);
            return;
        }
        let users = self.seen.users.join(", ");
        if self.seen.now.duration_since(since) > STOP_LIMIT {
            let minutes = STOP_LIMIT.as_mins();
            let message = format!(
                "after {minutes} min these still use the database: {users}; nothing was touched"
            );
            self.over(Truth::False, Reason::BotsDidNotStop, &message);
            self.released("nothing was touched");
            return;
        }
        let message = format!("waits for {users}");
        self.bots_stopped(Truth::False, Reason::StoppingBots, &message);
        self.complete(Truth::Unknown, Reason::StoppingBots, &message);
    }

    fn restore(&mut self, job: &str) {
        // What was restored once needs no look at its Job again, which may be gone.
        if self.says(Reason::Migrating) {
            return self.migrate();
        }
        let ended = match self.state(job) {
            None => {
                let message = format!(
                    "Job {job} was deleted before it was read. {}",
                    what_to_do("what is in the database")
                );
                return self.over(Truth::False, Reason::OutcomeUnknown, &message);
            }
            Some(State::Running { hindrance }) => {
                let message = runs(job, hindrance.as_deref());
                return self.complete(Truth::Unknown, Reason::Restoring, &message);
            }
            Some(State::Ended(ended)) => ended,
        };
        self.read(job);
        let report = match &ended.report {
            Some(Report::Restore(report)) => Some(report),
            _ => None,
        };
        if let Some(report) = report {
            self.status.rows = report.rows.or(self.status.rows);
            let backup = report.backup.clone();
            self.status.backup = backup.or(self.status.backup.take());
        }
        match &ended.failure {
            None => self.migrate(),
            // Of several tries an earlier one may have done what the last one knew nothing of.
            Some(failure) if report.is_some_and(|it| it.as_it_was || ended.failed_tries <= 1) => {
                self.failed(job, &ended, failure);
            }
            Some(failure) => {
                let message = format!(
                    "Job {job} ended without saying whether the data came back ({failure}). {}",
                    what_to_do("what is in the database")
                );
                self.over(Truth::False, Reason::OutcomeUnknown, &message);
            }
        }
    }

    /// The whole restore is one transaction: what reports a failure has changed nothing.
    fn failed(&mut self, job: &str, ended: &Ended, failure: &Failure) {
        let why = words_of(ended, failure);
        let message = format!("Job {job} failed, the database is as it was: {why}");
        self.over(Truth::False, Reason::Failed, &message);
        self.released("the database is as it was");
    }

    fn migrate(&mut self) {
        let job = name_for(&format!("{}-migrate", self.restore.name_any()));
        match self.state(&job) {
            None => {
                let message = format!("the data is back; Job {job} begins");
                self.complete(Truth::Unknown, Reason::Migrating, &message);
                self.begin(job, Work::Migrate);
            }
            Some(State::Running { hindrance }) => {
                let how = runs(&job, hindrance.as_deref());
                let message = format!("the data is back; {how}");
                self.complete(Truth::Unknown, Reason::Migrating, &message);
            }
            Some(State::Ended(ended)) => {
                self.read(&job);
                match &ended.failure {
                    None => {
                        let backup = self.status.backup.clone();
                        let backup = backup.unwrap_or_else(|| "the backup".to_owned());
                        let message = format!("{backup} is back and migrated");
                        self.over(Truth::True, Reason::Restored, &message);
                        self.released("the data is back");
                    }
                    Some(failure) => {
                        let why = words_of(&ended, failure);
                        let message = format!(
                            "the data is back, but Job {job} failed: {why}. {}",
                            what_to_do("the data that is back")
                        );
                        self.over(Truth::False, Reason::MigrationFailed, &message);
                    }
                }
            }
        }
    }

    fn state(&self, job: &str) -> Option<State> {
        let found = self
            .seen
            .jobs
            .iter()
            .find(|found| found.name_any() == job)?;
        Some(look(found, self.seen.pods))
    }

    fn begin(&mut self, job: String, work: Work) {
        let restore = self.restore.name_any();
        self.begun.push(Step::Begin { restore, job, work });
    }

    fn read(&mut self, job: &str) {
        let job = job.to_owned();
        self.read.push(Step::Read { job });
    }

    fn says(&self, reason: Reason) -> bool {
        let known = get(&self.status.conditions, COMPLETE);
        known.is_some_and(|known| known.reason == reason.as_str())
    }

    /// It is over, well or not.
    fn over(&mut self, truth: Truth, reason: Reason, message: &str) {
        self.status.finished_at = Some(whole_second(self.seen.now));
        self.complete(truth, reason, message);
        if truth == Truth::False {
            let name = self.restore.name_any();
            let note = format!("ShopRestore {name}: {message}");
            self.read.push(Step::Failed { note });
        }
    }

    fn released(&mut self, message: &str) {
        self.bots_stopped(Truth::False, Reason::Released, message);
    }

    fn bots_stopped(&mut self, truth: Truth, reason: Reason, message: &str) {
        self.say(BOTS_STOPPED, truth, reason, message);
    }

    fn complete(&mut self, truth: Truth, reason: Reason, message: &str) {
        self.say(COMPLETE, truth, reason, message);
    }

    fn say(&mut self, kind: &'static str, truth: Truth, reason: Reason, message: &str) {
        let said = Said {
            kind,
            truth,
            reason,
            message,
        };
        let generation = self.restore.metadata.generation;
        set(
            &mut self.status.conditions,
            &said,
            generation,
            self.seen.now,
        );
        self.status.observed_generation = generation;
    }

    /// Whether it holds the shop: from its start to its end, and beyond it where it left a
    /// question.
    fn hold(&self) -> Option<String> {
        let name = self.restore.name_any();
        let runs = self.status.started_at.is_some() && !self.is_over();
        let stopped = holds(&self.status.conditions, BOTS_STOPPED);
        if !runs && !stopped {
            return None;
        }
        let said = get(&self.status.conditions, COMPLETE);
        let said = said.map_or("", |said| &said.message);
        Some(format!("ShopRestore {name}: {said}"))
    }

    fn steps(self) -> Vec<Step> {
        let mut steps = self.begun;
        if self.restore.status.as_ref() != Some(&self.status) {
            steps.push(Step::Say {
                name: self.restore.name_any(),
                status: Box::new(self.status),
            });
        }
        steps.extend(self.read);
        steps
    }
}

fn what_to_do(what: &str) -> String {
    format!(
        "The shop stays held: make a new ShopRestore with replace: true, or delete this one to \
         let the bots run on {what}"
    )
}

#[cfg(test)]
#[expect(
    clippy::needless_pass_by_value,
    reason = "fixtures read better when made on the spot"
)]
#[path = "plan_tests.rs"]
mod tests;
