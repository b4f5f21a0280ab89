//! The bot of one shop: webhooks in, answers out, and everything between in PostgreSQL.
//!
//! A message goes `http` → `ingest` → inbox → `worker::inbound` → `worker::lane` → `reading` →
//! `flows` → outbox → `worker::outbound` → WhatsApp. See ARCHITECTURE.md.

pub mod app;
pub mod auditor;
pub mod backup;
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
