//! The bot of one shop: webhooks in, answers out, and everything between in PostgreSQL.
//!
//! A message goes `http` → `ingest` → inbox → `worker::inbound` → `worker::lane` → `reading` →
//! `flows` → outbox → `worker::outbound` → WhatsApp. See ARCHITECTURE.md.

/// A named point at which `make chaos` may kill the process: nothing in any other build.
#[cfg(feature = "chaos")]
macro_rules! crash_point {
    ($point:literal) => {
        warung_faultpoints::reach($point)
    };
}
#[cfg(not(feature = "chaos"))]
macro_rules! crash_point {
    ($point:literal) => {};
}

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

#[cfg(all(feature = "chaos", not(debug_assertions)))]
compile_error!("the feature `chaos` takes guards out and is never built into a release");

pub mod app;
pub mod auditor;
pub mod backup;
#[cfg(feature = "chaos")]
pub mod chaos;
pub mod cli;
pub mod clock;
pub mod config;
pub mod flows;
pub mod http;
pub mod import;
pub mod inbox;
pub mod ingest;
pub mod messages;
pub mod metrics;
pub mod outbox;
pub mod qr;
pub mod reading;
pub mod schema;
pub mod serve;
pub mod store;
pub mod telemetry;
pub mod vault;
pub mod worker;
