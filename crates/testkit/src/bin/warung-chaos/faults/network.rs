//! Cuts in a network that is ours alone: packets vanish, connections stay open.

use std::time::Duration;

use anyhow::{Result, ensure};
use rand::rngs::StdRng;
use warung_testkit::process::Program;

use super::{lasts, redis::a_primary};
use crate::bed::Bed;

/// So long that the system tries to get packets through only many seconds later: a connection that
/// nobody gives up stays silent until then.
const CUT: Duration = Duration::from_secs(14);
const WELL: Duration = Duration::from_secs(30);
/// The cluster bus listens this far above a node's port (Redis Cluster specification).
const BUS_OFFSET: u16 = 10_000;

/// Clients and replicas reach a primary no more, its peers do: nobody takes over.
pub(super) async fn redis_from_bots(bed: &Bed, dice: &mut StdRng) -> Result<String> {
    let node = a_primary(bed, dice).await?;
    let port = bed.redis.port(node);
    cut(bed, port).await?;
    Ok(format!(
        "primary {node} cut off from its clients for {CUT:?}"
    ))
}

/// Peers reach a primary no more, its clients do: another takes over beside it.
pub(super) async fn redis_from_peers(bed: &Bed, dice: &mut StdRng) -> Result<String> {
    let node = a_primary(bed, dice).await?;
    let port = bed.redis.port(node) + BUS_OFFSET;
    cut(bed, port).await?;
    Ok(format!("primary {node} cut off from its peers for {CUT:?}"))
}

async fn cut(bed: &Bed, port: u16) -> Result<()> {
    let port = port.to_string();
    for way in ["--dport", "--sport"] {
        rule("-A", way, &port).await?;
    }
    lasts(CUT).await;
    for way in ["--dport", "--sport"] {
        rule("-D", way, &port).await?;
    }
    bed.redis.healthy(WELL).await
}

async fn rule(verb: &str, way: &str, port: &str) -> Result<()> {
    let program = Program::new("iptables")
        .args(["-w", verb, "INPUT", "-p", "tcp", way, port])
        .args(["-j", "DROP"]);
    let (status, said) = program.run_to_end().await?;
    ensure!(status.success(), "iptables: {said}");
    Ok(())
}
