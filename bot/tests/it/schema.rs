//! An older image on a newer schema: the way back after an upgrade.

use sqlx::Executor;
use warung_testkit::ports;

use crate::harness::{Says, World, shop};

/// What a newer version did, which this one does not know: a migration, and a table without a line in
/// its grants.
const NEWER: &str = "
    CREATE TABLE wishes (id int);
    INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
    VALUES (9000, 'wishes', true, '\\x00', 1)";

#[tokio::test]
async fn an_older_image_serves_a_schema_that_only_grew_and_leaves_it_alone() {
    let mut world = World::new().await;
    world.db.execute(NEWER).await.unwrap();
    world
        .db
        .execute("GRANT SELECT ON wishes TO warung_bot")
        .await
        .unwrap();
    let (well, said) = shop::migrate(&world.owner_url).await;
    assert!(well, "{said}");
    assert!(said.contains("at migration 9000"), "{said}");
    assert!(said.contains("changes nothing"), "{said}");
    let kept = "SELECT count(*) FROM pg_class
        WHERE relname = 'wishes' AND has_table_privilege('warung_bot', oid, 'SELECT')";
    assert_eq!(
        world.count(kept).await,
        1,
        "the newer version's grant is gone"
    );
    world.start_bot().await;
    let sari = world.customer("Sari");
    sari.asks("saldo").await.says_all(&["Rp0"]);
    world.ends_well().await;
}

#[tokio::test]
async fn an_image_that_is_too_old_says_so_and_neither_migrates_nor_serves() {
    let world = World::new().await;
    world.db.execute(NEWER).await.unwrap();
    let contract = "UPDATE schema_compatibility SET oldest_bot = 9000";
    world.db.execute(contract).await.unwrap();
    let (well, said) = shop::migrate(&world.owner_url).await;
    assert!(!well);
    assert!(said.contains("too old for the database"), "{said}");
    assert!(said.contains("one that knows 9000"), "{said}");
    let log = world.directory.join("too-old.log");
    let port = ports::free().unwrap();
    let bot = world.shop.serve(&shop::program(), port, &log).unwrap();
    let ended = bot.process.wait(crate::harness::PATIENCE).await.unwrap();
    assert_eq!(ended.code(), Some(1));
    let said = std::fs::read_to_string(&log).unwrap();
    assert!(said.contains("too old for the database"), "{said}");
    world.ends_well().await;
}

#[tokio::test]
async fn rights_that_only_a_newer_version_could_give_are_told_to_be_missing() {
    let world = World::new().await;
    world.db.execute(NEWER).await.unwrap();
    let taken = "REVOKE ALL ON ALL TABLES IN SCHEMA public FROM warung_bot";
    world.db.execute(taken).await.unwrap();
    let (well, said) = shop::migrate(&world.owner_url).await;
    assert!(!well && said.contains("too old to give them"), "{said}");
}
