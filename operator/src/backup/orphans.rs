//! Backups and restores whose shop does not exist: nobody looks at them but to say so.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::api::{Api, ListParams, Patch, PatchParams};
use kube::{Client, ResourceExt as _};
use serde_json::json;

use super::say::{COMPLETE, Said, get, set};
use crate::conditions::{Reason, Truth};
use crate::crds::{ShopBackup, ShopRestore};

/// Says of every backup and restore of a shop that is not done that there is no such shop. Once
/// there is, a look at the shop says how they do.
///
/// # Errors
/// When the API server does not answer, or we no longer lead.
pub async fn tell_orphans(client: &Client, namespace: &str, shop: &str) -> kube::Result<()> {
    let mine = ListParams::default().fields(&format!("spec.shopRef.name={shop}"));
    let backups: Api<ShopBackup> = Api::namespaced(client.clone(), namespace);
    for backup in backups.list(&mine).await? {
        let status = backup.status.clone().unwrap_or_default();
        let over = status.finished_at.is_some();
        let generation = backup.metadata.generation;
        if let Some(said) = said(&status.conditions, over, generation, shop) {
            let patch = patch(&said);
            let params = PatchParams::default();
            backups
                .patch_status(&backup.name_any(), &params, &patch)
                .await?;
        }
    }
    let restores: Api<ShopRestore> = Api::namespaced(client.clone(), namespace);
    for restore in restores.list(&mine).await? {
        let status = restore.status.clone().unwrap_or_default();
        let over = status.finished_at.is_some();
        let generation = restore.metadata.generation;
        if let Some(said) = said(&status.conditions, over, generation, shop) {
            let patch = patch(&said);
            let params = PatchParams::default();
            restores
                .patch_status(&restore.name_any(), &params, &patch)
                .await?;
        }
    }
    Ok(())
}

fn patch(conditions: &[Condition]) -> Patch<serde_json::Value> {
    Patch::Merge(json!({"status": {"conditions": conditions}}))
}

/// The conditions as they should be; `None` where they are so, or where all is over.
fn said(
    before: &[Condition],
    finished: bool,
    generation: Option<i64>,
    shop: &str,
) -> Option<Vec<Condition>> {
    let over = get(before, COMPLETE).is_some_and(|known| known.status != "Unknown");
    if over || finished {
        return None;
    }
    let message = format!(
        "there is no WhatsAppShop {shop} in this namespace: create it, or delete this and name another"
    );
    let said = Said {
        kind: COMPLETE,
        truth: Truth::Unknown,
        reason: Reason::ShopNotFound,
        message: &message,
    };
    let mut after = before.to_vec();
    set(&mut after, &said, generation, Timestamp::now());
    (after != before).then_some(after)
}
