//! What every part of a bot shares.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use anyhow::{Context, Result};
use secrecy::ExposeSecret;
use sqlx::{
    PgPool,
    postgres::{PgConnectOptions, PgPoolOptions},
};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;
use warung_coordination::{Coordination, Hint, Pace, PaceLimits};

use crate::{
    clock::{Clock, new_id},
    config::Config,
    messages::Texts,
    metrics::Metrics,
    store::{AtHand, settings::Settings},
    vault::Vault,
    worker::{instance::Pulse, outbound::SenderHandle, receipts::Receipts},
};

/// How long a task waits for a connection before it gives up and says so.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(2);
/// Longest statement: shorter than any lock's work budget of 5 s.
const STATEMENT_TIMEOUT_MS: &str = "4000";
/// Longest silence inside a transaction: none of ours spans a network call.
const IDLE_IN_TRANSACTION_MS: &str = "10000";
/// Connections for bookkeeping whose loss at a crash is harmless: claims, marks, heartbeats.
const RELAXED_CONNECTIONS: u32 = 4;
/// One in so many of a pool's connections is kept at hand, beside the pool.
const KEPT_SHARE: u32 = 2;
/// Connection to another machine's HTTP server.
const HTTP_CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// Shared state; a cheap clone.
#[derive(Clone)]
pub struct App(Arc<Inner>);

/// The fields of [`App`].
pub struct Inner {
    /// This process among the fleet.
    pub bot_id: Uuid,
    /// Configuration.
    pub config: Config,
    /// Durable commits.
    pub pool: PgPool,
    /// Commits that a crash of PostgreSQL may lose without harm (`synchronous_commit=off`).
    pub relaxed: PgPool,
    /// Connections of `pool` for statements that are transactions of their own.
    pub at_hand: AtHand,
    /// The same of `relaxed`.
    pub relaxed_at_hand: AtHand,
    /// The heartbeat's own connection: it must not queue behind anything.
    pub heart: PgPool,
    /// Whether PostgreSQL hears this bot.
    pub pulse: Pulse,
    /// Redis Cluster.
    pub coordination: Coordination,
    /// The number's send buckets, shared by the fleet.
    pub pace: Pace,
    /// WhatsApp Cloud API.
    pub whatsapp: warung_whatsapp::client::Client,
    /// Midtrans.
    pub midtrans: warung_midtrans::client::Client,
    /// Texts.
    pub texts: Texts,
    /// The shop's own settings, refreshed while running.
    pub settings: Settings,
    /// Seals, fingerprints, signatures.
    pub vault: Vault,
    /// Metrics.
    pub metrics: Metrics,
    /// Time.
    pub clock: Clock,
    /// Wake-up calls between the parts of this process.
    pub signals: Signals,
    /// Where replies that were claimed with their commit go.
    pub sender: SenderHandle,
    /// What bounds read receipts.
    pub receipts: Receipts,
    /// Cancelled when the process must stop.
    pub stop: CancellationToken,
}

/// Wake-up calls: each says only "look again".
#[derive(Debug, Default)]
pub struct Signals {
    /// Turns this process could begin now; 0 in one without the worker role.
    pub free_turns: AtomicUsize,
    /// Messages wait.
    pub inbound: Notify,
    /// Sends wait.
    pub outbound: Notify,
    /// Payments wait.
    pub payments: Notify,
    /// Cache invalidations wait.
    pub invalidations: Notify,
}

impl std::ops::Deref for App {
    type Target = Inner;

    fn deref(&self) -> &Inner {
        &self.0
    }
}

impl App {
    /// Puts the parts together. Needs PostgreSQL only to the extent that it is asked; Redis may be
    /// away.
    ///
    /// # Errors
    /// What is wrong with a URL or a client.
    pub fn new(config: Config, sender: SenderHandle, stop: CancellationToken) -> Result<Self> {
        let metrics = Metrics::new()?;
        metrics
            .build_info
            .with_label_values(&[env!("CARGO_PKG_VERSION")])
            .set(1);
        let options: PgConnectOptions = config
            .database_url
            .expose_secret()
            .parse()
            .context("DATABASE_URL")?;
        let options = options.application_name("warung-bot").options([
            ("statement_timeout", STATEMENT_TIMEOUT_MS),
            // Statements find rows by keys: no value makes another plan better. Left to itself,
            // PostgreSQL plans the dearest anew at each call, and keeps walking over tables that
            // were small when it first planned.
            ("plan_cache_mode", "force_generic_plan"),
            ("enable_seqscan", "off"),
            ("jit", "off"),
            (
                "idle_in_transaction_session_timeout",
                IDLE_IN_TRANSACTION_MS,
            ),
        ]);
        let pool = PgPoolOptions::new()
            .max_connections(config.database_connections)
            .acquire_timeout(ACQUIRE_TIMEOUT)
            .test_before_acquire(false)
            .connect_lazy_with(options.clone());
        let relaxed = PgPoolOptions::new()
            .max_connections(RELAXED_CONNECTIONS)
            .acquire_timeout(ACQUIRE_TIMEOUT)
            .test_before_acquire(false)
            .connect_lazy_with(options.clone().options([("synchronous_commit", "off")]));
        let heart = PgPoolOptions::new()
            .max_connections(1)
            .acquire_timeout(ACQUIRE_TIMEOUT)
            .connect_lazy_with(options.options([("synchronous_commit", "off")]));
        let prefix = format!("warung:{}:", config.shop.name);
        let coordination = Coordination::connect(redis(&config, &prefix)?, &metrics.registry);
        let whatsapp = &config.whatsapp;
        let pace = coordination.pace(
            &whatsapp.phone_number_id,
            PaceLimits {
                per_second: whatsapp.messages_per_second,
                burst: whatsapp.messages_per_second.div_ceil(4),
                ..PaceLimits::default()
            },
            1,
        );
        let clock = Clock::system();
        Ok(Self(Arc::new(Inner {
            bot_id: new_id(&clock),
            whatsapp: whatsapp_client(&config)?,
            midtrans: midtrans_client(&config)?,
            texts: Texts::built_in()?,
            settings: Settings::new(&config.shop),
            vault: Vault::new(&config.data_key),
            signals: Signals::default(),
            pace,
            at_hand: AtHand::of(&pool, config.database_connections / KEPT_SHARE),
            relaxed_at_hand: AtHand::of(&relaxed, RELAXED_CONNECTIONS / KEPT_SHARE),
            pool,
            relaxed,
            heart,
            pulse: Pulse::default(),
            coordination,
            metrics,
            clock,
            sender,
            receipts: Receipts::default(),
            stop,
            config,
        })))
    }
}

/// Tells other bots that messages wait.
pub const INBOUND_HINT: Hint = Hint::new(0);

impl App {
    /// Wakes this bot's worker, or those of other bots where it has no turn free. Loss is harmless:
    /// all look by themselves every 250 ms.
    pub fn messages_wait(&self) {
        if self.signals.free_turns.load(Ordering::Relaxed) > 0 {
            self.signals.inbound.notify_one();
        } else {
            self.coordination.hints().publish(INBOUND_HINT);
        }
    }
}

fn redis(config: &Config, prefix: &str) -> Result<warung_coordination::Config> {
    let urls = config.redis_urls.iter().map(ExposeSecret::expose_secret);
    let redis = warung_coordination::Config::parse(urls, prefix);
    let redis = redis.context("REDIS_URLS")?;
    match &config.redis_ca {
        Some(authorities) => redis.trusting(authorities).context("REDIS_CA"),
        None => Ok(redis),
    }
}

fn whatsapp_client(config: &Config) -> Result<warung_whatsapp::client::Client> {
    let whatsapp = &config.whatsapp;
    Ok(warung_whatsapp::client::Client::new(
        warung_whatsapp::client::ClientConfig {
            base_url: whatsapp.graph_url.clone(),
            version: whatsapp.version.clone(),
            phone_number_id: whatsapp.phone_number_id.clone(),
            token: whatsapp.access_token.clone(),
            connect_timeout: HTTP_CONNECT_TIMEOUT,
            timeout: Duration::from_secs(10),
        },
    )?)
}

fn midtrans_client(config: &Config) -> Result<warung_midtrans::client::Client> {
    let midtrans = &config.midtrans;
    Ok(warung_midtrans::client::Client::new(
        warung_midtrans::client::ClientConfig::new(
            &midtrans.snap_url,
            &midtrans.api_url,
            midtrans.server_key.clone(),
        ),
    )?)
}
