//! Backups as a shop's manifest asks for them.

use kube::KubeSchema;
use serde::{Deserialize, Serialize};

use super::schema::{CRON, IMAGE, OBJECT_NAME};
use super::{LocalRef, SecretKeyRef, Storage};

/// Backups of the database, encrypted before they leave the pod and proved by restores.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct Backup {
    /// When to make one: five cron fields, in the shop's time zone.
    #[serde(default = "nightly")]
    #[schemars(length(min = 6, max = 100), regex(pattern = CRON))]
    pub schedule: String,

    /// Stops new backups; those that exist stay.
    #[serde(default)]
    pub suspend: bool,

    /// How long one backup, verification or restore may take before it is stopped and counted as
    /// failed. A stuck one never blocks the next.
    #[serde(default = "deadline")]
    #[schemars(length(max = 10), regex(pattern = r"^[0-9]{1,6}(s|m|h)$"))]
    #[x_kube(validation = Rule::new("duration(self) >= duration('1m') && duration(self) <= duration('24h')")
        .message("backup.deadline must lie between 1m and 24h"))]
    pub deadline: String,

    /// An image with the PostgreSQL programs of the server's major version. Left out, the image of
    /// `database.managed` or `database.cloudNativePG` is taken; `database.external` needs it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 500), regex(pattern = IMAGE))]
    pub image: Option<String>,

    /// What is kept. The newest verified backup always stays.
    #[serde(default)]
    pub retention: BackupRetention,

    /// Where backups go. After a change those at the old place stay there, but are no longer
    /// counted, pruned or found by a restore: copy them over first.
    pub destination: BackupDestination,

    /// The key that backups are encrypted for. Left out, one is made and kept in the Secret
    /// `<shop>-backup-key`: copy it to a safe place, without it no backup can be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<BackupKey>,

    /// When backups are proved.
    #[serde(default)]
    pub verification: Verification,
}

fn nightly() -> String {
    "0 2 * * *".to_owned()
}

fn deadline() -> String {
    "30m".to_owned()
}

/// How many backups are kept: the newest, and one for each of the last days, weeks and months.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct BackupRetention {
    /// The newest.
    #[serde(default = "seven")]
    #[schemars(range(min = 1, max = 1000))]
    pub last: i32,
    /// One for each of so many days.
    #[serde(default = "seven")]
    #[schemars(range(min = 0, max = 366))]
    pub daily: i32,
    /// One for each of so many weeks.
    #[serde(default = "four")]
    #[schemars(range(min = 0, max = 104))]
    pub weekly: i32,
    /// One for each of so many months.
    #[serde(default = "six")]
    #[schemars(range(min = 0, max = 120))]
    pub monthly: i32,
}

impl Default for BackupRetention {
    fn default() -> Self {
        Self {
            last: seven(),
            daily: seven(),
            weekly: four(),
            monthly: six(),
        }
    }
}

fn seven() -> i32 {
    7
}

fn four() -> i32 {
    4
}

fn six() -> i32 {
    6
}

/// Where backups go: exactly one of `persistentVolumeClaim` and `s3`.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("has(self.persistentVolumeClaim) != has(self.s3)")
    .message("set exactly one of backup.destination.persistentVolumeClaim and backup.destination.s3"))]
pub struct BackupDestination {
    /// A volume of the cluster.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub persistent_volume_claim: Option<BackupVolume>,
    /// A bucket of S3 or of what speaks like it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub s3: Option<S3>,
}

/// A volume for backups.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("has(self.claimName) != has(self.storage)")
    .message("set exactly one of claimName (a claim that exists) and storage (a claim is made)"))]
pub struct BackupVolume {
    /// A claim that exists in the shop's namespace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253), regex(pattern = OBJECT_NAME))]
    pub claim_name: Option<String>,
    /// The claim `<shop>-backups` is made with this size; it is never deleted by the operator.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub storage: Option<Storage>,
}

/// A bucket.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("!has(self.endpoint) || !self.endpoint.startsWith('http://') || self.allowHTTP")
    .message("an http:// endpoint sends credentials in the open: use https://, or set allowHTTP to true"),
    validation = Rule::new("!has(self.caSecretRef) || (has(self.endpoint) && self.endpoint.startsWith('https://'))")
    .message("caSecretRef is the authority of an https:// endpoint: set endpoint, or leave caSecretRef out"))]
pub struct S3 {
    /// Its name.
    #[schemars(
        length(min = 3, max = 63),
        regex(pattern = r"^[a-z0-9][a-z0-9.-]*[a-z0-9]$")
    )]
    pub bucket: String,
    /// Path in the bucket below which the shops' folders lie, without slashes around it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(
        length(max = 200),
        regex(pattern = r"^[A-Za-z0-9._-]+(/[A-Za-z0-9._-]+)*$")
    )]
    pub prefix: Option<String>,
    /// Its region.
    #[serde(default = "region")]
    #[schemars(length(min = 1, max = 60), regex(pattern = r"^[A-Za-z0-9-]+$"))]
    pub region: String,
    /// Address of the service, where it is not Amazon's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 200), regex(pattern = r"^https?://[^\s?#]+$"))]
    pub endpoint: Option<String>,
    /// Allows an `http://` endpoint.
    #[serde(default, rename = "allowHTTP")]
    pub allow_http: bool,
    /// A Secret with the keys `access-key-id` and `secret-access-key`.
    pub secret_ref: LocalRef,
    /// The authorities (PEM) of the service's certificate, where they are not public ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca_secret_ref: Option<SecretKeyRef>,
}

fn region() -> String {
    "us-east-1".to_owned()
}

/// A key pair of age (<https://age-encryption.org>).
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct BackupKey {
    /// The public key that new backups are encrypted for.
    #[schemars(
        length(min = 62, max = 62),
        regex(pattern = r"^age1[02-9ac-hj-np-z]{58}$")
    )]
    pub recipient: String,
    /// The secret keys, one a line: the present one, and those of backups that are still kept.
    pub identity_secret_ref: SecretKeyRef,
}

/// When the newest backup is restored into a throwaway PostgreSQL and looked through.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct Verification {
    /// Five cron fields, in the shop's time zone.
    #[serde(default = "after_the_backup")]
    #[schemars(length(min = 6, max = 100), regex(pattern = CRON))]
    pub schedule: String,
    /// Stops scheduled verifications. `BackupVerified` then goes stale.
    #[serde(default)]
    pub suspend: bool,
    /// Age of the newest verified backup from which on `BackupVerified` is false.
    #[serde(default = "two_days")]
    #[schemars(length(max = 10), regex(pattern = r"^[0-9]{1,6}(m|h)$"))]
    #[x_kube(validation = Rule::new("duration(self) >= duration('1h') && duration(self) <= duration('2160h')")
        .message("verification.staleAfter must lie between 1h and 2160h (90 days)"))]
    pub stale_after: String,
}

impl Default for Verification {
    fn default() -> Self {
        Self {
            schedule: after_the_backup(),
            suspend: false,
            stale_after: two_days(),
        }
    }
}

fn after_the_backup() -> String {
    "0 4 * * *".to_owned()
}

fn two_days() -> String {
    "50h".to_owned()
}
