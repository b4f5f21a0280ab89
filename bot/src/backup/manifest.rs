//! What is known of a backup without opening it.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::name::BackupName;

/// The layout of a backup that this version writes.
pub const FORMAT: u32 = 1;

/// `manifest.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Manifest {
    /// [`FORMAT`].
    pub format: u32,
    /// The shop.
    pub shop: String,
    /// The backup.
    pub backup: BackupName,
    /// When its snapshot was taken.
    pub started_at: DateTime<Utc>,
    /// When its data were all kept.
    pub finished_at: DateTime<Utc>,
    /// Bytes of `data.age`.
    pub bytes: u64,
    /// SHA-256 of `data.age`.
    pub cipher_sha256: String,
    /// Bytes of the archive within.
    pub plain_bytes: u64,
    /// SHA-256 of the archive within.
    pub plain_sha256: String,
    /// The public key that it is sealed for.
    pub key_id: String,
    /// Version of the PostgreSQL it comes from.
    pub server_version: String,
    /// Version of `pg_dump`.
    pub client_version: String,
    /// The newest migration in it.
    pub schema_version: i64,
    /// Where the server's log was; null on a standby.
    pub lsn: Option<String>,
    /// Rows of each table.
    pub tables: BTreeMap<String, i64>,
}

impl Manifest {
    /// Rows of all tables.
    pub fn rows(&self) -> i64 {
        self.tables.values().sum()
    }
}

/// `verified.json`: it was restored, and nothing was wrong with it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Verified {
    /// The backup.
    pub backup: BackupName,
    /// SHA-256 of the `data.age` that was looked at.
    pub cipher_sha256: String,
    /// When.
    pub verified_at: DateTime<Utc>,
    /// What fetching and restoring it took.
    pub restore_seconds: u64,
    /// Rows found.
    pub rows: i64,
    /// Versions of the programs that restored and checked it.
    pub tools: BTreeMap<String, String>,
}
