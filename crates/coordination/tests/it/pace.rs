//! One number's sends, shared by two bots.

use std::time::{Duration, Instant};

use warung_coordination::{Pace, PaceLimits, SendGrant};
use warung_testkit::{eventually, stores};

use crate::harness::{Bot, SOON, Shop, keys, run};

const NUMBER: &str = "106540352242922";

impl Bot {
    fn paces(&self, limits: PaceLimits) -> Pace {
        self.coordination.pace(NUMBER, limits, 2)
    }
}

fn granted(grants: &[SendGrant]) -> usize {
    grants
        .iter()
        .filter(|grant| **grant == SendGrant::Granted)
        .count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_bots_keep_the_rate_of_one_number() {
    let shop = Shop::open().await;
    let limits = PaceLimits {
        per_second: 50,
        burst: 5,
        ..PaceLimits::default()
    };
    let (a, b) = (shop.bot().await, shop.bot().await);
    let began = Instant::now();
    let spend = async |bot: &Bot, base: usize| {
        let pace = bot.paces(limits);
        let mut sent = 0;
        // It looks again and again, as a sender does, until its time is over.
        eventually(SOON, async || {
            let names = [0, 1, 2].map(|n| format!("62{}", base + sent + n));
            let grants = pace.grant(&names.each_ref().map(String::as_str)).await;
            sent += granted(&grants);
            if let Some(SendGrant::NumberDelay(wait)) = grants.last() {
                assert!(*wait <= Duration::from_millis(200), "{wait:?}");
            }
            began.elapsed() >= Duration::from_millis(1_500)
        })
        .await;
        sent
    };
    let (a, b) = tokio::join!(spend(&a, 0), spend(&b, 1_000_000));
    let allowed = 5.0 + began.elapsed().as_secs_f64() * 50.0 + 1.0;
    let sent = f64::from(u32::try_from(a + b).unwrap());
    assert!(sent <= allowed, "{sent} of {allowed}");
    assert!(sent >= 50.0, "{sent} in a second and a half");
}

#[tokio::test]
async fn a_pair_has_its_burst_and_then_one_in_six_seconds() {
    let shop = Shop::open().await;
    let limits = PaceLimits {
        per_second: 10_000,
        burst: 10_000,
        ..PaceLimits::default()
    };
    let pace = shop.bot().await.paces(limits);
    let grants = pace.grant(&["628"; 47]).await;
    assert_eq!(granted(&grants[..45]), 45);
    for grant in &grants[45..] {
        let SendGrant::PairDelay(wait) = grant else {
            panic!("{grant:?}")
        };
        assert!(*wait > Duration::from_secs(5) && *wait <= Duration::from_secs(6));
    }
    assert_eq!(pace.grant(&["629"]).await, [SendGrant::Granted]);
}

#[tokio::test]
async fn a_penalty_seen_by_one_bot_is_kept_by_the_other() {
    let shop = Shop::open().await;
    let a = shop.bot().await.paces(PaceLimits::default());
    let b = shop.bot().await.paces(PaceLimits::default());
    a.penalize_pair("628", Duration::from_secs(64)).await;
    let grants = b.grant(&["628", "629"]).await;
    let SendGrant::PairDelay(wait) = grants[0] else {
        panic!("{grants:?}")
    };
    assert!(wait > Duration::from_mins(1) && wait <= Duration::from_secs(64));
    assert_eq!(grants[1], SendGrant::Granted);

    b.pause_number(Duration::from_secs(30)).await;
    let grants = a.grant(&["630", "631"]).await;
    for grant in grants {
        let SendGrant::NumberDelay(wait) = grant else {
            panic!("{grant:?}")
        };
        assert!(wait > Duration::from_secs(25) && wait <= Duration::from_secs(31));
    }
}

#[tokio::test]
async fn a_batch_larger_than_one_call_is_granted_in_order() {
    let shop = Shop::open().await;
    let limits = PaceLimits {
        per_second: 1,
        burst: 300,
        ..PaceLimits::default()
    };
    let names: Vec<String> = (0..400).map(|number| format!("62{number}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let grants = shop.bot().await.paces(limits).grant(&names).await;
    assert_eq!(grants.len(), 400);
    assert_eq!(granted(&grants[..300]), 300);
    assert!(
        granted(&grants[300..]) <= 5,
        "the number's share of the time it took"
    );
}

#[tokio::test]
async fn a_clock_that_was_ahead_and_is_right_again_holds_nobody_back() {
    let shop = Shop::open().await;
    let redis = &stores().await.redis;
    let pace = shop.bot().await.paces(PaceLimits::default());
    assert_eq!(granted(&pace.grant(&["628"]).await), 1);
    let buckets = keys(redis, &format!("{}pace:*", shop.prefix)).await;
    assert_eq!(buckets.len(), 2, "the number's and the pair's: {buckets:?}");
    // As they were written when the clock was ten minutes ahead.
    let ahead = std::time::SystemTime::now() + Duration::from_mins(10);
    let ahead = ahead.duration_since(std::time::UNIX_EPOCH).unwrap();
    let bucket = format!("{0} {0}", ahead.as_micros());
    for (node, key) in &buckets {
        run::<String>(redis, *node, &["SET", key, &bucket, "PX", "600000"]).await;
    }
    assert_eq!(granted(&pace.grant(&["628"]).await), 1);
}
