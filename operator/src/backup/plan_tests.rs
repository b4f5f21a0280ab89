use serde_json::{Value, json};

use super::*;
use crate::backup::say::{VERIFIED, holds};
use crate::jobs::fixtures::{NOW, of, pod};

/// A Job of a component: running, or ended as its condition says.
fn job(name: &str, component: &str, ended: Option<&str>) -> Job {
    let condition = |kind: &str| {
        json!([{"type": kind, "status": "True",
        "lastTransitionTime": "2026-11-24T04:00:00Z"}])
    };
    of(json!({
        "metadata": {"name": name, "uid": format!("uid-{name}"),
            "creationTimestamp": "2026-11-24T03:00:00Z",
            "labels": {"app.kubernetes.io/component": component}},
        "status": {"conditions": ended.map_or(json!([]), condition)},
    }))
}

fn backup(name: &str, spec: Value, status: Value) -> ShopBackup {
    let mut all = json!({"shopRef": {"name": "toko"}});
    all.as_object_mut()
        .unwrap()
        .extend(spec.as_object().unwrap().clone());
    of(json!({
        "metadata": {"name": name, "generation": 1, "creationTimestamp": "2026-11-24T03:00:00Z"},
        "spec": all, "status": status,
    }))
}

fn written(name: &str, backup_name: &str) -> ShopBackup {
    backup(
        name,
        json!({}),
        json!({"job": name, "backup": backup_name, "finishedAt": "2026-11-24T03:12:00Z",
            "observedGeneration": 1, "conditions": [
            {"type": "Complete", "status": "True", "reason": "Written", "message": "",
             "lastTransitionTime": "2026-11-24T03:12:00Z"},
            {"type": "Verified", "status": "Unknown", "reason": "NeverRan", "message": "",
             "lastTransitionTime": "2026-11-24T03:12:00Z"}]}),
    )
}

fn planned(jobs: &[Job], pods: &[Pod], backups: &[ShopBackup]) -> Vec<Step> {
    let gate = Gate::Open;
    let now = NOW.parse().unwrap();
    plan(&Seen {
        jobs,
        pods,
        backups,
        gate,
        now,
    })
}

/// The status that is said of a ShopBackup.
fn said(steps: &[Step], of: &str) -> ShopBackupStatus {
    let found = steps.iter().find_map(|step| match step {
        Step::Say { name, status } if name == of => Some((**status).clone()),
        _ => None,
    });
    found.unwrap_or_else(|| panic!("nothing is said of {of}: {steps:#?}"))
}

fn reason<'a>(status: &'a ShopBackupStatus, kind: &str) -> (&'a str, &'a str) {
    let found = get(&status.conditions, kind).unwrap();
    (&found.status, &found.reason)
}

#[test]
fn a_run_of_the_schedule_is_recorded_at_once_and_by_its_report() {
    let running = planned(&[job("toko-backup-1", "backup", None)], &[], &[]);
    assert_eq!(
        running[0],
        Step::Record {
            name: "toko-backup-1".to_owned()
        }
    );
    let status = said(&running, "toko-backup-1");
    assert_eq!(reason(&status, COMPLETE), ("Unknown", "Running"));
    assert_eq!(running.len(), 2);

    let report = json!({"kind": "backup", "backup": "toko/20261124T031200Z-a",
        "startedAt": "2026-11-24T03:10:00Z", "finishedAt": "2026-11-24T03:12:00.5Z",
        "bytes": 70, "rows": 9, "cipherSha256": "ab", "keyId": "age1k", "serverVersion": "15.8",
        "plainSha256": "cd", "tables": 3, "pruned": ["toko/old"], "pruneError": null,
        "error": null});
    let old = written("toko-backup-0", "toko/old");
    let known = backup("toko-backup-1", json!({}), json!(status));
    let jobs = [job("toko-backup-1", "backup", Some("Complete"))];
    let pods = [pod("toko-backup-1", 0, &report)];
    let steps = planned(&jobs, &pods, &[old, known]);
    let status = said(&steps, "toko-backup-1");
    assert_eq!(reason(&status, COMPLETE), ("True", "Written"));
    assert_eq!(reason(&status, VERIFIED), ("Unknown", "NeverRan"));
    assert_eq!(status.backup.as_deref(), Some("toko/20261124T031200Z-a"));
    assert_eq!((status.bytes, status.rows), (Some(70), Some(9)));
    // Retention let the old one go, and only what was read may go.
    assert!(steps.contains(&Step::Forget {
        name: "toko-backup-0".to_owned()
    }));
    assert_eq!(
        steps.last(),
        Some(&Step::Read {
            job: "toko-backup-1".to_owned()
        })
    );
}

#[test]
fn what_was_read_once_is_left_alone() {
    let mut read = job("toko-backup-1", "backup", Some("Complete"));
    read.annotations_mut()
        .insert(READ.to_owned(), "true".to_owned());
    assert_eq!(planned(&[read.clone()], &[], &[]), []);
    let known = written("toko-backup-1", "toko/a");
    assert_eq!(planned(&[read], &[], &[known]), []);
}

#[test]
fn a_run_that_failed_says_why_and_is_counted() {
    let jobs = [job("toko-backup-1", "backup", Some("Failed"))];
    let words = json!({"kind": "backup", "backup": null, "error": "no space left on device"});
    let steps = planned(&jobs, &[pod("toko-backup-1", 1, &words)], &[]);
    let status = said(&steps, "toko-backup-1");
    assert_eq!(reason(&status, COMPLETE), ("False", "Failed"));
    let note = "Job toko-backup-1 failed: no space left on device".to_owned();
    let component = "backup".to_owned();
    assert!(steps.contains(&Step::Failed { component, note }));
}

#[test]
fn a_report_that_was_lost_is_said_and_the_backup_found_again() {
    let jobs = [job("toko-backup-1", "backup", Some("Complete"))];
    let steps = planned(&jobs, &[], &[]);
    let lost = said(&steps, "toko-backup-1");
    assert_eq!(reason(&lost, COMPLETE), ("Unknown", "ReportLost"));

    // Its Job goes; the record stays as it is.
    let lost = backup("toko-backup-1", json!({}), json!(lost));
    assert_eq!(planned(&[], &[], std::slice::from_ref(&lost)), []);

    let report = json!({"kind": "verify", "backup": "toko/20261124T031200Z-a", "verified": true,
        "finishedAt": "2026-11-24T04:00:00Z", "restoreSeconds": 4, "problems": []});
    let jobs = [job("toko-verify-1", "verify", Some("Complete"))];
    let steps = planned(&jobs, &[pod("toko-verify-1", 0, &report)], &[lost]);
    let name = "toko-20261124t031200z-a";
    assert!(steps.contains(&Step::Record {
        name: name.to_owned()
    }));
    let status = said(&steps, name);
    assert_eq!(reason(&status, COMPLETE), ("True", "FoundAtDestination"));
    assert_eq!(reason(&status, VERIFIED), ("True", "Verified"));
    let at = status.finished_at.unwrap().0.to_string();
    assert_eq!(at, "2026-11-24T03:12:00Z");
}

#[test]
fn a_verification_speaks_about_the_backup_that_it_names() {
    let jobs = [job("toko-verify-1", "verify", Some("Failed"))];
    let backups = [written("a", "toko/a"), written("b", "toko/b")];
    let broken = json!({"kind": "verify", "backup": "toko/a", "verified": false,
        "problems": ["toko/a: order 7 is not the sum of its lines"], "error": null});
    let steps = planned(&jobs, &[pod("toko-verify-1", 1, &broken)], &backups);
    let status = said(&steps, "a");
    assert_eq!(reason(&status, VERIFIED), ("False", "VerificationFailed"));
    assert!(
        get(&status.conditions, VERIFIED)
            .unwrap()
            .message
            .contains("order 7")
    );

    // One that could not look takes no proof away, one that finds a problem does.
    let mut proved = written("a", "toko/a");
    let conditions = &mut proved.status.as_mut().unwrap().conditions;
    conditions[1].status = "True".to_owned();
    let unable = json!({"kind": "verify", "backup": "toko/a", "verified": false,
        "problems": [], "error": "no identity fits"});
    let pods = [pod("toko-verify-1", 1, &unable)];
    let steps = planned(&jobs, &pods, std::slice::from_ref(&proved));
    assert!(holds(&said(&steps, "a").conditions, VERIFIED));
    let steps = planned(&jobs, &pods, &backups[..1]);
    assert_eq!(reason(&said(&steps, "a"), VERIFIED), ("False", "Failed"));
    let steps = planned(&jobs, &[pod("toko-verify-1", 1, &broken)], &[proved]);
    assert!(!holds(&said(&steps, "a").conditions, VERIFIED));
}

#[test]
fn a_backup_that_a_person_asks_for_is_begun_then_verified() {
    let asked = backup("sebelum-pindah", json!({"verify": true}), json!(null));
    let steps = planned(&[], &[], std::slice::from_ref(&asked));
    let begin = |job: &str, verify: Option<&str>| Step::Begin {
        backup: "sebelum-pindah".to_owned(),
        job: job.to_owned(),
        verify: verify.map(str::to_owned),
    };
    assert_eq!(steps[0], begin("sebelum-pindah", None));
    let status = said(&steps, "sebelum-pindah");

    let asked = backup("sebelum-pindah", json!({"verify": true}), json!(status));
    let report = json!({"kind": "backup", "backup": "toko/a"});
    let jobs = [job("sebelum-pindah", "backup", Some("Complete"))];
    let pods = [pod("sebelum-pindah", 0, &report)];
    let steps = planned(&jobs, &pods, std::slice::from_ref(&asked));
    assert_eq!(steps[0], begin("sebelum-pindah-verify", Some("toko/a")));
    let status = said(&steps, "sebelum-pindah");
    assert_eq!(reason(&status, COMPLETE), ("True", "Written"));
    assert_eq!(reason(&status, VERIFIED), ("Unknown", "Verifying"));

    let asked = backup("sebelum-pindah", json!({"verify": true}), json!(status));
    let gone = planned(&[], &[], std::slice::from_ref(&asked));
    assert_eq!(
        reason(&said(&gone, "sebelum-pindah"), VERIFIED),
        ("False", "JobGone")
    );
}

#[test]
fn nothing_is_begun_while_the_gate_is_closed() {
    let backups = [backup("kini", json!({}), json!(null))];
    let now: Timestamp = NOW.parse().unwrap();
    let at = |gate: Gate| {
        plan(&Seen {
            jobs: &[],
            pods: &[],
            backups: &backups,
            gate,
            now,
        })
    };
    let held = at(Gate::Closed("a restore holds the shop".to_owned()));
    assert_eq!(held.len(), 1);
    assert_eq!(
        reason(&said(&held, "kini"), COMPLETE),
        ("Unknown", "Waiting")
    );
    let none = at(Gate::NotConfigured);
    assert_eq!(
        reason(&said(&none, "kini"), COMPLETE),
        ("Unknown", "NotConfigured")
    );
}

#[test]
fn a_job_that_was_deleted_is_said() {
    let asked = backup("kini", json!({}), json!({"job": "kini"}));
    let steps = planned(&[], &[], &[asked]);
    assert_eq!(
        reason(&said(&steps, "kini"), COMPLETE),
        ("False", "JobGone")
    );
}

#[test]
fn old_failures_of_the_schedule_are_forgotten() {
    let failed = |number: usize| {
        let mut failed = backup(
            &format!("toko-backup-{number:02}"),
            json!({}),
            json!({"job": "x", "observedGeneration": 1, "conditions": [
                {"type": "Complete", "status": "False", "reason": "Failed", "message": "",
                 "lastTransitionTime": "2026-11-24T03:12:00Z"}]}),
        );
        let label = super::super::MANAGED_BY;
        failed
            .labels_mut()
            .insert(label.0.to_owned(), label.1.to_owned());
        failed
    };
    let backups: Vec<_> = (0..12).map(failed).collect();
    let forgotten = planned(&[], &[], &backups);
    let forget = |name: &str| Step::Forget {
        name: name.to_owned(),
    };
    assert_eq!(
        forgotten,
        [forget("toko-backup-00"), forget("toko-backup-01")]
    );
}

#[test]
fn names_fit_a_label() {
    assert_eq!(name_for("toko-backup-1"), "toko-backup-1");
    let long = "x".repeat(80);
    assert_eq!(name_for(&long).len(), 63);
    assert_ne!(name_for(&long), name_for(&format!("{long}y")));
    assert_eq!(written_at("toko/x"), None);
}
