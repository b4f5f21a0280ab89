//! A backup, its proof, the loss of the database, and the way back.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use crate::bed::{Bed, SHOPS};
use crate::shop::{NAME, Shop, holds, ready};

/// How long a backup, its verification or a restore may take.
const STEP_LIMIT: Duration = Duration::from_mins(3);

/// Folder of the managed PostgreSQL's socket.
const SOCKETS: &str = "/tmp";

const BACKUP: &str = "
apiVersion: shops.warung.dev/v1alpha1
kind: ShopBackup
metadata: {name: before-the-loss}
spec: {shopRef: {name: toko-sari}, verify: true}
";

const RESTORE: &str = "
apiVersion: shops.warung.dev/v1alpha1
kind: ShopRestore
metadata: {name: after-the-loss}
spec: {shopRef: {name: toko-sari}, newestVerified: true, replace: true}
";

/// Plays it; returns each step with how long it took.
pub(crate) async fn run(bed: &Bed, shop: &Shop) -> Result<Vec<(&'static str, Duration)>> {
    let mut steps = Vec::new();
    bed.kubectl.apply(BACKUP, SHOPS).await?;
    let wait = |name: &'static str, kind, object, condition| async move {
        bed.until(name, STEP_LIMIT, async || {
            holds(&bed.get(kind, object).await?, condition)
        })
        .await
    };
    let took = wait("backup", "shopbackup", "before-the-loss", "Complete").await?;
    steps.push(("backup written", took));
    let took = wait("proof", "shopbackup", "before-the-loss", "Verified").await?;
    steps.push(("backup verified", took));
    let before = orders(bed).await?;
    ensure!(before > 0, "no orders before the loss");

    steps.push(("database lost, an empty one up", lose(bed).await?));
    bed.kubectl.apply(RESTORE, SHOPS).await?;
    let took = wait("restore", "shoprestore", "after-the-loss", "Complete").await?;
    steps.push(("restored", took));
    let took = bed.until("the shop sells", STEP_LIMIT, async || ready(bed).await);
    steps.push(("shop ready again", took.await?));

    let after = orders(bed).await?;
    ensure!(
        after == before,
        "{before} orders before the loss, {after} after"
    );
    let bot = format!("deploy/{NAME}-bot");
    let audit = ["exec", "-n", SHOPS, &bot, "--", "/warung-bot", "audit"];
    bed.kubectl.run(audit).await.context("the books")?;
    steps.push((
        "purchase after the restore",
        shop.buys("6281210001002", false).await?,
    ));
    Ok(steps)
}

/// Throws the database's volume away; returns how long until an empty one is up and the shop is
/// held, so that nobody sells from it.
async fn lose(bed: &Bed) -> Result<Duration> {
    let begun = Instant::now();
    let set = format!("{NAME}-postgres");
    let (claim, pod) = (format!("data-{set}-0"), format!("{set}-0"));
    let uid = bed.get("pod", &pod).await?["metadata"]["uid"].clone();
    let delete = ["delete", "pvc", &claim, "-n", SHOPS, "--wait=false"];
    bed.kubectl.run(delete).await?;
    let kill = [
        "delete",
        "pod",
        &pod,
        "-n",
        SHOPS,
        "--grace-period=0",
        "--force",
    ];
    bed.kubectl.run(kill).await?;
    bed.until("an empty database", STEP_LIMIT, async || {
        let now = bed.get("pod", &pod).await?;
        ensure!(now["metadata"]["uid"] != uid, "the old pod is still there");
        let shop = bed.get("shop", NAME).await?;
        let held = r#""reason":"DatabaseReplaced""#;
        let said = shop["status"]["conditions"].to_string();
        ensure!(said.contains(held), "the shop is not held: {said}");
        ensure!(sql(bed, "SELECT 1").await? == "1", "no answer");
        ensure!(
            sql(bed, "SELECT coalesce(to_regclass('orders')::text, 'gone')").await? == "gone",
            "the data is still there"
        );
        Ok(())
    })
    .await?;
    Ok(begun.elapsed())
}

async fn orders(bed: &Bed) -> Result<i64> {
    Ok(sql(bed, "SELECT count(*) FROM orders").await?.parse()?)
}

async fn sql(bed: &Bed, statement: &str) -> Result<String> {
    let pod = format!("{NAME}-postgres-0");
    let psql = [
        "psql", "-h", SOCKETS, "-U", "postgres", "-d", "warung", "-Atc",
    ];
    let exec = ["exec", "-n", SHOPS, &pod, "--"];
    bed.kubectl
        .run(exec.into_iter().chain(psql).chain([statement]))
        .await
}
