//! What the rows alone must say.

use anyhow::Result;
use sqlx::PgConnection;

use super::Findings;
use crate::bed::Bed;

/// Each returns a line for every violation.
const RULES: [(&str, &str); 18] = [
    (
        "inbox-once",
        "SELECT key || ' is in the inbox ' || count(*) || ' times' FROM inbox
         GROUP BY phone_number_id, key HAVING count(*) > 1",
    ),
    (
        "inbox-done",
        "SELECT key || ' is ' || state || ': ' || coalesce(error, '') FROM inbox
         WHERE state <> 'done'",
    ),
    (
        "outbox-sent",
        "SELECT 'reply ' || id || ' is ' || state || ': ' || coalesce(error, '') FROM outbox
         WHERE state NOT IN ('sent')",
    ),
    (
        "quote-once",
        "SELECT 'quote ' || quote_nonce || ' became ' || count(*) || ' orders' FROM orders
         GROUP BY quote_nonce HAVING count(*) > 1",
    ),
    (
        "pace",
        "SELECT 'customer ' || customer_id || ' bought four times within ' || (created_at - before)
         FROM (SELECT customer_id, created_at,
                      lag(created_at, 3) OVER (PARTITION BY customer_id ORDER BY created_at) AS before
               FROM orders) o
         WHERE created_at - before < interval '60 seconds'",
    ),
    (
        "stock-bounds",
        "SELECT 'product ' || variant_id || ': ' || on_hand || ' on hand, ' || reserved || ' reserved'
         FROM stock_item WHERE on_hand < 0 OR reserved < 0 OR reserved > on_hand",
    ),
    (
        "stock-reserved",
        "SELECT 'product ' || s.variant_id || ': ' || s.reserved || ' reserved, ' || coalesce(r.qty, 0)
                || ' held'
         FROM stock_item s
         LEFT JOIN (SELECT variant_id, sum(qty) AS qty FROM stock_reservation WHERE state = 'held'
                    GROUP BY variant_id) r USING (variant_id)
         WHERE s.reserved <> coalesce(r.qty, 0)",
    ),
    (
        "stock-conserved",
        "SELECT 'product ' || s.variant_id || ': came in ' || m.came || ', sold ' || coalesce(l.sold, 0)
                || ', on hand ' || s.on_hand
         FROM stock_item s
         JOIN (SELECT variant_id, sum(delta) AS came FROM stock_movement
               WHERE reason NOT IN ('sale', 'return') GROUP BY variant_id) m USING (variant_id)
         LEFT JOIN (SELECT variant_id, sum(qty) AS sold FROM stock_reservation
                    WHERE state = 'committed' GROUP BY variant_id) l USING (variant_id)
         WHERE m.came <> coalesce(l.sold, 0) + s.on_hand",
    ),
    (
        "paid-is-taken",
        "SELECT 'order ' || o.number || ' is ' || o.state || ', its stock '
                || coalesce(r.state, 'not taken')
         FROM orders o JOIN order_line l ON l.order_id = o.id
         LEFT JOIN stock_reservation r ON r.order_line_id = l.id
         WHERE (o.state IN ('paid', 'fulfilling', 'completed')
                AND (r.state IS DISTINCT FROM 'committed' OR r.qty <> l.qty))
            OR (o.state IN ('cancelled', 'expired') AND r.state IS DISTINCT FROM 'released')
            OR (o.state = 'awaiting_payment' AND r.state IS DISTINCT FROM 'held')",
    ),
    (
        "units-delivered",
        "SELECT 'order ' || o.number || ' has ' || count(u.id) || ' codes for ' || l.qty
         FROM orders o JOIN order_line l ON l.order_id = o.id
         LEFT JOIN stock_unit u ON u.order_line_id = l.id
         WHERE o.state = 'completed' AND l.kind = 'digital'
         GROUP BY o.number, l.id, l.qty HAVING count(u.id) <> l.qty",
    ),
    (
        "ledger-balanced",
        "SELECT 'transaction ' || txn_id || ' sums to ' || sum(amount) FROM ledger_entry
         GROUP BY txn_id HAVING sum(amount) <> 0",
    ),
    (
        "saldo-cached",
        "SELECT 'account ' || a.code || ' says ' || a.posted || ', its entries ' || coalesce(e.sum, 0)
         FROM ledger_account a
         LEFT JOIN (SELECT account_id, sum(amount) FROM ledger_entry GROUP BY 1) e
                ON e.account_id = a.id
         WHERE a.bounded AND a.posted <> coalesce(e.sum, 0)",
    ),
    (
        "saldo-bounds",
        "SELECT 'account ' || code || ': ' || posted || ', ' || pending_out || ' set aside'
         FROM ledger_account WHERE bounded AND (posted < pending_out OR pending_out < 0)",
    ),
    (
        "saldo-held",
        "SELECT 'account ' || a.code || ' has ' || a.pending_out || ' set aside, for orders '
                || coalesce(h.held, 0)
         FROM ledger_account a
         LEFT JOIN (SELECT t.held_on, sum(t.held) AS held FROM ledger_txn t
                    WHERE t.phase = 'pending'
                      AND NOT EXISTS (SELECT FROM ledger_txn r WHERE r.pending_id = t.id)
                    GROUP BY 1) h ON h.held_on = a.id
         WHERE a.bounded AND a.pending_out <> coalesce(h.held, 0)",
    ),
    (
        "sold-is-paid",
        "SELECT 'order ' || o.number || ' of ' || o.total || ' is ' || o.state
                || ', customers paid ' || coalesce(m.money, 0)
         FROM orders o
         LEFT JOIN (SELECT coalesce(p.order_id::text, t.source_id) AS order_id, sum(e.amount) AS money
                    FROM ledger_txn t JOIN ledger_entry e ON e.txn_id = t.id
                    JOIN ledger_account a ON a.id = e.account_id AND a.code = 'sales'
                    LEFT JOIN payment_attempt p ON p.id::text = t.source_id
                    GROUP BY 1) m ON m.order_id = o.id::text
         WHERE o.state IN ('paid', 'fulfilling', 'completed') AND coalesce(m.money, 0) <> o.total",
    ),
    (
        "fence-forward",
        "SELECT 'the fence of ' || resource || ' went from ' || before || ' to ' || token
         FROM (SELECT resource, token,
                      lag(token) OVER (PARTITION BY resource ORDER BY seq) AS before
               FROM chaos_fence_log) f
         WHERE token < before",
    ),
    (
        "no-transaction-left-open",
        "SELECT 'session ' || pid || ' is ' || state || ' since ' || state_change || ': ' || query
         FROM pg_stat_activity
         WHERE state LIKE 'idle in transaction%' AND state_change < now() - interval '5 seconds'",
    ),
    (
        "order-moves",
        "SELECT 'order ' || order_id || ' went from ' || from_state || ' to ' || to_state
         FROM order_event
         WHERE (from_state, to_state) IN (
             ('cancelled', 'paid'), ('expired', 'paid'), ('completed', 'awaiting_payment'),
             ('paid', 'awaiting_payment'), ('completed', 'cancelled'), ('completed', 'expired'))",
    ),
];

/// Looks at every rule.
pub(super) async fn check(database: &mut PgConnection, findings: &mut Findings) -> Result<()> {
    for (name, rule) in RULES {
        let found: Vec<Option<String>> = sqlx::query_scalar(rule).fetch_all(&mut *database).await?;
        findings.extend(name, found.into_iter().flatten().collect());
    }
    let counts = [
        (
            "messages",
            "SELECT count(*) FROM inbox WHERE kind = 'message'",
        ),
        ("orders", "SELECT count(*) FROM orders"),
        (
            "codes sold",
            "SELECT count(*) FROM stock_unit WHERE order_line_id IS NOT NULL",
        ),
        (
            "parcels sold",
            "SELECT count(*) FROM order_line l JOIN orders o ON o.id = l.order_id
             WHERE l.kind = 'physical' AND o.state IN ('paid', 'fulfilling', 'completed')",
        ),
        ("payments", "SELECT count(*) FROM payment_attempt"),
        ("fences passed", "SELECT count(*) FROM chaos_fence_log"),
    ];
    for (name, count) in counts {
        let count: i64 = sqlx::query_scalar(count).fetch_one(&mut *database).await?;
        findings.saw(name, usize::try_from(count)?);
    }
    Ok(())
}

/// Makes the next look at each payment due now. Of money whose notification was lost the shop learns
/// by looking, which it does less and less often; the run does not wait for that.
pub(super) async fn hasten_looks(bed: &Bed) -> Result<()> {
    let mut database = bed.database().await?;
    let looks =
        "UPDATE payment_attempt SET act_at = now() WHERE act_at > now() AND hold_until IS NULL";
    sqlx::query(looks).execute(&mut database).await?;
    Ok(())
}

/// Rows that somebody must still do something about now.
pub(super) async fn pending(bed: &Bed) -> Result<i64> {
    let mut database = bed.database().await?;
    let pending = sqlx::query_scalar(
        "SELECT (SELECT count(*) FROM inbox WHERE state = 'pending')
              + (SELECT count(*) FROM outbox WHERE state IN ('pending', 'sending', 'unknown'))
              + (SELECT count(*) FROM payment_attempt WHERE act_at <= now() OR owner IS NOT NULL)",
    );
    Ok(pending.fetch_one(&mut database).await?)
}
