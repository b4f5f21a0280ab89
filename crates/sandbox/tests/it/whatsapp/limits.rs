//! The pace that Meta allows.

use chrono::TimeDelta;
use warung_sandbox::whatsapp::Config;

use super::{SARI, Shop, sandbox_with_bot, sari};

#[tokio::test]
async fn a_number_may_send_only_so_fast() {
    let config = Config {
        messages_per_second: 5,
        ..Config::default()
    };
    let (wa, _bot) = sandbox_with_bot(config).await;
    sari(&wa).await;
    let shop = Shop::of(&wa);
    let mut codes = Vec::new();
    for n in 0..20 {
        let answer = shop.says(SARI, &n.to_string()).await;
        codes.push(answer.body["error"]["code"].as_u64());
    }
    let refused = codes.iter().filter(|code| **code == Some(130_429)).count();
    assert!(
        refused > 0,
        "twenty messages at once are too many at five a second"
    );
    assert!(
        codes[..5].iter().all(Option::is_none),
        "five may go at once"
    );
    wa.clock().advance(TimeDelta::seconds(1));
    assert_eq!(shop.says(SARI, "a second later").await.status, 200);
}

#[tokio::test]
async fn one_customer_may_be_written_to_only_so_often() {
    let config = Config {
        messages_per_second: 1000,
        ..Config::default()
    };
    let (wa, _bot) = sandbox_with_bot(config).await;
    sari(&wa).await;
    wa.customer("6285550001111", "Budi").says("halo").await;
    let shop = Shop::of(&wa);
    for n in 0..45 {
        assert_eq!(
            shop.says(SARI, &n.to_string()).await.status,
            200,
            "message {n}"
        );
    }
    let answer = shop.says(SARI, "one too many").await;
    assert_eq!((answer.status, answer.code()), (429, 131_056));
    assert_eq!(
        shop.says("6285550001111", "others are free").await.status,
        200
    );
    wa.clock().advance(TimeDelta::seconds(6));
    assert_eq!(shop.says(SARI, "six seconds later").await.status, 200);
    assert_eq!(shop.says(SARI, "and another").await.code(), 131_056);
}

#[tokio::test]
async fn the_pair_limit_can_be_lifted() {
    let config = Config {
        messages_per_second: 1000,
        pair_limit: false,
        ..Config::default()
    };
    let (wa, _bot) = sandbox_with_bot(config).await;
    sari(&wa).await;
    let shop = Shop::of(&wa);
    for n in 0..60 {
        assert_eq!(shop.says(SARI, &n.to_string()).await.status, 200);
    }
}
