//! The rights that the chart gives the operator: enough, and no more.
//!
//! Stories that run the operator take its kubeconfig from [`chart_account`], and end with
//! [`assert_nothing_forbidden`].

use std::collections::BTreeSet;
use std::path::PathBuf;

use serde_json::{Value, json};
use warung_testkit::kubernetes::{ApiServer, AuditEvent};

use crate::cluster::{admits, chart, helm, server};

/// Release of the chart for an operator in a namespace. Its account, its roles and its Lease are
/// named so; a name of its own, because what belongs to the whole cluster is shared by all tests.
pub(crate) fn release(namespace: &str) -> String {
    format!("warung-{namespace}")
}

/// Makes the chart's ServiceAccount and roles in `namespace`, for shops in the namespaces `watch`
/// (all, when empty), and returns a kubeconfig that speaks as that account.
pub(crate) async fn chart_account(server: &ApiServer, namespace: &str, watch: &[&str]) -> PathBuf {
    // The roles say their namespaces themselves.
    let file = server
        .directory()
        .join(format!("{}.yaml", release(namespace)));
    std::fs::write(&file, rendered(server, namespace, watch).await).expect("written");
    let file = file.display().to_string();
    let applied = server
        .kubectl(["apply", "--server-side", "-f", &file])
        .await;
    applied.expect("the server takes the chart's roles");
    server
        .kubeconfig_for(namespace, &release(namespace))
        .await
        .expect("a kubeconfig of the chart's account")
}

/// The user by which that account is found in the audit log.
pub(crate) fn user(namespace: &str) -> String {
    format!("system:serviceaccount:{namespace}:{}", release(namespace))
}

/// Panics with the requests of the operator in `namespace` that were refused for want of a right
/// since a position of the audit log.
pub(crate) fn assert_nothing_forbidden(server: &ApiServer, namespace: &str, since: u64) {
    let user = user(namespace);
    let events = server.audit_since(since).expect("the audit log");
    let forbidden: Vec<String> = events
        .iter()
        .filter(|event| event.user == user && event.is_forbidden())
        .map(|event| format!("{} {}", event.verb, event.uri))
        .collect();
    assert!(forbidden.is_empty(), "forbidden: {forbidden:#?}");
}

/// Rights of the chart, as `verb group/resource`, that no request of `events` made use of.
pub(crate) async fn unused(
    server: &ApiServer,
    namespace: &str,
    events: &[AuditEvent],
) -> BTreeSet<String> {
    let user = user(namespace);
    let mut rights = rights(&rendered(server, namespace, &[]).await);
    for event in events.iter().filter(|event| event.user == user) {
        let mut resource = format!("{}/{}", event.group, event.resource);
        if !event.subresource.is_empty() {
            resource = format!("{resource}/{}", event.subresource);
        }
        rights.remove(&format!("{} {resource}", event.verb));
    }
    rights
}

/// All rights of the roles in a rendered chart.
fn rights(rendered: &str) -> BTreeSet<String> {
    let mut rights = BTreeSet::new();
    let texts = |value: &Value| -> Vec<String> {
        let items = value.as_array().into_iter().flatten();
        items
            .filter_map(|item| Some(item.as_str()?.to_owned()))
            .collect()
    };
    for document in rendered
        .split("\n---")
        .filter(|text| text.contains("kind:"))
    {
        let role: Value = serde_saphyr::from_str(document).expect("YAML");
        // The roles for people are no rights of the operator.
        let name = role["metadata"]["name"].as_str().unwrap_or_default();
        if name.ends_with("-view") || name.ends_with("-edit") {
            continue;
        }
        for rule in role["rules"].as_array().into_iter().flatten() {
            for group in texts(&rule["apiGroups"]) {
                for resource in texts(&rule["resources"]) {
                    for verb in texts(&rule["verbs"]) {
                        rights.insert(format!("{verb} {group}/{resource}"));
                    }
                }
            }
        }
    }
    rights
}

/// The account and roles of the chart.
async fn rendered(server: &ApiServer, namespace: &str, watch: &[&str]) -> String {
    let parts = ["templates/serviceaccount.yaml", "templates/rbac.yaml"];
    template(server, namespace, watch, &parts).await
}

/// Parts of the chart, or all of it.
pub(crate) async fn template(
    server: &ApiServer,
    namespace: &str,
    watch: &[&str],
    parts: &[&str],
) -> String {
    let mut words = vec!["template".to_owned(), release(namespace), chart("warung")];
    words.extend(["--namespace", namespace, "--kube-version", "1.34.4"].map(str::to_owned));
    for part in parts {
        words.extend(["--show-only".to_owned(), (*part).to_owned()]);
    }
    if !watch.is_empty() {
        let set = format!("watchNamespaces={{{}}}", watch.join(","));
        words.extend(["--set".to_owned(), set]);
    }
    helm(server, words).await.expect("Helm renders the chart")
}

/// Whether the operator of a namespace may do something: verb, group, resource (with subresource
/// or name), and the namespace, where it is not every one.
async fn may(server: &ApiServer, operator: &str, what: &str) -> bool {
    let words: Vec<&str> = what.split_whitespace().collect();
    let (verb, path, namespace) = (words[0], words[1], words.get(2).unwrap_or(&""));
    let mut parts = path.split('/');
    let group = parts.next().unwrap_or_default();
    let resource = parts.next().unwrap_or_default();
    let (subresource, name) = match parts.next().unwrap_or_default() {
        part if part.starts_with('=') => ("", &part[1..]),
        part => (part, ""),
    };
    let review = json!({
        "apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview",
        "spec": {"user": user(operator), "resourceAttributes": {
            "verb": verb, "group": group, "resource": resource, "subresource": subresource,
            "name": name, "namespace": namespace,
        }},
    });
    let path = "/apis/authorization.k8s.io/v1/subjectaccessreviews";
    let answer = server.rest().post(path, &review).await.expect("an answer");
    answer["status"]["allowed"] == true
}

#[tokio::test]
async fn a_cluster_wide_operator_may_do_its_work_and_no_more() {
    let server = server().await;
    let home = server.namespace("operator").await.expect("a namespace");
    let shops = server.namespace("shops").await.expect("a namespace");
    chart_account(server, &home, &[]).await;
    for what in [
        "watch shops.warung.dev/whatsappshops",
        "patch shops.warung.dev/whatsappshops/status",
        "create shops.warung.dev/shopbackups",
        "patch apps/deployments",
        "create /secrets",
        "delete /pods",
        "create events.k8s.io/events",
        "patch postgresql.cnpg.io/clusters",
        "patch gateway.networking.k8s.io/httproutes",
        &format!("create coordination.k8s.io/leases {home}"),
        &format!(
            "update coordination.k8s.io/leases/={} {home}",
            release(&home)
        ),
    ] {
        assert!(may(server, &home, what).await, "may not {what}");
    }
    for what in [
        "create /pods/exec",
        "create /pods",
        "get /nodes",
        "create /namespaces",
        "create rbac.authorization.k8s.io/clusterroles",
        "create rbac.authorization.k8s.io/rolebindings",
        "patch shops.warung.dev/whatsappshops",
        "delete shops.warung.dev/whatsappshops",
        "delete apiextensions.k8s.io/customresourcedefinitions",
        "deletecollection /persistentvolumeclaims",
        "impersonate /users",
        &format!("update coordination.k8s.io/leases/=other {home}"),
        &format!("create coordination.k8s.io/leases {shops}"),
    ] {
        assert!(!may(server, &home, what).await, "may {what}");
    }
}

#[tokio::test]
async fn an_operator_for_some_namespaces_reads_nothing_elsewhere() {
    let server = server().await;
    let home = server.namespace("operator").await.expect("a namespace");
    let shops = server.namespace("shops").await.expect("a namespace");
    let others = server.namespace("others").await.expect("a namespace");
    chart_account(server, &home, &[&shops]).await;
    let everywhere = "";
    for what in [
        "get /secrets",
        "watch shops.warung.dev/whatsappshops",
        "patch apps/deployments",
    ] {
        let here = format!("{what} {shops}");
        assert!(may(server, &home, &here).await, "may not {here}");
        for elsewhere in [others.as_str(), home.as_str(), everywhere] {
            let there = format!("{what} {elsewhere}");
            assert!(!may(server, &home, &there).await, "may {there}");
        }
    }
    let lease = format!(
        "update coordination.k8s.io/leases/={} {home}",
        release(&home)
    );
    assert!(may(server, &home, &lease).await, "may not {lease}");
}

#[tokio::test]
async fn the_chart_is_admitted_under_the_restricted_standard() {
    let server = server().await;
    let home = server.namespace("operator").await.expect("a namespace");
    let file = server.directory().join(format!("{home}-chart.yaml"));
    let rendered = template(server, &home, &[], &[]).await;
    std::fs::write(&file, &rendered).expect("written");
    let file = file.display().to_string();
    server
        .kubectl([
            "apply",
            "--dry-run=server",
            "--validate=strict",
            "-f",
            &file,
        ])
        .await
        .expect("the server takes the chart");

    // Deployments only warn: their pods are what is admitted or not.
    chart_account(server, &home, &[]).await;
    let documents = rendered.split("\n---");
    let deployment = documents
        .filter_map(|text| serde_saphyr::from_str::<Value>(text).ok())
        .find(|object| object["kind"] == "Deployment")
        .expect("a Deployment");
    let mut template = deployment["spec"]["template"].clone();
    let admitted = admits(server, &home, &template).await;
    admitted.expect("admitted");
    template["spec"]["containers"][0]["securityContext"] = json!({});
    let refused = admits(server, &home, &template).await;
    refused.expect_err("the standard is enforced");
}

#[tokio::test]
async fn what_is_forbidden_and_what_is_unused_is_seen() {
    let server = server().await;
    let home = server.namespace("operator").await.expect("a namespace");
    let account = chart_account(server, &home, &[]).await;
    let since = server.audit_position().expect("the audit log");
    let read = server
        .kubectl_as(&account, ["get", "whatsappshops", "-A"])
        .await;
    read.expect("the operator lists shops");
    assert_nothing_forbidden(server, &home, since);
    let events = server.audit_since(since).expect("the audit log");
    let unused = unused(server, &home, &events).await;
    assert!(!unused.contains("list shops.warung.dev/whatsappshops"));
    assert!(unused.contains("watch shops.warung.dev/whatsappshops"));
    assert!(unused.contains("patch shops.warung.dev/whatsappshops/status"));
    assert!(unused.contains("list /secrets"));

    let nodes = server.kubectl_as(&account, ["get", "nodes"]).await;
    nodes.expect_err("the operator may not list nodes");
    let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        assert_nothing_forbidden(server, &home, since);
    }));
    assert!(caught.is_err(), "a refused request was not seen");
}
