//! Many bots, one shop: whatever is killed, stopped or repeated, each sale happens once.

use std::time::Duration;

use warung_testkit::{RedisCluster, RedisOptions, eventually, stores};

use crate::harness::{Customer, PATIENCE, Plan, Says, World};

const SOLD: &str = "SELECT count(*) FROM orders WHERE state IN ('paid', 'fulfilling', 'completed')";
const UNITS_SOLD: &str = "SELECT count(*) FROM stock_unit WHERE order_line_id IS NOT NULL";

/// A customer with enough saldo who has a quote for one voucher on the screen.
async fn about_to_buy(world: &World, name: &str) -> Customer {
    let customer = world.customer(name);
    world.give_saldo(&customer, 100_000).await;
    customer
        .asks("beli VOUCHER-10 1")
        .await
        .says_all(&["Rp10.000"]);
    customer
}

/// Leaves this many vouchers for sale.
async fn leave_vouchers(world: &World, count: i64) {
    let removed = format!(
        "WITH gone AS (
             DELETE FROM stock_unit WHERE id IN (
                 SELECT id FROM stock_unit WHERE order_line_id IS NULL ORDER BY id OFFSET {count})
             RETURNING variant_id
         ), moved AS (
             INSERT INTO stock_movement (variant_id, delta, reason, actor, at)
             SELECT variant_id, -count(*)::int, 'staff', 'story', now() FROM gone GROUP BY 1
         )
         UPDATE stock_item SET on_hand = {count}
         WHERE variant_id IN (SELECT variant_id FROM gone)"
    );
    sqlx::query(sqlx::AssertSqlSafe(removed))
        .execute(&world.db)
        .await
        .unwrap();
}

#[tokio::test]
async fn fifty_customers_want_twenty_vouchers_over_two_bots() {
    let world = Plan::bots(2).open().await;
    leave_vouchers(&world, 20).await;
    let mut crowd = Vec::new();
    for n in 0..50 {
        crowd.push(about_to_buy(&world, &format!("Pembeli {n}")).await);
    }
    for customer in &crowd {
        customer.taps(&customer.option("saldo")).await.unwrap();
    }
    let mut sold = 0;
    for customer in &crowd {
        let answer = customer.hears().await;
        if answer.text().contains("KELAS-") {
            sold += 1;
        } else {
            answer.says_all(&["habis"]);
        }
    }
    assert_eq!(sold, 20);
    assert_eq!(world.count(SOLD).await, 20);
    assert_eq!(world.count(UNITS_SOLD).await, 20);
    let charged =
        "SELECT count(*) FROM ledger_account WHERE customer_id IS NOT NULL AND posted = 90000";
    assert_eq!(world.count(charged).await, 20, "only who got one has paid");
    world.ends_well().await;
}

#[tokio::test]
async fn two_buyers_want_the_last_one_and_the_other_is_not_charged() {
    let world = Plan::bots(2).open().await;
    leave_vouchers(&world, 1).await;
    let sari = about_to_buy(&world, "Sari").await;
    let budi = about_to_buy(&world, "Budi").await;
    sari.taps(&sari.option("saldo")).await.unwrap();
    budi.taps(&budi.option("saldo")).await.unwrap();
    let answers = [sari.hears().await, budi.hears().await];
    let served = answers
        .iter()
        .filter(|answer| answer.text().contains("KELAS-"))
        .count();
    assert_eq!(served, 1);
    let untouched =
        "SELECT count(*) FROM ledger_account WHERE customer_id IS NOT NULL AND posted = 100000";
    assert_eq!(world.count(untouched).await, 1);
    world.ends_well().await;
}

#[tokio::test]
async fn a_buyer_outrun_at_the_last_moment_has_bought_nothing() {
    const MOVE: &str = "WITH moved AS (
             INSERT INTO stock_movement (variant_id, delta, reason, actor, at)
             SELECT id, $1, 'staff', 'story', now() FROM variant WHERE sku = 'VOUCHER-10'
             RETURNING variant_id)
         UPDATE stock_item SET on_hand = on_hand + $1
         WHERE variant_id = (SELECT variant_id FROM moved)";
    const WAITING: &str = "SELECT count(*) FROM pg_stat_activity
         WHERE datname = current_database() AND wait_event_type = 'Lock'";
    let world = Plan::bots(1).open().await;
    leave_vouchers(&world, 1).await;
    let sari = about_to_buy(&world, "Sari").await;
    // Somebody takes the last one, and commits once Sari's purchase waits for the stock.
    let mut faster = warung_bot::store::begin(&world.db).await.unwrap();
    sqlx::query(MOVE)
        .bind(-1)
        .execute(&mut *faster)
        .await
        .unwrap();
    sari.taps(&sari.option("saldo")).await.unwrap();
    eventually(PATIENCE, async || world.count(WAITING).await == 1).await;
    faster.commit().await.unwrap();
    sari.hears().await.says_all(&["habis"]);
    assert_eq!(world.count("SELECT count(*) FROM orders").await, 0);
    assert_eq!(world.count(UNITS_SOLD).await, 0);
    let untouched =
        "SELECT count(*) FROM ledger_account WHERE customer_id IS NOT NULL AND posted = 100000";
    assert_eq!(world.count(untouched).await, 1);

    // It comes back, and so does Sari: nothing of the first try is in the way.
    sqlx::query(MOVE).bind(1).execute(&world.db).await.unwrap();
    sari.asks("beli VOUCHER-10 1").await;
    sari.chooses(&sari.option("saldo"))
        .await
        .says_all(&["KELAS-"]);
    world.ends_well().await;
}

#[tokio::test]
async fn the_same_tap_twenty_times_over_two_bots_is_one_order() {
    let world = Plan::bots(2).open().await;
    let sari = about_to_buy(&world, "Sari").await;
    let option = sari.option("saldo");
    let quote = sari.inbox().pop().unwrap().wamid;
    for _ in 0..20 {
        sari.taps_in(&quote, &option).await.unwrap();
    }
    sari.hears().await.says_all(&["KELAS-"]);
    world.settles().await;
    assert_eq!(world.count("SELECT count(*) FROM orders").await, 1);
    assert_eq!(world.count(UNITS_SOLD).await, 1);
    let secrets = sari
        .inbox()
        .iter()
        .filter(|message| message.text().contains("KELAS-"))
        .count();
    assert!(
        secrets <= 2,
        "the receipt once, perhaps shown again, not {secrets} times"
    );
    world.ends_well().await;
}

#[tokio::test]
async fn three_purchases_a_minute_pass_and_the_fourth_is_told_when_to_come_back() {
    let world = Plan::bots(2).open().await;
    let sari = world.customer("Sari");
    world.give_saldo(&sari, 100_000).await;
    for _ in 0..3 {
        sari.asks("beli VOUCHER-10 1").await;
        sari.chooses(&sari.option("saldo"))
            .await
            .says_all(&["KELAS-"]);
    }
    sari.asks("beli VOUCHER-10 1").await;
    sari.chooses(&sari.option("saldo"))
        .await
        .never_says("KELAS-")
        .says_all(&["detik"]);
    assert_eq!(world.count(SOLD).await, 3);
    world.ends_well().await;
}

#[tokio::test]
async fn postgres_alone_still_counts_to_three_when_redis_has_forgotten() {
    let world = World::new().await;
    let sari = world.customer("Sari");
    world.give_saldo(&sari, 100_000).await;
    for _ in 0..3 {
        sari.asks("beli VOUCHER-10 1").await;
        sari.chooses(&sari.option("saldo")).await;
    }
    flush_rate_limits().await;
    sari.asks("beli VOUCHER-10 1").await;
    sari.chooses(&sari.option("saldo"))
        .await
        .never_says("KELAS-")
        .says_all(&["detik"]);
    world.ends_well().await;
}

/// Removes every rate limit's log from the shared cluster: the others' limits are only less strict
/// for it, and PostgreSQL counts anyway.
async fn flush_rate_limits() {
    let redis = &stores().await.redis;
    for node in redis.primaries().await.unwrap() {
        let mut connection = redis.connect(node).await.unwrap();
        let keys: Vec<String> = redis::cmd("KEYS")
            .arg("warung:it-*rate*")
            .query_async(&mut connection)
            .await
            .unwrap();
        for key in keys {
            let _: i64 = redis::cmd("DEL")
                .arg(key)
                .query_async(&mut connection)
                .await
                .unwrap();
        }
    }
}

#[tokio::test]
async fn a_bot_dies_in_the_middle_of_fifty_purchases_and_the_other_finishes_them() {
    let world = Plan::bots(2).open().await;
    let mut crowd = Vec::new();
    for n in 0..50 {
        crowd.push(about_to_buy(&world, &format!("Pembeli {n}")).await);
    }
    for (n, customer) in crowd.iter().enumerate() {
        customer.taps(&customer.option("saldo")).await.unwrap();
        if n == 25 {
            world.bots[0].process.kill().unwrap();
        }
    }
    world.route_webhooks();
    for customer in &crowd {
        let answer = loop {
            let heard = customer.hears().await;
            if !heard.text().contains("Rp10.000\n\n") || heard.text().contains("KELAS-") {
                break heard;
            }
        };
        answer.says_all(&["KELAS-"]);
    }
    assert_eq!(world.count(SOLD).await, 50);
    assert_eq!(world.count(UNITS_SOLD).await, 50);
    let buyers = "SELECT count(DISTINCT order_line_id) FROM stock_unit";
    assert_eq!(world.count(buyers).await, 50, "one unit, one buyer");
    world.ends_well().await;
}

#[tokio::test]
async fn a_purchase_goes_on_with_the_whole_redis_cluster_stopped() {
    let directory = std::env::temp_dir().join(format!("warung-own-redis-{}", std::process::id()));
    let redis = RedisCluster::start(RedisOptions::new(&directory))
        .await
        .unwrap();
    let world = Plan {
        redis_urls: Some(redis.url_list()),
        ..Plan::default()
    }
    .open()
    .await;
    let sari = about_to_buy(&world, "Sari").await;
    redis.stop_all().await.unwrap();
    sari.chooses(&sari.option("saldo"))
        .await
        .says_all(&["KELAS-"]);
    // Browsing and a whole new purchase, too.
    sari.asks("menu").await;
    sari.asks("beli VOUCHER-10 1").await;
    sari.chooses(&sari.option("saldo"))
        .await
        .says_all(&["KELAS-"]);
    assert!(world.metric(0, "warung_lock_fallback_total").await >= 1);
    let ready = world
        .http
        .get(world.bots[0].url("/readyz"))
        .send()
        .await
        .unwrap();
    assert_eq!(ready.status(), 200, "sales survive Redis");
    assert!(
        ready
            .text()
            .await
            .unwrap()
            .contains("\"redis\":\"unavailable\"")
    );
    world.ends_well().await;
    let _ = std::fs::remove_dir_all(directory);
}

#[tokio::test]
async fn while_postgres_is_away_nothing_is_taken_and_afterwards_everybody_is_answered() {
    let directory =
        std::env::temp_dir().join(format!("warung-own-postgres-{}", std::process::id()));
    let options = warung_testkit::PostgresOptions::new(&directory);
    let postgres = warung_testkit::Postgres::start(options).await.unwrap();
    postgres.create_database("shop").await.unwrap();
    let world = Plan {
        database_url: Some(postgres.url("shop")),
        ..Plan::bots(2)
    }
    .open()
    .await;
    let sari = about_to_buy(&world, "Sari").await;
    postgres.kill().await.unwrap();
    sari.taps(&sari.option("saldo")).await.unwrap();
    eventually(PATIENCE, async || {
        let refused = world.metric(0, "warung_webhook_refused_total").await
            + world.metric(1, "warung_webhook_refused_total").await;
        refused >= 1
    })
    .await;
    let ready = world
        .http
        .get(world.bots[0].url("/readyz"))
        .send()
        .await
        .unwrap();
    assert_eq!(ready.status(), 503);
    postgres.start_again().await.unwrap();
    sari.hears().await.says_all(&["KELAS-"]);
    assert_eq!(world.count(SOLD).await, 1);
    world.ends_well().await;
    let _ = std::fs::remove_dir_all(directory);
}

#[tokio::test]
async fn a_bot_told_to_stop_finishes_what_it_has_and_loses_nothing() {
    let world = Plan::bots(2).open().await;
    let crowd: Vec<_> = (0..40)
        .map(|n| world.customer(&format!("Pembeli {n}")))
        .collect();
    for (n, customer) in crowd.iter().enumerate() {
        customer.says("menu").await;
        if n == 20 {
            world.bots[0].process.terminate().unwrap();
        }
    }
    let status = world.bots[0]
        .process
        .wait(Duration::from_secs(10))
        .await
        .unwrap();
    assert!(status.success());
    world.route_webhooks();
    for customer in &crowd {
        customer.hears().await;
    }
    world.settles().await;
    for customer in &crowd {
        assert_eq!(customer.inbox().len(), 1);
    }
    world.ends_well().await;
}

#[tokio::test]
async fn a_frozen_bot_comes_back_to_find_its_customers_served_and_changes_nothing() {
    let world = Plan::bots(2).open().await;
    let crowd: Vec<_> = (0..20)
        .map(|n| world.customer(&format!("Pembeli {n}")))
        .collect();
    for (n, customer) in crowd.iter().enumerate() {
        customer.says("menu").await;
        if n == 10 {
            world.bots[0].process.pause().unwrap();
        }
    }
    for customer in &crowd {
        customer.hears().await;
    }
    world.bots[0].process.resume().unwrap();
    world.settles().await;
    let answers = "SELECT count(*) FROM outbox WHERE topic = 'whatsapp'";
    assert_eq!(
        world.count(answers).await,
        20,
        "one answer a message, whoever wrote it"
    );
    world.ends_well().await;
}

#[tokio::test]
async fn ten_messages_in_a_row_are_answered_in_their_order() {
    let world = Plan::bots(2).open().await;
    let sari = world.customer("Sari");
    for n in 1..=10 {
        sari.says(&format!("tambah KOPI-01 {n}")).await;
    }
    world.settles().await;
    let total = "SELECT coalesce(sum(qty), 0) FROM cart_line";
    assert_eq!(world.count(total).await, 55);
    let order: Vec<i64> =
        sqlx::query_scalar("SELECT id FROM outbox WHERE topic = 'whatsapp' ORDER BY sent_at, id")
            .fetch_all(&world.db)
            .await
            .unwrap();
    assert!(order.is_sorted(), "{order:?}");
    world.ends_well().await;
}

#[tokio::test]
async fn a_purchase_under_an_older_fence_token_is_rolled_back_and_made_again_under_a_newer_one() {
    let world = World::new().await;
    let sari = about_to_buy(&world, "Sari").await;
    // Somebody has committed under a much newer token, as after a pause longer than the lock.
    sqlx::query(
        "INSERT INTO lock_fence (resource, token)
         SELECT DISTINCT customer_id || ':buy', 1000000 FROM customer_alias",
    )
    .execute(&world.db)
    .await
    .unwrap();
    sari.taps(&sari.option("saldo")).await.unwrap();
    eventually(PATIENCE, async || {
        world.metric(0, "warung_lock_fenced_total").await >= 1
    })
    .await;
    assert_eq!(world.count(SOLD).await, 0, "nothing of it was committed");
    sqlx::query("DELETE FROM lock_fence")
        .execute(&world.db)
        .await
        .unwrap();
    sari.hears().await.says_all(&["KELAS-"]);
    assert_eq!(world.count(SOLD).await, 1);
    world.ends_well().await;
}
