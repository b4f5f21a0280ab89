//! What anybody may ask for: pictures, and whether the bot is well.

use warung_testkit::eventually;

use super::{CUT_OFF, allow_files};
use crate::harness::{Plan, World};

impl World {
    /// A picture as large as there is, by its digest, and how to ask for it.
    async fn has_a_picture(&self) -> (String, String) {
        let digest = "ab".repeat(32);
        sqlx::query("INSERT INTO media (sha256, mime, bytes) VALUES ($1, 'image/png', $2)")
            .bind(&digest)
            .bind(vec![7_u8; 5 * 1_024 * 1_024])
            .execute(&self.db)
            .await
            .unwrap();
        let ask = format!("GET /media/{digest}.png HTTP/1.1\r\nhost: x\r\n\r\n");
        (digest, ask)
    }
}

#[tokio::test]
async fn more_who_ask_for_pictures_than_requests_are_worked_on_at_once_keep_no_webhook_out() {
    allow_files(8_192);
    let world = World::new().await;
    let (_, ask) = world.has_a_picture().await;
    // Those who take none leave no room, so that all the others wait for some.
    let takers = world.strangers(40, &ask.repeat(4)).await;
    let asking = world.strangers(1_200, &ask).await;
    world.counts("warung_shed_total", &["others"], 1).await;
    world.customers_are_answered().await;
    assert_eq!(world.counted("warung_webhook_refused_total", &[]).await, 0);
    drop((takers, asking));
    world.took_no_more_than_its_bound();
    world.ends_well().await;
}

#[tokio::test]
async fn who_asks_again_and_again_whether_the_bot_is_well_asks_postgresql_a_few_times() {
    const ASKED: usize = 500;
    let world = Plan::default().with("LOG", "info,sqlx=debug").open().await;
    let head = "GET /readyz HTTP/1.1\r\nhost: x\r\n";
    let ask = format!("{head}\r\n").repeat(ASKED - 1);
    let answer = world
        .answers(format!("{ask}{head}connection: close\r\n\r\n").as_bytes())
        .await;
    assert_eq!(answer.matches("HTTP/1.1 200").count(), ASKED);
    let log = std::fs::read_to_string(&world.bots[0].log).unwrap();
    let looks = log.lines().filter(|line| line.contains("rows!"));
    let looks = looks.count();
    assert!(
        (1..ASKED / 5).contains(&looks),
        "PostgreSQL was asked {looks} times"
    );
    world.customers_are_answered().await;
    world.ends_well().await;
}

#[tokio::test]
async fn who_asks_for_pictures_and_takes_none_is_left_and_costs_a_bounded_memory() {
    let world = World::new().await;
    let (digest, ask) = world.has_a_picture().await;
    // Several each, because the system keeps some megabytes for a reader who does not read.
    let takers = world.strangers(40, &ask.repeat(4)).await;
    world.customers_are_answered().await;
    world.counts("warung_shed_total", &["pictures"], 1).await;
    world.counts("warung_shed_total", &["slow_reader"], 1).await;
    world.took_no_more_than_its_bound();
    drop(takers);
    let url = world.bots[0].url(&format!("/media/{digest}.png"));
    eventually(CUT_OFF, async || {
        let picture = world
            .http
            .get(&url)
            .send()
            .await
            .map_err(|e| e.to_string())?;
        let bytes = picture.bytes().await.map_err(|error| error.to_string())?;
        if bytes.len() == 5 * 1_024 * 1_024 {
            Ok(())
        } else {
            Err("not the picture".to_owned())
        }
    })
    .await;
    world.ends_well().await;
}
