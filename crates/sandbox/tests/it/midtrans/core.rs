//! The Core API and the life of a payment.

use chrono::{NaiveTime, TimeDelta};
use serde_json::json;
use warung_sandbox::midtrans::{Fault, Movement, Refused, Status, WrongStatus};

use super::harness::{DEADLINE, Shop, cstore, mandiri, qris, va, wallet};

#[tokio::test]
async fn a_qris_charge_has_a_code_to_scan() {
    let shop = Shop::open().await;
    let charged = shop.charge(&qris("order-1a", 27_500)).await;
    assert_eq!((charged.http, charged.code()), (200, "201"));
    assert_eq!(charged.text("transaction_status"), "pending");
    assert_eq!(charged.text("gross_amount"), "27500.00");
    assert_eq!(charged.text("merchant_id"), "G123456789");
    assert_eq!(charged.text("currency"), "IDR");
    assert!(charged.text("qr_string").starts_with("000201"));
    let action = &charged.body["actions"][0];
    assert_eq!(action["name"], "generate-qr-code");
    let picture = shop.browser().get(action["url"].as_str().unwrap());
    let picture = picture.send().await.unwrap();
    assert_eq!(picture.headers()["content-type"], "image/svg+xml");
}

#[tokio::test]
async fn each_method_tells_the_payer_what_to_do() {
    let shop = Shop::open().await;
    for bank in ["bca", "bni", "bri", "cimb"] {
        let charged = shop
            .charge(&va(bank, &format!("order-{bank}"), 50_000))
            .await;
        assert_eq!(charged.code(), "201", "{bank}");
        assert_eq!(charged.body["va_numbers"][0]["bank"], bank);
        let number = charged.body["va_numbers"][0]["va_number"].as_str().unwrap();
        assert!(number.len() >= 16 && number.bytes().all(|b| b.is_ascii_digit()));
    }
    let permata = shop.charge(&va("permata", "order-permata", 50_000)).await;
    assert!(!permata.text("permata_va_number").is_empty());
    assert!(permata.body["va_numbers"].is_null());
    let bill = shop.charge(&mandiri("order-mandiri", 50_000)).await;
    assert_eq!(bill.text("biller_code"), "70012");
    assert_eq!(bill.text("bill_key").len(), 12);
    for store in ["indomaret", "alfamart"] {
        let charged = shop
            .charge(&cstore(store, &format!("order-{store}"), 50_000))
            .await;
        assert_eq!(charged.text("store"), store);
        assert!(!charged.text("payment_code").is_empty());
    }
    for kind in ["gopay", "shopeepay"] {
        let charged = shop
            .charge(&wallet(kind, &format!("order-{kind}"), 50_000))
            .await;
        let actions = charged.body["actions"].as_array().unwrap();
        assert!(
            actions
                .iter()
                .any(|action| action["name"] == "deeplink-redirect"),
            "{kind}"
        );
    }
}

#[tokio::test]
async fn times_are_western_indonesian() {
    let shop = Shop::open().await;
    let charged = shop.charge(&va("bca", "order-1a", 50_000)).await;
    let payment = shop.midtrans.find("order-1a").unwrap();
    let local = payment.created_at + TimeDelta::hours(7);
    let written = local.format("%Y-%m-%d %H:%M:%S").to_string();
    assert_eq!(charged.text("transaction_time"), written);
    assert_eq!(
        payment.expires_at - payment.created_at,
        TimeDelta::hours(24)
    );
}

#[tokio::test]
async fn a_paid_payment_is_settled_and_in_the_book() {
    let shop = Shop::open().await;
    let charged = shop.charge(&qris("order-1a", 27_500)).await;
    shop.midtrans.pay_qr(charged.text("qr_string")).unwrap();
    for id in ["order-1a", charged.text("transaction_id")] {
        let status = shop.status(id).await;
        assert_eq!((status.http, status.code()), (200, "200"));
        assert_eq!(status.text("transaction_status"), "settlement");
        assert!(!status.text("settlement_time").is_empty());
    }
    let book = shop.midtrans.book();
    assert_eq!(book.len(), 1);
    assert_eq!(
        (book[0].movement, book[0].amount),
        (Movement::Settlement, 27_500)
    );
    assert_eq!(book[0].transaction_id, charged.text("transaction_id"));
}

#[tokio::test]
async fn a_virtual_account_is_paid_by_its_number_once() {
    let shop = Shop::open().await;
    let charged = shop.charge(&va("bca", "order-1a", 50_000)).await;
    let number = charged.body["va_numbers"][0]["va_number"].as_str().unwrap();
    let spaced = format!("{} {}", &number[..4], &number[4..]);
    let paid = shop.midtrans.pay_va(&spaced).unwrap();
    assert_eq!(paid.status, Status::Settlement);
    let again = shop.midtrans.pay_va(number);
    assert_eq!(again, Err(Refused::Status(WrongStatus(Status::Settlement))));
    assert_eq!(shop.midtrans.pay_va("0000"), Err(Refused::Unknown));
    assert_eq!(shop.midtrans.book().len(), 1);
}

#[tokio::test]
async fn a_wrong_key_is_refused_with_401() {
    let shop = Shop::open().await.with_key("SB-Mid-server-other");
    let charged = shop.charge(&qris("order-1a", 1_000)).await;
    assert_eq!((charged.http, charged.code()), (401, "401"));
    assert_eq!(shop.status("order-1a").await.http, 401);
    assert!(shop.midtrans.payments().is_empty());
}

#[tokio::test]
async fn an_unknown_order_is_404_in_the_body_only() {
    let shop = Shop::open().await;
    for path in [
        "/v2/nobody/cancel",
        "/v2/nobody/expire",
        "/v2/nobody/refund",
    ] {
        let answer = shop.post(path, &json!({})).await;
        assert_eq!((answer.http, answer.code()), (200, "404"), "{path}");
    }
    let status = shop.status("nobody").await;
    assert_eq!((status.http, status.code()), (200, "404"));
}

#[tokio::test]
async fn an_order_id_is_charged_once_until_it_ends() {
    let shop = Shop::open().await;
    let first = shop.charge(&qris("order-1a", 1_000)).await;
    let double = shop.charge(&qris("order-1a", 1_000)).await;
    assert_eq!((double.http, double.code()), (200, "406"));
    shop.midtrans.fail("order-1a").unwrap();
    let second = shop.charge(&qris("order-1a", 1_000)).await;
    assert_eq!(second.code(), "201");
    assert_ne!(first.text("transaction_id"), second.text("transaction_id"));
    // The order's id means its newest payment; the older one keeps its own id.
    assert_eq!(
        shop.status("order-1a").await.text("transaction_status"),
        "pending"
    );
    let older = shop.status(first.text("transaction_id")).await;
    assert_eq!(
        (older.code(), older.text("transaction_status")),
        ("202", "deny")
    );
    shop.midtrans.pay("order-1a").unwrap();
    assert_eq!(shop.charge(&qris("order-1a", 1_000)).await.code(), "406");
}

#[tokio::test]
async fn cancel_and_expire_end_what_is_pending_and_nothing_else() {
    let shop = Shop::open().await;
    for (step, code, status) in [("cancel", "200", "cancel"), ("expire", "407", "expire")] {
        let order = format!("order-{step}");
        shop.charge(&qris(&order, 1_000)).await;
        let ended = shop.post(&format!("/v2/{order}/{step}"), &json!({})).await;
        assert_eq!((ended.http, ended.code()), (200, code));
        assert_eq!(ended.text("transaction_status"), status);
        assert_eq!(shop.status(&order).await.code(), code);
        let again = shop.post(&format!("/v2/{order}/{step}"), &json!({})).await;
        assert_eq!((again.http, again.code()), (200, "412"));
        shop.inbox.wait_for(status).await;
    }
    shop.charge(&qris("order-paid", 1_000)).await;
    shop.midtrans.pay("order-paid").unwrap();
    let late = shop.post("/v2/order-paid/cancel", &json!({})).await;
    assert_eq!(late.code(), "412");
}

#[tokio::test]
async fn an_unpaid_payment_expires_by_itself() {
    let shop = Shop::open().await;
    shop.charge(&qris("order-1a", 1_000)).await;
    shop.charge(&va("bca", "order-2b", 50_000)).await;
    shop.midtrans.advance(TimeDelta::minutes(16));
    let told = shop.inbox.wait_for("expire").await;
    assert_eq!(told.body["order_id"], "order-1a");
    assert_eq!(told.body["status_code"], "202");
    assert_eq!(
        shop.status("order-2b").await.text("transaction_status"),
        "pending"
    );
    let late = shop.midtrans.pay("order-1a");
    assert_eq!(late, Err(Refused::Status(WrongStatus(Status::Expire))));
}

#[tokio::test]
async fn money_may_arrive_after_the_end() {
    let shop = Shop::open().await;
    shop.charge(&va("bca", "order-1a", 50_000)).await;
    shop.midtrans.expire("order-1a").unwrap();
    shop.midtrans.pay_late("order-1a").unwrap();
    let told = shop.inbox.wait_for("settlement").await;
    assert_eq!(told.body["status_code"], "200");
    let book = shop.midtrans.book();
    assert_eq!(
        (book[0].movement, book[0].amount),
        (Movement::LateSettlement, 50_000)
    );
    assert!(shop.midtrans.pay_late("order-1a").is_err());
}

#[tokio::test]
async fn permata_mandiri_and_indomaret_may_be_taken_back() {
    let shop = Shop::open().await;
    shop.charge(&va("permata", "order-permata", 50_000)).await;
    shop.charge(&mandiri("order-mandiri", 50_000)).await;
    shop.charge(&cstore("indomaret", "order-indomaret", 50_000))
        .await;
    for order in ["order-permata", "order-mandiri", "order-indomaret"] {
        assert!(
            shop.midtrans.reverse(order).is_err(),
            "not paid yet: {order}"
        );
        shop.midtrans.pay(order).unwrap();
        shop.midtrans.reverse(order).unwrap();
        assert_eq!(shop.status(order).await.text("transaction_status"), "deny");
    }
    let sum: i64 = shop.midtrans.book().iter().map(|entry| entry.amount).sum();
    assert_eq!(sum, 0);
    shop.charge(&va("bca", "order-bca", 50_000)).await;
    shop.midtrans.pay("order-bca").unwrap();
    assert!(shop.midtrans.reverse("order-bca").is_err());
}

#[tokio::test]
async fn a_reversal_comes_minutes_after_the_settlement() {
    let shop = Shop::open_with(|config| config.time_scale = 1).await;
    shop.midtrans.faults().next(Fault::Reversal, 1);
    shop.charge(&mandiri("order-1a", 50_000)).await;
    shop.midtrans.pay("order-1a").unwrap();
    shop.inbox.wait_for("settlement").await;
    assert_eq!(
        shop.midtrans.find("order-1a").unwrap().status,
        Status::Settlement
    );
    shop.midtrans.advance(TimeDelta::minutes(5));
    let told = shop.inbox.wait_for("deny").await;
    assert_eq!(told.body["status_code"], "202");
}

#[tokio::test]
async fn a_refund_is_final_with_its_second_notification() {
    let shop = Shop::open().await;
    shop.charge(&qris("order-1a", 10_000)).await;
    let early = shop
        .post("/v2/order-1a/refund", &json!({ "refund_key": "r1" }))
        .await;
    assert_eq!(early.code(), "412");
    shop.midtrans.pay("order-1a").unwrap();
    let part = json!({ "refund_key": "r1", "amount": 4_000, "reason": "habis" });
    let refunded = shop.post("/v2/order-1a/refund", &part).await;
    assert_eq!(refunded.code(), "200");
    assert_eq!(refunded.text("transaction_status"), "partial_refund");
    assert_eq!(refunded.text("refund_amount"), "4000.00");
    let again = shop.post("/v2/order-1a/refund", &part).await;
    assert_eq!((again.http, again.code()), (200, "406"));
    let too_much = json!({ "refund_key": "r2", "amount": 6_001 });
    assert_eq!(
        shop.post("/v2/order-1a/refund", &too_much).await.code(),
        "414"
    );
    let rest = shop
        .post("/v2/order-1a/refund", &json!({ "refund_key": "r2" }))
        .await;
    assert_eq!(rest.text("transaction_status"), "refund");

    let all = shop.inbox.wait(6).await;
    let confirmed = |it: &&super::harness::Received| {
        it.body["refunds"]
            .as_array()
            .is_some_and(|list| list.iter().all(|one| one["bank_confirmed_at"].is_string()))
    };
    assert!(all.iter().filter(confirmed).count() >= 1);
    assert!(
        all.iter()
            .any(|it| it.body["refunds"][0]["bank_confirmed_at"].is_null()
                && it.status() == "partial_refund")
    );
    let sum: i64 = shop.midtrans.book().iter().map(|entry| entry.amount).sum();
    assert_eq!(sum, 0);
}

#[tokio::test]
async fn accounts_and_counters_have_no_refunds_and_windows_end() {
    let shop = Shop::open().await;
    for (order, body) in [
        ("order-bca", va("bca", "order-bca", 50_000)),
        ("order-mandiri", mandiri("order-mandiri", 50_000)),
        ("order-alfa", cstore("alfamart", "order-alfa", 50_000)),
        ("order-old", qris("order-old", 50_000)),
    ] {
        shop.charge(&body).await;
        shop.midtrans.pay(order).unwrap();
    }
    shop.midtrans.advance(TimeDelta::days(46));
    for order in ["order-bca", "order-mandiri", "order-alfa", "order-old"] {
        let refused = shop.post(&format!("/v2/{order}/refund"), &json!({})).await;
        assert_eq!((refused.http, refused.code()), (200, "412"), "{order}");
    }
}

#[tokio::test]
async fn shopeepay_pays_back_the_whole_or_nothing() {
    let shop = Shop::open().await;
    shop.charge(&wallet("shopeepay", "order-1a", 10_000)).await;
    shop.midtrans.pay("order-1a").unwrap();
    let part = shop
        .post("/v2/order-1a/refund", &json!({ "amount": 1_000 }))
        .await;
    assert_eq!(part.code(), "414");
    let whole = shop
        .post("/v2/order-1a/refund", &json!({ "amount": 10_000 }))
        .await;
    assert_eq!(whole.text("transaction_status"), "refund");
}

#[tokio::test]
async fn shopeepay_takes_no_direct_refund_around_midnight() {
    let shop = Shop::open().await;
    shop.charge(&wallet("shopeepay", "order-1a", 10_000)).await;
    let paid = shop.midtrans.pay("order-1a").unwrap();
    let local = paid.settled_at.unwrap() + TimeDelta::hours(7);
    let to_midnight = TimeDelta::days(1) - local.time().signed_duration_since(NaiveTime::MIN);
    shop.midtrans.advance(to_midnight);
    let path = "/v2/order-1a/refund/online/direct";
    assert_eq!(shop.post(path, &json!({})).await.code(), "412");
    shop.midtrans.advance(TimeDelta::hours(6));
    assert_eq!(shop.post(path, &json!({})).await.code(), "200");
}

#[tokio::test]
async fn a_test_can_wait_for_a_payment() {
    let shop = Shop::open().await;
    let body = qris("order-1a", 1_000);
    let (found, charged) = tokio::join!(
        shop.midtrans
            .wait_for_payment(|it| it.amount == 1_000, DEADLINE),
        shop.charge(&body),
    );
    assert_eq!(
        found.unwrap().transaction_id,
        charged.text("transaction_id")
    );
    let missing = shop
        .midtrans
        .wait_for_payment(|it| it.amount == 2, std::time::Duration::ZERO);
    assert!(missing.await.is_err());
    shop.midtrans.stop().await;
}
