//! A catalogue that is read by all and changed by one.

use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::Semaphore;
use warung_coordination::{Config, Unavailable};
use warung_testkit::eventually;

use crate::harness::{Bot, SOON, Shop};

/// A catalogue of which only the version matters, and how often it was read.
#[derive(Default)]
struct Catalogue {
    version: AtomicU64,
    reads: AtomicU32,
}

impl Catalogue {
    fn at(version: u64) -> Self {
        Self {
            version: AtomicU64::new(version),
            reads: AtomicU32::new(0),
        }
    }

    async fn read(&self) -> Result<(String, u64), Infallible> {
        // A database does not answer in the same breath.
        tokio::task::yield_now().await;
        self.reads.fetch_add(1, Ordering::SeqCst);
        let version = self.version.load(Ordering::SeqCst);
        Ok((format!("catalogue {version}"), version))
    }

    fn reads(&self) -> u32 {
        self.reads.load(Ordering::SeqCst)
    }

    /// Commits a change and tells the fleet by way of one bot.
    async fn change(&self, bot: &Bot) -> Result<(), Unavailable> {
        let version = self.version.fetch_add(1, Ordering::SeqCst) + 1;
        bot.coordination.cache().invalidate("produk", version).await
    }
}

impl Bot {
    async fn list(&self, catalogue: &Catalogue) -> String {
        let list = self
            .coordination
            .get_cache("produk:list", || catalogue.read())
            .await;
        Arc::unwrap_or_clone(list.unwrap())
    }
}

/// Keeps values in the process for so long that only an invalidation can change them.
fn long_lived(config: &mut Config) {
    config.cache.l1_ttl = Duration::from_hours(1);
}

/// Keeps nothing in the process.
fn no_first_tier(config: &mut Config) {
    config.cache.l1_ttl = Duration::ZERO;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_callers_of_two_bots_load_once() {
    let shop = Shop::open().await;
    let bots = [shop.bot().await, shop.bot().await];
    let catalogue = Catalogue::at(1);
    let here = Semaphore::new(0);
    let slow = || async {
        // Nothing is loaded before all have come.
        here.acquire_many(100).await.unwrap().forget();
        catalogue.read().await
    };
    let callers = (0..100).map(|caller| {
        let coordination = &bots[caller % 2].coordination;
        let here = &here;
        async move {
            here.add_permits(1);
            coordination.get_cache("produk:list", slow).await
        }
    });
    for list in futures_util::future::join_all(callers).await {
        assert_eq!(*list.unwrap(), "catalogue 1");
    }
    assert_eq!(catalogue.reads(), 1);
}

#[tokio::test]
async fn a_change_reaches_the_other_bot() {
    let shop = Shop::open().await;
    let (a, b) = (
        shop.bot_with(long_lived).await,
        shop.bot_with(long_lived).await,
    );
    let catalogue = Catalogue::at(1);
    assert_eq!(a.list(&catalogue).await, "catalogue 1");
    assert_eq!(b.list(&catalogue).await, "catalogue 1");
    catalogue.change(&a).await.unwrap();
    assert_eq!(
        a.list(&catalogue).await,
        "catalogue 2",
        "the one who changes sees it at once"
    );
    eventually(SOON, async || b.list(&catalogue).await == "catalogue 2").await;
    assert_eq!(catalogue.reads(), 2);
    assert_eq!(b.samples("warung_cache_staleness_seconds"), 1);
    assert!((b.metric("warung_cache_requests_total", &["hit", "l2"]) - 2.0).abs() < 0.1);
}

#[tokio::test]
async fn a_slow_load_cannot_put_the_old_catalogue_back() {
    let shop = Shop::open().await;
    let (a, b) = (
        shop.bot_with(long_lived).await,
        shop.bot_with(long_lived).await,
    );
    let catalogue = Catalogue::at(1);
    let (has_read, may_return) = (Semaphore::new(0), Semaphore::new(0));
    let slow = || async {
        let read = catalogue.read().await;
        has_read.add_permits(1);
        may_return.acquire().await.unwrap().forget();
        read
    };
    let change = async {
        has_read.acquire().await.unwrap().forget();
        catalogue.change(&b).await.unwrap();
        may_return.add_permits(2);
    };
    let (list, ()) = tokio::join!(a.coordination.get_cache("produk:list", slow), change);
    assert_eq!(*list.unwrap(), "catalogue 2", "it was loaded again");
    assert_eq!(b.list(&catalogue).await, "catalogue 2");
    assert_eq!(catalogue.reads(), 2);
    let refused = a.metric("warung_cache_requests_total", &["refused", "l2"]);
    assert!((refused - 1.0).abs() < f64::EPSILON);
}

#[tokio::test]
async fn a_catalogue_that_stays_old_is_kept_nowhere() {
    let shop = Shop::open().await;
    let bot = shop.bot_with(long_lived).await;
    bot.coordination
        .cache()
        .invalidate("produk", 9)
        .await
        .unwrap();
    // A database replica that lags behind.
    let lagging = Catalogue::at(8);
    assert_eq!(bot.list(&lagging).await, "catalogue 8");
    let current = Catalogue::at(9);
    assert_eq!(bot.list(&current).await, "catalogue 9");
}

#[tokio::test]
async fn the_old_catalogue_is_served_while_one_bot_reloads_it() {
    let shop = Shop::open().await;
    let soft = Duration::from_millis(200);
    let change = |config: &mut Config| {
        no_first_tier(config);
        config.cache.soft_ttl = soft;
    };
    let (a, b) = (shop.bot_with(change).await, shop.bot_with(change).await);
    let catalogue = Catalogue::at(1);
    assert_eq!(a.list(&catalogue).await, "catalogue 1");
    catalogue.version.store(2, Ordering::SeqCst);
    let (loading, may_return) = (Semaphore::new(0), Semaphore::new(0));
    let slow = || async {
        loading.add_permits(1);
        may_return.acquire().await.unwrap().forget();
        catalogue.read().await
    };
    let reload = eventually(SOON, async || {
        let list = a.coordination.get_cache("produk:list", slow).await.unwrap();
        *list == "catalogue 2"
    });
    let others = async {
        loading.acquire().await.unwrap().forget();
        for _ in 0..5 {
            assert_eq!(
                b.list(&catalogue).await,
                "catalogue 1",
                "nobody waits, nobody loads"
            );
        }
        may_return.add_permits(1);
    };
    tokio::join!(reload, others);
    assert_eq!(catalogue.reads(), 2);
    assert_eq!(b.list(&catalogue).await, "catalogue 2");
}

#[tokio::test]
async fn a_loader_that_fails_leaves_the_old_catalogue_or_says_so() {
    let shop = Shop::open().await;
    let bot = shop
        .bot_with(|config| {
            no_first_tier(config);
            config.cache.soft_ttl = Duration::ZERO;
        })
        .await;
    let broken = || async { Err::<(String, u64), _>(io::Error::other("database away")) };
    let cache = bot.coordination.cache();
    let error = cache
        .get_or_load("produk", "list", broken)
        .await
        .unwrap_err();
    assert_eq!(error.to_string(), "database away");
    let catalogue = Catalogue::at(1);
    assert_eq!(
        bot.list(&catalogue).await,
        "catalogue 1",
        "the lease was given back"
    );
    let old = cache.get_or_load("produk", "list", broken).await.unwrap();
    assert_eq!(*old, "catalogue 1");
}

#[tokio::test]
async fn one_key_with_two_types_is_loaded_for_each() {
    let shop = Shop::open().await;
    let bot = shop.bot_with(long_lived).await;
    let cache = bot.coordination.cache();
    let words = async || {
        cache
            .get_or_load("t", "k", || async {
                Ok::<_, Infallible>((vec!["a".to_owned()], 1))
            })
            .await
    };
    let number = async || {
        cache
            .get_or_load("t", "k", || async { Ok::<_, Infallible>((7_u32, 1)) })
            .await
    };
    for _ in 0..3 {
        assert_eq!(*words().await.unwrap(), ["a"]);
        assert_eq!(*number().await.unwrap(), 7);
    }
}

#[tokio::test]
async fn the_first_tier_answers_by_itself() {
    let shop = Shop::open().await;
    let bot = shop.bot_with(long_lived).await;
    let catalogue = Catalogue::at(1);
    bot.list(&catalogue).await;
    let before = bot.samples("warung_redis_command_seconds");
    for _ in 0..100 {
        assert_eq!(bot.list(&catalogue).await, "catalogue 1");
    }
    assert_eq!(bot.samples("warung_redis_command_seconds"), before);
    assert!((bot.metric("warung_cache_requests_total", &["hit", "l1"]) - 100.0).abs() < 0.1);
}
