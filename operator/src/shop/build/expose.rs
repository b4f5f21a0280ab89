//! How the outside reaches the webhooks and pictures.

use k8s_openapi::api::networking::v1::Ingress;
use kube::api::{ApiResource, GroupVersionKind};
use serde_json::{Value, json};

use super::{Site, bot::SERVICE_PORT};
use crate::{
    crds::{Expose, GatewayRef},
    shop::Child,
};

/// Paths that anybody may ask for. Metrics and probes are not among them.
const PATHS: [&str; 2] = ["/webhooks", "/media"];

/// The Ingress or the HTTPRoute.
pub(super) fn route(site: &Site) -> Option<Child> {
    let expose = site.shop.spec.expose.as_ref()?;
    match &expose.gateway_ref {
        Some(gateway) => {
            let known = site.found.kinds.http_route;
            known.then(|| http_route(site, expose, gateway))
        }
        None => Some(ingress(site, expose)),
    }
}

fn metadata(site: &Site, expose: &Expose) -> Value {
    let mut metadata = site.metadata(&site.names().bot(), "bot");
    if !expose.annotations.is_empty() {
        metadata["annotations"] = json!(expose.annotations);
    }
    metadata
}

fn ingress(site: &Site, expose: &Expose) -> Child {
    let backend = json!({
        "service": { "name": site.names().bot(), "port": { "name": "http" } },
    });
    let paths: Vec<Value> = PATHS
        .iter()
        .map(|path| json!({ "path": path, "pathType": "Prefix", "backend": backend }))
        .collect();
    let mut spec = json!({
        "ingressClassName": expose.ingress_class_name,
        "rules": [{ "host": expose.host, "http": { "paths": paths } }],
    });
    if let Some(secret) = &expose.tls_secret_name {
        spec["tls"] = json!([{ "hosts": [expose.host], "secretName": secret }]);
    }
    Child::from_json::<Ingress>(json!({ "metadata": metadata(site, expose), "spec": spec }))
}

fn http_route(site: &Site, expose: &Expose, gateway: &GatewayRef) -> Child {
    let kind = GroupVersionKind::gvk("gateway.networking.k8s.io", "v1", "HTTPRoute");
    let mut parent = json!({ "name": gateway.name });
    if let Some(namespace) = &gateway.namespace {
        parent["namespace"] = json!(namespace);
    }
    if let Some(section) = &gateway.section_name {
        parent["sectionName"] = json!(section);
    }
    let matches: Vec<Value> = PATHS
        .iter()
        .map(|path| json!({ "path": { "type": "PathPrefix", "value": path } }))
        .collect();
    Child::of_kind(
        ApiResource::from_gvk_with_plural(&kind, "httproutes"),
        json!({
            "apiVersion": "gateway.networking.k8s.io/v1",
            "kind": "HTTPRoute",
            "metadata": metadata(site, expose),
            "spec": {
                "parentRefs": [parent],
                "hostnames": [expose.host],
                "rules": [{
                    "matches": matches,
                    "backendRefs": [{ "name": site.names().bot(), "port": SERVICE_PORT }],
                }],
            },
        }),
    )
}
