//! Pods without Kubernetes: real servers on addresses of the loopback network, each pod on an
//! address of its own that changes with every restart, as on a node.

use std::collections::BTreeMap;
use std::fs;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result};
use tempfile::TempDir;
use warung_operator::redis::config::{self, NodeConfig};
use warung_operator::redis::{Credentials, Pod};
use warung_operator::shop::rotation::Passwords;
use warung_testkit::process::{Guarded, Program};

pub(super) const PORT: u16 = 6379;
/// Half of what a shop has, so that the stories are short.
pub(super) const NODE_TIMEOUT: Duration = Duration::from_millis(2_500);
pub(super) const PASSWORD: &str = "rahasia";
const STOP_LIMIT: Duration = Duration::from_secs(15);
const KNOCK_LIMIT: Duration = Duration::from_millis(100);

pub(super) struct Bed {
    dir: TempDir,
    net: (u8, u8),
    addresses: AtomicU32,
    serial: AtomicU32,
    pods: Mutex<BTreeMap<String, Running>>,
    generation: AtomicU32,
    login: Mutex<Credentials>,
}

struct Running {
    pod: Pod,
    process: Option<Guarded>,
    generation: u32,
}

impl Bed {
    pub(super) fn new() -> Self {
        let bed = Self {
            dir: tempfile::tempdir().unwrap(),
            net: free_net(),
            addresses: AtomicU32::new(1),
            serial: AtomicU32::new(1),
            pods: Mutex::default(),
            generation: AtomicU32::new(1),
            login: Mutex::new(Self::credentials()),
        };
        let secrets = bed.dir.path().join("secret");
        fs::create_dir_all(&secrets).unwrap();
        let first = Passwords {
            used: PASSWORD.to_owned(),
            next: None,
            previous: None,
        };
        bed.tell(&first);
        let write = |name: &str, text: String| fs::write(secrets.join(name), text).unwrap();
        write("start.sh", config::START.to_owned());
        write("pre-stop.sh", config::PRE_STOP.to_owned());
        write("probe.sh", config::PROBE.to_owned());
        bed
    }

    pub(super) fn credentials() -> Credentials {
        Credentials {
            user: config::USER.to_owned(),
            password: PASSWORD.to_owned(),
            other: None,
        }
    }

    /// Writes the Secret of the pods; those that run go by the old one until they are replaced.
    pub(super) fn tell(&self, passwords: &Passwords) {
        let secrets = self.dir.path().join("secret");
        let write = |name: &str, text: String| fs::write(secrets.join(name), text).unwrap();
        let users = config::users_acl(config::USER, &passwords.accepted());
        write("users.acl", users);
        write(
            "login.conf",
            config::login_conf(config::USER, &passwords.used),
        );
        write("password", passwords.used.clone());
        *self.login.lock().unwrap() = Credentials {
            password: passwords.used.clone(),
            other: passwords.previous.clone(),
            ..Self::credentials()
        };
    }

    /// How the operator logs in now.
    pub(super) fn login(&self) -> Credentials {
        self.login.lock().unwrap().clone()
    }

    /// Starts the missing pods of a `StatefulSet`.
    pub(super) fn stateful_set(&self, shard: usize, pods: usize) {
        for ordinal in 0..pods {
            if !self.pods().contains_key(&name(shard, ordinal)) {
                self.start(shard, ordinal, None);
            }
        }
    }

    /// Deletes a `StatefulSet` and its volumes.
    pub(super) async fn delete_stateful_set(&self, shard: usize) {
        let names: Vec<String> = self.names(|pod| pod.shard == shard);
        for name in names {
            self.stop(&name).await;
            self.pods().remove(&name);
            fs::remove_dir_all(self.volume(&name)).unwrap();
        }
    }

    /// The pods as Kubernetes would list them.
    pub(super) fn list(&self) -> Vec<Pod> {
        let wanted = self.generation.load(Ordering::SeqCst);
        let pods = self.pods();
        let seen = pods.values().map(|running| Pod {
            ready: running.process.is_some() && knock(&running.pod),
            outdated: running.generation != wanted,
            ..running.pod.clone()
        });
        seen.collect()
    }

    /// A new template: every pod is outdated from now on.
    pub(super) fn new_template(&self) {
        self.generation.fetch_add(1, Ordering::SeqCst);
    }

    pub(super) fn names(&self, fits: impl Fn(&Pod) -> bool) -> Vec<String> {
        let pods = self.pods();
        let fitting = pods.values().filter(|running| fits(&running.pod));
        fitting.map(|running| running.pod.name.clone()).collect()
    }

    pub(super) fn pod(&self, name: &str) -> Pod {
        self.pods()[name].pod.clone()
    }

    /// Deletes a pod in order and lets its `StatefulSet` make it anew, unless it is another by now.
    pub(super) async fn delete(&self, name: &str, uid: &str) {
        let pod = self.pod(name);
        if pod.uid == uid {
            self.pre_stop(name).await;
            self.stop(name).await;
            self.start(pod.shard, pod.ordinal, None);
        }
    }

    /// Runs the hook of a pod.
    pub(super) async fn pre_stop(&self, name: &str) {
        let script = self.script("pre-stop.sh", &self.pod(name));
        let process = script.spawn().unwrap();
        process.wait(STOP_LIMIT).await.unwrap();
    }

    /// Whether the probe of a pod succeeds.
    pub(super) async fn probe(&self, name: &str) -> bool {
        let process = self.script("probe.sh", &self.pod(name)).spawn().unwrap();
        process.wait(STOP_LIMIT).await.unwrap().success()
    }

    /// The server dies at once, and stays dead.
    pub(super) fn kill(&self, name: &str) {
        if let Some(process) = self.take(name) {
            process.kill().unwrap();
        }
    }

    /// A dead pod comes up anew, on another address unless one is given.
    pub(super) fn revive(&self, name: &str, address: Option<IpAddr>) {
        let pod = self.pod(name);
        self.start(pod.shard, pod.ordinal, address);
    }

    /// All servers die at once and come up anew on other addresses.
    pub(super) fn restart_everything(&self) {
        let names = self.names(|_| true);
        for name in &names {
            self.kill(name);
        }
        for name in &names {
            self.revive(name, None);
        }
    }

    /// A dead pod loses its volume.
    pub(super) fn lose_volume(&self, name: &str) {
        fs::remove_dir_all(self.volume(name)).unwrap();
    }

    /// A server of somebody else, at an address of ours.
    pub(super) fn stranger(&self, ip: IpAddr) -> Guarded {
        let dir = self.dir.path().join("stranger");
        fs::create_dir_all(&dir).unwrap();
        Program::new("redis-server")
            .args(["--port", &PORT.to_string(), "--bind", &ip.to_string()])
            .args(["--cluster-enabled", "yes", "--save", ""])
            .args(["--requirepass", "lain"])
            .in_directory(&dir)
            .log_to(self.dir.path().join("stranger.log"))
            .spawn()
            .unwrap()
    }

    async fn stop(&self, name: &str) {
        if let Some(process) = self.take(name) {
            process.stop(STOP_LIMIT).await.unwrap();
        }
    }

    fn take(&self, name: &str) -> Option<Guarded> {
        let mut pods = self.pods();
        pods.get_mut(name)?.process.take()
    }

    fn start(&self, shard: usize, ordinal: usize, address: Option<IpAddr>) {
        let name = name(shard, ordinal);
        let pod = Pod {
            uid: format!("uid-{}", self.serial.fetch_add(1, Ordering::SeqCst)),
            ip: Some(address.unwrap_or_else(|| self.address())),
            port: PORT,
            bus_port: None,
            shard,
            ordinal,
            ready: false,
            terminating: false,
            outdated: false,
            name: name.clone(),
        };
        let process = self.launch(&pod).unwrap();
        let running = Running {
            pod,
            process: Some(process),
            generation: self.generation.load(Ordering::SeqCst),
        };
        self.pods().insert(name, running);
    }

    fn launch(&self, pod: &Pod) -> Result<Guarded> {
        let volume = self.volume(&pod.name);
        fs::create_dir_all(&volume)?;
        let node = NodeConfig {
            port: PORT,
            node_timeout: NODE_TIMEOUT,
            memory_limit: None,
            data: volume.display().to_string(),
            secrets: self.dir.path().join("secret").display().to_string(),
        };
        let file = self.dir.path().join(format!("{}.conf", pod.name));
        fs::write(&file, config::redis_conf(&node))?;
        let ip = pod.ip.context("no address")?.to_string();
        self.script("start.sh", pod)
            .args(["--bind", &ip])
            .log_to(self.dir.path().join(format!("{}.log", pod.name)))
            .spawn()
            .context("start redis-server")
    }

    fn script(&self, script: &str, pod: &Pod) -> Program {
        let secrets = self.dir.path().join("secret");
        let conf = self.dir.path().join(format!("{}.conf", pod.name));
        Program::new("/bin/sh")
            .arg(secrets.join(script))
            .env("POD_IP", pod.ip.unwrap().to_string())
            .env("ANNOUNCE_HOSTNAME", format!("{}.toko-redis", pod.name))
            .env("REDIS_CONF", conf)
            .env("REDIS_PASSWORD_FILE", secrets.join("password"))
    }

    fn volume(&self, name: &str) -> PathBuf {
        self.dir.path().join("volumes").join(name)
    }

    fn address(&self) -> IpAddr {
        let number = self.addresses.fetch_add(1, Ordering::SeqCst);
        let last = u8::try_from(number).expect("a story needs fewer addresses");
        Ipv4Addr::new(127, self.net.0, self.net.1, last).into()
    }

    fn pods(&self) -> MutexGuard<'_, BTreeMap<String, Running>> {
        self.pods.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub(super) fn name(shard: usize, ordinal: usize) -> String {
    format!("toko-redis-{shard}-{ordinal}")
}

fn knock(pod: &Pod) -> bool {
    let Some(ip) = pod.ip else { return false };
    TcpStream::connect_timeout(&SocketAddr::new(ip, pod.port), KNOCK_LIMIT).is_ok()
}

/// A part of the loopback network that no other story uses.
fn free_net() -> (u8, u8) {
    loop {
        let net = (rand::random_range(16..=250), rand::random_range(0..=255));
        let first = Ipv4Addr::new(127, net.0, net.1, 1);
        if TcpListener::bind((first, PORT)).is_ok() {
            return net;
        }
    }
}
