//! One whole node: pods really run, Services are reached, names resolve, autoscalers see load.
//!
//! On top of an [`ApiServer`] it starts Debian's containerd and runc, kubelet, kube-scheduler,
//! kube-proxy, `CoreDNS` and metrics-server; images come from archives (`scripts/images`), never
//! from a registry. It needs root, `scripts/setup --node` and `scripts/kubernetes node`, and there
//! is one a machine.
//!
//! ```no_run
//! # async fn test() -> anyhow::Result<()> {
//! use warung_testkit::kubernetes::Kubectl;
//! use warung_testkit::kubernetes::cluster::{Cluster, ClusterOptions};
//!
//! // Any cluster does whose images were loaded before: `KUBECONFIG` says which.
//! let external = std::env::var_os("KUBECONFIG");
//! let cluster = match external {
//!     None => Some(Cluster::start(ClusterOptions::with_built_images()?).await?),
//!     Some(_) => None,
//! };
//! let kubeconfig = match (&cluster, external) {
//!     (Some(cluster), _) => cluster.server().kubeconfig(),
//!     (None, path) => path.unwrap_or_default().into(),
//! };
//! let kubectl = Kubectl::new(&kubeconfig, &std::env::temp_dir())?;
//! let shop = kubectl.forward("shops", "service/toko-bot", 80).await?;
//! // … http://127.0.0.1:{shop.port} …
//! if let Some(cluster) = cluster {
//!     cluster.stop().await?;
//! }
//! # Ok(()) }
//! ```
//!
//! On a node of ours this machine reaches pods and Services by their addresses as well.
//!
//! What differs from a usual cluster: pods reach no address outside it; `NetworkPolicy` objects are
//! accepted and not enforced; a volume's size is not enforced (storage class `local`, the default:
//! a folder of this machine that belongs to root until `fsGroup` says otherwise).
//!
//! The pods, their mounts and their runtime live in a process and mount namespace of their own,
//! so that the kernel ends them with whoever started the cluster, however that ended. What is left
//! then (a network device, rules of iptables, empty control groups, the directory) is swept by
//! [`Cluster::stop`], by the next start and by `warung-cluster down`.

mod agents;
mod node;
mod sweep;
mod volumes;

use std::fs::File;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail, ensure};
use serde_json::Value;

use super::api_server::{ApiServer, ApiServerOptions};
use super::launch::log_tail;
use super::programs::cache;
use crate::eventually::within;
use crate::process::{Guarded, is_root};

/// Where all of the cluster's files are. Fixed, so that whoever comes next can sweep.
const DIRECTORY: &str = "/var/tmp/warung-cluster";
/// Held locked while a cluster runs; has the number of its process.
const LOCK: &str = "/var/tmp/warung-cluster.lock";
/// Name of the node.
const NODE: &str = "warung";
/// Address of this machine in the cluster: of the range for benchmarks, which collides with
/// nothing. API server, kubelet, DNS and metrics listen on it, nothing on a real interface.
const ADDRESS: Ipv4Addr = Ipv4Addr::new(198, 18, 0, 1);
/// Addresses of pods.
const PODS: &str = "198.18.0.0/24";
/// How long the node may take until it is ready.
const NODE_LIMIT: Duration = Duration::from_mins(1);
/// How long a cluster that was asked to stop may take.
const DOWN_LIMIT: Duration = Duration::from_mins(1);

/// How to start a [`Cluster`].
#[derive(Clone, Debug, Default)]
pub struct ClusterOptions {
    /// Archives of images (OCI), see `scripts/images`; the pause image is always imported.
    pub images: Vec<PathBuf>,
    /// More flags for kube-controller-manager.
    pub controller_flags: Vec<String>,
}

impl ClusterOptions {
    /// With every archive that `scripts/images` has built.
    ///
    /// # Errors
    /// When there is none; the message says what to run.
    pub fn with_built_images() -> Result<Self> {
        let folder = cache().join("images");
        let entries = std::fs::read_dir(&folder).with_context(|| missing_images(&folder))?;
        let mut images = Vec::new();
        for entry in entries {
            let path = entry?.path();
            if path.extension().is_some_and(|extension| extension == "tar") {
                images.push(path);
            }
        }
        images.sort();
        Ok(Self {
            images,
            ..Self::default()
        })
    }
}

fn missing_images(folder: &Path) -> String {
    format!("no images in {}: run `scripts/images`", folder.display())
}

/// A running cluster of one node. Dropping it kills it and sweeps.
#[derive(Debug)]
pub struct Cluster {
    // Options, so that the drop can end them in order and sweep after them.
    parts: Option<Parts>,
    _lock: File,
}

#[derive(Debug)]
struct Parts {
    // Dropped in this order: pods before what they talk to.
    _volumes: volumes::Provisioner,
    _node: Guarded,
    _agents: Vec<Guarded>,
    server: ApiServer,
}

impl Cluster {
    /// Starts the cluster, imports the images and waits until the node is ready. What an earlier
    /// run left is swept first.
    ///
    /// # Errors
    /// When it is not root's, another runs, a program is missing (the message says what to run)
    /// or does not come up (the message has the end of its log).
    pub async fn start(options: ClusterOptions) -> Result<Self> {
        ensure!(
            is_root(),
            "a node needs root; or set KUBECONFIG to a cluster you have"
        );
        let lock = take_lock()?;
        tokio::task::spawn_blocking(sweep::sweep).await??;
        // From here on a failure sweeps too.
        let mut cluster = Self {
            parts: None,
            _lock: lock,
        };
        std::fs::create_dir_all(DIRECTORY)?;
        sweep::remember_forwarding()?;
        node::make_network().await?;
        let server = ApiServer::start(server_options(&options)).await?;
        let node = node::start(&server)?;
        let agents = agents::start(&server)?;
        let parts = cluster.parts.insert(Parts {
            _volumes: volumes::Provisioner::start(server.rest().clone())?,
            _node: node,
            _agents: agents,
            server,
        });
        let images = node::import(&options.images);
        let addons = agents::install(&parts.server);
        tokio::try_join!(images, addons)?;
        parts.ready().await?;
        Ok(cluster)
    }

    /// Its API server, with kubectl.
    ///
    /// # Panics
    /// Never: only a stopped cluster has none.
    pub fn server(&self) -> &ApiServer {
        let parts = self.parts.as_ref();
        &parts.expect("a running cluster has its parts").server
    }

    /// Stops everything and leaves nothing behind.
    ///
    /// # Errors
    /// When something could not be removed.
    pub async fn stop(mut self) -> Result<()> {
        let parts = self.parts.take();
        let stopping = tokio::task::spawn_blocking(move || {
            drop(parts);
            sweep::sweep()
        });
        stopping.await??;
        Ok(std::fs::remove_file(LOCK)?)
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        drop(self.parts.take());
        if let Err(error) = sweep::sweep() {
            tracing::warn!(error = format!("{error:#}"), "the cluster left something");
        }
    }
}

impl Parts {
    async fn ready(&self) -> Result<()> {
        let path = format!("/api/v1/nodes/{NODE}");
        let ready = within(NODE_LIMIT, async || {
            let node = self.server.rest().get(&path).await?;
            condition(&node, "Ready").context("not ready yet")
        });
        ready.await.map_err(|reason| {
            let logs = ["containerd", "kubelet"].map(|name| log_tail(Path::new(DIRECTORY), name));
            anyhow!("the node: {reason}; {}", logs.join("\n"))
        })
    }
}

/// `Some` when an object has the condition with status `True`.
fn condition(object: &Value, kind: &str) -> Option<()> {
    let conditions = object["status"]["conditions"].as_array()?;
    let holds = |c: &Value| c["type"] == kind && c["status"] == "True";
    conditions.iter().any(holds).then_some(())
}

fn server_options(options: &ClusterOptions) -> ApiServerOptions {
    let mut server = ApiServerOptions::new(DIRECTORY);
    server.address = ADDRESS;
    // Autoscalers look more often than every 15 s, so that tests need not wait.
    server.controller_flags = vec!["--horizontal-pod-autoscaler-sync-period=5s".to_owned()];
    server
        .controller_flags
        .extend(options.controller_flags.iter().cloned());
    server
}

fn take_lock() -> Result<File> {
    use std::io::Write;

    let mut options = File::options();
    let mut lock = options
        .create(true)
        .truncate(false)
        .write(true)
        .open(LOCK)?;
    if lock.try_lock().is_err() {
        bail!("a cluster is running: `warung-cluster down` stops it");
    }
    lock.set_len(0)?;
    write!(lock, "{}", std::process::id())?;
    Ok(lock)
}

/// Stops the cluster of this machine, whoever started it, and sweeps what an earlier one left.
///
/// # Errors
/// When it does not stop or something could not be removed.
pub async fn down() -> Result<()> {
    if let Ok(lock) = File::options().write(true).open(LOCK) {
        if lock.try_lock().is_err() {
            let pid = std::fs::read_to_string(LOCK)?;
            let pid = pid.parse().context("the lock names no process")?;
            crate::process::send(pid, crate::process::Signal::TERM)?;
        }
        let stopped = within(DOWN_LIMIT, async || lock.try_lock().is_ok()).await;
        stopped.map_err(|_| anyhow!("the running cluster does not stop"))?;
        tokio::task::spawn_blocking(sweep::sweep).await??;
        // A cluster that stopped in order has removed it.
        let _ = std::fs::remove_file(LOCK);
    }
    Ok(())
}

/// Imports one more image into the running cluster, for a rolling update.
///
/// # Errors
/// When none runs, or the archive is missing or no image.
pub async fn import(archive: &Path) -> Result<()> {
    node::import(&[archive.to_owned()]).await
}
