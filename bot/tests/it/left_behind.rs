//! What a bot that died, or was cut off in the middle, left behind keeps no customer waiting.

use std::time::{Duration, Instant};

use sqlx::postgres::PgPoolOptions;
use warung_coordination::{Config, Coordination};
use warung_sandbox::midtrans::{self, Call, Fault};
use warung_testkit::{Postgres, PostgresOptions, Wire, eventually, stores};

use crate::harness::{Customer, PATIENCE, Plan, Says, World};

/// How long a purchase may take whose lock a dead bot has: a moment's patience, and some more for a
/// busy machine; far less than the lock lives.
const LOCKED_LIMIT: Duration = Duration::from_secs(4);
/// How long a customer waits for how to pay after the database came back: far less than the 70 s
/// that a bot may work on one payment.
const PAYMENT_LIMIT: Duration = Duration::from_secs(12);
/// Longer than the answer to a claim usually takes.
const SLOW_ANSWER: Duration = Duration::from_secs(8);

/// How long somebody waits for a server that stands still.
const MOMENT: Duration = Duration::from_millis(300);

/// A customer with a quote for one voucher on the screen.
async fn about_to_pay(world: &World) -> Customer {
    let sari = world.customer("Sari");
    sari.asks("beli VOUCHER-10 1").await.says_all(&["Rp10.000"]);
    sari
}

/// The same, with enough saldo.
async fn about_to_pay_by_saldo(world: &World) -> Customer {
    let sari = world.customer("Sari");
    world.give_saldo(&sari, 100_000).await;
    sari.asks("beli VOUCHER-10 1").await.says_all(&["Rp10.000"]);
    sari
}

#[tokio::test]
async fn a_purchase_does_not_wait_for_the_lock_of_a_bot_that_died() {
    let world = World::new().await;
    let sari = about_to_pay_by_saldo(&world).await;
    let prefix = format!("warung:{}:", world.shop.name);
    let config = Config::parse(stores().await.redis.urls(), &prefix).unwrap();
    let dead = Coordination::connect(config, &prometheus::Registry::new());
    assert!(dead.wait_until_up(PATIENCE).await);
    let customer = world.count("SELECT customer_id FROM customer_alias").await;
    let lifetime = Duration::from_mins(1);
    let lock = dead
        .acquire_lock(&customer.to_string(), "buy", lifetime)
        .await
        .unwrap();
    let asked = Instant::now();
    sari.chooses(&sari.option("saldo"))
        .await
        .says_all(&["KELAS-"]);
    assert!(asked.elapsed() < LOCKED_LIMIT, "{:?}", asked.elapsed());
    assert!(
        !lock.valid_for().is_zero(),
        "the lock was held all the time"
    );
    lock.release().await;
    world.ends_well().await;
}

#[tokio::test]
async fn how_to_pay_comes_once_the_database_is_back_that_was_away_when_midtrans_answered() {
    let directory = std::env::temp_dir().join(format!("warung-left-{}", std::process::id()));
    let postgres = Postgres::start(PostgresOptions::new(&directory)).await;
    let postgres = postgres.unwrap();
    postgres.create_database("shop").await.unwrap();
    let world = Plan {
        database_url: Some(postgres.url("shop")),
        midtrans: midtrans::Config {
            slow_ms: 3_000,
            ..Plan::default().midtrans
        },
        ..Plan::default()
    }
    .open()
    .await;
    let sari = about_to_pay(&world).await;
    let faults = world.midtrans.faults();
    faults.next_on(Call::Charge, Fault::Slow, 1);
    sari.taps(&sari.option("|qris~")).await.unwrap();
    let charged = world.midtrans.wait_for_payment(|_| true, PATIENCE).await;
    charged.expect("a payment at Midtrans");
    postgres.kill().await.unwrap();
    // Midtrans has answered by then, and nobody could write it down.
    let log = world.bots[0].log.clone();
    eventually(PATIENCE, async || {
        std::fs::read_to_string(&log).is_ok_and(|log| log.contains("not given back yet"))
    })
    .await;
    postgres.start_again().await.unwrap();
    let back = Instant::now();
    sari.hears().await.says_all(&["Rp10.000"]);
    assert!(back.elapsed() < PAYMENT_LIMIT, "{:?}", back.elapsed());
    assert_eq!(world.midtrans.payments().len(), 1, "charged once");
    world.ends_well().await;
    let _ = std::fs::remove_dir_all(directory);
}

#[tokio::test]
async fn a_payment_whose_claim_was_committed_and_never_answered_is_taken_up_again() {
    let world = World::new().await;
    let sari = about_to_pay(&world).await;
    // As the claim of the bot leaves it that lost the answer to its commit.
    sqlx::raw_sql(
        "CREATE FUNCTION claimed() RETURNS trigger LANGUAGE plpgsql AS $$
         BEGIN
             NEW.owner := (SELECT id FROM bot_instance);
             NEW.claimed_at := now();
             RETURN NEW;
         END $$;
         CREATE TRIGGER claimed BEFORE INSERT ON payment_attempt
             FOR EACH ROW EXECUTE FUNCTION claimed();",
    )
    .execute(&world.db)
    .await
    .unwrap();
    let asked = Instant::now();
    sari.chooses(&sari.option("|qris~"))
        .await
        .says_all(&["Rp10.000"]);
    assert!(asked.elapsed() < PAYMENT_LIMIT, "{:?}", asked.elapsed());
    assert_eq!(world.midtrans.payments().len(), 1, "charged once");
    world.ends_well().await;
}

#[tokio::test]
async fn a_commit_whose_answer_is_slow_is_no_lost_one_and_its_reply_leaves_once() {
    let mut world = Plan::bots(0).open().await;
    let wire = Wire::lay(&world.shop.database_url).await.unwrap();
    wire.delay_commits(SLOW_ANSWER);
    wire.url().clone_into(&mut world.shop.database_url);
    world.start_bot().await;
    let sari = about_to_pay_by_saldo(&world).await;
    let before = sari.inbox().len();
    sari.chooses(&sari.option("saldo"))
        .await
        .says_all(&["KELAS-"]);
    world.settles().await;
    assert_eq!(sari.inbox().len(), before + 1, "one receipt");
    world.ends_well().await;
}

#[tokio::test]
async fn what_is_written_after_somebody_gave_up_beginning_is_kept() {
    let directory = std::env::temp_dir().join(format!("warung-begun-{}", std::process::id()));
    let postgres = Postgres::start(PostgresOptions::new(&directory)).await;
    let postgres = postgres.unwrap();
    let only_one = PgPoolOptions::new()
        .max_connections(1)
        .test_before_acquire(false);
    let pool = only_one.connect(&postgres.url("postgres")).await.unwrap();
    let note = "CREATE TABLE note (text text NOT NULL)";
    sqlx::raw_sql(note).execute(&pool).await.unwrap();
    eventually(PATIENCE, async || pool.num_idle() == 1).await;
    postgres.pause().unwrap();
    let begun = tokio::time::timeout(MOMENT, warung_bot::store::begin(&pool)).await;
    assert!(begun.is_err(), "the server answers no BEGIN");
    postgres.resume().unwrap();
    let written = "INSERT INTO note VALUES ('sent')";
    sqlx::query(written).execute(&pool).await.unwrap();
    let mut other = postgres.connect("postgres").await.unwrap();
    let seen: i64 = sqlx::query_scalar("SELECT count(*) FROM note")
        .fetch_one(&mut other)
        .await
        .unwrap();
    assert_eq!(seen, 1, "written, and seen by nobody");
    let _ = std::fs::remove_dir_all(directory);
}
