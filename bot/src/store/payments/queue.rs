//! Who works on which payment: claims with an owner and a time, and the way back.

use std::time::Duration;

use chrono::{DateTime, Utc};
use sqlx::{PgConnection, PgPool};
use uuid::Uuid;

use super::{Attempt, AttemptRow};
use crate::store::CLAIM_GRACE;

/// How long a bot may work on one attempt: three calls that time out. After it the attempt is free,
/// though the bot lives.
pub const WORK_LIMIT: Duration = Duration::from_secs(70);

/// An attempt that this bot works on.
#[derive(Debug, Clone, Copy)]
pub struct Claim {
    /// The attempt.
    pub id: Uuid,
    /// The bot.
    pub bot: Uuid,
    /// When it was claimed; with the bot it fences what the claim writes.
    pub at: DateTime<Utc>,
    /// Since when it was due. Another value at the end says that it became due anew.
    pub due: DateTime<Utc>,
    /// Whether another bot had it and left no word: it may have asked Midtrans already.
    pub taken_over: bool,
}

/// Claims due attempts that no living bot works on, the longest due first. `in_hand` are those that
/// this bot works on: others that it owns were claimed by a commit whose answer never came.
pub async fn claim_due(
    connection: &mut PgConnection,
    bot: Uuid,
    limit: i64,
    now: DateTime<Utc>,
    in_hand: &[Uuid],
) -> sqlx::Result<Vec<Claim>> {
    let forgotten_before = now - WORK_LIMIT;
    let lost_before = now - CLAIM_GRACE;
    let rows = sqlx::query!(
        r#"
        WITH due AS (
            SELECT p.id, p.owner IS NOT NULL AS taken_over
            FROM payment_attempt p
            WHERE p.act_at <= $3
              AND (p.owner IS NULL OR p.claimed_at < $4
                   OR (p.owner = $1 AND p.claimed_at < $6 AND p.id <> ALL($5)) OR NOT EXISTS (
                    SELECT 1 FROM bot_instance b WHERE b.id = p.owner AND b.alive_until > now()))
            ORDER BY p.act_at
            LIMIT $2
            FOR UPDATE OF p SKIP LOCKED
        )
        UPDATE payment_attempt p SET owner = $1, claimed_at = $3
        FROM due WHERE p.id = due.id
        RETURNING p.id, p.act_at AS "due!", due.taken_over AS "taken_over!"
        "#,
        bot,
        limit,
        now,
        forgotten_before,
        in_hand,
        lost_before,
    )
    .fetch_all(connection)
    .await?;
    let claims = rows.into_iter().map(|row| Claim {
        id: row.id,
        bot,
        at: now,
        due: row.due,
        taken_over: row.taken_over,
    });
    Ok(claims.collect())
}

/// Reads a claimed attempt and locks it until the commit. `None`: another bot has it by now.
pub async fn reopen(connection: &mut PgConnection, claim: &Claim) -> sqlx::Result<Option<Attempt>> {
    sqlx::query_as!(
        AttemptRow,
        "SELECT * FROM payment_attempt WHERE id = $1 AND owner = $2 AND claimed_at = $3 FOR UPDATE",
        claim.id,
        claim.bot,
        claim.at,
    )
    .fetch_optional(connection)
    .await?
    .map(Attempt::try_from)
    .transpose()
}

/// Saves what was learnt of a claimed attempt and lets go of it. It is due again at its `act_at`
/// (never where that is `None`), or at once if somebody wanted it looked at meanwhile.
pub async fn put_back(
    connection: &mut PgConnection,
    claim: &Claim,
    attempt: &Attempt,
) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE payment_attempt
         SET owner = NULL, claimed_at = NULL, failures = $5,
             act_at = CASE WHEN act_at = $4 THEN $6 ELSE act_at END,
             provider_txn_id = $7, provider_status = $8, fraud_status = $9, instructions = $10,
             hold_until = $11, polls = $12, checked_at = $13
         WHERE id = $1 AND owner = $2 AND claimed_at = $3",
        claim.id,
        claim.bot,
        claim.at,
        claim.due,
        attempt.failures,
        attempt.act_at,
        attempt.provider_txn_id,
        attempt.provider_status,
        attempt.fraud_status,
        attempt.instructions_json()?,
        attempt.hold_until,
        attempt.polls,
        attempt.checked_at,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Lets go of a claimed attempt that could not be worked on: it is due again at `act_at`.
pub async fn give_back(pool: &PgPool, claim: &Claim, act_at: DateTime<Utc>) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE payment_attempt
         SET owner = NULL, claimed_at = NULL, failures = failures + 1, act_at = $4
         WHERE id = $1 AND owner = $2 AND claimed_at = $3",
        claim.id,
        claim.bot,
        claim.at,
        act_at,
    )
    .execute(pool)
    .await?;
    Ok(())
}
