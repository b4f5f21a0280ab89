//! Money and goods against the books of the sandboxes: what Midtrans holds for the shop, and what
//! lies in the customers' phones.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;
use sqlx::{PgConnection, Row};

use super::Findings;
use crate::bed::Bed;
use crate::goods;

/// Looks at money, then at goods.
pub(super) async fn check(
    bed: &Bed,
    database: &mut PgConnection,
    findings: &mut Findings,
) -> Result<()> {
    money(bed, database, findings).await?;
    codes(bed, database, findings).await
}

/// Each rupiah at Midtrans is in the ledger once, and none is there that Midtrans does not have.
async fn money(bed: &Bed, database: &mut PgConnection, findings: &mut Findings) -> Result<()> {
    let mut at_midtrans: BTreeMap<String, i64> = BTreeMap::new();
    let book = bed.midtrans.book();
    for entry in &book {
        *at_midtrans.entry(entry.order_id.clone()).or_default() += entry.amount;
    }
    let rows = sqlx::query(
        "SELECT p.provider_order_id, p.hold_until IS NOT NULL AS waits,
                coalesce(-sum(e.amount), 0)::bigint AS booked,
                p.state || '/' || coalesce(p.provider_status, '-') || ', made ' || p.created_at
                || ', next look ' || coalesce(p.act_at::text, 'never') AS stands
         FROM payment_attempt p
         LEFT JOIN ledger_txn t ON split_part(t.source_id, ':', 1) = p.id::text
         LEFT JOIN ledger_entry e ON e.txn_id = t.id
              AND e.account_id = (SELECT id FROM ledger_account WHERE code = 'midtrans:clearing')
         GROUP BY p.id",
    )
    .fetch_all(database)
    .await?;
    let mut wrong = Vec::new();
    for row in rows {
        let order_id: String = row.get("provider_order_id");
        let (waits, booked): (bool, i64) = (row.get("waits"), row.get("booked"));
        let held = at_midtrans.remove(&order_id).unwrap_or(0);
        // Money that its bank may still take back is credited later.
        if held != booked && !(waits && booked == 0) {
            wrong.push(format!(
                "{order_id}: Midtrans holds {held}, the ledger says {booked}; it is {}",
                row.get::<String, _>("stands")
            ));
        }
    }
    wrong.extend(
        at_midtrans.iter().map(|(order_id, held)| {
            format!("{order_id}: Midtrans holds {held}, nobody knows of it")
        }),
    );
    findings.extend("every-rupiah-once", wrong);
    findings.saw("payments made", book.len());
    Ok(())
}

/// Each code went to its buyer and to nobody else.
async fn codes(bed: &Bed, database: &mut PgConnection, findings: &mut Findings) -> Result<()> {
    // The rows before the book: what is handed over meanwhile is in the book then, and withheld in
    // the rows.
    let sales = sales(database).await?;
    let mut holders: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut received: BTreeMap<(String, String), BTreeSet<String>> = BTreeMap::new();
    for sent in bed.whatsapp.book().accepted {
        for (sku, code) in goods::codes_in(&sent.payload.to_string()) {
            holders
                .entry(code.clone())
                .or_default()
                .insert(sent.to.clone());
            received
                .entry((sent.to.clone(), sku))
                .or_default()
                .insert(code);
        }
    }
    findings.saw("codes received", holders.len());
    let shared = holders.iter().filter(|(_, holders)| holders.len() > 1);
    let shared = shared.map(|(code, holders)| format!("{code} went to {holders:?}"));
    findings.extend("one-code-one-buyer", shared.collect());
    let mut wrong = Vec::new();
    for ((wa_id, sku), Sale { sold, kept }) in sales {
        let codes = received.remove(&(wa_id.clone(), sku.clone()));
        let codes = codes.unwrap_or_default();
        let has = codes.len();
        if has > sold || has + kept < sold {
            let orders = orders(database, &wa_id, &sku).await?;
            wrong.push(format!(
                "{wa_id} bought {sold} of {sku} ({kept} withheld) and received {codes:?}; {orders}"
            ));
        }
    }
    for ((wa_id, sku), codes) in received {
        wrong.push(format!(
            "{wa_id} bought none of {sku} and received {codes:?}"
        ));
    }
    findings.extend("bought-is-received", wrong);
    Ok(())
}

/// What somebody bought of a product.
struct Sale {
    sold: usize,
    /// So many of them are not handed over, or need not be.
    kept: usize,
}

/// By customer and product.
async fn sales(database: &mut PgConnection) -> Result<BTreeMap<(String, String), Sale>> {
    let rows = sqlx::query(
        "SELECT k.value AS wa_id, v.sku, count(*) AS sold,
                -- Goods of a payment that its bank may still take back are handed over later; those
                -- of one that it took back are kept, unless they were handed over before.
                count(*) FILTER (WHERE o.deliver_after IS NOT NULL OR o.state = 'disputed') AS kept
         FROM stock_unit u JOIN order_line l ON l.id = u.order_line_id
         JOIN orders o ON o.id = l.order_id
         JOIN variant v ON v.id = l.variant_id
         JOIN customer_alias k ON k.customer_id = o.customer_id AND k.kind = 'wa_id'
         GROUP BY 1, 2",
    )
    .fetch_all(database)
    .await?;
    let sales = rows.iter().map(|row| {
        let sale = Sale {
            sold: usize::try_from(row.get::<i64, _>("sold"))?,
            kept: usize::try_from(row.get::<i64, _>("kept"))?,
        };
        Ok(((row.get("wa_id"), row.get("sku")), sale))
    });
    sales.collect()
}

/// Somebody's orders of a product, each with what became of its messages.
async fn orders(database: &mut PgConnection, wa_id: &str, sku: &str) -> Result<String> {
    let orders: Option<String> = sqlx::query_scalar(
        "SELECT string_agg(
                    o.number || ' (' || o.state || coalesce(', from ' || o.deliver_after, '') || ', '
                    || (SELECT count(*) FROM stock_unit u WHERE u.order_line_id = l.id) || ' codes'
                    || coalesce((SELECT string_agg(', ' || m.id || ' ' || m.dedupe_key || ' '
                                        || m.state || coalesce(' ' || m.wamid, '')
                                        || coalesce(': ' || m.error, ''), '' ORDER BY m.id)
                                 FROM outbox m WHERE m.dedupe_key LIKE 'order:' || o.id || '%'), '')
                    || ')', '; ' ORDER BY o.created_at)
         FROM orders o JOIN order_line l ON l.order_id = o.id
         JOIN variant v ON v.id = l.variant_id AND v.sku = $2
         JOIN customer_alias k ON k.customer_id = o.customer_id AND k.value = $1
         WHERE EXISTS (SELECT FROM stock_unit u WHERE u.order_line_id = l.id)",
    )
    .bind(wa_id)
    .bind(sku)
    .fetch_one(database)
    .await?;
    Ok(orders.unwrap_or_default())
}
