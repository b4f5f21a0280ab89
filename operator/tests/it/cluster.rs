//! The API server that the stories share, with the operator's kinds installed.

use std::ffi::OsStr;
use std::path::Path;

use anyhow::{Result, ensure};
use kube::Client;
use kube::config::{KubeConfigOptions, Kubeconfig};
use serde_json::{Value, json};
use tokio::process::Command;
use tokio::sync::OnceCell;
use warung_operator::crds;
use warung_testkit::kubernetes::{ApiServer, api_server};

/// The API server of this process with the kinds of `shops.warung.dev` served.
pub(crate) async fn server() -> &'static ApiServer {
    static KINDS: OnceCell<()> = OnceCell::const_new();
    let server = api_server().await;
    KINDS
        .get_or_init(async || install_kinds(server).await)
        .await;
    server
}

/// Applies the definitions and waits until they are served.
pub(crate) async fn install_kinds(server: &ApiServer) {
    let yaml: String = crds::files().into_iter().map(|(_, text)| text).collect();
    let applied = server.apply(&yaml, "default").await;
    applied.expect("the API server takes the definitions");
    let names = crds::definitions();
    let names = names.iter().filter_map(|crd| crd.metadata.name.as_deref());
    let wait = [
        "wait",
        "--for=condition=Established",
        "--timeout=30s",
        "crd",
    ];
    let established = server.kubectl(wait.into_iter().chain(names)).await;
    established.expect("the API server serves the kinds");
}

/// A client that speaks as a kubeconfig says.
pub(crate) async fn client(kubeconfig: &Path) -> Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let file = Kubeconfig::read_from(kubeconfig).expect("a kubeconfig");
    let options = KubeConfigOptions::default();
    let config = kube::Config::from_custom_kubeconfig(file, &options).await;
    Client::try_from(config.expect("a config")).expect("a client")
}

/// Whether a pod of that template would be admitted in a namespace. Deployments and Jobs themselves
/// only cause a warning when their pods would not.
pub(crate) async fn admits(server: &ApiServer, namespace: &str, template: &Value) -> Result<()> {
    let mut pod = template.clone();
    pod["apiVersion"] = json!("v1");
    pod["kind"] = json!("Pod");
    pod["metadata"]["name"] = json!("asked");
    let path = format!("/api/v1/namespaces/{namespace}/pods?dryRun=All");
    server.rest().post(&path, &pod).await.map(drop)
}

/// Folder of a chart of this repository.
pub(crate) fn chart(name: &str) -> String {
    let charts = Path::new(env!("CARGO_MANIFEST_DIR")).join("../charts");
    charts.join(name).display().to_string()
}

/// Runs Helm as the administrator and returns what it writes.
pub(crate) async fn helm<A: AsRef<OsStr>>(
    server: &ApiServer,
    arguments: impl IntoIterator<Item = A>,
) -> Result<String> {
    let mut command = Command::new(server.programs().find("helm", "api")?);
    command
        .args(arguments)
        .env("KUBECONFIG", server.kubeconfig())
        .kill_on_drop(true);
    // Helm's own files must not lie about in a home.
    for home in ["HELM_CACHE_HOME", "HELM_CONFIG_HOME", "HELM_DATA_HOME"] {
        command.env(home, server.directory().join("helm"));
    }
    let output = command.output().await?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "helm: {said}");
    Ok(String::from_utf8(output.stdout)?)
}
