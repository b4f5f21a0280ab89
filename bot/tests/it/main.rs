//! The bot's stories: real bot processes, a real PostgreSQL, a real Redis Cluster, and the WhatsApp
//! and Midtrans sandboxes, told in the customers' words.

#![expect(
    clippy::unwrap_used,
    reason = "a story that cannot go on fails by panicking"
)]

mod audit;
mod backup;
mod buying;
mod catalogue;
mod fleet;
mod fuzz;
mod harness;
mod hostile;
mod identities;
mod ingress;
mod left_behind;
mod observability;
mod parcels;
mod payments;
mod redis_tls;
mod rights;
mod schema;
mod sending;
mod snapshot;
mod staff;
mod talk;
