//! Stories over a real six-node Redis Cluster.

#![expect(
    clippy::unwrap_used,
    reason = "what cannot be prepared ends the test, in its helpers too"
)]

mod cache;
mod faults;
mod harness;
mod hints;
mod lock;
mod lock_model;
mod pace;
mod rate_limit;
mod scripts;
mod secured;
mod session;
mod tls;
