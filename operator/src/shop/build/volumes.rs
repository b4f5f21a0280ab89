//! Volume claims. They are children of their own, so that their size may grow: a StatefulSet makes
//! claims, but never changes one.

use k8s_openapi::api::core::v1::PersistentVolumeClaim;
use serde_json::{Value, json};

use super::{Site, redis};
use crate::{
    crds::{DeletionPolicy, Storage},
    shop::Child,
};

/// Annotation of PostgreSQL's claim: the image that its data was last served by.
pub(crate) const POSTGRES_IMAGE: &str = "warung.dev/postgres-image";

/// Every claim of the shop that holds data.
pub(super) fn claims(site: &Site) -> Vec<Child> {
    let spec = &site.shop.spec;
    let mut claims = Vec::new();
    if let Some(managed) = &spec.database.managed {
        let name = site.names().postgres_claim();
        let mut claim = claim(site, &name, "postgres", &managed.storage);
        let image = image_of_data(site, &name);
        claim.object["metadata"]["annotations"] = json!({ POSTGRES_IMAGE: image });
        claims.push(claim);
    }
    if let Some(managed) = &spec.redis.managed {
        for pod in redis::pods(site, managed) {
            let name = format!("data-{pod}");
            claims.push(claim(site, &name, "redis", &managed.storage));
        }
    }
    let volume = spec.backup.as_ref();
    let volume = volume.and_then(|b| b.destination.persistent_volume_claim.as_ref());
    if let Some(storage) = volume.and_then(|v| v.storage.as_ref()) {
        claims.push(claim(site, &site.names().backups(), "backup", storage));
    }
    claims
}

/// The image that can read the data of a claim: the one that it is made with, and later each that
/// was seen to serve it.
fn image_of_data(site: &Site, claim: &str) -> String {
    let wanted = &site.shop.postgres_image;
    let found = site.found("PersistentVolumeClaim", claim);
    let said = found.and_then(|it| it["metadata"]["annotations"][POSTGRES_IMAGE].as_str());
    let set = site.found("StatefulSet", &site.names().postgres());
    let serves = set.is_some_and(|set| {
        let (status, pod) = (&set["status"], &set["spec"]["template"]["spec"]);
        pod["containers"][0]["image"] == wanted.as_str()
            && status["observedGeneration"] == set["metadata"]["generation"]
            && status["currentRevision"] == status["updateRevision"]
            && status["readyReplicas"].as_i64().unwrap_or(0) > 0
    });
    match said {
        Some(said) if !(serves && site.progress.database_ready) => said.to_owned(),
        _ => wanted.clone(),
    }
}

fn claim(site: &Site, name: &str, component: &str, storage: &Storage) -> Child {
    Child::from_json::<PersistentVolumeClaim>(json!({
        "metadata": site.metadata(name, component),
        "spec": spec(storage, &storage.size.0),
    }))
    .kept()
}

/// A claim of the storage's class.
pub(super) fn spec(storage: &Storage, size: &str) -> Value {
    let mut spec = json!({
        "accessModes": ["ReadWriteOnce"],
        "resources": { "requests": { "storage": size } },
    });
    if let Some(class) = &storage.class_name {
        spec["storageClassName"] = json!(class);
    }
    spec
}

/// The claim template of a StatefulSet, which cannot be changed: one that exists stays as it is.
pub(super) fn template(site: &Site, stateful_set: &str, storage: &Storage) -> Value {
    let found = site.found("StatefulSet", stateful_set);
    let found = found.map(|s| &s["spec"]["volumeClaimTemplates"][0]["spec"]);
    let mut spec = spec(storage, &storage.size.0);
    let first = found.map(|f| &f["resources"]["requests"]["storage"]);
    if let Some(first) = first.filter(|first| first.is_string()) {
        spec["resources"]["requests"]["storage"] = first.clone();
    }
    json!({
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": { "name": "data" },
        "spec": spec,
    })
}

/// What becomes of the claims when their StatefulSet goes.
pub(super) fn retention(site: &Site) -> Value {
    let deleted = match site.shop.spec.deletion_policy {
        DeletionPolicy::Retain => "Retain",
        DeletionPolicy::Delete => "Delete",
    };
    json!({ "whenDeleted": deleted, "whenScaled": "Retain" })
}

/// Bytes of a quantity such as `512Mi`, `1.5Gi`, `1e9` or `1000000k`.
pub(super) fn bytes(quantity: &str) -> Option<u64> {
    /// Suffixes and the powers that they stand for.
    const SUFFIXES: [(&str, f64); 10] = [
        ("Ki", 1_024.0),
        ("Mi", 1_048_576.0),
        ("Gi", 1_073_741_824.0),
        ("Ti", 1_099_511_627_776.0),
        ("k", 1e3),
        ("M", 1e6),
        ("G", 1e9),
        ("T", 1e12),
        ("m", 1e-3),
        ("", 1.0),
    ];
    let (number, factor) = SUFFIXES
        .iter()
        .find_map(|(suffix, factor)| Some((quantity.strip_suffix(suffix)?, factor)))?;
    let bytes = number.trim().parse::<f64>().ok()? * factor;
    // Volumes of more than a few petabytes do not exist; f64 is exact far beyond.
    (0.0..9e15).contains(&bytes).then(|| {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "the range was just looked at"
        )]
        let whole = bytes as u64;
        whole
    })
}

#[cfg(test)]
mod tests {
    use super::bytes;

    #[test]
    fn quantities_are_read_as_kubernetes_writes_them() {
        assert_eq!(bytes("512Mi"), Some(512 << 20));
        assert_eq!(bytes("1.5Gi"), Some(3 << 29));
        assert_eq!(bytes("1e9"), Some(1_000_000_000));
        assert_eq!(bytes("1000000k"), Some(1_000_000_000));
        assert_eq!(bytes("123"), Some(123));
        assert_eq!(bytes("much"), None);
    }
}
