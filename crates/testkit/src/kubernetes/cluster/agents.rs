//! What makes a cluster of a node: the scheduler, the addresses of Services, names, metrics.

use std::path::Path;

use anyhow::Result;

use super::node::PATH;
use super::{ADDRESS, DIRECTORY, NODE, PODS};
use crate::kubernetes::api_server::ApiServer;
use crate::process::{Guarded, Program};

/// Where metrics-server listens.
const METRICS_PORT: u16 = 10_443;

/// The storage class, and the way from the API server to metrics-server.
const ADDONS: &str = r#"
apiVersion: storage.k8s.io/v1
kind: StorageClass
metadata:
  name: local
  annotations: {storageclass.kubernetes.io/is-default-class: "true"}
provisioner: warung.dev/local
reclaimPolicy: Delete
volumeBindingMode: Immediate
---
apiVersion: v1
kind: Service
metadata: {name: metrics-server, namespace: kube-system}
spec:
  ports: [{name: https, port: 443, targetPort: METRICS_PORT}]
---
apiVersion: v1
kind: Endpoints
metadata: {name: metrics-server, namespace: kube-system}
subsets:
- addresses: [{ip: ADDRESS}]
  ports: [{name: https, port: METRICS_PORT}]
---
apiVersion: apiregistration.k8s.io/v1
kind: APIService
metadata: {name: v1beta1.metrics.k8s.io}
spec:
  group: metrics.k8s.io
  version: v1beta1
  groupPriorityMinimum: 100
  versionPriority: 100
  insecureSkipTLSVerify: true
  service: {name: metrics-server, namespace: kube-system}
"#;

/// Starts the programs.
pub(super) fn start(server: &ApiServer) -> Result<Vec<Guarded>> {
    let admin = server.kubeconfig().display().to_string();
    let scheduler = server.kubeconfig_of_user("system:kube-scheduler", &[])?;
    let proxy = server.kubeconfig_of_user("system:kube-proxy", &[])?;
    std::fs::write(Path::new(DIRECTORY).join("Corefile"), corefile(&admin))?;
    let launch = |name: &str, flags: Vec<String>| -> Result<Guarded> {
        let program = Program::new(server.programs().find(name, "node")?)
            .args(flags)
            .clear_environment()
            .env("PATH", PATH)
            .in_directory(DIRECTORY)
            .log_to(Path::new(DIRECTORY).join(format!("{name}.log")));
        Ok(program.spawn()?)
    };
    Ok(vec![
        launch(
            "kube-scheduler",
            vec![
                format!("--kubeconfig={}", scheduler.display()),
                "--leader-elect=false".to_owned(),
                "--secure-port=0".to_owned(),
            ],
        )?,
        launch("kube-proxy", proxy_flags(&proxy))?,
        launch("coredns", vec!["-conf".to_owned(), "Corefile".to_owned()])?,
        launch("metrics-server", metrics_flags(&admin))?,
    ])
}

/// Installs the storage class and the metrics API.
pub(super) async fn install(server: &ApiServer) -> Result<()> {
    let addons = ADDONS
        .replace("METRICS_PORT", &METRICS_PORT.to_string())
        .replace("ADDRESS", &ADDRESS.to_string());
    server.apply(&addons, "kube-system").await
}

/// Settings of the kernel stay as they are: many sandboxes forbid to change them.
fn proxy_flags(kubeconfig: &Path) -> Vec<String> {
    let mut flags = vec![
        format!("--kubeconfig={}", kubeconfig.display()),
        format!("--hostname-override={NODE}"),
        format!("--cluster-cidr={PODS}"),
        format!("--healthz-bind-address={ADDRESS}:10256"),
        format!("--metrics-bind-address={ADDRESS}:10249"),
    ];
    let fixed = [
        "--proxy-mode=iptables",
        "--conntrack-max-per-core=0",
        "--conntrack-min=0",
        "--conntrack-tcp-timeout-established=0s",
        "--conntrack-tcp-timeout-close-wait=0s",
        "--iptables-localhost-nodeports=false",
        "--oom-score-adj=0",
    ];
    flags.extend(fixed.map(str::to_owned));
    flags
}

fn metrics_flags(kubeconfig: &str) -> Vec<String> {
    vec![
        format!("--kubeconfig={kubeconfig}"),
        format!("--authentication-kubeconfig={kubeconfig}"),
        format!("--authorization-kubeconfig={kubeconfig}"),
        format!("--bind-address={ADDRESS}"),
        format!("--secure-port={METRICS_PORT}"),
        format!("--cert-dir={DIRECTORY}/metrics"),
        "--kubelet-insecure-tls".to_owned(),
        "--kubelet-preferred-address-types=InternalIP".to_owned(),
        "--metric-resolution=15s".to_owned(),
    ]
}

/// Names of the cluster and no others: pods reach nothing outside it.
fn corefile(kubeconfig: &str) -> String {
    format!(
        ".:53 {{
  bind {ADDRESS}
  errors
  kubernetes cluster.local in-addr.arpa {{
    kubeconfig {kubeconfig}
  }}
  cache 5
}}
"
    )
}
