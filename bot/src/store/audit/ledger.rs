//! Rules of the ledger (invariant 5).

use sqlx::PgConnection;

use super::{Finding, Scope};

/// Entries of a transaction sum to zero; pending and void ones have none.
pub async fn txn_balances(
    connection: &mut PgConnection,
    scope: &Scope,
) -> sqlx::Result<Vec<Finding>> {
    sqlx::query_as!(
        Finding,
        r#"
        SELECT t.id::text AS "subject!",
               format('a %s transaction with %s entries, sum %s', t.phase, e.lines, e.total)
                   AS "detail!"
        FROM (SELECT id, phase FROM ledger_txn ORDER BY id DESC LIMIT $1) t
        CROSS JOIN LATERAL (
            SELECT count(*) AS lines, coalesce(sum(amount), 0) AS total
            FROM ledger_entry WHERE txn_id = t.id) e
        WHERE CASE WHEN t.phase IN ('pending', 'void') THEN e.lines <> 0
                   ELSE e.lines < 2 OR e.total <> 0 END
        ORDER BY 1
        "#,
        scope.rows,
    )
    .fetch_all(connection)
    .await
}

/// Rupiah by which the looked-at part of the ledger does not sum to zero.
pub async fn imbalance(connection: &mut PgConnection, scope: &Scope) -> sqlx::Result<i64> {
    sqlx::query_scalar!(
        r#"
        SELECT coalesce(sum(e.total), 0)::bigint AS "imbalance!"
        FROM (SELECT id FROM ledger_txn ORDER BY id DESC LIMIT $1) t
        CROSS JOIN LATERAL (
            SELECT sum(amount) AS total FROM ledger_entry WHERE txn_id = t.id) e
        "#,
        scope.rows,
    )
    .fetch_one(connection)
    .await
}

/// A saldo is the sum of its entries.
pub async fn saldo_is_its_entries(
    connection: &mut PgConnection,
    scope: &Scope,
) -> sqlx::Result<Vec<Finding>> {
    sqlx::query_as!(
        Finding,
        r#"
        WITH touched AS (
            SELECT DISTINCT unnest(e.accounts) AS account_id
            FROM (SELECT id FROM ledger_txn ORDER BY id DESC LIMIT $1) t
            CROSS JOIN LATERAL (
                SELECT array_agg(account_id) AS accounts FROM ledger_entry
                WHERE txn_id = t.id AND account_version IS NOT NULL) e
            WHERE $1::bigint IS NOT NULL
            UNION ALL
            SELECT id FROM ledger_account WHERE bounded AND $1::bigint IS NULL
        )
        SELECT a.code AS "subject!",
               format('posted is %s, its entries sum to %s', a.posted, e.total) AS "detail!"
        FROM touched
        JOIN ledger_account a ON a.id = touched.account_id
        CROSS JOIN LATERAL (
            SELECT coalesce(sum(amount), 0) AS total FROM ledger_entry
            WHERE account_id = touched.account_id AND account_version IS NOT NULL) e
        WHERE a.posted <> e.total
        ORDER BY 1
        "#,
        scope.rows,
    )
    .fetch_all(connection)
    .await
}

/// The entries of a saldo are numbered without a gap, and each tells the balance after it.
pub async fn saldo_has_no_gap(
    connection: &mut PgConnection,
    scope: &Scope,
) -> sqlx::Result<Vec<Finding>> {
    sqlx::query_as!(
        Finding,
        r#"
        WITH touched AS (
            SELECT DISTINCT unnest(e.accounts) AS account_id
            FROM (SELECT id FROM ledger_txn ORDER BY id DESC LIMIT $1) t
            CROSS JOIN LATERAL (
                SELECT array_agg(account_id) AS accounts FROM ledger_entry
                WHERE txn_id = t.id AND account_version IS NOT NULL) e
        ), entry AS (
            SELECT touched.account_id, e.*
            FROM touched CROSS JOIN LATERAL (
                SELECT account_version, balance_after, row_number() OVER history AS nth,
                       sum(amount) OVER history AS balance
                FROM ledger_entry
                WHERE account_id = touched.account_id AND account_version IS NOT NULL
                WINDOW history AS (ORDER BY account_version)) e
        )
        SELECT a.code AS "subject!",
               format('entry %s is numbered %s and says %s after it, not %s', e.nth,
                      e.account_version, e.balance_after, e.balance) AS "detail!"
        FROM entry e JOIN ledger_account a ON a.id = e.account_id
        WHERE e.account_version <> e.nth OR e.balance_after IS DISTINCT FROM e.balance
        UNION ALL
        SELECT a.code, format('version is %s, its last entry has %s', a.version, max(e.nth))
        FROM entry e JOIN ledger_account a ON a.id = e.account_id
        GROUP BY a.id HAVING a.version <> max(e.nth)
        ORDER BY 1
        "#,
        scope.rows,
    )
    .fetch_all(connection)
    .await
}

/// What is held of a saldo is the sum of its unresolved holds.
pub async fn held_is_its_holds(
    connection: &mut PgConnection,
    scope: &Scope,
) -> sqlx::Result<Vec<Finding>> {
    sqlx::query_as!(
        Finding,
        r#"
        WITH watched AS (
            SELECT id AS account_id FROM ledger_account WHERE pending_out <> 0
            UNION
            SELECT t.held_on
            FROM (SELECT held_on FROM ledger_txn WHERE phase = 'pending'
                  ORDER BY id DESC LIMIT $1) t
        )
        SELECT a.code AS "subject!",
               format('pending_out is %s, its unresolved holds sum to %s', a.pending_out, h.held)
                   AS "detail!"
        FROM watched w
        JOIN ledger_account a ON a.id = w.account_id
        CROSS JOIN LATERAL (
            SELECT coalesce(sum(t.held), 0) AS held FROM ledger_txn t
            WHERE t.held_on = a.id AND t.phase = 'pending'
              AND NOT EXISTS (SELECT FROM ledger_txn r WHERE r.pending_id = t.id)) h
        WHERE a.pending_out <> h.held
        ORDER BY 1
        "#,
        scope.rows,
    )
    .fetch_all(connection)
    .await
}

/// No saldo is below zero, or below what is held of it.
pub async fn saldo_floor(
    connection: &mut PgConnection,
    _scope: &Scope,
) -> sqlx::Result<Vec<Finding>> {
    sqlx::query_as!(
        Finding,
        r#"
        SELECT code AS "subject!",
               format('posted %s, held %s', posted, pending_out) AS "detail!"
        FROM ledger_account WHERE bounded AND posted < pending_out
        ORDER BY 1
        "#,
    )
    .fetch_all(connection)
    .await
}
