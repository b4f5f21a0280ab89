//! Every rule refuses what it must, with its message: on the API server, and the same by
//! `validate_cel` in this process.

use std::collections::BTreeSet;

use kube::api::{DynamicObject, PostParams};
use kube::core::cel::ValidationErrors;
use kube::discovery::ApiResource;
use kube::{Api, Client, ResourceExt as _};
use serde_json::{Value, json};
use warung_operator::crds::{self, ShopBackup, ShopRestore, WhatsAppShop};

use super::manifests::{Edits, backups_to_s3, edited, shop};
use super::refused::{never, unchangeable};
use crate::cluster::{client, server};

/// What the server says to a manifest.
pub(super) enum Answer {
    Taken(Box<DynamicObject>),
    Refused(String),
}

/// Creates without keeping anything.
pub(super) async fn create(client: &Client, namespace: &str, manifest: &Value) -> Answer {
    let dry_run = PostParams {
        dry_run: true,
        ..PostParams::default()
    };
    let object = serde_json::from_value(manifest.clone()).expect("an object");
    answer(
        api(client, namespace, manifest)
            .create(&dry_run, &object)
            .await,
    )
}

fn api(client: &Client, namespace: &str, manifest: &Value) -> Api<DynamicObject> {
    let kind = manifest["kind"].as_str().expect("a kind");
    let resource = ApiResource {
        group: crds::GROUP.to_owned(),
        version: "v1alpha1".to_owned(),
        api_version: format!("{}/v1alpha1", crds::GROUP),
        kind: kind.to_owned(),
        plural: format!("{}s", kind.to_lowercase()),
    };
    Api::namespaced_with(client.clone(), namespace, &resource)
}

fn answer(result: kube::Result<DynamicObject>) -> Answer {
    match result {
        Ok(object) => Answer::Taken(Box::new(object)),
        Err(kube::Error::Api(status)) if status.code == 422 => Answer::Refused(status.message),
        Err(error) => panic!("the server neither takes nor refuses: {error}"),
    }
}

/// What this process says, by the same rules; an error of the types counts as said by nobody.
fn said_here(manifest: &Value, old: Option<&Value>) -> Result<(), String> {
    fn of<K: serde::de::DeserializeOwned>(value: &Value) -> K {
        serde_json::from_value(value.clone()).expect("the manifest fits the type")
    }
    let answer: Result<(), ValidationErrors> = match (manifest["kind"].as_str(), old) {
        (Some("WhatsAppShop"), None) => of::<WhatsAppShop>(manifest).validate_cel(),
        (Some("WhatsAppShop"), Some(old)) => {
            of::<WhatsAppShop>(manifest).validate_cel_update(&of(old))
        }
        (Some("ShopBackup"), None) => of::<ShopBackup>(manifest).validate_cel(),
        (Some("ShopBackup"), Some(old)) => of::<ShopBackup>(manifest).validate_cel_update(&of(old)),
        (_, None) => of::<ShopRestore>(manifest).validate_cel(),
        (_, Some(old)) => of::<ShopRestore>(manifest).validate_cel_update(&of(old)),
    };
    answer.map_err(|errors| errors.to_string())
}

/// The messages of all rules of all kinds.
fn messages() -> BTreeSet<String> {
    fn collect(value: &Value, into: &mut BTreeSet<String>) {
        if let Some(rules) = value["x-kubernetes-validations"].as_array() {
            for rule in rules {
                into.insert(rule["message"].as_str().expect("a message").to_owned());
            }
        }
        match value {
            Value::Object(fields) => fields.values().for_each(|value| collect(value, into)),
            Value::Array(items) => items.iter().for_each(|value| collect(value, into)),
            _ => {}
        }
    }
    let mut into = BTreeSet::new();
    for definition in crds::definitions() {
        collect(&serde_json::to_value(&definition).expect("JSON"), &mut into);
    }
    into
}

#[tokio::test]
async fn what_a_rule_forbids_is_refused_with_its_message() {
    let server = server().await;
    let client = client(&server.kubeconfig()).await;
    let mut untold = messages();
    for (base, edits, says) in never() {
        let manifest = edited(base, &edits);
        match create(&client, "default", &manifest).await {
            Answer::Refused(message) => {
                assert!(message.contains(says), "{edits:?} is refused by: {message}");
            }
            Answer::Taken(_) => panic!("{edits:?} is taken: {says}"),
        }
        let here = said_here(&manifest, None).expect_err("refused here too");
        assert!(here.contains(says), "{edits:?} is refused here by: {here}");
        untold.retain(|message| !message.starts_with(says));
    }
    let namespace = server.namespace("rules").await.expect("a namespace");
    for (number, (base, before, change, says)) in unchangeable().into_iter().enumerate() {
        let name = (".metadata.name", json!(format!("old-{number}")));
        let old = edited(edited(base, &before), &[name]);
        let message = refused_change(&client, &namespace, &old, &change).await;
        assert!(
            message.contains(says),
            "{change:?} is refused by: {message}"
        );
        let here = said_here(&edited(old.clone(), &change), Some(&old));
        let here = here.expect_err("refused here too");
        assert!(here.contains(says), "{change:?} is refused here by: {here}");
        untold.retain(|message| !message.starts_with(says));
    }
    assert!(untold.is_empty(), "no story shows these rules: {untold:#?}");
}

/// Creates an object, changes it and returns why the change is refused.
async fn refused_change(client: &Client, namespace: &str, old: &Value, change: &Edits) -> String {
    let api = api(client, namespace, old);
    let object = serde_json::from_value(old.clone()).expect("an object");
    let created = api.create(&PostParams::default(), &object).await;
    let created = created.expect("the manifest before the change is taken");
    let change = edited(serde_json::to_value(&created).expect("JSON"), change);
    let dry_run = PostParams {
        dry_run: true,
        ..PostParams::default()
    };
    let object = serde_json::from_value(change).expect("an object");
    match answer(api.replace(&created.name_any(), &dry_run, &object).await) {
        Answer::Refused(message) => message,
        Answer::Taken(_) => panic!("{change:?} is taken", change = object.data),
    }
}

#[tokio::test]
async fn what_may_change_may_change() {
    let server = server().await;
    let client = client(&server.kubeconfig()).await;
    let namespace = server.namespace("changes").await.expect("a namespace");
    let external = json!({"external": {"secretRef": {"name": "nodes", "key": "urls"}}});
    let changes: Vec<(Edits, Edits)> = vec![
        (vec![], vec![("redis", external.clone())]),
        (
            vec![("redis", external)],
            vec![("redis", json!({"managed": {}}))],
        ),
        (
            vec![],
            vec![("database.managed.storage.size", json!("20Gi"))],
        ),
        (
            vec![],
            vec![("database.managed.storage.size", json!(10_737_418_240_i64))],
        ),
        (vec![], vec![("redis.managed.shards", json!(4))]),
        (vec![], vec![("bot.topology", json!("split"))]),
        (vec![], vec![("backup", backups_to_s3())]),
        (
            vec![("backup", backups_to_s3())],
            vec![(
                "backup.destination",
                json!({"persistentVolumeClaim": {"storage": {}}}),
            )],
        ),
    ];
    for (number, (before, change)) in changes.into_iter().enumerate() {
        let name = (".metadata.name", json!(format!("new-{number}")));
        let old = edited(edited(shop(), &before), &[name]);
        let api = api(&client, &namespace, &old);
        let object = serde_json::from_value(old.clone()).expect("an object");
        let created = api.create(&PostParams::default(), &object).await;
        let created = created.expect("the manifest before the change is taken");
        let new = edited(serde_json::to_value(&created).expect("JSON"), &change);
        let object = serde_json::from_value(new).expect("an object");
        let replaced = api
            .replace(&created.name_any(), &PostParams::default(), &object)
            .await;
        assert!(replaced.is_ok(), "{change:?}: {replaced:?}");
        said_here(&edited(old.clone(), &change), Some(&old)).expect("taken here too");
    }
}

#[tokio::test]
async fn schedules_and_zones_are_read_as_people_write_them() {
    let server = server().await;
    let client = client(&server.kubeconfig()).await;
    let with = |path: &'static str, value: &str| {
        edited(shop(), &[("backup", backups_to_s3()), (path, json!(value))])
    };
    let good = [
        "@daily",
        "0 2 * * *",
        "*/15 8-17 * * 1-5",
        "5,35 0,12 1,15 JAN-MAR SUN",
    ];
    let bad = [
        "0 2 * *",
        "60 2 * * *",
        "0 24 * * *",
        "0 2 0 * *",
        "0 2 * 13 *",
        "0 2 * * 7",
        "@every 1h",
        "TZ=UTC 0 2 * * *",
    ];
    for path in ["backup.schedule", "backup.verification.schedule"] {
        for schedule in good {
            let answer = create(&client, "default", &with(path, schedule)).await;
            assert!(matches!(answer, Answer::Taken(_)), "{schedule} is refused");
        }
        for schedule in bad {
            let answer = create(&client, "default", &with(path, schedule)).await;
            assert!(matches!(answer, Answer::Refused(_)), "{schedule} is taken");
        }
    }
    for zone in [
        "Asia/Jakarta",
        "Asia/Jayapura",
        "UTC",
        "America/Argentina/Buenos_Aires",
    ] {
        let answer = create(&client, "default", &with("shop.timezone", zone)).await;
        assert!(matches!(answer, Answer::Taken(_)), "{zone} is refused");
    }
    for staff in ["6281234567890", "ID.a1B2c3", "ID.ENT.a1B2c3"] {
        let manifest = edited(shop(), &[("shop.staff", json!([staff]))]);
        let answer = create(&client, "default", &manifest).await;
        assert!(matches!(answer, Answer::Taken(_)), "{staff} is refused");
    }
    for staff in ["+6281234567890", "62812,62813", "budi"] {
        let manifest = edited(shop(), &[("shop.staff", json!([staff]))]);
        let answer = create(&client, "default", &manifest).await;
        assert!(matches!(answer, Answer::Refused(_)), "{staff} is taken");
    }
}
