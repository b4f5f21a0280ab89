//! Real Kubernetes for tests: an API server with its controllers, and one whole node.
//!
//! # API server
//!
//! etcd, kube-apiserver and kube-controller-manager on the loopback interface, ready in a few
//! seconds. Nothing runs pods, everything else is real: schemas, CEL rules, admission, RBAC,
//! owner references, Deployments, autoscalers. The tests of one binary share one server and each
//! has a namespace of its own:
//!
//! ```no_run
//! # async fn test() -> anyhow::Result<()> {
//! let server = warung_testkit::kubernetes::api_server().await;
//! let namespace = server.namespace("shops").await?;
//! server.apply("apiVersion: v1\nkind: ConfigMap\n…", &namespace).await?;
//! let text = server.kubectl(["get", "configmaps", "-n", &namespace, "-o", "json"]).await?;
//! # Ok(()) }
//! ```
//!
//! A client of Rust reads [`ApiServer::kubeconfig`], or [`ApiServer::kubeconfig_for`] to speak as
//! a `ServiceAccount`, so that a missing right shows. What was asked is in the audit log:
//!
//! ```no_run
//! # async fn test(server: &warung_testkit::kubernetes::ApiServer) -> anyhow::Result<()> {
//! let before = server.audit_position()?;
//! // … let the operator rest …
//! let who = "system:serviceaccount:warung:warung-operator";
//! let events = server.audit_since(before)?;
//! assert!(!events.iter().any(|event| event.user == who && event.is_write()));
//! # Ok(()) }
//! ```
//!
//! Tests that freeze or stop the server start one of their own ([`ApiServer::start`]).
//!
//! The programs are those of `KUBEBUILDER_ASSETS` where set, else what `scripts/kubernetes api`
//! has built.
//!
//! # Node
//!
//! See [`cluster`], and `warung-cluster up` for one to play with.

mod api_server;
mod audit;
pub mod cluster;
mod kubectl;
mod launch;
mod pki;
mod programs;
mod rest;

use tokio::sync::OnceCell;

pub use api_server::{ApiServer, ApiServerOptions};
pub use audit::AuditEvent;
pub use kubectl::{Forward, Kubectl};
pub use programs::Programs;
pub use rest::{Refused, Rest};

/// The API server of this process, started on the first call; it ends with the process.
///
/// # Panics
/// When it cannot be started; the message says what is missing.
pub async fn api_server() -> &'static ApiServer {
    static SERVER: OnceCell<ApiServer> = OnceCell::const_new();
    SERVER
        .get_or_init(async || match start_shared().await {
            Ok(server) => server,
            Err(error) => panic!("start the API server for tests: {error:#}"),
        })
        .await
}

async fn start_shared() -> anyhow::Result<ApiServer> {
    let name = format!("warung-kubernetes-{}", uuid::Uuid::new_v4().simple());
    let directory = std::env::temp_dir().join(name);
    std::fs::create_dir_all(&directory)?;
    // It holds a pipe of ours, by which it learns of our end; nobody waits for it.
    std::mem::forget(crate::stores::sweep_after_us(&directory)?);
    ApiServer::start(ApiServerOptions::new(directory)).await
}
