//! The tier in this process: values already decoded, for a second or two.

use std::any::Any;
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use moka::Expiry;
use moka::future::Cache;

use crate::config::CacheOptions;
use crate::metrics::Metrics;

/// Tags whose floor is remembered; with more, all is forgotten and read anew.
const FLOORS_MAX: usize = 1_024;
/// Bytes an entry costs besides its value.
const ENTRY_BYTES: usize = 200;

/// A value kept in this process.
#[derive(Clone)]
pub(super) struct Entry {
    pub(super) value: Arc<dyn Any + Send + Sync>,
    pub(super) version: u64,
    epoch: u64,
    ttl: Duration,
    weight: u32,
}

/// The entries, and what is known about which of them may still be used.
///
/// Nothing is searched for when an invalidation comes: an entry is used only if its version has
/// not fallen below its tag's floor, and if no gap in the invalidations lies after the start of
/// its load. So a load that an invalidation overtakes is harmless too.
pub(crate) struct Tier1 {
    pub(super) entries: Cache<String, Entry>,
    floors: RwLock<HashMap<String, u64>>,
    epoch: AtomicU64,
    ttl: Duration,
    metrics: Arc<Metrics>,
}

impl Tier1 {
    pub(super) fn new(options: &CacheOptions, metrics: Arc<Metrics>) -> Self {
        let entries = Cache::builder()
            .max_capacity(options.l1_max_bytes)
            .weigher(|name: &String, entry: &Entry| {
                entry
                    .weight
                    .saturating_add(u32::try_from(name.len()).unwrap_or(u32::MAX))
            })
            .expire_after(OwnTtl)
            .build();
        Self {
            entries,
            floors: RwLock::new(HashMap::new()),
            epoch: AtomicU64::new(0),
            ttl: options.l1_ttl,
            metrics,
        }
    }

    /// The number of gaps so far; an entry is made with that of the start of its load.
    pub(super) fn epoch(&self) -> u64 {
        self.epoch.load(Ordering::Acquire)
    }

    /// An entry for a value of so many encoded bytes, kept for 50 to 100 % of the time to live.
    pub(super) fn entry(
        &self,
        value: Arc<dyn Any + Send + Sync>,
        version: u64,
        epoch: u64,
        bytes: usize,
    ) -> Entry {
        let ttl = self.ttl.mul_f64(rand::random_range(0.5..1.0));
        let weight = u32::try_from(bytes + ENTRY_BYTES).unwrap_or(u32::MAX);
        Entry {
            value,
            version,
            epoch,
            ttl,
            weight,
        }
    }

    /// The same entry for those who wait for it now, and for nobody later.
    pub(super) fn unkept(entry: Entry) -> Entry {
        Entry {
            ttl: Duration::ZERO,
            ..entry
        }
    }

    pub(super) fn is_usable(&self, tag: &str, entry: &Entry) -> bool {
        entry.epoch == self.epoch() && entry.version >= self.floor(tag)
    }

    /// Learns that a tag's floor was raised to `version` some time ago; measures how long this
    /// process did not know.
    pub(crate) fn learn(&self, tag: &str, version: u64, ago: Duration) {
        if self.floor_known(tag) == Some(version) {
            return;
        }
        if let Some(before) = self.raise(tag, version)
            && before < version
        {
            self.metrics.cache_staleness.observe(ago.as_secs_f64());
        }
    }

    /// Raises a tag's floor; the floor before, if one was known.
    pub(super) fn raise(&self, tag: &str, version: u64) -> Option<u64> {
        let mut floors = self.floors.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(floor) = floors.get_mut(tag) {
            let before = *floor;
            *floor = before.max(version);
            return Some(before);
        }
        if floors.len() >= FLOORS_MAX {
            floors.clear();
            self.epoch.fetch_add(1, Ordering::AcqRel);
        }
        floors.insert(tag.to_owned(), version);
        None
    }

    /// Drops everything: invalidations may have been missed.
    pub(crate) fn flush(&self) {
        self.epoch.fetch_add(1, Ordering::AcqRel);
        self.entries.invalidate_all();
    }

    fn floor(&self, tag: &str) -> u64 {
        self.floor_known(tag).unwrap_or(0)
    }

    fn floor_known(&self, tag: &str) -> Option<u64> {
        self.floors
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(tag)
            .copied()
    }
}

/// Each entry carries its own time to live.
struct OwnTtl;

impl Expiry<String, Entry> for OwnTtl {
    fn expire_after_create(&self, _: &String, entry: &Entry, _: Instant) -> Option<Duration> {
        Some(entry.ttl)
    }

    fn expire_after_update(
        &self,
        _: &String,
        entry: &Entry,
        _: Instant,
        _: Option<Duration>,
    ) -> Option<Duration> {
        Some(entry.ttl)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use prometheus::Registry;

    fn tier() -> Tier1 {
        Tier1::new(
            &CacheOptions::default(),
            Arc::new(Metrics::register(&Registry::new())),
        )
    }

    #[test]
    fn an_entry_below_the_floor_is_not_used() {
        let tier = tier();
        let entry = tier.entry(Arc::new(1), 7, tier.epoch(), 10);
        assert!(tier.is_usable("produk", &entry));
        tier.raise("produk", 7);
        assert!(tier.is_usable("produk", &entry));
        tier.raise("produk", 8);
        assert!(!tier.is_usable("produk", &entry));
        tier.raise("produk", 3);
        assert!(!tier.is_usable("produk", &entry), "a floor never falls");
    }

    #[test]
    fn a_load_that_began_before_a_gap_is_not_used() {
        let tier = tier();
        let epoch = tier.epoch();
        tier.flush();
        assert!(!tier.is_usable("produk", &tier.entry(Arc::new(1), 7, epoch, 10)));
    }

    #[test]
    fn only_a_floor_that_was_known_and_rose_is_staleness() {
        let tier = tier();
        let observed = || tier.metrics.cache_staleness.get_sample_count();
        tier.learn("produk", 5, Duration::from_secs(9));
        assert_eq!(observed(), 0);
        tier.learn("produk", 5, Duration::from_secs(9));
        tier.learn("produk", 4, Duration::from_secs(9));
        assert_eq!(observed(), 0);
        tier.learn("produk", 6, Duration::from_millis(3));
        assert_eq!(observed(), 1);
    }

    #[test]
    fn many_tags_stay_bounded() {
        let tier = tier();
        let entry = tier.entry(Arc::new(1), 7, tier.epoch(), 10);
        for tag in 0..=FLOORS_MAX {
            tier.raise(&tag.to_string(), 1);
        }
        assert!(!tier.is_usable("0", &entry));
        assert!(tier.floors.read().unwrap().len() <= FLOORS_MAX);
    }
}
