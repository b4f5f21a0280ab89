//! A highly available PostgreSQL, run by CloudNativePG.

use kube::api::{ApiResource, GroupVersionKind};
use serde_json::json;

use super::{Site, names, volumes};
use crate::{crds::DeletionPolicy, shop::Child};

/// The `Cluster` that CloudNativePG turns into servers, where it is installed. The passwords of the
/// superuser and of the owner are ours, so that the operator can make the roles and the database as
/// it does in its own PostgreSQL, and the two do not take turns in setting them.
pub(super) fn cluster(site: &Site) -> Option<Child> {
    let wanted = site.shop.spec.database.cloud_native_pg.as_ref()?;
    if !site.found.kinds.cloud_native_pg {
        return None;
    }
    let kind = GroupVersionKind::gvk("postgresql.cnpg.io", "v1", "Cluster");
    let mut spec = json!({
        "instances": wanted.instances,
        "enableSuperuserAccess": true,
        "superuserSecret": { "name": site.names().database_superuser() },
        "bootstrap": {
            "initdb": {
                "database": names::DATABASE,
                "owner": names::OWNER_ROLE,
                "secret": { "name": site.names().database_login() },
                "encoding": "UTF8",
                "dataChecksums": true,
            },
        },
        "storage": { "size": wanted.storage.size },
        "resources": wanted.resources,
        "affinity": {
            "enablePodAntiAffinity": true,
            "topologyKey": "kubernetes.io/hostname",
            "podAntiAffinityType": "preferred",
        },
    });
    if let Some(image) = &wanted.image {
        spec["imageName"] = json!(image);
    }
    if let Some(class) = &wanted.storage.class_name {
        spec["storage"]["storageClass"] = json!(class);
    }
    let memory = wanted.resources.limits.as_ref();
    let mut parameters = json!({ "max_connections": wanted.max_connections.to_string() });
    if let Some(bytes) = memory.and_then(|l| volumes::bytes(&l.get("memory")?.0)) {
        parameters["shared_buffers"] = json!(format!("{}MB", (bytes >> 20) / 4));
    }
    spec["postgresql"] = json!({ "parameters": parameters });
    let child = Child::of_kind(
        ApiResource::from_gvk_with_plural(&kind, "clusters"),
        json!({
            "apiVersion": "postgresql.cnpg.io/v1",
            "kind": "Cluster",
            "metadata": site.metadata(&site.names().postgres(), "postgres"),
            "spec": spec,
        }),
    );
    // Its volumes go with it: under `Retain` it must outlive the shop.
    match site.shop.spec.deletion_policy {
        DeletionPolicy::Retain => Some(child.kept()),
        DeletionPolicy::Delete => Some(child),
    }
}
