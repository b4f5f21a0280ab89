//! Each fault, and each forgery.

use chrono::TimeDelta;
use serde_json::json;
use warung_sandbox::midtrans::{Call, Fault, Forgery, Status};

use super::harness::{Shop, qris, va, wallet};
use super::notifications::signature_fits;

#[tokio::test]
async fn a_notification_comes_twice() {
    let shop = Shop::open().await;
    shop.midtrans.faults().next(Fault::Duplicate, 1);
    shop.charge(&qris("order-1a", 1_000)).await;
    let all = shop.inbox.wait(2).await;
    assert_eq!(all[0].body, all[1].body);
    assert_eq!(shop.midtrans.faults().struck()[&Fault::Duplicate], 1);
}

#[tokio::test]
async fn the_settlement_overtakes_the_pending() {
    let shop = Shop::open_with(|config| config.time_scale = 1).await;
    shop.midtrans.faults().next(Fault::Reorder, 1);
    shop.charge(&qris("order-1a", 1_000)).await;
    shop.midtrans.pay("order-1a").unwrap();
    let all = shop.inbox.wait(2).await;
    assert_eq!(
        (all[0].status(), all[1].status()),
        ("settlement", "pending")
    );
}

#[tokio::test]
async fn a_held_notification_is_let_go_in_the_end() {
    let shop = Shop::open_with(|config| config.time_scale = 1).await;
    shop.midtrans.faults().next(Fault::Reorder, 1);
    shop.charge(&qris("order-1a", 1_000)).await;
    assert!(shop.inbox.all().is_empty());
    shop.midtrans.advance(TimeDelta::minutes(5));
    shop.inbox.wait_for("pending").await;
}

#[tokio::test]
async fn a_delayed_notification_comes_after_its_time() {
    let shop = Shop::open_with(|config| config.time_scale = 1).await;
    shop.midtrans.faults().next(Fault::Delay, 1);
    shop.charge(&qris("order-1a", 1_000)).await;
    shop.midtrans.pay("order-1a").unwrap();
    let first = shop.inbox.wait(1).await;
    assert_eq!(first[0].status(), "settlement");
    shop.midtrans.advance(TimeDelta::minutes(3));
    shop.inbox.wait_for("pending").await;
}

#[tokio::test]
async fn a_dropped_notification_never_comes() {
    let shop = Shop::open().await;
    shop.midtrans.faults().next(Fault::Drop, 1);
    shop.charge(&qris("order-1a", 1_000)).await;
    shop.midtrans.pay("order-1a").unwrap();
    shop.inbox.wait_for("settlement").await;
    shop.settle_down().await;
    assert_eq!(shop.inbox.all().len(), 1);
    let log = shop.midtrans.notifications();
    assert_eq!((log[0].url.as_str(), log[0].answer), ("", None));
}

#[tokio::test]
async fn forged_notifications_precede_the_genuine_one() {
    let shop = Shop::open().await;
    let faults = shop.midtrans.faults();
    faults.next(Fault::ForgeSignature, 1);
    faults.next(Fault::ForgeStatus, 1);
    shop.charge(&qris("order-1a", 1_000)).await;
    let all = shop.inbox.wait(3).await;
    assert_eq!(all[0].status(), "settlement");
    assert!(!signature_fits(&all[0].body));
    assert_eq!(all[1].status(), "settlement");
    assert!(signature_fits(&all[1].body));
    assert_eq!(all[1].body["status_code"], "201");
    assert_eq!(all[2].status(), "pending");
    assert_eq!(
        shop.midtrans.find("order-1a").unwrap().status,
        Status::Pending
    );
}

#[tokio::test]
async fn a_status_comes_in_upper_case_with_unknown_fields() {
    let shop = Shop::open().await;
    let faults = shop.midtrans.faults();
    faults.next(Fault::UpperCase, 1);
    faults.next(Fault::ExtraFields, 1);
    shop.charge(&qris("order-1a", 1_000)).await;
    let all = shop.inbox.wait(1).await;
    assert_eq!(all[0].status(), "PENDING");
    assert!(all[0].body["metadata"].is_object());
    assert!(signature_fits(&all[0].body));
}

#[tokio::test]
async fn each_forgery_is_what_it_says() {
    let shop = Shop::open().await;
    shop.charge(&qris("order-1a", 5_000)).await;
    shop.inbox.wait(1).await;
    let cases = [
        (Forgery::BadSignature, false),
        (Forgery::EditedStatus, true),
        (Forgery::ShiftedBoundary, true),
        (Forgery::WrongMerchant, true),
        (Forgery::WrongAmount, true),
        (Forgery::WrongCurrency, true),
        (Forgery::UnknownOrder, true),
    ];
    for (index, (forgery, fits)) in cases.into_iter().enumerate() {
        shop.midtrans.forge("order-1a", forgery).unwrap();
        let all = shop.inbox.wait(index + 2).await;
        let body = &all[index + 1].body;
        assert_eq!(signature_fits(body), fits, "{forgery:?}");
        assert_eq!(body["transaction_status"], "settlement", "{forgery:?}");
        match forgery {
            Forgery::ShiftedBoundary => assert_eq!(body["order_id"], "order-1a201"),
            Forgery::WrongMerchant => assert_ne!(body["merchant_id"], "G123456789"),
            Forgery::WrongAmount => assert_eq!(body["gross_amount"], "4999.00"),
            Forgery::WrongCurrency => assert_eq!(body["currency"], "USD"),
            Forgery::UnknownOrder => assert_eq!(body["order_id"], "order-1a-nobody"),
            Forgery::BadSignature | Forgery::EditedStatus => {}
        }
    }
    assert!(shop.midtrans.book().is_empty());
}

#[tokio::test]
async fn errors_before_the_effect_have_none() {
    let shop = Shop::open().await;
    for (fault, code) in [
        (Fault::ServerError, "500"),
        (Fault::BadGateway, "502"),
        (Fault::Unavailable, "503"),
        (Fault::RateLimited, "429"),
    ] {
        shop.midtrans.faults().next_on(Call::Charge, fault, 1);
        let answer = shop.charge(&qris("order-1a", 1_000)).await;
        assert_eq!(answer.code(), code);
        assert_eq!(answer.http.to_string(), code);
    }
    shop.midtrans.faults().next(Fault::NoVirtualAccount, 1);
    let answer = shop.charge(&va("bca", "order-1a", 50_000)).await;
    assert_eq!(answer.code(), "505");
    assert!(shop.midtrans.payments().is_empty());
}

#[tokio::test]
async fn a_fault_keeps_to_its_call() {
    let shop = Shop::open().await;
    shop.midtrans
        .faults()
        .next_on(Call::Status, Fault::ServerError, 1);
    assert_eq!(shop.charge(&qris("order-1a", 1_000)).await.code(), "201");
    assert_eq!(shop.status("order-1a").await.code(), "500");
    assert_eq!(shop.status("order-1a").await.code(), "201");
}

#[tokio::test]
async fn a_lost_answer_leaves_the_effect() {
    let shop = Shop::open().await;
    shop.midtrans
        .faults()
        .next_on(Call::Charge, Fault::AnswerLost, 1);
    let lost = shop
        .try_post("/v2/charge", Some("key-1"), &qris("order-1a", 1_000))
        .await;
    let error = lost.unwrap_err();
    assert!(error.is_request() && !error.is_timeout(), "{error:?}");
    assert_eq!(
        shop.status("order-1a").await.text("transaction_status"),
        "pending"
    );
    let again = shop
        .charge_with_key("key-1", &qris("order-1a", 1_000))
        .await;
    assert_eq!(again.code(), "201");
    assert_eq!(shop.midtrans.payments().len(), 1);
}

#[tokio::test]
async fn an_answer_that_never_comes_leaves_the_effect() {
    let shop = Shop::open().await;
    shop.midtrans
        .faults()
        .next_on(Call::Charge, Fault::AnswerNever, 1);
    let url = shop.url("/v2/charge");
    let call = shop.browser().post(url).json(&qris("order-1a", 1_000));
    let call = call.basic_auth("SB-Mid-server-sandbox", Some(""));
    let call = call.timeout(std::time::Duration::from_millis(300)).send();
    assert!(call.await.unwrap_err().is_timeout());
    assert_eq!(shop.status("order-1a").await.code(), "201");
    shop.midtrans.stop().await;
}

#[tokio::test]
async fn an_error_may_hide_the_effect() {
    let shop = Shop::open().await;
    shop.midtrans
        .faults()
        .next_on(Call::Charge, Fault::ErrorAfterEffect, 1);
    assert_eq!(shop.charge(&qris("order-1a", 1_000)).await.code(), "500");
    assert_eq!(shop.charge(&qris("order-1a", 1_000)).await.code(), "406");
}

#[tokio::test]
async fn a_slow_call_is_in_flight_for_its_retry() {
    let shop = Shop::open_with(|config| config.slow_ms = 1_000).await;
    shop.midtrans.faults().next_on(Call::Charge, Fault::Slow, 1);
    let body = qris("order-1a", 1_000);
    let slow = shop.charge_with_key("key-1", &body);
    let retry = async {
        let there = shop
            .midtrans
            .wait_for_payment(|_| true, super::harness::DEADLINE);
        there.await.unwrap();
        shop.charge_with_key("key-1", &body).await
    };
    let (slow, retry) = tokio::join!(slow, retry);
    assert_eq!((slow.code(), retry.http), ("201", 202));
    assert_eq!(shop.midtrans.payments().len(), 1);
}

#[tokio::test]
async fn a_cancel_may_be_refused_although_pending() {
    let shop = Shop::open().await;
    shop.charge(&qris("order-1a", 1_000)).await;
    shop.midtrans.faults().next(Fault::CannotModify, 1);
    let refused = shop.post("/v2/order-1a/cancel", &json!({})).await;
    assert_eq!((refused.http, refused.code()), (200, "412"));
    assert_eq!(
        shop.status("order-1a").await.text("transaction_status"),
        "pending"
    );
}

#[tokio::test]
async fn a_refund_may_be_denied_with_202() {
    let shop = Shop::open().await;
    shop.charge(&wallet("gopay", "order-1a", 1_000)).await;
    shop.midtrans.pay("order-1a").unwrap();
    shop.midtrans.faults().next(Fault::RefundDenied, 1);
    let denied = shop
        .post("/v2/order-1a/refund", &json!({ "refund_key": "r1" }))
        .await;
    assert_eq!((denied.http, denied.code()), (200, "202"));
    assert_eq!(denied.text("transaction_status"), "settlement");
    let again = shop
        .post("/v2/order-1a/refund", &json!({ "refund_key": "r1" }))
        .await;
    assert_eq!(again.text("transaction_status"), "refund");
}

#[tokio::test]
async fn chance_follows_the_seed() {
    let mut runs = Vec::new();
    for seed in [7, 7, 8] {
        let shop = Shop::open_with(|config| config.seed = seed).await;
        let faults = shop.midtrans.faults();
        faults.chance(Fault::ServerError, Some(Call::Status), 500);
        let mut codes = Vec::new();
        for _ in 0..24 {
            codes.push(shop.status("nobody").await.code().to_owned());
        }
        faults.clear();
        assert_eq!(shop.status("nobody").await.code(), "404");
        runs.push(codes);
    }
    assert_eq!(runs[0], runs[1]);
    assert_ne!(runs[0], runs[2]);
    assert!(runs[0].contains(&"500".to_owned()) && runs[0].contains(&"404".to_owned()));
}
