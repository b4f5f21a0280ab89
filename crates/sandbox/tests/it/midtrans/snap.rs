//! Snap: a page first, a payment only when the payer has chosen.

use chrono::TimeDelta;
use serde_json::{Value, json};
use warung_sandbox::midtrans::{Method, Refused, Status};

use super::harness::{DEADLINE, Shop, qris};

const CREATE: &str = "/snap/v1/transactions";

fn page(order_id: &str, amount: i64) -> Value {
    json!({ "transaction_details": { "order_id": order_id, "gross_amount": amount } })
}

#[tokio::test]
async fn a_page_has_no_payment_until_a_method_is_chosen() {
    let shop = Shop::open().await;
    let created = shop.post(CREATE, &page("order-1a", 50_000)).await;
    assert_eq!(created.http, 201);
    let token = created.text("token");
    assert_eq!(token.len(), 36);
    assert!(
        created
            .text("redirect_url")
            .ends_with(&format!("/snap/v4/redirection/{token}"))
    );
    let before = shop.status("order-1a").await;
    assert_eq!((before.http, before.code()), (200, "404"));
    shop.midtrans.choose("order-1a", Method::BcaVa).unwrap();
    let chosen = shop.status("order-1a").await;
    assert_eq!(
        (chosen.code(), chosen.text("payment_type")),
        ("201", "bank_transfer")
    );
    shop.midtrans.pay("order-1a").unwrap();
    assert_eq!(shop.inbox.wait(2).await[1].status(), "settlement");
}

#[tokio::test]
async fn paying_an_undecided_page_takes_its_first_method() {
    let shop = Shop::open().await;
    let mut body = page("order-1a", 50_000);
    body["enabled_payments"] = json!(["bca_va", "gopay"]);
    shop.post(CREATE, &body).await;
    let session = shop
        .midtrans
        .wait_for_snap(|it| it.amount == 50_000, DEADLINE)
        .await
        .unwrap();
    assert_eq!(session.methods, [Method::Gopay, Method::BcaVa]);
    assert_eq!(
        shop.midtrans.choose("order-1a", Method::Qris),
        Err(Refused::Page)
    );
    let paid = shop.midtrans.pay("order-1a").unwrap();
    assert_eq!(
        (paid.method, paid.status),
        (Method::Gopay, Status::Settlement)
    );
    assert_eq!(paid.snap_token, Some(session.token));
}

#[tokio::test]
async fn a_new_page_of_the_same_order_closes_the_old_one() {
    let shop = Shop::open().await;
    let old = shop.post(CREATE, &page("order-1a", 50_000)).await;
    let new = shop.post(CREATE, &page("order-1a", 60_000)).await;
    assert_ne!(old.text("token"), new.text("token"));
    let view = shop
        .browser()
        .get(old.text("redirect_url"))
        .send()
        .await
        .unwrap();
    assert_eq!(view.status(), 410);
    let paid = shop.midtrans.pay("order-1a").unwrap();
    assert_eq!(paid.amount, 60_000);
}

#[tokio::test]
async fn an_order_that_is_paid_or_pending_is_refused_with_400() {
    let shop = Shop::open().await;
    shop.charge(&qris("order-1a", 1_000)).await;
    let refused = shop.post(CREATE, &page("order-1a", 1_000)).await;
    assert_eq!(refused.http, 400);
    assert!(
        refused.body["error_messages"][0]
            .as_str()
            .unwrap()
            .contains("order_id")
    );
}

#[tokio::test]
async fn requests_are_checked_in_snaps_manner() {
    let shop = Shop::open().await;
    for (name, bad) in [
        ("enabled_payments", json!(["credit_card"])),
        ("enabled_payments", json!("qris")),
        ("page_expiry", json!({ "duration": 4, "unit": "minutes" })),
        ("expiry", json!({ "duration": 1, "unit": "fortnight" })),
        (
            "item_details",
            json!([{ "name": "Kopi", "price": 1, "quantity": 1 }]),
        ),
    ] {
        let mut body = page("order-1a", 50_000);
        body[name] = bad;
        let refused = shop.post(CREATE, &body).await;
        assert_eq!(refused.http, 400, "{name}");
        assert!(refused.body["error_messages"].is_array(), "{name}");
    }
    let broken = shop.post_raw(CREATE, "{").await;
    assert_eq!(broken.http, 400);
    let stranger = shop.with_key("wrong");
    let refused = stranger.post(CREATE, &page("order-1a", 50_000)).await;
    assert_eq!(refused.http, 401);
    assert!(refused.body["error_messages"].is_array());
}

#[tokio::test]
async fn a_page_can_be_called_off_until_a_method_is_chosen() {
    let shop = Shop::open().await;
    let cancel = |token: &str| format!("{CREATE}/{token}/cancel");
    let created = shop.post(CREATE, &page("order-1a", 50_000)).await;
    let path = cancel(created.text("token"));
    let cancelled = shop.post(&path, &json!({})).await;
    assert_eq!(cancelled.http, 200);
    assert!(!cancelled.text("canceled_at").is_empty());
    assert_eq!(shop.post(&path, &json!({})).await.http, 400);
    assert_eq!(
        shop.midtrans.choose("order-1a", Method::Qris),
        Err(Refused::Page)
    );
    assert_eq!(shop.post(&cancel("no-token"), &json!({})).await.http, 404);

    let busy = shop.post(CREATE, &page("order-2b", 50_000)).await;
    shop.midtrans.choose("order-2b", Method::Qris).unwrap();
    let refused = shop.post(&cancel(busy.text("token")), &json!({})).await;
    assert_eq!(refused.http, 400);
    assert_eq!(
        refused.body["error_messages"][0],
        "Transaction is on progress"
    );
}

#[tokio::test]
async fn a_page_runs_out_in_silence() {
    let shop = Shop::open().await;
    let mut body = page("order-1a", 50_000);
    body["page_expiry"] = json!({ "duration": 30, "unit": "minutes" });
    shop.post(CREATE, &body).await;
    shop.midtrans.advance(TimeDelta::minutes(31));
    assert_eq!(
        shop.midtrans.choose("order-1a", Method::Qris),
        Err(Refused::Page)
    );
    shop.settle_down().await;
    assert!(shop.inbox.all().is_empty());
}

#[tokio::test]
async fn an_expiry_bounds_the_payments_made_on_the_page() {
    let shop = Shop::open().await;
    let mut body = page("order-1a", 50_000);
    body["expiry"] = json!({ "duration": 2, "unit": "hours" });
    shop.post(CREATE, &body).await;
    let chosen = shop.midtrans.choose("order-1a", Method::BcaVa).unwrap();
    let left = chosen.expires_at - chosen.created_at;
    assert!(left <= TimeDelta::hours(2) && left > TimeDelta::minutes(119));
}

#[tokio::test]
async fn after_a_refusal_the_payer_chooses_again() {
    let shop = Shop::open().await;
    shop.post(CREATE, &page("order-1a", 50_000)).await;
    let first = shop.midtrans.choose("order-1a", Method::Gopay).unwrap();
    shop.midtrans.fail("order-1a").unwrap();
    let second = shop.midtrans.choose("order-1a", Method::BcaVa).unwrap();
    assert_ne!(first.transaction_id, second.transaction_id);
    shop.midtrans.pay("order-1a").unwrap();
    assert_eq!(
        shop.midtrans.find("order-1a").unwrap().method,
        Method::BcaVa
    );
    assert_eq!(
        shop.midtrans.find(&first.transaction_id).unwrap().status,
        Status::Deny
    );
}
