//! Volumes: a folder for every claim of the class `local`, removed with its claim.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::{Value, json};
use tokio::sync::oneshot;

use super::{DIRECTORY, NODE};
use crate::kubernetes::rest::Rest;

/// How often claims and volumes are looked at.
const INTERVAL: Duration = Duration::from_millis(300);
/// The storage class and who serves it.
const CLASS: &str = "local";
const PROVISIONER: &str = "warung.dev/local";

/// Serves the storage class from a thread of its own, whatever runtime started it, until dropped.
#[derive(Debug)]
pub(super) struct Provisioner {
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Provisioner {
    pub(super) fn start(rest: Rest) -> Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let (stop, mut stopped) = oneshot::channel();
        let thread = std::thread::spawn(move || {
            runtime.block_on(async {
                loop {
                    if let Err(error) = turn(&rest).await {
                        // The API server may be away for a while.
                        tracing::debug!(error = format!("{error:#}"), "no volumes served");
                    }
                    let pause = tokio::time::timeout(INTERVAL, &mut stopped);
                    if pause.await.is_ok() {
                        return;
                    }
                }
            });
        });
        Ok(Self {
            stop: Some(stop),
            thread: Some(thread),
        })
    }
}

impl Drop for Provisioner {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

async fn turn(rest: &Rest) -> Result<()> {
    let claims = list(rest, "/api/v1/persistentvolumeclaims").await?;
    let volumes = list(rest, "/api/v1/persistentvolumes").await?;
    for claim in claims.iter().filter(|claim| wants_volume(claim)) {
        let volume = volume(claim)?;
        let name = text(&volume["metadata"]["name"])?;
        if volumes
            .iter()
            .any(|known| known["metadata"]["name"] == name)
        {
            continue;
        }
        let folder = folder(name);
        std::fs::create_dir_all(&folder)?;
        std::fs::set_permissions(&folder, PermissionsExt::from_mode(0o755))?;
        rest.post("/api/v1/persistentvolumes", &volume).await?;
    }
    for volume in volumes.iter().filter(|volume| is_released(volume)) {
        let name = text(&volume["metadata"]["name"])?;
        if folder(name).exists() {
            std::fs::remove_dir_all(folder(name))?;
        }
        let path = format!("/api/v1/persistentvolumes/{name}");
        rest.delete(&path).await?;
    }
    Ok(())
}

async fn list(rest: &Rest, path: &str) -> Result<Vec<Value>> {
    let answer = rest.get(path).await?;
    Ok(answer["items"].as_array().cloned().unwrap_or_default())
}

fn wants_volume(claim: &Value) -> bool {
    claim["spec"]["storageClassName"] == CLASS
        && claim["status"]["phase"] == "Pending"
        && claim["spec"]["volumeName"].is_null()
}

fn is_released(volume: &Value) -> bool {
    let annotation = &volume["metadata"]["annotations"]["pv.kubernetes.io/provisioned-by"];
    annotation == PROVISIONER
        && volume["status"]["phase"] == "Released"
        && volume["spec"]["persistentVolumeReclaimPolicy"] == "Delete"
        && volume["metadata"]["deletionTimestamp"].is_null()
}

/// A volume of type `local`, because the kubelet gives that to the pod's `fsGroup`.
fn volume(claim: &Value) -> Result<Value> {
    let metadata = &claim["metadata"];
    let uid = text(&metadata["uid"])?;
    let name = format!("pvc-{uid}");
    Ok(json!({
        "apiVersion": "v1", "kind": "PersistentVolume",
        "metadata": {
            "name": name,
            "annotations": {"pv.kubernetes.io/provisioned-by": PROVISIONER},
        },
        "spec": {
            "capacity": {"storage": claim["spec"]["resources"]["requests"]["storage"]},
            "accessModes": claim["spec"]["accessModes"],
            "volumeMode": "Filesystem",
            "storageClassName": CLASS,
            "persistentVolumeReclaimPolicy": "Delete",
            "claimRef": {
                "apiVersion": "v1", "kind": "PersistentVolumeClaim",
                "namespace": metadata["namespace"], "name": metadata["name"], "uid": uid,
            },
            "local": {"path": folder(&name)},
            "nodeAffinity": {"required": {"nodeSelectorTerms": [{"matchExpressions": [
                {"key": "kubernetes.io/hostname", "operator": "In", "values": [NODE]},
            ]}]}},
        },
    }))
}

fn folder(volume: &str) -> PathBuf {
    Path::new(DIRECTORY).join("volumes").join(volume)
}

fn text(value: &Value) -> Result<&str> {
    value.as_str().context("an object without a name")
}
