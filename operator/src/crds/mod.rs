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
mod schema;
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
pub use status::{
    BackupRecord, DatabaseStatus, Endpoints, RedisShardStatus, RedisStatus, WhatsAppShopStatus,
};
pub use stores::{
    CloudNativePg, Database, ExternalDatabase, ExternalRedis, ManagedDatabase, ManagedRedis, Redis,
    Storage,
};

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::{CustomResourceExt as _, ResourceExt as _};

/// API group of every kind.
pub const GROUP: &str = "shops.warung.dev";

/// The definitions of all kinds, in the order in which they are written to `crds/`.
pub fn definitions() -> Vec<CustomResourceDefinition> {
    let derived = [WhatsAppShop::crd(), ShopBackup::crd(), ShopRestore::crd()];
    derived
        .into_iter()
        .map(|definition| {
            let mut value = json(&definition);
            schema::polish(&mut value);
            serde_json::from_value(value).expect("polish keeps a definition a definition")
        })
        .collect()
}

/// The files of `crds/`: name and content. Printed one after the other they are what
/// `warung-operator crds` says.
pub fn files() -> Vec<(String, String)> {
    definitions()
        .iter()
        .map(|definition| {
            // The type holds bounds as floating-point numbers.
            let mut value = json(definition);
            schema::polish(&mut value);
            let yaml = serde_saphyr::to_string(&value).expect("a definition is YAML");
            let plural = definition.spec.names.plural.as_str();
            debug_assert!(definition.name_any().starts_with(plural));
            (format!("{plural}.yaml"), format!("---\n{yaml}"))
        })
        .collect()
}

fn json(definition: &CustomResourceDefinition) -> serde_json::Value {
    serde_json::to_value(definition).expect("a definition is JSON")
}
