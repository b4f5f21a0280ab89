//! Objects of any kind without `managedFields`, and the little that is kept of a shop between looks.
//!
//! `managedFields` names every field of an object once more for each who wrote it: read into a tree
//! it takes more memory than the object itself. It is asked for where somebody else's change is
//! told of, and nowhere else.

use std::borrow::Cow;
use std::collections::BTreeSet;

use k8s_openapi::NamespaceResourceScope;
use kube::Resource;
use kube::api::{ApiResource, DynamicObject, ObjectMeta};
use kube::core::DynamicResourceScope;
use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};

use crate::crds::WhatsAppShop;
use crate::shop::dereference::secrets_of;

/// An object of any kind.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Live {
    #[serde(default, deserialize_with = "without_managed_fields")]
    metadata: ObjectMeta,
    #[serde(flatten)]
    rest: Map<String, Value>,
}

fn without_managed_fields<'de, D: Deserializer<'de>>(from: D) -> Result<ObjectMeta, D::Error> {
    #[derive(Deserialize)]
    struct Read {
        #[serde(default, rename = "managedFields")]
        _managed_fields: IgnoredAny,
        #[serde(flatten)]
        rest: ObjectMeta,
    }
    Read::deserialize(from).map(|read| read.rest)
}

impl Resource for Live {
    type DynamicType = ApiResource;
    type Scope = DynamicResourceScope;

    fn kind(kind: &ApiResource) -> Cow<'_, str> {
        DynamicObject::kind(kind)
    }

    fn group(kind: &ApiResource) -> Cow<'_, str> {
        DynamicObject::group(kind)
    }

    fn version(kind: &ApiResource) -> Cow<'_, str> {
        DynamicObject::version(kind)
    }

    fn plural(kind: &ApiResource) -> Cow<'_, str> {
        DynamicObject::plural(kind)
    }

    fn meta(&self) -> &ObjectMeta {
        &self.metadata
    }

    fn meta_mut(&mut self) -> &mut ObjectMeta {
        &mut self.metadata
    }
}

/// A shop between two looks: enough to find it, and to see whose Secret has changed. A look reads
/// the rest.
#[derive(Clone, Debug)]
pub struct KnownShop {
    metadata: ObjectMeta,
    secrets: BTreeSet<String>,
}

impl KnownShop {
    /// What is kept of a shop.
    pub fn of(shop: &WhatsAppShop) -> Self {
        let metadata = &shop.metadata;
        let mut annotations = metadata.annotations.clone().unwrap_or_default();
        annotations.remove("kubectl.kubernetes.io/last-applied-configuration");
        Self {
            secrets: secrets_of(shop),
            metadata: ObjectMeta {
                name: metadata.name.clone(),
                namespace: metadata.namespace.clone(),
                uid: metadata.uid.clone(),
                resource_version: metadata.resource_version.clone(),
                generation: metadata.generation,
                deletion_timestamp: metadata.deletion_timestamp.clone(),
                annotations: (!annotations.is_empty()).then_some(annotations),
                ..ObjectMeta::default()
            },
        }
    }

    /// Whether it names this Secret.
    pub fn names_secret(&self, namespace: Option<&str>, name: &str) -> bool {
        self.metadata.namespace.as_deref() == namespace && self.secrets.contains(name)
    }
}

impl Resource for KnownShop {
    type DynamicType = ();
    type Scope = NamespaceResourceScope;

    fn kind((): &()) -> Cow<'_, str> {
        WhatsAppShop::kind(&())
    }

    fn group((): &()) -> Cow<'_, str> {
        WhatsAppShop::group(&())
    }

    fn version((): &()) -> Cow<'_, str> {
        WhatsAppShop::version(&())
    }

    fn plural((): &()) -> Cow<'_, str> {
        WhatsAppShop::plural(&())
    }

    fn meta(&self) -> &ObjectMeta {
        &self.metadata
    }

    fn meta_mut(&mut self) -> &mut ObjectMeta {
        &mut self.metadata
    }
}

#[cfg(test)]
mod tests {
    use kube::ResourceExt as _;
    use serde_json::json;

    use super::*;

    #[test]
    fn who_wrote_which_field_is_not_kept() {
        let told = json!({
            "apiVersion": "v1", "kind": "Service",
            "metadata": {"name": "toko-bot", "labels": {"a": "b"}, "managedFields": [
                {"manager": "warung", "fieldsType": "FieldsV1", "fieldsV1": {"f:spec": {}}},
            ]},
            "spec": {"ports": [{"port": 80}]},
        });
        let live: Live = serde_json::from_value(told.clone()).unwrap();
        assert_eq!(live.name_any(), "toko-bot");
        let mut expected = told;
        expected["metadata"]
            .as_object_mut()
            .unwrap()
            .remove("managedFields");
        assert_eq!(serde_json::to_value(live).unwrap(), expected);
    }
}
