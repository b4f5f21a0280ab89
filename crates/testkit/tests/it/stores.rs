use sqlx::{Connection, Executor, PgConnection};
use warung_testkit::stores;

async fn filled() -> String {
    let prepare = async |url: String| {
        let mut connection = PgConnection::connect(&url).await?;
        connection.execute("CREATE TABLE note (text text)").await?;
        Ok(connection.close().await?)
    };
    stores()
        .await
        .fresh_database("notes", prepare)
        .await
        .unwrap()
}

#[tokio::test]
async fn each_test_has_a_database_of_its_own() {
    let (one, other) = (filled().await, filled().await);
    assert_ne!(one, other);
    let mut connection = PgConnection::connect(&one).await.unwrap();
    connection
        .execute("INSERT INTO note VALUES ('x')")
        .await
        .unwrap();
    let mut connection = PgConnection::connect(&other).await.unwrap();
    let notes: i64 = sqlx::query_scalar("SELECT count(*) FROM note")
        .fetch_one(&mut connection)
        .await
        .unwrap();
    assert_eq!(notes, 0);
}

#[tokio::test]
async fn the_stores_outlive_the_runtime_of_the_test_that_started_them() {
    let other_runtime = std::thread::spawn(|| {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async { stores().await.redis.urls() })
    });
    let urls = other_runtime.join().unwrap();
    assert_eq!(urls, stores().await.redis.urls());
    assert_eq!(stores().await.redis.primaries().await.unwrap().len(), 3);
}
