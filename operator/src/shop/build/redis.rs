//! The managed Redis Cluster: one StatefulSet for each shard.
//!
//! A shard leaves with its whole StatefulSet, so no pod ever changes its place. Pods are replaced
//! by the operator's own plan (`OnDelete`), a primary only after it has handed over.

use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::{ConfigMap, Service};
use serde_json::{Value, json};

use super::{
    Site, hash_of_value,
    names::{self as labels, keys},
    pod::{self, Pod, SecretFile},
    secrets::{self, REDIS_PORT},
    volumes, with,
};
use crate::{
    crds::ManagedRedis,
    redis::config::{self, NodeConfig},
    shop::{Child, ObjectKey},
};

/// Port of the cluster bus.
pub(super) const BUS_PORT: u16 = REDIS_PORT + 10_000;
const DATA_DIR: &str = "/data";
const CONFIG_DIR: &str = "/etc/warung";
/// How long a node may take to hand over and to stop, seconds.
const GRACE_SECONDS: i64 = 30;
/// How long a start may take, in probes of 2 s: the data is read from the volume.
const START_PROBES: i32 = 300;

/// StatefulSets, Service and ConfigMap of the managed Redis Cluster.
pub(super) fn all(site: &Site) -> Vec<Child> {
    let Some(managed) = &site.shop.spec.redis.managed else {
        return Vec::new();
    };
    let files = files(managed);
    let mut all = vec![
        Child::from_json::<ConfigMap>(json!({
            "metadata": site.metadata(&site.names().redis(), "redis"),
            "data": files,
        })),
        service(site),
    ];
    all.extend(
        shards(site, managed)
            .into_iter()
            .map(|shard| stateful_set(site, managed, shard, &files)),
    );
    all
}

/// Shards that must exist: those that are wanted, and those that still hold slots.
fn shards(site: &Site, managed: &ManagedRedis) -> Vec<usize> {
    let wanted = usize::try_from(managed.shards).unwrap_or(0);
    let mut shards: Vec<usize> = (0..wanted).collect();
    let prefix = format!("{}-", site.names().redis());
    let found = site.found.children.keys();
    let mut leaving: Vec<usize> = found
        .filter(|key| key.kind == "StatefulSet")
        .filter_map(|key| key.name.strip_prefix(&prefix)?.parse().ok())
        .filter(|shard| *shard >= wanted && !site.progress.redis_empty_shards.contains(shard))
        .collect();
    leaving.sort_unstable();
    shards.extend(leaving);
    shards
}

/// Pods of a shard: fewer than before only once nothing is lost by it.
fn size(site: &Site, managed: &ManagedRedis, shard: usize) -> i64 {
    let wanted = i64::from(managed.replicas_per_shard) + 1;
    let found = site.found("StatefulSet", &site.names().redis_shard(shard));
    let now = found.and_then(|s| s["spec"]["replicas"].as_i64());
    match now {
        Some(now) if now > wanted && !site.progress.redis_shrinkable.contains(&shard) => now,
        _ => wanted,
    }
}

/// Names of all pods of the shards that are wanted.
pub(super) fn pods(site: &Site, managed: &ManagedRedis) -> Vec<String> {
    let wanted = usize::try_from(managed.shards).unwrap_or(0);
    (0..wanted)
        .flat_map(|shard| {
            let name = site.names().redis_shard(shard);
            (0..size(site, managed, shard)).map(move |pod| format!("{name}-{pod}"))
        })
        .collect()
}

/// Claims that must go because their shard is gone: a node that found its old data again would
/// believe in slots that others have long had.
pub fn claims_to_delete(site: &Site) -> Vec<ObjectKey> {
    let of_gone = |name: &str| {
        let mut shards = site.progress.redis_empty_shards.iter();
        shards.any(|shard| {
            let prefix = format!("data-{}-", site.names().redis_shard(*shard));
            name.starts_with(&prefix)
        })
    };
    let found = site.found.children.keys();
    found
        .filter(|key| key.kind == "PersistentVolumeClaim" && of_gone(&key.name))
        .cloned()
        .collect()
}

fn files(managed: &ManagedRedis) -> Value {
    let limits = managed.resources.limits.as_ref();
    let node = NodeConfig {
        port: REDIS_PORT,
        node_timeout: config::NODE_TIMEOUT,
        memory_limit: limits.and_then(|l| volumes::bytes(&l.get("memory")?.0)),
        data: DATA_DIR.to_owned(),
        secrets: format!("{CONFIG_DIR}/secret"),
    };
    json!({
        "redis.conf": config::redis_conf(&node),
        "start.sh": config::START,
        "pre-stop.sh": config::PRE_STOP,
        "probe.sh": config::PROBE,
    })
}

/// Gives each pod a host name, ready or not: nodes must find each other to become ready.
fn service(site: &Site) -> Child {
    Child::from_json::<Service>(json!({
        "metadata": site.metadata(&site.names().redis(), "redis"),
        "spec": {
            "type": "ClusterIP",
            "clusterIP": "None",
            "publishNotReadyAddresses": true,
            "selector": site.selector("redis"),
            "ports": [
                {
                    "name": "redis",
                    "port": REDIS_PORT,
                    "targetPort": "redis",
                    "protocol": "TCP",
                },
                { "name": "bus", "port": BUS_PORT, "targetPort": "bus", "protocol": "TCP" },
            ],
        },
    }))
}

fn stateful_set(site: &Site, managed: &ManagedRedis, shard: usize, files: &Value) -> Child {
    let name = site.names().redis_shard(shard);
    let number = shard.to_string();
    let mut metadata = site.metadata(&name, "redis");
    metadata["labels"][labels::SHARD] = Value::from(number.as_str());
    let selector = with(site.selector("redis"), &[(labels::SHARD, &number)]);
    Child::from_json::<StatefulSet>(json!({
        "metadata": metadata,
        "spec": {
            "serviceName": site.names().redis(),
            "replicas": size(site, managed, shard),
            "revisionHistoryLimit": 3,
            "podManagementPolicy": "Parallel",
            "updateStrategy": { "type": "OnDelete" },
            "selector": { "matchLabels": selector },
            "persistentVolumeClaimRetentionPolicy": volumes::retention(site),
            "volumeClaimTemplates": [volumes::template(site, &name, &managed.storage)],
            "template": template(site, managed, &number, &selector, files),
        },
    }))
}

fn template(
    site: &Site,
    managed: &ManagedRedis,
    shard: &str,
    selector: &Value,
    files: &Value,
) -> Value {
    let secret = site.names().redis_access();
    let secret_files: Vec<SecretFile> = [keys::USERS_ACL, keys::LOGIN_CONF, keys::PASSWORD]
        .map(|key| SecretFile::new(&secret, key, &format!("secret/{key}")))
        .into();
    let mut sources = pod::sources(&secret_files);
    sources.push(json!({ "configMap": { "name": site.names().redis() } }));
    pod::template(
        site,
        Pod {
            component: "redis",
            labels: vec![(labels::SHARD, shard.to_owned())],
            annotations: pod::hashes(
                Some(secrets::hash_of_files(site, &secret_files)),
                // Not of the scripts: a newer operator must not restart every node.
                Some(hash_of_value(&files["redis.conf"])),
            ),
            init_containers: Vec::new(),
            containers: vec![container(site, managed)],
            volumes: vec![pod::projected("config", &sources)],
            grace_seconds: GRACE_SECONDS,
            restart: "Always",
            // A primary and its replicas on one node would go together.
            apart_from: Some(selector.clone()),
        },
    )
}

fn container(site: &Site, managed: &ManagedRedis) -> Value {
    let script = |name: &str| json!(["/bin/sh", format!("{CONFIG_DIR}/{name}")]);
    let probe = |every: i32, failures: i32| {
        json!({
            "exec": { "command": script("probe.sh") },
            "periodSeconds": every,
            "timeoutSeconds": 3,
            "failureThreshold": failures,
        })
    };
    let host = site.names().redis_host("$(POD_NAME)");
    let field = |name: &str, path: &str| json!({ "name": name, "valueFrom": { "fieldRef": { "fieldPath": path } } });
    json!({
        "name": "redis",
        "image": site.shop.redis_image,
        "imagePullPolicy": managed.image_pull_policy.as_str(),
        "command": script("start.sh"),
        "workingDir": DATA_DIR,
        "env": [
            field("POD_IP", "status.podIP"),
            field("POD_NAME", "metadata.name"),
            { "name": "ANNOUNCE_HOSTNAME", "value": host },
            { "name": "REDIS_CONF", "value": format!("{CONFIG_DIR}/redis.conf") },
            {
                "name": "REDIS_PASSWORD_FILE",
                "value": format!("{CONFIG_DIR}/secret/{}", keys::PASSWORD),
            },
        ],
        "ports": [
            { "name": "redis", "containerPort": REDIS_PORT, "protocol": "TCP" },
            { "name": "bus", "containerPort": BUS_PORT, "protocol": "TCP" },
        ],
        "startupProbe": probe(2, START_PROBES),
        "readinessProbe": probe(5, 2),
        "livenessProbe": probe(15, 4),
        "lifecycle": { "preStop": { "exec": { "command": script("pre-stop.sh") } } },
        "resources": managed.resources,
        "securityContext": pod::contained(),
        "volumeMounts": [
            { "name": "data", "mountPath": DATA_DIR },
            { "name": "config", "mountPath": CONFIG_DIR, "readOnly": true },
            pod::tmp(),
        ],
    })
}
