//! Figures of all shops' backups for Prometheus.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::{Mutex, MutexGuard, PoisonError};

use prometheus::{IntCounterVec, Opts, Registry};

use super::Figures;

/// Components whose Jobs are counted when they fail.
const COMPONENTS: [&str; 3] = ["backup", "verify", "restore"];

/// A figure of each shop: its name, what it says, and how it is read.
type Gauge = (&'static str, &'static str, fn(&Figures) -> i64);

/// What is told of each shop's backups.
const GAUGES: [Gauge; 4] = [
    (
        "warung_shop_last_backup_timestamp_seconds",
        "When the newest complete backup was written; 0 is never",
        |figures| figures.last_backup,
    ),
    (
        "warung_shop_last_verified_backup_timestamp_seconds",
        "When the newest backup that was restored and found whole was written; 0 is never",
        |figures| figures.last_verified_backup,
    ),
    (
        "warung_shop_backup_bytes",
        "Size of the newest complete backup",
        |figures| figures.bytes,
    ),
    (
        "warung_shop_restore_seconds",
        "How long the restore of the newest verified backup took",
        |figures| figures.restore_seconds,
    ),
];

/// Gauges by shop, written out when somebody reads. A time is in seconds since 1970; 0 says never,
/// so that an age that is computed from it is large.
pub struct Gauges {
    /// By namespace and name.
    shops: Mutex<BTreeMap<(String, String), Figures>>,
    failures: IntCounterVec,
}

impl Gauges {
    /// Registers them.
    ///
    /// # Panics
    /// When a registry has them already.
    pub fn register(registry: &Registry) -> Self {
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
            shops: Mutex::default(),
            failures,
        }
    }

    /// What is known of a shop now.
    pub fn set(&self, namespace: &str, shop: &str, figures: &Figures) {
        let shop = (namespace.to_owned(), shop.to_owned());
        self.lock().insert(shop, *figures);
    }

    /// A Job of a component failed.
    pub fn failed(&self, namespace: &str, shop: &str, component: &str) {
        let labels = [namespace, shop, component];
        self.failures.with_label_values(&labels).inc();
    }

    /// A shop is gone. What there was none of is no matter.
    pub fn forget(&self, namespace: &str, shop: &str) {
        self.lock().remove(&(namespace.to_owned(), shop.to_owned()));
        for component in COMPONENTS {
            let labels = [namespace, shop, component];
            let _ = self.failures.remove_label_values(&labels);
        }
    }

    /// As Prometheus reads it. Names of namespaces and shops hold nothing to be escaped.
    pub fn render(&self, text: &mut String) {
        let shops = self.lock();
        for (name, help, figure) in GAUGES {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} gauge");
            for ((namespace, shop), figures) in &*shops {
                let value = figure(figures);
                let _ = writeln!(
                    text,
                    "{name}{{namespace=\"{namespace}\",shop=\"{shop}\"}} {value}"
                );
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<(String, String), Figures>> {
        self.shops.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_figures_of_a_shop_go_with_it() {
        let gauges = Gauges::register(&Registry::new());
        let figures = Figures {
            bytes: 7,
            ..Figures::default()
        };
        gauges.set("pasar", "toko", &figures);
        let told = || {
            let mut text = String::new();
            gauges.render(&mut text);
            text
        };
        let line = "warung_shop_backup_bytes{namespace=\"pasar\",shop=\"toko\"} 7\n";
        assert!(told().contains(line), "{}", told());
        gauges.forget("pasar", "toko");
        assert!(!told().contains("toko"));
    }
}
