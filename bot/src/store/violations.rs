//! Violations of invariants that stand, as the auditor last found them.

use chrono::{DateTime, Utc};
use sqlx::PgPool;

/// A violation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// Which rule.
    pub rule: &'static str,
    /// What it is about.
    pub subject: String,
    /// What is wrong.
    pub detail: String,
}

/// What changed since the last look.
#[derive(Debug, Default)]
pub struct Changes {
    /// Rule and subject of violations that were not known.
    pub found: Vec<(String, String)>,
    /// Rule and subject of those that do not stand any more.
    pub cleared: Vec<(String, String)>,
}

/// Rules that have a violation on record.
pub async fn broken_rules(pool: &PgPool) -> sqlx::Result<Vec<String>> {
    sqlx::query_scalar!("SELECT DISTINCT rule FROM invariant_violation")
        .fetch_all(pool)
        .await
}

/// How many violations are on record.
pub async fn open(pool: &PgPool) -> sqlx::Result<i64> {
    sqlx::query_scalar!(r#"SELECT count(*) AS "open!" FROM invariant_violation"#)
        .fetch_one(pool)
        .await
}

/// Makes the record say what stands now.
pub async fn record(
    pool: &PgPool,
    standing: &[Violation],
    now: DateTime<Utc>,
) -> sqlx::Result<Changes> {
    let rules: Vec<&str> = standing.iter().map(|violation| violation.rule).collect();
    let subjects: Vec<&str> = standing.iter().map(|found| &*found.subject).collect();
    let details: Vec<&str> = standing.iter().map(|found| &*found.detail).collect();
    let mut tx = super::begin(pool).await?;
    let cleared = sqlx::query!(
        "DELETE FROM invariant_violation v
         WHERE NOT EXISTS (
            SELECT FROM UNNEST($1::text[], $2::text[]) AS s (rule, subject)
            WHERE s.rule = v.rule AND s.subject = v.subject)
         RETURNING rule, subject",
        &rules as &[&str],
        &subjects as &[&str],
    )
    .fetch_all(&mut *tx)
    .await?;
    let found = sqlx::query!(
        r#"
        INSERT INTO invariant_violation AS v (rule, subject, detail, found_at)
        SELECT DISTINCT ON (s.rule, s.subject) s.rule, s.subject, s.detail, $4
        FROM UNNEST($1::text[], $2::text[], $3::text[]) AS s (rule, subject, detail)
        ON CONFLICT (rule, subject) DO UPDATE SET detail = excluded.detail
        RETURNING v.rule, v.subject, v.found_at = $4 AS "is_new!"
        "#,
        &rules as &[&str],
        &subjects as &[&str],
        &details as &[&str],
        now,
    )
    .fetch_all(&mut *tx)
    .await?;
    tx.commit().await?;
    Ok(Changes {
        found: found
            .into_iter()
            .filter(|row| row.is_new)
            .map(|row| (row.rule, row.subject))
            .collect(),
        cleared: cleared
            .into_iter()
            .map(|row| (row.rule, row.subject))
            .collect(),
    })
}
