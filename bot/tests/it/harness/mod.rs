//! A shop to tell stories in: its database, its bots, its customers and their bank.
//!
//! [`World::ends_well`] closes every story: nothing waits in inbox or outbox, nothing is dead that
//! the story did not announce, and the auditor is content.

mod customer;
pub(crate) mod shop;

use std::{
    path::PathBuf,
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use sqlx::PgPool;
use warung_sandbox::{midtrans, whatsapp};
use warung_testkit::{
    bot::{Bot, Secrets, Shop, http_client},
    eventually, ports, stores,
};

pub(crate) use customer::{Customer, Says};

/// How long a story waits for anything at all.
pub(crate) const PATIENCE: Duration = Duration::from_secs(15);
/// Who gives staff commands.
pub(crate) const STAFF: &str = "6281100000001";

static NUMBERS: AtomicU32 = AtomicU32::new(1);

/// What a story may change about its shop.
pub(crate) struct Plan {
    /// Bots at the start.
    pub(crate) bots: usize,
    /// Environment variables beyond the usual ones.
    pub(crate) environment: Vec<(&'static str, String)>,
    /// The WhatsApp side.
    pub(crate) whatsapp: whatsapp::Config,
    /// The Midtrans side.
    pub(crate) midtrans: midtrans::Config,
    /// A Redis Cluster of the story's own, instead of the shared one.
    pub(crate) redis_urls: Option<String>,
    /// A PostgreSQL of the story's own: the address of an empty database on it.
    pub(crate) database_url: Option<String>,
}

impl Default for Plan {
    fn default() -> Self {
        Self {
            bots: 1,
            environment: Vec::new(),
            whatsapp: whatsapp::Config::default(),
            // A minute of Midtrans' own waits (retries, reversals) is a second of the story's.
            midtrans: midtrans::Config {
                time_scale: 60,
                ..midtrans::Config::default()
            },
            redis_urls: None,
            database_url: None,
        }
    }
}

impl Plan {
    /// The usual shop with this many bots.
    pub(crate) fn bots(bots: usize) -> Self {
        Self {
            bots,
            ..Self::default()
        }
    }

    /// The same with a variable set.
    pub(crate) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.environment.push((name, value.into()));
        self
    }

    /// Opens the shop.
    pub(crate) async fn open(self) -> World {
        World::open(self).await
    }
}

/// A shop with everything around it.
pub(crate) struct World {
    /// The shop's database as its owner has it, for looking and for setting the scene.
    pub(crate) db: PgPool,
    /// Its address for the owner.
    pub(crate) owner_url: String,
    /// WhatsApp.
    pub(crate) whatsapp: whatsapp::Sandbox,
    /// Midtrans.
    pub(crate) midtrans: midtrans::Sandbox,
    /// The bots, in the order they were started; a killed one stays in its place.
    pub(crate) bots: Vec<Bot>,
    /// A client for the bots' own pages.
    pub(crate) http: reqwest::Client,
    pub(crate) shop: Shop,
    pub(crate) directory: PathBuf,
}

impl World {
    /// The usual shop with one bot.
    pub(crate) async fn new() -> Self {
        Plan::default().open().await
    }

    async fn open(plan: Plan) -> Self {
        let stores = stores().await;
        let owner_url = match plan.database_url {
            Some(url) => {
                shop::prepare(url.clone()).await.unwrap();
                url
            }
            None => stores.fresh_database("shop", shop::prepare).await.unwrap(),
        };
        let whatsapp = whatsapp::start(plan.whatsapp.clone()).await.unwrap();
        let midtrans = midtrans::start(plan.midtrans.clone()).await.unwrap();
        let number = NUMBERS.fetch_add(1, Ordering::Relaxed);
        let name = format!("it-{}-{number}", std::process::id());
        let directory = std::env::temp_dir().join("warung-stories").join(&name);
        std::fs::create_dir_all(&directory).unwrap();
        let mut more: Vec<(String, String)> = shop::defaults();
        more.extend(
            plan.environment
                .iter()
                .map(|(name, value)| ((*name).to_owned(), value.clone())),
        );
        let shop = Shop {
            redis_urls: plan.redis_urls.unwrap_or_else(|| stores.redis.url_list()),
            name,
            graph_url: whatsapp.base_url().to_owned(),
            phone_number_id: plan.whatsapp.phone_number_id,
            midtrans_url: midtrans.api_url(),
            merchant_id: plan.midtrans.merchant_id,
            public_url: "http://127.0.0.1:9".to_owned(),
            secrets: Secrets {
                data_key: shop::DATA_KEY.to_owned(),
                app_secret: plan.whatsapp.app_secret,
                access_token: plan.whatsapp.access_token,
                verify_token: plan.whatsapp.verify_token,
                server_key: plan.midtrans.server_key,
            },
            more,
            database_url: shop::as_serving(&owner_url),
        };
        let db = shop::connect(&owner_url).await;
        let http = http_client().unwrap();
        let mut world = Self {
            db,
            owner_url,
            whatsapp,
            midtrans,
            bots: Vec::new(),
            http,
            shop,
            directory,
        };
        for _ in 0..plan.bots {
            world.start_bot().await;
        }
        world
    }

    /// Starts one more bot and waits until it is ready; both sandboxes then use it too.
    pub(crate) async fn start_bot(&mut self) -> &Bot {
        let port = ports::free().unwrap();
        let log = self
            .directory
            .join(format!("bot-{}.log", self.bots.len() + 1));
        let bot = self.shop.serve(&shop::program(), port, &log).unwrap();
        bot.ready(&self.http).await.unwrap();
        self.bots.push(bot);
        self.route_webhooks();
        self.bots.last().unwrap()
    }

    /// Points WhatsApp's webhooks at the bots that run. Midtrans gets a route of its own by
    /// [`Plan::midtrans`] only where a story wants one; else its notifications follow too.
    pub(crate) fn route_webhooks(&self) {
        let running = || self.bots.iter().filter(|bot| bot.process.is_running());
        self.whatsapp
            .set_webhooks(running().map(|bot| bot.url("/webhooks/whatsapp")).collect());
        self.midtrans
            .set_notify(running().map(|bot| bot.url("/webhooks/midtrans")).collect());
    }

    /// Runs an administrator's command and returns what it printed.
    pub(crate) async fn administer(&self, words: &[&str]) -> anyhow::Result<String> {
        self.shop.administer(&shop::program(), words).await
    }

    /// A customer with a number of their own.
    pub(crate) fn customer(&self, name: &str) -> Customer {
        Customer::new(self.whatsapp.customer(&Self::free_number(), name))
    }

    /// A customer who is known to WhatsApp as the story says.
    pub(crate) fn customer_as(&self, profile: whatsapp::Profile) -> Customer {
        Customer::new(self.whatsapp.customer_with(profile))
    }

    /// A phone number that nobody has.
    pub(crate) fn free_number() -> String {
        let number = NUMBERS.fetch_add(1, Ordering::Relaxed);
        format!("62812{number:08}")
    }

    /// The member of staff.
    pub(crate) fn staff(&self) -> Customer {
        Customer::new(self.whatsapp.customer(STAFF, "Bu Sari"))
    }

    /// Gives a customer saldo, as a top-up would.
    pub(crate) async fn give_saldo(&self, customer: &Customer, rupiah: i64) {
        shop::give_saldo(&self.db, customer.wa_id(), rupiah).await;
    }

    /// Sets how many of a physical product there are.
    pub(crate) async fn stock(&self, sku: &str, on_hand: i32) {
        shop::set_stock(&self.db, sku, on_hand).await;
    }

    /// One number out of the database.
    pub(crate) async fn count(&self, sql: &'static str) -> i64 {
        sqlx::query_scalar(sql).fetch_one(&self.db).await.unwrap()
    }

    /// A counter of one bot, summed over its labels; 0 where there is none.
    pub(crate) async fn metric(&self, bot: usize, name: &str) -> i64 {
        let text = self
            .http
            .get(self.bots[bot].url("/metrics"))
            .send()
            .await
            .unwrap();
        let text = text.text().await.unwrap();
        text.lines()
            .filter(|line| line.split(['{', ' ']).next() == Some(name))
            .filter_map(|line| line.rsplit(' ').next()?.parse::<i64>().ok())
            .sum()
    }

    /// Waits until nothing is left to do: every webhook is delivered, inbox and outbox have no work.
    pub(crate) async fn settles(&self) {
        assert!(self.whatsapp.idle(PATIENCE).await, "webhooks still wait");
        eventually(PATIENCE, async || {
            let left: i64 = sqlx::query_scalar(
                "SELECT (SELECT count(*) FROM inbox WHERE state = 'pending')
                      + (SELECT count(*) FROM outbox WHERE state IN ('pending', 'sending'))",
            )
            .fetch_one(&self.db)
            .await
            .map_err(|error| error.to_string())?;
            if left == 0 {
                Ok(())
            } else {
                Err(format!("{left} rows still wait"))
            }
        })
        .await;
    }

    /// The end of every story: all work done, no dead letter, the books in order.
    pub(crate) async fn ends_well(self) {
        self.ends_well_but_for_dead_letters(0).await;
    }

    /// The same for a story in which this many messages die on purpose.
    pub(crate) async fn ends_well_but_for_dead_letters(self, expected: i64) {
        self.settles().await;
        let dead = self
            .count(
                "SELECT (SELECT count(*) FROM inbox WHERE state = 'dead')
                      + (SELECT count(*) FROM outbox WHERE state = 'dead')",
            )
            .await;
        assert_eq!(dead, expected, "dead letters");
        let audit = self.administer(&["audit"]).await;
        assert!(audit.is_ok(), "the books are not in order: {audit:?}");
        for bot in &self.bots {
            let _ = bot.process.stop(Duration::from_secs(10)).await;
        }
        self.db.close().await;
    }
}
