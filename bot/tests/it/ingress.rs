//! What Meta's servers meet: signatures, batches, repeats, poison, limits of size and time.

use serde_json::json;

use crate::harness::{Plan, World};

#[tokio::test]
async fn meta_verifies_the_webhook_with_the_right_token_only() {
    let world = World::new().await;
    let url = world.bots[0].url("/webhooks/whatsapp");
    let ask = |token: &'static str| {
        world
            .http
            .get(format!(
                "{url}?hub.mode=subscribe&hub.challenge=4711&hub.verify_token={token}"
            ))
            .send()
    };
    let right = ask("sandbox-verify-token").await.unwrap();
    assert_eq!(right.status(), 200);
    assert_eq!(right.text().await.unwrap(), "4711");
    assert_eq!(ask("wrong").await.unwrap().status(), 403);
    world.ends_well().await;
}

#[tokio::test]
async fn a_body_without_a_right_signature_is_refused_and_stored_nowhere() {
    let world = World::new().await;
    let body = json!({"object": "whatsapp_business_account", "entry": []}).to_string();
    assert_eq!(world.whatsapp.post_raw(&body, None).await, Some(401));
    assert_eq!(
        world.whatsapp.post_raw(&body, Some("sha256=00")).await,
        Some(401)
    );
    let signature = world.whatsapp.sign(body.as_bytes());
    assert_eq!(
        world.whatsapp.post_raw(&body, Some(&signature)).await,
        Some(200)
    );
    assert_eq!(world.count("SELECT count(*) FROM inbox").await, 0);
    world.ends_well().await;
}

#[tokio::test]
async fn a_malformed_or_oversized_body_is_refused_with_the_reason() {
    let world = World::new().await;
    let signed = async |body: &str| {
        let signature = world.whatsapp.sign(body.as_bytes());
        world.whatsapp.post_raw(body, Some(&signature)).await
    };
    assert_eq!(signed("{not json").await, Some(400));
    let huge = format!("{{\"entry\": [\"{}\"]}}", "x".repeat(3 * 1024 * 1024));
    assert_eq!(signed(&huge).await, Some(413));
    world.ends_well().await;
}

#[tokio::test]
async fn both_app_secrets_are_accepted_while_rotating() {
    let world = Plan::default()
        .with("WHATSAPP_APP_SECRET", "the-next-secret,sandbox-app-secret")
        .open()
        .await;
    let sari = world.customer("Sari");
    sari.asks("halo").await;
    world.ends_well().await;
}

#[tokio::test]
async fn a_batch_of_a_thousand_with_repeats_and_one_poison_item_is_answered_once_each() {
    let world = Plan::bots(2).open().await;
    let crowd: Vec<_> = (0..25)
        .map(|n| world.customer(&format!("Pembeli {n}")))
        .collect();
    let hello = json!({"type": "text", "text": {"body": "menu"}});
    let first: Vec<_> = crowd
        .iter()
        .map(|customer| customer.composes(&hello))
        .collect();
    // Forty copies of each message, and one item that nobody can read.
    let mut items: Vec<_> = first.iter().cycle().take(999).cloned().collect();
    items.insert(
        500,
        json!({"id": 7, "from": ["nobody"], "type": {"text": null}}),
    );
    assert_eq!(world.whatsapp.deliver(&items).await, Some(200));
    for customer in &crowd {
        customer.hears().await;
    }
    world.settles().await;
    for customer in &crowd {
        assert_eq!(customer.inbox().len(), 1, "one message, one answer");
    }
    let messages = "SELECT count(*) FROM inbox WHERE kind = 'message' AND state = 'done'";
    assert_eq!(world.count(messages).await, 25);
    let dead = "SELECT count(*) FROM inbox WHERE kind = 'malformed' AND error IS NOT NULL";
    assert_eq!(world.count(dead).await, 1);
    world.ends_well_but_for_dead_letters(1).await;
}

#[tokio::test]
async fn the_same_message_again_after_a_restart_is_not_answered_again() {
    let mut world = World::new().await;
    let sari = world.customer("Sari");
    let wamid = sari.says("menu").await;
    sari.hears().await;
    world.bots[0].process.kill().unwrap();
    world.start_bot().await;
    sari.sends_again(&wamid).await.unwrap();
    assert!(world.whatsapp.idle(crate::harness::PATIENCE).await);
    world.settles().await;
    assert_eq!(sari.inbox().len(), 1);
    assert_eq!(world.metric(1, "warung_duplicate_total").await, 1);
    world.ends_well().await;
}

#[tokio::test]
async fn a_status_that_no_database_takes_does_not_keep_its_batch_out() {
    let world = World::new().await;
    let sari = world.customer("Sari");
    let status =
        |wamid: &str, status: &str| json!({"id": wamid, "status": status, "timestamp": "1"});
    let poison = [
        status("wamid.\0", "read"),
        status("wamid.1", "re\0ad"),
        status("wamid.2", "tele\0ported"),
    ];
    let message = sari.composes(&json!({"type": "text", "text": {"body": "menu"}}));
    let body = json!({"object": "whatsapp_business_account", "entry": [{"changes": [
        {"field": "messages", "value": {
            "metadata": {"phone_number_id": world.shop.phone_number_id},
            "statuses": poison,
            "messages": [message],
        }}
    ]}]})
    .to_string();
    let signature = world.whatsapp.sign(body.as_bytes());
    assert_eq!(
        world.whatsapp.post_raw(&body, Some(&signature)).await,
        Some(200)
    );
    sari.hears().await;
    world.ends_well_but_for_dead_letters(1).await;
}
