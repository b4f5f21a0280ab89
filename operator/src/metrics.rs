//! Figures of the operator for Prometheus.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use prometheus::{
    Encoder as _, HistogramOpts, HistogramVec, IntCounterVec, IntGauge, Opts, Registry, TextEncoder,
};

use crate::backup::Gauges;
use crate::conditions::{ConditionType, Truth};
use crate::queue::Queue;

/// Upper bounds of the duration of a reconcile, in seconds.
const BUCKETS: [f64; 10] = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0];

/// Namespace and name.
type Shop = (String, String);

/// A condition and its status.
type Said = (ConditionType, Truth);

/// Everything that is counted.
pub struct Metrics {
    registry: Registry,
    reconciles: IntCounterVec,
    duration: HistogramVec,
    running: IntGauge,
    backing_off: IntGauge,
    leader: IntGauge,
    shops: IntGauge,
    oldest_look: IntGauge,
    writes: IntCounterVec,
    foreign: IntCounterVec,
    backups: Gauges,
    queue: Queue,
    /// Each shop's conditions, written out when somebody reads: a gauge carries
    /// its own description, and a thousand shops would have 36,000 of them.
    seen: Mutex<BTreeMap<Shop, Box<[Said]>>>,
    /// When each shop was looked at last, or first heard of.
    looks: Mutex<HashMap<Shop, Instant>>,
}

impl Metrics {
    /// With its own registry.
    ///
    /// # Panics
    /// Never: the names below are valid and differ.
    pub fn new() -> Self {
        let registry = Registry::new();
        let register = |metric: Box<dyn prometheus::core::Collector>| {
            registry.register(metric).expect("names differ");
        };
        let counter = |name: &str, help: &str, labels: &[&str]| {
            let counter = IntCounterVec::new(Opts::new(name, help), labels).expect("a valid name");
            register(Box::new(counter.clone()));
            counter
        };
        let gauge = |name: &str, help: &str| {
            let gauge = IntGauge::new(name, help).expect("a valid name");
            register(Box::new(gauge.clone()));
            gauge
        };
        let duration = HistogramOpts::new(
            "warung_operator_reconcile_duration_seconds",
            "How long one look at an object took",
        );
        let duration =
            HistogramVec::new(duration.buckets(BUCKETS.to_vec()), &["kind"]).expect("a valid name");
        register(Box::new(duration.clone()));
        Self {
            queue: Queue::register(&registry),
            reconciles: counter(
                "warung_operator_reconciles_total",
                "Looks at objects, by what came of them",
                &["kind", "outcome"],
            ),
            running: gauge("warung_operator_reconciles_running", "Looks that go on now"),
            backing_off: gauge(
                "warung_operator_backing_off",
                "Shops whose last look failed and that wait for the next",
            ),
            leader: gauge("warung_operator_leader", "1 when this operator leads"),
            shops: gauge(
                "warung_operator_shops",
                "Shops that this operator looks after",
            ),
            oldest_look: gauge(
                "warung_operator_oldest_look_seconds",
                "Age of the last look at the shop that has waited longest for one",
            ),
            writes: counter(
                "warung_operator_writes_total",
                "Objects written, by kind and verb (apply, create, patch, delete)",
                &["kind", "verb"],
            ),
            foreign: counter(
                "warung_operator_foreign_changes_total",
                "Changes of others that were corrected, by kind",
                &["kind"],
            ),
            backups: Gauges::register(&registry),
            duration,
            registry,
            seen: Mutex::default(),
            looks: Mutex::default(),
        }
    }

    /// A look begins; drop the guard when it ends.
    pub fn begin(&self) -> Running<'_> {
        self.running.inc();
        Running(&self.running)
    }

    /// A look ended.
    pub fn reconciled(&self, kind: &str, outcome: &str, took: Duration) {
        self.reconciles.with_label_values(&[kind, outcome]).inc();
        self.duration
            .with_label_values(&[kind])
            .observe(took.as_secs_f64());
    }

    /// A shop wants to be looked at; from now on it grows old.
    pub fn awaits_look(&self, namespace: &str, shop: &str) {
        let mut looks = self.looks.lock().unwrap_or_else(PoisonError::into_inner);
        let shop = (namespace.to_owned(), shop.to_owned());
        looks.entry(shop).or_insert_with(Instant::now);
    }

    /// A shop was looked at, however that ended.
    pub fn looked(&self, namespace: &str, shop: &str) {
        let mut looks = self.looks.lock().unwrap_or_else(PoisonError::into_inner);
        looks.insert((namespace.to_owned(), shop.to_owned()), Instant::now());
    }

    /// How long ago the shop that waits longest was looked at.
    fn oldest_look(&self, now: Instant) -> Duration {
        let looks = self.looks.lock().unwrap_or_else(PoisonError::into_inner);
        let oldest = looks.values().min();
        oldest.map_or(Duration::ZERO, |at| now.saturating_duration_since(*at))
    }

    /// How many shops wait after a failure.
    pub fn backing_off(&self, count: usize) {
        self.backing_off
            .set(i64::try_from(count).unwrap_or(i64::MAX));
    }

    /// Whether this process leads.
    pub fn leads(&self, leads: bool) {
        self.leader.set(i64::from(leads));
    }

    /// A write of a child.
    pub fn wrote(&self, kind: &str, verb: &str) {
        self.writes.with_label_values(&[kind, verb]).inc();
    }

    /// A change of somebody else was corrected.
    pub fn foreign_change(&self, kind: &str) {
        self.foreign.with_label_values(&[kind]).inc();
    }

    /// What is said of a shop now.
    pub fn conditions(&self, namespace: &str, shop: &str, conditions: &[Condition]) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let word = |it: &Condition| {
            let mut kinds = ConditionType::ALL.iter();
            let kind = kinds.find(|kind| kind.as_str() == it.type_)?;
            let truth = Truth::ALL
                .iter()
                .find(|truth| truth.as_str() == it.status)?;
            Some((*kind, *truth))
        };
        let said = conditions.iter().filter_map(word).collect();
        seen.insert((namespace.to_owned(), shop.to_owned()), said);
        self.shops
            .set(i64::try_from(seen.len()).unwrap_or(i64::MAX));
    }

    /// The shops that are due.
    pub fn queue(&self) -> &Queue {
        &self.queue
    }

    /// How a shop's backups do.
    pub fn backups(&self) -> &Gauges {
        &self.backups
    }

    /// A shop is gone.
    pub fn forget(&self, namespace: &str, shop: &str) {
        self.backups.forget(namespace, shop);
        let mut looks = self.looks.lock().unwrap_or_else(PoisonError::into_inner);
        looks.remove(&(namespace.to_owned(), shop.to_owned()));
        drop(looks);
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.remove(&(namespace.to_owned(), shop.to_owned()));
        self.shops
            .set(i64::try_from(seen.len()).unwrap_or(i64::MAX));
    }

    /// All shops are gone: another operator leads.
    pub fn forget_all(&self) {
        let shops: Vec<_> = {
            let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
            seen.keys().cloned().collect()
        };
        for (namespace, shop) in shops {
            self.forget(&namespace, &shop);
        }
        let mut looks = self.looks.lock().unwrap_or_else(PoisonError::into_inner);
        looks.clear();
    }

    /// As Prometheus reads it.
    pub fn render(&self) -> String {
        let age = self.oldest_look(Instant::now()).as_secs();
        self.oldest_look.set(i64::try_from(age).unwrap_or(i64::MAX));
        self.queue.measure();
        let mut text = Vec::new();
        // Writing to memory cannot fail, and the metrics are those registered above.
        let _ = TextEncoder::new().encode(&self.registry.gather(), &mut text);
        let mut text = String::from_utf8_lossy(&text).into_owned();
        self.render_conditions(&mut text);
        self.backups.render(&mut text);
        text
    }

    /// Names of namespaces and shops (RFC 1123), types and statuses hold nothing to be escaped.
    fn render_conditions(&self, text: &mut String) {
        text.push_str(
            "# HELP warung_shop_condition Conditions of each shop: 1 for the status that a \
             condition has\n# TYPE warung_shop_condition gauge\n",
        );
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        for ((namespace, shop), conditions) in &*seen {
            for (kind, said) in conditions {
                for status in Truth::ALL {
                    let holds = u8::from(*said == status);
                    let status = status.as_str();
                    // Writing to a string cannot fail.
                    let _ = writeln!(
                        text,
                        "warung_shop_condition{{namespace=\"{namespace}\",shop=\"{shop}\",\
                         status=\"{status}\",type=\"{kind}\"}} {holds}"
                    );
                }
            }
        }
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

/// A look that goes on.
pub struct Running<'a>(&'a IntGauge);

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.dec();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_conditions_of_a_shop_go_with_it() {
        let metrics = Metrics::new();
        let ready = Condition {
            type_: "Ready".to_owned(),
            status: "False".to_owned(),
            ..serde_json::from_value(serde_json::json!({
                "type": "Ready", "status": "False", "reason": "Starting", "message": "",
                "lastTransitionTime": "2026-01-01T00:00:00Z",
            }))
            .unwrap()
        };
        metrics.conditions("default", "toko", &[ready]);
        let line = r#"warung_shop_condition{namespace="default",shop="toko",status="False",type="Ready"} 1"#;
        assert!(metrics.render().contains(line), "{}", metrics.render());
        metrics.forget("default", "toko");
        assert!(!metrics.render().contains("toko"));
    }

    #[test]
    fn a_shop_that_nobody_looks_at_grows_old() {
        let metrics = Metrics::new();
        let age = |ahead: u64| {
            let then = Instant::now() + Duration::from_secs(ahead);
            metrics.oldest_look(then).as_secs()
        };
        assert_eq!(age(60), 0, "there is no shop yet");
        metrics.awaits_look("default", "toko");
        metrics.looked("default", "warung");
        assert!(age(60) >= 59);
        metrics.forget("default", "toko");
        metrics.forget("default", "warung");
        assert_eq!(age(60), 0);
        let line = "warung_operator_oldest_look_seconds 0";
        assert!(metrics.render().contains(line), "{}", metrics.render());
    }
}
