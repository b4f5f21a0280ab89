//! Backups and restores on a real API server: the test ends Jobs as a kubelet would.

use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::Pod;
use kube::api::{Api, DeleteParams, ListParams, Patch, PatchParams, PostParams};
use kube::{Client, ResourceExt as _};
use serde_json::{Value, json};
use warung_operator::backup::{self, Desk, Gate, look_after};
use warung_operator::crds::{ShopBackup, ShopRestore, WhatsAppShop};
use warung_operator::jobs::Work;
use warung_operator::restore;
use warung_operator::shop::Child;
use warung_testkit::eventually;

use crate::{cluster, harness};

const SOON: Duration = Duration::from_secs(40);
/// How long the garbage collector may take: it learns of new kinds every half minute.
const COLLECTED: Duration = Duration::from_mins(2);

/// A namespace with a shop, and no operator but the test.
struct World {
    client: Client,
    namespace: String,
    shop: WhatsAppShop,
}

impl World {
    async fn new(prefix: &str) -> Self {
        let server = cluster::server().await;
        let namespace = server.namespace(prefix).await.unwrap();
        let manifest = "  backup: {destination: {persistentVolumeClaim: {claimName: b}}}";
        let manifest = harness::shop("toko", manifest);
        server.apply(&manifest, &namespace).await.unwrap();
        let client = cluster::client(&server.kubeconfig()).await;
        let shops: Api<WhatsAppShop> = Api::namespaced(client.clone(), &namespace);
        let shop = shops.get("toko").await.unwrap();
        Self {
            client,
            namespace,
            shop,
        }
    }

    fn api<K>(&self) -> Api<K>
    where
        K: kube::Resource<DynamicType = (), Scope = kube::core::NamespaceResourceScope>,
    {
        Api::namespaced(self.client.clone(), &self.namespace)
    }

    async fn all<K>(&self) -> Vec<K>
    where
        K: kube::Resource<DynamicType = (), Scope = kube::core::NamespaceResourceScope>
            + Clone
            + serde::de::DeserializeOwned
            + std::fmt::Debug,
    {
        let listed = self.api::<K>().list(&ListParams::default()).await;
        listed.unwrap().items
    }

    /// One look: restores first, as a shop is looked at.
    async fn look(&self) -> Option<String> {
        let jobs: Vec<Job> = self.all().await;
        let (restores, backups) = (self.all::<ShopRestore>().await, self.all().await);
        let make = |name: &str, work: &Work| Some(job(name, work));
        let desk = Desk {
            client: &self.client,
            shop: &self.shop,
            jobs: &jobs,
            make: &make,
            now: Timestamp::now(),
        };
        let gate = Gate::Open;
        let looked = restore::look_after(&desk, &restores, &backups, &[], gate.clone());
        let looked = looked.await.unwrap();
        look_after(&desk, &backups, gate).await.unwrap();
        looked.hold
    }

    /// Creates a Job as the schedule does.
    async fn scheduled(&self, name: &str, work: &Work) {
        let mut made: Job = serde_json::from_value(job(name, work).object).unwrap();
        // As the schedule's template: it stays until it was read.
        made.spec.as_mut().unwrap().ttl_seconds_after_finished = None;
        let jobs: Api<Job> = self.api();
        jobs.create(&PostParams::default(), &made).await.unwrap();
    }

    /// Ends a Job: its pod says these last words, and its controller sees it.
    async fn end(&self, name: &str, code: i32, words: &Value) {
        let pods: Api<Pod> = self.api();
        let labels = format!("batch.kubernetes.io/job-name={name}");
        let mine = ListParams::default().labels(&labels);
        let pod = eventually(SOON, async || {
            let listed = pods.list(&mine).await.unwrap();
            listed.items.into_iter().next()
        })
        .await;
        let phase = if code == 0 { "Succeeded" } else { "Failed" };
        let status = json!({"status": {"phase": phase, "containerStatuses": [{
            "name": "work", "image": "localhost/bot:1", "imageID": "", "ready": false,
            "restartCount": 0, "state": {"terminated": {"exitCode": code,
                "reason": "Error", "message": words.to_string(),
                "finishedAt": "2026-11-24T03:12:00Z"}}}]}});
        let patch = Patch::Merge(status);
        let (pod, params) = (pod.name_any(), PatchParams::default());
        pods.patch_status(&pod, &params, &patch).await.unwrap();
        let jobs: Api<Job> = self.api();
        eventually(SOON, async || {
            let status = jobs.get(name).await.unwrap().status.unwrap_or_default();
            let conditions = status.conditions.unwrap_or_default();
            let ended = |kind: &str| matches!(kind, "Complete" | "Failed");
            conditions
                .iter()
                .any(|it| ended(&it.type_) && it.status == "True")
        })
        .await;
    }

    /// Status and reason of a condition of a `ShopBackup` or `ShopRestore`.
    async fn says(&self, resource: &str, name: &str, kind: &str) -> String {
        let server = cluster::server().await;
        let path = format!(
            "/apis/shops.warung.dev/v1alpha1/namespaces/{}/{resource}/{name}",
            self.namespace
        );
        let object = server.rest().get(&path).await.unwrap();
        let conditions = object["status"]["conditions"].as_array().unwrap();
        let found = conditions.iter().find(|it| it["type"] == kind).unwrap();
        format!("{} {}", found["status"], found["reason"]).replace('"', "")
    }
}

/// A Job that may run under the restricted standard.
fn job(name: &str, work: &Work) -> Child {
    let component = match work {
        Work::Run => "backup",
        Work::Verify { .. } => "verify",
        Work::Restore { .. } => "restore",
        Work::Migrate => "migrate",
    };
    let labels = json!({
        "app.kubernetes.io/name": "warung", "app.kubernetes.io/instance": "toko",
        "app.kubernetes.io/component": component,
        "app.kubernetes.io/managed-by": "warung-operator",
    });
    let secure = json!({"allowPrivilegeEscalation": false, "runAsNonRoot": true,
        "capabilities": {"drop": ["ALL"]}, "seccompProfile": {"type": "RuntimeDefault"}});
    Child::from_json::<Job>(json!({
        "metadata": {"name": name, "labels": labels},
        "spec": {"backoffLimit": 0, "ttlSecondsAfterFinished": 1, "template": {
            "metadata": {"labels": labels},
            "spec": {"restartPolicy": "Never", "containers": [{"name": "work",
                "image": "localhost/bot:1", "securityContext": secure}]}}},
    }))
}

#[tokio::test(flavor = "multi_thread")]
async fn backups_are_recorded_proved_and_pruned() {
    let world = World::new("backups").await;
    world.scheduled("toko-backup-1", &Work::Run).await;
    world.look().await;
    let says = async |name: &str, kind: &str| world.says("shopbackups", name, kind).await;
    assert_eq!(says("toko-backup-1", "Complete").await, "Unknown Running");
    let report = json!({"kind": "backup", "backup": "toko/20261124T031200Z-a", "bytes": 70,
        "finishedAt": "2026-11-24T03:12:00Z", "pruned": []});
    world.end("toko-backup-1", 0, &report).await;
    world.look().await;
    assert_eq!(says("toko-backup-1", "Complete").await, "True Written");
    let read = world.api::<Job>().get("toko-backup-1").await.unwrap();
    assert!(read.annotations().contains_key(backup::READ));

    // A person asks for one, with its proof; a pruned one goes.
    let asked = ShopBackup::new(
        "sekarang",
        serde_json::from_value(json!({"shopRef": {"name": "toko"}, "verify": true})).unwrap(),
    );
    let backups: Api<ShopBackup> = world.api();
    backups
        .create(&PostParams::default(), &asked)
        .await
        .unwrap();
    world.look().await;
    let began = world.api::<Job>().get("sekarang").await.unwrap();
    assert_eq!(began.owner_references()[0].kind, "ShopBackup");
    // It may go only once it was read.
    assert_eq!(began.spec.unwrap().ttl_seconds_after_finished, None);
    let report = json!({"kind": "backup", "backup": "toko/20261124T050000Z-b",
        "finishedAt": "2026-11-24T05:00:00Z", "pruned": ["toko/20261124T031200Z-a"]});
    world.end("sekarang", 0, &report).await;
    world.look().await;
    assert!(backups.get_opt("toko-backup-1").await.unwrap().is_none());
    world.look().await;
    assert_eq!(says("sekarang", "Verified").await, "Unknown Verifying");
    let report = json!({"kind": "verify", "backup": "toko/20261124T050000Z-b", "verified": true,
        "finishedAt": "2026-11-24T05:01:00Z", "restoreSeconds": 3, "problems": []});
    world.end("sekarang-verify", 0, &report).await;
    world.look().await;
    assert_eq!(says("sekarang", "Verified").await, "True Verified");

    // A run that fails says why.
    world.scheduled("toko-backup-2", &Work::Run).await;
    let report = json!({"kind": "backup", "error": "no space left on device"});
    world.end("toko-backup-2", 1, &report).await;
    world.look().await;
    assert_eq!(says("toko-backup-2", "Complete").await, "False Failed");
    let all: Vec<ShopBackup> = world.all().await;
    let wanted = world.shop.spec.backup.as_ref();
    let now = "2026-11-24T06:00:00Z".parse().unwrap();
    let summary = backup::summary(wanted, &all, now);
    assert_eq!(summary.last_verified_backup.unwrap().name, "sekarang");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restore_goes_its_way_and_goes_with_its_object() {
    let world = World::new("restores").await;
    let restores: Api<ShopRestore> = world.api();
    let make = async |name: &str| {
        let spec = json!({"shopRef": {"name": "toko"}, "newestVerified": true, "replace": true});
        let restore = ShopRestore::new(name, serde_json::from_value(spec).unwrap());
        restores
            .create(&PostParams::default(), &restore)
            .await
            .unwrap();
    };
    make("balik").await;
    assert!(world.look().await.is_some());
    world.look().await;
    let says = async |name: &str, kind: &str| world.says("shoprestores", name, kind).await;
    assert_eq!(says("balik", "BotsStopped").await, "True BotsStopped");
    make("lagi").await;
    world.look().await;
    assert_eq!(says("lagi", "Complete").await, "Unknown Waiting");
    let report = json!({"kind": "restore", "backup": "toko/x", "rows": 12});
    world.end("balik", 0, &report).await;
    world.look().await;
    assert_eq!(says("balik", "Complete").await, "Unknown Migrating");
    world
        .end(
            "balik-migrate",
            0,
            &json!({"kind": "migrate", "version": 7}),
        )
        .await;
    world.look().await;
    assert_eq!(says("balik", "Complete").await, "True Restored");

    // The next one begins, is deleted while it runs, and takes its Job and the hold with it.
    world.look().await;
    world.look().await;
    assert!(world.look().await.is_some());
    world.api::<Job>().get("lagi").await.unwrap();
    restores
        .delete("lagi", &DeleteParams::default())
        .await
        .unwrap();
    let gone = async || world.look().await.map_or(Ok(()), Err);
    eventually(COLLECTED, gone).await;
    eventually(SOON, async || {
        world.api::<Job>().get_opt("lagi").await.unwrap().is_none()
    })
    .await;
}
