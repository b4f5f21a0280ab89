//! What all pods of a shop have in common: they may do as little as can be.

use serde_json::{Value, json};

use super::{Site, names};

/// User and group of every pod: high, so that it is nobody on any node; the one of the bot's image.
pub(super) const ID: i64 = 65_532;
/// Where Secrets are mounted.
pub(super) const SECRETS_DIR: &str = "/etc/warung/secrets";
/// Where the report of a Job goes; Kubernetes keeps it with the pod.
pub(super) const TERMINATION_LOG: &str = "/dev/termination-log";
/// Room for what programs leave in `/tmp`.
const TMP_SIZE: &str = "64Mi";
/// A pod that Kubernetes evicts or replaces prefers other nodes than its like: weight of that wish.
const APART_WEIGHT: i32 = 100;

/// The parts in which pods of a shop differ.
pub(super) struct Pod<'a> {
    /// Its part in the shop.
    pub component: &'a str,
    /// Labels besides those of every pod.
    pub labels: Vec<(&'a str, String)>,
    /// Annotations.
    pub annotations: Value,
    /// Containers that run before.
    pub init_containers: Vec<Value>,
    /// Containers.
    pub containers: Vec<Value>,
    /// Volumes besides `tmp`.
    pub volumes: Vec<Value>,
    /// How long it may take to stop, in seconds.
    pub grace_seconds: i64,
    /// `Always`, or `Never` for a Job.
    pub restart: &'a str,
    /// Labels of pods that it keeps away from; none for a Job.
    pub apart_from: Option<Value>,
}

/// A pod template.
pub(super) fn template(site: &Site, pod: Pod) -> Value {
    let mut labels = site.labels(pod.component);
    for (key, value) in &pod.labels {
        labels[*key] = Value::from(value.as_str());
    }
    let mut metadata = json!({ "labels": labels });
    if pod.annotations.as_object().is_some_and(|a| !a.is_empty()) {
        metadata["annotations"] = pod.annotations.clone();
    }
    json!({ "metadata": metadata, "spec": spec(site, pod) })
}

fn spec(site: &Site, pod: Pod) -> Value {
    let bot = &site.shop.spec.bot;
    let mut volumes = vec![json!({ "name": "tmp", "emptyDir": { "sizeLimit": TMP_SIZE } })];
    volumes.extend(pod.volumes);
    let mut spec = json!({
        "serviceAccountName": site.names().bot(),
        "automountServiceAccountToken": false,
        "enableServiceLinks": false,
        "restartPolicy": pod.restart,
        "terminationGracePeriodSeconds": pod.grace_seconds,
        "securityContext": {
            "runAsNonRoot": true,
            "runAsUser": ID,
            "runAsGroup": ID,
            "fsGroup": ID,
            // Not `Always`: that would open the data of PostgreSQL to the group, and PostgreSQL
            // refuses such data.
            "fsGroupChangePolicy": "OnRootMismatch",
            "seccompProfile": { "type": "RuntimeDefault" },
        },
        "containers": pod.containers,
        "volumes": volumes,
    });
    if !pod.init_containers.is_empty() {
        spec["initContainers"] = Value::from(pod.init_containers);
    }
    if let Some(alike) = &pod.apart_from {
        spec["topologySpreadConstraints"] = spread(alike);
        spec["affinity"] = apart(alike);
    }
    if !bot.image_pull_secrets.is_empty() {
        let secrets = bot.image_pull_secrets.iter();
        spec["imagePullSecrets"] = secrets.map(|s| json!({ "name": s.name })).collect();
    }
    if let Some(class) = &bot.priority_class_name {
        spec["priorityClassName"] = json!(class);
    }
    if !bot.node_selector.is_empty() {
        spec["nodeSelector"] = json!(bot.node_selector);
    }
    spec
}

/// Evenly over zones and nodes, as far as it goes.
fn spread(alike: &Value) -> Value {
    ["topology.kubernetes.io/zone", "kubernetes.io/hostname"]
        .map(|key| {
            json!({
                "maxSkew": 1,
                "topologyKey": key,
                "whenUnsatisfiable": "ScheduleAnyway",
                "labelSelector": { "matchLabels": alike },
            })
        })
        .into_iter()
        .collect()
}

fn apart(alike: &Value) -> Value {
    json!({
        "podAntiAffinity": {
            "preferredDuringSchedulingIgnoredDuringExecution": [{
                "weight": APART_WEIGHT,
                "podAffinityTerm": {
                    "topologyKey": "kubernetes.io/hostname",
                    "labelSelector": { "matchLabels": alike },
                },
            }],
        },
    })
}

/// What every container is held to.
pub(super) fn contained() -> Value {
    json!({
        "runAsNonRoot": true,
        "runAsUser": ID,
        "runAsGroup": ID,
        "privileged": false,
        "allowPrivilegeEscalation": false,
        "readOnlyRootFilesystem": true,
        "capabilities": { "drop": ["ALL"] },
        "seccompProfile": { "type": "RuntimeDefault" },
    })
}

/// Requests and limits of a small container beside the main one.
pub(super) fn small() -> Value {
    resources("10m", "32Mi", "500m", "128Mi", "64Mi")
}

/// Requests and limits.
pub(super) fn resources(cpu: &str, memory: &str, most_cpu: &str, most: &str, disk: &str) -> Value {
    json!({
        "requests": { "cpu": cpu, "memory": memory, "ephemeral-storage": "16Mi" },
        "limits": { "cpu": most_cpu, "memory": most, "ephemeral-storage": disk },
    })
}

/// The mount of `/tmp`.
pub(super) fn tmp() -> Value {
    json!({ "name": "tmp", "mountPath": "/tmp" })
}

/// Environment variables in the order given.
pub(super) fn env(pairs: &[(&str, String)]) -> Vec<Value> {
    let entry = |(name, value): &(&str, String)| json!({ "name": name, "value": value });
    pairs.iter().map(entry).collect()
}

/// Annotations by which pods follow what they were started with.
pub(super) fn hashes(secrets: Option<String>, config: Option<String>) -> Value {
    let mut annotations = json!({});
    if let Some(hash) = secrets {
        annotations[names::SECRETS_HASH] = Value::from(hash);
    }
    if let Some(hash) = config {
        annotations[names::CONFIG_HASH] = Value::from(hash);
    }
    annotations
}

/// A key of a Secret as a file.
#[derive(Clone, Debug)]
pub(super) struct SecretFile {
    /// The Secret.
    pub secret: String,
    /// The key.
    pub key: String,
    /// Name of the file, which may lie in a folder.
    pub path: String,
}

impl SecretFile {
    /// A key of a Secret as a file.
    pub(super) fn new(secret: &str, key: &str, path: &str) -> Self {
        Self {
            secret: secret.to_owned(),
            key: key.to_owned(),
            path: path.to_owned(),
        }
    }
}

/// Sources of a projected volume, one for each Secret.
pub(super) fn sources(files: &[SecretFile]) -> Vec<Value> {
    let mut grouped: Vec<(&str, Vec<Value>)> = Vec::new();
    for file in files {
        let item = json!({ "key": file.key, "path": file.path });
        match grouped
            .iter_mut()
            .find(|(secret, _)| *secret == file.secret)
        {
            Some((_, items)) => items.push(item),
            None => grouped.push((&file.secret, vec![item])),
        }
    }
    let source = |(name, items)| json!({ "secret": { "name": name, "items": items } });
    grouped.into_iter().map(source).collect()
}

/// A volume of Secrets that the pod's group may read.
pub(super) fn secret_volume(files: &[SecretFile]) -> Value {
    projected("secrets", &sources(files))
}

/// A volume of several sources that the pod's group may read.
pub(super) fn projected(name: &str, sources: &[Value]) -> Value {
    /// Octal 0440.
    const READABLE: i32 = 0o440;
    json!({ "name": name, "projected": { "defaultMode": READABLE, "sources": sources } })
}

/// The mount of [`secret_volume`].
pub(super) fn secret_mount() -> Value {
    json!({ "name": "secrets", "mountPath": SECRETS_DIR, "readOnly": true })
}

/// Mounts of the accounts that programs of PostgreSQL look up.
pub(super) fn account_mounts() -> [Value; 2] {
    ["passwd", "group"].map(|file| {
        json!({
            "name": "accounts",
            "mountPath": format!("/etc/{file}"),
            "subPath": file,
            "readOnly": true,
        })
    })
}

/// The volume behind [`account_mounts`].
pub(super) fn account_volume(site: &Site) -> Value {
    json!({ "name": "accounts", "configMap": { "name": site.names().accounts() } })
}
