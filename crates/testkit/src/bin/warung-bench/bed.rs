//! What the load runs on: a durable PostgreSQL, a Redis Cluster, the WhatsApp sandbox within this
//! process and two bots as programs.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde_json::json;
use sqlx::PgConnection;
use tempfile::TempDir;
use warung_sandbox::{midtrans, whatsapp};
use warung_testkit::bot::{self, Secrets, Shop};
use warung_testkit::{Postgres, PostgresOptions, RedisCluster, RedisOptions, StopMode};

use crate::fleet::{DATABASE, Fleet, PROCESSES, Peer, Side, TRANSACTION_LIMIT};
use crate::goods;
use crate::load::Tracker;
use crate::report::Footprint;
use crate::usage;

/// Customers of the load.
pub(crate) const CUSTOMERS: usize = 10_000;
/// Customers per webhook when they are made known.
const INTRODUCTION_BATCH: usize = 200;
/// More than Meta allows: what is measured is the bots, not the limit of a number.
const MESSAGES_PER_SECOND: u32 = 100_000;
/// How long the sandbox gathers statuses into one webhook.
const STATUS_LINGER: Duration = Duration::from_millis(10);
/// How long the bots are left alone before their memory is read.
const REST: Duration = Duration::from_secs(3);
/// How long the bots may take over the introduction.
const INTRODUCTION_LIMIT: Duration = Duration::from_secs(30);
const INTRODUCTION_PAUSE: Duration = Duration::from_millis(200);

/// Everything that runs.
#[derive(Debug)]
pub(crate) struct Bed {
    pub(crate) postgres: Postgres,
    pub(crate) redis: RedisCluster,
    pub(crate) sandbox: whatsapp::Sandbox,
    pub(crate) customers: Vec<whatsapp::Customer>,
    pub(crate) fleet: Fleet,
    pub(crate) tracker: Tracker,
    pub(crate) shop: Shop,
    pub(crate) program: PathBuf,
    logs: PathBuf,
    _midtrans: midtrans::Sandbox,
    _directory: TempDir,
}

impl Bed {
    /// Starts everything, PostgreSQL with these settings beside its own, and makes the customers
    /// known to the bots.
    pub(crate) async fn make(state: &Path, settings: Vec<String>) -> Result<Self> {
        let logs = state.join("logs");
        fs::create_dir_all(&logs)?;
        let open = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        // Beside the state and not under /tmp, which may be memory: fsync must cost what it costs.
        let directory = tempfile::Builder::new()
            .prefix("bench-")
            .permissions(open)
            .tempdir_in(state)?;
        let (postgres, redis) = tokio::try_join!(
            Postgres::start(PostgresOptions {
                settings,
                ..PostgresOptions::new(directory.path().join("postgres"))
            }),
            RedisCluster::start(RedisOptions {
                append_only: true,
                ..RedisOptions::new(directory.path().join("redis"))
            }),
        )?;
        postgres.create_database(DATABASE).await?;
        let secrets = Secrets::random();
        let sandbox = whatsapp::start(whatsapp_config(&secrets)).await?;
        let midtrans = midtrans::start(midtrans::Config {
            server_key: secrets.server_key.clone(),
            ..midtrans::Config::default()
        })
        .await?;
        let shop = shop(&postgres, &redis, &sandbox, &midtrans, secrets);
        let program = bot::sibling("warung-bot")?;
        shop.administer(&program, &["migrate"]).await?;
        goods::load(&shop, &program, directory.path()).await?;
        let fleet = Fleet::bots(&shop, &program, &logs, PROCESSES).await?;
        fleet.connect(&sandbox).await?;
        let tracker = Tracker::watch(&sandbox);
        let bed = Self {
            customers: Vec::new(),
            postgres,
            redis,
            sandbox,
            fleet,
            tracker,
            shop,
            program,
            logs,
            _midtrans: midtrans,
            _directory: directory,
        };
        bed.with_customers().await
    }

    /// Process numbers of whoever serves.
    pub(crate) fn pids(&self) -> Vec<u32> {
        self.fleet.pids()
    }

    /// A connection to the database of whoever serves.
    pub(crate) async fn database(&self) -> Result<PgConnection> {
        self.postgres.connect(self.fleet.side.database()).await
    }

    /// How many messages wait for their turn or for a send.
    pub(crate) async fn waiting(&self, database: &mut PgConnection) -> Result<i64> {
        self.fleet.side.waiting(database).await
    }

    /// Makes the peer ready to serve, with the same goods and customers.
    pub(crate) async fn peer(&self, directory: &Path) -> Result<Peer> {
        let stores = (&self.postgres, &self.redis);
        Peer::prepare(directory, &self.logs, &self.shop, stores, &self.customers).await
    }

    /// Replaces whoever serves by so many of our bots, all started anew.
    pub(crate) async fn serve(&mut self, bots: usize) -> Result<()> {
        self.fleet.stop().await;
        self.fleet = Fleet::bots(&self.shop, &self.program, &self.logs, bots).await?;
        self.fleet.connect(&self.sandbox).await
    }

    /// Replaces whoever serves by the peer.
    pub(crate) async fn serve_peer(&mut self, peer: &Peer) -> Result<()> {
        self.fleet.stop().await;
        self.fleet = peer.serve().await?;
        self.fleet.connect(&self.sandbox).await
    }

    /// What the bots take at rest.
    pub(crate) async fn footprint(&self) -> Result<Footprint> {
        tokio::time::sleep(REST).await;
        let memory = |pid| usage::resident_mib(pid);
        Ok(Footprint {
            idle_rss_mib: self.pids().into_iter().map(memory).collect::<Result<_>>()?,
            start_to_ready_ms: self
                .fleet
                .start_to_ready
                .iter()
                .map(Duration::as_millis)
                .collect(),
        })
    }

    /// Stops everything in order.
    pub(crate) async fn stop(self) {
        self.fleet.stop().await;
        self.sandbox.stop().await;
        // Errors mean that something is gone already; the rest dies with us.
        let _ = self.redis.stop_all().await;
        let _ = self.postgres.stop(StopMode::Fast).await;
        // It may lie elsewhere than in our directory, which removes itself.
        let _ = fs::remove_dir_all(self.postgres.directory());
    }

    /// Makes the customers known by reactions, which the bots store and do not answer, and gives
    /// each of them saldo.
    async fn with_customers(mut self) -> Result<Self> {
        let number = |index: usize| format!("62812{:08}", 10_000_000 + index);
        let known = |index| {
            self.sandbox
                .customer(&number(index), &format!("Pembeli {index}"))
        };
        self.customers = (0..CUSTOMERS).map(known).collect();
        for group in self.customers.chunks(INTRODUCTION_BATCH) {
            let items: Vec<_> = group
                .iter()
                .map(|customer| customer.composes(&reaction()))
                .collect();
            // A machine that is busy with the start answers 503, as it would Meta.
            let limit = Instant::now() + INTRODUCTION_LIMIT;
            while self.sandbox.deliver(&items).await != Some(200) {
                ensure!(Instant::now() < limit, "the bots take no introduction");
                tokio::time::sleep(INTRODUCTION_PAUSE).await;
            }
        }
        let mut database = self.database().await?;
        let limit = Instant::now() + INTRODUCTION_LIMIT;
        let customers = i64::try_from(CUSTOMERS)?;
        while Side::Warung.waiting(&mut database).await? > 0
            || goods::customers(&mut database).await? < customers
        {
            ensure!(
                Instant::now() < limit,
                "the bots did not take the introductions"
            );
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        goods::fund(&mut database)
            .await
            .context("fund the customers")?;
        Ok(self)
    }
}

/// A message that needs no answer.
pub(crate) fn reaction() -> serde_json::Value {
    json!({"type": "reaction", "reaction": {"message_id": "wamid.0", "emoji": "\u{1f44d}"}})
}

fn whatsapp_config(secrets: &Secrets) -> whatsapp::Config {
    whatsapp::Config {
        app_secret: secrets.app_secret.clone(),
        access_token: secrets.access_token.clone(),
        verify_token: secrets.verify_token.clone(),
        messages_per_second: MESSAGES_PER_SECOND,
        pair_limit: false,
        // Statuses come in batches, as Meta sends them; the load's own messages one by one.
        linger: STATUS_LINGER,
        max_in_flight: 256,
        ..whatsapp::Config::default()
    }
}

fn shop(
    postgres: &Postgres,
    redis: &RedisCluster,
    sandbox: &whatsapp::Sandbox,
    midtrans: &midtrans::Sandbox,
    secrets: Secrets,
) -> Shop {
    Shop::between(DATABASE, postgres, redis, (sandbox, midtrans), secrets)
        .with(
            "WHATSAPP_MESSAGES_PER_SECOND",
            MESSAGES_PER_SECOND.to_string(),
        )
        .with("BURST_WINDOW", "0s")
        .with("PAYMENT_METHODS", "saldo")
        .with("TRANSACTION_LIMIT", TRANSACTION_LIMIT)
}
