//! What Prometheus and Grafana are given, where their kinds exist.

use std::sync::LazyLock;

use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::{ApiResource, GroupVersionKind};
use serde_json::{Value, json};

use super::{Site, names};
use crate::shop::Child;

/// The alerts of a shop, with `SHOP` and `NAMESPACE` where its own belong.
pub(crate) const ALERTS: &str = include_str!("monitoring/alerts.yaml");
/// The dashboard of a shop, with the same.
pub(crate) const DASHBOARD: &str = include_str!("monitoring/dashboard.json");
/// Where an alert's page is, in the project.
pub(crate) const RUNBOOKS: &str = "docs/runbooks";

/// ServiceMonitor, PrometheusRule and dashboard, as far as wanted and known.
pub(super) fn all(site: &Site) -> Vec<Child> {
    let wanted = &site.shop.spec.monitoring;
    let known = site.found.kinds;
    let mut all = Vec::new();
    if wanted.service_monitor && known.service_monitor {
        all.push(service_monitor(site));
    }
    if wanted.prometheus_rule && known.prometheus_rule {
        all.push(rule(site));
    }
    if wanted.dashboards {
        all.push(dashboard(site));
    }
    all
}

fn of_prometheus(site: &Site, kind: &str, plural: &str, spec: &Value) -> Child {
    let gvk = GroupVersionKind::gvk("monitoring.coreos.com", "v1", kind);
    let mut metadata = site.metadata(&site.names().bot(), "bot");
    for (key, value) in &site.shop.spec.monitoring.labels {
        // Ours stay: the operator finds its children by them.
        if metadata["labels"][key].is_null() {
            metadata["labels"][key] = Value::from(value.as_str());
        }
    }
    Child::of_kind(
        ApiResource::from_gvk_with_plural(&gvk, plural),
        json!({
            "apiVersion": "monitoring.coreos.com/v1",
            "kind": kind,
            "metadata": metadata,
            "spec": spec,
        }),
    )
}

/// Scrapes the bots; every sample says whose it is.
fn service_monitor(site: &Site) -> Child {
    let spec = json!({
        "selector": {
            "matchLabels": {
                names::INSTANCE: site.names().shop,
                names::COMPONENT: "bot",
            },
        },
        "endpoints": [{
            "port": "http",
            "path": "/metrics",
            "interval": "15s",
            "scrapeTimeout": "10s",
            "relabelings": [
                { "action": "replace", "targetLabel": "shop", "replacement": site.names().shop },
            ],
        }],
    });
    of_prometheus(site, "ServiceMonitor", "servicemonitors", &spec)
}

fn rule(site: &Site) -> Child {
    static RULES: LazyLock<Value> = LazyLock::new(|| {
        serde_saphyr::from_str(ALERTS).expect("alerts.yaml is YAML (a test reads it)")
    });
    let mut rules = RULES.clone();
    for rule in rules.as_array_mut().into_iter().flatten() {
        let page = format!(
            "{RUNBOOKS}/{}.md",
            rule["alert"].as_str().unwrap_or_default()
        );
        rule["annotations"]["runbook"] = Value::from(page);
        rule["labels"]["shop"] = Value::from("SHOP");
        rule["labels"]["namespace"] = Value::from("NAMESPACE");
    }
    let group = format!("warung-{}", site.names().shop);
    fill(&mut rules, site);
    let spec = json!({ "groups": [{ "name": group, "rules": rules }] });
    of_prometheus(site, "PrometheusRule", "prometheusrules", &spec)
}

/// A ConfigMap that Grafana's sidecar picks up.
fn dashboard(site: &Site) -> Child {
    let name = site.names().dashboard();
    let mut metadata = site.metadata(&name, "bot");
    metadata["labels"]["grafana_dashboard"] = Value::from("1");
    let file = format!("{}-{}.json", site.names().namespace, site.names().shop);
    Child::from_json::<ConfigMap>(json!({
        "metadata": metadata,
        "data": { file: filled(DASHBOARD, site) },
    }))
}

/// Puts the shop's names into every text of a value.
fn fill(value: &mut Value, site: &Site) {
    match value {
        Value::String(text) => *text = filled(text, site),
        Value::Array(items) => items.iter_mut().for_each(|item| fill(item, site)),
        Value::Object(fields) => fields.values_mut().for_each(|field| fill(field, site)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn filled(text: &str, site: &Site) -> String {
    // Names of shops and namespaces have no capitals, so neither can bring the other in.
    text.replace("SHOP", &site.names().shop)
        .replace("NAMESPACE", &site.names().namespace)
}
