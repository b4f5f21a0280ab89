//! Removing what a cluster leaves when it ends, however it ended. Doing it twice does no harm.

use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use super::DIRECTORY;
use super::node::{DEVICE, HIDDEN, PATH, tool};
use crate::kubernetes::programs::Programs;

/// How long the kernel may take to end the pods and let go of their control groups.
const GROUPS_LIMIT: Duration = Duration::from_secs(20);
const GROUPS_INTERVAL: Duration = Duration::from_millis(50);
/// What takes away the chain that kube-proxy leaves.
const LEFT_RULES: [&str; 4] = [
    "-D INPUT -j KUBE-FIREWALL",
    "-D OUTPUT -j KUBE-FIREWALL",
    "-F KUBE-FIREWALL",
    "-X KUBE-FIREWALL",
];
/// Whether this machine forwards packets, which pods need.
const FORWARDING: &str = "/proc/sys/net/ipv4/ip_forward";
/// Where it is kept how that was before.
const FORWARDING_BEFORE: &str = "/var/tmp/warung-cluster/forwarding-before";

/// Keeps how the setting is, for [`sweep`], before the network of the pods turns it on.
pub(super) fn remember_forwarding() -> Result<()> {
    Ok(fs::write(FORWARDING_BEFORE, fs::read(FORWARDING)?)?)
}

/// Removes everything a cluster of ours leaves. The processes are gone already: the kernel ended
/// them with their namespace.
pub(super) fn sweep() -> Result<()> {
    if !Path::new(DIRECTORY).exists() {
        return Ok(());
    }
    remove_groups()?;
    remove_rules()?;
    if Path::new("/sys/class/net").join(DEVICE).exists() {
        run("ip", &["link", "delete", DEVICE])?;
    }
    if let Ok(before) = fs::read(FORWARDING_BEFORE)
        && fs::read(FORWARDING).is_ok_and(|now| now != before)
    {
        fs::write(FORWARDING, before)?;
    }
    for hidden in HIDDEN {
        // Only made as a place to mount on; somebody else's are not empty.
        let _ = fs::remove_dir(hidden);
    }
    fs::remove_dir_all(DIRECTORY).with_context(|| format!("remove {DIRECTORY}"))
}

/// Removes the control groups of pods, once their last process is gone.
fn remove_groups() -> Result<()> {
    let deadline = Instant::now() + GROUPS_LIMIT;
    loop {
        let left = groups().iter().filter(|root| !remove_group(root)).count();
        if left == 0 {
            return Ok(());
        }
        if Instant::now() >= deadline {
            bail!("{left} control groups still have processes");
        }
        std::thread::sleep(GROUPS_INTERVAL);
    }
}

/// The groups of pods: one for each controller (version 1), or one (version 2).
fn groups() -> Vec<std::path::PathBuf> {
    let root = Path::new("/sys/fs/cgroup");
    let controllers = fs::read_dir(root).into_iter().flatten().flatten();
    let folders = controllers.map(|entry| entry.path());
    let candidates = folders.chain([root.to_owned()]);
    let groups = candidates.map(|folder| folder.join("kubepods"));
    groups.filter(|group| group.is_dir()).collect()
}

/// Removes a group and those below it; the kernel refuses while one has a process.
fn remove_group(group: &Path) -> bool {
    for entry in fs::read_dir(group).into_iter().flatten().flatten() {
        if entry.path().is_dir() {
            remove_group(&entry.path());
        }
    }
    fs::remove_dir(group).is_ok() || !group.exists()
}

/// Removes the rules of kube-proxy.
fn remove_rules() -> Result<()> {
    // Without the program there was no cluster, and so no rules.
    let Ok(proxy) = Programs::of_this_machine().find("kube-proxy", "node") else {
        return Ok(());
    };
    let output = command(&proxy).arg("--cleanup").output()?;
    succeeded("kube-proxy --cleanup", &output)?;
    // It takes this chain for the kubelet's and leaves it, empty.
    for version in ["iptables", "ip6tables"] {
        for rule in LEFT_RULES {
            // Each fails when it is gone already.
            let words = rule.split(' ');
            command(&tool(version)?).args(words).output()?;
        }
    }
    Ok(())
}

fn run(name: &str, arguments: &[&str]) -> Result<()> {
    let output = command(&tool(name)?).args(arguments).output()?;
    succeeded(name, &output)
}

fn command(program: &Path) -> Command {
    let mut command = Command::new(program);
    command.env("PATH", PATH).stdin(Stdio::null());
    command
}

fn succeeded(name: &str, output: &Output) -> Result<()> {
    if output.status.success() {
        return Ok(());
    }
    bail!("{name}: {}", String::from_utf8_lossy(&output.stderr));
}
