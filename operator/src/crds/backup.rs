//! `ShopBackup`: one backup of a shop's database.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use kube::{CustomResource, KubeSchema};
use serde::{Deserialize, Serialize};

use super::{LocalRef, schema};

/// Which shop is backed up.
#[derive(CustomResource, KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[kube(
    group = "shops.warung.dev",
    version = "v1alpha1",
    kind = "ShopBackup",
    plural = "shopbackups",
    shortname = "sbk",
    category = "warung",
    namespaced,
    status = "ShopBackupStatus",
    derive = "PartialEq",
    doc = "One backup of a shop's database. Those of the schedule are recorded by the operator; create one to back up at once.",
    printcolumn(name = "Shop", type_ = "string", json_path = ".spec.shopRef.name"),
    printcolumn(
        name = "Complete",
        type_ = "string",
        json_path = r#".status.conditions[?(@.type=="Complete")].status"#,
        description = "Whether it was written whole"
    ),
    printcolumn(
        name = "Verified",
        type_ = "string",
        json_path = r#".status.conditions[?(@.type=="Verified")].status"#,
        description = "Whether it was restored and found whole"
    ),
    printcolumn(name = "Bytes", type_ = "integer", json_path = ".status.bytes"),
    printcolumn(name = "Finished", type_ = "date", json_path = ".status.finishedAt"),
    printcolumn(
        name = "Age",
        type_ = "date",
        json_path = ".metadata.creationTimestamp"
    ),
    selectable = ".spec.shopRef.name",
    validation = Rule::new("self.metadata.name.size() <= 63 && self.metadata.name.matches('^[a-z0-9]([a-z0-9-]*[a-z0-9])?$')")
        .message("metadata.name must be a DNS label of at most 63 characters, because the Job is named after it"),
    cel
)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("self.shopRef == oldSelf.shopRef")
    .message("a backup belongs to its shop: make a new ShopBackup").reason(Reason::FieldValueForbidden))]
pub struct ShopBackupSpec {
    /// The shop, in the same namespace.
    pub shop_ref: LocalRef,
    /// Verify it as soon as it is written, besides the shop's schedule.
    #[serde(default)]
    pub verify: bool,
}

/// What became of a backup.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct ShopBackupStatus {
    /// `Complete` and `Verified`.
    #[serde(default)]
    #[schemars(schema_with = "schema::conditions")]
    pub conditions: Vec<Condition>,
    /// Version of the spec that the status speaks of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// The Job that writes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job: Option<String>,
    /// Its name at the destination: `<shop>/<UTC time>-<id>`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backup: Option<String>,
    /// When it began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<Time>,
    /// When its manifest was written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<Time>,
    /// Size of the encrypted data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes: Option<i64>,
    /// Rows in all tables.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rows: Option<i64>,
    /// SHA-256 of the encrypted data, in hex.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// Public key that it is encrypted for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_id: Option<String>,
    /// Version of the server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server_version: Option<String>,
    /// The Job that verifies it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verification_job: Option<String>,
    /// When it was proved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verified_at: Option<Time>,
    /// How long the restore of the proof took, in seconds: what to expect of a real one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restore_seconds: Option<i64>,
}
