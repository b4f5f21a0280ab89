//! A private PostgreSQL on the loopback interface.

mod place;
mod wire;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail, ensure};
use sqlx::{Connection, Executor, PgConnection};

pub use self::wire::Wire;

use self::place::{Place, anyone_in, initialise, log_tail, prepare};
use crate::eventually::within;
use crate::ports;
use crate::process::{self, Guarded, Signal};

/// How long a start may take; crash recovery is part of it.
const START_LIMIT: Duration = Duration::from_mins(1);
/// How long a fast stop may take before the server is killed.
const STOP_LIMIT: Duration = Duration::from_secs(8);
/// How long an earlier server on the same directory may take to finish its own stop.
const PREDECESSOR_LIMIT: Duration = Duration::from_secs(15);
/// How long one attempt to connect may take.
const CONNECT_LIMIT: Duration = Duration::from_secs(2);
/// How often a start picks another port when the free one was taken meanwhile.
const PORT_ATTEMPTS: usize = 4;
/// Connections the server accepts.
const MAX_CONNECTIONS: &str = "300";
/// The superuser that `initdb` makes.
const SUPERUSER: &str = "warung";

/// How to start a [`Postgres`].
#[derive(Clone, Debug)]
pub struct PostgresOptions {
    /// Directory of the data, the configuration and the log. A directory used before is used
    /// again, with its databases.
    pub dir: PathBuf,
    /// Port to listen on; a free one when not given.
    pub port: Option<u16>,
    /// Whether the data is worth waiting for the disk: `false` turns fsync off and trusts every
    /// connection from this machine, which suits tests; `true` keeps fsync on and asks for a
    /// password. What is committed survives a killed server either way.
    pub durable: bool,
    /// Further settings, each as `name=value`.
    pub settings: Vec<String>,
}

impl PostgresOptions {
    /// A durable server in `dir` on a free port.
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        Self {
            dir: dir.into(),
            port: None,
            durable: true,
            settings: Vec::new(),
        }
    }
}

/// How a server is asked to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StopMode {
    /// Waits for the clients to leave (SIGTERM).
    Smart,
    /// Rolls open transactions back and ends (SIGINT).
    Fast,
    /// Ends at once; the next start recovers (SIGQUIT).
    Immediate,
}

/// A running PostgreSQL. Dropping it kills it.
#[derive(Debug)]
pub struct Postgres {
    options: PostgresOptions,
    place: Place,
    port: u16,
    password: String,
    server: Mutex<Option<Guarded>>,
}

impl Postgres {
    /// Starts the server and waits until it answers. The first start in a directory runs
    /// `initdb`. As root, the server runs as the user `postgres` (or `nobody`), because
    /// PostgreSQL refuses to run as root; when that user cannot reach the directory, the data is
    /// kept under `/var/tmp`, see [`Postgres::directory`].
    ///
    /// # Errors
    /// When the programs are missing (the message names the package), the port is taken or the
    /// server does not come up (the message has the end of its log).
    pub async fn start(options: PostgresOptions) -> Result<Self> {
        let asked = options.clone();
        let preparing = tokio::task::spawn_blocking(move || {
            let place = prepare(&asked)?;
            let password = initialise(&place, &asked)?;
            Ok::<_, anyhow::Error>((place, password))
        });
        let (place, password) = preparing.await??;
        await_predecessor(&place).await?;
        for attempt in 1.. {
            let port = options.port.map_or_else(ports::free, Ok)?;
            ensure!(ports::is_free(port), "port {port} is taken");
            let server = launch(&place, &options, port)?;
            let postgres = Self {
                options: options.clone(),
                place: place.clone(),
                port,
                password: password.clone(),
                server: Mutex::new(Some(server)),
            };
            match postgres.ready().await {
                Ok(()) => return Ok(postgres),
                Err(error) if options.port.is_some() || attempt == PORT_ATTEMPTS => {
                    return Err(error);
                }
                Err(_) => {}
            }
        }
        unreachable!("the loop ends by returning")
    }

    /// The address of a database, with user and password.
    pub fn url(&self, database: &str) -> String {
        let (password, port) = (&self.password, self.port);
        format!("postgres://{SUPERUSER}:{password}@127.0.0.1:{port}/{database}")
    }

    /// The port it listens on.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The directory in use; not the one asked for when the server's user could not reach that.
    pub fn directory(&self) -> &Path {
        &self.place.root
    }

    /// The directory of the programs of this PostgreSQL, `pgbench` among them.
    pub fn programs(&self) -> &Path {
        &self.place.programs
    }

    /// The process number of the server, unless it is stopped.
    pub fn pid(&self) -> Option<u32> {
        self.server().as_ref().map(Guarded::pid)
    }

    /// Connects to a database as superuser.
    pub async fn connect(&self, database: &str) -> Result<PgConnection> {
        let connecting = PgConnection::connect(&self.url(database));
        let connected = tokio::time::timeout(CONNECT_LIMIT, connecting).await;
        Ok(connected.context("postgres does not answer")??)
    }

    /// Whether there is a database of that name.
    pub async fn has_database(&self, name: &str) -> Result<bool> {
        let mut connection = self.connect("postgres").await?;
        let found = sqlx::query("SELECT 1 FROM pg_database WHERE datname = $1")
            .bind(name)
            .fetch_optional(&mut connection)
            .await?;
        Ok(found.is_some())
    }

    /// Creates an empty database.
    pub async fn create_database(&self, name: &str) -> Result<()> {
        let name = identifier(name)?;
        self.execute(format!("CREATE DATABASE {name} TEMPLATE template0"))
            .await
    }

    /// Creates a database as a copy of another that nobody is connected to.
    pub async fn create_from_template(&self, name: &str, template: &str) -> Result<()> {
        let (name, template) = (identifier(name)?, identifier(template)?);
        // Copying files beats writing them to the log, but needs a checkpoint, which is cheap
        // only without fsync.
        let strategy = match (self.place.major >= 15, self.options.durable) {
            (true, false) => " STRATEGY FILE_COPY",
            _ => "",
        };
        self.execute(format!(
            "CREATE DATABASE {name} TEMPLATE {template}{strategy}"
        ))
        .await
    }

    /// Drops a database, disconnecting whoever uses it.
    pub async fn drop_database(&self, name: &str) -> Result<()> {
        let name = identifier(name)?;
        self.execute(format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"))
            .await
    }

    /// Stops the server and waits until it is gone. Clients are not waited for longer than a few
    /// seconds in any mode: then it is killed.
    pub async fn stop(&self, mode: StopMode) -> Result<()> {
        let Some(server) = self.server().take() else {
            return Ok(());
        };
        let signal = match mode {
            StopMode::Smart => Signal::TERM,
            StopMode::Fast => Signal::INT,
            StopMode::Immediate => Signal::QUIT,
        };
        server.signal(signal)?;
        if server.wait(STOP_LIMIT).await.is_err() {
            server.signal(Signal::QUIT)?;
            server.wait(STOP_LIMIT).await?;
        }
        Ok(())
    }

    /// Kills the server (SIGKILL); its backends end by themselves.
    pub async fn kill(&self) -> Result<()> {
        let Some(server) = self.server().take() else {
            return Ok(());
        };
        server.kill()?;
        self.backends_gone().await
    }

    /// Starts a stopped or killed server again, on the same port.
    pub async fn start_again(&self) -> Result<()> {
        if self.pid().is_some() {
            return Ok(());
        }
        await_predecessor(&self.place).await?;
        let server = launch(&self.place, &self.options, self.port)?;
        *self.server() = Some(server);
        self.ready().await
    }

    /// Stops the server and starts it again.
    pub async fn restart(&self) -> Result<()> {
        self.stop(StopMode::Fast).await?;
        self.start_again().await
    }

    /// Freezes the server and its backends: connections stay open, nothing is answered.
    pub fn pause(&self) -> Result<()> {
        self.signal_all(Signal::STOP)
    }

    /// Lets a frozen server go on.
    pub fn resume(&self) -> Result<()> {
        self.signal_all(Signal::CONT)
    }

    fn signal_all(&self, signal: Signal) -> Result<()> {
        let pid = self.pid().context("postgres is stopped")?;
        // The server first, so that it makes no new backend while the others are signalled.
        process::send(pid, signal)?;
        for backend in children(pid) {
            // A backend that has just left is no matter.
            let _ = process::send(backend, signal);
        }
        Ok(())
    }

    async fn execute(&self, statement: String) -> Result<()> {
        let mut connection = self.connect("postgres").await?;
        // Names cannot be bound; `identifier` has checked them.
        connection.execute(sqlx::AssertSqlSafe(statement)).await?;
        Ok(())
    }

    async fn ready(&self) -> Result<()> {
        let answered = within(START_LIMIT, async || {
            if !self.server().as_ref().is_some_and(Guarded::is_running) {
                return Ok(Err(anyhow!("postgres ended while starting")));
            }
            let mut connection = self.connect("postgres").await?;
            Ok::<_, anyhow::Error>(connection.ping().await.map_err(anyhow::Error::from))
        });
        let outcome = answered
            .await
            .map_err(|reason| anyhow!(reason))
            .and_then(|answer| answer);
        outcome.with_context(|| log_tail(&self.place.log()))
    }

    async fn backends_gone(&self) -> Result<()> {
        let data = self.place.data();
        let gone = within(PREDECESSOR_LIMIT, async || !anyone_in(&data)).await;
        gone.map_err(|_| anyhow!("backends of the killed postgres still run"))
    }

    fn server(&self) -> MutexGuard<'_, Option<Guarded>> {
        self.server.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        // Frozen backends would outlive the server.
        let _ = self.resume();
    }
}

fn launch(place: &Place, options: &PostgresOptions, port: u16) -> Result<Guarded> {
    let durable = if options.durable { "on" } else { "off" };
    let settings = [
        format!("port={port}"),
        "listen_addresses=127.0.0.1".into(),
        "unix_socket_directories=".into(),
        format!("max_connections={MAX_CONNECTIONS}"),
        "shared_buffers=128MB".into(),
        "max_wal_size=1GB".into(),
        "wal_compression=on".into(),
        format!("fsync={durable}"),
        format!("full_page_writes={durable}"),
        "log_min_messages=warning".into(),
        "timezone=UTC".into(),
    ];
    let mut program = place.program("postgres").arg("-D").arg(place.data());
    for setting in settings.iter().chain(&options.settings) {
        program = program.arg("-c").arg(setting);
    }
    // Orphaned by a crash of ours, a durable server closes its books first; backends end with it.
    let farewell = if options.durable {
        Signal::INT
    } else {
        Signal::QUIT
    };
    Ok(program.log_to(place.log()).dies_by(farewell).spawn()?)
}

/// Waits for a server that still uses the directory because its parent has just died.
async fn await_predecessor(place: &Place) -> Result<()> {
    let data = place.data();
    let gone = within(PREDECESSOR_LIMIT, async || !anyone_in(&data)).await;
    gone.map_err(|_| anyhow!("another postgres runs on {}", data.display()))
}

fn children(pid: u32) -> Vec<u32> {
    let path = format!("/proc/{pid}/task/{pid}/children");
    let listed = fs::read_to_string(path).unwrap_or_default();
    listed
        .split_whitespace()
        .filter_map(|number| number.parse().ok())
        .collect()
}

/// A name that needs no quoting.
fn identifier(name: &str) -> Result<&str> {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    let short = !name.is_empty() && name.len() <= 63;
    if !short || !name.chars().all(plain) || name.starts_with(|c: char| c.is_ascii_digit()) {
        bail!("not a plain database name: {name:?}");
    }
    Ok(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_names_are_taken() {
        assert!(identifier("shop_1").is_ok());
        for name in ["", "1shop", "shop;drop", "Shop", "a\"b"] {
            assert!(identifier(name).is_err(), "{name}");
        }
    }
}
