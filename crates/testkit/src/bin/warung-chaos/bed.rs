//! Everything that runs: real stores, three bots, WhatsApp and Midtrans within this process.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use sqlx::postgres::PgPoolOptions;
use sqlx::{PgConnection, PgPool};
use tempfile::TempDir;
use warung_sandbox::{midtrans, whatsapp};
use warung_testkit::bot::{self, Secrets, Shop};
use warung_testkit::{Postgres, PostgresOptions, RedisCluster, RedisOptions, StopMode, Wire};

use crate::fleet::Fleet;
use crate::goods;
use crate::mutation::Mutation;
use crate::shift;
use crate::timing::Timing;
use crate::volume::Volume;

const DATABASE: &str = "chaos";
/// More than a hundred customers need; the limit is one of the faults.
const MESSAGES_PER_SECOND: u32 = 500;
/// How long the lock of a purchase lives, the least the bots take; a bot is frozen for longer.
const LOCK_TTL: &str = "10s";
/// A second of Midtrans' own waits (retries, reversals) is so many in the run.
const TIME_SCALE: u32 = 60;
/// How long Midtrans is slow when it is.
const SLOW_MS: u32 = 2_000;
/// How long whoever sends a webhook waits until it tries the next bot: docs/chaos.md says why. A bot
/// that stands still takes connections all the same, its kernel does that.
const SENDER_PATIENCE: Duration = Duration::from_secs(3);
/// How long any connection of ours may take.
const CONNECT_LIMIT: Duration = Duration::from_secs(3);
const WINDOW_CONNECTIONS: u32 = 4;

/// What runs.
#[derive(Debug)]
pub(crate) struct Bed {
    pub(crate) postgres: Postgres,
    pub(crate) redis: RedisCluster,
    pub(crate) whatsapp: whatsapp::Sandbox,
    pub(crate) midtrans: midtrans::Sandbox,
    pub(crate) fleet: Arc<Fleet>,
    pub(crate) timing: Timing,
    pub(crate) wire: Wire,
    /// Where PostgreSQL lives, if mounts are ours.
    pub(crate) volume: Option<Volume>,
    pub(crate) begun: Instant,
    /// For what customers see of their bills.
    pub(crate) window: PgPool,
    _directory: TempDir,
}

impl Bed {
    /// Starts everything, with a guard taken out if one is given. `isolated`: network and mounts are
    /// ours alone.
    pub(crate) async fn make(
        state: &Path,
        seed: u64,
        mutation: Option<Mutation>,
        isolated: bool,
    ) -> Result<Arc<Self>> {
        let logs = state.join("logs");
        fs::create_dir_all(&logs)?;
        let open = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        let directory = tempfile::Builder::new()
            .prefix("chaos-")
            .permissions(open)
            .tempdir_in(state)?;
        let volume = if isolated {
            Some(Volume::make().await?)
        } else {
            None
        };
        let own = directory.path().join("postgres");
        let place = volume.as_ref().map_or(own, Volume::place);
        let (postgres, redis) = stores(place, directory.path()).await?;
        let secrets = Secrets::random();
        let whatsapp = whatsapp::start(whatsapp_config(&secrets, seed)).await?;
        let midtrans = midtrans::start(midtrans::Config {
            server_key: secrets.server_key.clone(),
            seed,
            time_scale: TIME_SCALE,
            slow_ms: SLOW_MS,
            ..midtrans::Config::default()
        })
        .await?;
        let mut shop = shop(&postgres, &redis, &whatsapp, &midtrans, secrets, mutation);
        let program = bot::sibling("warung-bot-chaos")?;
        shop.administer(&program, &["migrate"]).await?;
        goods::load(&shop, &program, directory.path()).await?;
        prepare(&postgres, mutation).await?;
        let http = bot::http_client()?;
        let wire = Wire::lay(&shop.database_url).await?;
        wire.url().clone_into(&mut shop.database_url);
        let fleet = Fleet::start(shop, program, http, &logs, directory.path()).await?;
        whatsapp.set_webhooks(fleet.urls("/webhooks/whatsapp"));
        midtrans.set_notify(fleet.urls("/webhooks/midtrans"));
        let failed = whatsapp.verify_webhooks().await;
        ensure!(failed.is_empty(), "webhooks not verified: {failed:?}");
        let window = PgPoolOptions::new()
            .max_connections(WINDOW_CONNECTIONS)
            .acquire_timeout(CONNECT_LIMIT)
            .connect_lazy(&postgres.url(DATABASE))?;
        let bed = Arc::new(Self {
            postgres,
            redis,
            whatsapp,
            midtrans,
            fleet,
            timing: Timing::default(),
            wire,
            volume,
            begun: Instant::now(),
            window,
            _directory: directory,
        });
        tokio::spawn(route(Arc::downgrade(&bed)));
        Ok(bed)
    }

    /// A connection to the shop's database; an error while PostgreSQL is away.
    pub(crate) async fn database(&self) -> Result<PgConnection> {
        tokio::time::timeout(CONNECT_LIMIT, self.postgres.connect(DATABASE)).await?
    }

    /// Stops everything in order.
    pub(crate) async fn stop(&self) {
        // Errors mean that something is gone already; the rest dies with us.
        self.fleet.stop().await;
        self.whatsapp.stop().await;
        let _ = self.redis.stop_all().await;
        let _ = self.postgres.stop(StopMode::Fast).await;
        // It may lie elsewhere than in our directory, which removes itself.
        let _ = fs::remove_dir_all(self.postgres.directory());
        if let Some(volume) = &self.volume {
            volume.remove().await;
        }
    }
}

/// PostgreSQL with an empty database, and six Redis whose clocks can be shifted.
async fn stores(place: PathBuf, directory: &Path) -> Result<(Postgres, RedisCluster)> {
    let redis = RedisOptions {
        append_only: true,
        own_sources: true,
        environment: shift::environment(directory).await?,
        ..RedisOptions::new(directory.join("redis"))
    };
    let (postgres, redis) = tokio::try_join!(
        // What is committed survives a killed server; the disk's pace is not what is tested.
        Postgres::start(PostgresOptions {
            durable: false,
            ..PostgresOptions::new(place)
        }),
        RedisCluster::start(redis),
    )?;
    postgres.create_database(DATABASE).await?;
    Ok((postgres, redis))
}

/// Sends webhooks and notifications to the bots that are ready, as a platform's Service does.
async fn route(bed: Weak<Bed>) {
    let mut ready = Vec::new();
    loop {
        let Some(bed) = bed.upgrade() else {
            return;
        };
        let now = bed.fleet.probe().await;
        if now != ready {
            bed.whatsapp
                .set_webhooks(bed.fleet.urls_of(&now, "/webhooks/whatsapp"));
            bed.midtrans
                .set_notify(bed.fleet.urls_of(&now, "/webhooks/midtrans"));
            ready = now;
        }
    }
}

/// What the checks need beside the shop's own tables, and the guard that SQL can take out.
async fn prepare(postgres: &Postgres, mutation: Option<Mutation>) -> Result<()> {
    const OURS: &str = "
        CREATE TABLE chaos_register (resource text PRIMARY KEY, token bigint NOT NULL);
        CREATE TABLE chaos_fence_log (
            seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, resource text, token bigint);
        CREATE FUNCTION chaos_fence_passed() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            INSERT INTO chaos_fence_log (resource, token) VALUES (NEW.resource, NEW.token);
            RETURN NULL;
        END $$;
        CREATE TRIGGER chaos_fence_passed AFTER INSERT OR UPDATE ON lock_fence
            FOR EACH ROW EXECUTE FUNCTION chaos_fence_passed();
        -- When a bot was taken for dead though it lived.
        CREATE TABLE chaos_lapse (since timestamptz NOT NULL, until timestamptz NOT NULL);
        CREATE FUNCTION chaos_lapsed() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            INSERT INTO chaos_lapse VALUES (OLD.alive_until, clock_timestamp());
            RETURN NULL;
        END $$;
        CREATE TRIGGER chaos_lapsed AFTER UPDATE ON bot_instance FOR EACH ROW
            WHEN (OLD.alive_until < now()) EXECUTE FUNCTION chaos_lapsed();";
    let mut database = postgres.connect(DATABASE).await?;
    sqlx::raw_sql(OURS).execute(&mut database).await?;
    if let Some(change) = mutation.and_then(Mutation::sql) {
        sqlx::raw_sql(change).execute(&mut database).await?;
    }
    Ok(())
}

fn whatsapp_config(secrets: &Secrets, seed: u64) -> whatsapp::Config {
    whatsapp::Config {
        app_secret: secrets.app_secret.clone(),
        access_token: secrets.access_token.clone(),
        verify_token: secrets.verify_token.clone(),
        messages_per_second: MESSAGES_PER_SECOND,
        pair_limit: false,
        linger: Duration::from_millis(5),
        max_in_flight: 128,
        webhook_timeout: SENDER_PATIENCE,
        seed,
        ..whatsapp::Config::default()
    }
}

fn shop(
    postgres: &Postgres,
    redis: &RedisCluster,
    whatsapp: &whatsapp::Sandbox,
    midtrans: &midtrans::Sandbox,
    secrets: Secrets,
    mutation: Option<Mutation>,
) -> Shop {
    let shop = Shop::between(DATABASE, postgres, redis, (whatsapp, midtrans), secrets)
        .with(
            "WHATSAPP_MESSAGES_PER_SECOND",
            MESSAGES_PER_SECOND.to_string(),
        )
        .with("BURST_WINDOW", "0s")
        .with("PAYMENT_METHODS", "qris,va_bca,va_permata,saldo")
        .with("LOCK_TTL", LOCK_TTL);
    match mutation.and_then(Mutation::switch) {
        Some(guard) => shop.with("WARUNG_CHAOS_WITHOUT", guard),
        None => shop,
    }
}
