//! Webhooks: signed, batched, in round robin, until they are taken.

use std::time::Duration;

use serde_json::json;
use warung_sandbox::whatsapp::{Config, start};

use super::{Bot, PATIENCE, SARI, Shop, eventually, sandbox_with_bot, sari};

#[tokio::test]
async fn a_message_reaches_the_bot_in_metas_envelope() {
    let (wa, bot) = sandbox_with_bot(Config::default()).await;
    let sari = wa.customer(SARI, "Sari");
    let wamid = sari.says("halo").await;
    eventually("the webhook", || !bot.webhooks().is_empty()).await;
    let webhook = &bot.webhooks()[0];
    assert_eq!(webhook["object"], "whatsapp_business_account");
    let change = &webhook["entry"][0]["changes"][0];
    assert_eq!(change["field"], "messages");
    let value = &change["value"];
    assert_eq!(
        value["metadata"]["phone_number_id"],
        Config::default().phone_number_id
    );
    assert_eq!(value["contacts"][0]["profile"]["name"], "Sari");
    assert_eq!(value["contacts"][0]["wa_id"], SARI);
    let message = &value["messages"][0];
    assert_eq!(message["id"], wamid);
    assert_eq!(message["from"], SARI);
    assert_eq!(message["from_user_id"], sari.bsuid().unwrap());
    assert_eq!(message["text"]["body"], "halo");
    let age = wa.clock().now().timestamp()
        - message["timestamp"]
            .as_str()
            .unwrap()
            .parse::<i64>()
            .unwrap();
    assert!((0..=10).contains(&age));
    assert!(wa.idle(PATIENCE).await);
    assert_eq!(wa.book().delivered[0].wamid, wamid);
}

#[tokio::test]
async fn a_sent_message_is_reported_three_times_with_its_opaque_data() {
    let (wa, bot) = sandbox_with_bot(Config::default()).await;
    sari(&wa).await;
    let content = json!({"type": "text", "text": {"body": "hai"},
        "biz_opaque_callback_data": "outbox-7"});
    let answer = Shop::of(&wa).sends(SARI, content).await;
    eventually("three statuses", || bot.statuses().len() == 3).await;
    let statuses = bot.statuses();
    let words: Vec<_> = statuses
        .iter()
        .map(|status| status["status"].as_str().unwrap())
        .collect();
    assert_eq!(words, ["sent", "delivered", "read"]);
    for status in &statuses {
        assert_eq!(status["id"], answer.wamid());
        assert_eq!(status["recipient_id"], SARI);
        assert_eq!(status["biz_opaque_callback_data"], "outbox-7");
        assert_eq!(
            status["pricing"],
            json!({"billable": true, "pricing_model": "PMP",
            "type": "regular", "category": "service"})
        );
    }
    assert_eq!(wa.book().accepted[0].opaque.as_deref(), Some("outbox-7"));
}

#[tokio::test]
async fn webhooks_take_turns_between_bots() {
    let (one, two) = (Bot::start().await, Bot::start().await);
    let wa = start(Config {
        webhooks: vec![one.url(), two.url()],
        max_batch: 1,
        ..Config::default()
    })
    .await
    .unwrap();
    let sari = wa.customer(SARI, "Sari");
    for n in 0..10 {
        sari.says(&n.to_string()).await;
    }
    assert!(wa.idle(PATIENCE).await);
    assert_eq!((one.texts().len(), two.texts().len()), (5, 5));
}

#[tokio::test]
async fn a_customers_messages_keep_their_order() {
    let (wa, bot) = sandbox_with_bot(Config {
        max_batch: 3,
        ..Config::default()
    })
    .await;
    let sari = wa.customer(SARI, "Sari");
    let said: Vec<String> = (0..50).map(|n| n.to_string()).collect();
    for text in &said {
        sari.says(text).await;
    }
    assert!(wa.idle(PATIENCE).await);
    assert_eq!(bot.texts(), said);
}

#[tokio::test]
async fn a_refused_webhook_goes_to_the_next_bot_at_once() {
    let (ill, well) = (Bot::start().await, Bot::start().await);
    ill.answers(&[503; 50]);
    let wa = start(Config {
        webhooks: vec![ill.url(), well.url()],
        retry_base: Duration::from_mins(1),
        ..Config::default()
    })
    .await
    .unwrap();
    wa.customer(SARI, "Sari").says("halo").await;
    eventually("the healthy bot hears it", || well.texts() == ["halo"]).await;
    assert!(ill.texts().is_empty());
}

#[tokio::test]
async fn webhooks_are_tried_until_the_bot_is_back() {
    let dead = "http://127.0.0.1:9/webhooks/whatsapp".to_owned();
    let config = Config {
        webhooks: vec![dead],
        ..Config::default()
    };
    let config = Config {
        retry_base: Duration::from_millis(5),
        ..config
    };
    let wa = start(config).await.unwrap();
    let sari = wa.customer(SARI, "Sari");
    sari.says("satu").await;
    sari.says("dua").await;
    assert!(
        !wa.idle(Duration::from_millis(50)).await,
        "nobody is there to take them"
    );
    let bot = Bot::start().await;
    bot.answers(&[500, 404, 400, 202]);
    wa.set_webhooks(vec![bot.url()]);
    assert!(wa.idle(PATIENCE).await);
    assert_eq!(bot.texts(), ["satu", "dua"]);
    assert!(wa.book().delivered[0].attempts > 1);
}

#[tokio::test]
async fn lingering_fills_batches() {
    let config = Config {
        linger: Duration::from_millis(300),
        max_batch: 8,
        ..Config::default()
    };
    let (wa, bot) = sandbox_with_bot(config).await;
    for n in 0..16 {
        wa.customer(&format!("62811000000{n:02}"), "Pembeli")
            .says("halo")
            .await;
    }
    assert!(wa.idle(PATIENCE).await);
    assert_eq!(bot.webhooks().len(), 2);
    let entries = bot.webhooks()[0]["entry"].as_array().unwrap().len();
    assert_eq!(
        entries, 3,
        "eight customers make eight changes in three entries"
    );
    assert_eq!(bot.messages().len(), 16);
}

#[tokio::test]
async fn the_handshake_is_checked() {
    let (wa, bot) = sandbox_with_bot(Config::default()).await;
    assert!(wa.verify_webhooks().await.is_empty());
    let stranger = wa.base_url().to_owned();
    wa.set_webhooks(vec![bot.url(), stranger.clone()]);
    assert_eq!(wa.verify_webhooks().await, [stranger]);
}

#[tokio::test]
async fn a_raw_batch_is_one_post() {
    let (wa, bot) = sandbox_with_bot(Config::default()).await;
    let sari = wa.customer(SARI, "Sari");
    let hello = sari.composes(&json!({"type": "text", "text": {"body": "halo"}}));
    let poison = json!({"id": 7, "type": ["text"], "from": SARI});
    assert_eq!(wa.deliver(&[hello.clone(), hello, poison]).await, Some(200));
    assert_eq!(bot.webhooks().len(), 1);
    assert_eq!(bot.messages().len(), 3);
    let body = bot.webhooks()[0].to_string();
    assert_eq!(wa.post_raw(&body, None).await, Some(401));
    assert_eq!(wa.post_raw(&body, Some("sha256=00")).await, Some(401));
    assert_eq!(
        wa.post_raw(&body, Some(&wa.sign(body.as_bytes()))).await,
        Some(200)
    );
    bot.answers(&[503]);
    assert_eq!(
        wa.deliver(&[json!({})]).await,
        Some(503),
        "a raw batch is not tried again"
    );
    assert_eq!(bot.forgeries(), 2);
}
