//! Who somebody is: user ids, numbers that change and numbers that change hands.

use serde_json::{Value, json};
use warung_sandbox::whatsapp::Profile;
use warung_testkit::eventually;

use crate::harness::{Customer, PATIENCE, Plan, Says, World};

const CUSTOMERS: &str = "SELECT count(*) FROM customer WHERE merged_into IS NULL";

fn profile(wa_id: &str, name: &str, bsuid: &str) -> Profile {
    Profile {
        wa_id: wa_id.to_owned(),
        name: name.to_owned(),
        bsuid: Some(bsuid.to_owned()),
        username: None,
        hides_number: false,
    }
}

/// News as Meta sends them: from the names before.
fn news(world: &World, from: Option<&str>, user_id: Option<&str>, system: &Value) -> Value {
    let now = world.whatsapp.clock().now();
    let mut message = json!({
        "id": format!("wamid.NEWS{}", now.timestamp_micros()),
        "timestamp": now.timestamp().to_string(),
        "type": "system",
        "system": system,
    });
    if let Some(from) = from {
        message["from"] = json!(from);
    }
    if let Some(user_id) = user_id {
        message["from_user_id"] = json!(user_id);
    }
    message
}

async fn tells(world: &World, message: Value) {
    assert_eq!(world.whatsapp.deliver(&[message]).await, Some(200));
    world.settles().await;
}

async fn comes_with_a_full_cart(world: &World, customer: &Customer) {
    customer.asks("bahasa id").await;
    world.give_saldo(customer, 75_000).await;
    customer.asks("tambah KOPI-01 3").await;
}

async fn has_everything(customer: &Customer) {
    customer.asks("saldo").await.says_all(&["75.000"]);
    customer.asks("keranjang").await.says_all(&["Gayo", "3"]);
}

#[tokio::test]
async fn a_customer_without_a_number_is_known_and_answered_by_user_id() {
    let world = World::new().await;
    let number = World::free_number();
    // Without its letters and dot this id would be a number of somebody else.
    let sari = world.customer_as(Profile {
        username: Some("sari".to_owned()),
        hides_number: true,
        ..profile(&number, "Sari", "ID.6281234567890")
    });
    let menu = sari.asks("menu").await;
    assert_eq!(menu.payload["recipient"], "ID.6281234567890");
    assert_eq!(menu.payload.get("to"), None);
    sari.asks("bahasa en").await;
    let numbers = "SELECT count(*) FROM customer_alias WHERE kind = 'wa_id'";
    assert_eq!(world.count(numbers).await, 0);
    let ids = "SELECT count(*) FROM customer_alias WHERE kind = 'bsuid' AND value LIKE 'ID.%'";
    assert_eq!(world.count(ids).await, 1);
    assert_eq!(world.count(CUSTOMERS).await, 1);
    world.ends_well().await;
}

#[tokio::test]
async fn a_changed_number_keeps_saldo_and_cart() {
    let world = Plan::bots(2).open().await;
    let mut sari = world.customer("Sari");
    comes_with_a_full_cart(&world, &sari).await;
    let old = sari.wa_id().to_owned();
    let new = World::free_number();
    sari.changes_number(&new).await.unwrap();
    world.whatsapp.idle(PATIENCE).await;
    world.settles().await;
    has_everything(&sari).await;
    assert_eq!(world.count(CUSTOMERS).await, 1);
    let numbers: Vec<String> =
        sqlx::query_scalar("SELECT value FROM customer_alias WHERE kind = 'wa_id'")
            .fetch_all(&world.db)
            .await
            .unwrap();
    assert_eq!(numbers, [new]);

    // Months later the operator gives the old number to somebody else.
    let joko = world.customer_as(profile(&old, "Joko", "ID.joko"));
    joko.asks("saldo").await.never_says("75.000");
    joko.asks("keranjang").await.never_says("Gayo");
    has_everything(&sari).await;
    assert_eq!(world.count(CUSTOMERS).await, 2);
    world.ends_well().await;
}

#[tokio::test]
async fn a_stranger_on_a_number_without_user_ids_is_not_taken_for_its_old_owner() {
    let world = World::new().await;
    let nameless = |wa_id: &str, name: &str| Profile {
        bsuid: None,
        ..profile(wa_id, name, "ID.x")
    };
    let number = World::free_number();
    let mut sari = world.customer_as(nameless(&number, "Sari"));
    comes_with_a_full_cart(&world, &sari).await;
    let new = World::free_number();
    sari.changes_number(&new).await.unwrap();
    world.whatsapp.idle(PATIENCE).await;
    world.settles().await;
    // The bot remembers who wrote under the number a moment ago; it must ask again.
    let joko = world.customer_as(nameless(&number, "Joko"));
    joko.asks("saldo").await.never_says("75.000");
    has_everything(&sari).await;
    assert_eq!(world.count(CUSTOMERS).await, 2);
    world.ends_well().await;
}

#[tokio::test]
async fn a_number_that_turns_up_with_another_user_id_has_changed_hands() {
    let world = World::new().await;
    let number = World::free_number();
    let sari = world.customer_as(profile(&number, "Sari", "ID.sari"));
    comes_with_a_full_cart(&world, &sari).await;
    let joko = world.customer_as(profile(&number, "Joko", "ID.joko"));
    joko.asks("saldo").await.never_says("75.000");
    assert_eq!(world.count(CUSTOMERS).await, 2);
    let of_sari = "SELECT count(*) FROM customer_alias a JOIN ledger_account l USING (customer_id)
                   WHERE a.value = 'ID.sari' AND l.posted = 75000";
    assert_eq!(
        world.count(of_sari).await,
        1,
        "she finds it again by her user id"
    );
    world.ends_well().await;
}

#[tokio::test]
async fn who_wrote_from_the_new_number_before_the_news_came_becomes_one_again() {
    let world = Plan::bots(2).open().await;
    let number = World::free_number();
    let sari = world.customer_as(profile(&number, "Sari", "ID.before"));
    comes_with_a_full_cart(&world, &sari).await;
    let new = World::free_number();
    let again = world.customer_as(profile(&new, "Sari", "ID.after"));
    again.asks("bahasa id").await;
    again.asks("tambah KOPI-01 999").await;
    again.asks("tambah TEH-01 1").await;
    world.give_saldo(&again, 5_000).await;
    assert_eq!(world.count(CUSTOMERS).await, 2);
    let moved = json!({
        "type": "user_changed_number", "body": "…", "wa_id": new,
        "user_id": "ID.after", "previous_user_id": "ID.before",
    });
    tells(
        &world,
        news(&world, Some(&number), Some("ID.before"), &moved),
    )
    .await;
    assert_eq!(world.count(CUSTOMERS).await, 1);
    again.asks("saldo").await.says_all(&["80.000"]);
    again
        .asks("keranjang")
        .await
        .says_all(&["Gayo", "999", "Melati"]);
    let transfers =
        "SELECT count(*) FROM ledger_txn WHERE kind = 'adjustment' AND source_type = 'merge'";
    assert_eq!(world.count(transfers).await, 1);
    let sum = "SELECT sum(amount)::bigint FROM ledger_entry";
    assert_eq!(world.count(sum).await, 0);
    world.ends_well().await;
}

#[tokio::test]
async fn a_new_user_id_is_the_same_customer_in_any_order() {
    let world = World::new().await;
    let sari = world.customer("Sari");
    comes_with_a_full_cart(&world, &sari).await;
    sari.changes_user_id().await.unwrap();
    world.whatsapp.idle(PATIENCE).await;
    world.settles().await;
    has_everything(&sari).await;

    let number = World::free_number();
    let dewi = world.customer_as(profile(&number, "Dewi", "ID.dewi1"));
    comes_with_a_full_cart(&world, &dewi).await;
    // The first message under the new id overtakes the news.
    let dewi = world.customer_as(profile(&number, "Dewi", "ID.dewi2"));
    dewi.asks("bahasa id").await;
    let changed = json!({
        "type": "user_changed_user_id", "body": "…",
        "user_id": "ID.dewi2", "previous_user_id": "ID.dewi1",
    });
    tells(&world, news(&world, Some(&number), None, &changed)).await;
    eventually(PATIENCE, async || match world.count(CUSTOMERS).await {
        2 => Ok(()),
        other => Err(other),
    })
    .await;
    has_everything(&dewi).await;
    world.ends_well().await;
}

#[tokio::test]
async fn news_that_name_nobody_but_by_user_ids_are_understood() {
    let world = World::new().await;
    let number = World::free_number();
    let sari = world.customer_as(Profile {
        hides_number: true,
        ..profile(&number, "Sari", "ID.one")
    });
    sari.asks("bahasa en").await;
    let changed = json!({
        "type": "user_changed_user_id", "body": "…",
        "user_id": "ID.two", "previous_user_id": "ID.one",
    });
    tells(&world, news(&world, None, None, &changed)).await;
    let sari = world.customer_as(Profile {
        hides_number: true,
        ..profile(&number, "Sari", "ID.two")
    });
    sari.asks("topup gratis").await.says_all(&["For example"]);
    assert_eq!(world.count(CUSTOMERS).await, 1);
    world.ends_well().await;
}

#[tokio::test]
async fn messages_that_come_while_two_customers_become_one_are_each_heard_once() {
    let world = Plan::bots(2).open().await;
    let number = World::free_number();
    let sari = world.customer_as(profile(&number, "Sari", "ID.before"));
    comes_with_a_full_cart(&world, &sari).await;
    let new = World::free_number();
    let again = world.customer_as(profile(&new, "Sari", "ID.after"));
    again.asks("bahasa id").await;
    let moved = json!({
        "type": "user_changed_number", "body": "…", "wa_id": new,
        "user_id": "ID.after", "previous_user_id": "ID.before",
    });
    let moved = news(&world, Some(&number), Some("ID.before"), &moved);
    for message in 0..20 {
        again.says("tambah TEH-01 1").await;
        if message == 7 {
            assert_eq!(
                world.whatsapp.deliver(std::slice::from_ref(&moved)).await,
                Some(200)
            );
        }
    }
    world.whatsapp.idle(PATIENCE).await;
    world.settles().await;
    assert_eq!(world.count(CUSTOMERS).await, 1);
    let tea = "SELECT sum(l.qty)::bigint FROM cart_line l JOIN variant v ON v.id = l.variant_id
               WHERE v.sku = 'TEH-01'";
    assert_eq!(world.count(tea).await, 20);
    let lost = "SELECT count(*) FROM cart_line l JOIN customer k ON k.id = l.customer_id
                WHERE k.merged_into IS NOT NULL";
    assert_eq!(world.count(lost).await, 0);
    world.ends_well().await;
}

#[tokio::test]
async fn saldo_held_for_an_order_follows_when_it_is_freed() {
    let mut world = World::new().await;
    let number = World::free_number();
    let sari = world.customer_as(profile(&number, "Sari", "ID.before"));
    comes_with_a_full_cart(&world, &sari).await;
    let new = World::free_number();
    let again = world.customer_as(profile(&new, "Sari", "ID.after"));
    again.asks("bahasa id").await;
    again.asks("alamat Jl. Melati No. 5, Bandung 40115").await;
    world.give_saldo(&again, 30_000).await;
    let quote = again.asks("beli KOPI-01 1").await;
    let mixed = quote
        .options()
        .into_iter()
        .find(|option| option.title == "Saldo + QRIS");
    let mixed = mixed.expect("a mixed payment").id;
    again.taps(&mixed).await.unwrap();
    let held = "SELECT sum(pending_out)::bigint FROM ledger_account";
    eventually(PATIENCE, async || match world.count(held).await {
        30_000 => Ok(()),
        other => Err(other),
    })
    .await;
    let moved = json!({
        "type": "user_changed_number", "body": "…", "wa_id": new,
        "user_id": "ID.after", "previous_user_id": "ID.before",
    });
    tells(
        &world,
        news(&world, Some(&number), Some("ID.before"), &moved),
    )
    .await;
    again.says("batal").await;
    eventually(PATIENCE, async || match world.count(held).await {
        0 => Ok(()),
        other => Err(other),
    })
    .await;
    // The sweep that moves it runs at a bot's start and every minute.
    world.start_bot().await;
    let free = "SELECT posted FROM ledger_account JOIN customer k ON k.id = customer_id
                WHERE k.merged_into IS NULL";
    eventually(PATIENCE, async || match world.count(free).await {
        105_000 => Ok(()),
        other => Err(other),
    })
    .await;
    world.ends_well().await;
}
