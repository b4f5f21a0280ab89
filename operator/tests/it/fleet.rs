//! Many shops, one of them bad.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use serde_json::Value;
use warung_testkit::eventually;

use crate::harness::{Site, shop};

/// Shops of the fleet.
const SHOPS: usize = 200;
/// How long they may take on a machine with two cores that does other things too.
const LIMIT: Duration = Duration::from_mins(8);
/// Most memory of the operator, in KiB.
const MEMORY: u64 = 50 * 1024;

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
    assert!(own < MEMORY, "{own} KiB");
    site.assert_nothing_forbidden();
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
