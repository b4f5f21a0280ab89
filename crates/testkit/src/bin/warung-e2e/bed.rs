//! The cluster and what is installed on it.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use warung_testkit::console::say;
use warung_testkit::kubernetes::cluster::{Cluster, ClusterOptions};
use warung_testkit::kubernetes::{Kubectl, Programs};
use warung_testkit::process::Program;

use crate::Arguments;

/// Namespace of the operator.
const SYSTEM: &str = "warung-system";
/// Where the guides install the chart of the kinds: Helm finds a release again in its namespace
/// only, so that whoever goes on here by the guides must find it there.
const KINDS: &str = "default";
/// Namespace of the shop.
pub(crate) const SHOPS: &str = "warung-e2e";
/// How long Helm may wait for the operator.
const INSTALL_LIMIT: &str = "120s";
/// Pause between two looks at the cluster.
const INTERVAL: Duration = Duration::from_millis(250);

/// The cluster and what is installed on it.
pub(crate) struct Bed {
    pub(crate) kubectl: Kubectl,
    cluster: Option<Cluster>,
    helm: PathBuf,
    repository: PathBuf,
    // Held for the files of kubectl.
    _directory: tempfile::TempDir,
}

impl Bed {
    /// Takes the cluster of the arguments, or starts a node.
    pub(crate) async fn make(arguments: &Arguments) -> Result<Self> {
        std::fs::create_dir_all(&arguments.state)?;
        let directory = tempfile::tempdir()?;
        let helm = Programs::of_this_machine().find("helm", "node")?;
        let (cluster, kubeconfig) = if let Some(path) = &arguments.kubeconfig {
            (None, path.clone())
        } else {
            say("starting a node");
            let cluster = Cluster::start(ClusterOptions::with_built_images()?).await?;
            let kubeconfig = cluster.server().kubeconfig().clone();
            (Some(cluster), kubeconfig)
        };
        Ok(Self {
            kubectl: Kubectl::new(&kubeconfig, directory.path())?,
            cluster,
            helm,
            repository: arguments.repository.clone(),
            _directory: directory,
        })
    }

    /// Installs the operator by its charts; returns how long it took.
    pub(crate) async fn install(&self) -> Result<Duration> {
        let begun = Instant::now();
        let chart = |name: &str| {
            self.repository
                .join("charts")
                .join(name)
                .display()
                .to_string()
        };
        let (crds, operator) = (chart("warung-crds"), chart("warung"));
        self.helm(KINDS, &["upgrade", "--install", "warung-crds", &crds])
            .await?;
        let images = [
            "image.registry=localhost",
            "image.tag=dev",
            "image.pullPolicy=Never",
            "shops.postgresImage=localhost/warung-operand:test",
            "shops.redisImage=localhost/warung-operand:test",
        ];
        let mut arguments = vec!["upgrade", "--install", "warung", operator.as_str()];
        arguments.extend(["--wait", "--timeout", INSTALL_LIMIT]);
        arguments.extend(images.iter().flat_map(|value| ["--set", *value]));
        self.helm(SYSTEM, &arguments).await?;
        self.helm(SYSTEM, &["test", "warung"]).await?;
        Ok(begun.elapsed())
    }

    async fn helm(&self, namespace: &str, arguments: &[&str]) -> Result<String> {
        let output = Program::new(&self.helm)
            .env("KUBECONFIG", self.kubectl.kubeconfig())
            .args(arguments)
            .args(["--namespace", namespace])
            .args(if arguments[0] == "upgrade" {
                vec!["--create-namespace"]
            } else {
                vec![]
            })
            .output_to_end()
            .await?;
        let words = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
        ensure!(
            output.status.success(),
            "helm {}: {}",
            arguments.join(" "),
            words(&output.stderr)
        );
        Ok(words(&output.stdout))
    }

    /// Reads a file of the repository.
    pub(crate) fn read(&self, file: impl AsRef<Path>) -> Result<String> {
        let path = self.repository.join(file);
        std::fs::read_to_string(&path).with_context(|| format!("read {}", path.display()))
    }

    /// An object of the shop's namespace.
    pub(crate) async fn get(&self, kind: &str, name: &str) -> Result<Value> {
        self.kubectl.json(["get", kind, name, "-n", SHOPS]).await
    }

    /// The objects of a kind that carry a label.
    pub(crate) async fn list(&self, kind: &str, selector: &str) -> Result<Vec<Value>> {
        let list = self
            .kubectl
            .json(["get", kind, "-n", SHOPS, "-l", selector])
            .await?;
        Ok(list["items"].as_array().cloned().unwrap_or_default())
    }

    /// Merges a change into an object of the shop's namespace.
    pub(crate) async fn patch(&self, kind: &str, name: &str, change: &Value) -> Result<()> {
        let change = change.to_string();
        let arguments = [
            "patch",
            kind,
            name,
            "-n",
            SHOPS,
            "--type=merge",
            "-p",
            &change,
        ];
        self.kubectl.run(arguments).await.map(drop)
    }

    /// Kills every pod of a selector at once, without grace.
    pub(crate) async fn kill(&self, namespace: &str, selector: &str) -> Result<()> {
        let arguments = ["delete", "pods", "-n", namespace, "-l", selector];
        self.kubectl
            .run(arguments.into_iter().chain(["--grace-period=0", "--force"]))
            .await
            .map(drop)
    }

    /// Kills the operator, every replica of it.
    pub(crate) async fn kill_operator(&self) -> Result<()> {
        self.kill(SYSTEM, "app.kubernetes.io/name=warung-operator")
            .await
    }

    /// Waits until `holds` says yes; its refusal is the reason of the failure.
    pub(crate) async fn until<F>(&self, what: &str, limit: Duration, holds: F) -> Result<Duration>
    where
        F: AsyncFn() -> Result<()>,
    {
        let begun = Instant::now();
        loop {
            let Err(reason) = holds().await else {
                return Ok(begun.elapsed());
            };
            ensure!(
                begun.elapsed() < limit,
                "{what}: not within {limit:?}: {reason:#}"
            );
            tokio::time::sleep(INTERVAL).await;
        }
    }

    /// Prints what a person would look at first after a failure.
    pub(crate) async fn tell_what_is_there(&self) {
        let looks: [&[&str]; 5] = [
            &[
                "get",
                "shops,pods,jobs,shopbackups,shoprestores",
                "-n",
                SHOPS,
            ],
            &[
                "get",
                "shops",
                "-n",
                SHOPS,
                "-o",
                "jsonpath={.items[*].status.conditions}",
            ],
            &["get", "events", "-n", SHOPS, "--sort-by=.lastTimestamp"],
            &[
                "logs",
                "-n",
                SYSTEM,
                "-l",
                "app.kubernetes.io/name=warung-operator",
                "--tail=40",
            ],
            &[
                "logs",
                "-n",
                SHOPS,
                "-l",
                "app.kubernetes.io/component=bot",
                "--tail=60",
            ],
        ];
        for look in looks {
            say(&format!("$ kubectl {}", look.join(" ")));
            match self.kubectl.run(look).await {
                Ok(text) => say(&text),
                Err(error) => say(&format!("{error:#}")),
            }
        }
    }

    /// Removes what was installed, and the node if it was started here.
    pub(crate) async fn leave(self) -> Result<()> {
        if let Some(cluster) = self.cluster {
            return cluster.stop().await;
        }
        let namespace = ["delete", "namespace", SHOPS, "--ignore-not-found"];
        self.kubectl.run(namespace).await?;
        self.helm(SYSTEM, &["uninstall", "warung", "--ignore-not-found"])
            .await?;
        self.helm(KINDS, &["uninstall", "warung-crds", "--ignore-not-found"])
            .await?;
        let kinds = ["whatsappshops", "shopbackups", "shoprestores"];
        let definitions = kinds.map(|kind| format!("{kind}.shops.warung.dev"));
        let delete = ["delete", "crd", "--ignore-not-found"].map(str::to_owned);
        self.kubectl
            .run(delete.into_iter().chain(definitions))
            .await?;
        let namespace = ["delete", "namespace", SYSTEM, "--ignore-not-found"];
        self.kubectl.run(namespace).await.map(drop)
    }
}
