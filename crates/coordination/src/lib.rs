//! What the bots of one shop do together through a Redis Cluster.
//!
//! * [`Coordination::acquire_lock`]: locks over three masters, to be fenced in the database;
//! * [`Coordination::check_rate_limit`]: an exact limit, such as 3 purchases in any 60 s;
//! * [`Coordination::sessions`]: short-lived typed state;
//! * [`Coordination::cache`]: two tiers, one load for the whole fleet, invalidation by version;
//! * [`Coordination::pace`]: the sends of one WhatsApp number, shared by the fleet;
//! * [`Coordination::hints`]: wake-up calls between bots.
//!
//! Redis is for speed here; the database stays the only truth. Every part has an answer for the
//! time when Redis is away: locks say [`LockError::Unavailable`] at once, limits say
//! [`RateDecision::Unavailable`], the cache asks its loader, pacing goes on with each bot's share,
//! hints are lost. Nothing waits longer than [`Timeouts`] allows, and a start never waits at all.
//!
//! # Keys and channels
//! All begin with the caller's prefix, so shops can share a cluster. Let it evict nothing
//! (`maxmemory-policy noeviction`): an evicted lock is a lost one.
//!
//! | Name | What |
//! |---|---|
//! | `<prefix>lock:{<tag>}:<subject>:<action>` | one vote of a lock, on three masters |
//! | `<prefix>rate:<subject>:<action>` | the charges of the last window |
//! | `<prefix>session:<id>` | a session |
//! | `<prefix>cache:{<prefix><tag>}:value:<key>`, `…:lease:<key>`, `…:floor` | cached values |
//! | `<prefix>pace:{<prefix><number>}:number`, `…:pair:<recipient>` | send buckets |
//! | `<prefix>bus:{<prefix>bus}:hints`, `…:floors` | sharded channels |
//!
//! # Metrics
//! `warung_lock_acquire_seconds{outcome}`, `warung_lock_votes`,
//! `warung_lock_independent_masters` (alert below 3), `warung_ratelimit_total{decision,source}`,
//! `warung_cache_requests_total{tier,result}`, `warung_cache_staleness_seconds`,
//! `warung_redis_command_seconds{command,outcome}`, `warung_redis_rebuild_total`,
//! `warung_redis_up`.
//!
//! # Example
//! Needs Redis 7.0 or later, or Valkey 8, as a cluster, and a Tokio runtime.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use std::time::Duration;
//! use warung_coordination::{Config, Coordination};
//!
//! let nodes = ["redis://127.0.0.1:7000", "redis://127.0.0.1:7001"];
//! let config = Config::parse(nodes, "warung:toko-sari:")?;
//! let coordination = Coordination::connect(config, &prometheus::Registry::new());
//!
//! let lock = coordination.acquire_lock("6281200001", "buy", Duration::from_secs(30)).await?;
//! println!("held for {:?}, fenced by {}", lock.valid_for(), lock.resource());
//! lock.release().await;
//!
//! coordination.shutdown().await;
//! # Ok(())
//! # }
//! ```

/// Whether a guard is taken out: never, but in programs built with the feature `chaos`.
#[cfg(feature = "chaos")]
macro_rules! without {
    ($guard:literal) => {
        warung_faultpoints::is_out($guard)
    };
}
#[cfg(not(feature = "chaos"))]
macro_rules! without {
    ($guard:literal) => {
        false
    };
}

mod bus;
mod cache;
mod cluster;
mod config;
mod hints;
mod lock;
mod metrics;
mod pace;
mod rate_limit;
mod script;
mod session;

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::DropGuard;

use crate::bus::Bus;
use crate::cluster::Cluster;
use crate::metrics::Metrics;

pub use crate::cache::Cache;
pub use crate::config::{CacheOptions, Config, ConfigError, Timeouts};
pub use crate::hints::{Hint, HintReceiver, HintSet, Hints};
pub use crate::lock::{Lock, LockError};
pub use crate::pace::{Pace, PaceLimits, SendGrant};
pub use crate::rate_limit::RateDecision;
pub use crate::session::{SESSION_MAX_BYTES, SessionError, Sessions};

/// How long [`Coordination::shutdown`] waits for locks to be freed, and then for its own tasks.
const SHUTDOWN_WAIT: Duration = Duration::from_secs(1);

/// Redis did not do what was asked, in the time allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("redis is away")]
pub struct Unavailable;

/// How the cluster looks from this process.
///
/// ```no_run
/// # fn example(coordination: warung_coordination::Coordination) {
/// let health = coordination.health();
/// println!("{} of {} masters connected", health.connected_masters, health.masters);
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Health {
    /// Every slot has a master, and every master a connection.
    pub is_up: bool,
    /// Masters in the slot map; 0 before the first contact.
    pub masters: usize,
    /// Masters with a live connection that did not just say that the cluster is down.
    pub connected_masters: usize,
    /// Distinct masters behind a lock, at worst; below 3, locks are less safe.
    pub independent_masters: usize,
    /// Whether hints and invalidations of other bots arrive.
    pub is_subscribed: bool,
}

/// One process's part in the coordination of a shop. Cheap to clone; the last clone dropped ends
/// all background work.
#[derive(Clone)]
pub struct Coordination {
    inner: Arc<Inner>,
}

struct Inner {
    cluster: Arc<Cluster>,
    bus: Arc<Bus>,
    cache: Cache,
    hints: Hints,
    _stop: DropGuard,
}

impl Coordination {
    /// Starts, in the background, to connect and to stay connected. Returns at once, whether
    /// there is a Redis or not.
    ///
    /// # Panics
    /// Outside a Tokio runtime.
    ///
    /// ```no_run
    /// # async fn example() -> Result<(), warung_coordination::ConfigError> {
    /// use std::time::Duration;
    /// use warung_coordination::{Config, Coordination};
    ///
    /// let config = Config::parse(["redis://127.0.0.1:7000"], "warung:toko-sari:")?;
    /// let coordination = Coordination::connect(config, &prometheus::Registry::new());
    /// if !coordination.wait_until_up(Duration::from_secs(2)).await {
    ///     println!("going on without redis");
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn connect(config: Config, registry: &prometheus::Registry) -> Self {
        let metrics = Arc::new(Metrics::register(registry));
        let options = config.cache;
        let cluster = Arc::new(Cluster::new(config, metrics));
        let bus = Arc::new(Bus::new(Arc::clone(&cluster)));
        let cache = Cache::new(Arc::clone(&cluster), options, Arc::clone(&bus));
        let hints = Hints::new();
        cluster.serve(cluster::keep(Arc::clone(&cluster)));
        cluster.serve(bus::listen(Arc::clone(&bus), cache.tier1(), hints.board()));
        cluster.serve(hints::send_on(hints.board(), Arc::clone(&bus)));
        let stop = cluster.stop.clone().drop_guard();
        Self {
            inner: Arc::new(Inner {
                cluster,
                bus,
                cache,
                hints,
                _stop: stop,
            }),
        }
    }

    /// How the cluster looks now. Costs nothing: it is watched all the time.
    pub fn health(&self) -> Health {
        let standing = self.inner.cluster.standing();
        Health {
            is_up: standing.is_up(),
            masters: standing.masters,
            connected_masters: standing.connected,
            independent_masters: standing.independent_masters,
            is_subscribed: self.inner.bus.is_subscribed(),
        }
    }

    /// Waits until the whole cluster is connected, at most `limit`; says whether it is.
    ///
    /// ```no_run
    /// # async fn example(coordination: warung_coordination::Coordination) {
    /// assert!(coordination.wait_until_up(std::time::Duration::from_secs(5)).await);
    /// # }
    /// ```
    pub async fn wait_until_up(&self, limit: Duration) -> bool {
        let mut up = self.inner.cluster.up.subscribe();
        tokio::time::timeout(limit, up.wait_for(|up| *up))
            .await
            .is_ok_and(|up| up.is_ok())
    }

    /// Waits (2 s at most) until dropped locks are freed, then ends all background work; after it
    /// every call says that Redis is away. Locks still held then run out by themselves.
    ///
    /// ```no_run
    /// # async fn example(coordination: warung_coordination::Coordination) {
    /// coordination.shutdown().await;
    /// # }
    /// ```
    pub async fn shutdown(&self) {
        let cluster = &self.inner.cluster;
        cluster.tasks.close();
        let _ = tokio::time::timeout(SHUTDOWN_WAIT, cluster.tasks.wait()).await;
        cluster.stop.cancel();
        cluster.metrics.up.set(0);
        cluster.services.close();
        let _ = tokio::time::timeout(SHUTDOWN_WAIT, cluster.services.wait()).await;
    }

    pub(crate) fn cluster(&self) -> &Arc<Cluster> {
        &self.inner.cluster
    }
}
