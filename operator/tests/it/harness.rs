//! An operator of one's own in a namespace of one's own.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use warung_testkit::kubernetes::{ApiServer, ApiServerOptions, AuditEvent};
use warung_testkit::process::{Guarded, Program};
use warung_testkit::{eventually, stores};

use crate::{cluster, rights};

/// How long the operator may take for anything on a busy machine.
pub(crate) const SOON: Duration = Duration::from_secs(40);

/// A namespace and what is done in it.
pub(crate) struct Site {
    pub(crate) server: &'static ApiServer,
    pub(crate) namespace: String,
    kubeconfig: PathBuf,
    begun: u64,
}

/// A running operator.
pub(crate) struct Operator {
    pub(crate) process: Guarded,
    log: PathBuf,
}

impl Site {
    /// A namespace on the shared API server, with the kinds and the Secrets of the manifest.
    pub(crate) async fn new(prefix: &str) -> Self {
        let server = cluster::server().await;
        let namespace = server.namespace(prefix).await.unwrap();
        Self::on(server, namespace).await
    }

    /// The same on an API server of its own in this directory, for stories that change or stop it.
    pub(crate) async fn apart(directory: &Path, prefix: &str) -> Self {
        let server = ApiServer::start(ApiServerOptions::new(directory)).await;
        let server: &'static ApiServer = Box::leak(Box::new(server.unwrap()));
        cluster::install_kinds(server).await;
        let namespace = server.namespace(prefix).await.unwrap();
        Self::on(server, namespace).await
    }

    /// A namespace that exists.
    pub(crate) async fn on(server: &'static ApiServer, namespace: String) -> Self {
        let kubeconfig = rights::chart_account(server, &namespace, &[&namespace]).await;
        let begun = server.audit_position().unwrap();
        let site = Self {
            server,
            namespace,
            kubeconfig,
            begun,
        };
        site.apply(&secrets()).await;
        site
    }

    /// Starts an operator for this namespace, with the rights that its chart gives it.
    pub(crate) fn operator(&self) -> Operator {
        self.operator_as("one", &self.kubeconfig)
    }

    /// Starts one of several, with rights of its own.
    pub(crate) fn operator_as(&self, name: &str, kubeconfig: &Path) -> Operator {
        let program = Path::new(env!("CARGO_BIN_EXE_warung-operator"));
        let within = ["--namespace", &self.namespace];
        self.program(program, name, kubeconfig, &within)
    }

    /// Starts the release build, for every namespace; it must have been built. The variable
    /// `OPERATOR` names another build, such as an image's.
    pub(crate) fn released_operator(&self, kubeconfig: &Path) -> Operator {
        let debug = Path::new(env!("CARGO_BIN_EXE_warung-operator"));
        let built = debug.ancestors().nth(2).unwrap();
        let released = || built.join("release/warung-operator");
        let program = std::env::var_os("OPERATOR").map_or_else(released, PathBuf::from);
        self.program(&program, "released", kubeconfig, &[])
    }

    fn program(&self, program: &Path, name: &str, kubeconfig: &Path, within: &[&str]) -> Operator {
        static COUNTER: AtomicU32 = AtomicU32::new(0);
        let number = COUNTER.fetch_add(1, Ordering::Relaxed);
        let file = format!("operator-{}-{name}-{number}.log", self.namespace);
        let log = self.server.directory().join(file);
        let process = Program::new(program)
            .clear_environment()
            // As its image sets it.
            .env("MIMALLOC_ALLOW_THP", "0")
            .env("KUBECONFIG", kubeconfig)
            .args(["run", "--listen", "127.0.0.1:0", "--identity", name])
            .args(within)
            .args(["--operator-namespace", &self.namespace])
            .args(["--lease-name", &rights::release(&self.namespace)])
            .args(["--bot-image", "localhost/warung-bot:1"])
            .args(["--postgres-image", "localhost/postgres:1"])
            .args(["--redis-image", "localhost/redis:1"])
            .log_to(&log)
            .spawn()
            .unwrap();
        Operator { process, log }
    }

    /// Applies manifests as an administrator.
    pub(crate) async fn apply(&self, manifests: &str) {
        self.server.apply(manifests, &self.namespace).await.unwrap();
    }

    /// Runs kubectl in the namespace as an administrator.
    pub(crate) async fn kubectl(&self, arguments: &[&str]) -> String {
        let all = ["-n", &self.namespace].into_iter();
        let all = all.chain(arguments.iter().copied());
        self.server.kubectl(all).await.unwrap()
    }

    /// Reads an object: `deployments/toko-bot`.
    pub(crate) async fn get(&self, object: &str) -> Result<Value, String> {
        let (resource, name) = object.split_once('/').unwrap();
        let read = self.server.kubectl([
            "get",
            resource,
            name,
            "-n",
            &self.namespace,
            "-o",
            "json",
            "--show-managed-fields",
        ]);
        let text = read.await.map_err(|error| format!("{error:#}"))?;
        serde_json::from_str(&text).map_err(|error| error.to_string())
    }

    /// Waits until an object exists.
    pub(crate) async fn appears(&self, object: &str) -> Value {
        eventually(SOON, async || self.get(object).await).await
    }

    /// Waits until an object is gone.
    pub(crate) async fn goes(&self, object: &str) {
        eventually(SOON, async || {
            let read = self.get(object).await;
            read.is_err_and(|error| error.contains("NotFound") || error.contains("not found"))
        })
        .await;
    }

    /// Waits until a condition of a shop has a status and a reason; returns its message.
    pub(crate) async fn says(&self, shop: &str, kind: &str, status: &str, reason: &str) -> String {
        eventually(SOON, async || {
            let shop = self.get(&format!("whatsappshops/{shop}")).await?;
            let all = shop["status"]["conditions"].as_array().cloned();
            let all = all.unwrap_or_default();
            let found = all.iter().find(|c| c["type"] == kind).cloned();
            let found = found.ok_or_else(|| format!("no {kind}"))?;
            if found["status"] == status && found["reason"] == reason {
                Ok(found["message"].as_str().unwrap_or_default().to_owned())
            } else {
                Err(format!("{found}"))
            }
        })
        .await
    }

    /// Events about the shop, as `reason: note`.
    pub(crate) async fn events(&self) -> Vec<String> {
        let path = format!(
            "/apis/events.k8s.io/v1/namespaces/{}/events?limit=500",
            self.namespace
        );
        let listed = self.server.rest().get(&path).await.unwrap();
        let items = listed["items"].as_array().cloned().unwrap_or_default();
        let about = items
            .iter()
            .filter(|e| e["regarding"]["kind"] == "WhatsAppShop");
        let text =
            |event: &Value, field: &str| event[field].as_str().unwrap_or_default().to_owned();
        about
            .map(|e| format!("{}: {}", text(e, "reason"), text(e, "note")))
            .collect()
    }

    /// What the operators of this namespace wrote since, without their Lease.
    pub(crate) fn writes_since(&self, position: u64) -> Vec<AuditEvent> {
        let events = self.server.audit_since(position).unwrap();
        let user = rights::user(&self.namespace);
        let mine = |event: &AuditEvent| {
            event.user == user && event.is_write() && event.resource != "leases"
        };
        events.into_iter().filter(mine).collect()
    }

    /// The Secrets `database` and `redis`, of real stores.
    pub(crate) async fn external_stores(&self) {
        let stores = stores().await;
        let database = stores.empty_database().await.unwrap();
        let redis = stores.redis.urls().join(",");
        let secret = |name: &str, key: &str, value: &str| {
            let object = json!({
                "apiVersion": "v1", "kind": "Secret",
                "metadata": {"name": name}, "stringData": {key: value},
            });
            object.to_string()
        };
        self.apply(&secret("database", "url", &database)).await;
        self.apply(&secret("redis", "urls", &redis)).await;
    }

    /// Ends a Job well, as a kubelet would: its pod succeeds, and the Job's own controller counts
    /// that. Nothing but that controller may write the Job's status: it sets the start a moment
    /// after the Job is there, and another start, or an end before it, is refused.
    pub(crate) async fn completes(&self, job: &str) {
        self.ends_with(job, &json!({"phase": "Succeeded"})).await;
    }

    /// The same with all that the kubelet says of the pod. It does not wait for the Job: the
    /// operator may remove it as soon as it is complete.
    pub(crate) async fn ends_with(&self, job: &str, pod: &Value) {
        let (_, name) = job.split_once('/').unwrap();
        let labels = format!("batch.kubernetes.io/job-name={name}");
        let name = eventually(SOON, async || {
            let pods = ["get", "pods", "-l", &labels, "-o", "name"];
            let pods = self.kubectl(&pods).await;
            let first = pods.lines().next();
            first.map(|name| name.replace("pod/", "pods/"))
        })
        .await;
        self.set_status(&name, pod).await;
    }

    /// Says of the pods of a Deployment that they are ready, as a kubelet would.
    pub(crate) async fn becomes_available(&self, deployment: &str) {
        eventually(SOON, async || {
            let object = self.get(&format!("deployments/{deployment}")).await?;
            let wanted = object["spec"]["replicas"].as_i64().unwrap_or(1);
            let labels = "app.kubernetes.io/component=bot";
            let pods = self
                .kubectl(&["get", "pods", "-l", labels, "-o", "name"])
                .await;
            let ready = json!({"phase": "Running", "conditions": [
                {"type": "Ready", "status": "True", "lastTransitionTime": "2026-01-01T00:00:00Z"},
            ]});
            for pod in pods.lines() {
                let name = pod.replace("pod/", "pods/");
                let now = self.get(&name).await?;
                if now["status"]["phase"] != "Running" {
                    self.set_status(&name, &ready).await;
                }
            }
            let available = object["status"]["availableReplicas"].as_i64().unwrap_or(0);
            (available == wanted)
                .then_some(())
                .ok_or(format!("{available} of {wanted}"))
        })
        .await;
    }

    /// Waits until the operator has written nothing for a while.
    pub(crate) async fn at_rest(&self) {
        const QUIET: Duration = Duration::from_secs(3);
        let mut last = (self.writes_since(self.begun).len(), Instant::now());
        eventually(SOON, async || {
            let count = self.writes_since(self.begun).len();
            if count != last.0 {
                last = (count, Instant::now());
            }
            last.1.elapsed() > QUIET
        })
        .await;
    }

    /// Ends a story: the operator asked for nothing that its chart does not allow.
    pub(crate) fn assert_nothing_forbidden(&self) {
        rights::assert_nothing_forbidden(self.server, &self.namespace, self.begun);
    }

    /// Writes the status of an object as its controller would.
    pub(crate) async fn set_status(&self, object: &str, status: &Value) {
        let (resource, name) = object.split_once('/').unwrap();
        let patch = json!({"status": status}).to_string();
        let arguments = [
            "patch",
            resource,
            name,
            "--subresource=status",
            "--type=merge",
            "-p",
        ];
        let mut all = arguments.to_vec();
        all.push(&patch);
        self.kubectl(&all).await;
    }
}

impl Operator {
    /// What it logged.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Waits until it leads.
    pub(crate) async fn leads(&self) {
        eventually(SOON, async || {
            let log = self.log();
            log.contains("this operator leads now")
                .then_some(())
                .ok_or(log)
        })
        .await;
    }

    /// Its figures.
    pub(crate) async fn metrics(&self) -> String {
        let log = self.log();
        let started = log
            .lines()
            .find(|line| line.contains("\"started\""))
            .unwrap();
        let line: Value = serde_json::from_str(started).unwrap();
        let address = line["listen"].as_str().unwrap().to_owned();
        let url = format!("http://{address}/metrics");
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        client.get(url).send().await.unwrap().text().await.unwrap()
    }
}

impl Drop for Operator {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let log = self.log();
            let lines: Vec<_> = log.lines().collect();
            let tail = &lines[lines.len().saturating_sub(40)..];
            eprintln!("the end of the operator's log:\n{}", tail.join("\n"));
        }
    }
}

/// The Secrets that [`shop`] names.
pub(crate) fn secrets() -> String {
    "
apiVersion: v1
kind: Secret
metadata: {name: whatsapp}
stringData: {access-token: token, app-secret: secret, verify-token: verify}
---
apiVersion: v1
kind: Secret
metadata: {name: midtrans}
stringData: {server-key: SB-Mid-server-key}
"
    .to_owned()
}

/// A shop with everything managed; `spec` adds to it (YAML, two spaces in).
pub(crate) fn shop(name: &str, spec: &str) -> String {
    shop_of(
        name,
        "  database: {managed: {}}\n  redis: {managed: {}}",
        spec,
    )
}

/// A shop with stores of one's choice. What `spec` says again counts.
pub(crate) fn shop_of(name: &str, stores: &str, spec: &str) -> String {
    let display = "  shop: {displayName: Toko Sari}";
    let display = if spec.contains("  shop:") {
        ""
    } else {
        display
    };
    format!(
        "
apiVersion: shops.warung.dev/v1alpha1
kind: WhatsAppShop
metadata: {{name: {name}}}
spec:
{display}
  whatsapp: {{cloud: {{phoneNumberId: \"1000001\", secretRef: {{name: whatsapp}}}}}}
  payments: {{midtrans: {{environment: sandbox, merchantId: G123, secretRef: {{name: midtrans}}}}}}
{stores}
{spec}
"
    )
}
