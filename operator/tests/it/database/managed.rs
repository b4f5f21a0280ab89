//! A PostgreSQL that the operator runs: roles, database, and what a person changes in them.

use rand::SeedableRng as _;
use rand::rngs::StdRng;
use warung_operator::conditions::{Reason, Truth};
use warung_operator::database::{Identity, Looked, Managed, managed};
use warung_operator::lease::{Leadership, LostLeadership};
use warung_operator::shop::DatabaseCredentials;

use super::{SUPERUSER_PASSWORD, Server, init_tls, leader};

fn credentials(server: &Server) -> DatabaseCredentials {
    DatabaseCredentials {
        superuser_password: SUPERUSER_PASSWORD.to_owned(),
        owner_password: "milik".to_owned(),
        bot_password: "layan".to_owned(),
        ca_certificate: server.certified.ca_certificate.clone(),
        certificate: server.certified.certificate.clone(),
        certificate_key: server.certified.key.clone(),
    }
}

async fn look(
    server: &Server,
    credentials: &DatabaseCredentials,
    leadership: &Leadership,
) -> Result<Looked, LostLeadership> {
    init_tls();
    let target = Managed {
        host: "127.0.0.1",
        port: server.port(),
        authority: &credentials.ca_certificate,
        credentials,
        max_connections: 100,
    };
    let mut random = StdRng::seed_from_u64(1);
    managed(&target, leadership, &mut random).await
}

async fn connected(server: &Server, credentials: &DatabaseCredentials) -> Identity {
    let looked = look(server, credentials, &leader()).await.unwrap();
    let found = looked.finding;
    assert_eq!(found.reason, Reason::Connected, "{}", found.message);
    assert_eq!(found.truth, Truth::True);
    looked.identity.unwrap()
}

/// What changes whenever a role, the database or its schema is changed.
async fn versions(server: &Server) -> String {
    let sql = "SELECT (SELECT string_agg(xmin::text, ',' ORDER BY rolname) FROM pg_authid)
        || '/' || (SELECT string_agg(xmin::text, ',' ORDER BY datname) FROM pg_database)
        || '/' || (SELECT xmin::text FROM pg_namespace WHERE nspname = 'public')";
    server.ask("warung", sql).await
}

#[tokio::test]
async fn a_managed_database_is_made_kept_and_closed() {
    let server = Server::start().await;
    let mut credentials = credentials(&server);

    // Whoever lost the leadership touches nothing.
    let lost = leader();
    lost.end();
    assert!(look(&server, &credentials, &lost).await.is_err());
    assert!(!server.postgres.has_database("warung").await.unwrap());

    // It is known by the identifier that the server made up with its data.
    let identity = connected(&server, &credentials).await;
    let identifier = "SELECT system_identifier::text FROM pg_control_system()";
    assert_eq!(identity.system, server.ask("postgres", identifier).await);
    assert!(identity.is_empty);
    assert!(connected(&server, &credentials).await.is_empty);
    let owner =
        "CREATE EXTENSION pg_trgm; CREATE TABLE sejarah (n int); CREATE TABLE _sqlx_migrations ();
        GRANT USAGE ON SCHEMA public TO warung_bot; GRANT SELECT ON sejarah TO warung_bot";
    server.run_as("warung_owner", "milik", owner).await.unwrap();
    let bot = async |sql: &str| server.run_as("warung_bot", "layan", sql).await;
    bot("SELECT * FROM sejarah").await.unwrap();
    for forbidden in [
        "CREATE TABLE milikku (n int)",
        "CREATE SCHEMA milikku",
        "CREATE TEMP TABLE sementara (n int)",
        "DELETE FROM sejarah",
        "DROP TABLE sejarah",
        "CREATE ROLE teman",
        "CREATE DATABASE lain",
        "SET ROLE warung_owner",
    ] {
        let refused = bot(forbidden).await.unwrap_err();
        let code = refused
            .as_database_error()
            .and_then(sqlx::error::DatabaseError::code);
        assert_eq!(code.as_deref(), Some("42501"), "{forbidden}: {refused}");
    }

    // A look at what is right changes nothing.
    let before = versions(&server).await;
    assert!(!connected(&server, &credentials).await.is_empty);
    assert_eq!(versions(&server).await, before);

    // What a person broke is mended.
    server.run("ALTER ROLE warung_bot CREATEDB NOLOGIN").await;
    server.run("GRANT warung_owner TO warung_bot").await;
    server.run("GRANT ALL ON DATABASE warung TO PUBLIC").await;
    connected(&server, &credentials).await;
    assert!(bot("CREATE DATABASE lain").await.is_err());
    assert!(bot("SET ROLE warung_owner").await.is_err());
    assert!(bot("CREATE TEMP TABLE sementara (n int)").await.is_err());
    bot("SELECT * FROM sejarah").await.unwrap();

    // A password that was changed in its Secret is applied.
    credentials.bot_password = "layan baru".to_owned();
    connected(&server, &credentials).await;
    assert!(bot("SELECT 1").await.is_err());
    let renewed = server
        .run_as("warung_bot", "layan%20baru", "SELECT 1")
        .await;
    renewed.unwrap();

    // The log of the server tells no password.
    let log = std::fs::read_to_string(server.postgres.directory().join("postgres.log"));
    assert!(!log.unwrap().contains("layan baru"));
}

#[tokio::test]
async fn a_managed_database_is_trusted_only_by_its_certificate_and_password() {
    let server = Server::start().await;
    let mut wrong = credentials(&server);
    wrong.superuser_password = "bukan".to_owned();
    let found = look(&server, &wrong, &leader()).await.unwrap().finding;
    assert_eq!(found.reason, Reason::AuthenticationFailed);
    assert!(!found.message.contains("bukan"));

    let now = "2026-11-24T03:12:00Z".parse().unwrap();
    let names = vec!["127.0.0.1".to_owned()];
    let other = warung_operator::shop::credentials::tls::certify("lain", names, now);
    let mut stranger = credentials(&server);
    stranger.ca_certificate = other.unwrap().ca_certificate;
    let found = look(&server, &stranger, &leader()).await.unwrap().finding;
    assert_eq!(found.reason, Reason::TlsFailed, "{}", found.message);

    let mut unfit = credentials(&server);
    unfit.bot_password = "pässword".to_owned();
    let found = look(&server, &unfit, &leader()).await.unwrap().finding;
    assert_eq!(found.reason, Reason::ValueInvalid);

    server
        .postgres
        .stop(warung_testkit::StopMode::Fast)
        .await
        .unwrap();
    let found = look(&server, &credentials(&server), &leader())
        .await
        .unwrap()
        .finding;
    assert_eq!(found.reason, Reason::Unreachable);
}
