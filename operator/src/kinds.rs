//! The kinds that a shop's children are of.

use kube::api::ApiResource;

use crate::shop::KnownKinds;

/// A kind of child.
#[derive(Clone, Copy, Debug)]
pub struct ChildKind {
    /// API group, empty for the core.
    pub group: &'static str,
    /// Version.
    pub version: &'static str,
    /// Kind.
    pub kind: &'static str,
    /// Name in paths.
    pub plural: &'static str,
}

const fn kind(
    group: &'static str,
    version: &'static str,
    kind: &'static str,
    plural: &'static str,
) -> ChildKind {
    ChildKind {
        group,
        version,
        kind,
        plural,
    }
}

/// Kinds that every cluster has.
const ALWAYS: [ChildKind; 13] = [
    kind("", "v1", "ServiceAccount", "serviceaccounts"),
    kind("", "v1", "ConfigMap", "configmaps"),
    SECRET,
    kind("", "v1", "Service", "services"),
    kind("", "v1", "PersistentVolumeClaim", "persistentvolumeclaims"),
    kind("apps", "v1", "Deployment", "deployments"),
    kind("apps", "v1", "StatefulSet", "statefulsets"),
    kind("batch", "v1", "Job", "jobs"),
    kind("batch", "v1", "CronJob", "cronjobs"),
    kind(
        "autoscaling",
        "v2",
        "HorizontalPodAutoscaler",
        "horizontalpodautoscalers",
    ),
    kind(
        "policy",
        "v1",
        "PodDisruptionBudget",
        "poddisruptionbudgets",
    ),
    kind(
        "networking.k8s.io",
        "v1",
        "NetworkPolicy",
        "networkpolicies",
    ),
    kind("networking.k8s.io", "v1", "Ingress", "ingresses"),
];

/// Secrets: children, and those that manifests name.
pub const SECRET: ChildKind = kind("", "v1", "Secret", "secrets");
/// Pods: watched for the Redis Cluster, listed by the rooms that need them.
pub const POD: ChildKind = kind("", "v1", "Pod", "pods");
/// Of the Prometheus operator.
pub const SERVICE_MONITOR: ChildKind = kind(
    "monitoring.coreos.com",
    "v1",
    "ServiceMonitor",
    "servicemonitors",
);
/// Of the Prometheus operator.
pub const PROMETHEUS_RULE: ChildKind = kind(
    "monitoring.coreos.com",
    "v1",
    "PrometheusRule",
    "prometheusrules",
);
/// Of the Gateway API.
pub const HTTP_ROUTE: ChildKind =
    kind("gateway.networking.k8s.io", "v1", "HTTPRoute", "httproutes");
/// Of CloudNativePG.
pub const CLUSTER: ChildKind = kind("postgresql.cnpg.io", "v1", "Cluster", "clusters");

impl ChildKind {
    /// For a client without types.
    pub fn resource(&self) -> ApiResource {
        let api_version = if self.group.is_empty() {
            self.version.to_owned()
        } else {
            format!("{}/{}", self.group, self.version)
        };
        ApiResource {
            group: self.group.to_owned(),
            version: self.version.to_owned(),
            api_version,
            kind: self.kind.to_owned(),
            plural: self.plural.to_owned(),
        }
    }
}

/// The kinds of children that a cluster has.
pub fn children(known: KnownKinds) -> Vec<ChildKind> {
    let optional = [
        (known.service_monitor, SERVICE_MONITOR),
        (known.prometheus_rule, PROMETHEUS_RULE),
        (known.http_route, HTTP_ROUTE),
        (known.cloud_native_pg, CLUSTER),
    ];
    let present = optional.into_iter().filter(|(present, _)| *present);
    ALWAYS
        .into_iter()
        .chain(present.map(|(_, kind)| kind))
        .collect()
}
