//! The numbers this crate shows, under the names of the shop's dashboards.

use std::array;
use std::sync::OnceLock;
use std::time::Duration;

use prometheus::core::Collector;
use prometheus::{
    Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, Opts, Registry,
};

/// Upper bounds in seconds; classic buckets, readable by every Prometheus.
const BUCKETS: &[f64] = &[
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.25, 0.5, 1.0, 2.5, 5.0,
];

/// What was asked of Redis; the `command` label.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Command {
    LockAcquire,
    LockExtend,
    LockRelease,
    RateLimit,
    RateRefund,
    SessionGet,
    SessionPut,
    SessionDelete,
    CacheRead,
    CacheFill,
    CacheInvalidate,
    Pace,
    PaceAdjust,
    Publish,
}

impl Command {
    const COUNT: usize = Self::Publish as usize + 1;

    const fn label(self) -> &'static str {
        match self {
            Self::LockAcquire => "lock_acquire",
            Self::LockExtend => "lock_extend",
            Self::LockRelease => "lock_release",
            Self::RateLimit => "rate_limit",
            Self::RateRefund => "rate_refund",
            Self::SessionGet => "session_get",
            Self::SessionPut => "session_put",
            Self::SessionDelete => "session_delete",
            Self::CacheRead => "cache_read",
            Self::CacheFill => "cache_fill",
            Self::CacheInvalidate => "cache_invalidate",
            Self::Pace => "pace",
            Self::PaceAdjust => "pace_adjust",
            Self::Publish => "publish",
        }
    }
}

/// How a call ended; the `outcome` label.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    Ok,
    Error,
    Timeout,
    Unavailable,
}

impl Outcome {
    const COUNT: usize = Self::Unavailable as usize + 1;

    const fn label(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Error => "error",
            Self::Timeout => "timeout",
            Self::Unavailable => "unavailable",
        }
    }
}

/// Every metric of the crate.
#[derive(Debug)]
pub(crate) struct Metrics {
    command_seconds: HistogramVec,
    /// Label look-ups hash strings under a lock; each pair is looked up once.
    commands: [[OnceLock<Histogram>; Outcome::COUNT]; Command::COUNT],
    pub(crate) up: IntGauge,
    pub(crate) rebuilds: IntCounter,
    pub(crate) independent_masters: IntGauge,
    pub(crate) lock_acquired: Histogram,
    pub(crate) lock_contended: Histogram,
    pub(crate) lock_unavailable: Histogram,
    pub(crate) lock_votes: Histogram,
    pub(crate) rate: IntCounterVec,
    pub(crate) cache: IntCounterVec,
    pub(crate) cache_staleness: Histogram,
}

impl Metrics {
    /// Registers everything. A name that is taken already is counted all the same, unseen, so
    /// that a second client on one registry cannot stop a start.
    pub(crate) fn register(registry: &Registry) -> Self {
        let lock_seconds = seconds_vec(
            registry,
            "warung_lock_acquire_seconds",
            "Time to decide a lock, by outcome.",
            &["outcome"],
        );
        let lock = |outcome| lock_seconds.with_label_values(&[outcome]);
        Self {
            command_seconds: seconds_vec(
                registry,
                "warung_redis_command_seconds",
                "Time of one call to Redis, retries included.",
                &["command", "outcome"],
            ),
            commands: array::from_fn(|_| array::from_fn(|_| OnceLock::new())),
            up: gauge(
                registry,
                "warung_redis_up",
                "1 while every master is connected.",
            ),
            rebuilds: counter(
                registry,
                "warung_redis_rebuild_total",
                "Connections replaced because they fell silent.",
            ),
            independent_masters: gauge(
                registry,
                "warung_lock_independent_masters",
                "Distinct masters behind a lock, at the worst of all tag triples.",
            ),
            lock_acquired: lock("acquired"),
            lock_contended: lock("contended"),
            lock_unavailable: lock("unavailable"),
            lock_votes: votes(registry),
            rate: counters(
                registry,
                "warung_ratelimit_total",
                "Rate limit decisions.",
                &["decision", "source"],
            ),
            cache: counters(
                registry,
                "warung_cache_requests_total",
                "Cache look-ups by tier and result.",
                &["tier", "result"],
            ),
            cache_staleness: seconds(
                registry,
                "warung_cache_staleness_seconds",
                "Time from an invalidation to the moment this process obeyed it.",
            ),
        }
    }

    /// Notes one call.
    pub(crate) fn observe(&self, command: Command, outcome: Outcome, took: Duration) {
        self.commands[command as usize][outcome as usize]
            .get_or_init(|| {
                let labels = [command.label(), outcome.label()];
                self.command_seconds.with_label_values(&labels)
            })
            .observe(took.as_secs_f64());
    }
}

fn keep<C: Collector + Clone + 'static>(
    registry: &Registry,
    collector: prometheus::Result<C>,
) -> C {
    let collector = collector.expect("metric names and labels are constants");
    if let Err(error) = registry.register(Box::new(collector.clone())) {
        tracing::warn!(%error, "a coordination metric is not registered");
    }
    collector
}

fn gauge(registry: &Registry, name: &str, help: &str) -> IntGauge {
    keep(registry, IntGauge::new(name, help))
}

fn counter(registry: &Registry, name: &str, help: &str) -> IntCounter {
    keep(registry, IntCounter::new(name, help))
}

fn counters(registry: &Registry, name: &str, help: &str, labels: &[&str]) -> IntCounterVec {
    keep(registry, IntCounterVec::new(Opts::new(name, help), labels))
}

fn seconds(registry: &Registry, name: &str, help: &str) -> Histogram {
    let opts = HistogramOpts::new(name, help).buckets(BUCKETS.to_vec());
    keep(registry, Histogram::with_opts(opts))
}

fn seconds_vec(registry: &Registry, name: &str, help: &str, labels: &[&str]) -> HistogramVec {
    let opts = HistogramOpts::new(name, help).buckets(BUCKETS.to_vec());
    keep(registry, HistogramVec::new(opts, labels))
}

fn votes(registry: &Registry) -> Histogram {
    let opts = HistogramOpts::new("warung_lock_votes", "Masters that granted a lock.")
        .buckets(vec![0.0, 1.0, 2.0, 3.0]);
    keep(registry, Histogram::with_opts(opts))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_client_on_one_registry_starts_too() {
        let registry = Registry::new();
        Metrics::register(&registry).up.set(1);
        Metrics::register(&registry).up.set(0);
        let families = registry.gather();
        let up = families
            .iter()
            .find(|family| family.name() == "warung_redis_up")
            .unwrap();
        assert!((up.get_metric()[0].get_gauge().get_value() - 1.0).abs() < f64::EPSILON);
    }

    #[test]
    fn a_call_is_counted_under_its_labels() {
        let registry = Registry::new();
        let metrics = Metrics::register(&registry);
        metrics.observe(Command::Pace, Outcome::Timeout, Duration::from_millis(3));
        let count = metrics
            .command_seconds
            .with_label_values(&["pace", "timeout"])
            .get_sample_count();
        assert_eq!(count, 1);
    }
}
