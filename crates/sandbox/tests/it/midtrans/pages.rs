//! The payer's pages, by their answers and in a browser.

use serde_json::json;
use warung_sandbox::midtrans::{Method, Status};

use super::harness::{DEADLINE, Shop, mandiri, qris, va};
use crate::browser;

async fn read(shop: &Shop, path: &str) -> (u16, String) {
    let response = shop.browser().get(shop.url(path)).send().await.unwrap();
    (response.status().as_u16(), response.text().await.unwrap())
}

async fn press(shop: &Shop, path: &str) -> (u16, String) {
    let response = shop.browser().post(shop.url(path)).send().await.unwrap();
    (response.status().as_u16(), response.text().await.unwrap())
}

#[tokio::test]
async fn the_list_shows_what_is_open_and_what_is_done() {
    let shop = Shop::open().await;
    let (status, empty) = read(&shop, "/").await;
    assert_eq!(status, 200);
    assert!(empty.contains("Belum ada tagihan") && empty.contains("lang=\"id\""));
    shop.charge(&qris("order-open", 27_500)).await;
    shop.charge(&va("bca", "order-done", 1_250_000)).await;
    shop.midtrans.pay("order-done").unwrap();
    let (_, list) = read(&shop, "/").await;
    assert!(list.contains("Rp27.500") && list.contains("Rp1.250.000"));
    assert!(list.find("order-open") < list.find("order-done"));
    assert!(list.contains("Lunas"));
}

#[tokio::test]
async fn a_bill_is_paid_failed_and_expired_by_its_buttons() {
    let shop = Shop::open().await;
    for (step, says, status) in [
        ("pay", "Lunas", Status::Settlement),
        ("fail", "Ditolak", Status::Deny),
        ("expire", "Kedaluwarsa", Status::Expire),
    ] {
        let order = format!("order-{step}");
        shop.charge(&qris(&order, 27_500)).await;
        let (_, bill) = read(&shop, &format!("/pay/{order}")).await;
        assert!(bill.contains("Rp27.500") && bill.contains("QRIS"));
        let action = format!("/pay/{order}/{step}?lang=id");
        assert!(bill.contains(&format!("formaction=\"{action}\"")), "{bill}");
        let (code, after) = press(&shop, &action).await;
        assert_eq!(code, 200);
        assert!(after.contains(says));
        assert_eq!(shop.midtrans.find(&order).unwrap().status, status);
        // The button of a page that is out of date says so and changes nothing.
        let (code, again) = press(&shop, &action).await;
        assert_eq!(code, 409);
        assert!(again.contains("status tagihan sudah berubah"));
        // Loaded again, that page is the bill.
        let (code, reloaded) = read(&shop, &action).await;
        assert_eq!(code, 200);
        assert!(reloaded.contains(says) && !reloaded.contains("status tagihan sudah berubah"));
    }
}

#[tokio::test]
async fn the_page_speaks_english_when_asked() {
    let shop = Shop::open().await;
    shop.charge(&mandiri("order-1a", 50_000)).await;
    let (_, bill) = read(&shop, "/pay/order-1a?lang=en").await;
    assert!(bill.contains("Company code") && bill.contains("70012"));
    assert!(bill.contains("Waiting for payment"));
    let request = shop
        .browser()
        .get(shop.url("/"))
        .header("accept-language", "en-GB");
    let list = request.send().await.unwrap().text().await.unwrap();
    assert!(list.contains("lang=\"en\""));
}

#[tokio::test]
async fn a_number_or_a_code_finds_its_bill() {
    let shop = Shop::open().await;
    let charged = shop.charge(&va("bca", "order-va", 50_000)).await;
    let number = charged.body["va_numbers"][0]["va_number"]
        .as_str()
        .unwrap()
        .to_owned();
    let code = shop
        .charge(&qris("order-qr", 1_000))
        .await
        .text("qr_string")
        .to_owned();
    for (typed, order) in [(number, "order-va"), (code, "order-qr")] {
        let mut url = reqwest::Url::parse(&shop.url("/find")).unwrap();
        url.query_pairs_mut().append_pair("number", &typed);
        let found = shop.browser().get(url).send().await.unwrap();
        assert_eq!(found.url().path(), format!("/pay/{order}"));
    }
    let (status, missed) = read(&shop, "/find?number=123&lang=en").await;
    assert_eq!(status, 404);
    assert!(missed.contains("No bill has that number"));
    assert_eq!(read(&shop, "/pay/nobody").await.0, 404);
}

#[tokio::test]
async fn a_snap_page_is_paid_without_a_script() {
    let shop = Shop::open().await;
    let body = json!({
        "transaction_details": { "order_id": "order-1a", "gross_amount": 27_500 },
        "item_details": [{ "name": "Kopi <b>susu</b>", "price": 27_500, "quantity": 1 }],
        "callbacks": { "finish": "http://127.0.0.1:9/selesai?dari=snap" },
    });
    let created = shop.post("/snap/v1/transactions", &body).await;
    let base = format!("/snap/v4/redirection/{}", created.text("token"));
    let (_, choice) = read(&shop, &base).await;
    assert!(choice.contains("Pilih cara bayar") && choice.contains("Rp27.500"));
    assert!(
        !choice.contains("<b>susu"),
        "item names are text, never markup"
    );
    let (_, bill) = press(&shop, &format!("{base}/choose/bca_va?lang=id")).await;
    assert!(bill.contains("Nomor virtual account"));
    let (_, denied) = press(&shop, &format!("{base}/fail?lang=id")).await;
    assert!(denied.contains("Pembayaran ditolak"));
    press(&shop, &format!("{base}/choose/gopay?lang=id")).await;
    let (_, paid) = press(&shop, &format!("{base}/pay?lang=id")).await;
    assert!(paid.contains("Lunas"));
    assert!(paid.contains("order_id=order-1a") && paid.contains("transaction_status=settlement"));
    assert_eq!(
        shop.midtrans.find("order-1a").unwrap().method,
        Method::Gopay
    );
    assert_eq!(press(&shop, &format!("{base}/choose/qris")).await.0, 409);
}

#[tokio::test]
async fn pages_hear_of_each_change() {
    let shop = Shop::open().await;
    let mut response = shop
        .browser()
        .get(shop.url("/events"))
        .send()
        .await
        .unwrap();
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    let next = tokio::time::timeout(DEADLINE, response.chunk());
    assert!(next.await.unwrap().unwrap().is_some());
    shop.charge(&qris("order-1a", 1_000)).await;
    let next = tokio::time::timeout(DEADLINE, response.chunk());
    assert!(next.await.unwrap().unwrap().is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payer_deals_with_bills_in_a_browser() {
    let shop = Shop::open().await;
    browser::passes("payment.test.mjs", &shop.midtrans.api_url()).await;
}
