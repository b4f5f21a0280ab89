//! PostgreSQL of a shop, on a real server that speaks TLS.

mod external;
mod managed;

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};

use sqlx::{AssertSqlSafe, Connection as _, PgConnection};
use tempfile::TempDir;
use warung_operator::lease::Leadership;
use warung_operator::shop::credentials::tls::{Certified, certify};
use warung_testkit::{Postgres, PostgresOptions, eventually};

/// Password of the superuser `postgres`.
const SUPERUSER_PASSWORD: &str = "kepala-suku";

/// A server that asks for passwords and has a certificate for 127.0.0.1.
struct Server {
    postgres: Postgres,
    certified: Certified,
    _directory: TempDir,
}

impl Server {
    async fn start() -> Self {
        let directory = TempDir::new().unwrap();
        let options = PostgresOptions::new(directory.path().join("postgres"));
        let postgres = Postgres::start(options).await.unwrap();
        let now = "2026-11-24T03:12:00Z".parse().unwrap();
        let certified = certify("toko", vec!["127.0.0.1".to_owned()], now).unwrap();
        let server = Self {
            postgres,
            certified,
            _directory: directory,
        };
        server.speak_tls().await;
        server
            .run(&format!(
                "CREATE ROLE postgres SUPERUSER LOGIN PASSWORD '{SUPERUSER_PASSWORD}'"
            ))
            .await;
        server
    }

    async fn speak_tls(&self) {
        let data = self.postgres.directory().join("data");
        let owner = fs::metadata(&data).unwrap();
        let files = [
            ("server.crt", &self.certified.certificate),
            ("server.key", &self.certified.key),
        ];
        for (name, content) in files {
            let path = data.join(name);
            fs::write(&path, content).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
            chown(&path, Some(owner.uid()), Some(owner.gid())).unwrap();
        }
        self.run("ALTER SYSTEM SET ssl = on").await;
        self.run("SELECT pg_reload_conf()").await;
        eventually(std::time::Duration::from_secs(10), async || {
            let shown: String = self.ask("postgres", "SHOW ssl").await;
            shown == "on"
        })
        .await;
    }

    fn port(&self) -> u16 {
        self.postgres.port()
    }

    fn url(&self, role: &str, password: &str, database: &str) -> String {
        let port = self.port();
        format!("postgres://{role}:{password}@127.0.0.1:{port}/{database}?sslmode=require")
    }

    /// Runs a command as a superuser.
    async fn run(&self, sql: &str) {
        let mut connection = self.postgres.connect("postgres").await.unwrap();
        run(&mut connection, sql).await.unwrap();
    }

    /// Asks a question as a superuser.
    async fn ask(&self, database: &str, sql: &str) -> String {
        let mut connection = self.postgres.connect(database).await.unwrap();
        let query = sqlx::query_scalar(AssertSqlSafe(sql.to_owned()));
        query.fetch_one(&mut connection).await.unwrap()
    }

    /// Runs a command as somebody else.
    async fn run_as(&self, role: &str, password: &str, sql: &str) -> sqlx::Result<()> {
        let url = self.url(role, password, "warung");
        let mut connection = PgConnection::connect(&url).await?;
        let done = run(&mut connection, sql).await;
        connection.close().await?;
        done
    }
}

async fn run(connection: &mut PgConnection, sql: &str) -> sqlx::Result<()> {
    let sql = AssertSqlSafe(sql.to_owned());
    sqlx::raw_sql(sql).execute(connection).await.map(drop)
}

fn leader() -> Leadership {
    Leadership::unlimited()
}

fn init_tls() {
    // Another test may have installed it already.
    let _ = rustls::crypto::ring::default_provider().install_default();
}
