//! How the programs of the control plane are started.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use anyhow::Result;

use super::api_server::ApiServerOptions;
use super::pki::Pki;
use super::programs::Programs;
use super::{audit, rest::Rest};
use crate::ports;
use crate::process::{Guarded, Program};

/// Addresses of Services: of the range for benchmarks, which collides with nothing.
const SERVICES: &str = "198.19.0.0/16";
/// The first of them, by which pods reach the API server.
const API_SERVICE: &str = "198.19.0.1";
/// Requests a second that each controller may make, so that hundreds of objects are not slowed.
const CONTROLLER_REQUESTS: u32 = 200;
/// How much of a log an error shows, in bytes.
const LOG_TAIL: u64 = 2_000;

/// Everything the programs are started by.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) options: ApiServerOptions,
    pub(super) programs: Programs,
    pub(super) pki: Pki,
    pub(super) rest: Rest,
    pub(super) port: u16,
    etcd_port: u16,
    peer_port: u16,
}

impl Plan {
    /// Picks ports and writes certificates, kubeconfigs and policies.
    pub(super) fn new(options: ApiServerOptions) -> Result<Self> {
        let port = options.port.map_or_else(ports::free, Ok)?;
        let (etcd_port, peer_port) = (ports::free()?, ports::free()?);
        let pki = Pki::in_directory(&options.dir.join("pki"))?;
        let address = options.address.to_string();
        let service = "kubernetes.default.svc";
        let names = [
            &address,
            "127.0.0.1",
            API_SERVICE,
            "localhost",
            "kubernetes",
            "kubernetes.default",
            service,
            "kubernetes.default.svc.cluster.local",
        ];
        pki.certify("apiserver", "kube-apiserver", &[], &names)?;
        pki.certify("front-proxy", "front-proxy", &[], &[])?;
        let url = format!("https://{address}:{port}");
        let kubeconfig = |name: &str, user: &str, groups: &[&str]| {
            let path = options.dir.join(format!("{name}.kubeconfig"));
            pki.kubeconfig(&path, &url, user, groups)
        };
        let admin = kubeconfig("admin", "admin", &["system:masters"])?;
        let manager = "system:kube-controller-manager";
        kubeconfig("controllers", manager, &[])?;
        let policy = options.audit_policy.as_deref().unwrap_or(audit::POLICY);
        std::fs::write(options.dir.join("audit-policy.yaml"), policy)?;
        let rest = Rest::new(url, &pki.ca, &admin.0, &admin.1)?;
        Ok(Self {
            programs: Programs::of_this_machine(),
            options,
            pki,
            rest,
            port,
            etcd_port,
            peer_port,
        })
    }

    pub(super) fn etcd(&self) -> Result<Guarded> {
        let (client, peer) = (self.etcd_url(), self.peer_port);
        self.start("etcd", |program| {
            program
                .arg(format!("--data-dir={}", self.path("etcd")))
                .arg(format!("--listen-client-urls={client}"))
                .arg(format!("--advertise-client-urls={client}"))
                .arg(format!("--listen-peer-urls=http://127.0.0.1:{peer}"))
                .args(["--unsafe-no-fsync", "--log-level=warn"])
        })
    }

    pub(super) fn api_server(&self) -> Result<Guarded> {
        let address = self.options.address;
        let file = |name: &str| self.pki.file(name).display().to_string();
        // Without a node nothing reaches the API by a Service, and a loopback address may not
        // be an endpoint.
        let endpoints = if address.is_loopback() {
            "none"
        } else {
            "lease"
        };
        self.start("kube-apiserver", |program| {
            program
                .arg(format!("--etcd-servers={}", self.etcd_url()))
                .arg(format!("--bind-address={address}"))
                .arg(format!("--advertise-address={address}"))
                .arg(format!("--endpoint-reconciler-type={endpoints}"))
                .arg(format!("--secure-port={}", self.port))
                .arg(format!("--service-cluster-ip-range={SERVICES}"))
                .arg(format!("--client-ca-file={}", file("ca.crt")))
                .arg(format!("--tls-cert-file={}", file("apiserver.crt")))
                .arg(format!("--tls-private-key-file={}", file("apiserver.key")))
                .arg(format!(
                    "--kubelet-client-certificate={}",
                    file("admin.crt")
                ))
                .arg(format!("--kubelet-client-key={}", file("admin.key")))
                .arg(format!(
                    "--kubelet-certificate-authority={}",
                    file("ca.crt")
                ))
                .arg("--kubelet-preferred-address-types=InternalIP")
                .arg("--service-account-issuer=https://kubernetes.default.svc.cluster.local")
                .arg(format!(
                    "--service-account-signing-key-file={}",
                    file("sa.key")
                ))
                .arg(format!("--service-account-key-file={}", file("sa.pub")))
                .arg("--authorization-mode=Node,RBAC")
                .arg("--allow-privileged")
                .arg("--enable-admission-plugins=NodeRestriction")
                .arg("--enable-aggregator-routing")
                .arg(format!("--requestheader-client-ca-file={}", file("ca.crt")))
                .arg("--requestheader-allowed-names=front-proxy")
                .arg("--requestheader-username-headers=X-Remote-User")
                .arg("--requestheader-group-headers=X-Remote-Group")
                .arg("--requestheader-extra-headers-prefix=X-Remote-Extra-")
                .arg(format!(
                    "--proxy-client-cert-file={}",
                    file("front-proxy.crt")
                ))
                .arg(format!(
                    "--proxy-client-key-file={}",
                    file("front-proxy.key")
                ))
                .arg(format!(
                    "--audit-policy-file={}",
                    self.path("audit-policy.yaml")
                ))
                .arg(format!("--audit-log-path={}", self.path("audit.log")))
                // Megabytes; a log that was turned over could not be read from a position on.
                .arg("--audit-log-maxsize=4096")
                .arg("--profiling=false")
                .args(&self.options.api_server_flags)
        })
    }

    pub(super) fn controllers(&self) -> Result<Guarded> {
        let file = |name: &str| self.pki.file(name).display().to_string();
        let burst = CONTROLLER_REQUESTS * 2;
        self.start("kube-controller-manager", |program| {
            program
                .arg(format!(
                    "--kubeconfig={}",
                    self.path("controllers.kubeconfig")
                ))
                .arg(format!(
                    "--service-account-private-key-file={}",
                    file("sa.key")
                ))
                .arg(format!("--root-ca-file={}", file("ca.crt")))
                .args(["--use-service-account-credentials", "--leader-elect=false"])
                // Nobody reads its own metrics, and two on one machine would want one port.
                .args(["--secure-port=0", "--profiling=false"])
                .arg(format!("--kube-api-qps={CONTROLLER_REQUESTS}"))
                .arg(format!("--kube-api-burst={burst}"))
                .args(&self.options.controller_flags)
        })
    }

    /// A path in the directory, as text.
    pub(super) fn path(&self, name: &str) -> String {
        self.options.dir.join(name).display().to_string()
    }

    fn etcd_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.etcd_port)
    }

    fn start(&self, name: &str, with: impl FnOnce(Program) -> Program) -> Result<Guarded> {
        let program = Program::new(self.programs.find(name, "api")?)
            .clear_environment()
            .log_to(self.options.dir.join(format!("{name}.log")));
        Ok(with(program).spawn()?)
    }
}

/// The end of a program's log, for an error.
pub(super) fn log_tail(directory: &Path, name: &str) -> String {
    let read = || -> std::io::Result<String> {
        let mut file = File::open(directory.join(format!("{name}.log")))?;
        let length = file.metadata()?.len();
        file.seek(SeekFrom::Start(length.saturating_sub(LOG_TAIL)))?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    };
    let text = read().unwrap_or_else(|error| error.to_string());
    format!("the end of {name}.log:\n{text}")
}
