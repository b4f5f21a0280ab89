//! Rules of payments (invariant 6).

use sqlx::PgConnection;
use warung_domain::payment::PaymentState;

use super::{Finding, Scope};

/// A payment whose money came in has exactly one credit, of its amount; another has none.
pub async fn settled_has_one_credit(
    connection: &mut PgConnection,
    scope: &Scope,
) -> sqlx::Result<Vec<Finding>> {
    let credited: Vec<&str> = PaymentState::ALL
        .into_iter()
        .filter(|state| state.has_credit())
        .map(PaymentState::as_str)
        .collect();
    sqlx::query_as!(
        Finding,
        r#"
        WITH attempt AS (
            SELECT p.provider_order_id, p.state, p.state = ANY($2) AS credited, p.amount,
                   p.credit_txn, p.credited_to, p.id::text AS source_id
            FROM payment_attempt p ORDER BY p.id DESC LIMIT $1
        )
        SELECT a.provider_order_id AS "subject!",
               format('%s, credited to %s: %s credits, %s of %s rupiah', a.state,
                      coalesce(a.credited_to, 'nothing'), c.credits, c.rupiah, a.amount)
                   AS "detail!"
        FROM attempt a
        CROSS JOIN LATERAL (
            SELECT count(DISTINCT t.id) AS credits,
                   count(DISTINCT t.id) FILTER (WHERE t.id = a.credit_txn) AS named,
                   coalesce(-sum(e.amount), 0) AS rupiah
            FROM ledger_txn t
            LEFT JOIN ledger_entry e ON e.txn_id = t.id AND e.account_id = (
                SELECT id FROM ledger_account WHERE code = 'midtrans:clearing')
            WHERE t.kind IN ('purchase', 'topup', 'suspense') AND t.phase = 'single'
              AND t.source_type = 'payment' AND t.source_id = a.source_id) c
        WHERE CASE WHEN a.credited
                   THEN c.credits <> 1 OR c.named <> 1
                        OR (a.credited_to <> 'suspense' AND c.rupiah <> a.amount)
                   ELSE c.credits <> 0 OR a.credit_txn IS NOT NULL END
        ORDER BY 1
        "#,
        scope.rows,
        &credited as &[&str],
    )
    .fetch_all(connection)
    .await
}

/// A payment is where its last event left it, and its events follow the table.
pub async fn moves(connection: &mut PgConnection, scope: &Scope) -> sqlx::Result<Vec<Finding>> {
    let (from, to): (Vec<&str>, Vec<&str>) = PaymentState::TRANSITIONS
        .iter()
        .map(|(from, to)| (from.as_str(), to.as_str()))
        .unzip();
    sqlx::query_as!(
        Finding,
        r#"
        WITH attempt AS (
            SELECT id, provider_order_id, state, version FROM payment_attempt
            ORDER BY id DESC LIMIT $1
        ), event AS (
            SELECT e.attempt_id, e.version, e.from_state, e.to_state,
                   row_number() OVER history - 1 AS nth, lag(e.to_state) OVER history AS before,
                   lead(e.version) OVER history IS NULL AS is_last
            FROM attempt a JOIN payment_event e ON e.attempt_id = a.id
            WINDOW history AS (PARTITION BY e.attempt_id ORDER BY e.version)
        )
        SELECT a.provider_order_id AS "subject!",
               format('event %s: %s to %s after %s', e.version, e.from_state, e.to_state, e.before)
                   AS "detail!"
        FROM event e JOIN attempt a ON a.id = e.attempt_id
        WHERE e.version <> e.nth OR e.from_state IS DISTINCT FROM e.before
           OR (e.before IS NOT NULL AND NOT EXISTS (
                SELECT FROM UNNEST($2::text[], $3::text[]) AS legal (from_state, to_state)
                WHERE legal.from_state = e.before AND legal.to_state = e.to_state))
        UNION ALL
        SELECT a.provider_order_id,
               format('is %s in version %s, its last event is %s in version %s', a.state, a.version,
                      coalesce(e.to_state, 'none'), e.version)
        FROM attempt a LEFT JOIN event e ON e.attempt_id = a.id AND e.is_last
        WHERE e.to_state IS DISTINCT FROM a.state OR e.version IS DISTINCT FROM a.version
        ORDER BY 1
        "#,
        scope.rows,
        &from as &[&str],
        &to as &[&str],
    )
    .fetch_all(connection)
    .await
}
