//! The files of a managed node.
//!
//! A `ConfigMap` holds [`redis_conf`], [`START`], [`PRE_STOP`] and [`PROBE`]; a Secret holds
//! [`users_acl`], [`login_conf`] and the password. The container runs `/bin/sh start.sh` with
//! `POD_IP` and `ANNOUNCE_HOSTNAME`; the hook and the probe need `POD_IP`. Where the files lie
//! may be changed by `REDIS_CONF` and `REDIS_PASSWORD_FILE`, the port by `REDIS_PORT`, the user
//! by `REDIS_USER`.

use std::time::Duration;

use sha2::{Digest, Sha256};

/// Runs the server; the arguments are handed on.
pub const START: &str = include_str!("scripts/start.sh");
/// The hook before a stop: a primary hands over to a replica. It takes 10 s at most, or what
/// `terminationGracePeriodSeconds` leaves; give it 30.
pub const PRE_STOP: &str = include_str!("scripts/pre-stop.sh");
/// Readiness and liveness: whether the node answers. Liveness needs a start-up probe before it,
/// as loading much data takes time.
pub const PROBE: &str = include_str!("scripts/probe.sh");

/// `cluster-node-timeout` of a managed node.
pub const NODE_TIMEOUT: Duration = Duration::from_secs(5);
/// The user of bots and operator.
pub const USER: &str = "warung";

/// Part of a container's memory that keys may take, in percent: copies on write, replication
/// buffers and fragmentation need the rest.
const KEYS_SHARE: u64 = 60;
/// Share of the replication backlog, in percent of the memory for keys: a replica that was away
/// for less than it holds needs no full copy.
const BACKLOG_SHARE: u64 = 2;
const BACKLOG_MIN: u64 = 1 << 20;
const BACKLOG_MAX: u64 = 64 << 20;

/// What differs between nodes of different shops.
#[derive(Clone, Debug)]
pub struct NodeConfig {
    /// Where it listens.
    pub port: u16,
    /// After how long without an answer a node counts as failed; [`NODE_TIMEOUT`].
    pub node_timeout: Duration,
    /// The container's memory limit, bytes.
    pub memory_limit: Option<u64>,
    /// The volume: `nodes.conf` and the append-only file must share one, for a node that kept its
    /// name but not its data would wipe its replicas.
    pub data: String,
    /// The folder of the Secret's files `users.acl` and `login.conf`.
    pub secrets: String,
}

/// The contents of `redis.conf`.
pub fn redis_conf(node: &NodeConfig) -> String {
    let NodeConfig {
        port,
        node_timeout,
        memory_limit,
        data,
        secrets,
    } = node;
    let timeout = node_timeout.as_millis();
    let memory = memory_limit.map_or(0, |limit| limit / 100 * KEYS_SHARE);
    let backlog = (memory / 100 * BACKLOG_SHARE).clamp(BACKLOG_MIN, BACKLOG_MAX);
    format!(
        "\
# Written by warung-operator; changes are overwritten.
port {port}
protected-mode no
tcp-keepalive 60
dir {data}
aclfile {secrets}/users.acl
include {secrets}/login.conf

cluster-enabled yes
cluster-config-file nodes.conf
cluster-node-timeout {timeout}
# A shard that is away takes its own slots with it, not everybody's.
cluster-require-full-coverage no
# Replicas stay in their shard, as their StatefulSet does.
cluster-allow-replica-migration no
# Any replica may take over, however long it was cut off: serving counts for more than freshness.
cluster-replica-validity-factor 0

appendonly yes
appendfsync everysec
# The append-only file is the only one kept.
save \"\"
repl-diskless-sync yes
repl-diskless-sync-delay 0
repl-backlog-size {backlog}
# Locks have a time-out, so every policy that evicts might evict a lock.
maxmemory {memory}
maxmemory-policy noeviction
"
    )
}

/// The contents of `users.acl`: nobody without a password, and one user. It lacks what nobody needs
/// and what destroys everything at once.
///
/// With several passwords any of them is good, so that one can be replaced without a gap: add the
/// new one everywhere, use it everywhere, take the old one away.
pub fn users_acl(user: &str, passwords: &[&str]) -> String {
    let digests: Vec<String> = passwords
        .iter()
        .map(|password| format!("#{}", digest(password)))
        .collect();
    let digests = digests.join(" ");
    format!(
        "user default off resetpass nocommands\n\
         user {user} on {digests} ~* &* +@all \
         -flushall -flushdb -swapdb -debug -module -monitor -shutdown\n"
    )
}

/// A password as [`users_acl`] writes it.
pub fn digest(password: &str) -> String {
    hex::encode(Sha256::digest(password.as_bytes()))
}

/// The contents of `login.conf`: how a replica logs in at its primary.
pub fn login_conf(user: &str, password: &str) -> String {
    format!("masteruser {user}\nmasterauth {password}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_gets_its_share_of_the_memory() {
        let mut node = NodeConfig {
            port: 6379,
            node_timeout: NODE_TIMEOUT,
            memory_limit: Some(256 << 20),
            data: "/data".to_owned(),
            secrets: "/etc/warung/secret".to_owned(),
        };
        let text = redis_conf(&node);
        let line = |line: &str| text.lines().any(|l| l == line);
        assert!(line("maxmemory 161061240"), "{text}");
        assert!(line("repl-backlog-size 3221224"), "{text}");
        assert!(line("cluster-node-timeout 5000"));
        assert!(line("include /etc/warung/secret/login.conf"));
        node.memory_limit = None;
        assert!(redis_conf(&node).contains("\nmaxmemory 0\n"));
    }

    #[test]
    fn passwords_are_told_to_the_server_as_digests() {
        let text = users_acl("warung", &["rahasia", "lama"]);
        assert!(!text.contains("rahasia"));
        assert_eq!(text.matches('#').count(), 2);
        assert!(text.starts_with("user default off "));
    }
}
