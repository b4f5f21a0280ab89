//! One PostgreSQL and one Redis Cluster for all tests of a process, started on first use.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::{Context, Result};
use tokio::sync::{Mutex, OnceCell};

use crate::{Postgres, PostgresOptions, RedisCluster, RedisOptions};

/// The stores that the tests of one process share. They end with the process.
#[derive(Debug)]
pub struct Stores {
    /// The PostgreSQL; give each test a database of its own by [`Stores::fresh_database`].
    pub postgres: Postgres,
    /// The Redis Cluster; give each test a key prefix of its own.
    pub redis: RedisCluster,
    templates: Mutex<BTreeMap<String, String>>,
    counter: AtomicU32,
    _sweeper: Child,
}

/// The stores of this process, started on the first call.
///
/// # Panics
/// When they cannot be started; the message says what is missing.
pub async fn stores() -> &'static Stores {
    static STORES: OnceCell<Stores> = OnceCell::const_new();
    STORES
        .get_or_init(async || match Stores::start().await {
            Ok(stores) => stores,
            Err(error) => panic!("start the stores for tests: {error:#}"),
        })
        .await
}

impl Stores {
    async fn start() -> Result<Self> {
        let name = format!(
            "warung-test-{}-{}",
            std::process::id(),
            uuid::Uuid::new_v4().simple()
        );
        let directory = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&directory)?;
        let sweeper = sweep_after_us(&directory)?;
        let postgres = PostgresOptions {
            durable: false,
            ..PostgresOptions::new(directory.join("postgres"))
        };
        let redis = RedisOptions::new(directory.join("redis"));
        let (postgres, redis) =
            tokio::try_join!(Postgres::start(postgres), RedisCluster::start(redis))?;
        Ok(Self {
            postgres,
            redis,
            templates: Mutex::new(BTreeMap::new()),
            counter: AtomicU32::new(0),
            _sweeper: sweeper,
        })
    }

    /// A database for one test: a copy of the template `name`, which `prepare` fills the first
    /// time it is asked for (given its address; it must leave no connection open). Returns the
    /// address of the copy.
    ///
    /// # Errors
    /// What `prepare` or PostgreSQL refuse.
    pub async fn fresh_database(
        &self,
        name: &str,
        prepare: impl AsyncFnOnce(String) -> Result<()>,
    ) -> Result<String> {
        // Held while copying: PostgreSQL refuses two copies of one template at a time.
        let mut templates = self.templates.lock().await;
        let template = if let Some(template) = templates.get(name) {
            template.clone()
        } else {
            let template = self.number("template");
            self.postgres.create_database(&template).await?;
            prepare(self.postgres.url(&template))
                .await
                .context("fill the template")?;
            templates.insert(name.to_owned(), template.clone());
            template
        };
        let database = self.number("test");
        self.postgres
            .create_from_template(&database, &template)
            .await?;
        Ok(self.postgres.url(&database))
    }

    /// An empty database of its own; returns its address.
    pub async fn empty_database(&self) -> Result<String> {
        let database = self.number("test");
        self.postgres.create_database(&database).await?;
        Ok(self.postgres.url(&database))
    }

    fn number(&self, kind: &str) -> String {
        format!("{kind}_{}", self.counter.fetch_add(1, Ordering::Relaxed))
    }
}

/// Starts a shell that removes the directory once we are gone, however we went: nothing of ours
/// runs at the end of a killed process, and statics are never dropped.
pub(crate) fn sweep_after_us(directory: &Path) -> Result<Child> {
    let script = "cat >/dev/null; \
        for turn in 1 2 3 4 5 6 7 8 9 10; do rm -rf \"$1\" 2>/dev/null && exit; sleep 0.3; done";
    let directory: PathBuf = directory.to_owned();
    let mut command = Command::new("sh");
    command.args(["-c", script, "sweeper"]).arg(directory);
    // The pipe closes when we end.
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    command.spawn().context("start sh")
}
