//! The sender meets WhatsApp's errors: each is acted on as Meta's table says, nothing is lost.

use warung_sandbox::whatsapp::{self, Fault};
use warung_testkit::eventually;

use crate::harness::{PATIENCE, Plan, World};

#[tokio::test]
async fn a_server_error_is_tried_again_and_the_customer_hears_once() {
    let world = World::new().await;
    let sari = world.customer("Sari");
    world.whatsapp.faults().next(Fault::ServerError, 2);
    sari.asks("menu").await;
    world.settles().await;
    assert_eq!(sari.inbox().len(), 1);
    assert_eq!(world.metric(0, "warung_sends_total").await, 3);
    world.ends_well().await;
}

#[tokio::test]
async fn a_lost_answer_is_settled_by_the_status_and_not_sent_twice() {
    let world = World::new().await;
    let sari = world.customer("Sari");
    world.whatsapp.faults().next(Fault::TimeoutAfter, 1);
    sari.asks("menu").await;
    eventually(std::time::Duration::from_secs(30), async || {
        world
            .count("SELECT count(*) FROM outbox WHERE state = 'sent' AND topic = 'whatsapp'")
            .await
            == 1
    })
    .await;
    assert_eq!(sari.inbox().len(), 1);
    world.ends_well().await;
}

#[tokio::test]
async fn a_closed_window_kills_the_letter_and_it_can_be_listed_and_tried_again() {
    let world = World::new().await;
    let sari = world.customer("Sari");
    world.whatsapp.faults().next(Fault::Error(131_047), 1);
    sari.says("menu").await;
    eventually(PATIENCE, async || {
        world
            .count("SELECT count(*) FROM outbox WHERE state = 'dead'")
            .await
            == 1
    })
    .await;
    let listed = world.administer(&["dead-letters", "list"]).await.unwrap();
    assert!(listed.contains("131047"), "{listed}");
    world
        .administer(&["dead-letters", "retry", "all"])
        .await
        .unwrap();
    sari.hears().await;
    world.ends_well().await;
}

#[tokio::test]
async fn the_fleet_stays_inside_the_numbers_limit() {
    let limits = whatsapp::Config {
        messages_per_second: 20,
        ..whatsapp::Config::default()
    };
    let world = Plan {
        whatsapp: limits,
        ..Plan::bots(2)
    }
    .with("WHATSAPP_MESSAGES_PER_SECOND", "20")
    .open()
    .await;
    let crowd: Vec<_> = (0..60)
        .map(|n| world.customer(&format!("Pembeli {n}")))
        .collect();
    for customer in &crowd {
        customer.says("menu").await;
    }
    for customer in &crowd {
        customer.hears().await;
    }
    let refused = "SELECT count(*) FROM outbox WHERE attempts > 1";
    assert_eq!(
        world.count(refused).await,
        0,
        "WhatsApp never had to say no"
    );
    world.ends_well().await;
}

#[tokio::test]
async fn what_the_bot_answered_is_read_and_what_a_person_must_answer_is_not() {
    let world = World::new().await;
    let sari = world.customer("Sari");
    let read = |wamid: &str| world.whatsapp.book().receipts.contains(&wamid.to_owned());
    let asked = sari.says("menu").await;
    sari.hears().await;
    eventually(PATIENCE, async || read(&asked)).await;
    sari.asks("cs").await;
    let for_a_person = sari.says("pesanan saya mana?").await;
    world.settles().await;
    sari.asks("selesai").await;
    let settled = sari.says("menu").await;
    sari.hears().await;
    // The last one's receipt is there, so that of the one before would be, too.
    eventually(PATIENCE, async || read(&settled)).await;
    assert!(!read(&for_a_person));
    world.ends_well().await;
}

#[tokio::test]
async fn a_shop_may_keep_its_ticks_grey() {
    let world = World::new().await;
    let words = ["settings", "set", "whatsapp.read_receipts", "false"];
    world.administer(&words).await.unwrap();
    let sari = world.customer("Sari");
    let read = |wamid: &str| world.whatsapp.book().receipts.contains(&wamid.to_owned());
    // The bot follows the setting within seconds: from then on nothing is read any more.
    eventually(PATIENCE, async || {
        let before = world.whatsapp.book().receipts.len();
        let asked = sari.says("menu").await;
        sari.hears().await;
        let next = sari.says("menu").await;
        sari.hears().await;
        !read(&asked) && !read(&next) && world.whatsapp.book().receipts.len() == before
    })
    .await;
    assert_eq!(world.metric(0, "warung_dead_letters").await, 0);
    world.ends_well().await;
}
