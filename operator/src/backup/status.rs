//! What a `ShopBackup` says, from its Jobs. Pure.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use super::say::{COMPLETE, Said, VERIFIED, get, holds, set};
use crate::conditions::{Reason, Truth};
use crate::crds::ShopBackupStatus;
use crate::jobs::{BackupReport, Ended, Failure, Report, State, VerifyReport, runs};

/// What is found out about one `ShopBackup` in one look.
pub(super) struct Record {
    pub(super) status: ShopBackupStatus,
    pub(super) generation: Option<i64>,
    pub(super) now: Timestamp,
}

impl Record {
    pub(super) fn complete(&mut self, truth: Truth, reason: Reason, message: &str) {
        self.say(COMPLETE, truth, reason, message);
    }

    pub(super) fn verified(&mut self, truth: Truth, reason: Reason, message: &str) {
        self.say(VERIFIED, truth, reason, message);
    }

    fn say(&mut self, kind: &'static str, truth: Truth, reason: Reason, message: &str) {
        let said = Said {
            kind,
            truth,
            reason,
            message,
        };
        set(
            &mut self.status.conditions,
            &said,
            self.generation,
            self.now,
        );
        self.status.observed_generation = self.generation;
    }

    /// Whether its Job is known to have ended, well or not.
    pub(super) fn is_over(&self) -> bool {
        get(&self.status.conditions, COMPLETE).is_some_and(|known| known.status != "Unknown")
    }

    pub(super) fn is_complete(&self) -> bool {
        holds(&self.status.conditions, COMPLETE)
    }

    pub(super) fn is_verified(&self) -> bool {
        holds(&self.status.conditions, VERIFIED)
    }

    /// Whether a verification of it has ended, well or not.
    pub(super) fn was_looked_at(&self) -> bool {
        get(&self.status.conditions, VERIFIED).is_some_and(|known| known.status != "Unknown")
    }

    /// Takes over what became of the Job that writes it.
    pub(super) fn write_job(&mut self, job: &str, state: &State) {
        self.status.job = Some(job.to_owned());
        let ended = match state {
            State::Running { hindrance } => {
                let reason = match hindrance {
                    None => Reason::Running,
                    Some(_) => Reason::Hindered,
                };
                let message = runs(job, hindrance.as_deref());
                return self.complete(Truth::Unknown, reason, &message);
            }
            State::Ended(ended) => ended,
        };
        match (&ended.failure, &ended.report) {
            (None, Some(Report::Backup(report))) if report.backup.is_some() => self.wrote(report),
            (None, _) => {
                let message = format!(
                    "Job {job} succeeded, but its pod was gone before its report was read: the \
                     backup is at the destination, and the next verification finds it"
                );
                self.complete(Truth::Unknown, Reason::ReportLost, &message);
            }
            (Some(failure), _) => {
                self.status.finished_at = ended.at.map(Time);
                let (reason, why) = why(ended, failure);
                let message = format!("Job {job} failed: {why}");
                self.complete(Truth::False, reason, &message);
            }
        }
    }

    fn wrote(&mut self, report: &BackupReport) {
        let status = &mut self.status;
        status.backup.clone_from(&report.backup);
        status.started_at = report.started_at.map(whole_second);
        status.finished_at = report.finished_at.map(whole_second);
        status.bytes = report.bytes;
        status.rows = report.rows;
        status.sha256.clone_from(&report.cipher_sha256);
        status.key_id.clone_from(&report.key_id);
        status.server_version.clone_from(&report.server_version);
        let message = match &report.prune_error {
            None => "written whole, its manifest last".to_owned(),
            Some(error) => {
                format!("written whole; old backups could not be deleted: {error}")
            }
        };
        self.complete(Truth::True, Reason::Written, &message);
        if !self.was_looked_at() {
            self.verified(Truth::Unknown, Reason::NeverRan, "not verified yet");
        }
    }

    /// Takes over what became of a Job that verifies it.
    pub(super) fn verify_job(&mut self, job: &str, state: &State) {
        let ended = match state {
            State::Running { hindrance } => {
                if !self.was_looked_at() {
                    let message = runs(job, hindrance.as_deref());
                    self.verified(Truth::Unknown, Reason::Verifying, &message);
                }
                return;
            }
            State::Ended(ended) => ended,
        };
        self.status.verification_job = Some(job.to_owned());
        match (&ended.failure, &ended.report) {
            (None, Some(Report::Verify(report))) if report.verified => self.proved(report, ended),
            (_, Some(Report::Verify(report))) if !report.problems.is_empty() => {
                let message = format!("Job {job}: {}", report.problems.join("; "));
                self.verified(Truth::False, Reason::VerificationFailed, &message);
            }
            // What was proved before stays proved until a look finds a problem.
            _ if self.is_verified() => {}
            (failure, _) => {
                let lost = Failure::PodLost;
                let (_, why) = why(ended, failure.as_ref().unwrap_or(&lost));
                let message = format!("Job {job} could not verify it: {why}");
                self.verified(Truth::False, Reason::Failed, &message);
            }
        }
    }

    fn proved(&mut self, report: &VerifyReport, ended: &Ended) {
        let status = &mut self.status;
        status.verified_at = report.finished_at.or(ended.at).map(whole_second);
        status.restore_seconds = report.restore_seconds;
        let seconds = report.restore_seconds.unwrap_or_default();
        let message =
            format!("restored into a throwaway PostgreSQL in {seconds} s and found whole");
        self.verified(Truth::True, Reason::Verified, &message);
    }
}

/// Why a Job failed: in its own words where it has any.
pub(crate) fn words_of(ended: &Ended, failure: &Failure) -> String {
    let own = ended.report.as_ref().and_then(Report::error);
    own.map_or_else(|| failure.to_string(), str::to_owned)
}

fn why(ended: &Ended, failure: &Failure) -> (Reason, String) {
    let reason = match failure {
        Failure::DeadlineExceeded => Reason::DeadlineExceeded,
        Failure::PodLost if ended.report.is_none() => Reason::ReportLost,
        _ => Reason::Failed,
    };
    (reason, words_of(ended, failure))
}

/// The API server keeps whole seconds.
pub(crate) fn whole_second(time: Timestamp) -> Time {
    Time(Timestamp::from_second(time.as_second()).unwrap_or(time))
}
