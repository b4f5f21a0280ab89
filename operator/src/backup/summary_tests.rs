use serde_json::{Value, json};

use super::*;

const NOW: &str = "2026-11-24T05:00:00Z";

fn wanted() -> Backup {
    serde_json::from_value(json!({"destination": {"persistentVolumeClaim": {"claimName": "c"}}}))
        .unwrap()
}

fn backup(name: &str, complete: &str, verified: &str, status: Value) -> ShopBackup {
    let condition = |kind: &str, value: &str| {
        json!({"type": kind, "status": value, "reason": match (kind, value) {
            ("Verified", "False") => "VerificationFailed",
            (_, "False") => "DeadlineExceeded",
            _ => "Fine",
        }, "message": "apa adanya", "lastTransitionTime": "2026-11-24T04:30:00Z"})
    };
    let mut all = json!({"backup": format!("toko/{name}"), "conditions": [
        condition("Complete", complete), condition("Verified", verified)]});
    all.as_object_mut()
        .unwrap()
        .extend(status.as_object().unwrap().clone());
    serde_json::from_value(json!({"metadata": {"name": name},
        "spec": {"shopRef": {"name": "toko"}}, "status": all}))
    .unwrap()
}

fn at(time: &str) -> Value {
    json!({"finishedAt": time, "verifiedAt": time, "restoreSeconds": 7, "bytes": 70})
}

fn reasons(summary: &Summary) -> [(Truth, Reason); 2] {
    [ConditionType::BackupHealthy, ConditionType::BackupVerified].map(|kind| {
        let found = summary.conditions.get(kind).unwrap();
        (found.truth, found.reason)
    })
}

fn of(backups: &[ShopBackup]) -> Summary {
    summary(Some(&wanted()), backups, NOW.parse().unwrap())
}

#[test]
fn a_shop_without_backups_says_so() {
    let none = summary(None, &[], NOW.parse().unwrap());
    assert_eq!(reasons(&none), [(Truth::Unknown, Reason::NotConfigured); 2]);
    assert_eq!(reasons(&of(&[])), [(Truth::Unknown, Reason::NeverRan); 2]);
    assert_eq!(of(&[]).figures, Figures::default());
}

#[test]
fn the_newest_backup_and_the_newest_proof_are_named() {
    let proved = backup("a", "True", "True", at("2026-11-24T02:00:00Z"));
    let newest = backup(
        "b",
        "True",
        "Unknown",
        json!({"finishedAt": "2026-11-24T03:00:00Z"}),
    );
    let summary = of(&[newest, proved]);
    assert_eq!(
        reasons(&summary),
        [
            (Truth::True, Reason::Succeeded),
            (Truth::True, Reason::Verified)
        ]
    );
    assert_eq!(summary.last_backup.unwrap().name, "b");
    assert_eq!(summary.last_verified_backup.unwrap().backup, "toko/a");
    assert_eq!(summary.figures.restore_seconds, 7);
    // 50 hours after it was written, and a second.
    assert_eq!(
        summary.look_again_in,
        Some(Duration::from_secs(47 * 3600 + 1))
    );
}

#[test]
fn a_proof_goes_stale_and_a_first_one_is_waited_for() {
    let old = "2026-11-21T02:00:00Z";
    let stale = backup("a", "True", "True", at(old));
    assert_eq!(reasons(&of(&[stale]))[1], (Truth::False, Reason::Stale));
    let never = backup("a", "True", "Unknown", json!({"finishedAt": old}));
    assert_eq!(reasons(&of(&[never]))[1], (Truth::False, Reason::NeverRan));
    let young = backup("a", "True", "Unknown", json!({"finishedAt": NOW}));
    assert_eq!(
        reasons(&of(&[young]))[1],
        (Truth::Unknown, Reason::NeverRan)
    );
}

#[test]
fn the_last_try_decides() {
    let good = backup("a", "True", "True", at("2026-11-24T02:00:00Z"));
    let failed = backup("b", "False", "Unknown", json!({}));
    let summary = of(&[good.clone(), failed.clone()]);
    assert_eq!(
        reasons(&summary)[0],
        (Truth::False, Reason::DeadlineExceeded)
    );
    let found = summary
        .conditions
        .get(ConditionType::BackupHealthy)
        .unwrap();
    assert_eq!(found.message, "ShopBackup b: apa adanya");
    let later = backup("c", "True", "Unknown", at("2026-11-24T04:45:00Z"));
    assert_eq!(
        reasons(&of(&[failed, later]))[0],
        (Truth::True, Reason::Succeeded)
    );

    let broken = backup(
        "d",
        "True",
        "False",
        json!({"finishedAt": "2026-11-24T03:00:00Z"}),
    );
    let summary = of(&[good, broken.clone()]);
    assert_eq!(
        reasons(&summary)[1],
        (Truth::False, Reason::VerificationFailed)
    );
    let proved = backup("e", "True", "True", at("2026-11-24T04:45:00Z"));
    assert_eq!(
        reasons(&of(&[broken, proved]))[1],
        (Truth::True, Reason::Verified)
    );
}
