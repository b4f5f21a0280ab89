//! A child object of a shop, as it is wanted.

use kube::Resource;
use kube::api::ApiResource;
use serde::Serialize;
use serde_json::Value;

/// Names an object of the shop's namespace.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectKey {
    /// Its kind, such as `Deployment`.
    pub kind: String,
    /// Its name.
    pub name: String,
}

impl ObjectKey {
    /// The key of an object.
    pub fn new(kind: &str, name: &str) -> Self {
        Self {
            kind: kind.to_owned(),
            name: name.to_owned(),
        }
    }
}

/// Whether a child holds what must outlive the shop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// Made again from the manifest: owned by the shop, collected with it.
    Never,
    /// Holds data or the key to it: under `deletionPolicy: Retain` nothing owns it, and it is
    /// created once and never overwritten, unless it [grows](Child::grows) or
    /// [follows](Child::follows) the manifest.
    UnderRetain,
    /// Backups are rubbish without it, and they outlive the shop under either policy: nothing ever
    /// owns it, and it is created once and never overwritten.
    Always,
}

/// A child object of a shop, as it is wanted, without owner references (`apply` adds them).
#[derive(Clone, Debug, PartialEq)]
pub struct Child {
    /// Where the API server keeps it.
    pub resource: ApiResource,
    /// The object.
    pub object: Value,
    /// Whether it outlives the shop.
    pub keep: Keep,
}

impl Child {
    /// Wraps a typed object.
    ///
    /// # Panics
    /// If the object cannot be written as JSON, which no Kubernetes type allows.
    pub fn new<K>(object: &K) -> Self
    where
        K: Resource<DynamicType = ()> + Serialize,
    {
        let mut value = serde_json::to_value(object).expect("Kubernetes objects are JSON");
        let resource = ApiResource::erase::<K>(&());
        value["apiVersion"] = Value::from(resource.api_version.clone());
        value["kind"] = Value::from(resource.kind.clone());
        Self {
            resource,
            object: value,
            keep: Keep::Never,
        }
    }

    /// Wraps an object written as JSON, without `apiVersion` and `kind`.
    pub fn from_json<K>(mut object: Value) -> Self
    where
        K: Resource<DynamicType = ()>,
    {
        let resource = ApiResource::erase::<K>(&());
        object["apiVersion"] = Value::from(resource.api_version.clone());
        object["kind"] = Value::from(resource.kind.clone());
        Self::of_kind(resource, object)
    }

    /// Wraps an object of a kind that is known only by its name.
    pub fn of_kind(resource: ApiResource, object: Value) -> Self {
        Self {
            resource,
            object,
            keep: Keep::Never,
        }
    }

    /// The same child, kept when the shop is deleted under `Retain`.
    #[must_use]
    pub fn kept(mut self) -> Self {
        self.keep = Keep::UnderRetain;
        self
    }

    /// The same child, kept whenever the shop is deleted.
    #[must_use]
    pub fn kept_always(mut self) -> Self {
        self.keep = Keep::Always;
        self
    }

    /// Whether it is applied again though it is kept: a volume claim's size follows the manifest.
    pub fn grows(&self) -> bool {
        self.resource.kind == "PersistentVolumeClaim"
    }

    /// Whether all of it is applied though it is kept: a `Cluster` of CloudNativePG holds no data
    /// itself, and what it asks for (servers, storage, image) is carried out by its own operator.
    pub fn follows(&self) -> bool {
        self.resource.kind == "Cluster"
    }

    /// What it is found by.
    pub fn key(&self) -> ObjectKey {
        let name = self.object["metadata"]["name"].as_str().unwrap_or_default();
        ObjectKey::new(&self.resource.kind, name)
    }
}
