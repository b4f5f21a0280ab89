//! What processes take, read from `/proc`.

use std::fs;

use anyhow::{Context, Result};
use serde::Serialize;

use crate::bed::Bed;

/// Clock ticks a second in `/proc/PID/stat`; Linux shows 100 on every architecture.
const TICKS_PER_SECOND: f64 = 100.0;

/// Seconds of processor time that the processes have used so far, system time included.
pub(crate) fn cpu_seconds(pids: &[u32]) -> Result<f64> {
    let mut ticks = 0;
    for pid in pids {
        // One that has just ended is counted by its parent.
        let Ok(stat) = fs::read_to_string(format!("/proc/{pid}/stat")) else {
            continue;
        };
        ticks += parse_ticks(&stat).with_context(|| format!("/proc/{pid}/stat"))?;
    }
    Ok(f64::from(ticks) / TICKS_PER_SECOND)
}

/// As [`cpu_seconds`], of a process and all that it has started, those that have ended included:
/// a server may open a process for each client.
fn cpu_seconds_of_family(parent: u32) -> Result<f64> {
    let stat = fs::read_to_string(format!("/proc/{parent}/stat"))?;
    let ended = parse_ended(&stat).with_context(|| format!("/proc/{parent}/stat"))?;
    let mut pids = children(parent)?;
    pids.push(parent);
    Ok(cpu_seconds(&pids)? + f64::from(ended) / TICKS_PER_SECOND)
}

/// Seconds of processor time by who used them.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Shares {
    /// Whoever serves the shop.
    pub(crate) bots: f64,
    pub(crate) postgres: f64,
    pub(crate) redis: f64,
    /// This process: the sandbox of WhatsApp and the load.
    pub(crate) load: f64,
}

impl Shares {
    /// All but the load.
    pub(crate) fn shop_and_stores(&self) -> f64 {
        self.bots + self.postgres + self.redis
    }

    /// What everything has used so far.
    pub(crate) fn now(bed: &Bed) -> Result<Self> {
        let postmaster = bed.postgres.pid().context("PostgreSQL is gone")?;
        let redis: Vec<u32> = (0..bed.redis.urls().len())
            .filter_map(|node| bed.redis.pid(node))
            .collect();
        Ok(Self {
            bots: cpu_seconds(&bed.pids())?,
            postgres: cpu_seconds_of_family(postmaster)?,
            redis: cpu_seconds(&redis)?,
            load: cpu_seconds(&[std::process::id()])?,
        })
    }

    /// What was used since `before`.
    pub(crate) fn since(self, before: Self) -> Used {
        Used(Self {
            bots: self.bots - before.bots,
            postgres: self.postgres - before.postgres,
            redis: self.redis - before.redis,
            load: self.load - before.load,
        })
    }
}

/// Seconds of processor time of one measurement.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Used(Shares);

impl Used {
    /// For each thousand of `count`.
    pub(crate) fn per_thousand(self, count: f64) -> Shares {
        let each = 1000.0 / count.max(1.0);
        Shares {
            bots: self.0.bots * each,
            postgres: self.0.postgres * each,
            redis: self.0.redis * each,
            load: self.0.load * each,
        }
    }
}

/// The processes that another has started.
fn children(parent: u32) -> Result<Vec<u32>> {
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc")? {
        let name = entry?.file_name();
        let Some(pid) = name.to_str().and_then(|name| name.parse().ok()) else {
            continue;
        };
        // A process that ended meanwhile is nobody's.
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        let of = stat
            .rsplit_once(')')
            .and_then(|(_, rest)| rest.split_whitespace().nth(1));
        if of.and_then(|of| of.parse().ok()) == Some(parent) {
            found.push(pid);
        }
    }
    Ok(found)
}

/// MiB of memory in use.
pub(crate) fn resident_mib(pid: u32) -> Result<f64> {
    status_mib(pid, "VmRSS:")
}

/// MiB of memory in use at the most so far.
pub(crate) fn peak_mib(pid: u32) -> Result<f64> {
    status_mib(pid, "VmHWM:")
}

/// Lets [`peak_mib`] begin anew from what is in use now.
pub(crate) fn forget_peak(pid: u32) -> Result<()> {
    let file = format!("/proc/{pid}/clear_refs");
    // `5` stands for the peak (proc(5)).
    fs::write(&file, "5").with_context(|| file)
}

/// The load averages over 1, 5 and 15 minutes.
pub(crate) fn load_average() -> String {
    let text = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ').take(3).collect::<Vec<_>>().join(" ")
}

fn status_mib(pid: u32, field: &str) -> Result<f64> {
    let text = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = text.lines().find_map(|line| line.strip_prefix(field));
    let kib: u32 = line
        .and_then(|line| line.split_whitespace().next()?.parse().ok())
        .with_context(|| format!("no {field} in /proc/{pid}/status"))?;
    Ok(f64::from(kib) / 1024.0)
}

/// User and system ticks: the 14th and 15th field. The second is a name that may have spaces.
fn parse_ticks(stat: &str) -> Option<u32> {
    two_fields(stat, 11)
}

/// The same of children that have ended and were waited for: the 16th and 17th field.
fn parse_ended(stat: &str) -> Option<u32> {
    two_fields(stat, 13)
}

fn two_fields(stat: &str, behind_the_name: usize) -> Option<u32> {
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_whitespace().skip(behind_the_name);
    let first: u32 = fields.next()?.parse().ok()?;
    let second: u32 = fields.next()?.parse().ok()?;
    Some(first + second)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_found_behind_a_name_with_spaces() {
        let stat = "7 (a (b) c) S 1 7 7 0 -1 4194560 91 0 0 0 120 30 0 0 20 0 5 0 99";
        assert_eq!(parse_ticks(stat), Some(150));
        assert_eq!(parse_ended(stat), Some(0));
        assert!(resident_mib(std::process::id()).unwrap() > 0.1);
    }
}
