//! What a bot built for `make chaos` does beside its work: competitors for a few locks, whose
//! history is checked afterwards, and what takes the place of guards that are taken out.

use std::time::Duration;

use anyhow::Result;
use chrono::{DateTime, Utc};
use sqlx::{PgConnection, Row};
use warung_coordination::LockError;
use warung_faultpoints::{monotonic_ns, note, operation};
use warung_midtrans::transaction::TransactionStatus;

use crate::{
    app::App,
    outbox::Parcel,
    store::{
        self, fences,
        payments::Attempt,
        stock::{Short, Taking},
    },
};

/// Competitors in each bot, and the locks that all of them want.
const COMPETITORS: u64 = 3;
const RESOURCES: u64 = 4;
/// Life of their locks.
const LOCK_TTL: Duration = Duration::from_secs(10);
/// Longest time between taking a lock and the commit, and between two goes.
const HOLD_MS: std::ops::Range<u64> = 20..4_000;
const REST_MS: std::ops::Range<u64> = 20..400;
/// The action under which they lock.
const ACTION: &str = "chaos";

/// Starts the competitors. They follow the protocol of a purchase to the letter: lock, token, fence,
/// commit.
pub fn start(app: &App) {
    for _ in 0..COMPETITORS {
        tokio::spawn(compete(app.clone()));
    }
}

async fn compete(app: App) {
    while !app.stop.is_cancelled() {
        let subject = rand::random_range(0..RESOURCES).to_string();
        if let Err(error) = go(&app, &subject).await {
            tracing::debug!(error = format!("{error:#}"), "a competitor's go failed");
        }
        pause(REST_MS).await;
    }
}

async fn pause(range: std::ops::Range<u64>) {
    tokio::time::sleep(Duration::from_millis(rand::random_range(range))).await;
}

/// One go. Every line of the history is `<operation> <what> <resource> …`.
async fn go(app: &App, subject: &str) -> Result<()> {
    let resource = format!("{subject}:{ACTION}");
    let taking = operation();
    note(&format!("{taking} lock? {resource}"));
    let lock = match app
        .coordination
        .acquire_lock(subject, ACTION, LOCK_TTL)
        .await
    {
        Ok(lock) => lock,
        Err(LockError::Contended { .. } | LockError::Unavailable) => return Ok(()),
    };
    let until = monotonic_ns() + u64::try_from(lock.valid_for().as_nanos())?;
    note(&format!(
        "{taking} lock {resource} {until} {}",
        lock.votes()
    ));
    crash_point!("lock.won");
    let drawing = operation();
    note(&format!("{drawing} token? {resource}"));
    let token = match app.at_hand.lend().await {
        Ok(mut connection) => fences::token(&mut connection).await,
        Err(error) => Err(error),
    };
    if let Ok(token) = token {
        note(&format!("{drawing} token {resource} {token}"));
        pause(HOLD_MS).await;
        crash_point!("lock.held");
        let writing = operation();
        note(&format!("{writing} write? {resource} {token}"));
        match write(app, &resource, token).await {
            Ok(Some(before)) => note(&format!("{writing} write {resource} {token} {before}")),
            Ok(None) => note(&format!("{writing} fenced {resource} {token}")),
            // Perhaps it was committed, perhaps not: the operation stays open.
            Err(error) => tracing::debug!(%error, "a competitor's write has no outcome"),
        }
    }
    note(&format!("{taking} free? {resource} {}", lock.votes()));
    lock.release().await;
    note(&format!("{taking} free {resource}"));
    Ok(())
}

/// Writes the token behind the fence; what was there before, or nothing when fenced.
async fn write(app: &App, resource: &str, token: i64) -> sqlx::Result<Option<i64>> {
    let mut tx = store::begin(&app.pool).await?;
    if !fences::advance(&mut tx, resource, token).await? {
        tx.rollback().await?;
        return Ok(None);
    }
    let before: Option<i64> =
        sqlx::query_scalar("SELECT token FROM chaos_register WHERE resource = $1")
            .bind(resource)
            .fetch_optional(&mut *tx)
            .await?;
    sqlx::query(
        "INSERT INTO chaos_register (resource, token) VALUES ($1, $2)
         ON CONFLICT (resource) DO UPDATE SET token = excluded.token",
    )
    .bind(resource)
    .bind(token)
    .execute(&mut *tx)
    .await?;
    crash_point!("lock.before_commit");
    tx.commit().await?;
    Ok(Some(before.unwrap_or(0)))
}

/// Without the guard `fence`: the token is written, whatever it is.
pub(crate) async fn advance_blindly(
    connection: &mut PgConnection,
    resource: &str,
    token: i64,
) -> sqlx::Result<bool> {
    sqlx::query(
        "INSERT INTO lock_fence (resource, token) VALUES ($1, $2)
         ON CONFLICT (resource) DO UPDATE SET token = excluded.token",
    )
    .bind(resource)
    .bind(token)
    .execute(connection)
    .await?;
    Ok(true)
}

/// Without the guard `stock`: whatever is wanted is taken.
pub(crate) async fn take_blindly(
    connection: &mut PgConnection,
    taking: &Taking,
) -> sqlx::Result<Vec<Short>> {
    sqlx::query(
        "WITH wanted AS (
             SELECT * FROM UNNEST($1::bigint[], $2::int[], $3::uuid[]) AS w (variant_id, qty, line)
         ), taken AS (
             UPDATE stock_item s
             SET on_hand = s.on_hand - CASE WHEN $4 THEN w.qty ELSE 0 END,
                 reserved = s.reserved + CASE WHEN $4 THEN 0 ELSE w.qty END
             FROM wanted w WHERE s.variant_id = w.variant_id
         ), sale AS (
             INSERT INTO stock_movement (variant_id, delta, reason, actor, order_line_id, at)
             SELECT variant_id, -qty, 'sale', $6, line, $7 FROM wanted WHERE $4
         )
         INSERT INTO stock_reservation (order_line_id, variant_id, qty, state, expires_at)
         SELECT line, variant_id, qty, CASE WHEN $4 THEN 'committed' ELSE 'held' END, $5
         FROM wanted",
    )
    .bind(&taking.lines)
    .bind(&taking.quantities)
    .bind(&taking.order_lines)
    .bind(taking.sold)
    .bind(taking.held_until)
    .bind(taking.actor)
    .bind(taking.at)
    .execute(connection)
    .await?;
    Ok(Vec::new())
}

/// Without the guard `status`: what the newest notification claims, instead of what Midtrans says.
pub(crate) async fn believed(app: &App, attempt: &Attempt) -> Option<TransactionStatus> {
    if !without!("status") {
        return None;
    }
    let row = sqlx::query(
        "SELECT raw, transaction_status FROM payment_notification
         WHERE provider_order_id = $1 ORDER BY id DESC LIMIT 1",
    )
    .bind(&attempt.provider_order_id)
    .fetch_optional(&app.pool)
    .await
    .ok()??;
    let raw: serde_json::Value = serde_json::from_slice(row.get("raw")).ok()?;
    let text = |name: &str| raw[name].as_str().map(str::to_owned);
    Some(TransactionStatus {
        order_id: attempt.provider_order_id.clone(),
        transaction_id: text("transaction_id"),
        merchant_id: text("merchant_id"),
        gross_amount: attempt.amount.get(),
        currency: text("currency"),
        transaction_status: row.get("transaction_status"),
        fraud_status: text("fraud_status"),
        payment_type: text("payment_type"),
        transaction_time: None,
        settlement_time: None,
        expiry_time: None,
        refunds: Vec::new(),
    })
}

/// Without the guard `outbox_claim`: what is due is sent without a claim that was committed.
pub(crate) async fn due_unclaimed(
    app: &App,
    limit: i64,
    now: DateTime<Utc>,
) -> sqlx::Result<Vec<Parcel>> {
    let rows = sqlx::query(
        "SELECT id, customer_id, payload, sealed, attempts, trace FROM outbox
         WHERE state = 'pending' AND topic = 'whatsapp' AND run_at <= $2
         ORDER BY priority, id LIMIT $1",
    )
    .bind(limit)
    .bind(now)
    .fetch_all(&app.pool)
    .await?;
    let ids: Vec<i64> = rows.iter().map(|row| row.get("id")).collect();
    let parcels = rows.iter().map(|row| Parcel {
        id: row.get("id"),
        customer_id: row.get("customer_id"),
        payload: row.get("payload"),
        sealed: row.get("sealed"),
        attempts: row.get::<i32, _>("attempts") + 1,
        trace: row.get("trace"),
        received_at: None,
        claimed_at: std::time::Instant::now(),
    });
    let parcels = parcels.collect();
    // As a naive sender would: read, send, note that it was sent.
    let pool = app.pool.clone();
    tokio::spawn(async move {
        pause(50..150).await;
        let noted =
            sqlx::query("UPDATE outbox SET state = 'sent', sent_at = now() WHERE id = ANY($1)");
        let _ = noted.bind(&ids).execute(&pool).await;
    });
    Ok(parcels)
}
