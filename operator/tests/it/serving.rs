//! A shop that serves: autoscaling, rest, an API server that goes away. Its stores are real ones
//! that somebody else runs; what pods would say is written by the test.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use futures_util::TryStreamExt as _;
use kube::Api;
use kube::runtime::watcher::Config;
use kube::runtime::{WatchStreamExt as _, watcher};
use serde_json::json;
use tokio_util::task::AbortOnDropHandle;
use warung_operator::crds::WhatsAppShop;
use warung_testkit::{eventually, stores};

use crate::cluster;
use crate::harness::{SOON, Site, shop_of};

/// Stores of the manifest, as somebody else runs them.
const EXTERNAL: &str = "  database: {external: {secretRef: {name: database, key: url}}}
  redis: {external: {secretRef: {name: redis, key: urls}}}";

/// How long a shop that is well must be left alone.
const REST: Duration = Duration::from_mins(1);

/// A shop whose bots are available, as far as the API server knows.
async fn serving(site: &Site, spec: &str) {
    site.external_stores().await;
    site.apply(&shop_of("toko", EXTERNAL, spec)).await;
    site.says("toko", "DatabaseReady", "True", "Connected")
        .await;
    let job = eventually(SOON, async || {
        let jobs = site.kubectl(&["get", "jobs", "-o", "name"]).await;
        let migrates = |name: &&str| name.contains("/toko-migrate-");
        jobs.lines()
            .find(migrates)
            .map(|name| name.replace("job.batch/", "jobs/"))
    })
    .await;
    site.completes(&job).await;
    site.says("toko", "MigrationsApplied", "True", "Migrated")
        .await;
    site.appears("deployments/toko-bot").await;
    site.becomes_available("toko-bot").await;
    site.says("toko", "BotAvailable", "True", "Available").await;
    site.says("toko", "RedisReady", "True", "Formed").await;
    site.says("toko", "Ready", "True", "Serving").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shop_that_serves_is_left_alone() {
    let site = Site::new("rest").await;
    let operator = site.operator();
    serving(&site, "").await;
    site.at_rest().await;
    let position = site.server.audit_position().unwrap();
    let looks = async || {
        let metrics = operator.metrics().await;
        let of_looks = |line: &&str| line.starts_with("warung_operator_reconciles_total");
        metrics
            .lines()
            .filter(of_looks)
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    let before = looks().await;
    let end = Instant::now() + REST;
    eventually(REST + SOON, async || Instant::now() >= end).await;
    assert_ne!(looks().await, before, "nobody has looked at the shop");
    let writes = site.writes_since(position);
    assert!(writes.is_empty(), "written at rest: {writes:#?}");
    site.assert_nothing_forbidden();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_autoscaler_owns_the_number_of_bots() {
    let site = Site::new("autoscaling").await;
    let _operator = site.operator();
    serving(&site, "  bot: {replicas: 3}").await;
    let replicas =
        async || site.get("deployments/toko-bot").await.unwrap()["spec"]["replicas"].clone();
    assert_eq!(replicas().await, json!(3));

    let autoscaling = "  bot: {replicas: 3, autoscaling: {minReplicas: 2, maxReplicas: 6}}";
    site.apply(&shop_of("toko", EXTERNAL, autoscaling)).await;
    site.appears("hpa/toko-bot").await;
    site.at_rest().await;
    assert_eq!(
        replicas().await,
        json!(3),
        "the number fell when its owner changed"
    );

    // As an autoscaler does.
    site.kubectl(&["scale", "deployment", "toko-bot", "--replicas=5"])
        .await;
    let noisy = autoscaling.replace("replicas: 3", "replicas: 3, log: debug");
    site.apply(&shop_of("toko", EXTERNAL, &noisy)).await;
    eventually(SOON, async || {
        let map = site.get("configmaps/toko-bot").await.unwrap();
        map["data"].to_string().contains("debug")
    })
    .await;
    site.at_rest().await;
    assert_eq!(
        replicas().await,
        json!(5),
        "the operator fought the autoscaler"
    );
    site.assert_nothing_forbidden();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_secret_rolls_the_bots() {
    let site = Site::new("rotation").await;
    let _operator = site.operator();
    serving(&site, "").await;
    let hash = async || {
        let found = site.get("deployments/toko-bot").await.unwrap();
        found["spec"]["template"]["metadata"]["annotations"]["warung.dev/secrets-hash"].clone()
    };
    let before = hash().await;
    assert!(before.is_string());
    let patch = r#"{"stringData": {"access-token": "another"}}"#;
    site.kubectl(&["patch", "secret", "whatsapp", "-p", patch])
        .await;
    eventually(SOON, async || hash().await != before).await;
    site.says("toko", "BotAvailable", "True", "Rolling").await;
}

/// Whoever waits for `UpToDate` after a change goes on as soon as it is said once.
#[tokio::test(flavor = "multi_thread")]
async fn a_new_image_is_not_said_to_run_before_it_does() {
    let site = Site::new("image").await;
    let _operator = site.operator();
    serving(&site, "").await;
    let client = cluster::client(&site.server.kubeconfig()).await;
    let shops: Api<WhatsAppShop> = Api::namespaced(client, &site.namespace);
    let said = Arc::new(Mutex::new(Vec::new()));
    let hear = said.clone();
    let heard = watcher(shops, Config::default())
        .applied_objects()
        .try_for_each(move |shop| {
            let conditions = shop.status.unwrap_or_default().conditions;
            let wish = conditions.into_iter().find(|it| it.type_ == "UpToDate");
            let wish = wish.filter(|it| it.observed_generation >= Some(2));
            hear.lock().unwrap().extend(wish);
            std::future::ready(Ok(()))
        });
    let _heard = AbortOnDropHandle::new(tokio::spawn(heard));

    let image = r#"{"spec": {"bot": {"image": "localhost/warung-bot:2"}}}"#;
    let patch = ["patch", "shop", "toko", "--type=merge", "-p", image];
    site.kubectl(&patch).await;
    site.says("toko", "UpToDate", "False", "Migrating").await;
    let job = eventually(SOON, async || {
        let jobs = site.kubectl(&["get", "jobs", "-o", "wide"]).await;
        let line = jobs.lines().find(|line| line.contains("warung-bot:2"))?;
        line.split_whitespace()
            .next()
            .map(|it| format!("jobs/{it}"))
    })
    .await;
    site.completes(&job).await;
    site.says("toko", "UpToDate", "False", "Rolling").await;
    site.at_rest().await;
    let said = said.lock().unwrap();
    let early: Vec<_> = said.iter().filter(|it| it.status == "True").collect();
    assert!(!said.is_empty() && early.is_empty(), "{early:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_api_server_that_comes_back_finds_the_operator_at_work() {
    let directory = tempfile::tempdir().unwrap();
    let site = Site::apart(directory.path(), "outage").await;
    let server = site.server;
    let operator = site.operator();
    site.apply(&crate::harness::shop("toko", "")).await;
    site.says("toko", "ObjectsApplied", "True", "Applied").await;

    server.stop().await.unwrap();
    // Long enough that the operator must give its leadership up.
    eventually(SOON, async || operator.log().contains("no longer leading")).await;
    server.start_again().await.unwrap();
    assert!(operator.process.is_running());
    site.kubectl(&["delete", "configmap", "toko-bot"]).await;
    site.appears("configmaps/toko-bot").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unreachable_database_is_named_and_holds_nothing_else_up() {
    let site = Site::new("unreachable").await;
    let _operator = site.operator();
    site.external_stores().await;
    let url = "postgres://warung:geheim@127.0.0.1:9/warung?sslmode=disable";
    site.kubectl(&[
        "create",
        "secret",
        "generic",
        "nowhere",
        &format!("--from-literal=url={url}"),
    ])
    .await;
    let nowhere = EXTERNAL.replace("name: database", "name: nowhere");
    site.apply(&shop_of("toko", &nowhere, "")).await;
    let message = site
        .says("toko", "DatabaseReady", "False", "Unreachable")
        .await;
    assert!(message.contains("127.0.0.1:9"), "{message}");
    assert!(!message.contains("geheim"), "{message}");
    site.says("toko", "ObjectsApplied", "True", "Applied").await;
    // Mended, the shop goes on by itself.
    let url = stores().await.empty_database().await.unwrap();
    let patch = json!({"stringData": {"url": url}}).to_string();
    site.kubectl(&["patch", "secret", "nowhere", "-p", &patch])
        .await;
    site.says("toko", "DatabaseReady", "True", "Connected")
        .await;
    site.kubectl(&["delete", "whatsappshop", "toko", "--timeout=10s"])
        .await;
}

/// Somebody writes another value into a Secret of the stores.
async fn points(site: &Site, secret: &str, key: &str, url: &str) {
    let patch = json!({"stringData": {key: url}}).to_string();
    site.kubectl(&["patch", "secret", secret, "-p", &patch])
        .await;
}

const NO_DATABASE: &str = "postgres://warung:x@127.0.0.1:9/warung?sslmode=disable";
const NO_REDIS: &str = "redis://127.0.0.1:9";

#[tokio::test(flavor = "multi_thread")]
async fn a_shop_that_sells_without_redis_is_ready_and_stays_so_after_other_trouble() {
    let site = Site::new("fallback").await;
    let _operator = site.operator();
    serving(&site, "").await;
    points(&site, "redis", "urls", NO_REDIS).await;
    site.says("toko", "RedisReady", "False", "Unreachable")
        .await;
    let fallback = async || {
        let reason = "ServingWithoutRedis";
        site.says("toko", "Ready", "True", reason).await
    };
    let message = fallback().await;
    assert!(message.contains("127.0.0.1:9"), "{message}");

    // PostgreSQL goes and comes back while Redis is away.
    let database = site.get("secrets/database").await.unwrap()["data"].clone();
    points(&site, "database", "url", NO_DATABASE).await;
    site.says("toko", "Ready", "False", "Unreachable").await;
    let patch = json!({"data": database}).to_string();
    site.kubectl(&["patch", "secret", "database", "-p", &patch])
        .await;
    fallback().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_stores_of_a_shop_whose_manifest_broke_are_still_looked_at() {
    let site = Site::new("broken").await;
    let _operator = site.operator();
    serving(&site, "").await;
    site.kubectl(&["delete", "secret", "whatsapp"]).await;
    site.says("toko", "SecretsFound", "False", "SecretMissing")
        .await;
    // The bots sell on with what they have.
    let reason = "ServingAsBefore";
    let message = site.says("toko", "Ready", "True", reason).await;
    assert!(message.contains("whatsapp"), "{message}");
    let message = site
        .says("toko", "UpToDate", "False", "SecretMissing")
        .await;
    assert!(message.contains("SecretsFound"), "{message}");
    let columns = site.kubectl(&["get", "shop", "toko"]).await;
    assert!(columns.contains("True    False"), "{columns}");
    points(&site, "redis", "urls", NO_REDIS).await;
    site.says("toko", "RedisReady", "False", "Unreachable")
        .await;
    points(&site, "database", "url", NO_DATABASE).await;
    site.says("toko", "DatabaseReady", "False", "Unreachable")
        .await;

    // What nobody looks at meanwhile does not speak of a newer manifest.
    let noisy = shop_of("toko", EXTERNAL, "  bot: {log: debug}");
    site.apply(&noisy).await;
    let generations = async || {
        let shop = site.get("whatsappshops/toko").await?;
        let all = shop["status"]["conditions"].as_array().cloned();
        let all = all.unwrap_or_default();
        let of = |kind: &str| {
            let found = all.iter().find(|condition| condition["type"] == kind);
            found.and_then(|found| found["observedGeneration"].as_i64())
        };
        let now = shop["metadata"]["generation"].as_i64();
        if of("SecretsFound") == now && of("DatabaseReady") == now {
            Ok((now, of("ObjectsApplied")))
        } else {
            Err(shop["status"].to_string())
        }
    };
    let (now, applied) = eventually(SOON, generations).await;
    assert!(applied < now, "{applied:?} {now:?}");

    site.apply(&crate::harness::secrets()).await;
    site.says("toko", "SecretsFound", "True", "Found").await;
    eventually(SOON, async || {
        let (now, applied) = generations().await?;
        (applied == now).then_some(()).ok_or(format!("{applied:?}"))
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shop_whose_database_secret_is_gone_sells_on_until_its_bots_go() {
    let site = Site::new("sells-on").await;
    let _operator = site.operator();
    serving(&site, "").await;
    site.says("toko", "UpToDate", "True", "Applied").await;
    let copy = site.get("secrets/database").await.unwrap()["data"].clone();
    site.kubectl(&["delete", "secret", "database"]).await;
    site.says("toko", "UpToDate", "False", "SecretMissing")
        .await;
    site.says("toko", "Ready", "True", "ServingAsBefore").await;
    site.kubectl(&["delete", "pods", "--all", "--wait=false"])
        .await;
    let message = site.says("toko", "Ready", "False", "SecretMissing").await;
    assert!(message.contains("Secret database"), "{message}");
    let secret = json!({"apiVersion": "v1", "kind": "Secret",
        "metadata": {"name": "database"}, "data": copy});
    site.apply(&secret.to_string()).await;
    site.becomes_available("toko-bot").await;
    site.says("toko", "UpToDate", "True", "Applied").await;
    site.says("toko", "Ready", "True", "Serving").await;
}
