//! 1, 2 and 4 bots with a fixed share of a processor each: how much more do they serve?

use anyhow::Result;
use serde::Serialize;
use warung_testkit::console::say;

use crate::bed::Bed;
use crate::browse;
use crate::mix::{self, Rate};
use crate::quota::Quota;

/// The name by which it is chosen; it is not part of the default run.
pub(crate) const NAME: &str = "scaling";
/// Hundredths of a processor that each bot may use: so few that four bots, the stores and the load
/// fit on two.
const SHARE_PERCENT: u32 = 8;
const FLEETS: [usize; 3] = [1, 2, 4];
/// The first rate tried, for each bot; every further one is a sixth higher.
const FIRST_PER_BOT: u32 = 20;
const STEPS: usize = 18;
/// A rate must fail twice: another process of the machine may have spoilt the first try.
const TRIES: usize = 2;
/// What 2 and 4 bots must do of what one does.
const BARS: [f64; 3] = [1.0, 1.9, 3.6];

/// What a number of bots serves.
#[derive(Debug, Serialize)]
pub(crate) struct Scale {
    pub(crate) bots: usize,
    pub(crate) share_percent: u32,
    /// Messages a second of the mix with p99 ≤ 250 ms.
    pub(crate) per_second: u32,
    /// Of what one bot serves.
    pub(crate) times: f64,
    pub(crate) met: bool,
    pub(crate) rates: Vec<Rate>,
}

/// Measures each fleet.
pub(crate) async fn run(bed: &mut Bed) -> Result<Vec<Scale>> {
    let mut scales: Vec<Scale> = Vec::new();
    for (bots, bar) in FLEETS.into_iter().zip(BARS) {
        bed.serve(bots).await?;
        browse::warm_up(bed).await?;
        let confined = bed
            .pids()
            .into_iter()
            .enumerate()
            .map(|(index, pid)| Quota::confine(pid, SHARE_PERCENT, &format!("{bots}-{index}")));
        let quotas: Vec<Quota> = confined.collect::<Result<_>>()?;
        say(&format!(
            "{bots} with {SHARE_PERCENT} % of a processor each"
        ));
        let rates = climb(bed, u32::try_from(bots)?).await?;
        bed.fleet.stop().await;
        drop(quotas);
        let per_second = mix::highest(&rates);
        let one = scales.first().map_or(per_second, |one| one.per_second);
        let times = f64::from(per_second) / f64::from(one.max(1));
        say(&format!(
            "  {} {bots}: {per_second}/s, {times:.2}× of one (≥ {bar})",
            if times >= bar { "✓" } else { "✗" }
        ));
        scales.push(Scale {
            bots,
            share_percent: SHARE_PERCENT,
            per_second,
            times,
            met: times >= bar,
            rates,
        });
    }
    bed.serve(crate::fleet::PROCESSES).await?;
    Ok(scales)
}

async fn climb(bed: &Bed, bots: u32) -> Result<Vec<Rate>> {
    let mut rates = Vec::new();
    let mut per_second = FIRST_PER_BOT * bots;
    for _ in 0..STEPS {
        let mut held = false;
        for _ in 0..TRIES {
            let rate = mix::step(bed, per_second).await?;
            say(&rate.to_string());
            held = rate.held;
            rates.push(rate);
            if held {
                break;
            }
        }
        if !held {
            break;
        }
        per_second = (per_second * 7).div_ceil(6);
    }
    Ok(rates)
}
