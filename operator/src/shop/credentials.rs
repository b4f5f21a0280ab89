//! What the operator makes up for a shop: passwords, keys and a certificate.
//!
//! Each lives in a Secret that is created once and never overwritten; it is read from there ever
//! after: [`Credentials::read_or_make`] takes what is found and makes only what has no Secret yet.
//! A person may write another password or certificate into such a Secret; it is taken from the
//! next look on. A Secret of a shop that has a past is never made anew by itself: it is asked for,
//! unless a person gives it up ([`RENEW`]). What writes these Secrets must create those that were not found (POST, and look
//! again on a conflict), never replace one: a data key that is lost is lost for good.
//!
//! | Secret | keys ([`keys`](super::names::keys)) |
//! |---|---|
//! | `‹shop›-data-key` | `data-key` |
//! | `‹shop›-postgres` | three passwords, `ca.crt`, `tls.crt`, `tls.key` |
//! | `‹shop›-redis` | `password` |
//! | `‹shop›-backup-key` | `recipient`, `identity` |

mod make;
mod read;
pub mod tls;

pub use read::{Broken, Needs, Past, RENEW};

/// Everything secret that the operator made for a shop. `None` where the manifest names an
/// external store or an own key.
#[derive(Clone)]
pub struct Credentials {
    /// 32 bytes in base64: seals digital goods and personal data (`DATA_KEY` of the bot).
    pub data_key: String,
    /// Of the managed PostgreSQL, or of the one that CloudNativePG runs.
    pub database: Option<DatabaseCredentials>,
    /// Password of the ACL user `warung` of the managed Redis Cluster.
    pub redis_password: Option<String>,
    /// age key pair of backups, where the manifest brings none.
    pub backup_key: Option<BackupKeyPair>,
}

/// Of the managed PostgreSQL, or of the one that CloudNativePG runs, which has certificates of its
/// own.
#[derive(Clone)]
pub struct DatabaseCredentials {
    /// Of the superuser `postgres`.
    pub superuser_password: String,
    /// Of `warung_owner`, who owns the database and migrates it.
    pub owner_password: String,
    /// Of `warung_bot`, who serves.
    pub bot_password: String,
    /// Certificate of the authority that signed the server's, in PEM.
    pub ca_certificate: String,
    /// The server's certificate, in PEM.
    pub certificate: String,
    /// Its key, in PEM.
    pub certificate_key: String,
}

/// An age key pair.
#[derive(Clone)]
pub struct BackupKeyPair {
    /// `age1…`, enough to encrypt.
    pub recipient: String,
    /// `AGE-SECRET-KEY-1…`, needed to read.
    pub identity: String,
}
