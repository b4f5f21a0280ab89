//! Backups and restores of a shop that nobody has made.

use warung_testkit::eventually;

use crate::harness::{SOON, Site, shop};

/// What the condition `Complete` of an object says: its reason and its message.
async fn complete(site: &Site, object: &str) -> Result<(String, String), String> {
    let object = site.get(object).await?;
    let conditions = object["status"]["conditions"].as_array().cloned();
    let conditions = conditions.unwrap_or_default();
    let found = conditions.iter().find(|c| c["type"] == "Complete");
    let found = found.ok_or_else(|| format!("no condition: {object}"))?;
    let text = |field: &str| found[field].as_str().unwrap_or_default().to_owned();
    Ok((text("reason"), text("message")))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_and_a_restore_of_no_shop_say_so_and_go_on_once_there_is_one() {
    let site = Site::new("orphans").await;
    let _operator = site.operator();
    site.apply(
        "
apiVersion: shops.warung.dev/v1alpha1
kind: ShopBackup
metadata: {name: before-we-move}
spec: {shopRef: {name: toko}}
---
apiVersion: shops.warung.dev/v1alpha1
kind: ShopRestore
metadata: {name: back}
spec: {shopRef: {name: toko}, newestVerified: true}
",
    )
    .await;
    let both = ["shopbackups/before-we-move", "shoprestores/back"];
    for object in both {
        let message = eventually(SOON, async || {
            let (reason, message) = complete(&site, object).await?;
            let told = reason == "ShopNotFound";
            told.then_some(message).ok_or(reason)
        })
        .await;
        assert!(message.contains("no WhatsAppShop toko"), "{message}");
    }
    let claim = "  backup: {destination: {persistentVolumeClaim: {claimName: b}}}";
    site.apply(&shop("toko", claim)).await;
    for object in both {
        eventually(SOON, async || {
            let (reason, message) = complete(&site, object).await?;
            let goes_on = reason != "ShopNotFound";
            goes_on.then_some(()).ok_or(message)
        })
        .await;
    }
    site.assert_nothing_forbidden();
}
