//! Asks every pod at once what it is and what it sees.

use std::time::Duration;

use anyhow::{Context, Result};
use futures_util::future::join_all;

use super::Pod;
use super::connection::{self, Credentials};
use super::parse::{self, Info, Line, NodeId, Replication};

/// Longest look at one pod, from connecting to the last answer.
pub const LOOK_LIMIT: Duration = Duration::from_secs(1);

/// How one node sees the cluster and itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct View {
    /// Its own id.
    pub id: NodeId,
    /// Every node that it knows, itself included.
    pub nodes: Vec<Line>,
    /// The highest epoch that it has heard of.
    pub current_epoch: u64,
    /// Whether it answers its customers. That it does proves nothing; that it does not, enough:
    /// after a start or a partition a primary holds back for up to the node time-out.
    pub serving: bool,
    /// Its role.
    pub replication: Replication,
    /// Memory in use, bytes.
    pub used_memory: u64,
    /// Its limit, bytes; 0 is none.
    pub max_memory: u64,
    /// Keys that it holds.
    pub keys: u64,
}

impl View {
    /// The line about the node itself.
    pub(super) fn own(&self) -> &Line {
        // `parse::nodes` accepts a list with exactly one such line only.
        self.nodes
            .iter()
            .find(|line| line.myself)
            .unwrap_or(&self.nodes[0])
    }

    /// What it says of another node.
    pub(super) fn line(&self, id: &NodeId) -> Option<&Line> {
        self.nodes
            .iter()
            .find(|line| line.id == *id && !line.handshake)
    }
}

/// A pod and how it sees the cluster, or why it could not be asked.
#[derive(Clone, Debug)]
pub struct Seen {
    /// The pod.
    pub pod: Pod,
    /// Its view, or the reason why there is none.
    pub view: Result<View, String>,
}

/// Looks at all pods at once; takes at most [`LOOK_LIMIT`].
pub async fn observe(pods: &[Pod], credentials: &Credentials) -> Vec<Seen> {
    let looks = pods.iter().map(|pod| async {
        let view = match tokio::time::timeout(LOOK_LIMIT, look(pod, credentials)).await {
            Ok(view) => view.map_err(|error| format!("{error:#}")),
            Err(_) => Err(format!("no answer within {} s", LOOK_LIMIT.as_secs())),
        };
        Seen {
            pod: pod.clone(),
            view,
        }
    });
    join_all(looks).await
}

/// Whether there are pods and each accepts these credentials; takes at most [`LOOK_LIMIT`].
pub async fn accepted(pods: &[Pod], credentials: &Credentials) -> bool {
    let logins = pods.iter().map(|pod| async {
        let login = async {
            let ip = pod.ip.context("the pod has no address yet")?;
            connection::open((ip, pod.port), credentials).await
        };
        let opened = tokio::time::timeout(LOOK_LIMIT, login).await;
        opened.is_ok_and(|opened| opened.is_ok())
    });
    !pods.is_empty() && join_all(logins).await.into_iter().all(|accepted| accepted)
}

async fn look(pod: &Pod, credentials: &Credentials) -> Result<View> {
    let ip = pod.ip.context("the pod has no address yet")?;
    let mut connection = connection::open((ip, pod.port), credentials).await?;
    let mut questions = ::redis::pipe();
    for section in ["replication", "memory", "persistence"] {
        questions.cmd("INFO").arg(section);
    }
    for topic in ["MYID", "NODES", "INFO"] {
        questions.cmd("CLUSTER").arg(topic);
    }
    questions.cmd("DBSIZE");
    let (replication, memory, persistence, id, nodes, cluster, keys): (
        String,
        String,
        String,
        String,
        String,
        String,
        u64,
    ) = questions.query_async(&mut connection).await?;
    anyhow::ensure!(
        Info::new(&persistence).number("loading")? == 0,
        "still loading its data"
    );
    let memory = Info::new(&memory);
    let cluster = Info::new(&cluster);
    Ok(View {
        id: NodeId::parse(&id)?,
        nodes: parse::nodes(&nodes)?,
        current_epoch: cluster.number("cluster_current_epoch")?,
        serving: cluster.text("cluster_state")? == "ok",
        replication: parse::replication(&replication)?,
        used_memory: memory.number("used_memory")?,
        max_memory: memory.number("maxmemory")?,
        keys,
    })
}
