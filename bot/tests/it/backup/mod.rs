//! Backups: made while the shop sells, restored before anybody trusts them, and back after the
//! worst; and everything that goes wrong on the way is told.

mod faults;
mod proxy;
mod restores;
mod s3;

use std::{
    fs,
    path::{Path, PathBuf},
    process::ExitStatus,
    time::Duration,
};

use age::{secrecy::ExposeSecret, x25519};
use serde_json::Value;
use sqlx::{Connection, Executor, PgConnection};
use tempfile::TempDir;
use warung_testkit::{process::Program, stores};

use crate::harness::{
    Customer, Plan, Says, World,
    shop::{self, SERVING_ROLE, as_role, ensure_role},
};

/// The shop's name in the depot.
const SHOP: &str = "toko";
/// Who owns the shop's database; no superuser.
const OWNER: &str = "warung_owner";

/// Backups of one database.
struct Keeper {
    url: String,
    key: x25519::Identity,
    folder: TempDir,
    more: Vec<(&'static str, String)>,
}

/// A job that has ended.
struct Job {
    status: ExitStatus,
    said: String,
    report: Value,
}

impl Keeper {
    fn new(url: &str) -> Self {
        let folder = TempDir::with_prefix("warung-depot-").unwrap();
        fs::create_dir(folder.path().join("depot")).unwrap();
        fs::create_dir(folder.path().join("scratch")).unwrap();
        // The throwaway PostgreSQL of a test by root runs as somebody else.
        let open = <fs::Permissions as std::os::unix::fs::PermissionsExt>::from_mode(0o755);
        fs::set_permissions(folder.path(), open).unwrap();
        Self {
            url: url.to_owned(),
            key: x25519::Identity::generate(),
            folder,
            more: Vec::new(),
        }
    }

    /// Whose retention leaves one backup.
    fn of_one_backup(url: &str) -> Self {
        Self::new(url)
            .with("BACKUP_KEEP_LAST", "1")
            .with("BACKUP_KEEP_DAILY", "0")
            .with("BACKUP_KEEP_WEEKLY", "0")
            .with("BACKUP_KEEP_MONTHLY", "0")
    }

    fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.more.push((name, value.into()));
        self
    }

    fn program(&self, words: &[&str]) -> (Program, PathBuf) {
        let report = self
            .folder
            .path()
            .join(format!("report-{}", uuid::Uuid::new_v4()));
        let destination = format!("file://{}", self.depot().display());
        let program = Program::new(shop::program())
            .clear_environment()
            .env("DATABASE_URL", &self.url)
            .env("BACKUP_DESTINATION", destination)
            .env("BACKUP_RECIPIENT", self.key.to_public().to_string())
            .env("BACKUP_IDENTITY", self.key.to_string().expose_secret())
            .env("TMPDIR", self.scratch())
            .env("TERMINATION_MESSAGE", &report)
            .envs(self.more.iter().map(|(name, value)| (name, value)))
            .arg("backup")
            .args(words)
            .args(["--shop", SHOP]);
        (program, report)
    }

    async fn job(&self, words: &[&str]) -> Job {
        let (program, report) = self.program(words);
        let (status, said) = program.run_to_end().await.unwrap();
        Job {
            status,
            said,
            report: read_report(&report),
        }
    }

    /// A job that must do well.
    async fn done(&self, words: &[&str]) -> Job {
        let job = self.job(words).await;
        assert!(job.status.success(), "{words:?}: {}", job.said);
        assert_eq!(job.report["error"], Value::Null, "{}", job.report);
        job
    }

    /// A job that must fail; all it said, with its report.
    async fn failed(&self, words: &[&str]) -> String {
        let job = self.job(words).await;
        assert_eq!(job.status.code(), Some(1), "{words:?}: {}", job.said);
        format!("{}\n{}", job.said, job.report)
    }

    fn depot(&self) -> PathBuf {
        self.folder.path().join("depot")
    }

    fn scratch(&self) -> PathBuf {
        self.folder.path().join("scratch")
    }

    /// Names of all folders of the shop.
    fn names(&self) -> Vec<String> {
        let folders = fs::read_dir(self.depot().join(SHOP)).into_iter().flatten();
        let mut names: Vec<String> = folders
            .map(|folder| folder.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    /// A file of a backup that a report names.
    fn file(&self, job: &Job, part: &str) -> PathBuf {
        self.depot().join(job.backup()).join(part)
    }

    /// Nothing of a job may be left in its scratch.
    fn is_tidy(&self) {
        let left: Vec<_> = fs::read_dir(self.scratch()).unwrap().collect();
        assert!(left.is_empty(), "{left:?}");
    }
}

impl Job {
    fn backup(&self) -> &str {
        self.report["backup"].as_str().unwrap()
    }
}

fn read_report(path: &Path) -> Value {
    let text = fs::read_to_string(path).unwrap();
    assert!(text.len() <= 4_096, "{text}");
    serde_json::from_str(&text).unwrap()
}

/// A shop whose database belongs to somebody without privileges.
async fn owned_shop(bots: usize) -> World {
    let url = stores().await.empty_database().await.unwrap();
    ensure_role(&url, SERVING_ROLE).await;
    ensure_role(&url, OWNER).await;
    let mut superuser = PgConnection::connect(&url).await.unwrap();
    let give = "DO $$ BEGIN
        EXECUTE format('ALTER DATABASE %I OWNER TO warung_owner', current_database());
    END $$";
    superuser.execute(give).await.unwrap();
    superuser.close().await.unwrap();
    Plan {
        database_url: Some(as_role(&url, OWNER)),
        ..Plan::bots(bots)
    }
    .open()
    .await
}

async fn buys_by_saldo(customer: &Customer) {
    let quote = customer.asks("beli VOUCHER-10 1").await;
    let options = quote.options();
    let saldo = options.iter().find(|option| option.id.contains("|saldo~"));
    customer
        .chooses(&saldo.unwrap().id)
        .await
        .says_all(&["KELAS-"]);
}

#[tokio::test]
async fn a_shop_that_lost_everything_sells_again() {
    let mut world = owned_shop(1).await;
    let keeper = Keeper::new(&world.owner_url);
    let sari = world.customer("Sari");
    world.give_saldo(&sari, 100_000).await;
    buys_by_saldo(&sari).await;
    world.settles().await;
    // Rows come while it is dumped: one snapshot has some of them, and the counts agree.
    let db = world.db.clone();
    let busy = tokio::spawn(async move {
        for n in 0.. {
            let key = format!("busy.{n}");
            let insert = sqlx::query("INSERT INTO setting (key, value) VALUES ($1, 'x')").bind(key);
            insert.execute(&db).await.unwrap();
        }
    });
    let made = keeper.done(&["run"]).await;
    busy.abort();
    assert_eq!(made.report["kind"], "backup");
    assert!(
        made.report["rows"].as_i64().unwrap() > 20,
        "{}",
        made.report
    );
    assert_eq!(made.report["keyId"], keeper.key.to_public().to_string());
    let verified = keeper.done(&["verify"]).await;
    assert_eq!(verified.report["verified"], true);
    assert_eq!(verified.report["backup"], made.report["backup"]);
    assert!(keeper.file(&made, "verified.json").is_file());
    keeper.is_tidy();
    let listed = keeper.done(&["list"]).await.said;
    assert!(listed.contains(" verified "), "{listed}");

    let refused = keeper.failed(&["restore", "--newest-verified"]).await;
    assert!(refused.contains("--replace drops them"), "{refused}");
    for bot in &world.bots {
        bot.process.stop(Duration::from_secs(10)).await.unwrap();
    }
    let worst = "DROP SCHEMA public CASCADE; CREATE SCHEMA public";
    world.db.execute(worst).await.unwrap();
    let restored = keeper.done(&["restore", "--newest-verified"]).await;
    assert_eq!(restored.report["rows"], made.report["rows"]);
    migrate(&world.owner_url).await;
    keeper.is_tidy();

    world.start_bot().await;
    sari.asks("saldo").await.says_all(&["Rp90.000"]);
    buys_by_saldo(&sari).await;
    world.ends_well().await;
}

async fn migrate(url: &str) {
    let (well, said) = shop::migrate(url).await;
    assert!(well, "{said}");
}

#[tokio::test]
async fn a_restore_replaces_all_or_nothing() {
    let world = owned_shop(1).await;
    let keeper = Keeper::new(&world.owner_url);
    // What waits in the backup would wait again, and nobody serves afterwards.
    world.settles().await;
    let made = keeper.done(&["run"]).await;
    for bot in &world.bots {
        bot.process.stop(Duration::from_secs(10)).await.unwrap();
    }
    // What a newer version brought must go too, though no backup knows it.
    world
        .db
        .execute(
            "CREATE TABLE wishes (variant_id bigint REFERENCES variant);
             CREATE TYPE mood AS ENUM ('good');
             CREATE FUNCTION wish() RETURNS mood LANGUAGE sql AS $$ SELECT 'good'::mood $$;
             CREATE SCHEMA elsewhere; CREATE TABLE elsewhere.more (id int);
             UPDATE setting SET value = 'Toko Baru' WHERE key = 'shop.name'",
        )
        .await
        .unwrap();
    // A manifest that counts one row more than the archive has.
    let manifest = keeper.file(&made, "manifest.json");
    let honest = fs::read_to_string(&manifest).unwrap();
    let mut lie: Value = serde_json::from_str(&honest).unwrap();
    lie["tables"]["public.category"] = 99.into();
    fs::write(&manifest, lie.to_string()).unwrap();
    let name = made.backup();
    let refused = keeper
        .failed(&["restore", "--backup", name, "--replace"])
        .await;
    assert!(refused.contains("not those of the manifest"), "{refused}");
    assert!(refused.contains("is as it was"), "{refused}");
    let named = "SELECT value FROM setting WHERE key = 'shop.name'";
    let name_now = async || -> String {
        sqlx::query_scalar(named)
            .fetch_one(&world.db)
            .await
            .unwrap()
    };
    assert_eq!(name_now().await, "Toko Baru");
    fs::write(&manifest, honest).unwrap();
    // Nothing was verified yet.
    let refused = keeper
        .failed(&["restore", "--newest-verified", "--replace"])
        .await;
    assert!(refused.contains("was ever verified"), "{refused}");
    keeper
        .done(&["restore", "--backup", name, "--replace"])
        .await;
    assert_eq!(name_now().await, "Toko Sari");
    let strange = "SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE c.relname = 'wishes' OR n.nspname = 'elsewhere'";
    assert_eq!(world.count(strange).await, 0);
    keeper.is_tidy();
    migrate(&world.owner_url).await;
    world.ends_well().await;
}
