//! Restores whose end is in doubt.

use sqlx::Executor;

use super::{
    Job, Keeper, owned_shop,
    proxy::{Loses, Proxy},
};
use crate::harness::World;

/// The status of a restore of which nobody knows how it ended.
const UNCLEAR: i32 = 3;

/// A shop that was backed up and is called otherwise since.
async fn renamed_shop() -> (World, Keeper, Job) {
    let world = owned_shop(0).await;
    let keeper = Keeper::new(&world.owner_url);
    let made = keeper.done(&["run"]).await;
    rename(&world, "Toko Baru").await;
    (world, keeper, made)
}

async fn rename(world: &World, name: &str) {
    let rename = sqlx::query("UPDATE setting SET value = $1 WHERE key = 'shop.name'").bind(name);
    rename.execute(&world.db).await.unwrap();
}

async fn name_of(world: &World) -> String {
    let name = sqlx::query_scalar("SELECT value FROM setting WHERE key = 'shop.name'");
    name.fetch_one(&world.db).await.unwrap()
}

#[tokio::test]
async fn a_restore_whose_answer_is_lost_at_the_last_moment_finds_out_that_it_was_done() {
    let (world, mut keeper, made) = renamed_shop().await;
    let proxy = Proxy::before(&world.owner_url, Loses::Answer, false).await;
    keeper.url.clone_from(&proxy.url);
    let restore = ["restore", "--backup", made.backup(), "--replace"];
    let restored = keeper.done(&restore).await;
    assert!(proxy.struck());
    assert_eq!(restored.report["rows"], made.report["rows"]);
    assert_eq!(name_of(&world).await, "Toko Sari");
}

#[tokio::test]
async fn a_restore_whose_commit_never_arrived_finds_out_that_nothing_was_changed() {
    let (world, mut keeper, made) = renamed_shop().await;
    let proxy = Proxy::before(&world.owner_url, Loses::Commit, false).await;
    keeper.url.clone_from(&proxy.url);
    let restore = ["restore", "--backup", made.backup(), "--replace"];
    let job = keeper.job(&restore).await;
    assert!(proxy.struck());
    assert_eq!(job.status.code(), Some(1), "{}", job.said);
    let error = job.report["error"].to_string();
    assert!(error.contains("the database is as it was"), "{error}");
    assert_eq!(job.report["asItWas"], true);
    assert_eq!(name_of(&world).await, "Toko Baru");
}

#[tokio::test]
async fn a_restore_that_cannot_find_out_reports_nothing_and_the_next_try_does() {
    let (world, mut keeper, made) = renamed_shop().await;
    let proxy = Proxy::before(&world.owner_url, Loses::Answer, true).await;
    let direct = std::mem::replace(&mut keeper.url, proxy.url.clone());
    let keeper = keeper.with("RESTORE_ID", "7c1d-a4");
    let restore = ["restore", "--backup", made.backup(), "--replace"];
    let (program, report) = keeper.program(&restore);
    let hurried = program.env("BACKUP_DEADLINE", "15s");
    let (status, said) = hurried.run_to_end().await.unwrap();
    assert_eq!(status.code(), Some(UNCLEAR), "{said}");
    assert!(said.contains("nobody knows yet whether"), "{said}");
    assert!(!report.exists(), "neither success nor failure");
    // It was done; what is sold since must not be lost to a second time.
    assert_eq!(name_of(&world).await, "Toko Sari");
    rename(&world, "Toko Sari Jaya").await;

    // As long as the database is away no try may call it untouched.
    let away = keeper.job(&restore).await;
    assert_eq!(away.status.code(), Some(1), "{}", away.said);
    assert_eq!(away.report["asItWas"], false);

    let keeper = Keeper {
        url: direct,
        ..keeper
    };
    let found = keeper.done(&restore).await;
    assert!(found.said.contains("by an earlier try"), "{}", found.said);
    assert_eq!(found.report["backup"], made.report["backup"]);
    assert_eq!(found.report["rows"], made.report["rows"]);
    assert_eq!(name_of(&world).await, "Toko Sari Jaya");
    // Another restore is another one.
    let keeper = keeper.with("RESTORE_ID", "7c1d-a5");
    keeper.done(&restore).await;
    assert_eq!(name_of(&world).await, "Toko Sari");
    keeper.is_tidy();
}

#[tokio::test]
async fn a_restore_whose_analyze_fails_is_done_all_the_same() {
    let world = owned_shop(0).await;
    let keeper = Keeper::new(&world.owner_url);
    // An expression that cannot be evaluated while statistics are taken.
    world
        .db
        .execute(
            "CREATE FUNCTION shy(text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$
             BEGIN
                 IF current_query() ILIKE 'analyze%' THEN RAISE EXCEPTION 'not while counting'; END IF;
                 RETURN $1;
             END $$;
             CREATE INDEX shy_settings ON setting (shy(value))",
        )
        .await
        .unwrap();
    let made = keeper.done(&["run"]).await;
    rename(&world, "Toko Baru").await;
    let restored = keeper
        .done(&["restore", "--backup", made.backup(), "--replace"])
        .await;
    let warning = restored.report["warning"].to_string();
    assert!(warning.contains("not while counting"), "{warning}");
    assert_eq!(restored.report["asItWas"], false);
    assert_eq!(name_of(&world).await, "Toko Sari");
}

#[tokio::test]
async fn of_two_restores_at_once_one_waits_for_no_one_and_says_so() {
    let (world, keeper, made) = renamed_shop().await;
    let mut other = world.db.acquire().await.unwrap();
    let held = "BEGIN; SELECT pg_advisory_xact_lock(8602282611943371365)";
    other.execute(held).await.unwrap();
    let (program, report) = keeper.program(&["restore", "--backup", made.backup(), "--replace"]);
    let hurried = program.env("BACKUP_DEADLINE", "8s");
    let (status, said) = hurried.run_to_end().await.unwrap();
    assert_eq!(status.code(), Some(UNCLEAR), "{said}");
    assert!(said.contains("another restore is at work"), "{said}");
    assert!(!report.exists());
    other.execute("ROLLBACK").await.unwrap();
    assert_eq!(name_of(&world).await, "Toko Baru");
    drop(other);
}
