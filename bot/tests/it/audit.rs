//! The auditor: it is content with an honest day, and finds each lie, exactly that one.

use std::{collections::BTreeSet, time::Duration};

use chrono::Utc;
use sqlx::{AssertSqlSafe, PgConnection};
use warung_bot::{
    auditor::{Rule, look},
    store::audit::Scope,
};
use warung_testkit::eventually;

use crate::harness::{Customer, PATIENCE, Says, World};

/// A way to break one rule, and no other.
struct Lie {
    rule: Rule,
    told: &'static [&'static str],
}

const LIES: [Lie; 21] = [
    Lie {
        rule: Rule::LedgerBalances,
        told: &[
            "ALTER TABLE ledger_entry DISABLE TRIGGER ledger_entry_append_only",
            "UPDATE ledger_entry SET amount = amount + 1 WHERE (txn_id, line) = (
                 SELECT e.txn_id, e.line FROM ledger_entry e
                 JOIN ledger_account a ON a.id = e.account_id WHERE a.code = 'adjustment' LIMIT 1)",
        ],
    },
    Lie {
        rule: Rule::SaldoIsItsEntries,
        told: &["UPDATE ledger_account SET posted = posted + 1 WHERE id = (
                     SELECT id FROM ledger_account WHERE posted > 0 LIMIT 1)"],
    },
    Lie {
        rule: Rule::SaldoHasNoGap,
        told: &[
            "ALTER TABLE ledger_entry DISABLE TRIGGER ledger_entry_append_only",
            "UPDATE ledger_entry SET balance_after = balance_after + 1 WHERE account_version = 1",
        ],
    },
    Lie {
        rule: Rule::HeldIsItsHolds,
        told: &["UPDATE ledger_account SET pending_out = pending_out - 1 WHERE pending_out > 0"],
    },
    Lie {
        rule: Rule::SaldoFloor,
        told: &[
            "ALTER TABLE ledger_account DROP CONSTRAINT saldo_non_negative",
            "WITH purse AS (
                 UPDATE ledger_account SET posted = posted - 1000000, version = version + 1
                 WHERE id = (SELECT id FROM ledger_account WHERE posted > 0 LIMIT 1)
                 RETURNING id, posted, version
             ), txn AS (
                 INSERT INTO ledger_txn (id, kind, source_type, source_id, actor, event_at)
                 VALUES (gen_random_uuid(), 'adjustment', 'lie', 'x', 'lie', now()) RETURNING id
             )
             INSERT INTO ledger_entry (txn_id, line, account_id, amount, account_version,
                                       balance_after)
             SELECT txn.id, 1, purse.id, -1000000, purse.version, purse.posted FROM txn, purse
             UNION ALL
             SELECT txn.id, 2, a.id, 1000000, NULL, NULL FROM txn, ledger_account a
             WHERE a.code = 'adjustment'",
        ],
    },
    Lie {
        rule: Rule::PaymentHasOneCredit,
        told: &["WITH txn AS (
                     INSERT INTO ledger_txn (id, kind, source_type, source_id, actor, event_at)
                     SELECT gen_random_uuid(), 'suspense', 'payment', id::text, 'lie', now()
                     FROM payment_attempt WHERE state = 'settled' LIMIT 1 RETURNING id
                 )
                 INSERT INTO ledger_entry (txn_id, line, account_id, amount)
                 SELECT txn.id, row_number() OVER (), a.id,
                        CASE a.code WHEN 'suspense' THEN 7 ELSE -7 END
                 FROM txn, ledger_account a WHERE a.code IN ('suspense', 'midtrans:clearing')"],
    },
    Lie {
        rule: Rule::PaymentMoves,
        told: &["UPDATE payment_attempt SET state = 'cancelled' WHERE state = 'expired'"],
    },
    Lie {
        rule: Rule::OrderMoney,
        told: &["WITH txn AS (
                     INSERT INTO ledger_txn (id, kind, source_type, source_id, actor, event_at)
                     SELECT gen_random_uuid(), 'purchase', 'order', id::text, 'lie', now()
                     FROM orders WHERE state = 'expired' LIMIT 1 RETURNING id
                 )
                 INSERT INTO ledger_entry (txn_id, line, account_id, amount)
                 SELECT txn.id, row_number() OVER (), a.id,
                        CASE a.code WHEN 'sales' THEN 7 ELSE -7 END
                 FROM txn, ledger_account a WHERE a.code IN ('sales', 'adjustment')"],
    },
    Lie {
        rule: Rule::OrderPaid,
        told: &["UPDATE orders SET paid = paid + 1 WHERE state = 'completed'"],
    },
    Lie {
        rule: Rule::OrderMoves,
        told: &["UPDATE orders SET version = version + 1"],
    },
    Lie {
        rule: Rule::OneOrderPerQuote,
        told: &[
            "ALTER TABLE orders DROP CONSTRAINT orders_quote_once",
            "UPDATE orders SET quote_nonce = (SELECT min(quote_nonce) FROM orders)",
        ],
    },
    Lie {
        rule: Rule::PurchaseLimit,
        told: &[
            "UPDATE orders SET created_at = now(), customer_id = (SELECT min(id) FROM customer)",
        ],
    },
    Lie {
        rule: Rule::StockReserved,
        told: &["UPDATE stock_item SET reserved = reserved + 1 WHERE on_hand > reserved"],
    },
    Lie {
        rule: Rule::StockReservations,
        told: &["UPDATE stock_reservation SET state = 'released' WHERE state = 'committed'"],
    },
    Lie {
        rule: Rule::StockOnHand,
        told: &[
            "UPDATE stock_item SET on_hand = on_hand + 1 WHERE variant_id = (
                     SELECT id FROM variant WHERE sku = 'TEH-01')",
        ],
    },
    Lie {
        rule: Rule::UnitsFree,
        told: &["DELETE FROM stock_unit WHERE id = (
                     SELECT max(id) FROM stock_unit WHERE order_line_id IS NULL)"],
    },
    Lie {
        rule: Rule::UnitsUnique,
        told: &[
            "ALTER TABLE stock_unit DROP CONSTRAINT stock_unit_unique",
            "UPDATE stock_unit SET fingerprint = (
                 SELECT fingerprint FROM stock_unit ORDER BY id LIMIT 1)
             WHERE id = (SELECT max(id) FROM stock_unit)",
        ],
    },
    Lie {
        rule: Rule::UnitsSold,
        told: &["UPDATE stock_unit SET order_line_id = (
                     SELECT max(order_line_id::text)::uuid FROM stock_unit)
                 WHERE order_line_id IS NOT NULL"],
    },
    Lie {
        rule: Rule::InboxMoves,
        told: &[
            "UPDATE inbox SET state = 'pending', received_at = now() - interval '11 minutes'
                 WHERE id = (SELECT min(id) FROM inbox WHERE kind = 'message')",
        ],
    },
    Lie {
        rule: Rule::OutboxMoves,
        told: &[
            "UPDATE outbox SET state = 'pending', created_at = now() - interval '11 minutes'
                 WHERE id = (SELECT min(id) FROM outbox)",
        ],
    },
    Lie {
        rule: Rule::PaymentsAreWorkedOn,
        told: &["UPDATE payment_attempt SET act_at = now() - interval '11 minutes'"],
    },
];

#[tokio::test]
async fn each_lie_is_found_by_its_own_rule_and_an_honest_day_by_none() {
    let world = World::new().await;
    let _budi = an_honest_day(&world).await;
    for bot in &world.bots {
        bot.process.stop(Duration::from_secs(10)).await.unwrap();
    }
    let mut connection = world.db.acquire().await.unwrap();
    assert_eq!(broken(&mut connection, None).await, BTreeSet::new());
    assert_eq!(broken(&mut connection, Some(2_000)).await, BTreeSet::new());
    let told: BTreeSet<_> = LIES.iter().map(|lie| lie.rule.name()).collect();
    assert_eq!(told.len(), Rule::ALL.len(), "each rule has its lie");
    for lie in &LIES {
        for rows in [None, Some(2_000)] {
            sqlx::query("BEGIN")
                .execute(&mut *connection)
                .await
                .unwrap();
            for sql in lie.told {
                let done = sqlx::query(AssertSqlSafe(*sql))
                    .execute(&mut *connection)
                    .await;
                done.unwrap_or_else(|error| panic!("{}: {error}", lie.rule.name()));
            }
            let found = broken(&mut connection, rows).await;
            assert_eq!(found, BTreeSet::from([lie.rule.name()]), "rows: {rows:?}");
            sqlx::query("ROLLBACK")
                .execute(&mut *connection)
                .await
                .unwrap();
        }
    }
}

/// One order of each kind: paid by saldo, paid by QRIS, expired, and waiting for its money with a
/// part of it set aside.
async fn an_honest_day(world: &World) -> Customer {
    let sari = world.customer("Sari");
    world.give_saldo(&sari, 100_000).await;
    for method in ["saldo", "qris"] {
        sari.asks("beli VOUCHER-10 1").await;
        pays_by(&sari, method).await;
        if method == "qris" {
            let bill = world.midtrans.payments().pop().unwrap();
            world.midtrans.pay(&bill.order_id).unwrap();
            sari.hears().await;
        }
    }
    let tono = world.customer("Tono");
    tono.asks("beli VOUCHER-10 1").await;
    pays_by(&tono, "va_bca").await;
    sqlx::query("UPDATE orders SET expires_at = now() WHERE state = 'awaiting_payment'")
        .execute(&world.db)
        .await
        .unwrap();
    sqlx::query("UPDATE payment_attempt SET expires_at = now() WHERE state = 'pending'")
        .execute(&world.db)
        .await
        .unwrap();
    tono.hears().await.says_all(&["Waktu bayar"]);
    let budi = world.customer("Budi");
    world.give_saldo(&budi, 4_000).await;
    budi.asks("beli VOUCHER-10 1").await;
    pays_by(&budi, "saldo+qris").await;
    world.settles().await;
    budi
}

async fn pays_by(customer: &Customer, method: &str) {
    let quote = customer.inbox().pop().unwrap();
    let mark = format!("|{method}~");
    let options = quote.options();
    let option = options.iter().find(|option| option.id.contains(&mark));
    customer
        .taps(&option.expect("a way to pay").id)
        .await
        .unwrap();
    customer.hears().await;
}

/// The rules that are broken as the connection sees them.
async fn broken(connection: &mut PgConnection, rows: Option<i64>) -> BTreeSet<&'static str> {
    let scope = Scope {
        rows,
        now: now(),
        purchases: 3,
        window: Duration::from_mins(1),
    };
    let audit = look(connection, &scope, &[]).await.unwrap();
    audit.violations.iter().map(|found| found.rule).collect()
}

#[expect(clippy::disallowed_methods, reason = "a story lives in the present")]
fn now() -> chrono::DateTime<Utc> {
    Utc::now()
}

#[tokio::test]
async fn a_violation_is_on_record_until_it_is_mended() {
    let mut world = World::new().await;
    let one_more = "UPDATE stock_item SET on_hand = on_hand + 1
        WHERE variant_id = (SELECT id FROM variant WHERE sku = 'TEH-01')";
    sqlx::query(one_more).execute(&world.db).await.unwrap();
    let audit = world.administer(&["audit"]).await;
    let complaint = format!("{:#}", audit.expect_err("the books are not in order"));
    let named = "stock_on_hand: TEH-01: 51 are on hand, its movements sum to 50";
    assert!(complaint.contains(named), "{complaint}");
    // A bot looks when it starts, and then every minute.
    world.start_bot().await;
    recorded(&world, 1).await;
    let one_less = "UPDATE stock_item SET on_hand = on_hand - 1
        WHERE variant_id = (SELECT id FROM variant WHERE sku = 'TEH-01')";
    sqlx::query(one_less).execute(&world.db).await.unwrap();
    world.start_bot().await;
    recorded(&world, 0).await;
    let books = world.administer(&["audit"]).await.unwrap();
    assert!(books.contains("books are in order"), "{books}");
    world.ends_well().await;
}

/// Waits until this many violations are on record, and the newest bot shows them.
async fn recorded(world: &World, count: u32) {
    eventually(PATIENCE, async || {
        let is = world
            .count("SELECT count(*) FROM invariant_violation")
            .await;
        let newest = world.bots.len() - 1;
        let shown = world
            .metric(newest, "warung_invariant_violations_open")
            .await;
        if is == i64::from(count) && shown == i64::from(count) {
            Ok(())
        } else {
            Err(format!("{is} violations are on record, {shown} are shown"))
        }
    })
    .await;
}
