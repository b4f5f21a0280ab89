//! The runtime and the kubelet, in namespaces of their own, and the network of the pods.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, anyhow, ensure};

use super::{ADDRESS, DIRECTORY, NODE, PODS, missing_images};
use crate::eventually::within;
use crate::kubernetes::api_server::ApiServer;
use crate::kubernetes::programs::cache;
use crate::process::{Guarded, Program, find};

/// The device that carries this machine's address in the cluster. It is a bridge without ports,
/// because every kernel with containers has those.
pub(super) const DEVICE: &str = "warung0";
/// Where Debian has the programs of the runtime; a user's PATH may lack some.
pub(super) const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/// The image that holds a pod's namespaces.
const PAUSE: &str = "localhost/warung-pause:1";
/// How long the runtime may take until it takes images.
const RUNTIME_LIMIT: Duration = Duration::from_secs(30);
/// How many pods of one name `kubectl` may list per node; Kubernetes' own default.
const MAX_PODS: u32 = 110;

/// Folders that runtime and kubelet use wherever they are told to live. They see folders of the
/// cluster's directory there instead, and nobody else does.
pub(super) const HIDDEN: [&str; 5] = [
    "/run/containerd",
    "/run/netns",
    "/var/lib/cni",
    "/var/lib/kubelet",
    "/var/log/containers",
];

/// Runs as the first process of the namespaces: when it ends, the kernel ends all others.
const SCRIPT: &str = r#"
set -e
directory=$1
kubelet=$2
shift 2
mount --make-rshared /
for hidden in "$@"; do
    mkdir -p "$hidden" "$directory/hidden$hidden"
    mount --bind "$directory/hidden$hidden" "$hidden"
done
containerd --config "$directory/containerd.toml" >>"$directory/containerd.log" 2>&1 &
until [ -S "$directory/containerd.sock" ]; do sleep 0.05; done
"$kubelet" --config="$directory/kubelet.yaml" --kubeconfig="$directory/kubelet.kubeconfig" \
    --hostname-override="$NODE" --node-ip="$ADDRESS" >>"$directory/kubelet.log" 2>&1
"#;

/// Makes the device with this machine's address.
pub(super) async fn make_network() -> Result<()> {
    let address = format!("{ADDRESS}/32");
    for command in [
        vec!["link", "add", DEVICE, "type", "bridge"],
        vec!["addr", "add", &address, "dev", DEVICE],
        vec!["link", "set", DEVICE, "up"],
    ] {
        run("ip", &command).await?;
    }
    Ok(())
}

/// Starts containerd and the kubelet.
pub(super) fn start(server: &ApiServer) -> Result<Guarded> {
    let kubelet = server.programs().find("kubelet", "node")?;
    let directory = Path::new(DIRECTORY);
    std::fs::create_dir_all(directory.join("cni"))?;
    std::fs::write(directory.join("cni/10-warung.conflist"), network())?;
    std::fs::write(directory.join("containerd.toml"), runtime())?;
    std::fs::write(directory.join("kubelet.yaml"), kubelet_configuration())?;
    std::fs::write(directory.join("resolv.conf"), "")?;
    let user = format!("system:node:{NODE}");
    let pki = server.pki();
    let path = directory.join("kubelet.kubeconfig");
    pki.kubeconfig(&path, &server.url(), &user, &["system:nodes"])?;
    pki.certify(
        "node",
        &user,
        &["system:nodes"],
        &[&ADDRESS.to_string(), NODE],
    )?;
    let program = Program::new(tool("unshare")?)
        .args([
            "--pid",
            "--mount",
            "--fork",
            "--kill-child=KILL",
            "--mount-proc",
        ])
        .args(["sh", "-c", SCRIPT, "node", DIRECTORY])
        .arg(kubelet)
        .args(HIDDEN)
        .clear_environment()
        .env("PATH", PATH)
        .env("NODE", NODE)
        .env("ADDRESS", ADDRESS.to_string())
        .log_to(directory.join("node.log"));
    Ok(program.spawn()?)
}

/// Hands archives of images to the runtime, the pause image first.
pub(super) async fn import(archives: &[PathBuf]) -> Result<()> {
    let folder = cache().join("images");
    let pause = folder.join("warung-pause-1.tar");
    ensure!(pause.is_file(), missing_images(&folder));
    let socket = format!("{DIRECTORY}/containerd.sock");
    let up = within(RUNTIME_LIMIT, async || {
        run("ctr", &["-a", &socket, "version"]).await
    });
    up.await.map_err(|reason| anyhow!("containerd: {reason}"))?;
    let others = archives.iter().filter(|&archive| *archive != pause);
    for archive in std::iter::once(&pause).chain(others) {
        let path = archive.display().to_string();
        let import = ["-a", &socket, "-n", "k8s.io", "image", "import", &path];
        run("ctr", &import).await?;
    }
    Ok(())
}

/// Runs a program of the system and fails when it does.
pub(super) async fn run(name: &str, arguments: &[&str]) -> Result<String> {
    let program = Program::new(tool(name)?).args(arguments).env("PATH", PATH);
    let (status, text) = program.run_to_end().await?;
    ensure!(status.success(), "{name} {}: {text}", arguments.join(" "));
    Ok(text)
}

/// A program of the system.
pub(super) fn tool(name: &str) -> Result<PathBuf> {
    let places: Vec<PathBuf> = PATH.split(':').map(PathBuf::from).collect();
    find(name, &places).with_context(|| format!("{name} is missing: run `scripts/setup --node`"))
}

/// Each pod has a line of its own to this machine, so that every packet passes its rules, between
/// two pods too; on a bridge that would take a module of the kernel.
fn network() -> String {
    format!(
        r#"{{
  "cniVersion": "1.0.0",
  "name": "warung",
  "plugins": [{{
    "type": "ptp",
    "ipMasq": false,
    "ipam": {{
      "type": "host-local",
      "ranges": [[{{"subnet": "{PODS}", "gateway": "{ADDRESS}"}}]],
      "routes": [{{"dst": "0.0.0.0/0"}}]
    }}
  }}]
}}
"#
    )
}

/// `restrict_oom_score_adj`: many sandboxes forbid what runc would set, and it dies of that.
fn runtime() -> String {
    format!(
        r#"version = 2
root = "{DIRECTORY}/containerd"
state = "/run/containerd/state"
[grpc]
  address = "{DIRECTORY}/containerd.sock"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "{PAUSE}"
  restrict_oom_score_adj = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "{DIRECTORY}/cni"
  [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
"#
    )
}

fn kubelet_configuration() -> String {
    format!(
        r#"apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
address: {ADDRESS}
healthzPort: 0
authentication:
  anonymous: {{enabled: false}}
  webhook: {{enabled: true}}
  x509: {{clientCAFile: {DIRECTORY}/pki/ca.crt}}
authorization: {{mode: Webhook}}
cgroupDriver: cgroupfs
failSwapOn: false
failCgroupV1: false
oomScoreAdj: 0
# The rules of kube-proxy are enough, and are the only ones to remove.
makeIPTablesUtilChains: false
containerRuntimeEndpoint: unix://{DIRECTORY}/containerd.sock
clusterDNS: [{ADDRESS}]
clusterDomain: cluster.local
resolvConf: {DIRECTORY}/resolv.conf
tlsCertFile: {DIRECTORY}/pki/node.crt
tlsPrivateKeyFile: {DIRECTORY}/pki/node.key
podLogsDir: {DIRECTORY}/logs
volumePluginDir: {DIRECTORY}/plugins
maxPods: {MAX_PODS}
# Not a share of the disk: of a big one that is much, and a nearly full one evicts everything.
evictionHard: {{memory.available: "100Mi", nodefs.available: "300Mi", imagefs.available: "300Mi"}}
imageGCHighThresholdPercent: 100
serializeImagePulls: false
"#
    )
}
