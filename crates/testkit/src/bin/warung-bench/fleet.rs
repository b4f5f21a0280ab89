//! Who serves the shop during a measurement: our bots, or the peer in Node.js.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use sqlx::{Connection, PgConnection};
use warung_sandbox::whatsapp;
use warung_testkit::bot::{self, Bot, Shop};
use warung_testkit::process::{Guarded, Program, Signal};
use warung_testkit::{Postgres, RedisCluster, ports};

use crate::goods;

/// The database of our bots.
pub(crate) const DATABASE: &str = "bench";
/// The database of the peer.
const PEER_DATABASE: &str = "peer";
/// Processes of either side: one for each of the two cores that a small node has.
pub(crate) const PROCESSES: usize = 2;
const STOP_LIMIT: Duration = Duration::from_secs(8);
/// More than anybody buys: three purchases a minute would cap the load, not the shop.
pub(crate) const TRANSACTION_LIMIT: &str = "1000000";

/// Whose processes they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Side {
    /// `warung-bot`.
    Warung,
    /// `bench/node-peer`.
    Node,
}

/// Running processes, and where their books are.
#[derive(Debug)]
pub(crate) struct Fleet {
    pub(crate) side: Side,
    pub(crate) processes: Vec<Guarded>,
    urls: Vec<String>,
    pub(crate) start_to_ready: Vec<Duration>,
}

/// A Node.js peer that is installed.
#[derive(Debug)]
pub(crate) struct Peer {
    directory: PathBuf,
    logs: PathBuf,
    environment: Vec<(&'static str, String)>,
}

impl Side {
    /// The database that has its books.
    pub(crate) const fn database(self) -> &'static str {
        match self {
            Self::Warung => DATABASE,
            Self::Node => PEER_DATABASE,
        }
    }

    /// Counts messages that wait for their turn or for a send.
    const fn unanswered(self) -> &'static str {
        match self {
            Self::Warung => {
                "SELECT (SELECT count(*) FROM inbox WHERE state = 'pending')
                      + (SELECT count(*) FROM outbox WHERE state IN ('pending', 'sending'))"
            }
            Self::Node => {
                "SELECT (SELECT count(*) FROM message WHERE done_at IS NULL)
                      + (SELECT count(*) FROM reply WHERE sent_at IS NULL)"
            }
        }
    }

    const fn paid_orders(self) -> &'static str {
        match self {
            Self::Warung => "SELECT count(*) FROM orders WHERE paid > 0",
            Self::Node => "SELECT count(*) FROM orders",
        }
    }

    /// How many messages wait for their turn or for a send.
    pub(crate) async fn waiting(self, database: &mut PgConnection) -> Result<i64> {
        Ok(sqlx::query_scalar(self.unanswered())
            .fetch_one(database)
            .await?)
    }

    /// Orders paid so far.
    pub(crate) async fn paid(self, database: &mut PgConnection) -> Result<i64> {
        Ok(sqlx::query_scalar(self.paid_orders())
            .fetch_one(database)
            .await?)
    }
}

impl Fleet {
    /// Starts our bots.
    pub(crate) async fn bots(
        shop: &Shop,
        program: &Path,
        logs: &Path,
        count: usize,
    ) -> Result<Self> {
        let http = bot::http_client()?;
        let mut fleet = Self::empty(Side::Warung);
        for number in 1..=count {
            let begun = Instant::now();
            let log = logs.join(format!("bench-bot-{number}.log"));
            let bot = shop.serve(program, ports::free()?, &log)?;
            bot.ready(&http).await?;
            fleet.start_to_ready.push(begun.elapsed());
            fleet.urls.push(bot.url("/webhooks/whatsapp"));
            fleet.processes.push(bot.process);
        }
        Ok(fleet)
    }

    fn empty(side: Side) -> Self {
        Self {
            side,
            processes: Vec::new(),
            urls: Vec::new(),
            start_to_ready: Vec::new(),
        }
    }

    /// Lets the sandbox talk to them.
    pub(crate) async fn connect(&self, sandbox: &whatsapp::Sandbox) -> Result<()> {
        sandbox.set_webhooks(self.urls.clone());
        let failed = sandbox.verify_webhooks().await;
        ensure!(failed.is_empty(), "webhooks not verified: {failed:?}");
        Ok(())
    }

    /// Where they listen, as `host:port`.
    pub(crate) fn addresses(&self) -> Vec<String> {
        let authority = |url: &String| {
            let (_, behind) = url.split_once("//")?;
            behind.split('/').next().map(str::to_owned)
        };
        self.urls.iter().filter_map(authority).collect()
    }

    /// Their process numbers.
    pub(crate) fn pids(&self) -> Vec<u32> {
        self.processes.iter().map(Guarded::pid).collect()
    }

    /// Ends them as a rollout would.
    pub(crate) async fn stop(&self) {
        // Errors mean that one is gone already; the rest dies with us.
        for process in &self.processes {
            let _ = process.terminate();
        }
        for process in &self.processes {
            let _ = process.stop(STOP_LIMIT).await;
        }
    }
}

impl Peer {
    /// Makes the peer's database with the same goods and customers as ours.
    pub(crate) async fn prepare(
        directory: &Path,
        logs: &Path,
        shop: &Shop,
        stores: (&Postgres, &RedisCluster),
        customers: &[whatsapp::Customer],
    ) -> Result<Self> {
        ensure!(
            directory.join("node_modules").is_dir(),
            "the peer is not installed: run `npm ci` in {}",
            directory.display()
        );
        let (postgres, redis) = stores;
        postgres.create_database(PEER_DATABASE).await?;
        let mut database = postgres.connect(PEER_DATABASE).await?;
        let schema = std::fs::read_to_string(directory.join("schema.sql"))?;
        sqlx::raw_sql(sqlx::AssertSqlSafe(schema))
            .execute(&mut database)
            .await?;
        let numbers = customers.iter().map(|one| one.wa_id().to_owned()).collect();
        goods::stock_peer(&mut database, numbers).await?;
        database.close().await?;
        let secrets = &shop.secrets;
        Ok(Self {
            directory: directory.to_owned(),
            logs: logs.to_owned(),
            environment: vec![
                ("NODE_ENV", "production".to_owned()),
                ("DATABASE_URL", postgres.url(PEER_DATABASE)),
                ("REDIS_URLS", redis.url_list()),
                ("WHATSAPP_BASE_URL", shop.graph_url.clone()),
                ("WHATSAPP_PHONE_NUMBER_ID", shop.phone_number_id.clone()),
                ("WHATSAPP_ACCESS_TOKEN", secrets.access_token.clone()),
                ("WHATSAPP_APP_SECRET", secrets.app_secret.clone()),
                ("WHATSAPP_VERIFY_TOKEN", secrets.verify_token.clone()),
                ("TRANSACTION_LIMIT", TRANSACTION_LIMIT.to_owned()),
            ],
        })
    }

    /// Starts as many processes as we start bots.
    pub(crate) async fn serve(&self) -> Result<Fleet> {
        let http = bot::http_client()?;
        let mut fleet = Fleet::empty(Side::Node);
        for number in 1..=PROCESSES {
            let (begun, port) = (Instant::now(), ports::free()?);
            let log = self.logs.join(format!("bench-peer-{number}.log"));
            let process = Program::new("node")
                .arg(self.directory.join("server.js"))
                .clear_environment()
                .envs(self.environment.iter().map(|(name, value)| (name, value)))
                .env("PORT", port.to_string())
                .dies_by(Signal::TERM)
                .log_to(&log)
                .spawn()
                .context("start node")?;
            // It answers the same probe at the same path as a bot.
            let peer = Bot { port, log, process };
            peer.ready(&http).await.context("the peer")?;
            fleet.start_to_ready.push(begun.elapsed());
            fleet.urls.push(peer.url("/webhooks/whatsapp"));
            fleet.processes.push(peer.process);
        }
        Ok(fleet)
    }
}
