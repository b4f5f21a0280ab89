//! A cache in two tiers that never serves what an invalidation has overtaken.
//!
//! Each value belongs to a tag and carries the tag's version at the time it was read from the
//! database. An invalidation raises the tag's floor; values below the floor are neither served
//! nor stored from then on, so a slow load cannot put an old value back. The first tier is in
//! this process (a second or two), the second in Redis. When Redis is away the loader is asked.

mod tier1;
mod tier2;

use std::any::Any;
use std::sync::Arc;
use std::time::{Duration, Instant};

use prometheus::IntCounter;
use serde::Serialize;
use serde::de::DeserializeOwned;

use self::tier1::Entry;
use self::tier2::{Found, Keys, Lease, Stored, Tier2};
use crate::bus::Bus;
use crate::cluster::Cluster;
use crate::config::CacheOptions;
use crate::metrics::Metrics;
use crate::{Coordination, Unavailable};

pub(crate) use self::tier1::Tier1;

/// Times a value is loaded for one caller when invalidations keep overtaking the load.
const LOADS_MAX: usize = 2;
/// How long a caller waits for another bot that loads the same value, and how often it looks.
const WAIT_MAX: Duration = Duration::from_secs(1);
const WAIT_STEP: Duration = Duration::from_millis(5);
const WAIT_STEP_MAX: Duration = Duration::from_millis(40);

/// The two tiers. Cheap to clone.
#[derive(Clone)]
pub struct Cache {
    inner: Arc<Inner>,
}

struct Inner {
    tier1: Arc<Tier1>,
    tier2: Tier2,
    bus: Arc<Bus>,
    counters: Counters,
}

/// `warung_cache_requests_total`, looked up once.
struct Counters {
    l1_hit: IntCounter,
    l1_miss: IntCounter,
    l2_hit: IntCounter,
    l2_stale: IntCounter,
    l2_refresh: IntCounter,
    l2_miss: IntCounter,
    l2_unavailable: IntCounter,
    loaded: IntCounter,
    load_failed: IntCounter,
    fill_refused: IntCounter,
}

impl Counters {
    fn new(metrics: &Metrics) -> Self {
        let counter = |tier, result| metrics.cache.with_label_values(&[tier, result]);
        Self {
            l1_hit: counter("l1", "hit"),
            l1_miss: counter("l1", "miss"),
            l2_hit: counter("l2", "hit"),
            l2_stale: counter("l2", "stale"),
            l2_refresh: counter("l2", "refresh"),
            l2_miss: counter("l2", "miss"),
            l2_unavailable: counter("l2", "unavailable"),
            loaded: counter("loader", "ok"),
            load_failed: counter("loader", "error"),
            fill_refused: counter("l2", "refused"),
        }
    }
}

impl Cache {
    pub(crate) fn new(cluster: Arc<Cluster>, options: CacheOptions, bus: Arc<Bus>) -> Self {
        let tier1 = Arc::new(Tier1::new(&options, Arc::clone(&cluster.metrics)));
        let counters = Counters::new(&cluster.metrics);
        let tier2 = Tier2::new(cluster, options);
        Self {
            inner: Arc::new(Inner {
                tier1,
                tier2,
                bus,
                counters,
            }),
        }
    }

    pub(crate) fn tier1(&self) -> Arc<Tier1> {
        Arc::clone(&self.inner.tier1)
    }

    /// The value of `key` under `tag`, from the nearest tier that has it, else from `loader`.
    ///
    /// `loader` returns the value and the tag's version, both read in one snapshot of the
    /// database. However many callers ask at once, in however many processes, one of them loads;
    /// the others wait for it, or take the old value while there is one. The loader may be called
    /// a second time when an invalidation overtakes it.
    ///
    /// # Errors
    /// Those of the loader, and only when there is no older value to serve instead.
    ///
    /// ```no_run
    /// # async fn example(coordination: warung_coordination::Coordination) {
    /// let names = coordination
    ///     .cache()
    ///     .get_or_load("produk", "list", || async {
    ///         // SELECT …, (SELECT version FROM catalog_version) in one statement
    ///         Ok::<_, std::io::Error>((vec!["kopi".to_owned()], 41))
    ///     })
    ///     .await;
    /// # let _ = names;
    /// # }
    /// ```
    pub async fn get_or_load<T, E, F, Fut>(
        &self,
        tag: &str,
        key: &str,
        loader: F,
    ) -> Result<Arc<T>, Arc<E>>
    where
        T: Serialize + DeserializeOwned + Send + Sync + 'static,
        E: Send + Sync + 'static,
        F: Fn() -> Fut,
        Fut: Future<Output = Result<(T, u64), E>>,
    {
        let inner = &*self.inner;
        let name = format!("{tag}:{key}");
        if let Some(entry) = inner.tier1.entries.get(&name).await {
            if inner.tier1.is_usable(tag, &entry)
                && let Ok(value) = entry.value.downcast::<T>()
            {
                inner.counters.l1_hit.inc();
                return Ok(value);
            }
            inner.tier1.entries.invalidate(&name).await;
        }
        inner.counters.l1_miss.inc();
        // Apart and boxed: a load is twenty kilobytes of future, and whoever asks would carry them
        // around, though nearly all find above what they want.
        Box::pin(self.load_once(tag, key, &name, loader)).await
    }

    /// The value from whoever loads it first.
    async fn load_once<T, E, F, Fut>(
        &self,
        tag: &str,
        key: &str,
        name: &String,
        loader: F,
    ) -> Result<Arc<T>, Arc<E>>
    where
        T: Serialize + DeserializeOwned + Send + Sync + 'static,
        E: Send + Sync + 'static,
        F: Fn() -> Fut,
        Fut: Future<Output = Result<(T, u64), E>>,
    {
        let inner = &*self.inner;
        let load = || inner.load(tag, key, &loader);
        let entry = inner
            .tier1
            .entries
            .try_get_with_by_ref(name, load())
            .await?;
        // This caller may have joined a load that an invalidation has overtaken since.
        let entry = if inner.tier1.is_usable(tag, &entry) {
            entry
        } else {
            inner.tier1.entries.invalidate(name).await;
            inner
                .tier1
                .entries
                .try_get_with_by_ref(name, load())
                .await?
        };
        match entry.value.downcast::<T>() {
            Ok(value) => Ok(value),
            // Two types share one key: each loads for itself.
            Err(_) => loader()
                .await
                .map(|(value, _)| Arc::new(value))
                .map_err(Arc::new),
        }
    }

    /// Makes every value of `tag` with a version below `version` unusable, here at once, in Redis
    /// when this returns, and in every other process a moment later.
    ///
    /// Call it after the change is committed, from a queue that repeats it until it succeeds; a
    /// repetition does no harm.
    ///
    /// # Errors
    /// When Redis could not be told. Other processes then serve the old value for at most
    /// [`CacheOptions::l1_ttl`], and Redis until this succeeds.
    ///
    /// ```no_run
    /// # async fn example(coordination: warung_coordination::Coordination)
    /// # -> Result<(), warung_coordination::Unavailable> {
    /// coordination.cache().invalidate("produk", 42).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn invalidate(&self, tag: &str, version: u64) -> Result<(), Unavailable> {
        self.inner.tier1.raise(tag, version);
        let raised = self.inner.tier2.invalidate(tag, version).await?;
        self.inner.bus.publish_floor(tag, version, raised).await
    }
}

impl Inner {
    async fn load<T, E, F, Fut>(&self, tag: &str, key: &str, loader: &F) -> Result<Entry, E>
    where
        T: Serialize + DeserializeOwned + Send + Sync + 'static,
        F: Fn() -> Fut,
        Fut: Future<Output = Result<(T, u64), E>>,
    {
        let epoch = self.tier1.epoch();
        let keys = self.tier2.keys(tag, key);
        let began = Instant::now();
        let mut step = WAIT_STEP;
        loop {
            let Ok(found) = self.tier2.read(&keys).await else {
                self.counters.l2_unavailable.inc();
                let (value, version) = self.ask(loader).await?;
                return Ok(self.tier1.entry(Arc::new(value), version, epoch, 0));
            };
            self.tier1.learn(tag, found.floor, found.floor_raised_ago);
            let Found {
                stored,
                lease,
                is_stale,
                ..
            } = found;
            let old = stored.and_then(|stored| self.decode::<T>(&stored, epoch));
            match (old, lease) {
                (Some(entry), None) => {
                    let counter = if is_stale {
                        &self.counters.l2_stale
                    } else {
                        &self.counters.l2_hit
                    };
                    counter.inc();
                    return Ok(entry);
                }
                (old, Some(lease)) => {
                    let old_or_not = old.as_ref().map(|_| &self.counters.l2_refresh);
                    old_or_not.unwrap_or(&self.counters.l2_miss).inc();
                    let fresh = self.refill(&keys, epoch, Some(lease), loader).await;
                    return match (fresh, old) {
                        (Err(_), Some(old)) => Ok(old),
                        (fresh, _) => fresh,
                    };
                }
                (None, None) if began.elapsed() < WAIT_MAX => {
                    tokio::time::sleep(step).await;
                    step = WAIT_STEP_MAX.min(step * 2);
                }
                (None, None) => {
                    self.counters.l2_miss.inc();
                    return self.refill(&keys, epoch, None, loader).await;
                }
            }
        }
    }

    /// Loads and stores, again if an invalidation overtook the load. A value that stays too old
    /// is handed to those who wait, and kept nowhere.
    async fn refill<T, E, F, Fut>(
        &self,
        keys: &Keys,
        epoch: u64,
        lease: Option<Lease>,
        loader: &F,
    ) -> Result<Entry, E>
    where
        T: Serialize + Send + Sync + 'static,
        F: Fn() -> Fut,
        Fut: Future<Output = Result<(T, u64), E>>,
    {
        let mut loads = 0;
        loop {
            loads += 1;
            let began = Instant::now();
            let (value, version) = match self.ask(loader).await {
                Ok(pair) => pair,
                Err(error) => {
                    if let Some(lease) = lease {
                        self.tier2.give_back(keys, lease).await;
                    }
                    return Err(error);
                }
            };
            let Ok(payload) = serde_json::to_vec(&value) else {
                tracing::error!("a cached value cannot be encoded");
                return Ok(Tier1::unkept(self.tier1.entry(
                    Arc::new(value),
                    version,
                    epoch,
                    0,
                )));
            };
            let filled = self
                .tier2
                .fill(keys, version, began.elapsed(), &payload, lease)
                .await;
            let value: Arc<dyn Any + Send + Sync> = Arc::new(value);
            let entry = self.tier1.entry(value, version, epoch, payload.len());
            if filled != Ok(false) {
                return Ok(entry);
            }
            self.counters.fill_refused.inc();
            if loads == LOADS_MAX {
                return Ok(Tier1::unkept(entry));
            }
        }
    }

    async fn ask<T, E, F, Fut>(&self, loader: &F) -> Result<(T, u64), E>
    where
        F: Fn() -> Fut,
        Fut: Future<Output = Result<(T, u64), E>>,
    {
        let read = loader().await;
        let counter = if read.is_ok() {
            &self.counters.loaded
        } else {
            &self.counters.load_failed
        };
        counter.inc();
        read
    }

    /// A value that does not fit the type any more counts as absent.
    fn decode<T>(&self, stored: &Stored, epoch: u64) -> Option<Entry>
    where
        T: DeserializeOwned + Send + Sync + 'static,
    {
        let payload = stored.payload();
        let value: T = serde_json::from_slice(payload).ok()?;
        Some(
            self.tier1
                .entry(Arc::new(value), stored.version, epoch, payload.len()),
        )
    }
}

impl Coordination {
    /// The cache of this shop.
    pub fn cache(&self) -> &Cache {
        &self.inner.cache
    }

    /// [`Cache::get_or_load`] by one name: `produk:list` is the key `list` under the tag
    /// `produk`. A name without a colon is a tag with one value.
    ///
    /// ```no_run
    /// # async fn example(coordination: warung_coordination::Coordination) {
    /// let names = coordination
    ///     .get_cache("produk:list", || async {
    ///         Ok::<_, std::io::Error>((vec!["kopi".to_owned()], 41))
    ///     })
    ///     .await;
    /// # let _ = names;
    /// # }
    /// ```
    pub async fn get_cache<T, E, F, Fut>(&self, name: &str, loader: F) -> Result<Arc<T>, Arc<E>>
    where
        T: Serialize + DeserializeOwned + Send + Sync + 'static,
        E: Send + Sync + 'static,
        F: Fn() -> Fut,
        Fut: Future<Output = Result<(T, u64), E>>,
    {
        let (tag, key) = name.split_once(':').unwrap_or((name, ""));
        self.cache().get_or_load(tag, key, loader).await
    }
}
