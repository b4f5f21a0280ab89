//! The scripts of the managed PostgreSQL, with the programs of this machine.

use std::{fs, os::unix::fs::PermissionsExt, path::Path, time::Duration};

use tempfile::TempDir;
use warung_testkit::{eventually, ports, process, process::Program};

use super::super::postgres::{HBA, INIT, READY, START, postgresql_conf};
use super::world::World;
use crate::shop::credentials::tls;

/// How long a first start may take on a busy machine.
const START_WITHIN: Duration = Duration::from_mins(1);
const STOP_WITHIN: Duration = Duration::from_secs(20);

fn script(folder: &Path, name: &str) -> Program {
    Program::new("/bin/sh")
        .arg(folder.join(name))
        .clear_environment()
        .env("PGDATA", folder.join("data"))
        .env("WARUNG_CONFIG", folder)
        .env("WARUNG_RUN", folder)
        .as_user(
            process::is_root()
                .then(|| process::user("postgres"))
                .flatten(),
        )
}

/// Writes what the pod finds in `/etc/warung`.
fn furnish(folder: &Path, port: u16) {
    let world = World::of_sample("minimal");
    let managed = world.shop.spec.database.managed.unwrap();
    let own = format!("port = {port}\nlisten_addresses = '127.0.0.1'\nshared_buffers = '16MB'\n");
    let now = jiff::Timestamp::UNIX_EPOCH + jiff::SignedDuration::from_hours(24 * 365 * 55);
    let certified = tls::certify("toko", vec!["localhost".to_owned()], now).unwrap();
    for (name, text) in [
        ("init.sh", INIT),
        ("start.sh", START),
        ("ready.sh", READY),
        ("pg_hba.conf", HBA),
        ("postgresql.conf", &(postgresql_conf(&managed) + &own)),
        ("superuser-password", "geheim"),
        ("tls.crt", &certified.certificate),
        ("tls.key", &certified.key),
    ] {
        fs::write(folder.join(name), text).unwrap();
        fs::set_permissions(folder.join(name), fs::Permissions::from_mode(0o644)).unwrap();
    }
}

#[tokio::test]
async fn a_postgresql_is_made_once_and_takes_passwords_over_tls_only() {
    let folder = TempDir::new_in("/tmp").unwrap();
    let root = folder.path();
    let port = ports::free().unwrap();
    furnish(root, port);
    fs::set_permissions(root, fs::Permissions::from_mode(0o777)).unwrap();

    let (made, text) = script(root, "init.sh").run_to_end().await.unwrap();
    assert!(made.success(), "{text}");
    let (again, text) = script(root, "init.sh").run_to_end().await.unwrap();
    assert!(again.success() && text.contains("found"), "{text}");
    // As a volume may come back: wider than PostgreSQL takes.
    fs::set_permissions(root.join("data"), fs::Permissions::from_mode(0o770)).unwrap();

    let server = script(root, "start.sh").quiet().spawn().unwrap();
    eventually(START_WITHIN, async || {
        let ready = script(root, "ready.sh").env("PGPORT", port.to_string());
        ready.run_to_end().await.unwrap().0.success()
    })
    .await;
    let connect = |mode: &str| {
        let url = format!("postgres://postgres:geheim@127.0.0.1:{port}/postgres?sslmode={mode}");
        async move { <sqlx::PgConnection as sqlx::Connection>::connect(&url).await }
    };
    let _ = rustls::crypto::ring::default_provider().install_default();
    connect("require").await.unwrap();
    let refused = connect("disable").await.unwrap_err().to_string();
    assert!(refused.contains("no encryption"), "{refused}");

    // What the pod's hook sends: an end at once, and a clean one.
    let pid = i32::try_from(server.pid()).unwrap();
    let (told, text) = Program::new("/bin/kill")
        .args(["-INT", &pid.to_string()])
        .run_to_end()
        .await
        .unwrap();
    assert!(told.success(), "{text}");
    assert!(server.wait(STOP_WITHIN).await.unwrap().success());

    // Another password in the Secret is another pod, which begins with an empty folder.
    fs::write(root.join("superuser-password"), "it's \\ $new").unwrap();
    fs::remove_file(root.join("superuser-is-set")).unwrap();
    let log = root.join("log");
    let server = script(root, "start.sh").log_to(&log).spawn().unwrap();
    let login = async |password: &str| {
        let options: sqlx::postgres::PgConnectOptions =
            format!("postgres://postgres@127.0.0.1:{port}/postgres?sslmode=require")
                .parse()
                .unwrap();
        let options = options.password(password);
        <sqlx::PgConnection as sqlx::Connection>::connect_with(&options).await
    };
    eventually(START_WITHIN, async || login("it's \\ $new").await.is_ok()).await;
    let refused = login("geheim").await.unwrap_err().to_string();
    assert!(refused.contains("password"), "{refused}");
    let told = fs::read_to_string(&log).unwrap();
    assert!(!told.contains("$new"), "{told}");
    drop(server);
}

#[tokio::test]
async fn a_server_of_another_version_leaves_the_data_alone_and_says_so() {
    let folder = TempDir::new_in("/tmp").unwrap();
    let root = folder.path();
    furnish(root, 1);
    fs::create_dir(root.join("data")).unwrap();
    fs::write(root.join("data/PG_VERSION"), "9\n").unwrap();
    fs::set_permissions(root, fs::Permissions::from_mode(0o777)).unwrap();
    let (ended, text) = script(root, "start.sh").run_to_end().await.unwrap();
    assert!(!ended.success());
    assert!(text.contains("the data is of PostgreSQL 9"), "{text}");
}
