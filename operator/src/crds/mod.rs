//! The custom resources of `shops.warung.dev/v1alpha1`.
//!
//! Each kind is a Rust type; `warung-operator crds` prints the definitions that the API server
//! takes, and `crds/` in the repository holds them (a test keeps the two equal). What a manifest
//! may say is checked by the API server itself: types, ranges and formats by the schema, the rest
//! by CEL rules whose messages say what to do.

#![expect(
    unreachable_pub,
    reason = "KubeSchema repeats each struct inside a function"
)]

mod backup;
mod backups;
mod bot;
mod restore;
mod shop;
mod status;
mod stores;

pub use backup::{ShopBackup, ShopBackupSpec, ShopBackupStatus};
pub use backups::{
    Backup, BackupDestination, BackupKey, BackupRetention, BackupVolume, S3, Verification,
};
pub use bot::{Autoscaling, Bot, Limits, PullPolicy, Topology};
pub use restore::{ShopRestore, ShopRestoreSpec, ShopRestoreStatus};
pub use shop::{
    DeletionPolicy, Expose, GatewayRef, Language, LocalRef, Midtrans, MidtransEnvironment,
    Monitoring, PaymentMethod, Payments, SecretKeyRef, Shop, WhatsApp, WhatsAppCloud, WhatsAppShop,
    WhatsAppShopSpec,
};
pub use status::{BackupRecord, Endpoints, RedisShardStatus, RedisStatus, WhatsAppShopStatus};
pub use stores::{
    CloudNativePg, Database, ExternalDatabase, ExternalRedis, ManagedDatabase, ManagedRedis, Redis,
    Storage,
};

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::CustomResourceExt as _;

/// API group of every kind.
pub const GROUP: &str = "shops.warung.dev";

/// The definitions of all kinds, in the order in which they are written to `crds/`.
pub fn definitions() -> Vec<CustomResourceDefinition> {
    vec![WhatsAppShop::crd(), ShopBackup::crd(), ShopRestore::crd()]
}

/// A list of conditions keyed by `type`, so that several writers may each own theirs.
fn conditions_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
    let item =
        generator.subschema_for::<k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition>();
    schemars::json_schema!({
        "type": "array",
        "description": "What is true of the object now, one entry for each type of condition. \
            `observedGeneration` says which version of the spec was looked at.",
        "items": item,
        "x-kubernetes-list-type": "map",
        "x-kubernetes-list-map-keys": ["type"],
    })
}
