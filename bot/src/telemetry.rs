//! Logs as JSON with a trace id from webhook to send, and OpenTelemetry traces where an endpoint is
//! given.
//!
//! The trace context travels in the inbox and outbox rows (W3C Trace Context), so that one id leads
//! from a webhook over the turn that answered it, perhaps on another bot, to the send.

use anyhow::Result;
use opentelemetry::{
    Context,
    trace::{
        SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId, TraceState, TracerProvider as _,
    },
};
use opentelemetry_otlp::WithExportConfig;
use opentelemetry_sdk::{Resource, trace::SdkTracerProvider};
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt;
use tracing_subscriber::{EnvFilter, layer::SubscriberExt, util::SubscriberInitExt};

use crate::clock;

/// A span and the context by which the next process continues it.
pub struct Trace {
    /// The span: enter it, or instrument a future with it.
    pub span: Span,
    /// `traceparent` for what follows.
    pub parent: String,
}

/// Begins a span that continues `incoming`, or a new trace where that is absent or malformed.
pub fn begin(kind: &'static str, incoming: Option<&str>) -> Trace {
    let (trace_id, parent_span) = incoming
        .and_then(parse)
        .unwrap_or_else(|| (TraceId::from_bytes(clock::random()), SpanId::INVALID));
    let span = tracing::info_span!("work", otel.name = kind, kind, trace_id = %trace_id);
    let mut span_id = SpanId::from_bytes(clock::random());
    if parent_span != SpanId::INVALID {
        let context = SpanContext::new(
            trace_id,
            parent_span,
            TraceFlags::SAMPLED,
            true,
            TraceState::default(),
        );
        // Fails only when no OpenTelemetry layer is installed.
        let _ = span.set_parent(Context::new().with_remote_span_context(context));
    }
    let own = span.context().span().span_context().clone();
    let trace_id = if own.is_valid() {
        span_id = own.span_id();
        own.trace_id()
    } else {
        trace_id
    };
    Trace {
        span,
        parent: format!("00-{trace_id}-{span_id}-01"),
    }
}

fn parse(traceparent: &str) -> Option<(TraceId, SpanId)> {
    let mut parts = traceparent.split('-');
    let (_version, trace, span) = (parts.next()?, parts.next()?, parts.next()?);
    let trace = TraceId::from_hex(trace)
        .ok()
        .filter(|id| *id != TraceId::INVALID)?;
    let span = SpanId::from_hex(span)
        .ok()
        .filter(|id| *id != SpanId::INVALID)?;
    Some((trace, span))
}

/// Ends the export of traces when dropped.
pub struct Telemetry(Option<SdkTracerProvider>);

impl Drop for Telemetry {
    fn drop(&mut self) {
        if let Some(provider) = self.0.take() {
            let _ = provider.shutdown();
        }
    }
}

/// Installs the subscriber: JSON to standard output at `filter`, traces to `otlp` where given.
///
/// # Errors
/// A filter that cannot be read, or an endpoint that is none.
pub fn install(filter: &str, shop: &str, otlp: Option<&str>) -> Result<Telemetry> {
    let logs = tracing_subscriber::fmt::layer()
        .json()
        .flatten_event(true)
        .with_current_span(true)
        .with_span_list(false)
        .with_target(true);
    let provider = match otlp {
        // The exporter's HTTP client blocks and must be made where no runtime is.
        Some(endpoint) => Some(std::thread::scope(|threads| {
            let made = threads.spawn(|| provider(endpoint, shop)).join();
            made.unwrap_or_else(|_| Err(anyhow::anyhow!("the exporter could not be made")))
        })?),
        None => None,
    };
    let traces = provider
        .as_ref()
        .map(|provider| tracing_opentelemetry::layer().with_tracer(provider.tracer("warung-bot")));
    tracing_subscriber::registry()
        .with(EnvFilter::try_new(filter)?)
        .with(logs)
        .with(traces)
        .try_init()?;
    Ok(Telemetry(provider))
}

fn provider(endpoint: &str, shop: &str) -> Result<SdkTracerProvider> {
    // An error means that the process has chosen a provider, which is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let exporter = opentelemetry_otlp::SpanExporter::builder()
        .with_http()
        .with_endpoint(format!("{}/v1/traces", endpoint.trim_end_matches('/')))
        .build()?;
    let resource = Resource::builder()
        .with_service_name("warung-bot")
        .with_attribute(opentelemetry::KeyValue::new("shop", shop.to_owned()))
        .build();
    Ok(SdkTracerProvider::builder()
        .with_batch_exporter(exporter)
        .with_resource(resource)
        .build())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trace_goes_on_under_its_id_and_a_malformed_one_begins_anew() {
        let first = begin("webhook", None);
        let second = begin("turn", Some(&first.parent));
        assert_eq!(first.parent.get(3..35), second.parent.get(3..35));
        assert_ne!(first.parent, second.parent);
        let other = begin("turn", Some("nonsense"));
        assert_ne!(first.parent.get(3..35), other.parent.get(3..35));
    }
}
