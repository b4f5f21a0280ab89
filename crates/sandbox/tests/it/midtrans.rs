//! Midtrans as a shop meets it: through HTTP, with a receiver for its notifications.

mod control;
mod core;
mod faults;
mod harness;
mod idempotency;
mod notifications;
mod pages;
mod snap;
mod validation;
