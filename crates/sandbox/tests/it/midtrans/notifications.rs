//! What the shop is told, how often, and where.

use std::collections::HashSet;

use serde_json::Value;
use sha2::{Digest, Sha512};

use super::harness::{Inbox, Received, Shop, cstore, mandiri, qris, va, wallet};

/// The signature as Midtrans documents it, computed here on its own.
pub(super) fn signature_fits(body: &Value) -> bool {
    let text = |name: &str| body[name].as_str().unwrap();
    let signed = [
        text("order_id"),
        text("status_code"),
        text("gross_amount"),
        "SB-Mid-server-sandbox",
    ]
    .concat();
    hex::encode(Sha512::digest(signed)) == text("signature_key")
}

#[tokio::test]
async fn the_shop_hears_of_pending_and_then_of_the_settlement() {
    let shop = Shop::open().await;
    shop.charge(&qris("order-1a", 27_500)).await;
    shop.midtrans.pay("order-1a").unwrap();
    let all = shop.inbox.wait(2).await;
    for (told, status, code) in [(&all[0], "pending", "201"), (&all[1], "settlement", "200")] {
        assert_eq!(told.status(), status);
        assert_eq!(told.body["status_code"], code);
        assert_eq!(told.body["gross_amount"], "27500.00");
        assert_eq!(told.body["merchant_id"], "G123456789");
        assert_eq!(told.user_agent, "Veritrans");
        assert!(signature_fits(&told.body));
    }
    assert_eq!(all[1].body["issuer"], "gopay");
    assert!(all[1].body["settlement_time"].is_string());
}

#[tokio::test]
async fn each_method_names_its_instrument() {
    let shop = Shop::open().await;
    for (body, field) in [
        (va("bca", "order-bca", 50_000), "payment_amounts"),
        (va("permata", "order-permata", 50_000), "permata_va_number"),
        (mandiri("order-mandiri", 50_000), "bill_key"),
        (
            cstore("indomaret", "order-indomaret", 50_000),
            "approval_code",
        ),
    ] {
        let order = body["transaction_details"]["order_id"].as_str().unwrap();
        shop.charge(&body).await;
        shop.midtrans.pay(order).unwrap();
        let is_settled =
            |it: &Received| it.body["order_id"] == order && it.status() == "settlement";
        let settled = shop.inbox.wait_until(is_settled).await;
        assert!(!settled.body[field].is_null(), "{order} lacks {field}");
    }
}

#[tokio::test]
async fn shopeepay_speaks_in_upper_case_and_without_a_fraud_status() {
    let shop = Shop::open().await;
    shop.charge(&wallet("shopeepay", "order-1a", 10_000)).await;
    let told = shop.inbox.wait(1).await;
    assert_eq!(told[0].status(), "PENDING");
    assert!(told[0].body["fraud_status"].is_null());
    let status = shop.status("order-1a").await;
    assert_eq!(status.text("transaction_status"), "pending");
}

#[tokio::test]
async fn retries_follow_the_table_of_answers() {
    for (answer, attempts) in [(500, 2), (400, 3), (404, 3), (503, 5), (403, 6), (504, 6)] {
        let shop = Shop::open().await;
        shop.inbox.answers(&[answer; 6]);
        shop.charge(&qris("order-1a", 1_000)).await;
        shop.inbox.wait(attempts).await;
        shop.settle_down().await;
        assert_eq!(shop.inbox.all().len(), attempts, "answer {answer}");
        let log = shop.midtrans.notifications();
        let retries: Vec<usize> = log.iter().map(|sent| sent.retry).collect();
        assert_eq!(
            retries,
            (0..attempts).collect::<Vec<_>>(),
            "answer {answer}"
        );
    }
}

#[tokio::test]
async fn an_answer_of_200_ends_the_retries() {
    let shop = Shop::open().await;
    shop.inbox.answers(&[503, 503]);
    shop.charge(&qris("order-1a", 1_000)).await;
    shop.inbox.wait(3).await;
    shop.settle_down().await;
    assert_eq!(shop.inbox.all().len(), 3);
}

#[tokio::test]
async fn a_redirect_loses_the_notification_or_is_followed() {
    let shop = Shop::open().await;
    shop.inbox.answers(&[302]);
    shop.charge(&qris("order-1a", 1_000)).await;
    shop.inbox.wait(1).await;
    shop.settle_down().await;
    assert_eq!(shop.inbox.all().len(), 1);
    shop.inbox.answers(&[307, 308, 200]);
    shop.charge(&qris("order-2b", 1_000)).await;
    shop.inbox.wait(4).await;
    shop.settle_down().await;
    assert_eq!(shop.inbox.all().len(), 4);
}

#[tokio::test]
async fn a_shop_that_is_away_is_tried_six_times() {
    let closed = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        format!(
            "http://{}/webhooks/midtrans",
            listener.local_addr().unwrap()
        )
    };
    let shop = Shop::open_with(|config| config.notify = vec![closed]).await;
    shop.charge(&qris("order-1a", 1_000)).await;
    shop.settle_down().await;
    let log = shop.midtrans.notifications();
    assert_eq!(log.len(), 6);
    assert!(log.iter().all(|sent| sent.answer.is_none()));
}

#[tokio::test]
async fn addresses_take_turns() {
    let (one, two) = (Inbox::open().await, Inbox::open().await);
    let urls = vec![one.url(), two.url()];
    let shop = Shop::open_with(|config| config.notify = urls).await;
    one.answers(&[503]);
    shop.charge(&qris("order-1a", 1_000)).await;
    // The retry goes to the other bot.
    one.wait(1).await;
    two.wait(1).await;
    shop.midtrans.pay("order-1a").unwrap();
    one.wait(2).await;
    let of = |inbox: &Inbox| -> HashSet<String> {
        let all = inbox.all();
        all.iter().map(|it| it.status().to_owned()).collect()
    };
    assert_eq!(
        of(&one),
        HashSet::from(["pending".into(), "settlement".into()])
    );
    assert_eq!(of(&two), HashSet::from(["pending".into()]));
}

#[tokio::test]
async fn a_notification_can_be_sent_again() {
    let shop = Shop::open().await;
    shop.charge(&qris("order-1a", 1_000)).await;
    shop.midtrans.pay("order-1a").unwrap();
    shop.inbox.wait(2).await;
    shop.midtrans.resend_notification("order-1a").unwrap();
    let all = shop.inbox.wait(3).await;
    assert_eq!(all[1].body, all[2].body);
    assert!(shop.midtrans.resend_notification("nobody").is_err());
}
