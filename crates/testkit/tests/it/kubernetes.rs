//! A real API server: what the tests of the operator lean on.

use std::time::Duration;

use serde_json::Value;
use warung_testkit::eventually;
use warung_testkit::kubernetes::{ApiServer, ApiServerOptions, AuditEvent, api_server};

/// How long a controller may take on a busy machine.
const SOON: Duration = Duration::from_secs(30);

const DEPLOYMENT: &str = "
apiVersion: apps/v1
kind: Deployment
metadata: {name: sleeper}
spec:
  replicas: 2
  selector: {matchLabels: {app: sleeper}}
  template:
    metadata: {labels: {app: sleeper}}
    spec:
      securityContext: {runAsNonRoot: true, seccompProfile: {type: RuntimeDefault}}
      containers:
      - name: sleeper
        image: localhost/none
        securityContext: {allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}}
";

async fn names(server: &ApiServer, namespace: &str, kind: &str) -> Vec<String> {
    let get = ["get", kind, "-n", namespace, "-o", "name"];
    let listed = server.kubectl(get).await.unwrap();
    listed.lines().map(str::to_owned).collect()
}

#[tokio::test]
async fn controllers_make_pods_and_collect_what_was_owned() {
    let server = api_server().await;
    let namespace = server.namespace("controllers").await.unwrap();
    server.apply(DEPLOYMENT, &namespace).await.unwrap();
    eventually(SOON, async || {
        names(server, &namespace, "pods").await.len() == 2
    })
    .await;

    let delete = ["delete", "deployment", "sleeper", "-n", &namespace];
    server.kubectl(delete).await.unwrap();
    eventually(SOON, async || {
        names(server, &namespace, "pods").await.is_empty()
    })
    .await;
}

#[tokio::test]
async fn a_pod_below_the_restricted_standard_is_refused() {
    let server = api_server().await;
    let namespace = server.namespace("restricted").await.unwrap();
    let pod = "{apiVersion: v1, kind: Pod, metadata: {name: root}, \
               spec: {containers: [{name: root, image: localhost/none}]}}";
    let refused = server.apply(pod, &namespace).await.unwrap_err().to_string();
    assert!(refused.contains("violates PodSecurity"), "{refused}");
}

#[tokio::test]
async fn a_service_account_without_rights_is_refused_and_the_audit_log_tells() {
    let server = api_server().await;
    let namespace = server.namespace("accounts").await.unwrap();
    let kubeconfig = server.kubeconfig_for(&namespace, "default").await.unwrap();
    let position = server.audit_position().unwrap();

    let create = ["create", "configmap", "mine", "-n", &namespace];
    let refused = server.kubectl_as(&kubeconfig, create).await.unwrap_err();
    assert!(refused.to_string().contains("is forbidden"), "{refused}");

    let who = format!("system:serviceaccount:{namespace}:default");
    let event = eventually(SOON, async || {
        let events = server.audit_since(position).unwrap();
        let mut mine = events.into_iter().filter(|event| event.user == who);
        mine.find(AuditEvent::is_write)
    })
    .await;
    assert!(event.is_forbidden());
    assert_eq!(
        (event.verb.as_str(), event.resource.as_str()),
        ("create", "configmaps")
    );
}

#[tokio::test]
async fn a_frozen_and_a_stopped_server_come_back_with_their_objects() {
    let directory = super::directory();
    let server = ApiServer::start(ApiServerOptions::new(directory.path()))
        .await
        .unwrap();
    let namespace = server.namespace("kept").await.unwrap();
    let path = format!("/api/v1/namespaces/{namespace}");
    let read = async || -> Result<Value, String> {
        let reading = tokio::time::timeout(Duration::from_secs(1), server.rest().get(&path));
        let read = reading.await.map_err(|_| "no answer".to_owned())?;
        read.map_err(|error| format!("{error:#}"))
    };

    server.pause().unwrap();
    assert_eq!(read().await.unwrap_err(), "no answer");
    server.resume().unwrap();
    eventually(SOON, read).await;

    server.stop().await.unwrap();
    read().await.unwrap_err();
    server.start_again().await.unwrap();
    read().await.unwrap();
    // The controllers go on too.
    server.namespace("after").await.unwrap();
}
