//! The task that keeps the slot map true and the gauges current.

use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use redis::Value;

use super::node::Node;
use super::tags::Triples;
use super::topology::{Address, Topology};
use super::{Cluster, Map};

/// Time between two looks while something is wrong.
const TROUBLED_EVERY: Duration = Duration::from_millis(200);
/// Shortest time between two looks, however often calls ask for one.
const REFRESH_SPACING: Duration = Duration::from_millis(20);

/// What one look at the cluster found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Standing {
    pub(crate) masters: usize,
    pub(crate) connected: usize,
    pub(crate) covered: bool,
    pub(crate) independent_masters: usize,
}

impl Standing {
    /// Every slot has a master and every master a connection.
    pub(crate) fn is_up(self) -> bool {
        self.covered && self.masters > 0 && self.connected == self.masters
    }
}

/// Keeps the map and shows how it stands, for ever.
pub(crate) async fn keep(cluster: Arc<Cluster>) {
    let cluster = &cluster;
    loop {
        if let Some(topology) = look(cluster).await {
            adopt(cluster, topology);
        }
        let up = show(cluster);
        let every = if up {
            cluster.timeouts.topology_every
        } else {
            TROUBLED_EVERY
        };
        let asked = tokio::time::timeout(every, cluster.refresh.notified())
            .await
            .is_ok();
        if asked {
            tokio::time::sleep(REFRESH_SPACING).await;
        }
    }
}

impl Cluster {
    /// How the cluster looks from here.
    pub(crate) fn standing(&self) -> Standing {
        let map = self.map();
        Standing {
            masters: map.nodes.len(),
            connected: map
                .nodes
                .iter()
                .filter(|node| node.is_connected() && !node.is_resting())
                .count(),
            covered: map.topology.is_covered(),
            independent_masters: map.triples.independent_masters,
        }
    }
}

fn show(cluster: &Cluster) -> bool {
    let standing = cluster.standing();
    let metrics = &cluster.metrics;
    metrics.up.set(i64::from(standing.is_up()));
    cluster
        .up
        .send_if_modified(|up| std::mem::replace(up, standing.is_up()) != *up);
    let independent = i64::try_from(standing.independent_masters).unwrap_or(i64::MAX);
    if metrics.independent_masters.get() != independent {
        metrics.independent_masters.set(independent);
        tracing::info!(
            masters = independent,
            "locks stand on this many independent masters"
        );
    }
    standing.is_up()
}

/// The view that most of the connected masters share; without any, that of anyone who answers.
async fn look(cluster: &Cluster) -> Option<Topology> {
    let map = cluster.map();
    let asked = map.nodes.iter().filter(|node| node.is_connected());
    let views = join_all(asked.map(|node| view_of_node(cluster, node))).await;
    let view = majority(views.into_iter().flatten().collect(), &map.topology);
    match view {
        Some(view) => Some(view),
        None => look_anywhere(cluster, &map.topology).await,
    }
}

async fn view_of_node(cluster: &Cluster, node: &Node) -> Option<Topology> {
    let mut cmd = redis::cmd("CLUSTER");
    cmd.arg("SLOTS");
    let deadline = Instant::now() + cluster.timeouts.response;
    let reply = node.send(&cmd, false, deadline).await.ok()?;
    Topology::parse(&reply, &node.address)
}

async fn look_anywhere(cluster: &Cluster, known: &Topology) -> Option<Topology> {
    let mut addresses: Vec<&Address> = cluster
        .seeds
        .iter()
        .chain(&known.masters)
        .chain(&known.replicas)
        .collect();
    addresses.sort();
    addresses.dedup();
    let views = join_all(addresses.into_iter().map(|at| view_from(cluster, at))).await;
    majority(views.into_iter().flatten().collect(), known)
}

async fn view_from(cluster: &Cluster, address: &Address) -> Option<Topology> {
    let mut connection = cluster.connector.open(address).await.ok()?;
    let mut cmd = redis::cmd("CLUSTER");
    cmd.arg("SLOTS");
    let asking = connection.send_packed_command(&cmd);
    let reply: Value = tokio::time::timeout(cluster.timeouts.response, asking)
        .await
        .ok()?
        .ok()?;
    Topology::parse(&reply, address)
}

/// A master cut off from the others may still believe in itself, so the view of most counts. Of
/// two that weigh the same, the one that is news: it is the known one that grows old.
fn majority(views: Vec<Topology>, known: &Topology) -> Option<Topology> {
    let votes = |view: &Topology| views.iter().filter(|other| *other == view).count();
    let weight = |view: &Topology| (votes(view), view != known);
    let best = (0..views.len()).max_by_key(|index| weight(&views[*index]))?;
    let mut views = views;
    (!views[best].masters.is_empty()).then(|| views.swap_remove(best))
}

/// Makes a view the map: keeps the nodes that stay, starts the new ones, retires the gone.
fn adopt(cluster: &Arc<Cluster>, topology: Topology) {
    let old = cluster.map();
    if old.topology == topology {
        return;
    }
    let nodes: Vec<Arc<Node>> = topology
        .masters
        .iter()
        .map(|address| {
            let kept = old.nodes.iter().find(|node| node.address == *address);
            kept.map_or_else(|| start(cluster, address), Arc::clone)
        })
        .collect();
    for node in &old.nodes {
        if !topology.masters.contains(&node.address) {
            node.retire();
        }
    }
    tracing::info!(
        masters = topology.masters.len(),
        "the redis slot map changed"
    );
    let triples = Triples::compute(&topology);
    let map = Arc::new(Map {
        topology,
        triples,
        nodes,
    });
    *cluster.map.write().unwrap_or_else(PoisonError::into_inner) = map;
}

fn start(cluster: &Arc<Cluster>, address: &Address) -> Arc<Node> {
    let node = Arc::new(Node::new(
        address.clone(),
        cluster.timeouts.response,
        Arc::clone(&cluster.metrics),
        Arc::clone(&cluster.refresh),
        cluster.stop.child_token(),
    ));
    cluster
        .services
        .spawn(Arc::clone(&node).run(cluster.connector.clone()));
    node
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::topology::tests::topology;

    #[test]
    fn the_view_of_most_masters_counts_and_news_breaks_a_tie() {
        let old = topology(&[(0, 8000, 7000), (8001, 16_383, 7001)]);
        let new = topology(&[(0, 8000, 7005), (8001, 16_383, 7001)]);
        let of = |views: &[&Topology]| {
            let views = views.iter().map(|view| (*view).clone()).collect();
            majority(views, &old)
        };
        assert_eq!(of(&[&old, &new, &new]).as_ref(), Some(&new));
        assert_eq!(of(&[&new, &old, &old]).as_ref(), Some(&old));
        assert_eq!(of(&[&new, &old]).as_ref(), Some(&new));
        assert_eq!(of(&[&old, &new]).as_ref(), Some(&new));
        assert_eq!(of(&[]), None);
        assert_eq!(of(&[&Topology::empty()]), None);
    }
}
