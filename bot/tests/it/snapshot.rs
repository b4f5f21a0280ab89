//! The shop while somebody keeps an old snapshot of its database, as a backup does.

use warung_testkit::eventually;

use crate::harness::{PATIENCE, Says, World};

/// Messages that are done while the snapshot is kept.
const DONE: i64 = 50_000;
/// Messages that are answered after them.
const ASKED: i64 = 20;

/// Looks into the index of waiting messages, and the entries read there.
async fn looks(world: &World) -> (i64, i64) {
    sqlx::query_as(
        "SELECT idx_scan, idx_tup_read FROM pg_stat_user_indexes
         WHERE indexrelname = 'inbox_pending'",
    )
    .fetch_one(&world.db)
    .await
    .unwrap()
}

#[tokio::test]
async fn a_backup_that_takes_long_makes_no_message_walk_over_all_that_was_done_since() {
    let world = World::new().await;
    let sari = world.customer("Sari");
    sari.asks("menu").await;
    let mut backup = warung_bot::store::begin(&world.db).await.unwrap();
    for step in [
        "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ",
        "SELECT count(*) FROM inbox",
    ] {
        sqlx::query(step).execute(&mut *backup).await.unwrap();
    }
    // They leave as many entries in the index, which nobody may remove before the backup ends.
    let mut busy = warung_bot::store::begin(&world.db).await.unwrap();
    sqlx::query(
        "INSERT INTO inbox (phone_number_id, key, kind, customer_id, payload, received_at, run_at)
         SELECT 'story', 'past-' || n, 'message', (SELECT min(id) FROM customer), '{}', now(), now()
         FROM generate_series(1, $1) AS n",
    )
    .bind(DONE)
    .execute(&mut *busy)
    .await
    .unwrap();
    sqlx::query("UPDATE inbox SET state = 'done', done_at = now() WHERE key LIKE 'past-%'")
        .execute(&mut *busy)
        .await
        .unwrap();
    busy.commit().await.unwrap();

    let (scans_before, read_before) = looks(&world).await;
    for _ in 0..ASKED {
        sari.asks("menu").await.says_all(&["Toko Sari"]);
    }
    // PostgreSQL's own figures come a second late.
    let (scans, read) = eventually(PATIENCE, async || {
        let (scans, read) = looks(&world).await;
        let (scans, read) = (scans - scans_before, read - read_before);
        (scans >= ASKED).then_some((scans, read))
    })
    .await;
    // Now and then a look at the whole; all others see what is near the end.
    assert!(
        read / scans < DONE / 3,
        "{read} entries read in {scans} looks"
    );
    drop(backup);
    world.ends_well().await;
}
