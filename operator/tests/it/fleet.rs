//! Many shops: one of them bad; and how much memory a thousand take (`make bench-operator`).

use std::collections::HashSet;
use std::fmt::Write as _;
use std::time::{Duration, Instant};

use futures_util::TryStreamExt as _;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::batch::v1::Job;
use kube::api::{Patch, PatchParams};
use kube::runtime::watcher::Config;
use kube::runtime::{WatchStreamExt as _, watcher};
use kube::{Api, Client};
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio_util::task::AbortOnDropHandle;
use warung_testkit::eventually;

use crate::harness::{Operator, SOON, Site, shop, shop_of};
use crate::{cluster, rights};

/// Shops of the fleet.
const SHOPS: usize = 200;
/// Shops whose memory is measured.
const MANY: usize = 1_000;
/// Shops in one call of kubectl.
const BATCH: usize = 250;
/// How long those may take: every look is a dozen writes, and the API server shares the machine.
const LONG: Duration = Duration::from_mins(40);
/// The operator's memory is read this long after nothing changed any more.
const CALM: Duration = Duration::from_mins(2);
/// How long they may take on a machine with two cores that does other things too.
const LIMIT: Duration = Duration::from_mins(8);
/// Most memory of the operator with a thousand shops, in KiB.
const MEMORY: u64 = 50 * 1024;
/// Most memory of its own of the unoptimised program with [`SHOPS`], in KiB. It had 43 MiB on a
/// machine at work and 55 on one with ten times the load it has processors for, where more looks
/// go on at once: so this finds a shop that costs some 180 KiB too much, and no busy machine.
const UNOPTIMISED: u64 = 80 * 1024;

#[tokio::test(flavor = "multi_thread")]
async fn one_bad_shop_of_two_hundred_costs_the_others_nothing() {
    let site = Site::new("fleet").await;
    let operator = site.operator();
    operator.leads().await;
    let mut manifests = String::new();
    for number in 0..SHOPS {
        let one = shop(&format!("toko-{number}"), "");
        let one = one.replace("1000001", &format!("{}", 1_000_000 + number));
        let one = if number == 0 {
            one.replace("secretRef: {name: midtrans}", "secretRef: {name: missing}")
        } else {
            one
        };
        write!(manifests, "---{one}").unwrap();
    }
    let began = Instant::now();
    site.apply(&manifests).await;
    println!("{SHOPS} shops were written within {:?}", began.elapsed());
    let path = format!(
        "/apis/shops.warung.dev/v1alpha1/namespaces/{}/whatsappshops",
        site.namespace
    );
    eventually(LIMIT, async || {
        let listed = site
            .server
            .rest()
            .get(&path)
            .await
            .map_err(|e| e.to_string())?;
        let all = listed["items"].as_array().cloned().unwrap_or_default();
        let applied = all
            .iter()
            .filter(|shop| says(shop, "ObjectsApplied", "True"))
            .count();
        let bad = all
            .iter()
            .filter(|shop| says(shop, "SecretsFound", "False"))
            .count();
        if (applied, bad) == (SHOPS - 1, 1) {
            Ok(())
        } else {
            Err(format!("{applied} shops are there, {bad} are bad"))
        }
    })
    .await;
    let took = began.elapsed();
    let pid = operator.process.pid();
    let (all, own) = (memory(pid, "VmRSS:"), memory(pid, "RssAnon:"));
    println!("{SHOPS} shops were looked after within {took:?}; {all} KiB resident, {own} its own");
    // The rest is the program itself, which is big without optimisation.
    assert!(own < UNOPTIMISED, "{own} KiB");
    site.assert_nothing_forbidden();
}

/// Shops on stores of somebody else, looked after by the program as it is shipped, in every
/// namespace. Their migrations are said to be done, so that each comes to have bots; nothing runs
/// them. Then it is started anew and finds them all.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "a measurement, which `make bench-operator` makes with the release build"]
async fn a_thousand_shops_fit_into_fifty_megabytes() {
    let site = Site::new("thousand").await;
    let account = rights::chart_account(site.server, &site.namespace, &[]).await;
    site.external_stores().await;
    let operator = site.released_operator(&account);
    operator.leads().await;
    let before = memory(operator.process.pid(), "VmRSS:");
    let stores = "  database: {external: {secretRef: {name: database, key: url}}}
  redis: {external: {secretRef: {name: redis, key: urls}}}";
    let client = cluster::client(&site.server.kubeconfig()).await;
    let (sender, mut bots) = watch::channel(0);
    let migrating = migrate_all(client, site.namespace.clone(), sender);
    let _migrating = AbortOnDropHandle::new(tokio::spawn(migrating));
    let began = Instant::now();
    for first in (0..MANY).step_by(BATCH) {
        let one = |number: usize| {
            let one = shop_of(&format!("toko-{number}"), stores, "  bot: {replicas: 1}");
            let id = (1_000_000 + number).to_string();
            format!("---{}", one.replace("1000001", &id))
        };
        let batch: String = (first..(first + BATCH).min(MANY)).map(one).collect();
        site.apply(&batch).await;
    }
    println!("{MANY} shops were written within {:?}", began.elapsed());
    let bots = bots.wait_for(|count| *count == MANY);
    let all = tokio::time::timeout(LONG, bots).await;
    all.expect("not within the limit").unwrap();
    let took = began.elapsed();
    println!("{MANY} shops had stores, tables and bots after {took:?}");
    let (all, most) = settled(&operator).await;
    let own = memory(operator.process.pid(), "RssAnon:");
    println!("{before} KiB before, {all} KiB after ({own} its own), {most} KiB at most");
    drop(operator);
    let again = site.released_operator(&account);
    again.leads().await;
    let (found, most) = settled(&again).await;
    println!("{found} KiB after another start, {most} KiB at most");
    assert!(all.max(found) < MEMORY, "{all} KiB, {found} KiB");
    rights::assert_nothing_forbidden(site.server, &site.namespace, 0);
}

/// Resident memory when nothing has changed for a while, and the most until then, in KiB.
async fn settled(operator: &Operator) -> (u64, u64) {
    let calm = Instant::now() + CALM;
    eventually(CALM + SOON, async || Instant::now() >= calm).await;
    let pid = operator.process.pid();
    (memory(pid, "VmRSS:"), memory(pid, "VmHWM:"))
}

/// Says of every migration that it is done, as soon as its Job is there; counts the Deployments of
/// bots that come after.
async fn migrate_all(client: Client, namespace: String, bots: watch::Sender<usize>) {
    let jobs: Api<Job> = Api::namespaced(client.clone(), &namespace);
    let complete = |job: Job| {
        let jobs = jobs.clone();
        async move {
            let status = job.status.unwrap_or_default();
            if status.completion_time.is_some() {
                return Ok(());
            }
            let Some(now) = status.start_time else {
                // Its controller has not seen it yet; it comes again.
                return Ok(());
            };
            let condition =
                |kind: &str| json!({"type": kind, "status": "True", "lastTransitionTime": now});
            let done = json!({"status": {
                "startTime": now, "completionTime": now, "succeeded": 1, "active": 0,
                "conditions": [condition("SuccessCriteriaMet"), condition("Complete")],
            }});
            let name = job.metadata.name.unwrap_or_default();
            let (done, params) = (Patch::Merge(done), PatchParams::default());
            let patched = jobs.patch_status(&name, &params, &done).await;
            patched
                .map(drop)
                .map_err(|error| format!("{name}: {error}"))
        }
    };
    let completed = watcher(jobs.clone(), Config::default())
        .applied_objects()
        .map_err(|error| error.to_string())
        .try_for_each(complete);
    let deployments: Api<Deployment> = Api::namespaced(client, &namespace);
    let mut seen = HashSet::new();
    let counted = watcher(deployments, Config::default())
        .applied_objects()
        .map_err(|error| error.to_string())
        .try_for_each(|deployment| {
            seen.insert(deployment.metadata.name);
            bots.send_replace(seen.len());
            std::future::ready(Ok(()))
        });
    tokio::try_join!(completed, counted).unwrap();
}

fn says(shop: &Value, kind: &str, status: &str) -> bool {
    let conditions = shop["status"]["conditions"].as_array();
    let mut of_kind = conditions
        .into_iter()
        .flatten()
        .filter(|c| c["type"] == kind);
    of_kind.any(|condition| condition["status"] == status)
}

/// A figure of a process's memory, in KiB.
fn memory(pid: u32, figure: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status
        .lines()
        .find(|line| line.starts_with(figure))
        .unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}
