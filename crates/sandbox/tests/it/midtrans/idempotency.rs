//! `Idempotency-Key`, the 202 in flight, and the charge limit.

use chrono::TimeDelta;
use serde_json::json;
use warung_sandbox::midtrans::{Call, Fault};

use super::harness::{Shop, cstore, qris, va};

#[tokio::test]
async fn the_same_key_gets_the_same_answer_whatever_the_body() {
    let shop = Shop::open().await;
    let first = shop
        .charge_with_key("key-1", &qris("order-1a", 1_000))
        .await;
    let same = shop
        .charge_with_key("key-1", &qris("order-1a", 1_000))
        .await;
    let other = shop
        .charge_with_key("key-1", &qris("order-2b", 2_000))
        .await;
    assert_eq!(first.body, same.body);
    assert_eq!(first.body, other.body);
    assert_eq!(shop.midtrans.payments().len(), 1);
}

#[tokio::test]
async fn the_key_is_one_for_all_endpoints() {
    let shop = Shop::open().await;
    let first = shop
        .charge_with_key("key-1", &qris("order-1a", 1_000))
        .await;
    let cancel = shop
        .try_post("/v2/order-1a/cancel", Some("key-1"), &json!({}))
        .await
        .unwrap();
    assert_eq!(first.body, cancel.body);
    assert_eq!(
        shop.status("order-1a").await.text("transaction_status"),
        "pending"
    );
}

#[tokio::test]
async fn a_key_is_forgotten_after_five_minutes() {
    let shop = Shop::open().await;
    shop.charge_with_key("key-1", &qris("order-1a", 1_000))
        .await;
    shop.midtrans.advance(TimeDelta::seconds(299));
    assert_eq!(
        shop.charge_with_key("key-1", &qris("order-1a", 1_000))
            .await
            .code(),
        "201"
    );
    shop.midtrans.advance(TimeDelta::seconds(2));
    assert_eq!(
        shop.charge_with_key("key-1", &qris("order-1a", 1_000))
            .await
            .code(),
        "406"
    );
}

#[tokio::test]
async fn failures_are_not_kept() {
    let shop = Shop::open().await;
    let bad = shop.charge_with_key("key-1", &qris("order 1", 1_000)).await;
    assert_eq!(bad.code(), "400");
    let good = shop
        .charge_with_key("key-1", &qris("order-1a", 1_000))
        .await;
    assert_eq!(good.code(), "201");
}

#[tokio::test]
async fn permata_and_indomaret_ignore_the_key() {
    let shop = Shop::open().await;
    for body in [
        va("permata", "order-1a", 50_000),
        cstore("indomaret", "order-2b", 50_000),
    ] {
        assert_eq!(shop.charge_with_key("key-1", &body).await.code(), "201");
        assert_eq!(shop.charge_with_key("key-1", &body).await.code(), "406");
    }
}

#[tokio::test]
async fn a_key_has_at_most_46_characters() {
    let shop = Shop::open().await;
    let long = shop
        .charge_with_key(&"k".repeat(47), &qris("order-1a", 1_000))
        .await;
    assert_eq!(long.code(), "400");
    let fits = shop
        .charge_with_key(&"k".repeat(46), &qris("order-1a", 1_000))
        .await;
    assert_eq!(fits.code(), "201");
}

#[tokio::test]
async fn a_retry_in_flight_is_202_and_then_the_answer() {
    let shop = Shop::open_with(|config| config.slow_ms = 60_000).await;
    shop.midtrans
        .faults()
        .next_on(Call::Charge, Fault::InFlight, 1);
    let first = shop
        .charge_with_key("key-1", &qris("order-1a", 1_000))
        .await;
    assert_eq!((first.http, first.code()), (202, "202"));
    let second = shop
        .charge_with_key("key-1", &qris("order-1a", 1_000))
        .await;
    assert_eq!(second.http, 202);
    shop.midtrans.advance(TimeDelta::seconds(61));
    let third = shop
        .charge_with_key("key-1", &qris("order-1a", 1_000))
        .await;
    assert_eq!(third.code(), "201");
    assert_eq!(shop.midtrans.payments().len(), 1);
}

#[tokio::test]
async fn twenty_calls_with_one_key_have_one_effect() {
    let shop = Shop::open().await;
    let body = qris("order-1a", 1_000);
    let calls = (0..20).map(|_| shop.charge_with_key("key-1", &body));
    let answers = futures_util::future::join_all(calls).await;
    assert!(answers.iter().all(|answer| answer.body == answers[0].body));
    assert_eq!(shop.midtrans.payments().len(), 1);
}

#[tokio::test]
async fn charges_over_the_limit_are_429() {
    let shop = Shop::open_with(|config| config.charges_per_minute = Some(2)).await;
    for order in ["order-1a", "order-2b"] {
        assert_eq!(shop.charge(&qris(order, 1_000)).await.code(), "201");
    }
    let third = shop.charge(&qris("order-3c", 1_000)).await;
    assert_eq!((third.http, third.code()), (429, "429"));
    shop.midtrans.advance(TimeDelta::seconds(60));
    assert_eq!(shop.charge(&qris("order-3c", 1_000)).await.code(), "201");
}
