//! Children come, are kept as they are wanted, and go.

use std::time::Instant;

use serde_json::json;
use warung_testkit::eventually;

use crate::harness::{SOON, Site, shop};

#[tokio::test(flavor = "multi_thread")]
async fn a_shop_gets_its_children_and_says_how_it_does() {
    let site = Site::new("children").await;
    let operator = site.operator();
    operator.leads().await;
    site.apply(&shop("toko", "")).await;

    let map = site.appears("configmaps/toko-bot").await;
    let owner = &map["metadata"]["ownerReferences"][0];
    assert_eq!(
        (&owner["name"], &owner["controller"]),
        (&json!("toko"), &json!(true))
    );
    site.appears("serviceaccounts/toko-bot").await;
    site.says("toko", "ObjectsApplied", "True", "Applied").await;
    site.says("toko", "Paused", "False", "Working").await;
    let found = site.get("whatsappshops/toko").await.unwrap();
    let conditions = found["status"]["conditions"].as_array().unwrap();
    let generation = found["metadata"]["generation"].as_i64();
    assert!(generation.is_some());
    assert!(
        conditions
            .iter()
            .all(|c| c["observedGeneration"].as_i64() == generation)
    );
    let gauge = format!(
        r#"warung_shop_condition{{namespace="{}",shop="toko",status="True",type="ObjectsApplied"}} 1"#,
        site.namespace
    );
    eventually(SOON, async || operator.metrics().await.contains(&gauge)).await;

    site.kubectl(&["delete", "whatsappshop", "toko"]).await;
    site.goes("configmaps/toko-bot").await;
    eventually(SOON, async || {
        !operator.metrics().await.contains("shop=\"toko\"")
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_foreign_change_is_corrected_at_once_and_told_once() {
    let site = Site::new("foreign").await;
    let _operator = site.operator();
    site.apply(&shop("toko", "")).await;
    site.says("toko", "ObjectsApplied", "True", "Applied").await;

    let name = site.get("configmaps/toko-bot").await.unwrap()["data"]["SHOP_NAME"].clone();
    let patch = r#"{"data": {"SHOP_NAME": "Toko Maling"}}"#;
    let changed = [
        "patch",
        "configmap",
        "toko-bot",
        "--type=merge",
        "--field-manager=stranger",
        "-p",
        patch,
    ];
    let began = Instant::now();
    site.kubectl(&changed).await;
    let map = format!("/api/v1/namespaces/{}/configmaps/toko-bot", site.namespace);
    eventually(SOON, async || {
        let now = site.server.rest().get(&map).await.unwrap();
        now["data"]["SHOP_NAME"] == name
    })
    .await;
    let took = began.elapsed();
    println!("a foreign change stood for {took:?}");
    assert!(took.as_millis() < 1_000, "{took:?}");
    let told = eventually(SOON, async || {
        let events = site.events().await;
        let told: Vec<_> = events
            .into_iter()
            .filter(|e| e.starts_with("ForeignChange"))
            .collect();
        (!told.is_empty()).then_some(told)
    })
    .await;
    let note =
        "ForeignChange: stranger changed data.SHOP_NAME of ConfigMap toko-bot; it was set back";
    assert_eq!(told, [note]);

    // One that was deleted comes back.
    site.kubectl(&["delete", "configmap", "toko-bot"]).await;
    site.appears("configmaps/toko-bot").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_of_somebody_else_is_left_alone_and_named() {
    let site = Site::new("taken").await;
    site.kubectl(&["create", "configmap", "toko-bot", "--from-literal=mine=yes"])
        .await;
    let _operator = site.operator();
    site.apply(&shop("toko", "")).await;
    let message = site
        .says("toko", "ObjectsApplied", "False", "NameTaken")
        .await;
    assert!(
        message.contains("ConfigMap toko-bot exists and is not this shop's"),
        "{message}"
    );
    let map = site.get("configmaps/toko-bot").await.unwrap();
    assert_eq!(map["data"], json!({"mine": "yes"}));

    // Out of the way, the shop heals by itself.
    site.kubectl(&["delete", "configmap", "toko-bot"]).await;
    site.says("toko", "ObjectsApplied", "True", "Applied").await;
}
