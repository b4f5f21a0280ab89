use std::time::Duration;

use redis::AsyncCommands;
use redis::cluster::ClusterClientBuilder;
use redis::cluster_async::ClusterConnection;
use warung_testkit::{RedisCluster, RedisOptions, eventually};

const LIMIT: Duration = Duration::from_secs(30);

async fn client(cluster: &RedisCluster) -> ClusterConnection {
    let client = ClusterClientBuilder::new(cluster.urls())
        .retries(2)
        .response_timeout(Duration::from_millis(500))
        .build()
        .unwrap();
    client.get_async_connection().await.unwrap()
}

#[tokio::test]
async fn six_nodes_serve_fail_over_and_find_each_other_again() {
    let directory = crate::directory();
    let options = RedisOptions {
        append_only: true,
        ..RedisOptions::new(directory.path().join("redis"))
    };
    let cluster = RedisCluster::start(options.clone()).await.unwrap();
    assert_eq!(cluster.primaries().await.unwrap(), [0, 1, 2]);
    let mut connection = client(&cluster).await;
    let _: () = connection.set("greeting", "halo").await.unwrap();

    let before = cluster.primary_of("greeting").await.unwrap();
    cluster.kill_node(before).unwrap();
    let after = eventually(LIMIT, async || {
        let primary = cluster.primary_of("greeting").await.ok()?;
        (primary != before).then_some(primary)
    })
    .await;
    assert!(after >= 3, "a replica took over");
    let text: String =
        eventually(LIMIT, async || client(&cluster).await.get("greeting").await).await;
    assert_eq!(text, "halo");
    cluster.start_node(before).await.unwrap();
    cluster.healthy(LIMIT).await.unwrap();

    cluster.stop_all().await.unwrap();
    drop(cluster);
    let cluster = RedisCluster::start(options).await.unwrap();
    let text: String = client(&cluster).await.get("greeting").await.unwrap();
    assert_eq!(text, "halo", "kept over a restart on other ports");
}

#[tokio::test]
async fn a_frozen_primary_is_replaced_and_the_whole_can_be_stopped_and_started() {
    let directory = crate::directory();
    let cluster = RedisCluster::start(RedisOptions::new(directory.path().join("redis")))
        .await
        .unwrap();
    let before = cluster.primary_of("k").await.unwrap();
    cluster.pause_node(before).unwrap();
    eventually(LIMIT, async || {
        let other = (before + 1) % 3;
        let seen = cluster.connect(other).await.ok()?;
        drop(seen);
        let primary = cluster.primary_seen_by(other, "k").await.ok()?;
        (primary != before).then_some(())
    })
    .await;
    cluster.resume_node(before).unwrap();
    cluster.healthy(LIMIT).await.unwrap();

    cluster.kill_all().unwrap();
    assert!(cluster.primaries().await.is_err());
    cluster.start_all().await.unwrap();
    assert_eq!(cluster.primaries().await.unwrap().len(), 3);
}
