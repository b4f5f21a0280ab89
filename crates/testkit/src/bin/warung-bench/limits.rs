//! What this machine can do at best, measured in the same run with the stores' own tools.

use std::io::{Seek, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde::Serialize;
use warung_testkit::console::say;
use warung_testkit::process::{Program, find};

use crate::bed::Bed;
use crate::fleet;

/// Seconds of each run of pgbench.
const PGBENCH_SECONDS: &str = "4";
const PGBENCH_CLIENTS: &str = "32";
/// Purchases of each client: together fewer than the units of `purchase.sql`.
const BARE_PURCHASES: &str = "250";
const FSYNC_TIME: Duration = Duration::from_secs(1);
const REDIS_REQUESTS: &str = "100000";
const REDIS_CLIENTS: &str = "50";
/// A pause, so that one measurement does not disturb the next.
const REST: Duration = Duration::from_millis(500);

/// The machine's own limits.
#[derive(Debug, Serialize)]
#[expect(
    clippy::struct_field_names,
    reason = "the report is read without these comments: each figure says its unit"
)]
pub(crate) struct Limits {
    /// Inserts of one row a second, each its own transaction, fsync on, 32 clients.
    pub(crate) postgres_inserts_per_second: f64,
    /// Writes of 8 KiB a second, each on the disk before the next: one commit after the other.
    pub(crate) fsyncs_per_second: f64,
    /// The purchase of the ramp as a bare function call, one commit each, 32 clients.
    pub(crate) bare_purchases_per_second: Option<f64>,
    /// `SET` a second over the cluster, 50 clients.
    pub(crate) redis_sets_per_second: f64,
}

/// Measures both stores.
pub(crate) async fn measure(bed: &Bed) -> Result<Limits> {
    let limits = Limits {
        postgres_inserts_per_second: pgbench(bed).await?,
        fsyncs_per_second: fsync(bed.postgres.directory().to_owned()).await?,
        bare_purchases_per_second: None,
        redis_sets_per_second: redis_benchmark(bed).await?,
    };
    say(&format!(
        "this machine: {:.0} durable inserts/s (pgbench, {PGBENCH_CLIENTS} clients), \
         {:.0} fdatasync/s, {:.0} SET/s (redis-benchmark)",
        limits.postgres_inserts_per_second, limits.fsyncs_per_second, limits.redis_sets_per_second,
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
    let tps = run_pgbench(bed, DATABASE, &["--time", PGBENCH_SECONDS], &script).await?;
    bed.postgres.drop_database(DATABASE).await?;
    Ok(tps)
}

/// The purchase as a bare function call on the bots' own tables. It leaves orders there: measure it
/// last.
pub(crate) async fn bare_purchases(bed: &Bed) -> Result<f64> {
    const SQL: &str = include_str!("../../../../../bench/purchase.sql");
    let mut database = bed.postgres.connect(fleet::DATABASE).await?;
    sqlx::raw_sql(SQL).execute(&mut database).await?;
    let (least, most): (i64, i64) = sqlx::query_as(
        "SELECT min(customer_id), max(customer_id) FROM ledger_account WHERE customer_id IS NOT NULL",
    )
    .fetch_one(&mut database)
    .await?;
    let directory = tempfile::tempdir()?;
    let script = directory.path().join("purchase.sql");
    std::fs::write(
        &script,
        format!(
            "\\set buyer random({least}, {most})\n\\set product random(0, 39)\n\
             SELECT bare_purchase(:buyer, 'BARE-' || :product);\n"
        ),
    )?;
    let count = ["--transactions", BARE_PURCHASES];
    let rate = run_pgbench(bed, fleet::DATABASE, &count, &script).await?;
    say(&format!(
        "the same purchase as a bare function call: {rate:.0}/s (pgbench, {PGBENCH_CLIENTS} clients)"
    ));
    Ok(rate)
}

async fn run_pgbench(bed: &Bed, database: &str, length: &[&str], script: &Path) -> Result<f64> {
    let (status, text) = Program::new(bed.postgres.programs().join("pgbench"))
        .args(["--no-vacuum", "--jobs", "2", "--client", PGBENCH_CLIENTS])
        .args(["--protocol", "prepared"])
        .args(length)
        .arg("--file")
        .arg(script)
        .arg(bed.postgres.url(database))
        .run_to_end()
        .await?;
    ensure!(status.success(), "pgbench: {text}");
    parse_tps(&text).with_context(|| format!("no rate in {text}"))
}

/// How often a second the disk of the database takes a page for good.
async fn fsync(directory: PathBuf) -> Result<f64> {
    let measuring = tokio::task::spawn_blocking(move || {
        let mut file = tempfile::tempfile_in(directory)?;
        let begun = Instant::now();
        let mut count = 0;
        while begun.elapsed() < FSYNC_TIME {
            file.rewind()?;
            file.write_all(&[7; 8192])?;
            file.sync_data()?;
            count += 1;
        }
        Ok(f64::from(count) / begun.elapsed().as_secs_f64())
    });
    measuring.await?
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
