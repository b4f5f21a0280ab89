//! A shop whose Redis Cluster speaks TLS only.

use std::path::Path;

use warung_testkit::{RedisCluster, RedisOptions, eventually};

use crate::harness::{PATIENCE, Plan, Says, World};

async fn shop_on(redis: &RedisCluster, variable: &'static str, authority: &Path) -> World {
    Plan {
        redis_urls: Some(redis.url_list()),
        ..Plan::default()
    }
    .with(variable, authority.to_str().unwrap())
    .open()
    .await
}

async fn sells(world: &World) {
    let sari = world.customer("Sari");
    world.give_saldo(&sari, 100_000).await;
    sari.asks("beli VOUCHER-10 1").await;
    sari.chooses(&sari.option("saldo"))
        .await
        .says_all(&["KELAS-"]);
}

#[tokio::test]
async fn the_shop_sells_over_tls_and_without_redis_where_a_certificate_is_not_trusted() {
    let directory = tempfile::tempdir().unwrap();
    let options = RedisOptions::new(directory.path().join("redis")).with_tls();
    let redis = RedisCluster::start(options).await.unwrap();
    // An authority of its own, or one that the whole system trusts.
    for variable in ["REDIS_CA_FILE", "SSL_CERT_FILE"] {
        let world = shop_on(&redis, variable, &redis.authority()).await;
        eventually(PATIENCE, async || {
            world.metric(0, "warung_redis_up").await == 1
        })
        .await;
        sells(&world).await;
        assert_eq!(world.metric(0, "warung_lock_fallback_total").await, 0);
        world.ends_well().await;
    }

    let stranger = directory.path().join("stranger.crt");
    let key = rcgen::KeyPair::generate().unwrap();
    let params = rcgen::CertificateParams::new(Vec::new()).unwrap();
    std::fs::write(&stranger, params.self_signed(&key).unwrap().pem()).unwrap();
    let world = shop_on(&redis, "REDIS_CA_FILE", &stranger).await;
    sells(&world).await;
    assert!(world.metric(0, "warung_lock_fallback_total").await >= 1);
    let log = std::fs::read_to_string(&world.bots[0].log).unwrap();
    let told = log
        .lines()
        .find(|line| line.contains("no trusted TLS connection to redis"));
    assert!(
        told.is_some_and(|line| line.contains("UnknownIssuer")),
        "{told:?}"
    );
    // What the catalogue's change tells the fleet waits for Redis; the books do not.
    world.administer(&["audit"]).await.unwrap();
}
