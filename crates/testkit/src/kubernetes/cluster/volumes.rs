//! Volumes: a folder for every claim of the class `local`, removed with its claim.

use std::collections::BTreeMap;
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
                let mut troubles = Troubles::default();
                loop {
                    match turn(&rest).await {
                        Ok(failed) => {
                            for (name, error) in troubles.new_in(failed) {
                                tracing::warn!(name, error, "a volume fails");
                            }
                        }
                        // The API server may be away for a while.
                        Err(error) => {
                            tracing::debug!(error = format!("{error:#}"), "no volumes served");
                        }
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

/// Claims and volumes that failed, and why.
type Failed = BTreeMap<String, String>;

/// What failed in the last turn.
#[derive(Debug, Default)]
struct Troubles(Failed);

impl Troubles {
    /// What is to be told of a turn: each trouble once, however many turns it lasts.
    fn new_in(&mut self, failed: Failed) -> Failed {
        let known = std::mem::replace(&mut self.0, failed.clone());
        let told = |name: &String, error: &mut String| known.get(name) != Some(error);
        let mut news = failed;
        news.retain(told);
        news
    }
}

/// Serves every claim, and clears away after those that are gone. Each fails for itself.
async fn turn(rest: &Rest) -> Result<Failed> {
    let claims = list(rest, "/api/v1/persistentvolumeclaims").await?;
    let volumes = list(rest, "/api/v1/persistentvolumes").await?;
    let mut failed = Failed::new();
    let mut note = |object: &Value, done: Result<()>| {
        if let Err(error) = done {
            failed.insert(full_name(object), format!("{error:#}"));
        }
    };
    for claim in claims.iter().filter(|claim| wants_volume(claim)) {
        note(claim, serve(rest, claim, &volumes).await);
    }
    for volume in volumes.iter().filter(|volume| is_released(volume)) {
        note(volume, clear(rest, volume).await);
    }
    Ok(failed)
}

/// Makes the volume of a claim, unless it is there.
async fn serve(rest: &Rest, claim: &Value, volumes: &[Value]) -> Result<()> {
    let volume = volume(claim)?;
    let name = text(&volume["metadata"]["name"])?;
    let is_it = |known: &Value| known["metadata"]["name"] == name;
    if volumes.iter().any(is_it) {
        return Ok(());
    }
    let folder = folder(name);
    let at = || format!("make {}", folder.display());
    std::fs::create_dir_all(&folder).with_context(at)?;
    std::fs::set_permissions(&folder, PermissionsExt::from_mode(0o755)).with_context(at)?;
    rest.post("/api/v1/persistentvolumes", &volume).await?;
    Ok(())
}

/// Removes a volume whose claim is gone.
async fn clear(rest: &Rest, volume: &Value) -> Result<()> {
    let name = text(&volume["metadata"]["name"])?;
    let folder = folder(name);
    if folder.exists() {
        let at = || format!("remove {}", folder.display());
        std::fs::remove_dir_all(&folder).with_context(at)?;
    }
    let path = format!("/api/v1/persistentvolumes/{name}");
    rest.delete(&path).await?;
    Ok(())
}

/// How a person would find it: `warung/data-toko-redis-0-0`, or the name of a volume.
fn full_name(object: &Value) -> String {
    let part = |field: &str| object["metadata"][field].as_str();
    let parts = [part("namespace"), part("name")];
    parts.into_iter().flatten().collect::<Vec<_>>().join("/")
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

#[cfg(test)]
mod tests {
    use super::*;

    fn failed(troubles: &[(&str, &str)]) -> Failed {
        let owned = |(name, error): &(&str, &str)| ((*name).to_owned(), (*error).to_owned());
        troubles.iter().map(owned).collect()
    }

    #[test]
    fn a_claim_that_fails_is_told_of_once_and_again_when_it_fails_otherwise() {
        let mut troubles = Troubles::default();
        let full = ("toko/data-0", "make /volumes/pvc-1: no space left");
        let both = [full, ("toko/data-1", "403 Forbidden: no")];
        assert_eq!(troubles.new_in(failed(&[full])), failed(&[full]));
        assert_eq!(troubles.new_in(failed(&[full])), failed(&[]));
        assert_eq!(troubles.new_in(failed(&both)), failed(&both[1..]));
        let other = ("toko/data-0", "make /volumes/pvc-1: not a directory");
        assert_eq!(troubles.new_in(failed(&[other])), failed(&[other]));
        assert_eq!(troubles.new_in(failed(&[])), failed(&[]));
        assert_eq!(troubles.new_in(failed(&[other])), failed(&[other]));
    }
}
