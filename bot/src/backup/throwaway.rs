//! A PostgreSQL that lives as long as one verification: in a temporary folder, on a socket there and
//! on no port, and so never the shop's own.

use std::{
    os::unix::fs::chown,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use anyhow::{Context, Result, bail};
use sqlx::{
    Connection, Executor, PgConnection, PgPool,
    postgres::{PgConnectOptions, PgPoolOptions, PgSslMode},
};
use tempfile::TempDir;
use tokio::{process::Child, time::Instant};

use super::programs::{Programs, run};

/// Who `initdb` makes a superuser.
const SUPERUSER: &str = "throwaway";
/// Who owns the database, with no more rights than the owner of a shop's has.
const OWNER: &str = "restorer";
/// The database.
const DATABASE: &str = "restored";
/// How long the server may take to accept a connection.
const START_LIMIT: Duration = Duration::from_mins(1);
/// How often it is asked meanwhile.
const ASK_INTERVAL: Duration = Duration::from_millis(50);
/// How long it may take to stop before it is killed.
const STOP_LIMIT: Duration = Duration::from_secs(10);
/// Nothing here outlives the verification, and a pod's shared memory is small.
const SETTINGS: [&str; 12] = [
    "listen_addresses=",
    "port=5432",
    "fsync=off",
    "full_page_writes=off",
    "synchronous_commit=off",
    "wal_level=minimal",
    "max_wal_senders=0",
    "autovacuum=off",
    "max_parallel_workers_per_gather=0",
    "max_parallel_maintenance_workers=0",
    "maintenance_work_mem=64MB",
    "dynamic_shared_memory_type=mmap",
];

/// The server.
#[derive(Debug)]
pub struct Throwaway {
    server: Child,
    programs: Programs,
    folder: TempDir,
}

impl Throwaway {
    /// Makes it, with an empty database.
    ///
    /// # Errors
    /// A program fails; has its complaint.
    pub async fn start(programs: &Programs, scratch: &Path) -> Result<Self> {
        let folder = tempfile::Builder::new()
            .prefix("warung-pg-")
            .tempdir_in(scratch)
            .with_context(|| format!("make a folder in {}", scratch.display()))?;
        if let Some(user) = programs.user() {
            chown(folder.path(), Some(user.uid), Some(user.gid))?;
        }
        let mut initdb = programs.unprivileged("initdb");
        initdb.arg("--pgdata").arg(folder.path().join("data"));
        initdb.args(["--username", SUPERUSER, "--auth", "trust", "--no-sync"]);
        initdb.args(["--encoding", "UTF8", "--locale", "C", "--no-instructions"]);
        run(initdb.current_dir(folder.path()), "initdb")
            .await
            .context("a throwaway PostgreSQL cannot be made (its user must be in /etc/passwd)")?;
        let mut postgres = programs.unprivileged("postgres");
        postgres.arg("-D").arg(folder.path().join("data"));
        for setting in SETTINGS {
            postgres.args(["-c", setting]);
        }
        let socket = format!("unix_socket_directories={}", folder.path().display());
        let log = std::fs::File::create(folder.path().join("log"))?;
        let server = postgres
            .args(["-c", &socket])
            .current_dir(folder.path())
            .stderr(Stdio::from(log))
            .spawn()
            .context("start postgres")?;
        let mut throwaway = Self {
            server,
            programs: programs.clone(),
            folder,
        };
        throwaway.prepare().await?;
        Ok(throwaway)
    }

    async fn prepare(&mut self) -> Result<()> {
        let until = Instant::now() + START_LIMIT;
        let mut connection = loop {
            match PgConnection::connect_with(&self.options(SUPERUSER, "postgres")).await {
                Ok(connection) => break connection,
                Err(_) if Instant::now() < until && self.server.try_wait()?.is_none() => {
                    tokio::time::sleep(ASK_INTERVAL).await;
                }
                Err(error) => {
                    let log = std::fs::read_to_string(self.folder.path().join("log"));
                    let log = log.unwrap_or_default();
                    let last = log.lines().last().unwrap_or_default();
                    bail!("the throwaway PostgreSQL does not start ({error}): {last}");
                }
            }
        };
        for statement in [
            "CREATE ROLE restorer LOGIN",
            "CREATE DATABASE restored OWNER restorer",
        ] {
            connection.execute(statement).await?;
        }
        connection.close().await?;
        Ok(())
    }

    /// Variables by which programs reach it, as the owner of the database.
    pub fn environment(&self) -> [(&'static str, PathBuf); 3] {
        [
            ("PGHOST", self.folder.path().to_owned()),
            ("PGUSER", OWNER.into()),
            ("PGDATABASE", DATABASE.into()),
        ]
    }

    /// The same as superuser.
    pub fn superuser_environment(&self) -> [(&'static str, PathBuf); 3] {
        let [host, _, database] = self.environment();
        [host, ("PGUSER", SUPERUSER.into()), database]
    }

    /// Connections to the database, as its owner.
    ///
    /// # Errors
    /// The server's.
    pub async fn connect(&self) -> Result<PgPool> {
        let pool = PgPoolOptions::new()
            .max_connections(2)
            .connect_with(self.options(OWNER, DATABASE));
        Ok(pool.await?)
    }

    fn options(&self, user: &str, database: &str) -> PgConnectOptions {
        PgConnectOptions::new_without_pgpass()
            .socket(self.folder.path())
            .port(5432)
            .username(user)
            .database(database)
            .ssl_mode(PgSslMode::Disable)
    }

    /// Ends it and removes what it kept.
    ///
    /// # Errors
    /// The folder cannot be removed.
    pub async fn stop(mut self) -> Result<()> {
        let mut stop = self.programs.unprivileged("pg_ctl");
        stop.arg("--pgdata").arg(self.folder.path().join("data"));
        stop.args(["--mode", "immediate", "stop"]);
        let asked = run(stop.current_dir(self.folder.path()), "pg_ctl");
        let gone = async {
            asked.await?;
            self.server.wait().await?;
            Ok::<_, anyhow::Error>(())
        };
        if !matches!(tokio::time::timeout(STOP_LIMIT, gone).await, Ok(Ok(()))) {
            self.server.kill().await?;
        }
        self.folder
            .close()
            .context("remove the throwaway PostgreSQL")
    }
}
