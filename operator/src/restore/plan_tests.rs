use serde_json::{Value, json};

use super::*;
use crate::jobs::fixtures::{NOW, of, pod};

fn restore(name: &str, second: u8, spec: Value, status: Option<ShopRestoreStatus>) -> ShopRestore {
    let mut all = json!({"shopRef": {"name": "toko"}});
    all.as_object_mut()
        .unwrap()
        .extend(spec.as_object().unwrap().clone());
    of(json!({
        "metadata": {"name": name, "uid": format!("uid-{name}"), "generation": 1,
            "creationTimestamp": format!("2026-11-24T04:00:{second:02}Z")},
        "spec": all, "status": status,
    }))
}

fn job(name: &str, ended: Option<&str>) -> Job {
    let condition = |kind: &str| json!([{"type": kind, "status": "True"}]);
    of(json!({
        "metadata": {"name": name, "uid": format!("uid-{name}"),
            "labels": {"app.kubernetes.io/component": "restore"},
            "ownerReferences": [{"apiVersion": "shops.warung.dev/v1alpha1",
                "kind": "ShopRestore", "name": "balik", "uid": "uid-balik"}]},
        "status": {"conditions": ended.map_or(json!([]), condition)},
    }))
}

/// A world that goes on from look to look.
struct World {
    restores: Vec<ShopRestore>,
    jobs: Vec<Job>,
    pods: Vec<Pod>,
    users: Vec<String>,
    gate: Gate,
    now: &'static str,
}

impl World {
    fn new(restores: Vec<ShopRestore>) -> Self {
        Self {
            restores,
            jobs: Vec::new(),
            pods: Vec::new(),
            users: vec!["Pod toko-bot-1".to_owned()],
            gate: Gate::Open,
            now: NOW,
        }
    }

    /// Looks once; what is said is remembered.
    fn look(&mut self) -> Plan {
        let backups = [backup("malam", "True"), backup("gagal", "False")];
        let plan = plan(&Seen {
            restores: &self.restores,
            backups: &backups,
            jobs: &self.jobs,
            pods: &self.pods,
            users: &self.users,
            gate: self.gate.clone(),
            now: self.now.parse().unwrap(),
        });
        for step in &plan.steps {
            if let Step::Say { name, status } = step {
                let told = self.restores.iter_mut().find(|it| it.name_any() == *name);
                told.unwrap().status = Some((**status).clone());
            }
        }
        plan
    }

    /// Status and reason of a condition.
    fn says(&self, name: &str, kind: &str) -> (String, String) {
        let restore = self
            .restores
            .iter()
            .find(|it| it.name_any() == name)
            .unwrap();
        let status = restore.status.as_ref().unwrap();
        let found = get(&status.conditions, kind).unwrap();
        (found.status.clone(), found.reason.clone())
    }

    fn end(&mut self, job_name: &str, ended: &str, words: Option<&Value>) {
        self.jobs.retain(|job| job.name_any() != job_name);
        self.jobs.push(job(job_name, Some(ended)));
        let code = i32::from(ended == "Failed");
        self.pods
            .extend(words.map(|words| pod(job_name, code, words)));
    }
}

fn backup(name: &str, complete: &str) -> ShopBackup {
    of(
        json!({"metadata": {"name": name}, "spec": {"shopRef": {"name": "toko"}},
        "status": {"backup": format!("toko/{name}"), "conditions": [
            {"type": "Complete", "status": complete, "reason": "R", "message": "",
             "lastTransitionTime": NOW}]}}),
    )
}

fn pair(status: &str, reason: &str) -> (String, String) {
    (status.to_owned(), reason.to_owned())
}

fn begun(plan: &Plan) -> Vec<(&str, &Work)> {
    let begun = plan.steps.iter().filter_map(|step| match step {
        Step::Begin { job, work, .. } => Some((job.as_str(), work)),
        _ => None,
    });
    begun.collect()
}

fn world() -> World {
    let spec = json!({"backup": "malam", "replace": true});
    World::new(vec![restore("balik", 0, spec, None)])
}

/// A world in which the Job of the restore runs.
fn restoring() -> World {
    let mut world = world();
    world.look();
    world.users.clear();
    world.look();
    world.jobs.push(job("balik", None));
    world
}

#[test]
fn a_restore_stops_the_bots_restores_migrates_and_lets_go() {
    let mut world = world();
    let plan = world.look();
    assert!(plan.hold.unwrap().contains("balik") && begun(&world.look()).is_empty());
    assert_eq!(
        world.says("balik", BOTS_STOPPED),
        pair("False", "StoppingBots")
    );

    world.users.clear();
    let plan = world.look();
    let work = Work::Restore {
        backup: Some("toko/malam".to_owned()),
        replace: true,
    };
    assert_eq!(begun(&plan), [("balik", &work)]);
    assert_eq!(
        world.says("balik", BOTS_STOPPED),
        pair("True", "BotsStopped")
    );

    world.jobs.push(job("balik", None));
    let plan = world.look();
    assert!(plan.hold.is_some() && begun(&plan).is_empty());
    assert_eq!(
        world.look().steps,
        [],
        "a look at what has not changed says nothing"
    );

    world.end(
        "balik",
        "Complete",
        Some(&json!({"kind": "restore", "rows": 12})),
    );
    let plan = world.look();
    assert_eq!(begun(&plan), [("balik-migrate", &Work::Migrate)]);
    assert!(plan.hold.is_some());
    assert_eq!(world.says("balik", COMPLETE), pair("Unknown", "Migrating"));

    world.end(
        "balik-migrate",
        "Complete",
        Some(&json!({"kind": "migrate", "version": 7})),
    );
    let plan = world.look();
    assert_eq!(plan.hold, None);
    assert_eq!(world.says("balik", COMPLETE), pair("True", "Restored"));
    assert_eq!(world.says("balik", BOTS_STOPPED), pair("False", "Released"));
    assert_eq!(world.restores[0].status.as_ref().unwrap().rows, Some(12));
    assert_eq!(world.look().steps, []);
}

#[test]
fn a_restore_that_reports_its_failure_has_changed_nothing() {
    let mut world = restoring();
    let words = json!({"kind": "restore", "error": "the database is not empty"});
    world.end("balik", "Failed", Some(&words));
    let plan = world.look();
    assert_eq!(plan.hold, None);
    assert_eq!(world.says("balik", COMPLETE), pair("False", "Failed"));
    let told = |step: &Step| matches!(step, Step::Failed { note } if note.contains("not empty"));
    assert!(plan.steps.iter().any(told));
}

#[test]
fn a_try_that_knows_nothing_of_an_earlier_one_does_not_let_go() {
    let end = |words: Value| {
        let mut world = restoring();
        world.end("balik", "Failed", Some(&words));
        world
            .jobs
            .last_mut()
            .unwrap()
            .status
            .as_mut()
            .unwrap()
            .failed = Some(2);
        (world.look().hold.is_some(), world.says("balik", COMPLETE))
    };
    let unknown = end(json!({"kind": "restore", "error": "the database does not answer"}));
    assert_eq!(unknown, (true, pair("False", "OutcomeUnknown")));
    let looked = json!({"kind": "restore", "asItWas": true, "error": "the data are damaged"});
    assert_eq!(end(looked), (false, pair("False", "Failed")));
}

#[test]
fn a_shop_stays_held_while_nobody_knows_how_its_restore_ended() {
    let mut world = restoring();
    world.end("balik", "Failed", None);
    assert!(world.look().hold.is_some());
    assert_eq!(
        world.says("balik", COMPLETE),
        pair("False", "OutcomeUnknown")
    );
    assert!(
        world
            .look()
            .hold
            .unwrap()
            .contains("make a new ShopRestore")
    );

    // Deleting it is one way out.
    let mut deleted = World::new(Vec::new());
    assert_eq!(deleted.look().hold, None);

    // Another restore that succeeds is the other.
    let spec = json!({"newestVerified": true, "replace": true});
    world.restores.push(restore("lagi", 9, spec, None));
    world.look();
    let work = Work::Restore {
        backup: None,
        replace: true,
    };
    assert_eq!(begun(&world.look()), [("lagi", &work)]);
    world.end(
        "lagi",
        "Complete",
        Some(&json!({"kind": "restore", "backup": "toko/x"})),
    );
    world.look();
    world.end(
        "lagi-migrate",
        "Complete",
        Some(&json!({"kind": "migrate"})),
    );
    assert_eq!(world.look().hold, None);
    assert_eq!(world.says("balik", BOTS_STOPPED), pair("False", "Released"));
    assert_eq!(world.says("lagi", COMPLETE), pair("True", "Restored"));
}

#[test]
fn a_migration_that_fails_keeps_the_shop_held() {
    let mut world = restoring();
    world.end("balik", "Complete", Some(&json!({"kind": "restore"})));
    world.look();
    world.end(
        "balik-migrate",
        "Failed",
        Some(&json!({"kind": "migrate", "error": "no role"})),
    );
    assert!(world.look().hold.unwrap().contains("no role"));
    assert_eq!(
        world.says("balik", COMPLETE),
        pair("False", "MigrationFailed")
    );
}

#[test]
fn the_older_of_two_restores_comes_first() {
    let newest = json!({"newestVerified": true});
    let mut world = World::new(vec![
        restore("dua", 2, newest.clone(), None),
        restore("satu", 1, newest, None),
    ]);
    world.look();
    assert_eq!(
        world.says("satu", COMPLETE),
        pair("Unknown", "StoppingBots")
    );
    assert_eq!(world.says("dua", COMPLETE), pair("Unknown", "Waiting"));
}

#[test]
fn bots_that_do_not_stop_end_the_restore_before_it_touched_anything() {
    let mut world = world();
    world.look();
    world.now = "2026-11-24T05:16:00Z";
    let plan = world.look();
    assert_eq!(plan.hold, None);
    assert_eq!(
        world.says("balik", COMPLETE),
        pair("False", "BotsDidNotStop")
    );
}

#[test]
fn a_backup_that_cannot_be_had_is_said_before_any_bot_stops() {
    for (name, reason) in [("tiada", "BackupNotFound"), ("gagal", "BackupNotComplete")] {
        let spec = json!({"backup": name});
        let mut world = World::new(vec![restore("balik", 0, spec, None)]);
        assert_eq!(world.look().hold, None);
        assert_eq!(world.says("balik", COMPLETE), pair("False", reason));
    }
    let mut waits = world();
    waits.gate = Gate::Closed("the shop is paused".to_owned());
    assert_eq!(waits.look().hold, None);
    assert_eq!(waits.says("balik", COMPLETE), pair("Unknown", "Waiting"));
}

#[test]
fn a_job_whose_restore_was_deleted_holds_the_shop_until_it_is_gone() {
    let mut world = restoring();
    world.restores.clear();
    assert!(
        world
            .look()
            .hold
            .unwrap()
            .contains("Job balik is being stopped")
    );
    world.jobs.clear();
    assert_eq!(world.look().hold, None);
}

#[test]
fn a_job_that_was_deleted_leaves_the_question_open() {
    let mut world = restoring();
    world.jobs.clear();
    assert!(world.look().hold.is_some());
    assert_eq!(
        world.says("balik", COMPLETE),
        pair("False", "OutcomeUnknown")
    );
}
