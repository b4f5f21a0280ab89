//! The Redis room against real servers.

#![expect(
    clippy::unwrap_used,
    reason = "a story that cannot go on fails by panicking"
)]

mod bed;
mod changes;
mod faults;
mod shop;
mod tls;

use std::time::{Duration, Instant};

use warung_operator::redis::external::{External, Unfit, verify};
use warung_operator::redis::{self as room, Credentials, Node, Step, Takeover, Verdict};
use warung_testkit::eventually;

use self::bed::{Bed, PORT, name};
use self::shop::Shop;

const SOON: Duration = Duration::from_secs(30);
const LATER: Duration = Duration::from_secs(90);

#[tokio::test]
async fn three_shards_with_a_replica_each_are_formed_and_then_left_alone() {
    let shop = Shop::formed(3, 1).await;
    let plan = shop.pass().await;
    assert_eq!(plan.verdict, Verdict::Settled);
    assert_eq!(plan.memory, shop.memory());
    assert!(plan.report.findings.data_safe.0);
    assert!(plan.report.formed);
    assert_eq!((plan.report.primaries, plan.report.known_nodes), (3, 6));
    for shard in &plan.report.shards {
        assert_eq!(shard.synced, 1);
        assert_eq!(shard.primary, Some(name(shard.shard, 0)));
    }
    let mut customer = shop.customer();
    let written = customer.fills(100).await;
    assert_eq!(customer.misses(&written).await, 0);
    assert!(shop.bed.probe(&name(1, 1)).await);

    // Whoever lost the lead gives no command.
    let step = Step::Failover {
        at: node(&shop, &name(0, 1)),
        mode: Takeover::Alone,
    };
    let lost = || anyhow::bail!("somebody else leads");
    let refused = room::act(&[step], &Bed::credentials(), &lost).await;
    assert_eq!(refused.unwrap_err().to_string(), "somebody else leads");
    assert_eq!(shop.pass().await.verdict, Verdict::Settled);

    // As somebody else's cluster it will do too.
    let urls = ["redis://127.0.0.1:1".to_owned(), url(&shop, &name(2, 1))];
    let fit = External {
        primaries: 3,
        bare_primaries: 0,
    };
    assert_eq!(
        verify(&urls, Some(&Bed::credentials()), None).await,
        Ok(fit)
    );
    let wrong = Credentials {
        password: "salah".to_owned(),
        ..Bed::credentials()
    };
    assert!(matches!(
        verify(&urls, Some(&wrong), None).await,
        Err(Unfit::Refused(_))
    ));
    let nobody = verify(&urls[..1], None, None).await;
    assert!(matches!(nobody, Err(Unfit::Unreachable(_))), "{nobody:?}");
}

fn url(shop: &Shop, pod: &str) -> String {
    format!("redis://{}:{PORT}", shop.bed.pod(pod).ip.unwrap())
}

/// A pod as a plan would name it.
fn node(shop: &Shop, pod: &str) -> Node {
    let memory = shop.memory();
    let mut homes = memory.nodes.into_iter();
    let (id, _) = homes.find(|(_, home)| home.pod == pod).unwrap();
    let pod = shop.bed.pod(pod);
    Node {
        id,
        ip: pod.ip.unwrap(),
        pod: pod.name,
        port: pod.port,
        bus_port: pod.bus_port,
    }
}

/// Lets the append-only files, synced every second, catch up.
async fn files_are_synced() {
    let then = Instant::now() + Duration::from_millis(1_500);
    eventually(SOON, async || Instant::now() > then).await;
}
