//! Customers and their phones.

use std::time::Duration;

use serde_json::json;
use warung_sandbox::whatsapp::{Bubble, Config, Kind, Sandbox, Surprise, Tick};

use super::{PATIENCE, SARI, Shop, eventually, sandbox_with_bot, sari};

#[tokio::test]
async fn sari_taps_a_button_and_picks_a_row() {
    let (wa, bot) = sandbox_with_bot(Config::default()).await;
    let sari = sari(&wa).await;
    let shop = Shop::of(&wa);
    shop.sends(
        SARI,
        json!({"type": "interactive", "interactive": {
            "type": "button", "body": {"text": "Mau apa?"}, "action": {"buttons": [
                {"type": "reply", "reply": {"id": "v1|beli", "title": "Beli"}},
                {"type": "reply", "reply": {"id": "v1|saldo", "title": "Saldo"}},
            ]},
        }}),
    )
    .await;
    let menu = sari.next_reply(PATIENCE).await.unwrap();
    assert_eq!((menu.kind(), menu.text()), (Kind::Buttons, "Mau apa?"));
    sari.taps("Beli").await.unwrap();
    shop.sends(SARI, json!({"type": "interactive", "interactive": {
        "type": "list", "body": {"text": "Pilih"}, "action": {"button": "Lihat", "sections": [
            {"title": "Kopi", "rows": [{"id": "kopi", "title": "Kopi", "description": "Rp12.000"}]},
        ]},
    }}))
    .await;
    let list = sari.next_reply(PATIENCE).await.unwrap();
    sari.picks_row("kopi").await.unwrap();
    eventually("three messages", || bot.messages().len() == 3).await;
    let tapped = &bot.messages()[1];
    assert_eq!(
        tapped["interactive"],
        json!({"type": "button_reply",
        "button_reply": {"id": "v1|beli", "title": "Beli"}})
    );
    assert_eq!(tapped["context"]["id"], menu.wamid);
    let picked = &bot.messages()[2];
    assert_eq!(
        picked["interactive"]["list_reply"],
        json!({"id": "kopi", "title": "Kopi",
        "description": "Rp12.000"})
    );
    assert_eq!(picked["context"]["id"], list.wamid);

    let Err(Surprise::NoSuchOption { offered, .. }) = sari.taps("Saldo").await else {
        panic!("the last message has no such option");
    };
    assert_eq!(offered, ["\"Kopi\" (kopi)"]);
    sari.taps_in(&menu.wamid, "Saldo").await.unwrap();
    eventually("the stale tap", || bot.messages().len() == 4).await;
}

#[tokio::test]
async fn replies_are_read_one_after_the_other() {
    let (wa, _bot) = sandbox_with_bot(Config::default()).await;
    let sari = sari(&wa).await;
    let shop = Shop::of(&wa);
    let mut observed = wa.observe();
    shop.says(SARI, "satu").await;
    shop.says(SARI, "dua").await;
    assert_eq!(sari.next_reply(PATIENCE).await.unwrap().text(), "satu");
    let again = wa.customer(SARI, "Sari");
    assert_eq!(again.next_reply(PATIENCE).await.unwrap().text(), "dua");
    let short = Duration::from_millis(20);
    assert_eq!(
        sari.next_reply(short).await.unwrap_err(),
        Surprise::Silence(short)
    );
    sari.expects_silence(short).await.unwrap();
    let waiting = tokio::spawn(async move { sari.next_reply(PATIENCE).await });
    shop.says(SARI, "tiga").await;
    assert_eq!(waiting.await.unwrap().unwrap().text(), "tiga");
    assert_eq!(
        observed.recv().await.unwrap().payload["text"]["body"],
        "satu"
    );
    assert_eq!(again.inbox().len(), 3);
}

#[tokio::test]
async fn ticks_turn_grey_then_blue() {
    let (wa, _bot) = sandbox_with_bot(Config::default()).await;
    let sari = wa.customer(SARI, "Sari");
    let first = sari.says("satu").await;
    let second = sari.says("dua").await;
    assert!(wa.idle(PATIENCE).await);
    let ticks = || -> Vec<Tick> {
        sari.thread()
            .iter()
            .filter_map(|bubble| match bubble {
                Bubble::Written(written) => Some(written.tick),
                Bubble::Received(_) => None,
            })
            .collect()
    };
    assert_eq!(ticks(), [Tick::Delivered, Tick::Delivered]);
    let shop = Shop::of(&wa);
    let read = |wamid: &str| {
        json!({"messaging_product": "whatsapp", "status": "read",
        "message_id": wamid, "typing_indicator": {"type": "text"}})
    };
    assert_eq!(
        shop.posts(&read(&first)).await.body,
        json!({"success": true})
    );
    assert_eq!(ticks(), [Tick::Read, Tick::Delivered]);
    shop.posts(&read(&second)).await;
    assert_eq!(ticks(), [Tick::Read, Tick::Read]);
    assert_eq!(shop.posts(&read("wamid.404")).await.code(), 131_009);
    assert_eq!(wa.book().receipts, [first, second, "wamid.404".into()]);
}

#[tokio::test]
async fn read_is_reported_when_the_customer_looks() {
    let (wa, bot) = sandbox_with_bot(Config {
        auto_read: false,
        ..Config::default()
    })
    .await;
    let sari = sari(&wa).await;
    Shop::of(&wa).says(SARI, "hai").await;
    assert!(wa.idle(PATIENCE).await);
    assert_eq!(bot.statuses().len(), 2);
    sari.reads();
    sari.reads();
    assert!(wa.idle(PATIENCE).await);
    assert_eq!(bot.statuses().len(), 3);
    assert_eq!(bot.statuses()[2]["status"], "read");
}

#[tokio::test]
async fn a_new_number_and_a_new_user_id_are_announced() {
    let (wa, bot) = sandbox_with_bot(Config::default()).await;
    let mut sari = sari(&wa).await;
    let old_id = sari.bsuid().unwrap();
    sari.changes_number("6289998887777").await.unwrap();
    let new_id = sari.changes_user_id().await.unwrap();
    assert!(wa.idle(PATIENCE).await);
    let system: Vec<_> = bot.messages()[1..].to_vec();
    assert_eq!(system[0]["from"], SARI);
    assert_eq!(system[0]["system"]["type"], "user_changed_number");
    assert_eq!(system[0]["system"]["wa_id"], "6289998887777");
    assert_eq!(system[1]["system"]["type"], "user_changed_user_id");
    assert_eq!(system[1]["system"]["previous_user_id"], old_id);
    assert_eq!(system[1]["system"]["user_id"], new_id);
    for webhook in &bot.webhooks()[1..] {
        let value = &webhook["entry"][0]["changes"][0]["value"];
        assert!(
            value.get("contacts").is_none(),
            "system messages have no contacts"
        );
    }
    let shop = Shop::of(&wa);
    assert_eq!(shop.says("6289998887777", "hai").await.status, 200);
    assert_eq!(shop.says(SARI, "hai").await.code(), 131_026);
}

#[tokio::test]
async fn a_picture_by_link_is_fetched_before_it_arrives() {
    let (wa, bot) = sandbox_with_bot(Config::default()).await;
    let sari = sari(&wa).await;
    let shop = Shop::of(&wa);
    let uploaded = shop.uploads("image/png", super::pixel()).await;
    let id = uploaded.body["id"].as_str().unwrap();
    let image = |link: String| json!({"type": "image", "image": {"link": link}});
    let there = format!("{}/control/media/{id}", wa.base_url());
    assert_eq!(shop.sends(SARI, image(there)).await.status, 200);
    let picture = sari.next_reply(PATIENCE).await.unwrap();
    assert_eq!(picture.image().unwrap().bytes, super::pixel());
    let gone = format!("{}/control/media/404", wa.base_url());
    assert_eq!(shop.sends(SARI, image(gone)).await.status, 200);
    eventually("the failed status", || {
        bot.statuses()
            .iter()
            .any(|status| status["errors"][0]["code"] == 131_053)
    })
    .await;
    assert_eq!(sari.inbox().len(), 1);
}

#[tokio::test]
async fn a_phone_that_keeps_little_forgets_the_oldest_and_still_counts() {
    let config = Config {
        kept: 3,
        pair_limit: false,
        ..Config::default()
    };
    let (wa, bot) = sandbox_with_bot(config).await;
    let sari = sari(&wa).await;
    let shop = Shop::of(&wa);
    let words = |wa: &Sandbox| -> Vec<String> {
        let inbox = wa.customer(SARI, "Sari").inbox();
        inbox.iter().map(|m| m.text().to_owned()).collect()
    };
    for number in 1..=5 {
        shop.says(SARI, &number.to_string()).await;
        eventually("it arrives", || sari.received() == number).await;
    }
    assert_eq!(words(&wa), ["3", "4", "5"]);
    assert_eq!(wa.book().accepted.len(), 3);
    let next = sari.next_reply(PATIENCE).await.unwrap();
    assert_eq!(next.text(), "3", "what was forgotten unread is passed over");

    // What was forgotten can't be sent again; what came after it can.
    let [old, new] = [sari.says("lama").await, sari.says("baru").await];
    for number in 6..=7 {
        shop.says(SARI, &number.to_string()).await;
        eventually("it arrives", || sari.received() == number).await;
    }
    assert!(sari.sends_again(&old).await.is_err());
    sari.sends_again(&new).await.unwrap();
    let times = |id: &str| bot.messages().iter().filter(|m| m["id"] == id).count();
    eventually("the newer comes twice", || times(&new) == 2).await;
    assert_eq!(times(&old), 1);
    assert_eq!(sari.next_reply(PATIENCE).await.unwrap().text(), "6");
}
