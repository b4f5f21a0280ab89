//! What is changed on purpose costs no key and hardly any time.

use std::time::Duration;

use tokio_util::sync::CancellationToken;
use warung_operator::redis::{self as room, Credentials, Reason, Verdict};
use warung_operator::shop::rotation::Passwords;
use warung_testkit::eventually;

use super::bed::{Bed, PASSWORD, name};
use super::shop::{Shop, Written};
use super::{LATER, SOON};

/// A customer waits no longer than this for a write while pods are replaced.
const GAP_LIMIT: Duration = Duration::from_secs(1);

/// Does something while a customer writes on and on, and returns what the customer saw.
async fn while_writing(shop: &Shop, change: impl AsyncFnOnce()) -> Written {
    let end = CancellationToken::new();
    let writing = shop.customer().writes_until(end.clone());
    let changing = async {
        change().await;
        end.cancel();
    };
    let (written, ()) = tokio::join!(writing, changing);
    written
}

#[tokio::test]
async fn all_pods_are_replaced_while_a_customer_writes_and_hardly_notices() {
    let shop = Shop::formed(3, 1).await;
    let first: Vec<String> = shop.bed.list().into_iter().map(|pod| pod.uid).collect();
    let written = while_writing(&shop, async || {
        shop.bed.new_template();
        shop.settles(LATER).await;
    })
    .await;
    let pods = shop.bed.list();
    assert!(
        pods.iter()
            .all(|pod| !pod.outdated && !first.contains(&pod.uid))
    );
    let gap = written.longest_gap;
    eprintln!("{} keys, longest gap {gap:?}", written.acknowledged.len());
    assert_eq!(shop.customer().misses(&written).await, 0);
    assert!(gap < GAP_LIMIT, "{gap:?}");
}

#[tokio::test]
async fn a_password_is_replaced_and_nobody_who_has_the_one_or_the_other_is_refused() {
    const NEW: &str = "baru";
    let shop = Shop::formed(3, 1).await;
    let accepted = async |password: &str| {
        let login = Credentials {
            password: password.to_owned(),
            ..Bed::credentials()
        };
        room::accepted(&shop.bed.list(), &login).await
    };
    let rolls = async |passwords: &Passwords| {
        shop.bed.tell(passwords);
        shop.bed.new_template();
        shop.settles(LATER).await;
    };
    let added = Passwords {
        used: PASSWORD.to_owned(),
        next: Some(NEW.to_owned()),
        previous: None,
    };
    let used = added.clone().advanced();
    let dropped = used.clone().advanced();
    let end_of_old = CancellationToken::new();
    let end_of_new = CancellationToken::new();
    let old_bots = shop.customer().writes_until(end_of_old.clone());
    let changing = async {
        rolls(&added).await;
        assert!(accepted(NEW).await && accepted(PASSWORD).await);
        // The bots restart one by one: some have the new one, some the old.
        let new_bots = shop.customer_with(NEW).writes_until(end_of_new.clone());
        let rest = async {
            rolls(&used).await;
            assert!(accepted(PASSWORD).await);
            end_of_old.cancel();
            rolls(&dropped).await;
            end_of_new.cancel();
        };
        tokio::join!(new_bots, rest).0
    };
    let (by_old, by_new) = tokio::join!(old_bots, changing);
    assert!(accepted(NEW).await);
    assert!(!accepted(PASSWORD).await);
    for written in [by_old, by_new] {
        let gap = written.longest_gap;
        eprintln!("{} keys, longest gap {gap:?}", written.acknowledged.len());
        assert_eq!(shop.customer_with(NEW).misses(&written).await, 0);
        assert!(gap < GAP_LIMIT, "{gap:?}");
    }
}

#[tokio::test]
async fn a_primary_whose_pod_is_deleted_by_hand_hands_over_before_it_stops() {
    let shop = Shop::formed(3, 1).await;
    let written = while_writing(&shop, async || {
        let pod = shop.bed.pod(&name(1, 0));
        shop.bed.delete(&pod.name, &pod.uid).await;
        shop.settles(LATER).await;
    })
    .await;
    let gap = written.longest_gap;
    eprintln!("{} keys, longest gap {gap:?}", written.acknowledged.len());
    assert_eq!(shop.customer().misses(&written).await, 0);
    assert!(gap < GAP_LIMIT, "{gap:?}");
}

#[tokio::test]
async fn a_shard_comes_and_goes_with_its_keys_though_the_operator_is_killed_again_and_again() {
    let shop = Shop::formed(3, 1).await;
    let filled = shop.customer().fills(2_000).await;
    let written = while_writing(&shop, async || {
        for shards in [4, 3] {
            shop.wants(|desired| desired.shards = shards);
            let started = eventually(SOON, async || {
                shop.pass().await.report.moving.ok_or("nothing moves")
            });
            started.await;
            for milliseconds in 10..40 {
                let killed = Duration::from_millis(milliseconds);
                // Dropped wherever it is, as if its process had ended there.
                let _ = tokio::time::timeout(killed, shop.pass()).await;
            }
            let plan = shop.settles(LATER).await;
            assert_eq!(plan.report.primaries, shards);
            assert_eq!(plan.report.known_nodes, shards * 2);
        }
    })
    .await;
    let gap = written.longest_gap;
    eprintln!("{} keys, longest gap {gap:?}", written.acknowledged.len());
    assert_eq!(shop.customer().misses(&filled).await, 0);
    assert_eq!(shop.customer().misses(&written).await, 0);
}

#[tokio::test]
async fn a_primary_without_a_replica_is_not_replaced() {
    let shop = Shop::formed(3, 0).await;
    shop.bed.new_template();
    let blocked = eventually(SOON, async || {
        let plan = shop.pass().await;
        matches!(plan.verdict, Verdict::Blocked(_)).then_some(plan)
    })
    .await;
    assert!(blocked.delete.is_empty() && blocked.steps.is_empty());
    let reason = blocked.report.findings.roll_blocked.unwrap().reason;
    assert_eq!(reason, Reason::NoReplicas);
    assert!(blocked.report.findings.ready.0);
    // With a replica each it is.
    shop.wants(|desired| desired.replicas_per_shard = 1);
    shop.settles(LATER).await;
    assert!(shop.bed.list().iter().all(|pod| !pod.outdated));
}
