//! Databases that take a connection and never say a word.

use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tokio::io::AsyncReadExt as _;
use tokio::net::TcpListener;
use warung_testkit::eventually;

use crate::harness::{SOON, Site, shop, shop_of};

/// Shops with such a database.
const BAD: usize = 20;
/// Looks that the operator takes at once unless it is told otherwise.
const AT_ONCE: usize = 8;
/// How long a good shop may take among them. One turn of all bad ones, eight at a time, takes
/// longer.
const LIMIT: Duration = Duration::from_secs(10);

/// Takes every connection and never answers.
struct Silent {
    port: u16,
    open: Arc<AtomicUsize>,
    most: Arc<AtomicUsize>,
}

impl Silent {
    async fn listen() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let silent = Self {
            port: listener.local_addr().unwrap().port(),
            open: Arc::default(),
            most: Arc::default(),
        };
        let (open, most) = (silent.open.clone(), silent.most.clone());
        tokio::spawn(async move {
            while let Ok((mut connection, _)) = listener.accept().await {
                let open = open.clone();
                most.fetch_max(open.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                tokio::spawn(async move {
                    let mut ignored = [0; 1_024];
                    while connection.read(&mut ignored).await.is_ok_and(|n| n > 0) {}
                    open.fetch_sub(1, Ordering::SeqCst);
                });
            }
        });
        silent
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn twenty_databases_that_hang_cost_a_good_shop_nothing() {
    let silent = Silent::listen().await;
    let site = Site::new("slow").await;
    let operator = site.operator();
    operator.leads().await;
    site.external_stores().await;
    let url = format!("postgres://a:b@127.0.0.1:{}/c?sslmode=disable", silent.port);
    let url = format!("--from-literal=url={url}");
    site.kubectl(&["create", "secret", "generic", "silent", &url])
        .await;
    let stores = "  database: {external: {secretRef: {name: silent, key: url}}}
  redis: {external: {secretRef: {name: redis, key: urls}}}";
    let mut manifests = String::new();
    for number in 0..BAD {
        let one = shop_of(&format!("bad-{number}"), stores, "");
        let one = one.replace("1000001", &format!("{}", 1_000_100 + number));
        write!(manifests, "---{one}").unwrap();
    }
    site.apply(&manifests).await;
    // Known to be slow, they hang all at the same time and hold nobody up.
    eventually(SOON * 2, async || {
        let most = silent.most.load(Ordering::SeqCst);
        (most > AT_ONCE + 4)
            .then_some(())
            .ok_or_else(|| format!("{most} hang at once"))
    })
    .await;
    // Every one of them is looked at anew.
    site.kubectl(&["annotate", "whatsappshops", "--all", "looked=again"])
        .await;
    let began = Instant::now();
    site.apply(&shop("toko", "")).await;
    site.says("toko", "ObjectsApplied", "True", "Applied").await;
    let took = began.elapsed();
    println!("a good shop was there after {took:?}");
    assert!(took < LIMIT, "{took:?}");
    let metrics = operator.metrics().await;
    for lane in ["quick", "slow"] {
        for figure in ["depth", "oldest_seconds"] {
            let line = format!("warung_operator_queue_{figure}{{lane=\"{lane}\"}}");
            assert!(metrics.contains(&line), "{metrics}");
        }
    }
    site.assert_nothing_forbidden();
}
