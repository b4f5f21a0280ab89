//! PostgreSQL of a shop: whether it can serve, and in one that the operator runs, its roles and
//! its database.
//!
//! One look is one call, on one connection that is closed with it:
//!
//! | `spec.database` | call | does |
//! |---|---|---|
//! | `external` | [`external`] | connects as the bots and as the owner; changes nothing |
//! | `managed` | [`managed`] | makes and keeps two roles and the database |
//! | `cloudNativePG` | [`cloud_native_pg`], then [`managed`] | reads the `Cluster`, then the same |
//!
//! Each answers with the finding for the condition `DatabaseReady`. Its message names what to mend
//! (the Secret's key, the host, the role) and never holds a password; it stays the same as long as
//! nothing changes. Every call ends within [`PASS`], whatever the server does, and asks the
//! leadership before each command.

mod cluster;
mod connect;
mod external;
mod managed;
mod plan;
mod scram;

pub use cluster::cloud_native_pg;
pub use connect::PASS;
pub use external::external;
pub use managed::{Authority, Managed, managed};

/// Oldest server, as `server_version_num` has it: the migrations need PostgreSQL 14.
const OLDEST_VERSION: i32 = 140_000;
