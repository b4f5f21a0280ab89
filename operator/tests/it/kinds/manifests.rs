//! Manifests to begin from, and edits of them.

use serde_json::{Value, json};

/// Edits of a manifest: path below `spec` and value.
pub(super) type Edits = Vec<(&'static str, Value)>;

/// A shop with what a shop must have.
pub(super) fn shop() -> Value {
    json!({
        "apiVersion": "shops.warung.dev/v1alpha1", "kind": "WhatsAppShop",
        "metadata": {"name": "toko"},
        "spec": {
            "shop": {"displayName": "Toko Sari"},
            "whatsapp": {"cloud": {"phoneNumberId": "123456789", "secretRef": {"name": "meta"}}},
            "payments": {"midtrans": {
                "environment": "sandbox", "merchantId": "M123", "secretRef": {"name": "midtrans"}}},
            "database": {"managed": {}},
            "redis": {"managed": {}},
        },
    })
}

/// A backup of that shop.
pub(super) fn backup() -> Value {
    json!({
        "apiVersion": "shops.warung.dev/v1alpha1", "kind": "ShopBackup",
        "metadata": {"name": "before-the-sale"},
        "spec": {"shopRef": {"name": "toko"}},
    })
}

/// A restore into that shop.
pub(super) fn restore() -> Value {
    json!({
        "apiVersion": "shops.warung.dev/v1alpha1", "kind": "ShopRestore",
        "metadata": {"name": "back"},
        "spec": {"shopRef": {"name": "toko"}, "newestVerified": true},
    })
}

/// Backups to a bucket, for a shop that has none.
pub(super) fn backups_to_s3() -> Value {
    json!({"destination": {"s3": {"bucket": "shops", "secretRef": {"name": "s3"}}}})
}

/// Sets a field below `spec` (`bot.replicas`), making what is above it; `null` removes it. A path
/// that begins with a dot begins at the root.
pub(super) fn set(manifest: &mut Value, path: &str, value: Value) {
    let path = path
        .strip_prefix('.')
        .map_or_else(|| format!("spec.{path}"), str::to_owned);
    let mut at = manifest;
    let (above, last) = path.rsplit_once('.').expect("a path below the root");
    for name in above.split('.') {
        at = &mut at[name];
        if at.is_null() {
            *at = json!({});
        }
    }
    if value.is_null() {
        at.as_object_mut().expect("an object").remove(last);
    } else {
        at[last] = value;
    }
}

/// The same manifest, edited.
pub(super) fn edited(mut manifest: Value, edits: &[(&str, Value)]) -> Value {
    for (path, value) in edits {
        set(&mut manifest, path, value.clone());
    }
    manifest
}
