//! What the load runs on: a durable PostgreSQL, a Redis Cluster, the WhatsApp sandbox within this
//! process and two bots as programs.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde_json::json;
use sqlx::PgConnection;
use tempfile::TempDir;
use warung_sandbox::{midtrans, whatsapp};
use warung_testkit::bot::{self, Bot, Secrets, Shop};
use warung_testkit::{Postgres, PostgresOptions, RedisCluster, RedisOptions, StopMode, ports};

use crate::goods;
use crate::load::Tracker;
use crate::report::Footprint;
use crate::usage;

/// Customers of the load.
pub(crate) const CUSTOMERS: usize = 4_000;
/// Customers per webhook when they are made known.
const INTRODUCTION_BATCH: usize = 200;
const DATABASE: &str = "bench";
/// More than Meta allows: what is measured is the bots, not the limit of a number.
const MESSAGES_PER_SECOND: u32 = 100_000;
/// How long the sandbox gathers statuses into one webhook.
const STATUS_LINGER: Duration = Duration::from_millis(10);
/// How long the bots are left alone before their memory is read.
const REST: Duration = Duration::from_secs(3);
/// How long the bots may take over the introduction.
const INTRODUCTION_LIMIT: Duration = Duration::from_secs(30);
const BOT_STOP_LIMIT: Duration = Duration::from_secs(8);

/// Everything that runs.
#[derive(Debug)]
pub(crate) struct Bed {
    pub(crate) postgres: Postgres,
    pub(crate) redis: RedisCluster,
    pub(crate) sandbox: whatsapp::Sandbox,
    pub(crate) customers: Vec<whatsapp::Customer>,
    pub(crate) bots: Vec<Bot>,
    pub(crate) tracker: Tracker,
    start_to_ready: Vec<Duration>,
    _midtrans: midtrans::Sandbox,
    _directory: TempDir,
}

impl Bed {
    /// Starts everything and makes the customers known to the bots.
    pub(crate) async fn make(state: &Path) -> Result<Self> {
        let logs = state.join("logs");
        fs::create_dir_all(&logs)?;
        let open = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        // Beside the state and not under /tmp, which may be memory: fsync must cost what it costs.
        let directory = tempfile::Builder::new()
            .prefix("bench-")
            .permissions(open)
            .tempdir_in(state)?;
        let (postgres, redis) = tokio::try_join!(
            Postgres::start(PostgresOptions::new(directory.path().join("postgres"))),
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
        let (bots, start_to_ready) = start_bots(&shop, &program, &logs).await?;
        let hook = |bot: &Bot| bot.url("/webhooks/whatsapp");
        sandbox.set_webhooks(bots.iter().map(hook).collect());
        let failed = sandbox.verify_webhooks().await;
        ensure!(failed.is_empty(), "webhooks not verified: {failed:?}");
        let tracker = Tracker::watch(&sandbox);
        let bed = Self {
            customers: Vec::new(),
            postgres,
            redis,
            sandbox,
            bots,
            tracker,
            start_to_ready,
            _midtrans: midtrans,
            _directory: directory,
        };
        bed.with_customers().await
    }

    /// Process numbers of the bots.
    pub(crate) fn pids(&self) -> Vec<u32> {
        self.bots.iter().map(|bot| bot.process.pid()).collect()
    }

    /// A connection to the shop's database.
    pub(crate) async fn database(&self) -> Result<PgConnection> {
        self.postgres.connect(DATABASE).await
    }

    /// What the bots take at rest.
    pub(crate) async fn footprint(&self) -> Result<Footprint> {
        tokio::time::sleep(REST).await;
        let memory = |pid| usage::resident_mib(pid);
        Ok(Footprint {
            idle_rss_mib: self.pids().into_iter().map(memory).collect::<Result<_>>()?,
            start_to_ready_ms: self
                .start_to_ready
                .iter()
                .map(Duration::as_millis)
                .collect(),
        })
    }

    /// Stops everything in order.
    pub(crate) async fn stop(self) {
        // Errors mean that something is gone already; the rest dies with us.
        for bot in &self.bots {
            let _ = bot.process.terminate();
        }
        for bot in &self.bots {
            let _ = bot.process.stop(BOT_STOP_LIMIT).await;
        }
        self.sandbox.stop().await;
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
            let status = self.sandbox.deliver(&items).await;
            ensure!(
                status == Some(200),
                "the bots answered an introduction with {status:?}"
            );
        }
        let mut database = self.database().await?;
        let limit = Instant::now() + INTRODUCTION_LIMIT;
        let customers = i64::try_from(CUSTOMERS)?;
        while goods::unanswered(&mut database).await? > 0
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
    let settings = [
        (
            "WHATSAPP_MESSAGES_PER_SECOND",
            MESSAGES_PER_SECOND.to_string(),
        ),
        ("BURST_WINDOW", "0s".to_owned()),
        ("PAYMENT_METHODS", "saldo".to_owned()),
        // Three purchases a minute would cap the load, not the bots.
        ("TRANSACTION_LIMIT", "1000000".to_owned()),
    ];
    Shop {
        database_url: postgres.url(DATABASE),
        redis_urls: redis.url_list(),
        name: "bench".to_owned(),
        graph_url: sandbox.base_url().to_owned(),
        phone_number_id: whatsapp::Config::default().phone_number_id,
        midtrans_url: midtrans.api_url(),
        merchant_id: midtrans::Config::default().merchant_id,
        public_url: sandbox.base_url().to_owned(),
        secrets,
        more: settings
            .map(|(name, value)| (name.to_owned(), value))
            .into(),
    }
}

async fn start_bots(shop: &Shop, program: &Path, logs: &Path) -> Result<(Vec<Bot>, Vec<Duration>)> {
    let http = bot::http_client()?;
    let (mut bots, mut times) = (Vec::new(), Vec::new());
    for number in 1..=2 {
        let begun = Instant::now();
        let log = logs.join(format!("bench-bot-{number}.log"));
        let bot = shop.serve(program, ports::free()?, &log)?;
        bot.ready(&http).await?;
        times.push(begun.elapsed());
        bots.push(bot);
    }
    Ok((bots, times))
}
