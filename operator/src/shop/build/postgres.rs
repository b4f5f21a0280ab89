//! The managed PostgreSQL: one instance, in any image that has its programs.

use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::{ConfigMap, Service};
use serde_json::{Value, json};

use super::{
    Site, hash_of_value,
    pod::{self, Pod, SecretFile},
    secrets::{self, POSTGRES_PORT},
    volumes,
};
use crate::{
    crds::ManagedDatabase,
    shop::{Child, names::keys},
};

/// Makes the data, in an init container.
pub(crate) const INIT: &str = include_str!("scripts/postgres-init.sh");
/// Runs the server.
pub(crate) const START: &str = include_str!("scripts/postgres-start.sh");
/// The probe.
pub(crate) const READY: &str = include_str!("scripts/postgres-ready.sh");
/// Who may connect: the superuser from within the pod, everybody else with TLS and a password.
pub(crate) const HBA: &str = "\
# Written by warung-operator; changes are overwritten.
local   all all peer
hostssl all all all scram-sha-256
";

/// Where the volume is mounted; the data lies in a folder of it, because a file system's own root
/// may hold more than data.
const VOLUME_DIR: &str = "/var/lib/warung";
const CONFIG_DIR: &str = "/etc/warung";
/// How long the server may take to stop, seconds: a fast stop writes a checkpoint.
const GRACE_SECONDS: i64 = 60;
/// How long a start may take, in probes of 5 s: a crash is recovered from by reading the log.
const START_PROBES: i32 = 360;

/// StatefulSet, Service and ConfigMap of the managed PostgreSQL.
pub(super) fn all(site: &Site) -> Vec<Child> {
    let Some(managed) = &site.shop.spec.database.managed else {
        return Vec::new();
    };
    let files = files(managed);
    vec![
        Child::from_json::<ConfigMap>(json!({
            "metadata": site.metadata(&site.names().postgres(), "postgres"),
            "data": files,
        })),
        service(site),
        stateful_set(site, managed, &files),
    ]
}

fn files(managed: &ManagedDatabase) -> Value {
    json!({
        "postgresql.conf": postgresql_conf(managed),
        "pg_hba.conf": HBA,
        "init.sh": INIT,
        "start.sh": START,
        "ready.sh": READY,
    })
}

/// The Service has an address of its own: it stays when the pod gets another.
fn service(site: &Site) -> Child {
    Child::from_json::<Service>(json!({
        "metadata": site.metadata(&site.names().postgres(), "postgres"),
        "spec": {
            "type": "ClusterIP",
            "selector": site.selector("postgres"),
            "ports": [{
                "name": "postgres",
                "port": POSTGRES_PORT,
                "targetPort": "postgres",
                "protocol": "TCP",
            }],
        },
    }))
}

fn stateful_set(site: &Site, managed: &ManagedDatabase, files: &Value) -> Child {
    let name = site.names().postgres();
    Child::from_json::<StatefulSet>(json!({
        "metadata": site.metadata(&name, "postgres"),
        "spec": {
            "serviceName": name,
            "replicas": 1,
            "revisionHistoryLimit": 3,
            "updateStrategy": { "type": "RollingUpdate" },
            "selector": { "matchLabels": site.selector("postgres") },
            "persistentVolumeClaimRetentionPolicy": volumes::retention(site),
            "volumeClaimTemplates": [volumes::template(site, &name, &managed.storage)],
            "template": template(site, managed, files),
        },
    }))
}

fn template(site: &Site, managed: &ManagedDatabase, files: &Value) -> Value {
    let secret_files = secret_files(site);
    let mut sources = pod::sources(&secret_files);
    sources.push(json!({ "configMap": { "name": site.names().postgres() } }));
    pod::template(
        site,
        Pod {
            component: "postgres",
            labels: Vec::new(),
            annotations: pod::hashes(
                Some(secrets::hash_of_files(site, &secret_files)),
                // Not of the scripts: a newer operator must not restart every database.
                Some(hash_of_value(&json!([
                    files["postgresql.conf"],
                    files["pg_hba.conf"],
                ]))),
            ),
            init_containers: vec![container(site, managed, "init")],
            containers: vec![server(site, managed)],
            volumes: vec![
                pod::projected("config", &sources),
                pod::account_volume(site),
                // Shared memory of parallel queries; without it a node gives 64 MiB whatever is
                // needed. It counts against the memory limit.
                json!({ "name": "shm", "emptyDir": { "medium": "Memory" } }),
            ],
            grace_seconds: GRACE_SECONDS,
            restart: "Always",
            apart_from: Some(site.selector("postgres")),
        },
    )
}

fn secret_files(site: &Site) -> Vec<SecretFile> {
    let secret = site.names().postgres();
    [
        keys::SUPERUSER_PASSWORD,
        keys::CERTIFICATE,
        keys::CERTIFICATE_KEY,
    ]
    .map(|key| SecretFile::new(&secret, key, key))
    .into()
}

/// What init container and server have in common.
fn container(site: &Site, managed: &ManagedDatabase, name: &str) -> Value {
    let script = if name == "init" {
        "init.sh"
    } else {
        "start.sh"
    };
    let [passwd, group] = pod::account_mounts();
    json!({
        "name": name,
        "image": site.shop.postgres_image,
        "imagePullPolicy": managed.image_pull_policy.as_str(),
        "command": ["/bin/sh", format!("{CONFIG_DIR}/{script}")],
        "env": pod::env(&[("PGDATA", format!("{VOLUME_DIR}/data"))]),
        "resources": managed.resources,
        "securityContext": pod::contained(),
        "volumeMounts": [
            { "name": "data", "mountPath": VOLUME_DIR },
            { "name": "config", "mountPath": CONFIG_DIR, "readOnly": true },
            { "name": "shm", "mountPath": "/dev/shm" },
            pod::tmp(),
            passwd,
            group,
        ],
    })
}

fn server(site: &Site, managed: &ManagedDatabase) -> Value {
    let mut server = container(site, managed, "postgres");
    let probe = |every: i32, failures: i32| {
        json!({
            "exec": { "command": ["/bin/sh", format!("{CONFIG_DIR}/ready.sh")] },
            "periodSeconds": every,
            "timeoutSeconds": 3,
            "failureThreshold": failures,
        })
    };
    server["ports"] = json!([{
        "name": "postgres", "containerPort": POSTGRES_PORT, "protocol": "TCP",
    }]);
    server["startupProbe"] = probe(5, START_PROBES);
    server["readinessProbe"] = probe(5, 2);
    // A server that recovers or is overloaded answers no probe for a while: killing it makes that
    // longer.
    server["livenessProbe"] = probe(20, 6);
    // SIGINT stops at once and cleanly; the SIGTERM that follows would wait for every client.
    server["lifecycle"] = json!({
        "preStop": { "exec": { "command": ["/bin/sh", "-c", "kill -INT 1"] } },
    });
    server
}

/// Settings that follow from the memory limit.
pub(crate) fn postgresql_conf(managed: &ManagedDatabase) -> String {
    /// Memory that is reckoned with where the manifest sets no limit, MiB.
    const ASSUMED_MIB: u64 = 1_024;
    let limits = managed.resources.limits.as_ref();
    let memory = limits.and_then(|l| volumes::bytes(&l.get("memory")?.0));
    let mib = memory.map_or(ASSUMED_MIB, |bytes| bytes >> 20).max(64);
    let connections = managed.max_connections;
    let shared = mib / 4;
    let cache = mib * 3 / 4;
    let maintenance = (mib / 16).clamp(16, 1_024);
    // Sorts of all connections together may take a quarter.
    let work = (mib * 1_024 / 4 / u64::try_from(connections.max(1)).unwrap_or(1)).max(512);
    let disk = volumes::bytes(&managed.storage.size.0).unwrap_or(10 << 30) >> 20;
    // The log between checkpoints may take a tenth of the volume.
    let wal = (disk / 10).clamp(128, 4_096);
    format!(
        "\
# Written by warung-operator; changes are overwritten.
listen_addresses = '*'
port = {POSTGRES_PORT}
max_connections = {connections}
password_encryption = 'scram-sha-256'
ssl = on
ssl_min_protocol_version = 'TLSv1.2'

shared_buffers = '{shared}MB'
effective_cache_size = '{cache}MB'
maintenance_work_mem = '{maintenance}MB'
work_mem = '{work}kB'
huge_pages = off

wal_compression = on
min_wal_size = '80MB'
max_wal_size = '{wal}MB'
checkpoint_completion_target = 0.9
random_page_cost = 1.1

# A bot that died with its node must not hold a lock for hours.
tcp_keepalives_idle = 30
tcp_keepalives_interval = 10
tcp_keepalives_count = 3
idle_in_transaction_session_timeout = '60s'

log_destination = 'stderr'
logging_collector = off
log_line_prefix = '%m [%p] %q%u@%d '
log_checkpoints = off
log_min_duration_statement = '1s'
# Statements name customers; their values do not belong in a log.
log_parameter_max_length = 0
log_parameter_max_length_on_error = 0
log_timezone = 'UTC'
timezone = 'UTC'
"
    )
}
