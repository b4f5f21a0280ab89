//! Cuts in a network that is ours alone: packets vanish, connections stay open.

use std::time::Duration;

use anyhow::{Result, ensure};
use rand::rngs::StdRng;
use warung_testkit::RedisOptions;
use warung_testkit::process::Program;

use super::{lasts, redis};
use crate::bed::Bed;

/// So long that the system tries to get packets through only many seconds later: a connection that
/// nobody gives up stays silent until then.
const CUT: Duration = Duration::from_secs(12);
const WELL: Duration = Duration::from_secs(30);
/// The cluster bus listens this far above a node's port (Redis Cluster specification).
const BUS_OFFSET: u16 = 10_000;
/// Ports in one rule of the firewall (`multiport` takes no more).
const PORTS_MAX: usize = 15;

/// A primary cannot be reached by clients and replicas any more, by its peers it can: nobody takes
/// over.
pub(super) async fn redis_from_bots(bed: &Bed, dice: &mut StdRng) -> Result<String> {
    let node = redis::a_primary(bed, dice).await?;
    let port = bed.redis.port(node).to_string();
    cut(bed, &[vec!["--dport", &port], vec!["--sport", &port]]).await?;
    Ok(format!(
        "primary {node} cut off from its clients for {CUT:?}"
    ))
}

/// A primary and its peers reach each other no more, either way, its clients reach it: another takes
/// over beside it, and it learns that it is in the minority.
pub(super) async fn redis_from_peers(bed: &Bed, dice: &mut StdRng) -> Result<String> {
    let node = redis::a_primary(bed, dice).await?;
    let own = RedisOptions::source(node);
    let port = bed.redis.port(node);
    let ports = format!("{port},{}", port + BUS_OFFSET);
    let to = ["-m", "multiport", "--dports", &ports];
    let from = ["-m", "multiport", "--sports", &ports];
    let rules = [
        // What it says to others, and what they answer.
        vec!["-s", &own],
        vec!["-d", &own],
        // What others say to it, and what it answers.
        [&["-s", RedisOptions::SOURCES][..], &to].concat(),
        [&["-d", RedisOptions::SOURCES][..], &from].concat(),
    ];
    cut(bed, &rules).await?;
    Ok(format!(
        "primary {node} and its peers cut off from each other for {CUT:?}"
    ))
}

/// All connections that clients have to a primary fall silent, for good; a new one would go through.
/// Only a client that notices the silence gets one.
pub(super) async fn redis_connections(bed: &Bed, dice: &mut StdRng) -> Result<String> {
    let node = redis::a_primary(bed, dice).await?;
    let clients = redis::clients(bed, node).await?;
    let port = bed.redis.port(node).to_string();
    let groups: Vec<String> = (clients.chunks(PORTS_MAX))
        .map(|ports| ports.join(","))
        .collect();
    let mut rules = Vec::new();
    for ports in &groups {
        rules.push(vec!["--dport", &port, "-m", "multiport", "--sports", ports]);
        rules.push(vec!["--sport", &port, "-m", "multiport", "--dports", ports]);
    }
    cut(bed, &rules).await?;
    Ok(format!(
        "{} connections to primary {node} silent for {CUT:?}",
        clients.len()
    ))
}

/// Drops what fits any of the rules for a while.
async fn cut(bed: &Bed, rules: &[Vec<&str>]) -> Result<()> {
    for rule in rules {
        firewall("-A", rule).await?;
    }
    lasts(CUT).await;
    for rule in rules {
        firewall("-D", rule).await?;
    }
    bed.redis.healthy(WELL).await
}

async fn firewall(verb: &str, rule: &[&str]) -> Result<()> {
    let program = Program::new("iptables")
        .args(["-w", verb, "INPUT", "-p", "tcp"])
        .args(rule)
        .args(["-j", "DROP"]);
    let (status, said) = program.run_to_end().await?;
    ensure!(status.success(), "iptables: {said}");
    Ok(())
}
