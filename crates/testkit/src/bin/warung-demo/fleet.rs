//! Everything the demo starts, in order, and stops in the opposite order.

use std::fs;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use warung_testkit::bot::{self, Bot, Secrets, Shop};
use warung_testkit::process::{Guarded, Program};
use warung_testkit::{Postgres, PostgresOptions, RedisCluster, RedisOptions, StopMode};

use crate::Arguments;
use crate::catalogue;
use crate::terminal::Terminal;

/// The database of the shop.
const DATABASE: &str = "toko_sari";
const PHONE_NUMBER_ID: &str = "106540352242922";
const MERCHANT_ID: &str = "G123456789";
/// Customers on the phone page from the start, besides the one of the played purchase.
const CUSTOMERS: [&str; 2] = ["6281210001002=Dewi", "6281210001003=Agus"];
/// The member of staff, who may give staff commands by chat.
const STAFF: &str = "6281210001009";
/// How long a sandbox may take until it answers.
const SANDBOX_LIMIT: Duration = Duration::from_secs(10);
/// How long bots may take to finish what they have in hand.
const BOT_STOP_LIMIT: Duration = Duration::from_secs(6);
const SANDBOX_STOP_LIMIT: Duration = Duration::from_secs(2);
/// How often the children are looked at while the demo waits.
const WATCH_INTERVAL: Duration = Duration::from_millis(500);

/// What runs so far.
#[derive(Debug, Default)]
pub(crate) struct Fleet {
    postgres: Option<Postgres>,
    redis: Option<RedisCluster>,
    sandboxes: Vec<(&'static str, Guarded)>,
    bots: Vec<Bot>,
}

impl Fleet {
    /// Starts everything; at the end both bots are ready and known to the sandboxes.
    pub(crate) async fn open(&mut self, arguments: &Arguments, terminal: &Terminal) -> Result<()> {
        let program = bot::sibling("warung-bot")?;
        let sandbox = bot::sibling("warung-sandbox")?;
        let http = bot::http_client()?;
        self.start_stores(arguments, terminal).await?;
        let shop = self.shop(arguments).await?;
        shop.administer(&program, &["migrate"]).await?;
        terminal.done("database migrated");
        let loaded = arguments.state.join("catalogue-loaded");
        catalogue::load(&shop, &program, &arguments.catalogue, &loaded, terminal).await?;
        self.start_sandboxes(arguments, &sandbox, &shop, &http)
            .await?;
        terminal.done("WhatsApp and Midtrans sandboxes answer");
        for (index, port) in [arguments.ports.bot1, arguments.ports.bot2]
            .into_iter()
            .enumerate()
        {
            let log = arguments.state.join(format!("logs/bot-{}.log", index + 1));
            self.bots.push(shop.serve(&program, port, &log)?);
        }
        for bot in &self.bots {
            bot.ready(&http).await?;
        }
        let control = format!("http://127.0.0.1:{}/control", arguments.ports.phone);
        let answer = http
            .post(format!("{control}/webhooks/verify"))
            .send()
            .await?;
        let failed: Value = serde_json::from_slice(&answer.bytes().await?)?;
        let all = failed["failed"].as_array().is_some_and(Vec::is_empty);
        ensure!(all, "webhooks not verified: {failed}");
        terminal.done("two bots ready, webhooks verified");
        Ok(())
    }

    /// Waits until something that should run ends, and names it.
    pub(crate) async fn first_to_end(&self) -> String {
        loop {
            for (index, bot) in self.bots.iter().enumerate() {
                if !bot.process.is_running() {
                    return format!("bot {}", index + 1);
                }
            }
            for (name, process) in &self.sandboxes {
                if !process.is_running() {
                    return format!("the {name} sandbox");
                }
            }
            tokio::time::sleep(WATCH_INTERVAL).await;
        }
    }

    /// Stops everything in order. What does not stop in time is killed.
    pub(crate) async fn stop(self, terminal: &Terminal) {
        // All at once first, then each is waited for. Errors mean that it is gone already.
        for bot in &self.bots {
            let _ = bot.process.terminate();
        }
        for bot in &self.bots {
            let _ = bot.process.stop(BOT_STOP_LIMIT).await;
        }
        for (_, sandbox) in &self.sandboxes {
            let _ = sandbox.terminate();
        }
        for (_, sandbox) in &self.sandboxes {
            let _ = sandbox.stop(SANDBOX_STOP_LIMIT).await;
        }
        let redis = async {
            match &self.redis {
                Some(redis) => redis.stop_all().await,
                None => Ok(()),
            }
        };
        let postgres = async {
            match &self.postgres {
                Some(postgres) => postgres.stop(StopMode::Fast).await,
                None => Ok(()),
            }
        };
        for result in <[Result<()>; 2]>::from(tokio::join!(redis, postgres)) {
            if let Err(error) = result {
                terminal.fault(&error);
            }
        }
        terminal.done("all stopped");
    }

    async fn start_stores(&mut self, arguments: &Arguments, terminal: &Terminal) -> Result<()> {
        terminal.begun("starting PostgreSQL and six Redis nodes");
        let (ports, state) = (&arguments.ports, &arguments.state);
        let postgres = async {
            let options = PostgresOptions {
                port: Some(ports.postgres),
                ..PostgresOptions::new(state.join("postgres"))
            };
            let postgres = Postgres::start(options).await?;
            let directory = postgres.directory();
            if !directory.starts_with(state.canonicalize()?) {
                // As root; its own user cannot pass through a home directory that is closed.
                terminal.done(&format!(
                    "PostgreSQL keeps its data in {}",
                    directory.display()
                ));
            }
            terminal.done(&format!("PostgreSQL answers on port {}", ports.postgres));
            anyhow::Ok(postgres)
        };
        let redis = async {
            let options = RedisOptions {
                base_port: Some(ports.redis),
                append_only: true,
                ..RedisOptions::new(state.join("redis"))
            };
            let redis = RedisCluster::start(options).await?;
            let last = ports.redis + 5;
            terminal.done(&format!(
                "Redis Cluster agrees on ports {} to {last}",
                ports.redis
            ));
            anyhow::Ok(redis)
        };
        let (postgres, redis) = tokio::join!(postgres, redis);
        // What did start is kept first, so that it is stopped in order.
        let faults = [
            postgres.map(|store| self.postgres = Some(store)).err(),
            redis.map(|store| self.redis = Some(store)).err(),
        ];
        faults.into_iter().flatten().next().map_or(Ok(()), Err)
    }

    async fn shop(&self, arguments: &Arguments) -> Result<Shop> {
        let postgres = self.postgres.as_ref().context("postgres is not started")?;
        let redis = self.redis.as_ref().context("redis is not started")?;
        let secrets = arguments.state.join("secrets");
        if !secrets.join("data-key").exists() {
            // Sealed with a key that is gone: of no use to anybody.
            postgres.drop_database(DATABASE).await?;
        }
        if !postgres.has_database(DATABASE).await? {
            // A catalogue loaded into an earlier database is not in this one.
            let _ = fs::remove_file(arguments.state.join("catalogue-loaded"));
            postgres.create_database(DATABASE).await?;
        }
        let local = |port: u16| format!("http://127.0.0.1:{port}");
        Ok(Shop {
            database_url: postgres.url(DATABASE),
            redis_urls: redis.url_list(),
            name: "toko-sari".to_owned(),
            graph_url: local(arguments.ports.phone),
            phone_number_id: PHONE_NUMBER_ID.to_owned(),
            midtrans_url: local(arguments.ports.pay),
            merchant_id: MERCHANT_ID.to_owned(),
            public_url: local(arguments.ports.bot1),
            secrets: Secrets::kept_in(&secrets)?,
            more: vec![
                ("STAFF_IDENTITIES".to_owned(), STAFF.to_owned()),
                (
                    "PAYMENT_METHODS".to_owned(),
                    "qris,va_bca,va_bri,snap,saldo".to_owned(),
                ),
            ],
        })
    }

    async fn start_sandboxes(
        &mut self,
        arguments: &Arguments,
        path: &std::path::Path,
        shop: &Shop,
        http: &reqwest::Client,
    ) -> Result<()> {
        let ports = &arguments.ports;
        let hooks = |name: &str| {
            [ports.bot1, ports.bot2].map(|port| format!("http://127.0.0.1:{port}/webhooks/{name}"))
        };
        let log = |name: &str| arguments.state.join(format!("logs/{name}.log"));
        let program = |name: &str, port: u16| {
            Program::new(path)
                .clear_environment()
                .envs(shop.secrets.environment())
                .env("SHOP_NAME", "Toko Sari")
                .arg(name)
                .args(["--listen".to_owned(), format!("127.0.0.1:{port}")])
                .log_to(log(name))
        };
        let whatsapp = program("whatsapp", ports.phone)
            .args(["--phone-number-id", PHONE_NUMBER_ID])
            .args(hooks("whatsapp").iter().flat_map(|url| ["--webhook", url]))
            .args(
                CUSTOMERS
                    .iter()
                    .flat_map(|customer| ["--customer", customer]),
            )
            .args(["--customer", &format!("{STAFF}=Sari (staff)")]);
        let midtrans = program("midtrans", ports.pay)
            .args(["--merchant-id", MERCHANT_ID])
            .args(["--notify", &hooks("midtrans").join(",")])
            .args(["--public-url", &format!("http://127.0.0.1:{}", ports.pay)]);
        self.sandboxes.push(("WhatsApp", whatsapp.spawn()?));
        self.sandboxes.push(("Midtrans", midtrans.spawn()?));
        let probes = [
            (ports.phone, "/control/state"),
            (ports.pay, "/control/health"),
        ];
        for ((port, path), (name, process)) in probes.into_iter().zip(&self.sandboxes) {
            answers(http, &format!("http://127.0.0.1:{port}{path}"), process)
                .await
                .with_context(|| format!("the {name} sandbox does not answer"))?;
        }
        Ok(())
    }
}

/// Waits until an address says 200.
async fn answers(http: &reqwest::Client, url: &str, process: &Guarded) -> Result<()> {
    let deadline = tokio::time::Instant::now() + SANDBOX_LIMIT;
    loop {
        match http.get(url).send().await {
            Ok(answer) if answer.status().is_success() => return Ok(()),
            _ => {}
        }
        ensure!(process.is_running(), "it ended; see its log under logs/");
        ensure!(
            tokio::time::Instant::now() < deadline,
            "nothing within {SANDBOX_LIMIT:?}"
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
