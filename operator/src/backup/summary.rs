//! How a shop's backups do: two conditions, two lines of its status, figures. Pure.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::ResourceExt as _;

use super::say::{COMPLETE, VERIFIED, get, holds};
use crate::conditions::{ConditionType, Conditions, Reason, Truth};
use crate::crds::{Backup, BackupRecord, ShopBackup};

/// How a shop's backups do.
#[derive(Clone, Debug)]
pub struct Summary {
    /// `BackupHealthy` and `BackupVerified`.
    pub conditions: Conditions,
    /// For `status.lastBackup`.
    pub last_backup: Option<BackupRecord>,
    /// For `status.lastVerifiedBackup`.
    pub last_verified_backup: Option<BackupRecord>,
    /// When a condition changes though nothing happens: the newest proof goes stale.
    pub look_again_in: Option<Duration>,
    /// For Prometheus.
    pub figures: Figures,
}

/// Figures of a shop's backups. Times are in seconds since 1970; 0 says never.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// When the newest complete backup was written.
    pub last_backup: i64,
    /// When the newest verified backup was written.
    pub last_verified_backup: i64,
    /// Size of the newest complete backup.
    pub bytes: i64,
    /// How long the newest proof's restore took, in seconds.
    pub restore_seconds: i64,
}

/// The key that the newest complete backup is sealed with, by its id.
pub fn sealed_with(backups: &[ShopBackup]) -> Option<&str> {
    let complete = backups.iter().filter(|it| holds(conditions(it), COMPLETE));
    let sealed = complete.filter(|it| it.status.as_ref().is_some_and(|s| s.key_id.is_some()));
    let newest = sealed.max_by_key(|it| written(it))?;
    newest.status.as_ref()?.key_id.as_deref()
}

/// Sums up the backups of a shop whose manifest says `wanted`.
pub fn summary(wanted: Option<&Backup>, backups: &[ShopBackup], now: Timestamp) -> Summary {
    let of = |kind: &'static str| {
        let those = backups.iter().filter(move |it| holds(conditions(it), kind));
        those.max_by_key(|it| written(it))
    };
    let last = of(COMPLETE);
    let proved = of(VERIFIED);
    let mut said = Conditions::default();
    let mut look_again_in = None;
    match wanted {
        None => {
            let message = "the manifest asks for no backups (spec.backup)";
            for kind in [ConditionType::BackupHealthy, ConditionType::BackupVerified] {
                said.set(kind, Truth::Unknown, Reason::NotConfigured, message);
            }
        }
        Some(wanted) => {
            let (truth, reason, message) = healthy(wanted, backups, last);
            said.set(ConditionType::BackupHealthy, truth, reason, message);
            let stale_after = duration(&wanted.verification.stale_after);
            let (truth, reason, message) = verified(backups, last, proved, stale_after, now);
            said.set(ConditionType::BackupVerified, truth, reason, message);
            let next = proved.or(last).and_then(written);
            let left = next.and_then(|at| {
                let stale = at.checked_add(stale_after).ok()?;
                Duration::try_from(stale.duration_since(now)).ok()
            });
            // A moment later, so that the look sees it.
            look_again_in = left.map(|left| left + Duration::from_secs(1));
        }
    }
    let seconds = |backup: Option<&ShopBackup>| {
        let at = backup.and_then(written);
        at.map_or(0, Timestamp::as_second)
    };
    let number = |backup: Option<&ShopBackup>, field: fn(&ShopBackup) -> Option<i64>| {
        backup.and_then(field).unwrap_or(0)
    };
    Summary {
        conditions: said,
        last_backup: last.map(line),
        last_verified_backup: proved.map(line),
        look_again_in,
        figures: Figures {
            last_backup: seconds(last),
            last_verified_backup: seconds(proved),
            bytes: number(last, |it| it.status.as_ref()?.bytes),
            restore_seconds: number(proved, |it| it.status.as_ref()?.restore_seconds),
        },
    }
}

fn healthy(
    wanted: &Backup,
    backups: &[ShopBackup],
    last: Option<&ShopBackup>,
) -> (Truth, Reason, String) {
    let failed = backups.iter().filter_map(|backup| {
        let known = get(conditions(backup), COMPLETE)?;
        (known.status == "False").then_some((known.last_transition_time.0, backup, known))
    });
    let failed = failed.max_by_key(|(at, ..)| *at);
    if let Some((at, backup, known)) = failed
        && last.and_then(written).is_none_or(|written| written < at)
    {
        let reason = match known.reason.as_str() {
            "DeadlineExceeded" => Reason::DeadlineExceeded,
            _ => Reason::Failed,
        };
        let message = format!("ShopBackup {}: {}", backup.name_any(), known.message);
        return (Truth::False, reason, message);
    }
    if wanted.suspend {
        let message = "spec.backup.suspend is set: no backups are made".to_owned();
        return (Truth::Unknown, Reason::Suspended, message);
    }
    if let Some(last) = last {
        let name = last.name_any();
        let message = format!("ShopBackup {name} was written whole");
        return (Truth::True, Reason::Succeeded, message);
    }
    let schedule = &wanted.schedule;
    let message = format!("no backup was made yet; the schedule is {schedule}");
    (Truth::Unknown, Reason::NeverRan, message)
}

fn verified(
    backups: &[ShopBackup],
    last: Option<&ShopBackup>,
    proved: Option<&ShopBackup>,
    stale_after: SignedDuration,
    now: Timestamp,
) -> (Truth, Reason, String) {
    let proved_at = proved.and_then(|it| Some(it.status.as_ref()?.verified_at.as_ref()?.0));
    let refuted = backups.iter().filter_map(|backup| {
        let known = get(conditions(backup), VERIFIED)?;
        (known.status == "False").then_some((known.last_transition_time.0, backup, known))
    });
    let refuted = refuted.max_by_key(|(at, ..)| *at);
    if let Some((at, backup, known)) = refuted
        && proved_at.is_none_or(|proved| proved < at)
    {
        let reason = match known.reason.as_str() {
            "VerificationFailed" => Reason::VerificationFailed,
            _ => Reason::Failed,
        };
        let message = format!("ShopBackup {}: {}", backup.name_any(), known.message);
        return (Truth::False, reason, message);
    }
    let is_stale = |backup: &ShopBackup| {
        let at = written(backup);
        at.is_none_or(|at| now.duration_since(at) > stale_after)
    };
    let hours = stale_after.as_hours();
    match (proved, last) {
        (Some(proved), _) if is_stale(proved) => {
            let name = proved.name_any();
            let message =
                format!("the newest verified backup, ShopBackup {name}, is older than {hours} h");
            (Truth::False, Reason::Stale, message)
        }
        (Some(proved), _) => {
            let status = proved.status.as_ref();
            let took = status
                .and_then(|status| status.restore_seconds)
                .unwrap_or(0);
            let name = proved.name_any();
            let message = format!("ShopBackup {name} was restored in {took} s and found whole");
            (Truth::True, Reason::Verified, message)
        }
        (None, Some(last)) if is_stale(last) => {
            let message = format!("no backup was verified within {hours} h of its making");
            (Truth::False, Reason::NeverRan, message)
        }
        (None, _) => {
            let message = "no backup was verified yet".to_owned();
            (Truth::Unknown, Reason::NeverRan, message)
        }
    }
}

fn conditions(backup: &ShopBackup) -> &[Condition] {
    backup
        .status
        .as_ref()
        .map_or(&[], |status| &status.conditions)
}

fn written(backup: &ShopBackup) -> Option<Timestamp> {
    Some(backup.status.as_ref()?.finished_at.as_ref()?.0)
}

fn line(backup: &ShopBackup) -> BackupRecord {
    let status = backup.status.clone().unwrap_or_default();
    BackupRecord {
        name: backup.name_any(),
        backup: status.backup.unwrap_or_default(),
        finished_at: status.finished_at,
        verified_at: status.verified_at,
    }
}

/// A duration that the API server has found good, such as `50h`.
fn duration(text: &str) -> SignedDuration {
    let (number, unit) = text.split_at(text.len().saturating_sub(1));
    let number: i64 = number.parse().unwrap_or(0);
    let minutes = if unit == "h" {
        number.saturating_mul(60)
    } else {
        number
    };
    SignedDuration::from_secs(minutes.saturating_mul(60))
}

#[cfg(test)]
#[expect(
    clippy::needless_pass_by_value,
    reason = "fixtures read better when made on the spot"
)]
#[path = "summary_tests.rs"]
mod tests;
