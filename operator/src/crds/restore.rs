//! `ShopRestore`: brings a shop's database back from a backup.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use kube::{CustomResource, KubeSchema};
use serde::{Deserialize, Serialize};

use super::{LocalRef, schema};

/// Which backup goes into which shop. It cannot be changed once it is asked for.
#[derive(CustomResource, KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[kube(
    group = "shops.warung.dev",
    version = "v1alpha1",
    kind = "ShopRestore",
    plural = "shoprestores",
    shortname = "srs",
    category = "warung",
    namespaced,
    status = "ShopRestoreStatus",
    derive = "PartialEq",
    doc = "Brings a shop's database back from a backup: the bots stop, the backup is restored, migrations run, the bots start.",
    printcolumn(name = "Shop", type_ = "string", json_path = ".spec.shopRef.name"),
    printcolumn(
        name = "Complete",
        type_ = "string",
        json_path = r#".status.conditions[?(@.type=="Complete")].status"#,
        description = "Whether the data is back"
    ),
    printcolumn(
        name = "Reason",
        type_ = "string",
        json_path = r#".status.conditions[?(@.type=="Complete")].reason"#
    ),
    printcolumn(name = "Backup", type_ = "string", json_path = ".status.backup"),
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
#[x_kube(
    validation = Rule::new("has(self.backup) != self.newestVerified")
        .message("set exactly one of backup (the name of a ShopBackup or of a backup at the destination) and newestVerified: true"),
    validation = Rule::new("self == oldSelf")
        .message("a restore cannot be changed once it is asked for: make a new ShopRestore").reason(Reason::FieldValueForbidden)
)]
pub struct ShopRestoreSpec {
    /// The shop, in the same namespace.
    pub shop_ref: LocalRef,
    /// A ShopBackup of this namespace, or a backup's name at the destination
    /// (`<shop>/<UTC time>-<id>`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(
        length(min = 1, max = 200),
        regex(
            pattern = r"^[a-z0-9]([a-z0-9.-]*[a-z0-9])?(/[0-9]{8}T[0-9]{6}Z-[A-Za-z0-9-]{1,64})?$"
        )
    )]
    pub backup: Option<String>,
    /// Take the newest backup that was verified.
    #[serde(default)]
    pub newest_verified: bool,
    /// Allow data to be replaced. Without it only an empty database is restored into.
    #[serde(default)]
    pub replace: bool,
}

/// How a restore goes.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct ShopRestoreStatus {
    /// `Complete`, and `BotsStopped` while the shop is held.
    #[serde(default)]
    #[schemars(schema_with = "schema::conditions")]
    pub conditions: Vec<Condition>,
    /// Version of the spec that the status speaks of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// The Job that restores.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job: Option<String>,
    /// The backup that is taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backup: Option<String>,
    /// When the bots were asked to stop.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<Time>,
    /// When the restore ended, well or not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<Time>,
    /// Rows that came back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rows: Option<i64>,
}
