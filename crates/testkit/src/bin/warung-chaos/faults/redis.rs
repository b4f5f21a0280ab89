//! Redis loses nodes, keys and connections.

use std::time::Duration;

use anyhow::{Context, Result};
use rand::RngExt;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use redis::Value;
use redis::aio::MultiplexedConnection;

use super::lasts;
use crate::bed::Bed;
use crate::shift;

/// Long enough for a failover (the nodes give up on one after 2 s).
const GONE: Duration = Duration::from_secs(6);
/// Too short for one.
const SHORTLY: Duration = Duration::from_millis(1_200);
/// From the return of a node to the loss of another's keys: the locks must stand on three again.
const FILLED: Duration = Duration::from_millis(1_200);
const DOWN: Duration = Duration::from_secs(5);
/// How long the cluster may take to be well again.
const WELL: Duration = Duration::from_secs(30);
const SLOTS: u32 = 16_384;
const SLOTS_MOVED: u32 = 60;
const RESETS: u32 = 8;
/// How a clock is wrong, in seconds: locks are over before their time, then outlive it.
const AHEAD: i64 = 60;
const BEHIND: i64 = -600;
const WRONG: Duration = Duration::from_secs(4);
/// Pauses of a primary one after another, most of the time one of them.
const BLINKS: usize = 12;
const OPEN: Duration = Duration::from_millis(500);

pub(super) async fn killed(bed: &Bed, dice: &mut StdRng) -> Result<String> {
    let node = a_primary(bed, dice).await?;
    bed.redis.kill_node(node)?;
    lasts(GONE).await;
    bed.redis.start_node(node).await?;
    bed.redis.healthy(WELL).await?;
    Ok(format!("primary {node} killed, back after {GONE:?}"))
}

pub(super) async fn hangs(bed: &Bed, dice: &mut StdRng) -> Result<String> {
    let node = a_primary(bed, dice).await?;
    bed.redis.pause_node(node)?;
    lasts(GONE).await;
    bed.redis.resume_node(node)?;
    bed.redis.healthy(WELL).await?;
    Ok(format!("primary {node} hung for {GONE:?}"))
}

pub(super) async fn failover(bed: &Bed, dice: &mut StdRng) -> Result<String> {
    let primaries = bed.redis.primaries().await?;
    let replicas: Vec<usize> = (0..bed.redis.urls().len())
        .filter(|node| !primaries.contains(node))
        .collect();
    let replica = *replicas
        .get(dice.random_range(0..replicas.len().max(1)))
        .context("no replica")?;
    let mut node = bed.redis.connect(replica).await?;
    run(&mut node, &["CLUSTER", "FAILOVER"]).await?;
    bed.redis.healthy(WELL).await?;
    Ok(format!("replica {replica} took over in order"))
}

/// Moves slots with their keys from one primary to another, as an operator that scales does.
pub(super) async fn slots_move(bed: &Bed, dice: &mut StdRng) -> Result<String> {
    let primaries = bed.redis.primaries().await?;
    let first = dice.random_range(0..SLOTS - SLOTS_MOVED);
    let mut moved = 0;
    for slot in first..first + SLOTS_MOVED {
        let from = owner(bed, slot).await?;
        let to = *primaries
            .iter()
            .find(|node| **node != from)
            .context("no other primary")?;
        move_slot(bed, slot, from, to, &primaries).await?;
        moved += 1;
    }
    bed.redis.healthy(WELL).await?;
    Ok(format!("{moved} slots moved"))
}

pub(super) async fn down(bed: &Bed) -> Result<String> {
    bed.redis.kill_all()?;
    lasts(DOWN).await;
    bed.redis.start_all().await?;
    Ok(format!("all nodes killed, back after {DOWN:?}"))
}

pub(super) async fn flushed(bed: &Bed) -> Result<String> {
    flush_all(bed).await?;
    Ok("all keys gone".to_owned())
}

pub(super) async fn flushed_again_and_again(bed: &Bed) -> Result<String> {
    let rounds = 30;
    for _ in 0..rounds {
        flush_all(bed).await?;
        lasts(Duration::from_millis(500)).await;
    }
    Ok(format!("all keys gone, {rounds} times"))
}

pub(super) async fn resets(bed: &Bed) -> Result<String> {
    for _ in 0..RESETS {
        for node in 0..bed.redis.urls().len() {
            let mut node = bed.redis.connect(node).await?;
            for kind in ["normal", "pubsub"] {
                run(&mut node, &["CLIENT", "KILL", "TYPE", kind]).await?;
            }
        }
        lasts(Duration::from_millis(300)).await;
    }
    Ok(format!("all connections reset, {RESETS} times"))
}

/// One primary stands still too shortly for a failover, so that locks are won with two votes; then
/// another loses its keys. Locks that were filled to three survive that.
pub(super) async fn loses_votes(bed: &Bed, dice: &mut StdRng) -> Result<String> {
    let primaries = bed.redis.primaries().await?;
    let rounds = 3;
    for _ in 0..rounds {
        let first = dice.random_range(0..primaries.len());
        let second = (first + 1) % primaries.len();
        let mut other = bed.redis.connect(primaries[second]).await?;
        bed.redis.pause_node(primaries[first])?;
        lasts(SHORTLY).await;
        bed.redis.resume_node(primaries[first])?;
        lasts(FILLED).await;
        run(&mut other, &["FLUSHALL"]).await?;
        // The locks of this round are over before the next.
        lasts(Duration::from_secs(4)).await;
    }
    Ok(format!(
        "a primary paused, then another's keys lost, {rounds} times"
    ))
}

/// Primaries stand still by turns, each too shortly for a failover. Most locks are then won with two
/// votes, and filled to three a moment later.
pub(super) async fn blinks(bed: &Bed, dice: &mut StdRng) -> Result<String> {
    let mut primaries = bed.redis.primaries().await?;
    primaries.shuffle(dice);
    // By turns: one that stands still again at once gives a lock half a second for its third vote.
    for &node in primaries.iter().cycle().take(BLINKS) {
        bed.redis.pause_node(node)?;
        lasts(SHORTLY).await;
        bed.redis.resume_node(node)?;
        lasts(OPEN).await;
    }
    bed.redis.healthy(WELL).await?;
    Ok(format!("primaries paused by turns, {BLINKS} times"))
}

/// The clock of one primary jumps ahead, then far back, then is right again. Its part of a lock is
/// over too early, then too late; the two others decide.
pub(super) async fn clock_shifted(bed: &Bed, dice: &mut StdRng) -> Result<String> {
    let node = a_primary(bed, dice).await?;
    for seconds in [AHEAD, BEHIND, 0] {
        shift::set(&bed.redis, node, seconds)?;
        lasts(WRONG).await;
    }
    bed.redis.healthy(WELL).await?;
    Ok(format!(
        "clock of primary {node} {AHEAD} s ahead, then {} s behind, {WRONG:?} each",
        -BEHIND
    ))
}

/// The recipe by which a failover loses a lock: the replica hears nothing of it, and takes over.
pub(super) async fn lost_lock(bed: &Bed, dice: &mut StdRng) -> Result<String> {
    let primary = a_primary(bed, dice).await?;
    let mut node = bed.redis.connect(primary).await?;
    let replica = replica_of(bed, primary).await?;
    bed.redis.pause_node(replica)?;
    run(&mut node, &["CLIENT", "KILL", "TYPE", "replica"]).await?;
    lasts(Duration::from_millis(800)).await;
    bed.redis.kill_node(primary)?;
    bed.redis.resume_node(replica)?;
    lasts(GONE).await;
    bed.redis.start_node(primary).await?;
    bed.redis.healthy(WELL).await?;
    Ok(format!(
        "primary {primary} killed while replica {replica} had heard nothing"
    ))
}

async fn flush_all(bed: &Bed) -> Result<()> {
    for node in bed.redis.primaries().await? {
        let mut node = bed.redis.connect(node).await?;
        run(&mut node, &["FLUSHALL"]).await?;
    }
    Ok(())
}

/// The ports of all clients that are connected to a node, this process's own left out.
pub(super) async fn clients(bed: &Bed, node: usize) -> Result<Vec<String>> {
    let mut ports = Vec::new();
    for kind in ["normal", "pubsub"] {
        let listed = text(bed, node, &["CLIENT", "LIST", "TYPE", kind]).await?;
        let others = listed.lines().filter(|line| !line.contains("cmd=client"));
        let words = others.flat_map(|line| line.split(' '));
        let addresses = words.filter_map(|word| word.strip_prefix("addr="));
        ports.extend(addresses.filter_map(|address| Some(address.rsplit_once(':')?.1.to_owned())));
    }
    Ok(ports)
}

/// Some primary.
pub(super) async fn a_primary(bed: &Bed, dice: &mut StdRng) -> Result<usize> {
    let primaries = bed.redis.primaries().await?;
    let found = primaries.get(dice.random_range(0..primaries.len().max(1)));
    found.copied().context("no primary")
}

async fn run(node: &mut MultiplexedConnection, words: &[&str]) -> Result<Value> {
    let mut command = redis::cmd(words[0]);
    for word in &words[1..] {
        command.arg(*word);
    }
    Ok(command.query_async(node).await?)
}

async fn text(bed: &Bed, node: usize, words: &[&str]) -> Result<String> {
    let mut connection = bed.redis.connect(node).await?;
    Ok(redis::from_redis_value(run(&mut connection, words).await?)?)
}

async fn replica_of(bed: &Bed, primary: usize) -> Result<usize> {
    let id = text(bed, primary, &["CLUSTER", "MYID"]).await?;
    let nodes = text(bed, primary, &["CLUSTER", "NODES"]).await?;
    let line = nodes
        .lines()
        .find(|line| line.split(' ').nth(3) == Some(id.as_str()))
        .context("it has no replica")?;
    let address = line.split(' ').nth(1).unwrap_or_default();
    let port = address.split(['@', ':']).nth(1).unwrap_or_default();
    (0..bed.redis.urls().len())
        .find(|node| bed.redis.port(*node).to_string() == port)
        .context("an unknown replica")
}

async fn owner(bed: &Bed, slot: u32) -> Result<usize> {
    for node in bed.redis.primaries().await? {
        let nodes = text(bed, node, &["CLUSTER", "NODES"]).await?;
        let own = nodes
            .lines()
            .find(|line| line.contains("myself"))
            .unwrap_or_default();
        let ranges = own
            .split(' ')
            .skip(8)
            .filter(|range| !range.starts_with('['));
        let holds = |range: &str| {
            let (first, last) = range.split_once('-').unwrap_or((range, range));
            let first: u32 = first.parse().unwrap_or(u32::MAX);
            (first..=last.parse().unwrap_or(0)).contains(&slot)
        };
        if ranges.into_iter().any(holds) {
            return Ok(node);
        }
    }
    anyhow::bail!("nobody has slot {slot}")
}

async fn move_slot(bed: &Bed, slot: u32, from: usize, to: usize, all: &[usize]) -> Result<()> {
    let slot = slot.to_string();
    let (from_id, to_id) = (
        text(bed, from, &["CLUSTER", "MYID"]).await?,
        text(bed, to, &["CLUSTER", "MYID"]).await?,
    );
    text(
        bed,
        to,
        &["CLUSTER", "SETSLOT", &slot, "IMPORTING", &from_id],
    )
    .await?;
    text(
        bed,
        from,
        &["CLUSTER", "SETSLOT", &slot, "MIGRATING", &to_id],
    )
    .await?;
    let mut source = bed.redis.connect(from).await?;
    loop {
        let keys = run(&mut source, &["CLUSTER", "GETKEYSINSLOT", &slot, "100"]).await?;
        let keys: Vec<String> = redis::from_redis_value(keys)?;
        if keys.is_empty() {
            break;
        }
        let port = bed.redis.port(to).to_string();
        let mut words = vec!["MIGRATE", "127.0.0.1", &port, "", "0", "5000", "KEYS"];
        words.extend(keys.iter().map(String::as_str));
        run(&mut source, &words).await?;
    }
    // The new owner first: it must never be nobody's.
    text(bed, to, &["CLUSTER", "SETSLOT", &slot, "NODE", &to_id]).await?;
    for node in all.iter().filter(|node| **node != to) {
        text(bed, *node, &["CLUSTER", "SETSLOT", &slot, "NODE", &to_id]).await?;
    }
    Ok(())
}
