//! Which statements PostgreSQL's time goes into, by its own `pg_stat_statements`.

use anyhow::Result;
use sqlx::Row;
use warung_testkit::console::say;

use crate::bed::Bed;

/// Statements told of each scenario.
const TOLD: i64 = 40;
/// Characters told of each.
const WIDTH: usize = 110;

/// What PostgreSQL must be started with.
pub(crate) fn settings() -> Vec<String> {
    vec![
        "shared_preload_libraries=pg_stat_statements".to_owned(),
        "pg_stat_statements.track_planning=on".to_owned(),
    ]
}

/// Counts from here.
pub(crate) async fn begin(bed: &Bed, wanted: bool) -> Result<()> {
    if wanted {
        let mut database = bed.database().await?;
        sqlx::raw_sql(
            "CREATE EXTENSION IF NOT EXISTS pg_stat_statements; SELECT pg_stat_statements_reset()",
        )
        .execute(&mut database)
        .await?;
    }
    Ok(())
}

/// Prints what was dearest since the last time, and counts anew.
pub(crate) async fn tell(bed: &Bed, wanted: bool) -> Result<()> {
    if !wanted {
        return Ok(());
    }
    let mut database = bed.database().await?;
    let rows = sqlx::query(
        "SELECT calls, plans, total_exec_time AS ms, total_plan_time AS plan_ms,
                (shared_blks_hit + shared_blks_read)::float8 / greatest(calls, 1) AS pages,
                (wal_bytes / greatest(calls, 1))::float8 AS wal,
                regexp_replace(query, '\\s+', ' ', 'g') AS query
         FROM pg_stat_statements ORDER BY total_exec_time + total_plan_time DESC LIMIT $1",
    )
    .bind(TOLD)
    .fetch_all(&mut database)
    .await?;
    say("      calls   plans  exec ms  plan ms  us/call  pages/call  WAL bytes/call");
    for row in rows {
        let (calls, plans): (i64, i64) = (row.try_get("calls")?, row.try_get("plans")?);
        let (ms, plan_ms): (f64, f64) = (row.try_get("ms")?, row.try_get("plan_ms")?);
        #[expect(clippy::cast_precision_loss, reason = "a count of calls")]
        let each = ms * 1_000.0 / calls as f64;
        let pages: f64 = row.try_get("pages")?;
        let wal: f64 = row.try_get("wal")?;
        let query: String = row.try_get("query")?;
        let query: String = query.trim().chars().take(WIDTH).collect();
        say(&format!(
            "    {calls:>7} {plans:>7} {ms:>8.0} {plan_ms:>8.0} {each:>8.0} {pages:>11.1} {wal:>15.0}  {query}"
        ));
    }
    begin(bed, true).await
}
