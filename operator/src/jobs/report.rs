//! What the bot's Jobs report.

use jiff::Timestamp;
use serde::Deserialize;

/// The last line of a Job. Of a run that failed only the error is sure to be there.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum Report {
    /// Of `warung-bot backup run`.
    Backup(BackupReport),
    /// Of `warung-bot backup verify`.
    Verify(VerifyReport),
    /// Of `warung-bot backup restore`.
    Restore(RestoreReport),
    /// Of `warung-bot migrate`.
    Migrate(MigrateReport),
}

/// Of `warung-bot backup run`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct BackupReport {
    /// Its name at the destination.
    pub backup: Option<String>,
    /// When it began.
    pub started_at: Option<Timestamp>,
    /// When its manifest was written.
    pub finished_at: Option<Timestamp>,
    /// Size of the encrypted data.
    pub bytes: Option<i64>,
    /// Rows of all tables.
    pub rows: Option<i64>,
    /// SHA-256 of the encrypted data, in hex.
    pub cipher_sha256: Option<String>,
    /// Public key that it is encrypted for.
    pub key_id: Option<String>,
    /// Version of the server.
    pub server_version: Option<String>,
    /// Backups that retention let go, by their names at the destination.
    pub pruned: Vec<String>,
    /// Why old backups could not be deleted; the backup itself is good.
    pub prune_error: Option<String>,
    /// Why there is no backup.
    pub error: Option<String>,
}

/// Of `warung-bot backup verify`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct VerifyReport {
    /// The backup that was looked at.
    pub backup: Option<String>,
    /// Whether it was restored and found whole.
    pub verified: bool,
    /// When the look began.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub finished_at: Option<Timestamp>,
    /// How long its restore took.
    pub restore_seconds: Option<i64>,
    /// What is wrong with it.
    pub problems: Vec<String>,
    /// Why it could not be looked at.
    pub error: Option<String>,
}

/// Of `warung-bot backup restore`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct RestoreReport {
    /// The backup that was taken.
    pub backup: Option<String>,
    /// When it ended.
    pub finished_at: Option<Timestamp>,
    /// Rows that came back.
    pub rows: Option<i64>,
    /// Whether it is sure that no try of the Job has changed anything.
    pub as_it_was: bool,
    /// Why nothing came back.
    pub error: Option<String>,
}

/// Of `warung-bot migrate`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct MigrateReport {
    /// Number of the newest migration.
    pub version: i64,
    /// How many were applied now.
    pub applied: i64,
    /// Why it failed.
    pub error: Option<String>,
}

impl Report {
    /// Reads a termination message.
    pub fn parse(message: &str) -> Option<Self> {
        serde_json::from_str(message.trim()).ok()
    }

    /// Why the run failed, in its own words.
    pub fn error(&self) -> Option<&str> {
        match self {
            Self::Backup(report) => report.error.as_deref(),
            Self::Verify(report) => report.error.as_deref(),
            Self::Restore(report) => report.error.as_deref(),
            Self::Migrate(report) => report.error.as_deref(),
        }
    }
}
