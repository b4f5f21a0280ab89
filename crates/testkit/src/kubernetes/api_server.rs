//! etcd, kube-apiserver and kube-controller-manager of one cluster.

use std::ffi::OsStr;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result, anyhow, ensure};
use serde_json::json;

use super::audit::{self, AuditEvent};
use super::kubectl::Kubectl;
use super::launch::{Plan, log_tail};
use super::pki::Pki;
use super::programs::Programs;
use super::rest::{Refused, Rest};
use crate::eventually::within;
use crate::process::Guarded;

/// How long the server may take until it is ready; a busy machine with two cores needs 15 s.
const READY_LIMIT: Duration = Duration::from_mins(1);
/// How long a controller may take to do a small thing.
const CONTROLLER_LIMIT: Duration = Duration::from_secs(30);
/// How long the API server may take to stop before it is killed.
const STOP_LIMIT: Duration = Duration::from_secs(5);
/// How often a start picks other ports when a free one was taken meanwhile.
const PORT_ATTEMPTS: usize = 3;
/// How long a token of a `ServiceAccount` lives; ten minutes is the least the server gives.
const TOKEN_LIFE: Duration = Duration::from_hours(1);

/// How to start an [`ApiServer`].
#[derive(Clone, Debug)]
pub struct ApiServerOptions {
    /// Directory of data, certificates, kubeconfigs and logs. One used before is used again, with
    /// its objects.
    pub dir: PathBuf,
    /// Port of the API; a free one when not given.
    pub port: Option<u16>,
    /// Address of the API: loopback unless pods are to reach it.
    pub address: Ipv4Addr,
    /// Whether kube-controller-manager runs too.
    pub controllers: bool,
    /// The audit policy (YAML); every request without its body when not given.
    pub audit_policy: Option<String>,
    /// More flags for kube-apiserver.
    pub api_server_flags: Vec<String>,
    /// More flags for kube-controller-manager, such as
    /// `--horizontal-pod-autoscaler-sync-period=2s`.
    pub controller_flags: Vec<String>,
}

impl ApiServerOptions {
    /// A server with controllers in `dir`, on a free port of the loopback interface.
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        Self {
            dir: dir.into(),
            port: None,
            address: Ipv4Addr::LOCALHOST,
            controllers: true,
            audit_policy: None,
            api_server_flags: Vec::new(),
            controller_flags: Vec::new(),
        }
    }
}

/// A running API server. Dropping it kills it.
#[derive(Debug)]
pub struct ApiServer {
    plan: Plan,
    // Killed in this order: clients before what they talk to.
    controllers: Mutex<Option<Guarded>>,
    server: Mutex<Option<Guarded>>,
    etcd: Guarded,
    counter: AtomicU32,
}

impl ApiServer {
    /// Starts the programs and waits until the server is ready and the controllers work.
    ///
    /// # Errors
    /// When a program is missing (the message says what to run) or does not come up (the message
    /// has the end of its log).
    pub async fn start(options: ApiServerOptions) -> Result<Self> {
        std::fs::create_dir_all(&options.dir)?;
        for attempt in 1.. {
            let server = Self::launch(options.clone())?;
            match server.ready().await {
                Ok(()) => return Ok(server),
                // Only a program that ended may have lost its port to another.
                Err(error) if attempt == PORT_ATTEMPTS || server.is_up() => return Err(error),
                Err(_) => {}
            }
        }
        unreachable!("the loop ends by returning")
    }

    fn launch(options: ApiServerOptions) -> Result<Self> {
        let plan = Plan::new(options)?;
        let etcd = plan.etcd()?;
        let server = plan.api_server()?;
        Ok(Self {
            plan,
            controllers: Mutex::new(None),
            server: Mutex::new(Some(server)),
            etcd,
            counter: AtomicU32::new(0),
        })
    }

    /// The address of the API.
    pub fn url(&self) -> String {
        format!("https://{}:{}", self.plan.options.address, self.plan.port)
    }

    /// The port of the API; the same after [`ApiServer::start_again`].
    pub fn port(&self) -> u16 {
        self.plan.port
    }

    /// The directory of its files: `*.log`, `audit.log`, `*.kubeconfig`, `pki/`.
    pub fn directory(&self) -> &Path {
        &self.plan.options.dir
    }

    /// A kubeconfig of the administrator.
    pub fn kubeconfig(&self) -> PathBuf {
        self.plan.options.dir.join("admin.kubeconfig")
    }

    /// The certificate of the cluster's authority, PEM.
    pub fn ca(&self) -> &str {
        &self.plan.pki.ca
    }

    /// A client for plain JSON, as the administrator.
    pub fn rest(&self) -> &Rest {
        &self.plan.rest
    }

    /// The programs it was started from.
    pub fn programs(&self) -> &Programs {
        &self.plan.programs
    }

    /// The authority of its certificates.
    pub(super) fn pki(&self) -> &Pki {
        &self.plan.pki
    }

    /// Makes a namespace `<prefix>-<number>` with the restricted Pod Security standard enforced,
    /// and waits until pods could be made in it.
    ///
    /// # Errors
    /// What the server refuses.
    pub async fn namespace(&self, prefix: &str) -> Result<String> {
        let name = format!("{prefix}-{}", self.counter.fetch_add(1, Ordering::Relaxed));
        self.make_namespace(&name).await?;
        Ok(name)
    }

    /// As [`ApiServer::namespace`], with the name given; one that exists is taken as it is.
    ///
    /// # Errors
    /// What the server refuses.
    pub async fn make_namespace(&self, name: &str) -> Result<()> {
        let object = json!({
            "apiVersion": "v1", "kind": "Namespace",
            "metadata": {
                "name": name,
                "labels": {"pod-security.kubernetes.io/enforce": "restricted"},
            },
        });
        exists(self.rest().post("/api/v1/namespaces", &object).await)?;
        if self.plan.options.controllers {
            self.service_account_ready(name).await?;
        }
        Ok(())
    }

    /// Runs kubectl as the administrator and returns what it writes to standard output.
    ///
    /// # Errors
    /// When kubectl fails; the message is what it wrote to standard error.
    pub async fn kubectl<A: AsRef<OsStr>>(
        &self,
        arguments: impl IntoIterator<Item = A>,
    ) -> Result<String> {
        let kubeconfig = self.kubeconfig();
        self.kubectl_as(&kubeconfig, arguments).await
    }

    /// Runs kubectl with another kubeconfig.
    ///
    /// # Errors
    /// As [`ApiServer::kubectl`].
    pub async fn kubectl_as<A: AsRef<OsStr>>(
        &self,
        kubeconfig: &Path,
        arguments: impl IntoIterator<Item = A>,
    ) -> Result<String> {
        let kubectl = Kubectl::new(kubeconfig, self.directory())?;
        kubectl.run(arguments).await
    }

    /// Applies manifests (YAML) by server-side apply; those without a namespace go to `namespace`.
    ///
    /// # Errors
    /// What kubectl or the server refuse.
    pub async fn apply(&self, manifests: &str, namespace: &str) -> Result<()> {
        let kubectl = Kubectl::new(&self.kubeconfig(), self.directory())?;
        kubectl.apply(manifests, namespace).await
    }

    /// A fresh token of a `ServiceAccount`, by the `TokenRequest` API.
    ///
    /// # Errors
    /// When there is no such account.
    pub async fn token(&self, namespace: &str, account: &str) -> Result<String> {
        let path = format!("/api/v1/namespaces/{namespace}/serviceaccounts/{account}/token");
        let request = json!({
            "apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest",
            "spec": {"expirationSeconds": TOKEN_LIFE.as_secs()},
        });
        let answer = self.rest().post(&path, &request).await?;
        let token = answer["status"]["token"].as_str();
        Ok(token.context("no token in the answer")?.to_owned())
    }

    /// A kubeconfig that speaks as a `ServiceAccount` and lives for an hour.
    ///
    /// # Errors
    /// When there is no such account.
    pub async fn kubeconfig_for(&self, namespace: &str, account: &str) -> Result<PathBuf> {
        let token = self.token(namespace, account).await?;
        let name = format!("{namespace}-{account}.kubeconfig");
        let path = self.directory().join(name);
        let credentials = format!("token: {token}");
        self.plan
            .pki
            .write_kubeconfig(&path, &self.url(), &credentials, namespace)?;
        Ok(path)
    }

    /// A kubeconfig of any user and groups, by certificate.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn kubeconfig_of_user(&self, user: &str, groups: &[&str]) -> Result<PathBuf> {
        let name = format!("user-{}.kubeconfig", user.replace(['/', ':'], "-"));
        let path = self.directory().join(name);
        self.plan.pki.kubeconfig(&path, &self.url(), user, groups)?;
        Ok(path)
    }

    /// Where the audit log ends now.
    ///
    /// # Errors
    /// When there is none.
    pub fn audit_position(&self) -> Result<u64> {
        Ok(std::fs::metadata(self.audit_log())?.len())
    }

    /// The requests answered since a position.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub fn audit_since(&self, position: u64) -> Result<Vec<AuditEvent>> {
        audit::read(&self.audit_log(), position)
    }

    /// The file of the audit log: one line of JSON a request.
    pub fn audit_log(&self) -> PathBuf {
        self.directory().join("audit.log")
    }

    /// Freezes the API server: connections stay open and nobody answers.
    ///
    /// # Errors
    /// When it is stopped.
    pub fn pause(&self) -> Result<()> {
        let server = self.server();
        Ok(server.as_ref().context("the server is stopped")?.pause()?)
    }

    /// Lets a frozen API server go on.
    ///
    /// # Errors
    /// When it is stopped.
    pub fn resume(&self) -> Result<()> {
        let server = self.server();
        Ok(server.as_ref().context("the server is stopped")?.resume()?)
    }

    /// Stops the API server; etcd keeps the objects and the controllers wait.
    ///
    /// # Errors
    /// When it cannot be signalled.
    pub async fn stop(&self) -> Result<()> {
        let server = self.server().take();
        if let Some(server) = server {
            server.resume()?;
            server.stop(STOP_LIMIT).await?;
        }
        Ok(())
    }

    /// Starts a stopped API server again, on the same port with the same objects.
    ///
    /// # Errors
    /// As [`ApiServer::start`].
    pub async fn start_again(&self) -> Result<()> {
        ensure!(self.server().is_none(), "the server is not stopped");
        let server = self.plan.api_server()?;
        *self.server() = Some(server);
        self.ready().await
    }

    async fn ready(&self) -> Result<()> {
        let answer = within(READY_LIMIT, async || {
            // A program that ended will not answer; the reason is in its log.
            if !self.is_up() {
                return Ok(false);
            }
            self.rest().is_ready().await.map(|()| true)
        });
        match answer.await {
            Ok(true) => {}
            Ok(false) => return Err(self.failure("has ended")),
            Err(reason) => return Err(self.failure(&reason)),
        }
        if !self.plan.options.controllers {
            return Ok(());
        }
        if !self.controllers().as_ref().is_some_and(Guarded::is_running) {
            *self.controllers() = Some(self.plan.controllers()?);
        }
        self.service_account_ready("default").await
    }

    /// The account that every pod has unless told otherwise is the first work of the controllers.
    async fn service_account_ready(&self, namespace: &str) -> Result<()> {
        let path = format!("/api/v1/namespaces/{namespace}/serviceaccounts/default");
        let made = within(CONTROLLER_LIMIT, async || self.rest().get(&path).await);
        made.await.map(drop).map_err(|reason| {
            let log = log_tail(self.directory(), "kube-controller-manager");
            anyhow!("no ServiceAccount in {namespace}: {reason}; {log}")
        })
    }

    fn failure(&self, reason: &str) -> anyhow::Error {
        let logs = ["etcd", "kube-apiserver"].map(|name| log_tail(self.directory(), name));
        anyhow!("the API server {reason}; {}", logs.join("\n"))
    }

    fn is_up(&self) -> bool {
        self.etcd.is_running() && self.server().as_ref().is_some_and(Guarded::is_running)
    }

    fn server(&self) -> MutexGuard<'_, Option<Guarded>> {
        self.server.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn controllers(&self) -> MutexGuard<'_, Option<Guarded>> {
        self.controllers
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// Takes "there is one already" as success.
fn exists(made: Result<serde_json::Value>) -> Result<()> {
    let conflict = |error: &anyhow::Error| {
        let refused = error.downcast_ref::<Refused>();
        refused.is_some_and(|refused| refused.status == reqwest::StatusCode::CONFLICT)
    };
    match made {
        Err(error) if !conflict(&error) => Err(error),
        _ => Ok(()),
    }
}
