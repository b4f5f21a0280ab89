//! From the courier to the customer's door: orders that are shipped, and how they end.

use crate::harness::{Customer, Says, World};

const EVENTS: &str = "SELECT string_agg(actor || ': ' || reason, '; ' ORDER BY version)
                      FROM order_event WHERE to_state = 'completed'";
const COMPLETED: &str = "SELECT count(*) FROM orders WHERE state = 'completed'";

/// A customer who has paid for coffee; returns the order's number.
async fn has_paid(world: &World, customer: &Customer) -> String {
    world.give_saldo(customer, 200_000).await;
    customer
        .asks("alamat Jl. Melati No. 5, Bandung 40115")
        .await;
    customer.asks("beli KOPI-01 1").await;
    customer.asks("bayar saldo").await.says_all(&["WRG-"]);
    sqlx::query_scalar("SELECT number FROM orders ORDER BY created_at DESC LIMIT 1")
        .fetch_one(&world.db)
        .await
        .unwrap()
}

async fn is_shipped(world: &World, customer: &Customer) -> String {
    let number = has_paid(world, customer).await;
    let staff = world.staff();
    staff.asks(&format!("kirim {number} JNE JP123456789")).await;
    customer.hears().await.says_all(&["JP123456789"]);
    number
}

async fn ended_by(world: &World) -> String {
    sqlx::query_scalar(EVENTS)
        .fetch_one(&world.db)
        .await
        .unwrap()
}

#[tokio::test]
async fn a_tap_on_the_shipped_notice_completes_the_order_once() {
    let world = World::new().await;
    let sari = world.customer("Sari");
    let number = is_shipped(&world, &sari).await;
    let notice = sari.inbox().pop().unwrap();
    notice.says_all(&["sudah terima", "14 hari"]);
    let tap = notice.option("received");
    sari.chooses(&tap)
        .await
        .says_all(&["Terima kasih", &number]);
    assert_eq!(world.count(COMPLETED).await, 1);
    assert_eq!(ended_by(&world).await, "customer: received by the customer");
    // The same tap once more changes nothing and says how the order stands.
    sari.taps_in(&notice.wamid, &tap).await.unwrap();
    sari.hears().await.says_all(&[&number, "Selesai"]);
    sari.asks("sudah terima").await.never_says("Terima kasih");
    let moves = "SELECT count(*) FROM order_event WHERE to_state = 'completed'";
    assert_eq!(world.count(moves).await, 1);
    let counted = world.metric(0, "warung_orders_total").await;
    assert_eq!(counted, 3, "paid, fulfilling, completed");
    world.ends_well().await;
}

#[tokio::test]
async fn the_words_do_too_in_both_languages_and_a_question_does_not() {
    let world = World::new().await;
    let tom = world.customer("Tom");
    let first = is_shipped(&world, &tom).await;
    tom.asks("sudah sampai?").await.says_all(&["JP123456789"]);
    assert_eq!(world.count(COMPLETED).await, 0);
    tom.asks("language en").await;
    let second = is_shipped(&world, &tom).await;
    // Two are on their way: which?
    let which = tom.asks("received").await;
    which.says_all(&["Which order"]);
    tom.chooses(&which.option(&second))
        .await
        .says_all(&["Thank you", &second]);
    // A stranger's word about somebody else's parcel counts for nothing.
    let sari = world.customer("Sari");
    sari.asks(&format!("sudah terima {first}"))
        .await
        .says_all(&["tidak ketemu"]);
    tom.asks("order received").await.says_all(&[&first]);
    assert_eq!(world.count(COMPLETED).await, 2);
    world.ends_well().await;
}

#[tokio::test]
async fn an_order_nobody_speaks_of_is_completed_after_the_shops_days() {
    let mut world = World::new().await;
    let words = ["settings", "set", "orders.complete_after_days", "3"];
    world.administer(&words).await.unwrap();
    let sari = world.customer("Sari");
    let old = is_shipped(&world, &sari).await;
    let new = is_shipped(&world, &sari).await;
    // Time passes for the first alone; but for a story nobody can change an order's past.
    let past = format!(
        "ALTER TABLE order_event DISABLE TRIGGER order_event_append_only;
         UPDATE order_event SET at = now() - interval '3 days 1 minute'
         WHERE order_id = (SELECT id FROM orders WHERE number = '{old}');
         ALTER TABLE order_event ENABLE TRIGGER order_event_append_only"
    );
    sqlx::raw_sql(sqlx::AssertSqlSafe(past))
        .execute(&world.db)
        .await
        .unwrap();
    let heard = sari.inbox().len();
    // The sweep comes once a minute; a bot that starts looks at once.
    world.start_bot().await;
    warung_testkit::eventually(crate::harness::PATIENCE, async || {
        world.count(COMPLETED).await == 1
    })
    .await;
    let left: String = sqlx::query_scalar("SELECT number FROM orders WHERE state = 'fulfilling'")
        .fetch_one(&world.db)
        .await
        .unwrap();
    assert_eq!(left, new, "the other's days are not over");
    assert_eq!(
        ended_by(&world).await,
        "system: no complaint 3 days after shipping"
    );
    assert_eq!(sari.inbox().len(), heard, "no message is billed for it");
    world.ends_well().await;
}

#[tokio::test]
async fn staff_complete_what_was_fetched_at_the_shop() {
    let world = World::new().await;
    let (staff, sari) = (world.staff(), world.customer("Sari"));
    let number = has_paid(&world, &sari).await;
    sari.asks(&format!("sudah terima {number}"))
        .await
        .says_all(&["disiapkan"]);
    assert_eq!(world.count(COMPLETED).await, 0, "no courier has had it");
    let order = format!("selesaiorder {number}");
    staff.asks(&order).await.says_all(&[&number, "selesai"]);
    staff.asks(&order).await.says_all(&["sebelumnya"]);
    let by = ended_by(&world).await;
    assert!(
        by.starts_with("staff:") && by.ends_with("completed by staff"),
        "{by}"
    );
    staff
        .asks("selesaiorder")
        .await
        .says_all(&["*selesaiorder WRG-"]);
    staff
        .asks("selesaiorder WRG-241126-7K3QX")
        .await
        .says_all(&["tidak ada"]);
    world.ends_well().await;
}
