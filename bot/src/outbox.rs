//! The outbox: what must be sent, written in the same commit as the effects it tells of.
//!
//! A row is `pending` until a bot claims it (`sending`, a commit of its own), calls WhatsApp and
//! marks it `sent`, `unknown` (the answer was lost: a status will tell), `pending` again, or `dead`.
//! A customer's rows leave one after another (invariant 9); a reply may repeat after a crash,
//! an effect never.

use std::time::Instant;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use sqlx::{PgConnection, PgPool};
use uuid::Uuid;
use warung_domain::conversation::Command;
use warung_whatsapp::{message::Recipient, reply::Reply};

use crate::{store::CLAIM_GRACE, vault::Vault};

/// Sends after which a row is dead.
pub const MAX_ATTEMPTS: i32 = 12;
/// How long a lost answer is waited for before the message is sent once more (the statuses of
/// a message that did arrive come within seconds).
pub const UNKNOWN_WAIT: TimeDelta = TimeDelta::seconds(60);

/// What sealed bodies are sealed for.
pub const SEAL_PURPOSE: &str = "outbox";

/// What leaves first when a number is at its limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
#[repr(i16)]
pub enum Priority {
    /// How to pay.
    Money = 0,
    /// That it was paid, and the goods.
    Receipt = 1,
    /// Everything said in conversation.
    #[default]
    Chat = 2,
    /// What nobody asked for.
    Marketing = 3,
}

/// A message and whom it is for, as stored.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Body {
    /// Who receives it.
    pub recipient: Recipient,
    /// What they see.
    pub reply: Reply,
    /// The text of a QR code that becomes the header's picture when it is sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub qr: Option<String>,
    /// What a reply that quotes this message is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub about: Option<Command>,
}

/// A message on its way into the outbox.
#[derive(Debug, Clone)]
pub struct NewParcel {
    /// Whose it is.
    pub customer_id: i64,
    /// Its rank.
    pub priority: Priority,
    /// The body as JSON; exactly one of this and `sealed`.
    pub payload: Option<serde_json::Value>,
    /// The body as JSON, sealed, because it holds a secret.
    pub sealed: Option<Vec<u8>>,
    /// Sent once however often it is pushed, where given.
    pub dedupe_key: Option<String>,
    /// The message it answers.
    pub inbox_id: Option<i64>,
    /// W3C trace context.
    pub trace: Option<String>,
}

/// A message that this bot has claimed and must send.
#[derive(Debug, Clone)]
pub struct Parcel {
    /// Row id; also what WhatsApp returns in statuses (`biz_opaque_callback_data`).
    pub id: i64,
    /// Whose it is.
    pub customer_id: i64,
    /// The body as JSON.
    pub payload: Option<serde_json::Value>,
    /// The sealed body.
    pub sealed: Option<Vec<u8>>,
    /// Sends begun, this one included.
    pub attempts: i32,
    /// W3C trace context.
    pub trace: Option<String>,
    /// When the message it answers came in.
    pub received_at: Option<DateTime<Utc>>,
    /// When this bot claimed it.
    pub claimed_at: Instant,
}

/// Appends a message; one with a `dedupe_key` already known is dropped.
pub async fn push(
    connection: &mut PgConnection,
    parcel: &NewParcel,
    now: DateTime<Utc>,
) -> sqlx::Result<()> {
    sqlx::query!(
        "INSERT INTO outbox (customer_id, priority, payload, sealed, dedupe_key, inbox_id, trace,
                             run_at, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8)
         ON CONFLICT (dedupe_key) DO NOTHING",
        parcel.customer_id,
        parcel.priority as i16,
        parcel.payload,
        parcel.sealed.as_deref(),
        parcel.dedupe_key,
        parcel.inbox_id,
        parcel.trace,
        now,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Claims up to `limit` due messages, each the oldest unsent one of its customer.
pub async fn claim(
    connection: &mut PgConnection,
    bot: Uuid,
    limit: i64,
    now: DateTime<Utc>,
) -> sqlx::Result<Vec<Parcel>> {
    let rows = sqlx::query!(
        r#"
        WITH due AS (
            SELECT o.id
            FROM outbox o
            WHERE o.state = 'pending' AND o.topic = 'whatsapp' AND o.run_at <= $3
              -- A subquery that cannot become a join: one index lookup a row, whatever the
              -- statistics believe about the length of the queue.
              AND o.id = (SELECT min(unsent.id) FROM outbox unsent
                          WHERE unsent.customer_id = o.customer_id
                            AND unsent.state IN ('pending', 'sending'))
            ORDER BY o.priority, o.id
            LIMIT $2
            FOR UPDATE OF o SKIP LOCKED
        )
        UPDATE outbox o
        SET state = 'sending', owner = $1, attempts = o.attempts + 1, run_at = $3
        FROM due
        WHERE o.id = due.id
        RETURNING o.id, o.customer_id AS "customer_id!", o.payload, o.sealed, o.attempts, o.trace,
                  (SELECT received_at FROM inbox WHERE inbox.id = o.inbox_id) AS received_at
        "#,
        bot,
        limit,
        now,
    )
    .fetch_all(connection)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| Parcel {
            id: row.id,
            customer_id: row.customer_id,
            payload: row.payload,
            sealed: row.sealed,
            attempts: row.attempts,
            trace: row.trace,
            received_at: row.received_at,
            claimed_at: Instant::now(),
        })
        .collect())
}

/// How a send ended.
#[derive(Debug, Clone)]
pub enum Outcome {
    /// WhatsApp accepted it under this wamid.
    Sent(String),
    /// Not now: again at this time. The reason is kept.
    Retry(DateTime<Utc>, String),
    /// Not now, and nothing was sent: again at this time, and it counts as no attempt.
    Paced(DateTime<Utc>, Option<String>),
    /// Perhaps it was sent: the answer was lost.
    Unknown(String),
    /// It will never be sent.
    Dead(String),
}

/// A finished send.
#[derive(Debug, Clone)]
pub struct Mark {
    /// The row.
    pub id: i64,
    /// Which attempt it was: an older one ends nothing.
    pub attempt: i32,
    /// How it ended.
    pub outcome: Outcome,
}

/// Records a batch of finished sends. Rows that another bot has taken over stay as they are.
/// Returns whether more waits for any of the same customers.
pub async fn mark(
    connection: &mut PgConnection,
    bot: Uuid,
    marks: &[Mark],
    now: DateTime<Utc>,
) -> sqlx::Result<bool> {
    let mut rows = MarkRows::default();
    for mark in marks {
        rows.push(mark, now);
    }
    sqlx::query_scalar!(
        r#"
        WITH mine AS (
            SELECT o.id, o.customer_id, m.state, m.wamid, m.run_at, m.error, m.begun
            FROM UNNEST($2::bigint[], $3::text[], $4::text[], $5::timestamptz[], $6::text[],
                        $7::int[], $9::int[])
                AS m (id, state, wamid, run_at, error, begun, attempt)
            JOIN outbox o ON o.id = m.id
            WHERE o.owner = $1 AND o.state = 'sending' AND o.attempts = m.attempt
            ORDER BY o.id
            FOR UPDATE OF o
        ), marked AS (
            UPDATE outbox o
            -- A status may have told already what became of it.
            SET state = CASE WHEN o.delivery IS NOT NULL AND mine.state IN ('unknown', 'pending')
                        THEN 'sent' ELSE mine.state END,
                owner = NULL, wamid = coalesce(mine.wamid, o.wamid),
                run_at = mine.run_at, error = mine.error, attempts = o.attempts - 1 + mine.begun,
                unknowns = o.unknowns + (mine.state = 'unknown')::int::smallint,
                sent_at = CASE WHEN mine.state = 'sent' THEN $8 ELSE o.sent_at END
            FROM mine
            WHERE o.id = mine.id
        )
        SELECT EXISTS (
            SELECT 1 FROM mine JOIN outbox waiting USING (customer_id)
            WHERE waiting.state = 'pending' AND waiting.run_at <= $8) AS "more!"
        "#,
        bot,
        &rows.ids,
        &rows.states as &[&str],
        &rows.wamids as &[Option<&str>],
        &rows.run_at,
        &rows.errors as &[Option<&str>],
        &rows.begun,
        now,
        &rows.attempts,
    )
    .fetch_one(connection)
    .await
}

#[derive(Default)]
struct MarkRows<'a> {
    ids: Vec<i64>,
    states: Vec<&'a str>,
    wamids: Vec<Option<&'a str>>,
    run_at: Vec<DateTime<Utc>>,
    errors: Vec<Option<&'a str>>,
    begun: Vec<i32>,
    attempts: Vec<i32>,
}

impl<'a> MarkRows<'a> {
    fn push(&mut self, mark: &'a Mark, now: DateTime<Utc>) {
        let (state, wamid, run_at, error, begun) = match &mark.outcome {
            Outcome::Sent(wamid) => ("sent", Some(&**wamid), now, None, 1),
            Outcome::Retry(at, error) => ("pending", None, *at, Some(&**error), 1),
            Outcome::Paced(at, error) => ("pending", None, *at, error.as_deref(), 0),
            Outcome::Unknown(error) => ("unknown", None, now + UNKNOWN_WAIT, Some(&**error), 1),
            Outcome::Dead(error) => ("dead", None, now, Some(&**error), 1),
        };
        self.ids.push(mark.id);
        self.states.push(state);
        self.wamids.push(wamid);
        self.run_at.push(run_at);
        self.errors.push(error);
        self.begun.push(begun);
        self.attempts.push(mark.attempt);
    }
}

/// Sends that nobody works on become pending again: those of dead bots, and those that this bot
/// owns but does not have in hand (the answer to their claim was lost; no claim that began before
/// them is still on its way). One of which a status has already told is sent.
pub async fn recover(
    connection: &mut PgConnection,
    bot: Uuid,
    in_hand: &[i64],
    coming_since: Option<DateTime<Utc>>,
    now: DateTime<Utc>,
) -> sqlx::Result<u64> {
    let lost_before = (now - CLAIM_GRACE).min(coming_since.unwrap_or(now));
    sqlx::query!(
        "UPDATE outbox o
         SET state = CASE WHEN o.delivery IS NULL THEN 'pending' ELSE 'sent' END,
             owner = NULL, run_at = $3
         WHERE o.state = 'sending'
           AND CASE WHEN o.owner = $1 THEN o.id <> ALL($2) AND o.run_at < $4
                    ELSE NOT EXISTS (SELECT FROM bot_instance b
                                     WHERE b.id = o.owner AND b.alive_until > now()) END",
        bot,
        in_hand,
        now,
        lost_before,
    )
    .execute(connection)
    .await
    .map(|done| done.rows_affected())
}

/// Unknown sends of which no status came in time: once more if nothing secret is in them, else
/// dead, for a person to look at.
pub async fn settle_overdue_unknown(
    connection: &mut PgConnection,
    now: DateTime<Utc>,
) -> sqlx::Result<u64> {
    sqlx::query!(
        "UPDATE outbox
         SET state = CASE WHEN sealed IS NULL AND unknowns < 2 THEN 'pending' ELSE 'dead' END,
             error = coalesce(error, '') || '; no status came'
         WHERE state = 'unknown' AND run_at <= $1",
        now,
    )
    .execute(connection)
    .await
    .map(|done| done.rows_affected())
}

/// A status that WhatsApp sent of one of our messages.
#[derive(Debug, Clone)]
pub struct StatusReport {
    /// The row, from `biz_opaque_callback_data`.
    pub id: Option<i64>,
    /// The message.
    pub wamid: String,
    /// `sent`, `delivered`, `read`, `played` or `failed`.
    pub delivery: String,
    /// Whether Meta bills it.
    pub billable: Option<bool>,
    /// Why it failed: Meta's code.
    pub code: Option<i64>,
}

/// Applies a batch of statuses along the lattice sent < failed < delivered < read < played, in any
/// order and any number of times. One status settles an `unknown` send.
///
/// Nearly every report names its row. One that does not has it found by a subquery that cannot
/// become a join: planned while the outbox was young, the join read every row with a wamid for each
/// batch, whether any report needed it or not.
pub async fn apply_statuses(
    connection: &mut PgConnection,
    reports: &[&StatusReport],
    now: DateTime<Utc>,
) -> sqlx::Result<()> {
    let ids: Vec<Option<i64>> = reports.iter().map(|report| report.id).collect();
    let wamids: Vec<&str> = reports.iter().map(|report| &*report.wamid).collect();
    let deliveries: Vec<&str> = reports.iter().map(|report| &*report.delivery).collect();
    let billable: Vec<Option<bool>> = reports.iter().map(|report| report.billable).collect();
    let codes: Vec<Option<i64>> = reports.iter().map(|report| report.code).collect();
    sqlx::query!(
        r#"
        WITH report AS (
            SELECT coalesce(r.id, (SELECT o.id FROM outbox o WHERE o.wamid = r.wamid)) AS id,
                   r.wamid, r.billable, r.code,
                   array_position(ARRAY['sent', 'failed', 'delivered', 'read', 'played'], r.delivery)
                       AS rank
            FROM UNNEST($1::bigint[], $2::text[], $3::text[], $4::boolean[],
                        $6::bigint[]) AS r (id, wamid, delivery, billable, code)
        ), best AS (
            SELECT id, max(rank) AS rank, max(wamid) AS wamid, bool_or(billable) AS billable,
                   max(code) AS code
            FROM report
            GROUP BY id
        ), locked AS (
            SELECT o.id, best.rank, best.wamid, best.billable, best.code
            FROM best JOIN outbox o USING (id)
            ORDER BY o.id
            FOR UPDATE OF o
        )
        UPDATE outbox o
        SET delivery = (ARRAY['sent', 'failed', 'delivered', 'read', 'played'])[greatest(locked.rank,
                array_position(ARRAY['sent', 'failed', 'delivered', 'read', 'played'], o.delivery))],
            billable = coalesce(o.billable, locked.billable),
            wamid = coalesce(o.wamid, locked.wamid),
            state = CASE WHEN o.state IN ('unknown', 'pending') THEN 'sent' ELSE o.state END,
            error = CASE WHEN locked.code IS NULL THEN o.error
                    ELSE 'failed after it was sent: ' || locked.code END,
            sent_at = coalesce(o.sent_at, $5)
        FROM locked
        WHERE o.id = locked.id
        "#,
        &ids as &[Option<i64>],
        &wamids as &[&str],
        &deliveries as &[&str],
        &billable as &[Option<bool>],
        now,
        &codes as &[Option<i64>],
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// What the message with this wamid was about, if a reply that quotes it can mean anything.
pub async fn about(
    connection: &mut PgConnection,
    vault: &Vault,
    customer: i64,
    wamid: &str,
) -> sqlx::Result<Option<Command>> {
    let row = sqlx::query!(
        r#"SELECT payload -> 'about' AS about, sealed FROM outbox
           WHERE wamid = $1 AND customer_id = $2"#,
        wamid,
        customer,
    )
    .fetch_optional(connection)
    .await?;
    Ok(row.and_then(|row| match row.sealed {
        None => serde_json::from_value(row.about?).ok(),
        Some(sealed) => {
            let body = vault.open(SEAL_PURPOSE, &sealed).ok()?;
            serde_json::from_str::<Body>(&body).ok()?.about
        }
    }))
}

/// A version of the catalogue that caches must not fall behind.
#[derive(Debug, Clone, Copy)]
pub struct Invalidation {
    /// The row.
    pub id: i64,
    /// The version.
    pub version: i64,
}

/// Invalidations not yet told to the fleet, oldest first.
pub async fn invalidations(
    connection: &mut PgConnection,
    now: DateTime<Utc>,
    limit: i64,
) -> sqlx::Result<Vec<Invalidation>> {
    sqlx::query_as!(
        Invalidation,
        r#"SELECT id, (payload ->> 'version')::bigint AS "version!" FROM outbox
           WHERE topic = 'invalidate' AND state = 'pending' AND run_at <= $1
           ORDER BY id LIMIT $2"#,
        now,
        limit,
    )
    .fetch_all(connection)
    .await
}

/// Told: the rows have done their work.
pub async fn invalidated(pool: &PgPool, ids: &[i64], now: DateTime<Utc>) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE outbox SET state = 'sent', sent_at = $2 WHERE id = ANY($1) AND state = 'pending'",
        ids,
        now,
    )
    .execute(pool)
    .await?;
    Ok(())
}
