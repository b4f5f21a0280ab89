//! kubectl, with one kubeconfig: on a cluster of ours or on any other.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, anyhow, ensure};

use super::programs::Programs;
use crate::eventually::within;
use crate::process::{Guarded, Program};

/// How long a port-forward may take until it listens.
const FORWARD_LIMIT: Duration = Duration::from_secs(20);

/// kubectl with one kubeconfig.
#[derive(Clone, Debug)]
pub struct Kubectl {
    program: PathBuf,
    kubeconfig: PathBuf,
    /// For its cache and for files handed to it.
    directory: PathBuf,
}

/// A port of the loopback interface that leads into the cluster, until dropped.
#[derive(Debug)]
pub struct Forward {
    /// The port.
    pub port: u16,
    _kubectl: Guarded,
}

impl Kubectl {
    /// Speaks to the cluster of a kubeconfig; keeps its cache in `directory`.
    ///
    /// # Errors
    /// When there is no kubectl; the message says what to run.
    pub fn new(kubeconfig: &Path, directory: &Path) -> Result<Self> {
        Ok(Self {
            program: Programs::of_this_machine().kubectl()?,
            kubeconfig: kubeconfig.to_owned(),
            directory: directory.to_owned(),
        })
    }

    /// The kubeconfig in use.
    pub fn kubeconfig(&self) -> &Path {
        &self.kubeconfig
    }

    /// Runs it and returns what it writes to standard output.
    ///
    /// # Errors
    /// When it fails; the message is what it wrote to standard error.
    pub async fn run<A: AsRef<OsStr>>(
        &self,
        arguments: impl IntoIterator<Item = A>,
    ) -> Result<String> {
        let output = self.program(arguments).output_to_end().await?;
        let wrote = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim_end().to_owned();
        let refusal = wrote(&output.stderr);
        ensure!(output.status.success(), "kubectl: {refusal}");
        Ok(wrote(&output.stdout))
    }

    /// Runs it with `-o json` and reads the answer.
    ///
    /// # Errors
    /// As [`Kubectl::run`].
    pub async fn json<A: AsRef<OsStr>>(
        &self,
        arguments: impl IntoIterator<Item = A>,
    ) -> Result<serde_json::Value> {
        let arguments = arguments.into_iter().map(|a| a.as_ref().to_owned());
        let flags = ["-o".into(), "json".into()];
        let text = self.run(arguments.chain(flags)).await?;
        Ok(serde_json::from_str(&text)?)
    }

    /// Applies manifests (YAML) by server-side apply; those without a namespace go to `namespace`.
    ///
    /// # Errors
    /// What kubectl or the server refuse.
    pub async fn apply(&self, manifests: &str, namespace: &str) -> Result<()> {
        let file = self.fresh_file("yaml");
        std::fs::write(&file, manifests)?;
        let path = file.display().to_string();
        let flags = ["apply", "--server-side", "-n", namespace, "-f", &path];
        let applied = self.run(flags).await;
        std::fs::remove_file(&file)?;
        applied.map(drop)
    }

    /// Leads a free port of the loopback interface to a port of `target` (`service/toko-bot`,
    /// `pod/…`). It follows one pod and ends with that.
    ///
    /// # Errors
    /// When the target is missing or no pod of it is ready.
    pub async fn forward(&self, namespace: &str, target: &str, port: u16) -> Result<Forward> {
        let log = self.fresh_file("log");
        let map = format!(":{port}");
        let arguments = ["port-forward", "-n", namespace, target, &map];
        let kubectl = self.program(arguments).log_to(&log).spawn()?;
        let listening = within(FORWARD_LIMIT, async || {
            let text = std::fs::read_to_string(&log).unwrap_or_default();
            // The reason of a kubectl that ended is in what it wrote.
            match forwarded(&text) {
                Some(port) => Ok(Ok(port)),
                None if kubectl.is_running() => Err(text),
                None => Ok(Err(text)),
            }
        });
        let port = listening.await.and_then(|ended| ended);
        std::fs::remove_file(&log)?;
        let port = port.map_err(|text| anyhow!("{text}"));
        Ok(Forward {
            port: port.with_context(|| format!("forward to {target}"))?,
            _kubectl: kubectl,
        })
    }

    fn program<A: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = A>) -> Program {
        Program::new(&self.program)
            .env("KUBECONFIG", &self.kubeconfig)
            .env("KUBECACHEDIR", self.directory.join("kubectl"))
            .args(arguments)
    }

    fn fresh_file(&self, kind: &str) -> PathBuf {
        let name = uuid::Uuid::new_v4().simple();
        self.directory.join(format!("{name}.{kind}"))
    }
}

/// The port in `Forwarding from 127.0.0.1:40123 -> 8080`.
fn forwarded(text: &str) -> Option<u16> {
    let (_, rest) = text.split_once("Forwarding from 127.0.0.1:")?;
    rest.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_port_is_read_from_what_kubectl_says() {
        let text = "Forwarding from 127.0.0.1:40123 -> 8080\nForwarding from [::1]:40123 -> 8080\n";
        assert_eq!(forwarded(text), Some(40123));
        assert_eq!(forwarded("error: timed out"), None);
    }
}
