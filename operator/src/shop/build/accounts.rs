//! Who the pods run as.

use k8s_openapi::api::core::v1::{ConfigMap, ServiceAccount};
use serde_json::json;

use super::{Site, pod::ID};
use crate::shop::Child;

/// The account of every pod of the shop. Nobody may do anything with it, no pod gets its token.
pub(super) fn service_account(site: &Site) -> Child {
    Child::from_json::<ServiceAccount>(json!({
        "metadata": site.metadata(&site.names().bot(), "bot"),
        "automountServiceAccountToken": false,
    }))
}

/// `/etc/passwd` and `/etc/group` for the programs of PostgreSQL: they refuse to start under a user
/// that has no name, and no image knows ours.
pub(super) fn config_map(site: &Site) -> Option<Child> {
    let spec = &site.shop.spec;
    (spec.database.managed.is_some() || spec.backup.is_some()).then(|| {
        Child::from_json::<ConfigMap>(json!({
            "metadata": site.metadata(&site.names().accounts(), "postgres"),
            "data": {
                "passwd": format!(
                    "root:x:0:0:root:/root:/bin/sh\npostgres:x:{ID}:{ID}:postgres:/tmp:/bin/sh\n"
                ),
                "group": format!("root:x:0:\npostgres:x:{ID}:\n"),
            },
        }))
    })
}
