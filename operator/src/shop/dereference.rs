//! What the cluster says of a shop now.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::future::{try_join, try_join_all};
use k8s_openapi::api::core::v1::Secret;
use kube::api::{Api, ListParams};
use kube::{Client, Resource, ResourceExt as _};
use serde::de::DeserializeOwned;
use serde_json::Value;
use tracing::debug;

use super::names::INSTANCE;
use super::{Found, KnownKinds, ObjectKey};
use crate::crds::{ShopBackup, ShopRestore, WhatsAppShop};
use crate::kinds::{self, ChildKind};
use crate::live::Live;

/// Label of everything that the operator made.
pub const MANAGED_BY: &str = "app.kubernetes.io/managed-by=warung-operator";

/// Values of a Secret by key.
type Values = BTreeMap<String, Vec<u8>>;

/// Reads everything about a shop: its children, the Secrets it names, its backups.
///
/// # Errors
/// When the API server does not answer or refuses.
pub async fn dereference(
    client: &Client,
    shop: &WhatsAppShop,
    known: KnownKinds,
) -> kube::Result<Found> {
    let namespace = shop.namespace().unwrap_or_default();
    let name = shop.name_any();
    let kinds = kinds::children(known);
    let lists = kinds
        .iter()
        .map(|kind| children(client, &namespace, &name, kind));
    let named = secrets_of(shop);
    let secrets = named.iter().map(|name| secret(client, &namespace, name));
    let stores = try_join(
        of_shop::<ShopBackup>(client, &namespace, &name),
        of_shop::<ShopRestore>(client, &namespace, &name),
    );
    let reads = try_join(try_join_all(lists), try_join_all(secrets));
    let ((lists, secrets), (backups, restores)) = try_join(reads, stores).await?;
    Ok(Found {
        children: lists.into_iter().flatten().collect(),
        secrets: secrets.into_iter().collect(),
        kinds: known,
        backups,
        restores,
    })
}

async fn children(
    client: &Client,
    namespace: &str,
    shop: &str,
    kind: &ChildKind,
) -> kube::Result<Vec<(ObjectKey, Value)>> {
    let resource = kind.resource();
    let api: Api<Live> = Api::namespaced_with(client.clone(), namespace, &resource);
    // Claims are made by StatefulSets, with the labels of their selector alone.
    let labels = if kind.kind == "PersistentVolumeClaim" {
        format!("{INSTANCE}={shop}")
    } else {
        format!("{INSTANCE}={shop},{MANAGED_BY}")
    };
    let listed = api.list(&ListParams::default().labels(&labels)).await?;
    let keyed = |object: Live| {
        let key = ObjectKey::new(kind.kind, &object.name_any());
        let mut value = serde_json::to_value(object).map_err(kube::Error::SerdeError)?;
        // Lists leave these out of their items.
        value["apiVersion"] = Value::from(resource.api_version.clone());
        value["kind"] = Value::from(kind.kind);
        Ok((key, value))
    };
    listed.items.into_iter().map(keyed).collect()
}

async fn secret(
    client: &Client,
    namespace: &str,
    name: &str,
) -> kube::Result<(String, Option<Values>)> {
    let api: Api<Secret> = Api::namespaced(client.clone(), namespace);
    let secret = api.get_opt(name).await?;
    let values = secret.map(|secret| {
        let data = secret.data.unwrap_or_default().into_iter();
        data.map(|(key, value)| (key, value.0)).collect()
    });
    Ok((name.to_owned(), values))
}

async fn of_shop<K>(client: &Client, namespace: &str, shop: &str) -> kube::Result<Vec<K>>
where
    K: Resource<DynamicType = (), Scope = kube::core::NamespaceResourceScope>
        + Clone
        + DeserializeOwned
        + std::fmt::Debug,
{
    let api: Api<K> = Api::namespaced(client.clone(), namespace);
    let mine = ListParams::default().fields(&format!("spec.shopRef.name={shop}"));
    let mut items = api.list(&mine).await?.items;
    for item in &mut items {
        item.meta_mut().managed_fields = None;
    }
    Ok(items)
}

/// Names of the Secrets that a manifest names, or that follow from it, and somebody else writes.
pub fn secrets_of(shop: &WhatsAppShop) -> BTreeSet<String> {
    let spec = &shop.spec;
    let mut names = BTreeSet::from([
        spec.whatsapp.cloud.secret_ref.name.clone(),
        spec.payments.midtrans.secret_ref.name.clone(),
    ]);
    if let Some(external) = &spec.database.external {
        names.insert(external.secret_ref.name.clone());
        names.insert(external.owner().name.clone());
    }
    if spec.database.cloud_native_pg.is_some() {
        // As `Names::cnpg_ca` has it, which needs to know more.
        names.insert(format!("{}-postgres-ca", shop.name_any()));
    }
    if let Some(external) = &spec.redis.external {
        names.insert(external.secret_ref.name.clone());
        let authority = external.ca_secret_ref.as_ref();
        names.extend(authority.map(|reference| reference.name.clone()));
    }
    if let Some(backup) = &spec.backup {
        let bucket = backup.destination.s3.as_ref();
        names.extend(bucket.map(|s3| s3.secret_ref.name.clone()));
        let authority = bucket.and_then(|s3| s3.ca_secret_ref.as_ref());
        names.extend(authority.map(|reference| reference.name.clone()));
        let key = backup.key.as_ref();
        names.extend(key.map(|key| key.identity_secret_ref.name.clone()));
    }
    names
}

/// Which optional kinds the cluster has. A kind that cannot be looked up counts as it did before.
pub async fn known_kinds(client: &Client, before: KnownKinds) -> KnownKinds {
    let has = async |kind: ChildKind, before: bool| {
        let version = format!("{}/{}", kind.group, kind.version);
        match client.list_api_group_resources(&version).await {
            Ok(list) => list.resources.iter().any(|found| found.name == kind.plural),
            Err(kube::Error::Api(status)) if status.code == 404 => false,
            Err(error) => {
                debug!(%error, kind = kind.kind, "cannot look up a kind");
                before
            }
        }
    };
    KnownKinds {
        service_monitor: has(kinds::SERVICE_MONITOR, before.service_monitor).await,
        prometheus_rule: has(kinds::PROMETHEUS_RULE, before.prometheus_rule).await,
        http_route: has(kinds::HTTP_ROUTE, before.http_route).await,
        cloud_native_pg: has(kinds::CLUSTER, before.cloud_native_pg).await,
    }
}
