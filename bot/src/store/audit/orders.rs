//! Rules of orders (invariants 3 and 7).

use sqlx::{PgConnection, postgres::types::PgInterval};
use warung_domain::order::OrderState;

use super::{Finding, Scope};

/// The money of an order in the books is its total once it was paid, and nothing before.
pub async fn money(connection: &mut PgConnection, scope: &Scope) -> sqlx::Result<Vec<Finding>> {
    sqlx::query_as!(
        Finding,
        r#"
        WITH newest AS (
            SELECT id, number, state, total,
                   state NOT IN ('draft', 'awaiting_payment', 'cancelled', 'expired') AS was_paid
            FROM orders ORDER BY id DESC LIMIT $1
        )
        SELECT o.number AS "subject!",
               format('%s with a total of %s, the books have %s', o.state, o.total, b.rupiah)
                   AS "detail!"
        FROM newest o
        CROSS JOIN LATERAL (
            SELECT coalesce(sum(e.amount), 0) AS rupiah
            FROM (SELECT 'order' AS source_type, o.id::text AS source_id
                  UNION ALL
                  SELECT 'payment', p.id::text FROM payment_attempt p WHERE p.order_id = o.id) s
            JOIN ledger_txn t ON t.kind = 'purchase' AND t.phase IN ('single', 'post')
                AND t.source_type = s.source_type AND t.source_id = s.source_id
            JOIN ledger_entry e ON e.txn_id = t.id AND e.account_id = (
                SELECT id FROM ledger_account WHERE code = 'sales')) b
        WHERE b.rupiah <> CASE WHEN o.was_paid THEN o.total ELSE 0 END
        ORDER BY 1
        "#,
        scope.rows,
    )
    .fetch_all(connection)
    .await
}

/// `paid` is the total of an order that was paid, and nothing of another; no more went back than
/// the books say.
pub async fn paid(connection: &mut PgConnection, scope: &Scope) -> sqlx::Result<Vec<Finding>> {
    sqlx::query_as!(
        Finding,
        r#"
        SELECT number AS "subject!",
               format('%s with a total of %s, paid is %s', state, total, paid) AS "detail!"
        FROM (SELECT number, state, total, paid FROM orders ORDER BY id DESC LIMIT $1) o
        WHERE paid <> CASE WHEN state IN ('draft', 'awaiting_payment', 'cancelled', 'expired')
                           THEN 0 ELSE total END
        ORDER BY 1
        "#,
        scope.rows,
    )
    .fetch_all(connection)
    .await
}

/// An order is where its last event left it, and its events follow the table.
pub async fn moves(connection: &mut PgConnection, scope: &Scope) -> sqlx::Result<Vec<Finding>> {
    let (from, to): (Vec<&str>, Vec<&str>) = OrderState::TRANSITIONS
        .iter()
        .map(|(from, _, to)| (from.as_str(), to.as_str()))
        .unzip();
    sqlx::query_as!(
        Finding,
        r#"
        WITH newest AS (
            SELECT id, number, state, version FROM orders ORDER BY id DESC LIMIT $1
        ), event AS (
            SELECT e.order_id, e.version, e.from_state, e.to_state,
                   row_number() OVER history AS nth, lag(e.to_state) OVER history AS before,
                   lead(e.version) OVER history IS NULL AS is_last
            FROM newest o JOIN order_event e ON e.order_id = o.id
            WINDOW history AS (PARTITION BY e.order_id ORDER BY e.version)
        )
        SELECT o.number AS "subject!",
               format('event %s: %s to %s after %s', e.version, e.from_state, e.to_state, e.before)
                   AS "detail!"
        FROM event e JOIN newest o ON o.id = e.order_id
        WHERE e.version <> e.nth OR (e.nth > 1 AND e.from_state IS DISTINCT FROM e.before)
           OR NOT EXISTS (
                SELECT FROM UNNEST($2::text[], $3::text[]) AS legal (from_state, to_state)
                WHERE legal.from_state = e.from_state AND legal.to_state = e.to_state)
        UNION ALL
        SELECT o.number,
               format('is %s in version %s, its last event is %s in version %s', o.state, o.version,
                      coalesce(e.to_state, 'none'), e.version)
        FROM newest o LEFT JOIN event e ON e.order_id = o.id AND e.is_last
        WHERE e.to_state IS DISTINCT FROM o.state OR e.version IS DISTINCT FROM o.version
        ORDER BY 1
        "#,
        scope.rows,
        &from as &[&str],
        &to as &[&str],
    )
    .fetch_all(connection)
    .await
}

/// A quote becomes one order at most.
pub async fn one_per_quote(
    connection: &mut PgConnection,
    scope: &Scope,
) -> sqlx::Result<Vec<Finding>> {
    sqlx::query_as!(
        Finding,
        r#"
        SELECT o.quote_nonce AS "subject!",
               format('became %s orders', count(DISTINCT other.id)) AS "detail!"
        FROM (SELECT quote_nonce FROM orders ORDER BY id DESC LIMIT $1) o
        JOIN orders other USING (quote_nonce)
        GROUP BY 1 HAVING count(DISTINCT other.id) > 1
        ORDER BY 1
        "#,
        scope.rows,
    )
    .fetch_all(connection)
    .await
}

/// No customer made more purchases in any window than the limit. People who turned out to be one
/// are left out: each of them had a limit of their own.
pub async fn purchase_limit(
    connection: &mut PgConnection,
    scope: &Scope,
) -> sqlx::Result<Vec<Finding>> {
    let window = PgInterval::try_from(scope.window).map_err(sqlx::Error::Encode)?;
    sqlx::query_as!(
        Finding,
        r#"
        SELECT o.number AS "subject!",
               format('number %s of its customer in one window, %s are allowed', w.purchases,
                      $3::bigint)
                   AS "detail!"
        FROM (SELECT number, customer_id, created_at FROM orders ORDER BY id DESC LIMIT $1) o
        CROSS JOIN LATERAL (
            SELECT count(*) AS purchases FROM orders other
            WHERE other.customer_id = o.customer_id AND other.created_at <= o.created_at
              AND other.created_at > o.created_at - $2::interval) w
        WHERE w.purchases > $3::bigint
          AND NOT EXISTS (SELECT FROM customer m WHERE m.merged_into = o.customer_id)
        ORDER BY 1
        "#,
        scope.rows,
        window,
        scope.purchases,
    )
    .fetch_all(connection)
    .await
}
