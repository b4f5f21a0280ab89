//! The operator against real servers.

#![expect(
    clippy::unwrap_used,
    reason = "a story that cannot go on fails by panicking"
)]

mod database;
