//! Every metric the bot shows at `/metrics`, beside those of the coordination crate.
//!
//! Seconds, `_total`, and no customer in any label. `tests/it/metrics.rs` holds the golden list.

use prometheus::{
    Encoder, Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge,
    IntGaugeVec, Opts, Registry, TextEncoder, core::Collector,
};

/// Bucket bounds in seconds: 1 ms to 5 s, the spread of everything a customer waits for.
const SECONDS: &[f64] = &[
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.25, 0.5, 1.0, 2.5, 5.0,
];
/// Bucket bounds in rows of a batch.
const ROWS: &[f64] = &[1.0, 2.0, 5.0, 10.0, 25.0, 50.0, 100.0, 250.0, 500.0, 1000.0];

/// All of them.
#[derive(Debug, Clone)]
pub struct Metrics {
    /// Where they (and the coordination crate's) are registered.
    pub registry: Registry,
    /// HTTP requests by route and status class.
    pub requests: IntCounterVec,
    /// HTTP request durations by route.
    pub request_seconds: HistogramVec,
    /// Open connections.
    pub connections: IntGauge,
    /// Requests and connections turned away, by reason.
    pub shed: IntCounterVec,
    /// From the webhook's last byte to its durable 200.
    pub webhook_ack_seconds: Histogram,
    /// Webhook bodies refused, by reason.
    pub webhook_refused: IntCounterVec,
    /// Webhook items stored, by kind.
    pub inbox_items: IntCounterVec,
    /// Items that came again.
    pub duplicates: IntCounter,
    /// Rows of one inbox commit.
    pub inbox_batch_rows: Histogram,
    /// Messages waiting.
    pub inbox_pending: IntGauge,
    /// Age of the oldest waiting message.
    pub inbox_oldest_seconds: prometheus::Gauge,
    /// Turns by outcome.
    pub turns: IntCounterVec,
    /// Turn durations by command.
    pub turn_seconds: HistogramVec,
    /// From receiving a message to WhatsApp accepting its reply.
    pub message_e2e_seconds: Histogram,
    /// Turns under way.
    pub turns_in_flight: IntGauge,
    /// Sends by outcome code.
    pub sends: IntCounterVec,
    /// Durations of calls to WhatsApp.
    pub send_seconds: Histogram,
    /// Messages waiting to be sent.
    pub outbox_pending: IntGauge,
    /// Age of the oldest message waiting to be sent.
    pub outbox_oldest_seconds: prometheus::Gauge,
    /// Sends whose answer was lost and is awaited.
    pub outbox_unknown: IntGauge,
    /// Read receipts by outcome.
    pub read_receipts: IntCounterVec,
    /// Dead letters by queue.
    pub dead_letters: IntGaugeVec,
    /// Calls to Midtrans by call and outcome.
    pub midtrans_calls: IntCounterVec,
    /// Durations of calls to Midtrans.
    pub midtrans_call_seconds: HistogramVec,
    /// Payment notifications by outcome.
    pub notifications: IntCounterVec,
    /// Payment attempts by state.
    pub payments: IntGaugeVec,
    /// Age of the oldest payment that waits for an answer of ours.
    pub payment_oldest_seconds: prometheus::Gauge,
    /// Reports of Midtrans that a person must look at, by kind.
    pub payment_alerts: IntCounterVec,
    /// Orders by the state they moved to.
    pub orders: IntCounterVec,
    /// Purchases refused, by reason.
    pub purchases_refused: IntCounterVec,
    /// Commits that the fence rolled back.
    pub lock_fenced: IntCounter,
    /// Purchases that went on without Redis.
    pub lock_fallback: IntCounter,
    /// Sum of the ledger; anything but zero is an alarm.
    pub ledger_imbalance: IntGauge,
    /// Violations of invariants found by the auditor, by rule.
    pub invariant_violations: IntCounterVec,
    /// Violations that stand now.
    pub invariant_violations_open: IntGauge,
    /// Connections of the pool, by state.
    pub pool_connections: IntGaugeVec,
    /// Webhook items that say another app has the thread.
    pub handovers: IntCounter,
    /// Panics caught at a boundary.
    pub panics: IntCounterVec,
    /// Runs of sweeps by name and outcome.
    pub sweeps: IntCounterVec,
    /// Version and start.
    pub build_info: IntGaugeVec,
}

impl Metrics {
    /// Registers everything.
    ///
    /// # Errors
    /// If two metrics share a name: a mistake in this file.
    #[expect(clippy::too_many_lines, reason = "a list, not a procedure")]
    pub fn new() -> prometheus::Result<Self> {
        let registry = Registry::new();
        let r = &registry;
        Ok(Self {
            requests: counters(
                r,
                "warung_http_requests_total",
                "HTTP requests",
                &["route", "status"],
            )?,
            request_seconds: histograms(
                r,
                "warung_http_request_seconds",
                "HTTP request durations",
                &["route"],
            )?,
            connections: gauge(r, "warung_http_connections", "Open connections")?,
            shed: counters(
                r,
                "warung_shed_total",
                "Requests and connections turned away",
                &["reason"],
            )?,
            webhook_ack_seconds: histogram(
                r,
                "warung_webhook_ack_seconds",
                "Webhook to durable 200",
                SECONDS,
            )?,
            webhook_refused: counters(
                r,
                "warung_webhook_refused_total",
                "Webhook bodies refused",
                &["source", "reason"],
            )?,
            inbox_items: counters(
                r,
                "warung_inbox_items_total",
                "Webhook items stored",
                &["kind"],
            )?,
            duplicates: counter(r, "warung_duplicate_total", "Webhook items that came again")?,
            inbox_batch_rows: histogram(
                r,
                "warung_inbox_batch_rows",
                "Rows of one inbox commit",
                ROWS,
            )?,
            inbox_pending: gauge(r, "warung_inbox_pending", "Messages waiting")?,
            inbox_oldest_seconds: float_gauge(
                r,
                "warung_inbox_oldest_seconds",
                "Age of the oldest waiting message",
            )?,
            turns: counters(r, "warung_turns_total", "Turns", &["outcome"])?,
            turn_seconds: histograms(r, "warung_turn_seconds", "Turn durations", &["command"])?,
            message_e2e_seconds: histogram(
                r,
                "warung_message_e2e_seconds",
                "Message received to reply accepted",
                SECONDS,
            )?,
            turns_in_flight: gauge(r, "warung_turns_in_flight", "Turns under way")?,
            sends: counters(r, "warung_sends_total", "Sends to WhatsApp", &["code"])?,
            send_seconds: histogram(
                r,
                "warung_send_seconds",
                "Durations of calls to WhatsApp",
                SECONDS,
            )?,
            outbox_pending: gauge(r, "warung_outbox_pending", "Messages waiting to be sent")?,
            outbox_oldest_seconds: float_gauge(
                r,
                "warung_outbox_oldest_seconds",
                "Age of the oldest message waiting to be sent",
            )?,
            outbox_unknown: gauge(r, "warung_outbox_unknown", "Sends whose answer was lost")?,
            read_receipts: counters(
                r,
                "warung_read_receipts_total",
                "Read receipts by outcome",
                &["outcome"],
            )?,
            dead_letters: gauges(r, "warung_dead_letters", "Dead letters", &["queue"])?,
            midtrans_calls: counters(
                r,
                "warung_midtrans_calls_total",
                "Calls to Midtrans",
                &["call", "outcome"],
            )?,
            midtrans_call_seconds: histograms(
                r,
                "warung_midtrans_call_seconds",
                "Durations of calls to Midtrans",
                &["call"],
            )?,
            notifications: counters(
                r,
                "warung_payment_notifications_total",
                "Payment notifications",
                &["outcome"],
            )?,
            payments: gauges(r, "warung_payments", "Payment attempts", &["state"])?,
            payment_oldest_seconds: float_gauge(
                r,
                "warung_payment_oldest_due_seconds",
                "Age of the oldest payment that is due for a call",
            )?,
            payment_alerts: counters(
                r,
                "warung_payment_alerts_total",
                "Reports of Midtrans that a person must look at",
                &["kind"],
            )?,
            orders: counters(
                r,
                "warung_orders_total",
                "Orders by the state they moved to",
                &["state"],
            )?,
            purchases_refused: counters(
                r,
                "warung_purchases_refused_total",
                "Purchases refused",
                &["reason"],
            )?,
            lock_fenced: counter(
                r,
                "warung_lock_fenced_total",
                "Commits rolled back by the fence",
            )?,
            lock_fallback: counter(
                r,
                "warung_lock_fallback_total",
                "Purchases made without Redis",
            )?,
            ledger_imbalance: gauge(r, "warung_ledger_imbalance_rupiah", "Sum of the ledger")?,
            invariant_violations: counters(
                r,
                "warung_invariant_violation_total",
                "Violations found by the auditor",
                &["rule"],
            )?,
            invariant_violations_open: gauge(
                r,
                "warung_invariant_violations_open",
                "Violations that stand",
            )?,
            pool_connections: gauges(
                r,
                "warung_pool_connections",
                "Connections to PostgreSQL",
                &["state"],
            )?,
            handovers: counter(
                r,
                "warung_thread_handover_total",
                "Items that say another app has the thread",
            )?,
            panics: counters(r, "warung_panics_total", "Panics caught", &["where"])?,
            sweeps: counters(
                r,
                "warung_sweeps_total",
                "Runs of sweeps",
                &["sweep", "outcome"],
            )?,
            build_info: gauges(r, "warung_build_info", "Version of the bot", &["version"])?,
            registry,
        })
    }

    /// The text that Prometheus scrapes.
    pub fn text(&self) -> Vec<u8> {
        let mut text = Vec::with_capacity(16 * 1024);
        if let Err(error) = TextEncoder::new().encode(&self.registry.gather(), &mut text) {
            tracing::error!(%error, "metrics cannot be encoded");
        }
        text
    }
}

fn register<C: Collector + Clone + 'static>(
    registry: &Registry,
    metric: C,
) -> prometheus::Result<C> {
    registry.register(Box::new(metric.clone()))?;
    Ok(metric)
}

fn counter(registry: &Registry, name: &str, help: &str) -> prometheus::Result<IntCounter> {
    register(registry, IntCounter::new(name, help)?)
}

fn counters(
    registry: &Registry,
    name: &str,
    help: &str,
    labels: &[&str],
) -> prometheus::Result<IntCounterVec> {
    register(registry, IntCounterVec::new(Opts::new(name, help), labels)?)
}

fn gauge(registry: &Registry, name: &str, help: &str) -> prometheus::Result<IntGauge> {
    register(registry, IntGauge::new(name, help)?)
}

fn float_gauge(
    registry: &Registry,
    name: &str,
    help: &str,
) -> prometheus::Result<prometheus::Gauge> {
    register(registry, prometheus::Gauge::new(name, help)?)
}

fn gauges(
    registry: &Registry,
    name: &str,
    help: &str,
    labels: &[&str],
) -> prometheus::Result<IntGaugeVec> {
    register(registry, IntGaugeVec::new(Opts::new(name, help), labels)?)
}

fn histogram(
    registry: &Registry,
    name: &str,
    help: &str,
    buckets: &[f64],
) -> prometheus::Result<Histogram> {
    let options = HistogramOpts::new(name, help).buckets(buckets.to_vec());
    register(registry, Histogram::with_opts(options)?)
}

fn histograms(
    registry: &Registry,
    name: &str,
    help: &str,
    labels: &[&str],
) -> prometheus::Result<HistogramVec> {
    let options = HistogramOpts::new(name, help).buckets(SECONDS.to_vec());
    register(registry, HistogramVec::new(options, labels)?)
}
