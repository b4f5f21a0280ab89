//! A PostgreSQL that CloudNativePG runs, against the kind's real definition. Its operator does not
//! run: what it would write is written by the story.

use std::time::Duration;

use serde_json::{Value, json};
use warung_testkit::eventually;
use warung_testkit::kubernetes::{ApiServer, Programs};

use crate::harness::{SOON, Site, shop_of};

/// As `scripts/kubernetes api` keeps it.
const DEFINITION: &str = "cloudnative-pg-clusters-1.27.0.yaml";
/// A look waits for a server whose name nobody knows here, and the next one for that.
const LATER: Duration = Duration::from_mins(2);
/// The operator looks once a minute which kinds there are.
const KINDS_ARE_KNOWN: Duration = Duration::from_secs(100);
/// What the operator makes of the sample with a Cluster.
const GOLDEN: &str = include_str!("../golden/highly-available.yaml");

fn manifest(database: &str) -> String {
    let stores = format!("  database: {{cloudNativePG: {database}}}\n  redis: {{managed: {{}}}}");
    shop_of("toko", &stores, "")
}

async fn definition(server: &ApiServer) {
    let file = Programs::of_this_machine().find(DEFINITION, "api").unwrap();
    let file = file.display().to_string();
    let apply = ["apply", "--server-side", "-f", &file];
    server.kubectl(apply).await.unwrap();
    let established = "--for=condition=Established";
    let name = "clusters.postgresql.cnpg.io";
    let wait = ["wait", established, "--timeout=30s", "crd", name];
    // kubectl does not wait for what has no conditions yet.
    eventually(SOON, async || {
        let waited = server.kubectl(wait).await;
        waited.map(drop).map_err(|error| format!("{error:#}"))
    })
    .await;
}

/// The API server takes the object with every field that it has.
async fn is_taken_strictly(site: &Site, object: &str) {
    let file = site.server.directory().join("strict.yaml");
    std::fs::write(&file, object).unwrap();
    let file = file.display().to_string();
    let (dry, strict) = ("--dry-run=server", "--validate=strict");
    let manager = "--field-manager=strict";
    let apply = ["apply", "--server-side", dry, strict, manager, "-f", &file];
    site.kubectl(&apply).await;
}

async fn cluster_says(site: &Site, pointer: &str, wanted: &Value) {
    eventually(LATER, async || {
        let now = site
            .get("clusters.postgresql.cnpg.io/toko-postgres")
            .await?;
        let found = now.pointer(pointer).unwrap_or(&Value::Null);
        (found == wanted)
            .then_some(())
            .ok_or(format!("{pointer} is {found}"))
    })
    .await;
}

/// As CloudNativePG would say it.
async fn gets_its_first_server(site: &Site) {
    let secret = "apiVersion: v1
kind: Secret
metadata: {name: toko-postgres-ca}
stringData: {ca.crt: \"PEM\"}";
    let pem = rcgen::generate_simple_self_signed(["toko".to_owned()]).unwrap();
    let pem = pem.cert.pem().replace('\n', "\\n");
    site.apply(&secret.replace("PEM", &pem)).await;
    let ready = json!({"instances": 2, "readyInstances": 1, "currentPrimary": "toko-postgres-1",
        "phase": "Cluster in healthy state"});
    site.set_status("clusters.postgresql.cnpg.io/toko-postgres", &ready)
        .await;
    let message = site
        .says("toko", "DatabaseReady", "False", "Unreachable")
        .await;
    assert!(message.contains("toko-postgres-rw"), "{message}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_of_cloudnativepg_is_asked_for_made_and_kept_as_the_manifest_says() {
    let directory = tempfile::tempdir().unwrap();
    let site = Site::apart(directory.path(), "cnpg").await;
    let server = site.server;
    let _operator = site.operator();
    site.apply(&manifest("{instances: 2, storage: {size: 5Gi}}"))
        .await;
    let message = site
        .says("toko", "DatabaseReady", "False", "OperatorMissing")
        .await;
    assert!(message.contains("install CloudNativePG"), "{message}");

    definition(server).await;
    let golden = GOLDEN.split("\n---\n");
    let mut clusters = golden.filter(|object| object.contains("\nkind: Cluster\n"));
    let elsewhere = format!("\n  namespace: {}\n", site.namespace);
    let sample = clusters.next().unwrap();
    is_taken_strictly(&site, &sample.replace("\n  namespace: shops\n", &elsewhere)).await;
    eventually(KINDS_ARE_KNOWN, async || {
        site.get("clusters.postgresql.cnpg.io/toko-postgres").await
    })
    .await;
    site.says("toko", "DatabaseReady", "False", "Starting")
        .await;
    cluster_says(&site, "/spec/instances", &json!(2)).await;
    let owners = async || {
        let now = site.get("clusters.postgresql.cnpg.io/toko-postgres").await;
        now.unwrap()["metadata"]["ownerReferences"].clone()
    };
    assert!(owners().await.is_null(), "it must outlive the shop");

    gets_its_first_server(&site).await;

    // Under Retain it is nobody's, and follows the manifest all the same.
    let image = "ghcr.io/cloudnative-pg/postgresql:17.6";
    let more = format!("{{instances: 3, storage: {{size: 8Gi}}, image: \"{image}\"}}");
    site.apply(&manifest(&more)).await;
    cluster_says(&site, "/spec/instances", &json!(3)).await;
    cluster_says(&site, "/spec/storage/size", &json!("8Gi")).await;
    cluster_says(&site, "/spec/imageName", &json!(image)).await;
    cluster_says(&site, "/status/currentPrimary", &json!("toko-postgres-1")).await;
    // Somebody else's hand is set back, as with every child.
    let patch = r#"{"spec": {"instances": 1}}"#;
    let cluster = "clusters.postgresql.cnpg.io";
    let by_hand = [
        "patch",
        cluster,
        "toko-postgres",
        "--type=merge",
        "-p",
        patch,
    ];
    site.kubectl(&by_hand).await;
    cluster_says(&site, "/spec/instances", &json!(3)).await;
    site.at_rest().await;
    assert!(owners().await.is_null());
    site.kubectl(&["delete", "whatsappshop", "toko"]).await;
    site.goes("deployments/toko-bot").await;
    let now = site.get("clusters.postgresql.cnpg.io/toko-postgres").await;
    assert!(now.unwrap()["metadata"]["deletionTimestamp"].is_null());
    site.assert_nothing_forbidden();
}
