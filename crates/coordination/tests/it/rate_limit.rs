//! Three purchases a minute, over all bots.

use std::time::Duration;

use warung_coordination::RateDecision;
use warung_testkit::stores;

use crate::harness::{Bot, Shop, keys, run};

const MINUTE: Duration = Duration::from_mins(1);

impl Bot {
    async fn buys(&self, message: &str) -> RateDecision {
        self.coordination
            .check_rate_limit("628", "buy", 3, MINUTE, message)
            .await
    }
}

#[tokio::test]
async fn the_third_purchase_passes_and_the_fourth_is_told_when() {
    let shop = Shop::open().await;
    let (a, b) = (shop.bot().await, shop.bot().await);
    assert_eq!(
        a.buys("wamid.1").await,
        RateDecision::Allowed { remaining: 2 }
    );
    assert_eq!(
        b.buys("wamid.2").await,
        RateDecision::Allowed { remaining: 1 }
    );
    assert_eq!(
        a.buys("wamid.3").await,
        RateDecision::Allowed { remaining: 0 }
    );
    let RateDecision::Denied { retry_after } = b.buys("wamid.4").await else {
        panic!("a fourth purchase in a minute");
    };
    assert!(retry_after > Duration::from_secs(50) && retry_after <= MINUTE);
    let denied = ["denied", "redis"];
    assert!((b.metric("warung_ratelimit_total", &denied) - 1.0).abs() < f64::EPSILON);
}

#[tokio::test]
async fn the_same_message_is_charged_once() {
    let shop = Shop::open().await;
    let (a, b) = (shop.bot().await, shop.bot().await);
    for message in ["wamid.1", "wamid.2", "wamid.3"] {
        assert!(a.buys(message).await.may_go_on());
    }
    assert_eq!(b.buys("wamid.2").await, RateDecision::Repeated);
    assert!(!b.buys("wamid.4").await.may_go_on());
}

#[tokio::test]
async fn a_purchase_that_failed_is_given_back() {
    let shop = Shop::open().await;
    let (a, b) = (shop.bot().await, shop.bot().await);
    for message in ["wamid.1", "wamid.2", "wamid.3"] {
        assert!(a.buys(message).await.may_go_on());
    }
    assert_eq!(
        b.coordination.refund_charge("628", "buy", "wamid.2").await,
        Ok(true)
    );
    assert_eq!(
        b.coordination.refund_charge("628", "buy", "wamid.2").await,
        Ok(false)
    );
    assert_eq!(
        b.buys("wamid.4").await,
        RateDecision::Allowed { remaining: 0 }
    );
    assert!(!a.buys("wamid.5").await.may_go_on());
}

#[tokio::test]
async fn a_limit_of_nothing_allows_nothing() {
    let bot = Shop::open().await.bot().await;
    let decision = bot
        .coordination
        .check_rate_limit("628", "buy", 0, MINUTE, "wamid.1")
        .await;
    assert_eq!(
        decision,
        RateDecision::Denied {
            retry_after: MINUTE
        }
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_at_once_still_leave_three() {
    let shop = Shop::open().await;
    let bots = [shop.bot().await, shop.bot().await];
    let messages: Vec<String> = (0..100).map(|number| format!("wamid.{number}")).collect();
    let buying = messages
        .iter()
        .enumerate()
        .map(|(n, message)| bots[n % 2].buys(message));
    let decisions = futures_util::future::join_all(buying).await;
    let allowed = |decision: &&RateDecision| matches!(decision, RateDecision::Allowed { .. });
    assert_eq!(decisions.iter().filter(allowed).count(), 3);
}

#[tokio::test]
async fn purchases_of_a_clock_that_was_ahead_are_not_held_against_the_customer() {
    let shop = Shop::open().await;
    let redis = &stores().await.redis;
    let bot = shop.bot().await;
    bot.buys("wamid.1").await;
    let logs = keys(redis, &format!("{}rate:*", shop.prefix)).await;
    let (node, key) = &logs[0];
    let ahead = std::time::SystemTime::now() + Duration::from_mins(10);
    let ahead = ahead.duration_since(std::time::UNIX_EPOCH).unwrap();
    let ahead = ahead.as_millis().to_string();
    for message in ["wamid.2", "wamid.3", "wamid.4"] {
        run::<i64>(redis, *node, &["ZADD", key, &ahead, message]).await;
    }
    assert_eq!(
        bot.buys("wamid.5").await,
        RateDecision::Allowed { remaining: 1 }
    );
}
