use std::time::Duration;

use sqlx::{Connection, Executor, PgConnection};
use warung_testkit::{Postgres, PostgresOptions, StopMode, eventually};

async fn count(url: &str) -> i64 {
    let mut connection = PgConnection::connect(url).await.unwrap();
    sqlx::query_scalar("SELECT count(*) FROM sale")
        .fetch_one(&mut connection)
        .await
        .unwrap()
}

#[tokio::test]
async fn what_is_committed_survives_a_stop_a_kill_and_a_second_start() {
    let directory = crate::directory();
    let options = PostgresOptions::new(directory.path().join("pg"));
    let postgres = Postgres::start(options.clone()).await.unwrap();
    postgres.create_database("shop").await.unwrap();
    assert!(postgres.has_database("shop").await.unwrap());
    let url = postgres.url("shop");
    let mut connection = PgConnection::connect(&url).await.unwrap();
    connection
        .execute("CREATE TABLE sale (id int)")
        .await
        .unwrap();
    connection
        .execute("INSERT INTO sale VALUES (1)")
        .await
        .unwrap();

    postgres.kill().await.unwrap();
    assert!(PgConnection::connect(&url).await.is_err());
    postgres.start_again().await.unwrap();
    assert_eq!(count(&url).await, 1);

    postgres.stop(StopMode::Immediate).await.unwrap();
    drop(postgres);
    let postgres = Postgres::start(options).await.unwrap();
    assert_eq!(count(&postgres.url("shop")).await, 1);
    postgres.stop(StopMode::Fast).await.unwrap();
}

#[tokio::test]
async fn a_paused_server_answers_nobody_until_it_goes_on() {
    let directory = crate::directory();
    let options = PostgresOptions {
        durable: false,
        ..PostgresOptions::new(directory.path().join("pg"))
    };
    let postgres = Postgres::start(options).await.unwrap();
    let mut connection = postgres.connect("postgres").await.unwrap();

    postgres.pause().unwrap();
    let unanswered = tokio::time::timeout(Duration::from_millis(300), connection.ping()).await;
    assert!(unanswered.is_err());
    postgres.resume().unwrap();
    eventually(Duration::from_secs(10), async || {
        postgres.connect("postgres").await
    })
    .await;
}

#[tokio::test]
async fn a_taken_port_is_named() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let directory = crate::directory();
    let options = PostgresOptions {
        port: Some(port),
        durable: false,
        ..PostgresOptions::new(directory.path().join("pg"))
    };
    let error = Postgres::start(options).await.unwrap_err();
    assert!(
        error.to_string().contains(&format!("port {port} is taken")),
        "{error:#}"
    );
}
