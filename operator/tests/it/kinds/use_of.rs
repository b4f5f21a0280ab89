//! What people and programs do with the kinds: read the manual, list, select, scale, take defaults.

use std::path::Path;

use serde_json::{Value, json};
use warung_testkit::kubernetes::ApiServer;

use super::manifests::{backups_to_s3, edited, shop};
use super::rules::{Answer, create};
use crate::cluster::{admits, client, server};

#[tokio::test]
async fn the_defaults_are_those_of_the_types() {
    let server = server().await;
    let client = client(&server.kubeconfig()).await;
    let edits = [
        ("backup", backups_to_s3()),
        ("bot.autoscaling", json!({"maxReplicas": 4})),
    ];
    for manifest in [shop(), edited(shop(), &edits)] {
        let Answer::Taken(object) = create(&client, "default", &manifest).await else {
            panic!("the manifest is refused");
        };
        let of_server = object.data["spec"].clone();
        let typed: warung_operator::crds::WhatsAppShop =
            serde_json::from_value(manifest).expect("the manifest fits the type");
        let of_types = serde_json::to_value(typed.spec).expect("JSON");
        assert_eq!(of_server, of_types);
    }
}

#[tokio::test]
async fn explain_reads_like_a_manual() {
    let server = server().await;
    let explained = [
        ("shop.spec", "The shop's own PostgreSQL database"),
        (
            "whatsappshop.spec.bot.topology",
            "one Deployment takes webhooks",
        ),
        (
            "shop.spec.redis.managed.shards",
            "Locks need at least three",
        ),
        (
            "shop.spec.backup.destination.s3.prefix",
            "below which the shops' folders lie",
        ),
        ("shop.status.conditions", "observedGeneration"),
        ("sbk.status", "Size of the encrypted data"),
        (
            "srs.spec.replace",
            "only an empty database is restored into",
        ),
    ];
    for (path, says) in explained {
        let text = server.kubectl(["explain", path]).await.expect("explained");
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(text.contains(says), "{path}: {text}");
    }
}

#[tokio::test]
async fn a_shop_is_listed_selected_and_scaled() {
    let server = server().await;
    let namespace = server.namespace("use").await.expect("a namespace");
    let kubectl = async |line: &str| {
        let words = line.split(' ').map(str::to_owned);
        server
            .kubectl(words.chain(["-n".to_owned(), namespace.clone()]))
            .await
    };
    two_shops(server, &namespace).await;
    let list = kubectl("get shop toko").await.expect("listed");
    let (head, line) = list.split_once('\n').expect("two lines");
    let heads: Vec<_> = head.split_whitespace().collect();
    let expected = [
        "NAME",
        "READY",
        "UP-TO-DATE",
        "REASON",
        "BOTS",
        "REDIS",
        "LAST-VERIFIED-BACKUP",
        "AGE",
    ];
    assert_eq!(heads, expected);
    let cells: Vec<_> = line.split_whitespace().collect();
    assert_eq!(
        cells[..6],
        ["toko", "True", "True", "Serving", "2/2", "Formed"]
    );
    for word in ["shops", "whatsappshops", "warung", "all"] {
        let names = kubectl(&format!("get {word} -o name"))
            .await
            .expect("listed");
        assert!(
            names.contains("whatsappshop.shops.warung.dev/kopi"),
            "{word}: {names}"
        );
    }
    let select = "get shop -o name --field-selector spec.whatsapp.cloud.phoneNumberId=555555555";
    let names = kubectl(select).await.expect("selected");
    assert_eq!(names, "whatsappshop.shops.warung.dev/kopi");

    kubectl("scale shop/toko --replicas=5")
        .await
        .expect("scaled");
    let replicas = kubectl("get shop toko -o jsonpath={.spec.bot.replicas}").await;
    assert_eq!(replicas.expect("read"), "5");
    let refused = kubectl("scale shop/toko --replicas=50")
        .await
        .expect_err("too many");
    assert!(
        refused
            .to_string()
            .contains("too many bots for the database"),
        "{refused}"
    );
}

/// Makes the shops `toko`, with a status as the operator writes it, and `kopi`.
async fn two_shops(server: &ApiServer, namespace: &str) {
    for (name, number) in [("toko", "123456789"), ("kopi", "555555555")] {
        let edits = [
            (".metadata.name", json!(name)),
            ("whatsapp.cloud.phoneNumberId", json!(number)),
        ];
        let text = edited(shop(), &edits).to_string();
        server.apply(&text, namespace).await.expect("applied");
    }
    let status = json!({"status": {
        "bots": "2/2", "replicas": 2, "selector": "app.kubernetes.io/component=bot",
        "lastVerifiedBackup": {"name": "n", "backup": "b", "finishedAt": "2026-01-01T00:00:00Z"},
        "conditions": [
            condition("Ready", "True", "Serving"), condition("UpToDate", "True", "Applied"),
            condition("RedisReady", "True", "Formed")],
    }});
    let patch = [
        "patch",
        "shop",
        "toko",
        "--subresource=status",
        "--type=merge",
        "-n",
        namespace,
        "-p",
    ];
    let text = status.to_string();
    server
        .kubectl(patch.into_iter().chain([text.as_str()]))
        .await
        .expect("patched");
}

fn condition(kind: &str, status: &str, reason: &str) -> Value {
    json!({
        "type": kind, "status": status, "reason": reason, "message": "",
        "lastTransitionTime": "2026-01-01T00:00:00Z",
    })
}

#[tokio::test]
async fn a_choice_is_changed_by_the_manifest_alone() {
    let server = server().await;
    let namespace = server.namespace("choice").await.expect("a namespace");
    let secret = json!({"name": "s", "key": "k"});
    let volume = json!({"persistentVolumeClaim": {"storage": {"size": "5Gi"}}});
    let claim = json!({"persistentVolumeClaim": {"claimName": "backups"}});
    let ingress = json!({"host": "toko.example.com", "ingressClassName": "nginx"});
    let gateway = json!({"host": "toko.example.com", "gatewayRef": {"name": "web"}});
    let before = [
        ("backup", json!({"destination": volume})),
        ("expose", ingress),
    ];
    let after = [
        ("redis", json!({"external": {"secretRef": secret}})),
        ("backup", json!({"destination": claim})),
        ("expose", gateway),
    ];
    // What the server filled in must not stay behind when whoever applies changes their mind.
    for edits in [&before[..], &after[..], &before[..]] {
        let text = edited(shop(), edits).to_string();
        let applied = server.apply(&text, &namespace).await;
        applied.expect("the other choice is taken");
    }
}

#[tokio::test]
async fn the_samples_are_taken_as_they_are() {
    let server = server().await;
    let namespace = server.namespace("samples").await.expect("a namespace");
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/samples");
    let mut samples = 0;
    for file in std::fs::read_dir(folder).expect("docs/samples") {
        let path = file.expect("a file").path();
        let text = std::fs::read_to_string(&path).expect("a text");
        let name = path.display().to_string();
        let command = [
            "apply",
            "--dry-run=server",
            "--validate=strict",
            "-n",
            &namespace,
            "-f",
            &name,
        ];
        let applied = server.kubectl(command).await;
        assert!(applied.is_ok(), "{name}: {}", applied.unwrap_err());
        for part in text.split("\n---\n") {
            let object: Value = serde_saphyr::from_str(part).expect("YAML");
            let template = &object["spec"]["template"];
            if template.is_object() {
                let admitted = admits(server, &namespace, template).await;
                assert!(admitted.is_ok(), "{name}: {}", admitted.unwrap_err());
            }
            if object["kind"] != "WhatsAppShop" {
                continue;
            }
            let shop: warung_operator::crds::WhatsAppShop =
                serde_saphyr::from_str(part).expect("the manifest fits the type");
            shop.validate_cel().expect("the rules hold");
            samples += 1;
        }
    }
    assert_eq!(samples, 5, "one shop for each sample");
}
