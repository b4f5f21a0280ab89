//! What goes wrong, and how it is told.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    time::Duration,
};

use serde_json::Value;
use sqlx::Executor;
use warung_testkit::{eventually, process::Program, stores};

use super::{
    Keeper, SHOP, read_report,
    s3::{BUCKET, S3},
};
use crate::harness::{PATIENCE, Plan, World};

/// A shop that nobody serves.
async fn closed_shop() -> World {
    Plan::bots(0).open().await
}

#[tokio::test]
async fn a_damaged_backup_is_not_verified_and_says_how() {
    let world = closed_shop().await;
    let keeper = Keeper::new(&world.owner_url);
    let made = keeper.done(&["run"]).await;
    let name = made.backup().to_owned();
    keeper.done(&["verify", "--backup", &name]).await;
    let note = keeper.file(&made, "verified.json");
    assert!(note.is_file());
    let data = keeper.file(&made, "data.age");
    let good = fs::read(&data).unwrap();

    // With the wrong key nobody can tell: the note stays.
    let other = Keeper::new(&world.owner_url);
    let words = ["verify", "--backup", &name];
    let (program, report) = keeper.program(&words);
    let wrong = age::secrecy::ExposeSecret::expose_secret(&other.key.to_string()).to_owned();
    let (status, said) = program
        .env("BACKUP_IDENTITY", wrong)
        .run_to_end()
        .await
        .unwrap();
    assert_eq!(status.code(), Some(1), "{said}");
    let error = read_report(&report)["error"].to_string();
    assert!(error.contains("none of the keys"), "{error}");
    assert!(
        error.contains(&keeper.key.to_public().to_string()),
        "{error}"
    );
    assert!(note.is_file());

    let mut flipped = good.clone();
    let middle = flipped.len() / 2;
    flipped[middle] ^= 1;
    fs::write(&data, &flipped).unwrap();
    let job = keeper.job(&words).await;
    assert!(!job.status.success());
    assert_eq!(job.report["verified"], false);
    assert_eq!(job.report["error"], Value::Null);
    let problem = job.report["problems"][0].to_string();
    assert!(problem.contains("the data are damaged"), "{problem}");
    assert!(!note.is_file(), "what was good is good no more");
    let restore = ["restore", "--newest-verified", "--replace"];
    let refused = keeper.failed(&restore).await;
    assert!(refused.contains("was ever verified"), "{refused}");

    fs::write(&data, &good[..good.len() - 1]).unwrap();
    let problem = keeper.failed(&words).await;
    assert!(problem.contains("were written"), "{problem}");
    fs::remove_file(&data).unwrap();
    let problem = keeper.failed(&words).await;
    assert!(problem.contains("the data are gone"), "{problem}");

    fs::write(&data, &good).unwrap();
    keeper.done(&["verify", "--every-unverified"]).await;
    assert!(note.is_file());
    keeper.is_tidy();
}

#[tokio::test]
async fn books_that_do_not_balance_are_named_by_their_rule() {
    let world = closed_shop().await;
    let keeper = Keeper::new(&world.owner_url);
    let sari = world.customer("Sari");
    world.give_saldo(&sari, 50_000).await;
    world
        .db
        .execute(
            "UPDATE stock_item SET on_hand = on_hand + 1
             WHERE variant_id = (SELECT id FROM variant WHERE sku = 'TEH-01');
             ALTER TABLE ledger_entry DISABLE TRIGGER ledger_entry_append_only;
             UPDATE ledger_entry SET amount = amount + 1 WHERE account_version IS NULL;
             ALTER TABLE ledger_entry ENABLE TRIGGER ledger_entry_append_only",
        )
        .await
        .unwrap();
    let made = keeper.done(&["run"]).await;
    let job = keeper.job(&["verify"]).await;
    assert_eq!(job.status.code(), Some(1));
    let problems = job.report["problems"].to_string();
    assert!(problems.contains("ledger_balances"), "{problems}");
    assert!(problems.contains("stock_on_hand: TEH-01"), "{problems}");
    assert!(!keeper.file(&made, "verified.json").is_file());
}

#[tokio::test]
async fn a_full_disk_fails_the_run_and_leaves_no_backup() {
    let world = closed_shop().await;
    let keeper = Keeper::new(&world.owner_url);
    hang_pictures(&world, 40).await;
    let (status, said) = run_on_a_small_disk(&keeper).await;
    assert!(!status, "{said}");
    let full = said.contains("No space left on device") || said.contains("File too large");
    assert!(full, "{said}");
    assert!(!said.contains("manifest.json"), "{said}");
    assert!(!said.contains("data.age"), "{said}");
}

/// Puts pictures of 32 kB, which do not shrink, into the catalogue.
async fn hang_pictures(world: &World, count: i32) {
    sqlx::query(
        "INSERT INTO media (sha256, mime, bytes)
         SELECT encode(sha256(n::text::bytea), 'hex'), 'image/png',
                (SELECT string_agg(sha256((n * 1000 + m)::text::bytea), '')
                 FROM generate_series(1, 1000) m)
         FROM generate_series(1, $1) n",
    )
    .bind(count)
    .execute(&world.db)
    .await
    .unwrap();
}

/// Runs a backup into half a megabyte: a file system of that size where we may mount one, else files
/// of at most that size. Whether it went well, and what it said, with what it left.
async fn run_on_a_small_disk(keeper: &Keeper) -> (bool, String) {
    let depot = keeper.depot();
    let script = keeper.folder.path().join("small-disk");
    let bot = crate::harness::shop::program();
    let text = format!(
        "#!/bin/sh\n\
         mount -t tmpfs -o size=512k small {depot} 2>/dev/null || {{ trap '' XFSZ; ulimit -f 1024; }}\n\
         {bot} backup run --shop {SHOP}\n\
         code=$?\n\
         find {depot} -type f\n\
         exit $code\n",
        depot = depot.display(),
        bot = bot.display(),
    );
    fs::write(&script, text).unwrap();
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
    let own_mounts = Program::new("unshare").args(["--mount", "true"]).run();
    let namespaced = own_mounts.is_ok_and(|(status, _)| status.success());
    let program = if namespaced {
        Program::new("unshare").arg("--mount").arg(&script)
    } else {
        Program::new(&script)
    };
    let environment = [
        ("DATABASE_URL", keeper.url.clone()),
        ("BACKUP_DESTINATION", format!("file://{}", depot.display())),
        ("BACKUP_RECIPIENT", keeper.key.to_public().to_string()),
        ("TMPDIR", keeper.scratch().display().to_string()),
    ];
    let (status, said) = program
        .clear_environment()
        .envs(environment)
        .run_to_end()
        .await
        .unwrap();
    (status.success(), said)
}

#[tokio::test]
async fn a_store_that_stumbles_is_asked_again_and_one_that_is_down_fails_the_run() {
    let world = closed_shop().await;
    let s3 = S3::start().await;
    let keeper = Keeper::new(&world.owner_url)
        .with("BACKUP_DESTINATION", format!("s3://{BUCKET}/prod"))
        .with("AWS_ENDPOINT_URL", &s3.url)
        .with("AWS_ALLOW_HTTP", "true")
        .with("AWS_ACCESS_KEY_ID", "key")
        .with("AWS_SECRET_ACCESS_KEY", "secret");
    // More than one part of an upload, and more than one piece of a download.
    hang_pictures(&world, 400).await;
    s3.fail(3);
    let made = keeper.done(&["run"]).await;
    assert_eq!((s3.failed(), s3.open_uploads()), (3, 0));
    assert_eq!(s3.parts(), 2);
    let prefix = format!("prod/{}", made.backup());
    let kept = ["data.age", "manifest.json"].map(|part| format!("{prefix}/{part}"));
    assert_eq!(s3.keys(), kept);
    s3.fail(2);
    keeper.done(&["verify"]).await;
    assert_eq!((s3.failed(), s3.keys().len()), (5, 3));
    keeper
        .done(&["restore", "--newest-verified", "--replace"])
        .await;

    let hurried = Keeper {
        more: keeper.more.clone(),
        ..Keeper::new(&world.owner_url)
    }
    .with("BACKUP_DEADLINE", "2s");
    s3.fail(u32::MAX);
    let said = hurried.failed(&["run"]).await;
    assert!(said.contains("the deadline of 2s passed while"), "{said}");
    s3.fail(0);
    assert_eq!(s3.keys().len(), 3, "nothing half-made is left");
}

#[tokio::test]
async fn a_store_behind_tls_is_believed_by_its_authority_alone() {
    let world = closed_shop().await;
    let (s3, authority) = S3::start_with_tls().await;
    let keeper = || {
        Keeper::new(&world.owner_url)
            .with("BACKUP_DESTINATION", format!("s3://{BUCKET}/prod"))
            .with("AWS_ENDPOINT_URL", &s3.url)
            .with("AWS_ACCESS_KEY_ID", "key")
            .with("AWS_SECRET_ACCESS_KEY", "secret")
    };
    let trusting = keeper().with("BACKUP_CA", &authority);
    trusting.done(&["run"]).await;
    assert_eq!(s3.keys().len(), 2);
    s3.fail(3);
    trusting.done(&["verify"]).await;
    assert_eq!(s3.failed(), 3);

    let stranger = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    let misled = keeper().with("BACKUP_CA", stranger.cert.pem());
    for mistrusting in [keeper(), misled] {
        let begun = std::time::Instant::now();
        let said = mistrusting.failed(&["run"]).await;
        let named = "the certificate of the store of backups is not trusted";
        assert!(said.contains(named), "{said}");
        assert!(said.contains("invalid peer certificate"), "{said}");
        // No second try could mend it.
        assert!(begun.elapsed() < std::time::Duration::from_mins(1));
    }
    assert_eq!(s3.keys().len(), 3, "one backup, verified");
}

#[tokio::test]
async fn programs_of_another_version_than_the_servers_are_told_before_anything_is_done() {
    let world = closed_shop().await;
    let keeper = Keeper::new(&world.owner_url);
    for (version, fault) in [("9.6.24", "older than"), ("99.1", "newer than")] {
        let say = format!("echo 'pg_dump (PostgreSQL) {version}'");
        let other = shim(&keeper, version, &say).await;
        let (program, report) = keeper.program(&["run"]);
        let (status, said) = program.env("PG_BIN", &other).run_to_end().await.unwrap();
        assert_eq!(status.code(), Some(1), "{said}");
        let error = read_report(&report)["error"].to_string();
        let told = format!("pg_dump {version} is {fault} the server");
        assert!(error.contains(&told), "{error}");
        assert!(error.contains("point PG_BIN at"), "{error}");
    }
    assert!(keeper.names().is_empty());

    let made = keeper.done(&["run"]).await;
    let newer = keeper.folder.path().join("99.1");
    write_program(
        &newer.join("pg_restore"),
        "#!/bin/sh\necho 'pg_restore (PostgreSQL) 99.1'\n",
    );
    let keeper = keeper.with("PG_BIN", newer.display().to_string());
    let restore = ["restore", "--backup", made.backup(), "--replace"];
    let said = keeper.failed(&restore).await;
    assert!(said.contains("pg_restore 99.1 is newer than"), "{said}");
}

#[tokio::test]
async fn a_database_without_a_shop_is_no_backup_that_could_push_out_a_good_one() {
    let url = stores().await.empty_database().await.unwrap();
    let keeper = Keeper::new(&url);
    let said = keeper.failed(&["run"]).await;
    assert!(said.contains("there is no shop in this database"), "{said}");
    assert!(keeper.names().is_empty());
}

#[tokio::test]
async fn a_stuck_run_ends_at_its_deadline_and_never_holds_up_another() {
    let world = closed_shop().await;
    let keeper = Keeper::new(&world.owner_url);
    let hangs = shim(&keeper, "hangs", "exec sleep 600").await;
    let (stuck, report) = keeper.program(&["run"]);
    let stuck = stuck
        .env("PG_BIN", &hangs)
        .env("BACKUP_DEADLINE", "8s")
        .quiet()
        .spawn()
        .unwrap();
    // It hangs once its folder is there.
    eventually(PATIENCE, async || match keeper.names().len() {
        0 => Err("not begun"),
        _ => Ok(()),
    })
    .await;
    keeper.done(&["run"]).await;
    assert!(stuck.is_running(), "the other had to wait for it");
    let ended = stuck.wait(Duration::from_secs(30)).await.unwrap();
    assert_eq!(ended.code(), Some(1));
    let error = read_report(&report)["error"].to_string();
    assert!(
        error.contains("the deadline of 8s passed while dumping"),
        "{error}"
    );
    assert_eq!(keeper.names().len(), 1, "{:?}", keeper.names());

    // Kubernetes says it with a signal.
    let (told, report) = keeper.program(&["run"]);
    let told = told.env("PG_BIN", &hangs).quiet().spawn().unwrap();
    eventually(PATIENCE, async || match keeper.names().len() {
        2 => Ok(()),
        _ => Err("not begun"),
    })
    .await;
    told.terminate().unwrap();
    told.wait(PATIENCE).await.unwrap();
    let error = read_report(&report)["error"].to_string();
    assert!(error.contains("told to stop while dumping"), "{error}");
}

/// A folder whose `pg_dump` is the script given, but for its version where the script hangs.
async fn shim(keeper: &Keeper, name: &str, script: &str) -> PathBuf {
    let real = stores().await.postgres.programs().to_owned();
    let folder = keeper.folder.path().join(name);
    fs::create_dir(&folder).unwrap();
    let file = folder.join("pg_dump");
    let version = if script.starts_with("exec") {
        format!(
            "[ \"$1\" = --version ] && exec {} --version\n",
            real.join("pg_dump").display()
        )
    } else {
        String::new()
    };
    write_program(&file, &format!("#!/bin/sh\n{version}{script}\n"));
    folder
}

fn write_program(file: &Path, text: &str) {
    fs::write(file, text).unwrap();
    fs::set_permissions(file, fs::Permissions::from_mode(0o755)).unwrap();
}

#[tokio::test]
async fn retention_deletes_what_is_old_or_abandoned_but_never_the_last_verified() {
    let world = closed_shop().await;
    let keeper = Keeper::of_one_backup(&world.owner_url);
    let first = keeper.done(&["run"]).await;
    keeper.done(&["verify"]).await;
    let shop = keeper.depot().join(SHOP);
    let today = first.backup().rsplit('/').next().unwrap().to_owned();
    // The verified one becomes old; one that was never verified is between; two were never finished.
    rename(&shop, &today, "20260101T000000Z-00000001");
    copy(
        &shop,
        "20260101T000000Z-00000001",
        "20260102T000000Z-00000002",
    );
    fs::remove_file(shop.join("20260102T000000Z-00000002/verified.json")).unwrap();
    for (abandoned, part) in [
        ("20260103T000000Z-00000003", "data.age"),
        ("29990101T000000Z-00000004", "data.age#1"),
    ] {
        fs::create_dir(shop.join(abandoned)).unwrap();
        fs::write(shop.join(abandoned).join(part), "half").unwrap();
    }
    let made = keeper.done(&["run"]).await;
    let newest = made.backup().rsplit('/').next().unwrap();
    assert_eq!(
        keeper.names(),
        [
            "20260101T000000Z-00000001",
            newest,
            "29990101T000000Z-00000004"
        ]
    );
    let pruned = made.report["pruned"].to_string();
    assert!(
        pruned.contains("00000002") && pruned.contains("00000003"),
        "{pruned}"
    );
    // Once the newest is verified the old one may go.
    keeper.done(&["verify"]).await;
    keeper.done(&["prune"]).await;
    assert_eq!(keeper.names(), [newest, "29990101T000000Z-00000004"]);
}

#[tokio::test]
async fn what_cannot_be_read_of_one_backup_keeps_nobody_from_the_others() {
    let world = closed_shop().await;
    let keeper = Keeper::of_one_backup(&world.owner_url);
    let good = keeper.done(&["run"]).await;
    keeper.done(&["verify"]).await;
    let shop = keeper.depot().join(SHOP);
    let name = good.backup().rsplit('/').next().unwrap();
    let (torn, noted, strange) = (
        "29990101T000000Z-00000001",
        "29990102T000000Z-00000002",
        "20260101T000000Z-00000003",
    );
    for other in [torn, noted, strange] {
        copy(&shop, name, other);
    }
    fs::write(shop.join(torn).join("manifest.json"), "{\"format\": 1").unwrap();
    fs::write(shop.join(noted).join("verified.json"), [0xff, 0xfe]).unwrap();
    // One that was renamed by hand: its manifest speaks of other data.
    fs::copy(
        shop.join(name).join("manifest.json"),
        shop.join(strange).join("manifest.json"),
    )
    .unwrap();

    let listed = keeper.done(&["list"]).await.said;
    assert_eq!(listed.matches("cannot be read").count(), 3, "{listed}");
    assert!(listed.contains(&format!("{name}  ")), "{listed}");

    let restored = keeper
        .done(&["restore", "--newest-verified", "--replace"])
        .await;
    assert_eq!(restored.report["backup"], good.report["backup"]);
    let warning = restored.report["warning"].to_string();
    assert!(
        warning.contains(torn) && warning.contains(noted),
        "{warning}"
    );

    // None of them is deleted, though all are older than what retention keeps or abandoned.
    let again = keeper.done(&["run"]).await;
    let told = again.report["pruneError"].to_string();
    assert!(told.contains(strange) && told.contains("is kept"), "{told}");
    let pruned = keeper.done(&["prune"]).await;
    assert_eq!(pruned.report["problems"].as_array().unwrap().len(), 3);
    assert_eq!(keeper.names().len(), 5, "{:?}", keeper.names());

    // The one whose note alone is torn can be verified anew; the others are told by name.
    let job = keeper.job(&["verify", "--every-unverified"]).await;
    assert_eq!(job.status.code(), Some(1), "{}", job.said);
    let problems = job.report["problems"].to_string();
    assert!(
        problems.contains(torn) && problems.contains(strange),
        "{problems}"
    );
    assert!(!problems.contains(noted), "{problems}");
    assert!(
        job.said.contains(&format!("{noted} is verified")),
        "{}",
        job.said
    );
    assert!(
        job.said
            .contains(&format!("{} is verified", again.backup())),
        "{}",
        job.said
    );
    let refused = keeper
        .failed(&["restore", "--backup", torn, "--replace"])
        .await;
    assert!(refused.contains("cannot be read"), "{refused}");
}

fn copy(shop: &Path, from: &str, to: &str) {
    fs::create_dir(shop.join(to)).unwrap();
    for file in fs::read_dir(shop.join(from)).unwrap() {
        let file = file.unwrap();
        let text = fs::read(file.path()).unwrap();
        let named = file
            .path()
            .extension()
            .is_some_and(|extension| extension == "json");
        let text = if named {
            String::from_utf8(text)
                .unwrap()
                .replace(from, to)
                .into_bytes()
        } else {
            text
        };
        fs::write(shop.join(to).join(file.file_name()), text).unwrap();
    }
}

fn rename(shop: &Path, from: &str, to: &str) {
    copy(shop, from, to);
    fs::remove_dir_all(shop.join(from)).unwrap();
}
