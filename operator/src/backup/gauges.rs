//! Figures of all shops' backups for Prometheus.

use prometheus::{IntCounterVec, IntGaugeVec, Opts, Registry};

use super::Figures;

/// Labels of every figure.
const SHOP: [&str; 2] = ["namespace", "shop"];
/// Components whose Jobs are counted when they fail.
const COMPONENTS: [&str; 3] = ["backup", "verify", "restore"];

/// Gauges by shop. A time is in seconds since 1970; 0 says never, so that an age that is computed
/// from it is large.
pub struct Gauges {
    last: IntGaugeVec,
    last_verified: IntGaugeVec,
    bytes: IntGaugeVec,
    restore_seconds: IntGaugeVec,
    failures: IntCounterVec,
}

impl Gauges {
    /// Registers them.
    ///
    /// # Panics
    /// When a registry has them already.
    pub fn register(registry: &Registry) -> Self {
        let gauge = |name: &str, help: &str| {
            let gauge = IntGaugeVec::new(Opts::new(name, help), &SHOP).expect("a valid name");
            let registered = registry.register(Box::new(gauge.clone()));
            registered.expect("names differ");
            gauge
        };
        let failures = IntCounterVec::new(
            Opts::new(
                "warung_shop_job_failures_total",
                "Backups, verifications and restores that failed",
            ),
            &["namespace", "shop", "component"],
        );
        let failures = failures.expect("a valid name");
        let registered = registry.register(Box::new(failures.clone()));
        registered.expect("names differ");
        Self {
            last: gauge(
                "warung_shop_last_backup_timestamp_seconds",
                "When the newest complete backup was written; 0 is never",
            ),
            last_verified: gauge(
                "warung_shop_last_verified_backup_timestamp_seconds",
                "When the newest backup that was restored and found whole was written; 0 is never",
            ),
            bytes: gauge(
                "warung_shop_backup_bytes",
                "Size of the newest complete backup",
            ),
            restore_seconds: gauge(
                "warung_shop_restore_seconds",
                "How long the restore of the newest verified backup took",
            ),
            failures,
        }
    }

    /// What is known of a shop now.
    pub fn set(&self, namespace: &str, shop: &str, figures: &Figures) {
        let of =
            |gauge: &IntGaugeVec, value| gauge.with_label_values(&[namespace, shop]).set(value);
        of(&self.last, figures.last_backup);
        of(&self.last_verified, figures.last_verified_backup);
        of(&self.bytes, figures.bytes);
        of(&self.restore_seconds, figures.restore_seconds);
    }

    /// A Job of a component failed.
    pub fn failed(&self, namespace: &str, shop: &str, component: &str) {
        let labels = [namespace, shop, component];
        self.failures.with_label_values(&labels).inc();
    }

    /// A shop is gone. What there was none of is no matter.
    pub fn forget(&self, namespace: &str, shop: &str) {
        let all = [
            &self.last,
            &self.last_verified,
            &self.bytes,
            &self.restore_seconds,
        ];
        for gauge in all {
            let _ = gauge.remove_label_values(&[namespace, shop]);
        }
        for component in COMPONENTS {
            let labels = [namespace, shop, component];
            let _ = self.failures.remove_label_values(&labels);
        }
    }
}
