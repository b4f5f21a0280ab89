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
            .get(format!("{url}?hub.mode=subscribe&hub.challenge=4711&hub.verify_token={token}"))
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
    assert_eq!(world.whatsapp.post_raw(&body, Some("sha256=00")).await, Some(401));
    let signature = world.whatsapp.sign(body.as_bytes());
    assert_eq!(world.whatsapp.post_raw(&body, Some(&signature)).await, Some(200));
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
