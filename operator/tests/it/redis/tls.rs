//! A Redis Cluster of somebody else that speaks TLS only.

use warung_operator::redis::external::{External, Unfit, verify};
use warung_testkit::{RedisCluster, RedisOptions, eventually};

use super::SOON;

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_behind_tls_is_looked_at_with_its_own_authority_alone() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let directory = tempfile::tempdir().unwrap();
    let options = RedisOptions::new(directory.path()).with_tls();
    let redis = RedisCluster::start(options).await.unwrap();
    let authority = std::fs::read_to_string(redis.authority()).unwrap();
    let urls = [redis.url(4)];
    // The other five are reached where the first one says that they are, by TLS too.
    let fit = External {
        primaries: 3,
        bare_primaries: 0,
    };
    eventually(SOON, async || {
        let looked = verify(&urls, None, Some(&authority)).await;
        (looked == Ok(fit.clone()))
            .then_some(())
            .ok_or(format!("{looked:?}"))
    })
    .await;

    let stranger = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    for authority in [None, Some(stranger.cert.pem())] {
        let refused = verify(&urls, None, authority.as_deref()).await.unwrap_err();
        assert!(matches!(refused, Unfit::Untrusted(_)), "{refused:?}");
        assert!(refused.to_string().contains("certificate"), "{refused}");
    }

    let open = [redis.url(4).replace("rediss://", "redis://")];
    let plain = verify(&open, None, Some(&authority)).await.unwrap_err();
    assert!(matches!(plain, Unfit::Authority(_)), "{plain:?}");
    let garbled = verify(&urls, None, Some("hello")).await.unwrap_err();
    assert!(matches!(garbled, Unfit::Authority(_)), "{garbled:?}");
}
