//! Bots die, stand still and are replaced.

use std::time::{Duration, Instant};

use anyhow::Result;
use rand::RngExt;
use rand::rngs::StdRng;

use super::lasts;
use crate::bed::Bed;
use crate::fleet::BOTS;

/// How long somebody may take to reach a point.
const REACH_LIMIT: Duration = Duration::from_secs(6);
const REACH_LOOK: Duration = Duration::from_millis(20);
/// Longer than a lock lives (10 s).
const FROZEN: Duration = Duration::from_secs(11);

pub(super) fn killed(bed: &Bed, dice: &mut StdRng) -> Result<String> {
    let bot = dice.random_range(0..BOTS);
    bed.fleet.kill(bot)?;
    Ok(format!("bot {} killed", bot + 1))
}

pub(super) async fn crashes(bed: &Bed, dice: &mut StdRng, point: &str) -> Result<String> {
    let bot = dice.random_range(0..BOTS);
    bed.fleet.arm(bot, "kill", point)?;
    if reached(bed, bot, "kill", point).await {
        Ok(format!("bot {} killed there", bot + 1))
    } else {
        Ok("not reached".to_owned())
    }
}

pub(super) async fn frozen(bed: &Bed, dice: &mut StdRng) -> Result<String> {
    let bot = dice.random_range(0..BOTS);
    bed.fleet.freeze(bot)?;
    lasts(FROZEN).await;
    bed.fleet.thaw(bot)?;
    Ok(format!("bot {} frozen for {FROZEN:?}", bot + 1))
}

/// A bot stands still between its lock and its commit for longer than the lock lives.
pub(super) async fn frozen_with_lock(bed: &Bed, dice: &mut StdRng) -> Result<String> {
    let bot = dice.random_range(0..BOTS);
    bed.fleet.arm(bot, "stop", "lock.held")?;
    if !reached(bed, bot, "stop", "lock.held").await {
        return Ok("not reached".to_owned());
    }
    lasts(FROZEN).await;
    bed.fleet.thaw(bot)?;
    Ok(format!("bot {} frozen with a lock for {FROZEN:?}", bot + 1))
}

pub(super) async fn rolling_restart(bed: &Bed) -> Result<String> {
    let begun = Instant::now();
    for bot in 0..BOTS {
        bed.fleet.roll(bot).await?;
    }
    Ok(format!(
        "{BOTS} bots replaced in {:.1} s",
        begun.elapsed().as_secs_f64()
    ))
}

async fn reached(bed: &Bed, bot: usize, word: &str, point: &str) -> bool {
    let until = Instant::now() + REACH_LIMIT;
    while Instant::now() < until {
        if bed.fleet.is_struck(bot, word, point) {
            return true;
        }
        tokio::time::sleep(REACH_LOOK).await;
    }
    !bed.fleet.disarm(bot, word, point)
}
