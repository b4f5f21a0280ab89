//! What this machine can do at best, measured in the same run with the stores' own tools.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde::Serialize;
use warung_testkit::process::{Program, find};

use crate::bed::Bed;
use crate::report::say;

/// Seconds of each run of pgbench.
const PGBENCH_SECONDS: &str = "4";
const PGBENCH_CLIENTS: &str = "32";
const REDIS_REQUESTS: &str = "100000";
const REDIS_CLIENTS: &str = "50";
/// A pause, so that one measurement does not disturb the next.
const REST: Duration = Duration::from_millis(500);

/// The machine's own limits.
#[derive(Debug, Serialize)]
pub(crate) struct Limits {
    /// Inserts of one row a second, each its own transaction, fsync on, 32 clients.
    pub(crate) postgres_inserts_per_second: f64,
    /// `SET` a second over the cluster, 50 clients.
    pub(crate) redis_sets_per_second: f64,
}

/// Measures both stores.
pub(crate) async fn measure(bed: &Bed) -> Result<Limits> {
    let limits = Limits {
        postgres_inserts_per_second: pgbench(bed).await?,
        redis_sets_per_second: redis_benchmark(bed).await?,
    };
    say(&format!(
        "this machine: {:.0} durable inserts/s (pgbench, {PGBENCH_CLIENTS} clients), \
         {:.0} SET/s (redis-benchmark)",
        limits.postgres_inserts_per_second, limits.redis_sets_per_second,
    ));
    tokio::time::sleep(REST).await;
    Ok(limits)
}

async fn pgbench(bed: &Bed) -> Result<f64> {
    const DATABASE: &str = "limits";
    bed.postgres.create_database(DATABASE).await?;
    let mut connection = bed.postgres.connect(DATABASE).await?;
    sqlx::query("CREATE TABLE line (id bigserial PRIMARY KEY, body text NOT NULL)")
        .execute(&mut connection)
        .await?;
    let directory = tempfile::tempdir()?;
    let script = directory.path().join("insert.sql");
    std::fs::write(
        &script,
        format!("INSERT INTO line (body) VALUES ('{}');\n", "x".repeat(300)),
    )?;
    let (status, text) = Program::new(bed.postgres.programs().join("pgbench"))
        .args(["--no-vacuum", "--jobs", "2", "--client", PGBENCH_CLIENTS])
        .args([
            "--time",
            PGBENCH_SECONDS,
            "--protocol",
            "prepared",
            "--file",
        ])
        .arg(&script)
        .arg(bed.postgres.url(DATABASE))
        .run_to_end()
        .await?;
    ensure!(status.success(), "pgbench: {text}");
    bed.postgres.drop_database(DATABASE).await?;
    parse_tps(&text).with_context(|| format!("no rate in {text}"))
}

async fn redis_benchmark(bed: &Bed) -> Result<f64> {
    let program = find("redis-benchmark", &[]).context("redis-benchmark not found")?;
    let port = bed.redis.port(0).to_string();
    let (status, text) = Program::new(program)
        .args([
            "-p",
            &port,
            "--cluster",
            "-t",
            "set",
            "-d",
            "100",
            "-r",
            "100000",
        ])
        .args(["-n", REDIS_REQUESTS, "-c", REDIS_CLIENTS, "--csv"])
        .run_to_end()
        .await?;
    ensure!(status.success(), "redis-benchmark: {text}");
    parse_sets(&text).with_context(|| format!("no rate in {text}"))
}

fn parse_tps(text: &str) -> Option<f64> {
    let line = text.lines().find_map(|line| line.strip_prefix("tps = "))?;
    line.split(' ').next()?.parse().ok()
}

fn parse_sets(text: &str) -> Option<f64> {
    let line = text.lines().find(|line| line.starts_with("\"SET\""))?;
    line.split(',').nth(1)?.trim_matches('"').parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rates_are_read() {
        let text = "latency average = 8.1 ms\ntps = 3549.123 (without initial connection time)\n";
        assert_eq!(parse_tps(text), Some(3549.123));
        let text = "\"test\",\"rps\"\n\"SET\",\"57736.72\",\"0.5\"\n";
        assert_eq!(parse_sets(text), Some(57_736.72));
    }
}
