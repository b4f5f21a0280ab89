//! Faults on demand.

use std::time::Duration;

use serde_json::json;
use warung_sandbox::whatsapp::{Arming, Config, Fault, Items};

use super::{PATIENCE, SARI, Shop, eventually, sandbox_with_bot, sari};

#[tokio::test]
async fn a_duplicate_is_the_same_message_twice() {
    let (wa, bot) = sandbox_with_bot(Config::default()).await;
    wa.faults().next(Fault::Duplicate, 1);
    let sari = wa.customer(SARI, "Sari");
    let wamid = sari.says("halo").await;
    sari.says("lagi").await;
    assert!(wa.idle(PATIENCE).await);
    let twins = bot
        .messages()
        .iter()
        .filter(|message| message["id"] == wamid)
        .count();
    assert_eq!(twins, 2);
    assert_eq!(bot.messages().len(), 3);
    sari.sends_again(&wamid).await.unwrap();
    assert!(wa.idle(PATIENCE).await);
    assert_eq!(bot.messages().len(), 4);
}

#[tokio::test]
async fn a_reordered_message_is_overtaken() {
    let (wa, bot) = sandbox_with_bot(Config::default()).await;
    wa.faults().next(Fault::Reorder, 1);
    let sari = wa.customer(SARI, "Sari");
    sari.says("satu").await;
    sari.says("dua").await;
    assert!(wa.idle(PATIENCE).await);
    assert_eq!(bot.texts(), ["dua", "satu"]);
    wa.faults().next(Fault::Reorder, 1);
    sari.says("sendiri").await;
    assert!(
        wa.idle(PATIENCE).await,
        "an item that nothing overtakes still goes out"
    );
    assert_eq!(bot.texts().len(), 3);
}

#[tokio::test]
async fn a_delayed_message_is_late_and_a_dropped_one_is_lost() {
    let (wa, bot) = sandbox_with_bot(Config::default()).await;
    let sari = wa.customer(SARI, "Sari");
    wa.faults().next(Fault::DelayMs(200), 1);
    sari.says("nanti").await;
    sari.says("sekarang").await;
    assert!(wa.idle(PATIENCE).await);
    assert_eq!(bot.texts(), ["sekarang", "nanti"]);
    wa.faults().next(Fault::Drop, 1);
    let lost = sari.says("hilang").await;
    assert!(wa.idle(PATIENCE).await);
    assert_eq!(bot.texts().len(), 2);
    assert_eq!(wa.book().dropped, [lost]);
}

#[tokio::test]
async fn a_forgery_comes_beside_the_real_message() {
    let (wa, bot) = sandbox_with_bot(Config::default()).await;
    wa.faults().next(Fault::Forge, 1);
    wa.customer(SARI, "Sari").says("halo").await;
    eventually("the forgery is answered", || !wa.book().forged.is_empty()).await;
    assert!(wa.idle(PATIENCE).await);
    assert_eq!(wa.book().forged[0].http_status, 401);
    assert_eq!((bot.texts(), bot.forgeries()), (vec!["halo".to_owned()], 1));
}

#[tokio::test]
async fn the_send_api_fails_as_told_and_then_no_more() {
    let (wa, _bot) = sandbox_with_bot(Config::default()).await;
    let sari = sari(&wa).await;
    let shop = Shop::of(&wa);
    for (fault, status, code) in [
        (Fault::ServerError, 500, 131_000),
        (Fault::RateLimit, 429, 130_429),
        (Fault::PairLimit, 429, 131_056),
        (Fault::Error(131_048), 429, 131_048),
        (Fault::Error(368), 403, 368),
    ] {
        wa.faults().next(fault, 1);
        let answer = shop.says(SARI, "x").await;
        assert_eq!((answer.status, answer.code()), (status, code));
    }
    assert!(sari.inbox().is_empty());
    assert_eq!(shop.says(SARI, "pulih").await.status, 200);
    assert!(wa.faults().armed().is_empty());
}

#[tokio::test]
async fn a_timeout_before_the_effect_leaves_nothing() {
    let (wa, _bot) = sandbox_with_bot(Config::default()).await;
    let sari = sari(&wa).await;
    let mut shop = Shop::of(&wa);
    shop.http = impatient();
    wa.faults().next(Fault::TimeoutBefore, 1);
    assert!(times_out(&shop).await);
    assert!(wa.book().accepted.is_empty());
    assert!(sari.inbox().is_empty());
}

#[tokio::test]
async fn a_timeout_after_the_effect_is_settled_by_a_status() {
    let (wa, bot) = sandbox_with_bot(Config::default()).await;
    let sari = sari(&wa).await;
    let mut shop = Shop::of(&wa);
    shop.http = impatient();
    wa.faults().next(Fault::TimeoutAfter, 1);
    assert!(times_out(&shop).await);
    assert_eq!(sari.inbox()[0].text(), "unsure");
    eventually("statuses", || bot.statuses().len() == 3).await;
    assert_eq!(bot.statuses()[0]["biz_opaque_callback_data"], "outbox-1");
}

#[tokio::test]
async fn an_accepted_message_may_fail_later() {
    let (wa, bot) = sandbox_with_bot(Config::default()).await;
    let sari = sari(&wa).await;
    wa.faults().next(Fault::Failed(131_049), 1);
    assert_eq!(Shop::of(&wa).says(SARI, "x").await.status, 200);
    eventually("the failed status", || !bot.statuses().is_empty()).await;
    assert_eq!(bot.statuses()[0]["errors"][0]["code"], 131_049);
    assert!(sari.inbox().is_empty());
}

#[tokio::test]
async fn chances_repeat_with_the_seed() {
    let mut runs = Vec::new();
    for _ in 0..2 {
        let (wa, bot) = sandbox_with_bot(Config {
            seed: 7,
            ..Config::default()
        })
        .await;
        wa.faults().chance(Fault::Drop, 0.5);
        let sari = wa.customer(SARI, "Sari");
        for n in 0..40 {
            sari.says(&n.to_string()).await;
        }
        assert!(wa.idle(PATIENCE).await);
        runs.push(bot.texts());
    }
    assert_eq!(runs[0], runs[1]);
    assert!(
        (5..35).contains(&runs[0].len()),
        "{} of 40 came through",
        runs[0].len()
    );
}

#[tokio::test]
async fn a_fault_may_be_meant_for_one_customer_or_for_statuses() {
    let (wa, bot) = sandbox_with_bot(Config::default()).await;
    sari(&wa).await;
    let budi = wa.customer("6285550001111", "Budi");
    budi.says("halo").await;
    assert!(wa.idle(PATIENCE).await);
    let fault = Arming {
        fault: Fault::Error(131_026),
        next: 1,
        chance: 0.0,
        items: Items::Messages,
        customer: Some(budi.wa_id().to_owned()),
    };
    wa.faults().arm(fault);
    let lost = Arming {
        fault: Fault::Drop,
        next: 2,
        chance: 0.0,
        items: Items::Statuses,
        customer: None,
    };
    wa.faults().arm(lost);
    let shop = Shop::of(&wa);
    assert_eq!(shop.says(SARI, "x").await.status, 200);
    assert_eq!(shop.says(budi.wa_id(), "x").await.code(), 131_026);
    assert!(wa.idle(PATIENCE).await);
    let words: Vec<_> = bot
        .statuses()
        .iter()
        .map(|status| status["status"].clone())
        .collect();
    assert_eq!(words, ["read"], "sent and delivered were lost");
}

fn impatient() -> reqwest::Client {
    reqwest::Client::builder()
        .timeout(Duration::from_millis(300))
        .build()
        .unwrap()
}

async fn times_out(shop: &Shop) -> bool {
    let mut body = super::message(SARI, json!({"type": "text", "text": {"body": "unsure"}}));
    body["biz_opaque_callback_data"] = json!("outbox-1");
    let url = format!("{}/messages", shop.base);
    let token = Config::default().access_token;
    let answer = shop
        .http
        .post(url)
        .bearer_auth(token)
        .json(&body)
        .send()
        .await;
    answer.is_err_and(|error| error.is_timeout())
}
