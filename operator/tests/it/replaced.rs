//! A database that is lost and comes back empty under the same address: a real one, and another.

use serde_json::{Value, json};
use warung_testkit::{Postgres, PostgresOptions, StopMode, eventually, stores};

use crate::harness::{SOON, Site, shop_of};

const STORES: &str = "  database: {external: {secretRef: {name: database, key: url}}}
  redis: {external: {secretRef: {name: redis, key: urls}}}";
const BACKUP: &str = "  backup: {image: localhost/postgres:1, destination: \
    {persistentVolumeClaim: {claimName: backups}}}";

const RESTORE: &str = "
apiVersion: shops.warung.dev/v1alpha1
kind: ShopRestore
metadata: {name: balik}
spec: {shopRef: {name: toko}, backup: toko/20261124T031200Z-a, replace: true}
";

/// A new server with an empty database `toko`, on a port of one's choice.
async fn server(folder: std::path::PathBuf, port: Option<u16>) -> Postgres {
    let mut options = PostgresOptions::new(folder);
    options.port = port;
    options.durable = false;
    let server = Postgres::start(options).await.unwrap();
    server.create_database("toko").await.unwrap();
    server
}

async fn identifier(server: &Postgres) -> String {
    let mut connection = server.connect("toko").await.unwrap();
    let asked = sqlx::query_scalar("SELECT system_identifier::text FROM pg_control_system()");
    asked.fetch_one(&mut connection).await.unwrap()
}

/// The name of the Job that migrates, once there is one.
async fn migration(site: &Site) -> String {
    eventually(SOON, async || {
        let jobs = site.kubectl(&["get", "jobs", "-o", "name"]).await;
        let migrates = |name: &&str| name.contains("/toko-migrate-");
        let found = jobs.lines().find(migrates);
        found.map(|name| name.replace("job.batch/", "jobs/"))
    })
    .await
}

/// Ends a Job as a kubelet would: its pod says these last words.
async fn ends(site: &Site, job: &str, container: &str, words: &Value) {
    let status = json!({"phase": "Succeeded", "containerStatuses": [{
        "name": container, "image": "localhost/postgres:1", "imageID": "", "ready": false,
        "restartCount": 0, "state": {"terminated": {"exitCode": 0, "reason": "Completed",
            "message": words.to_string(), "finishedAt": "2026-11-24T03:12:00Z"}}}]});
    site.ends_with(&format!("jobs/{job}"), &status).await;
}

/// Lets the operator look now rather than in half a minute.
async fn nudge(site: &Site, word: &str) {
    let word = format!("nudge={word}");
    site.kubectl(&["annotate", "shop", "toko", "--overwrite", &word])
        .await;
}

async fn bots_wanted(site: &Site) -> Value {
    let bots = site.get("deployments/toko-bot").await.unwrap();
    bots["spec"]["replicas"].clone()
}

async fn is_held(site: &Site, other: &str) {
    let message = site
        .says("toko", "DatabaseReady", "False", "DatabaseReplaced")
        .await;
    let word = format!("kubectl annotate shop toko --overwrite warung.dev/accept-database={other}");
    assert!(message.contains(&word), "{message}");
    site.says("toko", "BotAvailable", "False", "DatabaseReplaced")
        .await;
    site.says("toko", "Ready", "False", "DatabaseReplaced")
        .await;
    eventually(SOON, async || bots_wanted(site).await == 0).await;
    let shop = site.get("whatsappshops/toko").await.unwrap();
    assert_eq!(shop["status"]["migratedImage"], Value::Null);
    let schedule = site.get("cronjobs/toko-backup").await.unwrap();
    assert_eq!(
        schedule["spec"]["suspend"], true,
        "an empty shop is backed up"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_comes_back_empty_holds_its_shop_until_somebody_says_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let first = server(folder.path().join("first"), None).await;
    let port = Some(first.port());
    let site = Site::new("replaced").await;
    let _operator = site.operator();
    let secret = |name: &str, key: &str, value: &str| {
        json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name},
            "stringData": {key: value}})
        .to_string()
    };
    site.apply(&secret("database", "url", &first.url("toko")))
        .await;
    let redis = stores().await.redis.urls().join(",");
    site.apply(&secret("redis", "urls", &redis)).await;
    site.apply(&shop_of("toko", STORES, BACKUP)).await;
    site.completes(&migration(&site).await).await;
    site.appears("deployments/toko-bot").await;
    assert_eq!(bots_wanted(&site).await, 2);
    let shop = site.get("whatsappshops/toko").await.unwrap();
    let recorded = &shop["status"]["database"]["systemIdentifier"];
    assert_eq!(*recorded, json!(identifier(&first).await));

    first.stop(StopMode::Fast).await.unwrap();
    let second = server(folder.path().join("second"), port).await;
    nudge(&site, "second").await;
    is_held(&site, &identifier(&second).await).await;

    // A restore that began after the loss brings the data back, and the shop goes on.
    site.apply(RESTORE).await;
    let report = json!({"kind": "restore", "backup": "toko/20261124T031200Z-a", "rows": 12});
    ends(&site, "balik", "restore", &report).await;
    let mut connection = second.connect("toko").await.unwrap();
    let tables = sqlx::query("CREATE TABLE _sqlx_migrations ()");
    tables.execute(&mut connection).await.unwrap();
    drop(connection);
    let report = json!({"kind": "migrate", "version": 7});
    ends(&site, "balik-migrate", "migrate", &report).await;
    site.says("toko", "DatabaseReady", "True", "Connected")
        .await;
    eventually(SOON, async || bots_wanted(&site).await == 2).await;
    site.completes(&migration(&site).await).await;
    site.says("toko", "MigrationsApplied", "True", "Migrated")
        .await;

    // Lost again; this time a person says that the shop begins empty. It does once it is migrated.
    second.stop(StopMode::Fast).await.unwrap();
    let third = server(folder.path().join("third"), port).await;
    nudge(&site, "third").await;
    let other = identifier(&third).await;
    is_held(&site, &other).await;
    let word = format!("warung.dev/accept-database={other}");
    site.kubectl(&["annotate", "shop", "toko", "--overwrite", &word])
        .await;
    site.says("toko", "DatabaseReady", "True", "Connected")
        .await;
    let job = migration(&site).await;
    site.says("toko", "BotAvailable", "False", "Waiting").await;
    assert_eq!(bots_wanted(&site).await, 0, "bots before their tables");
    site.completes(&job).await;
    eventually(SOON, async || bots_wanted(&site).await == 2).await;
    site.assert_nothing_forbidden();
}
