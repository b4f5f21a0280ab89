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
//! Each answers with the finding for the condition `DatabaseReady`, and with which database it is.
//! The message names what to mend
//! (the Secret's key, the host, the role) and never holds a password; it stays the same as long as
//! nothing changes. Every call ends within [`PASS`], whatever the server does, and asks the
//! leadership before each command.

mod cluster;
mod connect;
mod external;
mod managed;
mod plan;
mod scram;

use crate::conditions::Finding;

pub use cluster::cloud_native_pg;
pub use connect::PASS;
pub use external::external;
pub use managed::{Managed, managed};

/// What came of a look.
#[derive(Clone, Debug)]
pub struct Looked {
    /// For the condition `DatabaseReady`.
    pub finding: Finding,
    /// Which database it is, where the shop could use it.
    pub identity: Option<Identity>,
}

/// Which database a server has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The server's `system_identifier`, made up when its data was made: an empty volume has
    /// another one, a standby that took over has the same.
    pub system: String,
    /// `host:port/database` of one that somebody else runs, which a person may point elsewhere.
    pub address: Option<String>,
    /// It has no tables of a shop.
    pub is_empty: bool,
}

impl From<Finding> for Looked {
    fn from(finding: Finding) -> Self {
        Self {
            finding,
            identity: None,
        }
    }
}

/// Oldest server, as `server_version_num` has it: the migrations need PostgreSQL 14.
const OLDEST_VERSION: i32 = 140_000;
