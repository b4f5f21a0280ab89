//! Rules of stock (invariant 4).

use sqlx::PgConnection;

use super::{Finding, Scope};

/// What is reserved of a product is what orders hold of it.
pub async fn reserved(connection: &mut PgConnection, _scope: &Scope) -> sqlx::Result<Vec<Finding>> {
    sqlx::query_as!(
        Finding,
        r#"
        SELECT v.sku AS "subject!",
               format('%s are reserved, orders hold %s', s.reserved, coalesce(h.held, 0))
                   AS "detail!"
        FROM stock_item s
        JOIN variant v ON v.id = s.variant_id
        LEFT JOIN (
            SELECT variant_id, sum(qty) AS held FROM stock_reservation
            WHERE state = 'held' GROUP BY variant_id) h USING (variant_id)
        WHERE s.reserved <> coalesce(h.held, 0)
        ORDER BY 1
        "#,
    )
    .fetch_all(connection)
    .await
}

/// An order holds stock while it waits for its money, has sold it once paid, and holds none after.
pub async fn reservations(
    connection: &mut PgConnection,
    scope: &Scope,
) -> sqlx::Result<Vec<Finding>> {
    sqlx::query_as!(
        Finding,
        r#"
        SELECT o.number AS "subject!",
               format('is %s, its %s is %s', o.state, v.sku, coalesce(r.state, 'not reserved'))
                   AS "detail!"
        FROM (SELECT id, number, state FROM orders ORDER BY id DESC LIMIT $1) o
        JOIN order_line l ON l.order_id = o.id
        JOIN variant v ON v.id = l.variant_id
        LEFT JOIN stock_reservation r ON r.order_line_id = l.id
        WHERE r.state IS DISTINCT FROM CASE
                WHEN o.state IN ('draft', 'awaiting_payment') THEN 'held'
                WHEN o.state IN ('cancelled', 'expired') THEN 'released'
                ELSE 'committed' END
           OR r.qty <> l.qty
        ORDER BY 1
        "#,
        scope.rows,
    )
    .fetch_all(connection)
    .await
}

/// What is on hand of a product is what came in less what went out.
pub async fn on_hand(connection: &mut PgConnection, scope: &Scope) -> sqlx::Result<Vec<Finding>> {
    sqlx::query_as!(
        Finding,
        r#"
        WITH touched AS (
            SELECT DISTINCT variant_id
            FROM (SELECT variant_id FROM stock_movement ORDER BY id DESC LIMIT $1) m
        )
        SELECT v.sku AS "subject!",
               format('%s are on hand, its movements sum to %s', s.on_hand, m.total) AS "detail!"
        FROM stock_item s
        JOIN variant v ON v.id = s.variant_id
        CROSS JOIN LATERAL (
            SELECT coalesce(sum(delta), 0) AS total FROM stock_movement
            WHERE variant_id = s.variant_id) m
        WHERE s.on_hand <> m.total
          AND ($1::bigint IS NULL OR s.variant_id IN (SELECT variant_id FROM touched))
        ORDER BY 1
        "#,
        scope.rows,
    )
    .fetch_all(connection)
    .await
}

/// There is a free unit for each digital product on hand.
pub async fn free_units(
    connection: &mut PgConnection,
    _scope: &Scope,
) -> sqlx::Result<Vec<Finding>> {
    sqlx::query_as!(
        Finding,
        r#"
        SELECT v.sku AS "subject!",
               format('%s are on hand, %s units are free', s.on_hand, u.free) AS "detail!"
        FROM stock_item s
        JOIN variant v ON v.id = s.variant_id
        JOIN product p ON p.id = v.product_id
        CROSS JOIN LATERAL (
            SELECT count(*) AS free FROM stock_unit
            WHERE variant_id = s.variant_id AND order_line_id IS NULL) u
        WHERE p.kind = 'digital' AND s.on_hand <> u.free
        ORDER BY 1
        "#,
    )
    .fetch_all(connection)
    .await
}

/// No secret is for sale, or was sold, twice.
pub async fn unit_is_unique(
    connection: &mut PgConnection,
    scope: &Scope,
) -> sqlx::Result<Vec<Finding>> {
    sqlx::query_as!(
        Finding,
        r#"
        SELECT min(u.id)::text AS "subject!",
               format('the same secret is in %s units of one product', count(DISTINCT other.id))
                   AS "detail!"
        FROM (SELECT id, variant_id, fingerprint FROM stock_unit ORDER BY id DESC LIMIT $1) u
        JOIN stock_unit other USING (variant_id, fingerprint)
        GROUP BY u.variant_id, u.fingerprint HAVING count(DISTINCT other.id) > 1
        ORDER BY 1
        "#,
        scope.rows,
    )
    .fetch_all(connection)
    .await
}

/// A paid order has as many units as it bought, unless its goods wait; an unpaid one has none.
pub async fn sold_units(
    connection: &mut PgConnection,
    scope: &Scope,
) -> sqlx::Result<Vec<Finding>> {
    sqlx::query_as!(
        Finding,
        r#"
        SELECT o.number AS "subject!",
               format('is %s and bought %s of %s, it has %s', o.state, l.qty, v.sku, u.units)
                   AS "detail!"
        FROM (SELECT id, number, state, deliver_after FROM orders ORDER BY id DESC LIMIT $1) o
        JOIN order_line l ON l.order_id = o.id AND l.kind = 'digital'
        JOIN variant v ON v.id = l.variant_id
        CROSS JOIN LATERAL (
            SELECT count(*) AS units FROM stock_unit WHERE order_line_id = l.id) u
        WHERE CASE
            WHEN o.state IN ('paid', 'fulfilling', 'completed')
                THEN u.units <> l.qty AND (o.deliver_after IS NULL OR u.units > l.qty)
            WHEN o.state IN ('draft', 'awaiting_payment', 'cancelled', 'expired')
                THEN u.units <> 0
            ELSE u.units > l.qty END
        ORDER BY 1
        "#,
        scope.rows,
    )
    .fetch_all(connection)
    .await
}
