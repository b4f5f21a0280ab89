//! Rules of queues: nothing waits for ever.

use chrono::{DateTime, TimeDelta, Utc};
use sqlx::PgConnection;

use super::{Finding, Scope};

/// Longest wait of a message or a due payment.
const PATIENCE: TimeDelta = TimeDelta::minutes(10);
/// Rows named in one finding's queue; more add nothing.
const NAMED: i64 = 20;

fn before(scope: &Scope) -> DateTime<Utc> {
    scope.now - PATIENCE
}

/// Every message is answered within minutes.
pub async fn inbox(connection: &mut PgConnection, scope: &Scope) -> sqlx::Result<Vec<Finding>> {
    sqlx::query_as!(
        Finding,
        r#"
        SELECT id::text AS "subject!",
               format('waits since %s, tried %s times', received_at, attempts) AS "detail!"
        FROM inbox WHERE state = 'pending' AND received_at < $1
        ORDER BY id LIMIT $2
        "#,
        before(scope),
        NAMED,
    )
    .fetch_all(connection)
    .await
}

/// Every message leaves within minutes.
pub async fn outbox(connection: &mut PgConnection, scope: &Scope) -> sqlx::Result<Vec<Finding>> {
    sqlx::query_as!(
        Finding,
        r#"
        SELECT id::text AS "subject!",
               format('is %s since %s, tried %s times', state, created_at, attempts) AS "detail!"
        FROM outbox WHERE state IN ('pending', 'sending') AND created_at < $1
        ORDER BY id LIMIT $2
        "#,
        before(scope),
        NAMED,
    )
    .fetch_all(connection)
    .await
}

/// Every payment that is due is worked on within minutes, and none that may still be paid is
/// forgotten.
pub async fn payments(connection: &mut PgConnection, scope: &Scope) -> sqlx::Result<Vec<Finding>> {
    sqlx::query_as!(
        Finding,
        r#"
        SELECT provider_order_id AS "subject!",
               format('is %s and due since %s', state, act_at) AS "detail!"
        FROM payment_attempt WHERE act_at < $1
        UNION ALL
        SELECT provider_order_id, format('is %s and never due', state)
        FROM payment_attempt
        WHERE state IN ('creating', 'unknown', 'pending') AND act_at IS NULL
        ORDER BY 1 LIMIT $2
        "#,
        before(scope),
        NAMED,
    )
    .fetch_all(connection)
    .await
}
