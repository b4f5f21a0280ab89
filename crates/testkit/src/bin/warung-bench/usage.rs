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
        let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
        ticks += parse_ticks(&stat).with_context(|| format!("/proc/{pid}/stat"))?;
    }
    Ok(f64::from(ticks) / TICKS_PER_SECOND)
}

/// Seconds of processor time by who used them.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Shares {
    pub(crate) bots: f64,
    pub(crate) postgres: f64,
    pub(crate) redis: f64,
    /// This process: the sandbox of WhatsApp and the load.
    pub(crate) load: f64,
}

impl Shares {
    /// What everything has used so far.
    pub(crate) fn now(bed: &Bed) -> Result<Self> {
        let postmaster = bed.postgres.pid().context("PostgreSQL is gone")?;
        let mut postgres = children(postmaster)?;
        postgres.push(postmaster);
        let redis: Vec<u32> = (0..bed.redis.urls().len())
            .filter_map(|node| bed.redis.pid(node))
            .collect();
        Ok(Self {
            bots: cpu_seconds(&bed.pids())?,
            postgres: cpu_seconds(&postgres)?,
            redis: cpu_seconds(&redis)?,
            load: cpu_seconds(&[std::process::id()])?,
        })
    }

    /// What was used since `before`, for each thousand of `count`.
    pub(crate) fn per_thousand(self, before: Self, count: u32) -> Self {
        let of = |now: f64, before: f64| (now - before) * 1000.0 / f64::from(count.max(1));
        Self {
            bots: of(self.bots, before.bots),
            postgres: of(self.postgres, before.postgres),
            redis: of(self.redis, before.redis),
            load: of(self.load, before.load),
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
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_whitespace().skip(11);
    let user: u32 = fields.next()?.parse().ok()?;
    let system: u32 = fields.next()?.parse().ok()?;
    Some(user + system)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_found_behind_a_name_with_spaces() {
        let stat = "7 (a (b) c) S 1 7 7 0 -1 4194560 91 0 0 0 120 30 0 0 20 0 5 0 99";
        assert_eq!(parse_ticks(stat), Some(150));
        assert!(resident_mib(std::process::id()).unwrap() > 0.1);
    }
}
