//! What Midtrans refuses as invalid.

use serde_json::{Value, json};

use super::harness::{Shop, cstore, mandiri, qris, va, wallet};

fn with(mut body: Value, pointer: &str, value: Value) -> Value {
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    body.pointer_mut(parent).unwrap()[name] = value;
    body
}

fn item(name: &str, price: i64, quantity: i64) -> Value {
    json!({ "id": "sku", "name": name, "price": price, "quantity": quantity })
}

async fn assert_refused(shop: &Shop, body: &Value, names: &str) {
    let answer = shop.charge(body).await;
    assert_eq!(
        (answer.http, answer.code()),
        (400, "400"),
        "{names}: {body}"
    );
    let messages = answer.body["validation_messages"].to_string();
    assert!(messages.contains(names), "{messages} does not name {names}");
}

#[tokio::test]
async fn an_order_id_has_at_most_fifty_plain_characters() {
    let shop = Shop::open().await;
    for bad in ["", "a b", "kopi/2", "pésan", &"x".repeat(51)] {
        assert_refused(&shop, &qris(bad, 1_000), "order_id").await;
    }
    let fine = shop
        .charge(&qris(&format!("{}-_~.", "x".repeat(46)), 1_000))
        .await;
    assert_eq!(fine.code(), "201");
    let missing = json!({ "payment_type": "qris", "transaction_details": { "gross_amount": 1 } });
    assert_refused(&shop, &missing, "order_id is required").await;
}

#[tokio::test]
async fn an_amount_is_a_whole_number_within_the_methods_limits() {
    let shop = Shop::open().await;
    for bad in [
        json!(0),
        json!(-5),
        json!(10.5),
        json!("10000"),
        Value::Null,
    ] {
        let body = with(
            qris("order-1a", 1),
            "/transaction_details/gross_amount",
            bad,
        );
        assert_refused(&shop, &body, "gross_amount").await;
    }
    for body in [
        qris("order-1a", 10_000_001),
        va("bca", "order-1a", 9_999),
        va("cimb", "order-1a", 250_000_001),
        cstore("indomaret", "order-1a", 9_999),
        cstore("indomaret", "order-1a", 5_000_001),
        cstore("alfamart", "order-1a", 5_000_001),
        wallet("gopay", "order-1a", 20_000_001),
    ] {
        assert_refused(&shop, &body, "gross_amount must be between").await;
    }
}

#[tokio::test]
async fn items_sum_up_to_the_amount() {
    let shop = Shop::open().await;
    let charge = |items: Value| with(qris("order-1a", 25_000), "/item_details", items);
    let short = json!([item("Kopi", 12_000, 2)]);
    assert_refused(&shop, &charge(short), "sum of item_details").await;
    for (bad, names) in [
        (item("Kopi", 25_000, 0), "quantity"),
        (item(&"x".repeat(51), 25_000, 1), "name"),
        (item("", 25_000, 1), "name"),
        (
            json!({ "name": "Kopi", "price": 1.5, "quantity": 1 }),
            "price",
        ),
        (item("Kopi", i64::MAX, 2), "sum of item_details"),
    ] {
        assert_refused(&shop, &charge(json!([bad])), names).await;
    }
    let fine = json!([
        item("Kopi", 12_000, 2),
        item("Ongkir", 5_000, 1),
        item("Diskon", -4_000, 1)
    ]);
    assert_eq!(shop.charge(&charge(fine)).await.code(), "201");
}

#[tokio::test]
async fn each_method_has_rules_of_its_own() {
    let shop = Shop::open().await;
    let long = json!([item(&"x".repeat(31), 50_000, 1)]);
    let bca = with(va("bca", "order-1a", 50_000), "/item_details", long.clone());
    assert_refused(&shop, &bca, "for bca").await;
    let bri = with(va("bri", "order-bri", 50_000), "/item_details", long);
    assert_eq!(shop.charge(&bri).await.code(), "201");
    let pipe = json!([item("Kopi|Susu", 50_000, 1)]);
    let alfamart = with(
        cstore("alfamart", "order-1a", 50_000),
        "/item_details",
        pipe,
    );
    assert_refused(&shop, &alfamart, "for alfamart").await;
    let phone = json!({ "phone": "6281234567890" });
    let bni = with(va("bni", "order-1a", 50_000), "/customer_details", phone);
    assert_refused(&shop, &bni, "for bni").await;
    let long_info = json!("12345678901");
    let bill = with(
        mandiri("order-1a", 50_000),
        "/echannel/bill_info1",
        long_info,
    );
    assert_refused(&shop, &bill, "bill_info1").await;
    let no_info = with(mandiri("order-1a", 50_000), "/echannel", json!({}));
    assert_refused(&shop, &no_info, "bill_info2").await;
    let acquirer = with(qris("order-1a", 50_000), "/qris/acquirer", json!("bank"));
    assert_refused(&shop, &acquirer, "acquirer").await;
}

#[tokio::test]
async fn customers_and_custom_fields_are_checked() {
    let shop = Shop::open().await;
    for (pointer, bad, names) in [
        ("/customer_details", json!({ "email": "sari" }), "email"),
        ("/customer_details", json!({ "phone": "abc" }), "phone"),
        ("/custom_field1", json!("x".repeat(256)), "custom_field1"),
    ] {
        assert_refused(&shop, &with(qris("order-1a", 1_000), pointer, bad), names).await;
    }
    let fine = with(
        qris("order-1a", 1_000),
        "/custom_field2",
        json!("pesanan 7"),
    );
    shop.charge(&fine).await;
    let told = shop.inbox.wait_for("pending").await;
    assert_eq!(told.body["custom_field2"], "pesanan 7");
}

#[tokio::test]
async fn a_custom_expiry_is_bounded_and_honoured() {
    let shop = Shop::open().await;
    let charge = |expiry: Value| with(qris("order-1a", 1_000), "/custom_expiry", expiry);
    for (bad, names) in [
        (
            json!({ "expiry_duration": 19, "unit": "second" }),
            "between 20 seconds",
        ),
        (
            json!({ "expiry_duration": 8, "unit": "day" }),
            "between 20 seconds",
        ),
        (json!({ "expiry_duration": 0 }), "expiry_duration"),
        (json!({ "expiry_duration": 1, "unit": "week" }), "unit"),
        (
            json!({ "expiry_duration": 1, "order_time": "2026-01-01" }),
            "order_time",
        ),
        (
            json!({ "expiry_duration": 1, "order_time": "2020-01-01 10:00:00 +0700" }),
            "in the future",
        ),
    ] {
        assert_refused(&shop, &charge(bad), names).await;
    }
    shop.charge(&charge(json!({ "expiry_duration": 30, "unit": "minute" })))
        .await;
    let payment = shop.midtrans.find("order-1a").unwrap();
    let life = payment.expires_at - payment.created_at;
    assert_eq!(life.num_minutes(), 30);
}

#[tokio::test]
async fn unknown_methods_and_broken_bodies_are_named() {
    let shop = Shop::open().await;
    let card = shop.charge(&wallet("credit_card", "order-1a", 1_000)).await;
    assert_eq!((card.http, card.code()), (402, "402"));
    assert_refused(&shop, &json!({}), "payment_type").await;
    assert_refused(
        &shop,
        &va("bank of nowhere", "order-1a", 1_000),
        "payment_type",
    )
    .await;
    let broken = shop.post_raw("/v2/charge", "{\"payment_type\": ").await;
    assert_eq!((broken.http, broken.code()), (413, "413"));
    assert!(shop.midtrans.payments().is_empty());
}
