//! A whole node: what the end-to-end tests lean on.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use warung_testkit::eventually;
use warung_testkit::kubernetes::Kubectl;
use warung_testkit::kubernetes::cluster::{Cluster, ClusterOptions};

/// How long a pod or a rule of the network may take on a busy machine.
const SOON: Duration = Duration::from_mins(1);

/// Two Redis as a shop's would be: restricted, with a volume each.
const REDIS: &str = r#"
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: redis}
spec:
  serviceName: redis
  replicas: 2
  podManagementPolicy: Parallel
  persistentVolumeClaimRetentionPolicy: {whenDeleted: Delete, whenScaled: Retain}
  selector: {matchLabels: {app: redis}}
  template:
    metadata: {labels: {app: redis}}
    spec:
      securityContext:
        {runAsNonRoot: true, runAsUser: 65532, fsGroup: 65532, seccompProfile: {type: RuntimeDefault}}
      containers:
      - name: redis
        image: localhost/warung-operand:test
        imagePullPolicy: Never
        command: [redis-server, --protected-mode, "no", --dir, /data, --appendonly, "yes"]
        readinessProbe: {exec: {command: [redis-cli, ping]}, periodSeconds: 1}
        securityContext:
          {allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: {drop: [ALL]}}
        volumeMounts: [{name: data, mountPath: /data}]
  volumeClaimTemplates:
  - metadata: {name: data}
    spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 100Mi}}}
---
apiVersion: v1
kind: Service
metadata: {name: redis}
spec: {selector: {app: redis}, ports: [{port: 6379}]}
"#;

async fn ping(address: (&str, u16)) -> std::io::Result<String> {
    let mut redis = TcpStream::connect(address).await?;
    redis.write_all(b"PING\r\n").await?;
    let mut answer = [0; 7];
    redis.read_exact(&mut answer).await?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

async fn in_pod(kubectl: &Kubectl, namespace: &str, command: &str) -> Result<String, String> {
    let exec = [
        "exec", "-n", namespace, "redis-0", "--", "sh", "-c", command,
    ];
    let answered = kubectl.run(exec).await;
    answered.map_err(|error| format!("{error:#}"))
}

async fn pods_are_reached_in_every_way(kubectl: &Kubectl, namespace: &str) {
    let rollout = [
        "rollout",
        "status",
        "statefulset/redis",
        "--timeout=60s",
        "-n",
        namespace,
    ];
    kubectl.run(rollout).await.unwrap();
    let logs = ["logs", "-n", namespace, "redis-0"];
    assert!(
        kubectl
            .run(logs)
            .await
            .unwrap()
            .contains("Ready to accept connections")
    );

    let get = ["get", "service", "redis", "-n", namespace];
    let service = kubectl.json(get).await.unwrap();
    let address = service["spec"]["clusterIP"].as_str().unwrap().to_owned();
    eventually(SOON, async || ping((&address, 6379)).await).await;
    for name in ["redis", "redis-1.redis", "redis-0.redis"] {
        let command = format!("redis-cli -h {name} ping");
        let answer = eventually(SOON, async || in_pod(kubectl, namespace, &command).await).await;
        assert_eq!(answer, "PONG");
    }
    let forward = kubectl
        .forward(namespace, "service/redis", 6379)
        .await
        .unwrap();
    assert_eq!(
        ping(("127.0.0.1", forward.port)).await.unwrap(),
        "+PONG\r\n"
    );
}

fn wrote(program: &str, arguments: &[&str]) -> String {
    let path = "/usr/sbin:/usr/bin:/sbin:/bin";
    let output = Command::new(program)
        .args(arguments)
        .env("PATH", path)
        .output()
        .unwrap();
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[tokio::test]
#[ignore = "takes root and the images of scripts/images: run it by name after `make node`"]
async fn a_node_runs_pods_that_are_reached_in_every_way_and_leaves_nothing() {
    let forwarding = || std::fs::read("/proc/sys/net/ipv4/ip_forward").unwrap();
    let before = forwarding();
    let options = ClusterOptions::with_built_images().unwrap();
    let cluster = Cluster::start(options).await.unwrap();
    let server = cluster.server();
    let namespace = server.namespace("pods").await.unwrap();
    server.apply(REDIS, &namespace).await.unwrap();
    let kubectl = Kubectl::new(&server.kubeconfig(), server.directory()).unwrap();
    pods_are_reached_in_every_way(&kubectl, &namespace).await;

    // The volumes go with the claims that the set owned.
    let volumes = server.directory().join("volumes");
    let count = || std::fs::read_dir(&volumes).unwrap().count();
    assert_eq!(count(), 2);
    let delete = ["delete", "statefulset", "redis", "-n", &namespace];
    kubectl.run(delete).await.unwrap();
    eventually(SOON, async || count() == 0).await;

    let directory = server.directory().to_owned();
    cluster.stop().await.unwrap();
    assert!(!directory.exists());
    assert!(!directory.with_extension("lock").exists());
    assert!(!Path::new("/sys/class/net/warung0").exists());
    assert!(!wrote("iptables-save", &[]).contains("KUBE"));
    assert!(!wrote("cat", &["/proc/mounts"]).contains("warung-cluster"));
    assert!(!wrote("ps", &["ax", "-o", "args"]).contains("containerd-shim"));
    assert_eq!(forwarding(), before);
}
