//! A cluster that asks everybody who they are: the bots of a shop, and its own nodes.

use std::convert::Infallible;
use std::time::Duration;

use prometheus::Registry;
use redis::aio::MultiplexedConnection;
use warung_coordination::{
    Config, Coordination, Hint, HintSet, PaceLimits, RateDecision, SendGrant,
};
use warung_testkit::{RedisCluster, eventually};

use crate::harness::{OwnCluster, SOON, Shop};

/// Every sign in it means something else in a URL.
const PASSWORD: &str = "s3:c@r/t?#%+";
/// The same as a URL has it.
const IN_URL: &str = "s3%3Ac%40r%2Ft%3F%23%25%2B";
const MINUTE: Duration = Duration::from_mins(1);
/// How long one hint may be on its way before another is sent.
const PATIENCE: Duration = Duration::from_millis(200);
/// A failover and what a busy machine adds to it.
const FAILOVER: Duration = Duration::from_secs(30);

/// What a bot must be allowed to do, the list of `docs/configuration.md`.
const RIGHTS: &str = "-@all +@connection +@read +@write +@scripting -@dangerous +time \
                      +spublish +ssubscribe +cluster|slots";

/// Closes a cluster to everybody but the user `warung`, who may touch one shop's keys, and
/// `replica`, as whom the nodes follow each other. What is returned was connected before.
async fn close(redis: &RedisCluster, prefix: &str) -> Vec<MultiplexedConnection> {
    let mut connections = Vec::new();
    for node in 0..redis.urls().len() {
        let mut connection = redis.connect(node).await.unwrap();
        let secret = format!(">{PASSWORD}");
        let (keys, channels) = (format!("~{prefix}*"), format!("&{prefix}*"));
        let mut warung = vec!["ACL", "SETUSER", "warung", "on", &secret, &keys, &channels];
        warung.extend(RIGHTS.split_whitespace());
        let replica = ["ACL", "SETUSER", "replica", "on", &secret];
        let replica = [&replica[..], &["-@all", "+psync", "+replconf", "+ping"]].concat();
        let follow = [
            "CONFIG",
            "SET",
            "masteruser",
            "replica",
            "masterauth",
            PASSWORD,
        ];
        let shut = ["ACL", "SETUSER", "default", "off"];
        for words in [&warung[..], &replica, &follow, &shut] {
            let mut cmd = redis::cmd(words[0]);
            cmd.arg(&words[1..]);
            cmd.query_async::<()>(&mut connection).await.unwrap();
        }
        connections.push(connection);
    }
    connections
}

fn url(redis: &RedisCluster, node: usize, password: &str) -> String {
    format!("redis://warung:{password}@127.0.0.1:{}", redis.port(node))
}

async fn charge(bot: &Coordination, subject: &str) -> RateDecision {
    bot.check_rate_limit(subject, "buy", 1_000, MINUTE, "wamid.1")
        .await
}

/// Uses every part, so that a right that is missing shows itself.
pub(crate) async fn works(bot: &Coordination, other: &Coordination) {
    for number in 0..50 {
        let subject = format!("628{number}");
        assert!(charge(bot, &subject).await != RateDecision::Unavailable);
        let lock = bot.acquire_lock(&subject, "buy", MINUTE).await.unwrap();
        lock.release().await;
    }
    bot.refund_charge("6281", "buy", "wamid.1").await.unwrap();
    let sessions = bot.sessions();
    sessions.put("628", &7, MINUTE).await.unwrap();
    assert_eq!(sessions.get::<u32>("628").await.unwrap(), Some(7));
    sessions.delete("628").await.unwrap();
    let loader = || async { Ok::<_, Infallible>((vec!["kopi".to_owned()], 41)) };
    assert_eq!(
        *bot.get_cache("produk:list", loader).await.unwrap(),
        ["kopi"]
    );
    bot.cache().invalidate("produk", 42).await.unwrap();
    let pace = bot.pace("106540352242922", PaceLimits::default(), 2);
    assert_eq!(pace.grant(&["628"]).await, [SendGrant::Granted]);

    let mut heard = other.hints().subscribe();
    let hint = async || {
        bot.hints().publish(Hint::new(3));
        let got = tokio::time::timeout(PATIENCE, heard.recv()).await;
        got.is_ok_and(|got| got != HintSet::ALL && got.contains(Hint::new(3)))
    };
    eventually(SOON, hint).await;
}

/// Every part works again, once two bots have seen a node go and found its successor.
pub(crate) async fn works_after_a_failover(bot: &Coordination, other: &Coordination) {
    eventually(FAILOVER, async || !bot.health().is_up).await;
    eventually(FAILOVER, async || {
        let up = |bot: &Coordination| bot.health().is_up && bot.health().is_subscribed;
        up(bot) && up(other)
    })
    .await;
    works(bot, other).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_url_with_a_password_opens_every_node_and_the_ones_after_a_failover() {
    let cluster = OwnCluster::start().await;
    let redis = &cluster.redis;
    let shop = Shop::on(redis);
    let lost = redis.primaries().await.unwrap()[0];
    let mut nodes = close(redis, &shop.prefix).await;
    assert!(
        redis.primaries().await.is_err(),
        "the cluster is still open"
    );

    // One node is named; the password is good for the five that are learned from it.
    let named = url(redis, 5, IN_URL);
    let (a, b) = (shop.bot_at(&named).await, shop.bot_at(&named).await);
    assert_eq!(a.coordination.health().connected_masters, 3);
    works(&a.coordination, &b.coordination).await;

    drop(nodes.remove(lost));
    redis.kill_node(lost).unwrap();
    works_after_a_failover(&a.coordination, &b.coordination).await;
}

#[tokio::test]
async fn a_wrong_password_is_redis_away_and_never_shown() {
    let cluster = OwnCluster::start().await;
    let redis = &cluster.redis;
    let shop = Shop::on(redis);
    let _open = close(redis, &shop.prefix).await;
    let config = Config::parse([url(redis, 0, "guessed")], &shop.prefix).unwrap();
    assert!(!format!("{config:?}").contains("guessed"));
    let bot = Coordination::connect(config, &Registry::new());
    assert!(!bot.wait_until_up(Duration::from_secs(1)).await);
    assert_eq!(charge(&bot, "628").await, RateDecision::Unavailable);
    bot.shutdown().await;
}
