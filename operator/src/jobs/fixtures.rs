//! What tests of backups and restores are told about Jobs.

use k8s_openapi::api::core::v1::Pod;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// When these tests play.
pub(crate) const NOW: &str = "2026-11-24T05:00:00Z";

/// An object as JSON tells it.
pub(crate) fn of<T: DeserializeOwned>(value: Value) -> T {
    serde_json::from_value(value).unwrap()
}

/// The pod of a Job that has ended with these words.
pub(crate) fn pod(job: &str, code: i32, words: &Value) -> Pod {
    let words = words.to_string();
    of(json!({
        "metadata": {"name": format!("{job}-x"), "ownerReferences": [{
            "apiVersion": "batch/v1", "kind": "Job", "name": job, "uid": format!("uid-{job}")}]},
        "status": {"containerStatuses": [{
            "name": "work", "image": "i", "imageID": "", "ready": false, "restartCount": 0,
            "state": {"terminated": {"exitCode": code, "message": words}}}]},
    }))
}
