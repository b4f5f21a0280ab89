//! An external PostgreSQL with every fault that a person may put in its way.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use warung_operator::conditions::{Finding, Reason, Truth};
use warung_operator::crds::{ExternalDatabase, SecretKeyRef};
use warung_operator::database::external;

use super::{Server, init_tls, leader};

const BOT: &str = "bot-url";
const OWNER: &str = "owner-url";

async fn look(keys: &[(&str, &str)], with_owner: bool) -> Finding {
    init_tls();
    let key_ref = |key: &str| SecretKeyRef {
        name: "toko-db".to_owned(),
        key: key.to_owned(),
    };
    let database = ExternalDatabase {
        secret_ref: key_ref(BOT),
        owner_secret_ref: with_owner.then(|| key_ref(OWNER)),
    };
    let keys: BTreeMap<_, _> = keys
        .iter()
        .map(|(key, value)| ((*key).to_owned(), value.as_bytes().to_vec()))
        .collect();
    let secrets = BTreeMap::from([("toko-db".to_owned(), Some(keys))]);
    let looked = external(&database, &secrets, &leader()).await.unwrap();
    looked.finding
}

/// Looks, and makes sure that the password is not told.
async fn refused(url: &str) -> (Reason, String) {
    let found = look(&[(BOT, url)], false).await;
    assert_eq!(found.truth, Truth::False, "{}", found.message);
    assert!(!found.message.contains("rahasia"), "{}", found.message);
    (found.reason, found.message)
}

#[tokio::test]
async fn each_fault_of_an_external_database_is_named() {
    let server = Server::start().await;
    for sql in [
        "CREATE ROLE pelayan LOGIN PASSWORD 'rahasia'",
        "CREATE ROLE pemilik LOGIN PASSWORD 'rahasia'",
        "CREATE DATABASE toko OWNER pemilik TEMPLATE template0",
        "CREATE DATABASE tertutup TEMPLATE template0",
        "REVOKE CONNECT ON DATABASE tertutup FROM PUBLIC",
    ] {
        server.run(sql).await;
    }
    let bot = server.url("pelayan", "rahasia", "toko");
    let owner = server.url("pemilik", "rahasia", "toko");

    let (reason, message) = refused(&server.url("pelayan", "rahasia-lama", "toko")).await;
    assert_eq!(reason, Reason::AuthenticationFailed);
    let port = server.port();
    let name = format!("PostgreSQL at 127.0.0.1:{port} (key bot-url of Secret toko-db)");
    assert!(message.starts_with(&name), "{message}");

    let (reason, _) = refused(&server.url("pelayan", "rahasia", "tiada")).await;
    assert_eq!(reason, Reason::DatabaseMissing);
    let (reason, _) = refused(&server.url("pelayan", "rahasia", "tertutup")).await;
    assert_eq!(reason, Reason::RightsMissing);
    let proved = bot.replace("sslmode=require", "sslmode=verify-full");
    let (reason, message) = refused(&proved).await;
    assert_eq!(reason, Reason::TlsFailed, "{message}");

    // The bots' role alone owns nothing, so it cannot migrate.
    let (reason, message) = refused(&bot).await;
    assert_eq!(reason, Reason::RightsMissing);
    assert!(message.contains("role pelayan"), "{message}");

    let missing = look(&[(BOT, &bot)], true).await;
    assert_eq!(missing.reason, Reason::KeyMissing);
    assert!(missing.message.contains("owner-url"), "{}", missing.message);

    let both = look(&[(BOT, &bot), (OWNER, &owner)], true).await;
    assert_eq!(both.truth, Truth::True, "{}", both.message);
    assert_eq!(both.reason, Reason::Connected);
    let alone = look(&[(BOT, &owner)], false).await;
    assert_eq!(alone.truth, Truth::True, "{}", alone.message);
    assert!(alone.message.contains("ledger's past"), "{}", alone.message);

    let elsewhere = server.url("pemilik", "rahasia", "postgres");
    let two = look(&[(BOT, &bot), (OWNER, &elsewhere)], true).await;
    assert_eq!(two.reason, Reason::ValueInvalid, "{}", two.message);
}

#[tokio::test]
async fn a_host_that_is_not_there_or_says_nothing_is_told_in_time() {
    let port = warung_testkit::ports::free().unwrap();
    let nobody = format!("postgres://pelayan:rahasia@127.0.0.1:{port}/toko");
    let (reason, message) = refused(&nobody).await;
    assert_eq!(reason, Reason::Unreachable);
    assert!(message.contains("refused"), "{message}");
    let nowhere = "postgres://pelayan:rahasia@db.toko.invalid:5432/toko";
    let (reason, message) = refused(nowhere).await;
    assert_eq!(reason, Reason::Unreachable);
    assert!(message.contains("db.toko.invalid:5432"), "{message}");

    // The kernel takes the connection, nobody answers.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = silent.local_addr().unwrap().port();
    let begun = Instant::now();
    let (reason, _) = refused(&format!("postgres://pelayan:rahasia@127.0.0.1:{port}/toko")).await;
    assert_eq!(reason, Reason::Unreachable);
    assert!(begun.elapsed() < Duration::from_secs(20));
}
