//! The control API, which does over HTTP what the handle does in a test.

use serde_json::{Value, json};

use super::harness::{Shop, mandiri, qris, va};

async fn control(shop: &Shop, path: &str, body: Value) -> (u16, Value) {
    let url = shop.url(&format!("/control/{path}"));
    let response = shop.browser().post(url).json(&body).send().await.unwrap();
    (response.status().as_u16(), response.json().await.unwrap())
}

#[tokio::test]
async fn payments_are_seen_and_moved() {
    let shop = Shop::open().await;
    shop.charge(&mandiri("order-1a", 50_000)).await;
    let bill = shop.charge(&va("bri", "order-2b", 50_000)).await;
    let number = bill.body["va_numbers"][0]["va_number"].clone();
    let all = shop.get("/control/payments").await.body;
    assert_eq!(all.as_array().unwrap().len(), 2);
    assert_eq!(all[0]["method"], "echannel");
    assert_eq!(
        control(&shop, "pay/order-1a", json!({})).await.1["status"],
        "settlement"
    );
    assert_eq!(
        control(&shop, "reverse/order-1a", json!({})).await.1["status"],
        "deny"
    );
    let paid = control(&shop, "pay-number", json!({ "number": number })).await;
    assert_eq!(paid.1["order_id"], "order-2b");
    let book = shop.get("/control/book").await.body;
    let amounts: Vec<i64> = book
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it["amount"].as_i64().unwrap())
        .collect();
    assert_eq!(amounts, [50_000, -50_000, 50_000]);
    assert_eq!(control(&shop, "pay/order-2b", json!({})).await.0, 409);
    assert_eq!(control(&shop, "pay/nobody", json!({})).await.0, 404);
    assert_eq!(control(&shop, "dance/order-2b", json!({})).await.0, 404);
}

#[tokio::test]
async fn endings_and_late_money() {
    let shop = Shop::open().await;
    for (order, step) in [("order-1a", "fail"), ("order-2b", "expire")] {
        shop.charge(&qris(order, 1_000)).await;
        let (_, ended) = control(&shop, &format!("{step}/{order}"), json!({})).await;
        assert_ne!(ended["status"], "pending");
        let (_, late) = control(&shop, &format!("pay-late/{order}"), json!({})).await;
        assert_eq!(late["status"], "settlement");
    }
    assert_eq!(
        shop.get("/control/payments/order-1a").await.body["status"],
        "settlement"
    );
}

#[tokio::test]
async fn snap_pages_are_decided() {
    let shop = Shop::open().await;
    let page = json!({ "transaction_details": { "order_id": "order-1a", "gross_amount": 50_000 } });
    let created = shop.post("/snap/v1/transactions", &page).await;
    let seen = shop.get("/control/snap/order-1a").await;
    assert_eq!(seen.body["token"], created.body["token"]);
    let (_, chosen) = control(&shop, "choose/order-1a", json!({ "method": "bni_va" })).await;
    assert_eq!(chosen["method"], "bni_va");
}

#[tokio::test]
async fn faults_forgeries_and_the_clock() {
    let shop = Shop::open().await;
    let arm = json!({ "fault": "server_error", "call": "charge", "next": 1 });
    assert_eq!(control(&shop, "faults", arm).await.0, 200);
    assert_eq!(shop.charge(&qris("order-1a", 1_000)).await.code(), "500");
    assert_eq!(
        shop.get("/control/faults").await.body,
        json!({ "server_error": 1 })
    );
    control(
        &shop,
        "faults",
        json!({ "fault": "server_error", "per_mille": 1000 }),
    )
    .await;
    assert_eq!(shop.status("order-1a").await.code(), "500");
    let cleared = shop
        .browser()
        .delete(shop.url("/control/faults"))
        .send()
        .await
        .unwrap();
    assert!(cleared.status().is_success());
    shop.charge(&qris("order-1a", 1_000)).await;
    shop.inbox.wait(1).await;
    control(
        &shop,
        "forge/order-1a",
        json!({ "forgery": "edited_status" }),
    )
    .await;
    assert_eq!(shop.inbox.wait(2).await[1].status(), "settlement");
    control(&shop, "resend/order-1a", json!({})).await;
    assert_eq!(shop.inbox.wait(3).await[2].status(), "pending");
    control(&shop, "clock", json!({ "advance_seconds": 901 })).await;
    shop.inbox.wait_for("expire").await;
    let log = shop.get("/control/notifications").await.body;
    assert_eq!(log[0]["answer"], 200);
    assert_eq!(shop.get("/control/health").await.body["status"], "ok");
}
