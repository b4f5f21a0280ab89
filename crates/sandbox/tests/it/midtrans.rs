//! Midtrans as a shop meets it: through HTTP, with a receiver for its notifications.
#![expect(
    clippy::unwrap_used,
    reason = "a failed step of a story is the failure of its test"
)]

mod control;
mod core;
mod faults;
mod harness;
mod idempotency;
mod notifications;
mod pages;
mod snap;
mod validation;
