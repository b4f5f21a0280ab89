//! Locks among bots.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use prometheus::Registry;
use warung_coordination::{Config, Coordination, Lock, LockError};
use warung_testkit::{eventually, ports, stores};

use crate::harness::{Bot, SOON, Shop, keys, run};

const TTL: Duration = Duration::from_secs(30);

impl Bot {
    async fn locks(&self, subject: &str) -> Result<Lock, LockError> {
        self.coordination.acquire_lock(subject, "buy", TTL).await
    }
}

#[tokio::test]
async fn one_of_two_bots_wins_and_the_other_is_told_at_once() {
    let shop = Shop::open().await;
    let (a, b) = (shop.bot().await, shop.bot().await);
    let lock = a.locks("628").await.unwrap();
    assert_eq!(lock.resource(), "628:buy");
    assert!(lock.valid_for() > Duration::from_secs(25));
    let Err(LockError::Contended { retry_after }) = b.locks("628").await else {
        panic!("both hold the lock");
    };
    assert!(retry_after > Duration::from_secs(20) && retry_after <= TTL);
    b.locks("629").await.unwrap();
    lock.release().await;
    b.locks("628").await.unwrap();
}

#[tokio::test]
async fn a_dropped_lock_is_free_soon() {
    let shop = Shop::open().await;
    let (a, b) = (shop.bot().await, shop.bot().await);
    drop(a.locks("628").await.unwrap());
    eventually(SOON, async || b.locks("628").await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn forty_tasks_of_two_bots_never_hold_it_together() {
    let shop = Shop::open().await;
    let bots = [shop.bot().await, shop.bot().await];
    let (inside, turns) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let one = async |bot: &Bot| {
        eventually(Duration::from_mins(1), async || {
            let lock = bot.locks("628").await?;
            assert_eq!(
                inside.fetch_add(1, Ordering::SeqCst),
                0,
                "two holders at once"
            );
            tokio::task::yield_now().await;
            inside.fetch_sub(1, Ordering::SeqCst);
            lock.release().await;
            turns.fetch_add(1, Ordering::SeqCst);
            Ok::<_, LockError>(())
        })
        .await;
    };
    futures_util::future::join_all((0..40).map(|task| one(&bots[task % 2]))).await;
    assert_eq!(turns.load(Ordering::SeqCst), 40);
}

#[tokio::test]
async fn a_lock_stands_on_three_masters_and_survives_the_loss_of_one_key() {
    let shop = Shop::open().await;
    let redis = &stores().await.redis;
    let (a, b) = (shop.bot().await, shop.bot().await);
    let lock = a.locks("628").await.unwrap();
    eventually(SOON, async || lock.votes() == 3).await;

    let held = keys(redis, &format!("{}lock:*", shop.prefix)).await;
    let mut masters: Vec<usize> = held.iter().map(|(node, _)| *node).collect();
    masters.dedup();
    assert_eq!(masters.len(), 3, "{held:?}");
    let (node, key) = &held[0];
    assert_eq!(run::<i64>(redis, *node, &["DEL", key]).await, 1);

    assert!(matches!(
        b.locks("628").await,
        Err(LockError::Contended { .. })
    ));
    // The one vote that B got is given back.
    eventually(SOON, async || {
        run::<i64>(redis, *node, &["EXISTS", key]).await == 0
    })
    .await;
    assert!(!lock.valid_for().is_zero());
}

#[tokio::test]
async fn a_held_lock_is_prolonged_and_takes_a_lost_key_again() {
    let shop = Shop::open().await;
    let redis = &stores().await.redis;
    let a = shop.bot().await;
    let ttl = Duration::from_secs(3);
    let lock = a
        .coordination
        .acquire_lock("628", "buy", ttl)
        .await
        .unwrap();
    let before = Instant::now() + lock.valid_for();
    eventually(SOON, async || lock.votes() == 3).await;
    let held = keys(redis, &format!("{}lock:*", shop.prefix)).await;
    let (node, key) = &held[1];
    assert_eq!(run::<i64>(redis, *node, &["DEL", key]).await, 1);
    eventually(SOON, async || {
        run::<i64>(redis, *node, &["EXISTS", key]).await == 1
    })
    .await;
    eventually(SOON, async || {
        Instant::now() + lock.valid_for() > before + Duration::from_millis(500)
    })
    .await;
}

#[tokio::test]
async fn a_forgotten_lock_ends_after_three_extensions() {
    let shop = Shop::open().await;
    let (a, b) = (shop.bot().await, shop.bot().await);
    let ttl = Duration::from_millis(900);
    let taken = Instant::now();
    let forgotten = a
        .coordination
        .acquire_lock("628", "buy", ttl)
        .await
        .unwrap();
    eventually(SOON, async || b.locks("628").await).await;
    assert!(forgotten.valid_for().is_zero());
    assert!(taken.elapsed() > ttl, "it was prolonged at least once");
    assert!(taken.elapsed() < ttl * 3, "{:?}", taken.elapsed());
}

#[tokio::test]
async fn without_redis_a_lock_is_refused_at_once() {
    let port = ports::free().unwrap();
    let config = Config::parse([format!("redis://127.0.0.1:{port}")], "w:").unwrap();
    let coordination = Coordination::connect(config, &Registry::new());
    let asked = Instant::now();
    let refused = coordination.acquire_lock("628", "buy", TTL).await;
    assert_eq!(refused.unwrap_err(), LockError::Unavailable);
    assert!(
        asked.elapsed() < Duration::from_millis(100),
        "{:?}",
        asked.elapsed()
    );
    assert!(!coordination.wait_until_up(Duration::from_millis(1)).await);
}

#[tokio::test]
async fn shutdown_frees_dropped_locks_first() {
    let shop = Shop::open().await;
    let (a, b) = (shop.bot().await, shop.bot().await);
    drop(a.locks("628").await.unwrap());
    a.coordination.shutdown().await;
    b.locks("628").await.unwrap();
    assert_eq!(a.locks("629").await.unwrap_err(), LockError::Unavailable);
    assert!(a.metric("warung_redis_up", &[]).abs() < f64::EPSILON);
}

#[tokio::test]
async fn every_metric_has_its_name() {
    let shop = Shop::open().await;
    let bot = shop.bot().await;
    bot.locks("628").await.unwrap().release().await;
    let minute = Duration::from_mins(1);
    bot.coordination
        .check_rate_limit("628", "buy", 3, minute, "wamid.1")
        .await;
    assert!((bot.metric("warung_lock_independent_masters", &[]) - 3.0).abs() < f64::EPSILON);
    assert_eq!(
        bot.metric_names(),
        [
            "warung_cache_requests_total",
            "warung_cache_staleness_seconds",
            "warung_lock_acquire_seconds",
            "warung_lock_independent_masters",
            "warung_lock_votes",
            "warung_ratelimit_total",
            "warung_redis_command_seconds",
            "warung_redis_rebuild_total",
            "warung_redis_up",
        ]
    );
}
