//! Masters that hang, clusters that die, subscriptions that break.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use warung_coordination::{LockError, PaceLimits, RateDecision, SendGrant, SessionError};
use warung_testkit::{RedisCluster, eventually};

use crate::harness::{Bot, OwnCluster, SOON, Shop, run};

const MINUTE: Duration = Duration::from_mins(1);
/// The time-outs of these bots, and what a busy machine may add to them.
const VOTE: Duration = Duration::from_millis(50);
const RESPONSE: Duration = Duration::from_millis(200);
const SLACK: Duration = Duration::from_millis(400);

/// A bot with the time-outs of a production start.
async fn bot_of(shop: &Shop) -> Bot {
    shop.bot_with(|config| {
        config.timeouts.vote = VOTE;
        config.timeouts.response = RESPONSE;
    })
    .await
}

/// A customer whose rate limit lives on a node.
async fn subject_on(redis: &RedisCluster, shop: &Shop, node: usize) -> String {
    for number in 0.. {
        let subject = format!("628{number}");
        let key = format!("{}rate:{subject}:buy", shop.prefix);
        if redis.primary_of(&key).await.unwrap() == node {
            return subject;
        }
    }
    unreachable!("every primary has slots")
}

async fn limit(bot: &Bot, subject: &str, charge: &str) -> RateDecision {
    bot.coordination
        .check_rate_limit(subject, "buy", 1_000, MINUTE, charge)
        .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hung_master_delays_only_its_own_slots_and_is_replaced() {
    let cluster = OwnCluster::start().await;
    let redis = &cluster.redis;
    let shop = Shop::on(redis);
    let bot = bot_of(&shop).await;
    let masters = redis.primaries().await.unwrap();
    let (hung, healthy) = (masters[0], masters[1]);
    let unlucky = subject_on(redis, &shop, hung).await;
    let lucky = subject_on(redis, &shop, healthy).await;
    assert!(limit(&bot, &unlucky, "before").await != RateDecision::Unavailable);

    redis.pause_node(hung).unwrap();
    let began = Instant::now();
    let (mut number, mut slow, mut healthy_failures, mut locks_refused) = (0, 0, 0, 0);
    eventually(SOON, async || {
        number += 1;
        let charge = format!("wamid.{number}");
        let asked = Instant::now();
        let decision = limit(&bot, &unlucky, &charge).await;
        slow += u32::from(asked.elapsed() > RESPONSE / 2);
        assert!(
            asked.elapsed() < RESPONSE + SLACK,
            "waited {:?}",
            asked.elapsed()
        );
        if limit(&bot, &lucky, &charge).await == RateDecision::Unavailable {
            healthy_failures += 1;
        }
        let lock = bot
            .coordination
            .acquire_lock(&charge, "buy", Duration::from_secs(30))
            .await;
        locks_refused += u32::from(lock.is_err());
        decision != RateDecision::Unavailable
    })
    .await;
    let gap = began.elapsed();
    println!("back after {gap:?}: {number} rounds, {slow} slow, {locks_refused} locks refused");
    assert!(gap < SOON);
    assert!(bot.metric("warung_redis_rebuild_total", &[]) >= 1.0);
    // Two calls find out; from then on nobody waits for that node.
    assert!(slow <= 6, "{slow} calls waited for a node known to hang");
    // A busy machine may cost single answers; a stopped driver would cost them all.
    assert!(
        healthy_failures * 10 <= number,
        "{healthy_failures} of {number}"
    );
    assert!(locks_refused * 10 <= number, "{locks_refused} of {number}");
    assert!(bot.coordination.wait_until_up(SOON).await);
    assert_eq!(bot.coordination.health().independent_masters, 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lock_won_by_two_votes_is_filled_to_three() {
    let cluster = OwnCluster::start().await;
    let redis = &cluster.redis;
    let shop = Shop::on(redis);
    let bot = bot_of(&shop).await;
    let hung = redis.primaries().await.unwrap()[0];
    redis.pause_node(hung).unwrap();
    let lock = eventually(SOON, async || {
        bot.coordination
            .acquire_lock("628", "buy", Duration::from_secs(30))
            .await
    })
    .await;
    assert_eq!(lock.votes(), 2);
    redis.resume_node(hung).unwrap();
    eventually(SOON, async || lock.votes() == 3).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_on_a_master_that_stood_still_is_freed_once_it_goes_on() {
    let cluster = OwnCluster::start().await;
    let redis = &cluster.redis;
    let shop = Shop::on(redis);
    let bot = bot_of(&shop).await;
    let locks = async || {
        let lock = bot.coordination.acquire_lock("628", "buy", MINUTE).await;
        lock.map_err(|error| error.to_string())
    };
    let lock = locks().await.unwrap();
    eventually(SOON, async || lock.votes() == 3).await;

    // The lock is given back while one master stands still and its connection is given up.
    let hung = redis.primaries().await.unwrap()[0];
    let unlucky = subject_on(redis, &shop, hung).await;
    redis.pause_node(hung).unwrap();
    eventually(SOON, async || {
        let _ = limit(&bot, &unlucky, "wamid.1").await;
        bot.metric("warung_redis_rebuild_total", &[]) >= 1.0
    })
    .await;
    lock.release().await;
    // The next holder does with two votes until then, and gets the third long before the first
    // holder's key would have run out.
    let next = eventually(SOON, locks).await;
    assert_eq!(next.votes(), 2);
    redis.resume_node(hung).unwrap();
    eventually(SOON, async || next.votes() == 3).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_any_redis_every_call_ends_at_once_and_all_heals() {
    let cluster = OwnCluster::start().await;
    let redis = &cluster.redis;
    let shop = Shop::on(redis);
    let bot = bot_of(&shop).await;
    let coordination = &bot.coordination;
    let pace = coordination.pace(
        "1065",
        PaceLimits {
            burst: 4,
            ..PaceLimits::default()
        },
        2,
    );
    redis.kill_all().unwrap();
    eventually(SOON, async || coordination.health().connected_masters == 0).await;

    for number in 0..20 {
        let asked = Instant::now();
        let subject = format!("628{number}");
        let lock = coordination.acquire_lock(&subject, "buy", MINUTE).await;
        assert_eq!(lock.unwrap_err(), LockError::Unavailable);
        assert_eq!(
            limit(&bot, &subject, "wamid.1").await,
            RateDecision::Unavailable
        );
        let session = coordination.sessions().get::<u32>(&subject).await;
        assert!(matches!(session, Err(SessionError::Unavailable)));
        assert!(
            coordination
                .cache()
                .invalidate("produk", number)
                .await
                .is_err()
        );
        assert!(
            asked.elapsed() < Duration::from_millis(100),
            "{:?}",
            asked.elapsed()
        );
    }
    let load = || async { Ok::<_, Infallible>(("kopi".to_owned(), 20)) };
    let list = coordination.get_cache("produk:list", load).await.unwrap();
    assert_eq!(*list, "kopi", "the loader is asked");
    let grants = pace.grant(&["1", "2", "3"]).await;
    assert_eq!(
        grants[..2],
        [SendGrant::Granted; 2],
        "a bot's share of the burst"
    );
    assert!(matches!(grants[2], SendGrant::NumberDelay(_)));

    redis.start_all().await.unwrap();
    assert!(coordination.wait_until_up(Duration::from_secs(30)).await);
    eventually(SOON, async || coordination.health().is_subscribed).await;
    eventually(SOON, async || {
        coordination.acquire_lock("628", "buy", MINUTE).await
    })
    .await;
    eventually(SOON, async || {
        limit(&bot, "628", "wamid.1").await != RateDecision::Unavailable
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_master_is_followed_to_its_replica() {
    let cluster = OwnCluster::start().await;
    let redis = &cluster.redis;
    let shop = Shop::on(redis);
    let bot = bot_of(&shop).await;
    let dead = redis.primaries().await.unwrap()[0];
    let subject = subject_on(redis, &shop, dead).await;
    redis.kill_node(dead).unwrap();
    let mut number = 0;
    eventually(SOON, async || {
        number += 1;
        let decision = limit(&bot, &subject, &format!("wamid.{number}")).await;
        decision != RateDecision::Unavailable
    })
    .await;
    assert!(bot.coordination.wait_until_up(SOON).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broken_subscription_flushes_what_the_process_kept() {
    let cluster = OwnCluster::start().await;
    let redis = &cluster.redis;
    let shop = Shop::on(redis);
    let bot = shop
        .bot_with(|config| config.cache.l1_ttl = Duration::from_hours(1))
        .await;
    let read = async |version: u64| {
        let load = || async move { Ok::<_, Infallible>((version, version)) };
        Arc::unwrap_or_clone(
            bot.coordination
                .get_cache("produk:list", load)
                .await
                .unwrap(),
        )
    };
    assert_eq!(read(1).await, 1);

    // An invalidation whose message is lost: the floor alone is raised.
    let floor = format!("{0}cache:{{{0}produk}}:floor", shop.prefix);
    let node = redis.primary_of(&floor).await.unwrap();
    run::<()>(redis, node, &["SET", &floor, "2:0", "PX", "60000"]).await;
    assert_eq!(read(2).await, 1, "it was not told");

    for node in redis.primaries().await.unwrap() {
        run::<i64>(redis, node, &["CLIENT", "KILL", "TYPE", "pubsub"]).await;
    }
    eventually(SOON, async || read(2).await == 2).await;
    eventually(SOON, async || bot.coordination.health().is_subscribed).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_planned_handover_costs_nothing() {
    let cluster = OwnCluster::start().await;
    let redis = &cluster.redis;
    let shop = Shop::on(redis);
    let bot = bot_of(&shop).await;
    let master = redis.primaries().await.unwrap()[0];
    let subject = subject_on(redis, &shop, master).await;
    let key = format!("{}rate:{subject}:buy", shop.prefix);
    let replica = replica_of(redis, master).await;
    let over = AtomicBool::new(false);
    let customer = async {
        let (mut number, mut failed, mut worst) = (0_u32, 0_u32, Duration::ZERO);
        while !over.load(Ordering::Relaxed) {
            number += 1;
            let asked = Instant::now();
            let decision = limit(&bot, &subject, &format!("wamid.{number}")).await;
            worst = worst.max(asked.elapsed());
            failed += u32::from(decision == RateDecision::Unavailable);
        }
        println!("handover: {failed} of {number} calls failed, the slowest took {worst:?}");
        assert!(worst < RESPONSE + SLACK);
        assert!(failed * 10 <= number, "{failed} of {number}");
    };
    let handover = async {
        run::<()>(redis, replica, &["CLUSTER", "FAILOVER"]).await;
        eventually(SOON, async || {
            redis.primary_of(&key).await.unwrap() == replica
        })
        .await;
        eventually(SOON, async || bot.coordination.health().is_up).await;
        over.store(true, Ordering::Relaxed);
    };
    tokio::join!(customer, handover);
    eventually(SOON, async || {
        limit(&bot, &subject, "last").await != RateDecision::Unavailable
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slot_that_moves_is_followed_while_it_moves() {
    let cluster = OwnCluster::start().await;
    let redis = &cluster.redis;
    let shop = Shop::on(redis);
    let bot = bot_of(&shop).await;
    let masters = redis.primaries().await.unwrap();
    let (from, to) = (masters[0], masters[1]);
    let subject = subject_on(redis, &shop, from).await;
    let key = format!("{}rate:{subject}:buy", shop.prefix);
    let slot = run::<u16>(redis, from, &["CLUSTER", "KEYSLOT", &key])
        .await
        .to_string();
    let from_id: String = run(redis, from, &["CLUSTER", "MYID"]).await;
    let to_id: String = run(redis, to, &["CLUSTER", "MYID"]).await;
    let set_slot = async |node: usize, state: &str, id: &str| {
        run::<()>(redis, node, &["CLUSTER", "SETSLOT", &slot, state, id]).await;
    };

    set_slot(to, "IMPORTING", &from_id).await;
    set_slot(from, "MIGRATING", &to_id).await;
    let asked = limit(&bot, &subject, "wamid.1").await;
    assert_eq!(
        asked,
        RateDecision::Allowed { remaining: 999 },
        "the new node was asked"
    );

    for node in [to, from] {
        set_slot(node, "NODE", &to_id).await;
    }
    assert_eq!(
        limit(&bot, &subject, "wamid.1").await,
        RateDecision::Repeated
    );
    assert_eq!(redis.primary_of(&key).await.unwrap(), to);
}

async fn replica_of(redis: &RedisCluster, master: usize) -> usize {
    let id: String = run(redis, master, &["CLUSTER", "MYID"]).await;
    let replicas: Vec<String> = run(redis, master, &["CLUSTER", "REPLICAS", &id]).await;
    let address = replicas[0].split_ascii_whitespace().nth(1).unwrap();
    (0..6)
        .find(|node| address.contains(&format!(":{}@", redis.port(*node))))
        .unwrap()
}
