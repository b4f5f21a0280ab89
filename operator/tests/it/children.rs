//! Children come, are kept as they are wanted, and go.

use std::time::Instant;

use serde_json::{Value, json};
use warung_testkit::eventually;
use warung_testkit::kubernetes::AuditEvent;

use crate::harness::{SOON, Site, shop, shop_of};

#[tokio::test(flavor = "multi_thread")]
async fn a_shop_gets_its_children_and_says_how_it_does() {
    let site = Site::new("children").await;
    let operator = site.operator();
    operator.leads().await;
    site.apply(&shop("toko", "")).await;

    let map = site.appears("configmaps/toko-bot").await;
    let owner = &map["metadata"]["ownerReferences"][0];
    let controls = (&owner["name"], &owner["controller"]);
    assert_eq!(controls, (&json!("toko"), &json!(true)));
    for child in [
        "serviceaccounts/toko-bot",
        "statefulsets/toko-postgres",
        "statefulsets/toko-redis-2",
        "services/toko-bot",
        "secrets/toko-database",
    ] {
        site.appears(child).await;
    }
    site.says("toko", "ObjectsApplied", "True", "Applied").await;
    site.says("toko", "Paused", "False", "Working").await;
    site.says("toko", "ManifestValid", "True", "Valid").await;
    site.says("toko", "DatabaseReady", "False", "Starting")
        .await;
    site.says("toko", "Ready", "False", "Starting").await;
    let found = site.get("whatsappshops/toko").await.unwrap();
    let conditions = found["status"]["conditions"].as_array().unwrap();
    let generation = found["metadata"]["generation"].as_i64();
    assert!(generation.is_some());
    let observed = |c: &Value| c["observedGeneration"].as_i64() == generation;
    assert!(conditions.iter().all(observed), "{conditions:?}");
    let gauge = format!(
        r#"warung_shop_condition{{namespace="{}",shop="toko",status="True",type="ObjectsApplied"}} 1"#,
        site.namespace
    );
    eventually(SOON, async || operator.metrics().await.contains(&gauge)).await;

    site.kubectl(&["delete", "whatsappshop", "toko"]).await;
    site.goes("configmaps/toko-bot").await;
    let counted = async || operator.metrics().await.contains("shop=\"toko\"");
    eventually(SOON, async || !counted().await).await;
    site.assert_nothing_forbidden();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_foreign_change_is_corrected_at_once_and_told_once() {
    let site = Site::new("foreign").await;
    let _operator = site.operator();
    site.apply(&shop("toko", "")).await;
    site.says("toko", "ObjectsApplied", "True", "Applied").await;
    site.at_rest().await;

    let path = format!("/api/v1/namespaces/{}/services/toko-bot", site.namespace);
    let port = async || {
        let service = site.server.rest().get(&path).await.unwrap();
        service["spec"]["ports"][0]["targetPort"].clone()
    };
    let before = port().await;
    let swap = r#"[{"op": "replace", "path": "/spec/ports/0/targetPort", "value": 6666}]"#;
    let change = [
        "patch",
        "service",
        "toko-bot",
        "--type=json",
        "--field-manager=stranger",
        "-p",
        swap,
    ];
    site.kubectl(&change).await;
    let began = Instant::now();
    eventually(SOON, async || port().await == before).await;
    let took = began.elapsed();
    println!("a foreign change stood for {took:?}");
    assert!(took.as_millis() < 1_000, "{took:?}");
    let told = eventually(SOON, async || {
        let mut events = site.events().await;
        events.retain(|event| event.starts_with("ForeignChange"));
        (!events.is_empty()).then_some(events)
    })
    .await;
    site.at_rest().await;
    assert_eq!(told.len(), 1, "{told:?}");
    let note = "ForeignChange: stranger changed spec.ports[http].targetPort of Service toko-bot; \
                it was set back";
    assert_eq!(told[0], note);

    // One that was deleted comes back.
    site.kubectl(&["delete", "configmap", "toko-bot"]).await;
    site.appears("configmaps/toko-bot").await;
    site.assert_nothing_forbidden();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_of_somebody_else_is_left_alone_and_named() {
    let site = Site::new("taken").await;
    let create = ["create", "configmap", "toko-bot", "--from-literal=mine=yes"];
    site.kubectl(&create).await;
    let _operator = site.operator();
    site.apply(&shop("toko", "")).await;
    let message = site
        .says("toko", "ObjectsApplied", "False", "NameTaken")
        .await;
    let named = "ConfigMap toko-bot exists and is not this shop's";
    assert!(message.contains(named), "{message}");
    let map = site.get("configmaps/toko-bot").await.unwrap();
    assert_eq!(map["data"], json!({"mine": "yes"}));

    // Out of the way, the shop heals by itself.
    site.kubectl(&["delete", "configmap", "toko-bot"]).await;
    site.says("toko", "ObjectsApplied", "True", "Applied").await;
    let events = site.events().await;
    let told = events.iter().filter(|e| e.starts_with("NameTaken")).count();
    assert_eq!(told, 1, "{events:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn data_outlives_its_shop_unless_it_is_to_be_deleted() {
    let site = Site::new("deletion").await;
    let _operator = site.operator();
    site.apply(&shop("toko", "")).await;
    site.says("toko", "ObjectsApplied", "True", "Applied").await;
    let key = site.appears("secrets/toko-data-key").await;
    assert_eq!(key["metadata"]["ownerReferences"], Value::Null);

    site.kubectl(&["delete", "whatsappshop", "toko"]).await;
    site.goes("statefulsets/toko-postgres").await;
    site.goes("services/toko-bot").await;
    let kept = site.get("secrets/toko-data-key").await.unwrap();
    assert_eq!(kept["data"], key["data"]);
    let claim = site.get("pvc/data-toko-postgres-0").await.unwrap();
    assert_eq!(claim["metadata"]["deletionTimestamp"], Value::Null);

    // A shop of the same name takes them up again.
    site.apply(&shop("toko", "  deletionPolicy: Delete")).await;
    site.says("toko", "ObjectsApplied", "True", "Applied").await;
    let adopted = eventually(SOON, async || {
        let now = site.get("secrets/toko-data-key").await.unwrap();
        let owned = now["metadata"]["ownerReferences"][0]["name"] == "toko";
        owned.then_some(now)
    })
    .await;
    assert_eq!(adopted["data"], key["data"]);

    // Changed back, nobody owns it; and again, it goes with its shop.
    site.apply(&shop("toko", "  deletionPolicy: Retain")).await;
    let owners = async || {
        let now = site.get("secrets/toko-data-key").await.unwrap();
        now["metadata"]["ownerReferences"].clone()
    };
    eventually(SOON, async || owners().await.is_null()).await;
    site.apply(&shop("toko", "  deletionPolicy: Delete")).await;
    eventually(SOON, async || !owners().await.is_null()).await;
    site.kubectl(&["delete", "whatsappshop", "toko"]).await;
    site.goes("secrets/toko-data-key").await;
    site.goes("secrets/toko-postgres").await;
    site.assert_nothing_forbidden();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_keys_to_the_backups_outlive_a_shop_that_is_deleted_with_its_data() {
    let site = Site::new("backup-keys").await;
    let _operator = site.operator();
    let deleted = "  deletionPolicy: Delete";
    site.apply(&shop("toko", deleted)).await;
    site.says("toko", "ObjectsApplied", "True", "Applied").await;
    let owners = async |secret: &str| {
        let now = site.get(&format!("secrets/{secret}")).await.unwrap();
        now["metadata"]["ownerReferences"].clone()
    };
    assert_eq!(owners("toko-data-key").await[0]["name"], "toko");

    // From the first backup on, what it is sealed with is no longer the shop's alone.
    let backup = "  backup: {destination: {persistentVolumeClaim: {storage: {size: 1Gi}}}}";
    site.apply(&shop("toko", &format!("{deleted}\n{backup}")))
        .await;
    site.appears("secrets/toko-backup-key").await;
    eventually(SOON, async || owners("toko-data-key").await.is_null()).await;
    assert!(owners("toko-backup-key").await.is_null());

    // Nor ever again, though the manifest asks for no more backups and forgets their claim.
    site.apply(&shop("toko", deleted)).await;
    site.goes("cronjobs/toko-backup").await;
    site.kubectl(&["delete", "pvc", "toko-backups", "--wait=false"])
        .await;
    site.at_rest().await;
    assert!(owners("toko-data-key").await.is_null());
    let key = site.get("secrets/toko-data-key").await.unwrap();

    site.kubectl(&["delete", "whatsappshop", "toko"]).await;
    site.goes("secrets/toko-postgres").await;
    assert!(owners("toko-backup-key").await.is_null());
    let kept = site.get("secrets/toko-data-key").await.unwrap();
    assert_eq!(kept["data"], key["data"]);
    site.assert_nothing_forbidden();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_key_of_backups_is_asked_for_and_never_made_anew_by_itself() {
    let site = Site::new("lost-backup-key").await;
    let _operator = site.operator();
    let backup = "  backup: {destination: {persistentVolumeClaim: {storage: {size: 1Gi}}}}";
    site.apply(&shop("toko", backup)).await;
    site.says("toko", "ObjectsApplied", "True", "Applied").await;
    let mut copy = site.get("secrets/toko-backup-key").await.unwrap();

    // As long as nothing is sealed with it, another is as good.
    site.kubectl(&["delete", "secret", "toko-backup-key"]).await;
    eventually(SOON, async || {
        let now = site.get("secrets/toko-backup-key").await?;
        let is_new = now["metadata"]["uid"] != copy["metadata"]["uid"];
        copy = now;
        is_new.then_some(()).ok_or("it is the old one".to_owned())
    })
    .await;

    site.apply(
        "{apiVersion: shops.warung.dev/v1alpha1, kind: ShopBackup, metadata: {name: malam}, \
         spec: {shopRef: {name: toko}}}",
    )
    .await;
    let now = "2026-11-24T03:12:00Z";
    let written = json!({"keyId": "age1kunci", "finishedAt": now, "conditions": [
        {"type": "Complete", "status": "True", "reason": "Written", "message": "",
            "lastTransitionTime": now},
    ]});
    eventually(SOON, async || {
        // Its Job is looked at meanwhile, and nothing of it is there.
        site.set_status("shopbackups/malam", &written).await;
        let shop = site.get("whatsappshops/toko").await?;
        let known = shop["status"]["backupKeyId"] == "age1kunci";
        known.then_some(()).ok_or(shop["status"].to_string())
    })
    .await;

    // The record of the backup may go: the backup is there all the same.
    site.kubectl(&["delete", "shopbackup", "malam"]).await;
    site.kubectl(&["delete", "secret", "toko-backup-key"]).await;
    let lost = async || {
        let reason = "SecretMissing";
        site.says("toko", "SecretsFound", "False", reason).await
    };
    let message = lost().await;
    for part in [
        "Secret toko-backup-key",
        "key age1kunci",
        "warung.dev/renew-secret",
    ] {
        assert!(message.contains(part), "{message}");
    }
    site.at_rest().await;
    assert!(site.get("secrets/toko-backup-key").await.is_err());
    let told = |event: &String| event.contains("key age1kunci");
    let events = site.events().await;
    assert!(events.iter().any(told), "{events:#?}");

    // Put back, the shop goes on with it; given up, it gets another.
    for own in ["resourceVersion", "uid", "managedFields"] {
        copy["metadata"].as_object_mut().unwrap().remove(own);
    }
    site.apply(&copy.to_string()).await;
    site.says("toko", "SecretsFound", "True", "Found").await;
    site.kubectl(&["delete", "secret", "toko-backup-key"]).await;
    lost().await;
    let renew = "warung.dev/renew-secret=toko-backup-key";
    site.kubectl(&["annotate", "shop", "toko", renew]).await;
    let made = site.appears("secrets/toko-backup-key").await;
    assert_ne!(made["data"], copy["data"]);
    site.assert_nothing_forbidden();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_key_is_asked_for_and_never_made_anew_by_itself() {
    let site = Site::new("lost-key").await;
    let _operator = site.operator();
    site.apply(&shop("toko", "")).await;
    site.says("toko", "ObjectsApplied", "True", "Applied").await;
    let mut copy = site.get("secrets/toko-data-key").await.unwrap();
    site.kubectl(&["delete", "secret", "toko-data-key"]).await;
    let message = site
        .says("toko", "SecretsFound", "False", "SecretMissing")
        .await;
    let named = "Secret toko-data-key is gone, though the volume of its PostgreSQL is there";
    assert!(message.contains(named), "{message}");
    site.at_rest().await;
    assert!(site.get("secrets/toko-data-key").await.is_err());

    // Put back from a copy, the shop goes on with the same key.
    for own in ["resourceVersion", "uid", "managedFields"] {
        copy["metadata"].as_object_mut().unwrap().remove(own);
    }
    site.apply(&copy.to_string()).await;
    site.says("toko", "SecretsFound", "True", "Found").await;
    let now = site.get("secrets/toko-data-key").await.unwrap();
    assert_eq!(now["data"], copy["data"]);

    // Without a copy a person gives it up by its name.
    site.kubectl(&["delete", "secret", "toko-postgres"]).await;
    site.says("toko", "SecretsFound", "False", "SecretMissing")
        .await;
    let word = "warung.dev/renew-secret=toko-postgres";
    site.kubectl(&["annotate", "shop", "toko", word]).await;
    site.appears("secrets/toko-postgres").await;
    let message = site.says("toko", "SecretsFound", "True", "Found").await;
    assert!(message.contains("every Secret"), "{message}");
    site.assert_nothing_forbidden();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_postgresql_with_a_bad_image_is_mended_by_the_next_manifest_alone() {
    let site = Site::new("stuck").await;
    let _operator = site.operator();
    let image = |tag: &str| {
        let stores = format!(
            "  database: {{managed: {{image: \"localhost/postgres:{tag}\"}}}}\n  redis: {{managed: {{}}}}"
        );
        shop_of("toko", &stores, "")
    };
    site.apply(&image("salah")).await;
    let pod = site.appears("pods/toko-postgres-0").await;
    let waiting = json!({"phase": "Pending", "containerStatuses": [{
        "name": "postgres", "image": "localhost/postgres:salah", "imageID": "", "ready": false,
        "restartCount": 0, "state": {"waiting": {"reason": "ImagePullBackOff"}}}]});
    site.set_status("pods/toko-postgres-0", &waiting).await;
    site.kubectl(&["annotate", "shop", "toko", "look=now"])
        .await;
    let message = site
        .says("toko", "DatabaseReady", "False", "ImageUnavailable")
        .await;
    assert!(message.contains("localhost/postgres:salah"), "{message}");

    let position = site.server.audit_position().unwrap();
    site.apply(&image("benar")).await;
    eventually(SOON, async || {
        let now = site.get("pods/toko-postgres-0").await?;
        let container = &now["spec"]["containers"][0]["image"];
        let another = now["metadata"]["uid"] != pod["metadata"]["uid"];
        (another && container == "localhost/postgres:benar")
            .then_some(())
            .ok_or(now.to_string())
    })
    .await;
    let writes = site.writes_since(position);
    let replaced = |it: &&AuditEvent| it.verb == "delete" && it.resource == "pods";
    // The StatefulSet may make the old revision once more before its status has moved on.
    assert_ne!(writes.iter().filter(replaced).count(), 0, "{writes:#?}");
    site.assert_nothing_forbidden();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_whose_image_cannot_be_fetched_says_which_and_why() {
    let site = Site::new("redis-image").await;
    let _operator = site.operator();
    site.apply(&shop("toko", "")).await;
    site.appears("pods/toko-redis-1-0").await;
    let waiting = json!({"phase": "Pending", "containerStatuses": [{
        "name": "redis", "image": "localhost/redis:salah", "imageID": "", "ready": false,
        "restartCount": 0, "state": {"waiting": {"reason": "ErrImagePull"}}}]});
    site.set_status("pods/toko-redis-1-0", &waiting).await;
    let message = site
        .says("toko", "RedisReady", "False", "ImageUnavailable")
        .await;
    for part in ["localhost/redis:salah", "toko-redis-1-0", "ErrImagePull"] {
        assert!(message.contains(part), "{message}");
    }
    site.assert_nothing_forbidden();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_longer_wanted_goes() {
    let site = Site::new("unwanted").await;
    let _operator = site.operator();
    let exposed = "  expose: {host: toko.example.com, ingressClassName: nginx}";
    site.apply(&shop("toko", exposed)).await;
    site.appears("ingresses/toko-bot").await;
    site.apply(&shop("toko", "")).await;
    site.goes("ingresses/toko-bot").await;
    site.says("toko", "ObjectsApplied", "True", "Applied").await;
    site.assert_nothing_forbidden();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_paused_shop_is_left_alone_and_goes_on_after() {
    let site = Site::new("paused").await;
    let _operator = site.operator();
    site.apply(&shop("toko", "  paused: true")).await;
    site.says("toko", "Paused", "True", "AskedToPause").await;
    assert!(site.get("configmaps/toko-bot").await.is_err());

    site.apply(&shop("toko", "  paused: false")).await;
    site.says("toko", "ObjectsApplied", "True", "Applied").await;
    site.at_rest().await;
    site.apply(&shop("toko", "  paused: true")).await;
    site.says("toko", "Paused", "True", "AskedToPause").await;
    let position = site.server.audit_position().unwrap();
    site.kubectl(&["delete", "configmap", "toko-bot"]).await;
    site.apply(&shop("toko", "  paused: true\n  bot: {log: debug}"))
        .await;
    let generation =
        site.get("whatsappshops/toko").await.unwrap()["metadata"]["generation"].clone();
    eventually(SOON, async || {
        let now = site.get("whatsappshops/toko").await.unwrap();
        now["status"]["observedGeneration"] == generation
    })
    .await;
    let writes = site.writes_since(position);
    let others: Vec<_> = writes
        .iter()
        .filter(|w| w.subresource != "status")
        .collect();
    assert!(others.is_empty(), "{others:?}");

    site.apply(&shop("toko", "  paused: false")).await;
    site.appears("configmaps/toko-bot").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_secret_is_named_and_its_coming_is_noticed() {
    let site = Site::new("secret").await;
    site.kubectl(&["delete", "secret", "midtrans"]).await;
    let _operator = site.operator();
    site.apply(&shop("toko", "")).await;
    let message = site
        .says("toko", "SecretsFound", "False", "SecretMissing")
        .await;
    assert!(message.contains("Secret midtrans"), "{message}");
    assert!(message.contains("payments.midtrans.secretRef"), "{message}");
    site.says("toko", "Ready", "False", "SecretMissing").await;

    let create = [
        "create",
        "secret",
        "generic",
        "midtrans",
        "--from-literal=server-key=x",
    ];
    site.kubectl(&create).await;
    site.says("toko", "SecretsFound", "True", "Found").await;
    site.says("toko", "ObjectsApplied", "True", "Applied").await;
    site.assert_nothing_forbidden();
}
