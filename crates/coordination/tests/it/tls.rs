//! A cluster that speaks TLS only, with certificates of an authority nobody else knows.

use std::time::Duration;

use prometheus::Registry;
use warung_coordination::{Config, ConfigError, Coordination};
use warung_testkit::{RedisCluster, RedisOptions};

use crate::harness::{OwnCluster, Shop};
use crate::secured::{works, works_after_a_failover};

fn config(redis: &RedisCluster, shop: &Shop) -> Config {
    let authority = std::fs::read_to_string(redis.authority()).unwrap();
    // One node is named; the five that are learned from it are reached in the same way.
    let config = Config::parse([redis.url(5)], &shop.prefix).unwrap();
    config.trusting(&authority).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_part_works_over_tls_before_and_after_a_failover() {
    let cluster = OwnCluster::start_with(RedisOptions::with_tls).await;
    let redis = &cluster.redis;
    let shop = Shop::on(redis);
    let a = Shop::connect(config(redis, &shop), |_| {}).await;
    let b = Shop::connect(config(redis, &shop), |_| {}).await;
    assert_eq!(a.coordination.health().connected_masters, 3);
    works(&a.coordination, &b.coordination).await;

    let lost = redis.primaries().await.unwrap()[0];
    redis.kill_node(lost).unwrap();
    works_after_a_failover(&a.coordination, &b.coordination).await;
}

#[tokio::test]
async fn a_node_of_an_unknown_authority_is_redis_away() {
    let cluster = OwnCluster::start_with(RedisOptions::with_tls).await;
    let redis = &cluster.redis;
    let shop = Shop::on(redis);
    // The system's authorities have never heard of this one; nor does it help to speak no TLS.
    for url in [redis.url(0), format!("redis://127.0.0.1:{}", redis.port(0))] {
        let config = Config::parse([url], &shop.prefix).unwrap();
        let bot = Coordination::connect(config, &Registry::new());
        assert!(!bot.wait_until_up(Duration::from_secs(1)).await);
        bot.shutdown().await;
    }
}

#[test]
fn what_cannot_be_trusted_is_refused_at_the_start() {
    let parse = |nodes: &[&str]| Config::parse(nodes, "warung:tls:");
    let mixed = parse(&["rediss://10.0.0.1:6379", "redis://10.0.0.2:6379"]);
    assert_eq!(mixed.unwrap_err(), ConfigError::Mixed);
    let blind = parse(&["rediss://10.0.0.1:6379/#insecure"]);
    assert!(matches!(blind, Err(ConfigError::Node(_))));
    let tls = || parse(&["rediss://10.0.0.1:6379"]).unwrap();
    let garbled = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    for authorities in ["", "hello", garbled] {
        let refused = tls().trusting(authorities).unwrap_err();
        assert!(matches!(refused, ConfigError::Authority(_)), "{refused}");
    }
    let open = parse(&["redis://10.0.0.1:6379"]).unwrap();
    assert_eq!(open.trusting("").unwrap_err(), ConfigError::NoTls);
}
