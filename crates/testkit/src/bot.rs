//! The program `warung-bot` as the demo, the benchmark and tests start it.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, anyhow, ensure};
use rand::RngExt;
use warung_sandbox::{midtrans, whatsapp};

use crate::eventually::within;
use crate::process::{Guarded, Program, Signal};
use crate::{Postgres, RedisCluster};

/// How long a bot may take until it is ready.
const READY_LIMIT: Duration = Duration::from_secs(20);
/// How long an idle connection is kept: shorter than the 30 s after which bots and sandboxes close
/// theirs, so that no request is sent into a connection that is just being closed.
const IDLE_LIMIT: Duration = Duration::from_secs(10);
/// The columns of a file of products.
const PRODUCT_COLUMNS: &str = "sku,category,name_id,name_en,description_id,description_en,\
                               price,reseller_price,stock,kind,weight_grams,image";
/// How long a probe may take.
const PROBE_LIMIT: Duration = Duration::from_secs(2);

/// What all bots of one shop are told; see the bot's configuration for each variable.
#[derive(Clone, Debug)]
pub struct Shop {
    /// `DATABASE_URL`.
    pub database_url: String,
    /// `REDIS_URLS`.
    pub redis_urls: String,
    /// `SHOP_NAME`.
    pub name: String,
    /// `WHATSAPP_GRAPH_URL`.
    pub graph_url: String,
    /// `WHATSAPP_PHONE_NUMBER_ID`.
    pub phone_number_id: String,
    /// `MIDTRANS_SNAP_URL` and `MIDTRANS_API_URL`.
    pub midtrans_url: String,
    /// `MIDTRANS_MERCHANT_ID`.
    pub merchant_id: String,
    /// `PUBLIC_URL`.
    pub public_url: String,
    /// Keys and passwords.
    pub secrets: Secrets,
    /// Further variables, such as limits.
    pub more: Vec<(String, String)>,
}

/// The secrets of one shop.
#[derive(Clone, Debug)]
pub struct Secrets {
    /// `DATA_KEY`: 32 bytes in base64.
    pub data_key: String,
    /// `WHATSAPP_APP_SECRET`.
    pub app_secret: String,
    /// `WHATSAPP_ACCESS_TOKEN`.
    pub access_token: String,
    /// `WHATSAPP_VERIFY_TOKEN`.
    pub verify_token: String,
    /// `MIDTRANS_SERVER_KEY`.
    pub server_key: String,
}

impl Secrets {
    /// New secrets.
    pub fn random() -> Self {
        let mut random = rand::rng();
        let mut token = |prefix: &str| format!("{prefix}{:032x}", random.random::<u128>());
        let (app_secret, access_token) = (token(""), token("EAA"));
        let (verify_token, server_key) = (token(""), token("SB-Mid-server-"));
        let key: [u8; 32] = random.random();
        let data_key = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, key);
        Self {
            data_key,
            app_secret,
            access_token,
            verify_token,
            server_key,
        }
    }

    /// Reads the secrets kept in a directory; what is not there yet is made and kept.
    ///
    /// # Errors
    /// When the directory cannot be read or written.
    pub fn kept_in(directory: &Path) -> Result<Self> {
        let fresh = Self::random();
        let keep = |name: &str, fresh: String| keep(&directory.join(name), fresh);
        Ok(Self {
            data_key: keep("data-key", fresh.data_key)?,
            app_secret: keep("whatsapp-app-secret", fresh.app_secret)?,
            access_token: keep("whatsapp-access-token", fresh.access_token)?,
            verify_token: keep("whatsapp-verify-token", fresh.verify_token)?,
            server_key: keep("midtrans-server-key", fresh.server_key)?,
        })
    }

    /// The variables by which bots and sandboxes take them.
    pub fn environment(&self) -> [(&'static str, &str); 5] {
        [
            ("DATA_KEY", &self.data_key),
            ("WHATSAPP_APP_SECRET", &self.app_secret),
            ("WHATSAPP_ACCESS_TOKEN", &self.access_token),
            ("WHATSAPP_VERIFY_TOKEN", &self.verify_token),
            ("MIDTRANS_SERVER_KEY", &self.server_key),
        ]
    }
}

impl Shop {
    /// A shop named as its database, on these stores and between the two sandboxes.
    pub fn between(
        database: &str,
        postgres: &Postgres,
        redis: &RedisCluster,
        (whatsapp, midtrans): (&whatsapp::Sandbox, &midtrans::Sandbox),
        secrets: Secrets,
    ) -> Self {
        Self {
            database_url: postgres.url(database),
            redis_urls: redis.url_list(),
            name: database.to_owned(),
            graph_url: whatsapp.base_url().to_owned(),
            phone_number_id: whatsapp::Config::default().phone_number_id,
            midtrans_url: midtrans.api_url(),
            merchant_id: midtrans::Config::default().merchant_id,
            public_url: whatsapp.base_url().to_owned(),
            secrets,
            more: Vec::new(),
        }
    }

    /// The same with one more variable.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.more.push((name.to_owned(), value.into()));
        self
    }

    /// Imports products from the rows of a CSV file, which is written into `directory`.
    ///
    /// # Errors
    /// When the file cannot be written or the import fails.
    pub async fn import(&self, program: &Path, directory: &Path, rows: &str) -> Result<()> {
        let file = directory.join("products.csv");
        std::fs::write(&file, format!("{PRODUCT_COLUMNS}\n{rows}"))?;
        let file = file.to_string_lossy();
        self.administer(program, &["products", "import", &file, "--apply"])
            .await?;
        Ok(())
    }

    /// Adds units of a digital product, one a line of a file written into `directory`.
    ///
    /// # Errors
    /// When the file cannot be written or the units are refused.
    pub async fn add_units(
        &self,
        program: &Path,
        directory: &Path,
        sku: &str,
        units: &[String],
    ) -> Result<()> {
        let file = directory.join(format!("{sku}.txt"));
        std::fs::write(&file, units.join("\n"))?;
        let file = file.to_string_lossy();
        self.administer(program, &["products", "add-units", sku, &file])
            .await?;
        Ok(())
    }

    /// The bot as a program with this shop's environment and nothing of ours, without arguments.
    pub fn program(&self, path: &Path) -> Program {
        Program::new(path)
            .clear_environment()
            .env("DATABASE_URL", &self.database_url)
            .env("REDIS_URLS", &self.redis_urls)
            .env("SHOP_NAME", &self.name)
            .env("WHATSAPP_GRAPH_URL", &self.graph_url)
            .env("WHATSAPP_PHONE_NUMBER_ID", &self.phone_number_id)
            .env("MIDTRANS_SNAP_URL", &self.midtrans_url)
            .env("MIDTRANS_API_URL", &self.midtrans_url)
            .env("MIDTRANS_MERCHANT_ID", &self.merchant_id)
            .env("PUBLIC_URL", &self.public_url)
            .envs(self.secrets.environment())
            .envs(self.more.iter().map(|(name, value)| (name, value)))
    }

    /// Starts `warung-bot serve` on a port of the loopback interface.
    ///
    /// # Errors
    /// When the program cannot be started.
    pub fn serve(&self, path: &Path, port: u16, log: &Path) -> Result<Bot> {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let program = self
            .program(path)
            .arg("serve")
            .env("LISTEN_ADDR", address.to_string())
            // Orphaned by a crash of ours, it finishes what it has in hand.
            .dies_by(Signal::TERM)
            .log_to(log);
        Ok(Bot {
            port,
            log: log.to_owned(),
            process: program.spawn()?,
        })
    }

    /// Runs an administrator's command of the bot to its end and returns what it printed.
    ///
    /// # Errors
    /// When it cannot be started or fails; the message has what it printed.
    pub async fn administer(&self, path: &Path, words: &[&str]) -> Result<String> {
        let (status, text) = self.program(path).args(words).run_to_end().await?;
        ensure!(
            status.success(),
            "warung-bot {}: {status}\n{}",
            words.join(" "),
            text.trim_end()
        );
        Ok(text)
    }
}

/// A running bot.
#[derive(Debug)]
pub struct Bot {
    /// Its port on the loopback interface.
    pub port: u16,
    /// Where it logs.
    pub log: PathBuf,
    /// The process.
    pub process: Guarded,
}

impl Bot {
    /// An address of the bot, such as `bot.url("/metrics")`.
    pub fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    /// Waits until `/readyz` says 200.
    ///
    /// # Errors
    /// When the bot ends or is not ready in time; the message has the end of its log.
    pub async fn ready(&self, http: &reqwest::Client) -> Result<()> {
        let probed = within(READY_LIMIT, async || {
            if !self.process.is_running() {
                return Ok(Err(anyhow!("it ended")));
            }
            let answer = http
                .get(self.url("/readyz"))
                .timeout(PROBE_LIMIT)
                .send()
                .await?;
            ensure!(
                answer.status().is_success(),
                "/readyz says {}",
                answer.status()
            );
            Ok(Ok(()))
        });
        let ready = probed
            .await
            .map_err(|reason| anyhow!(reason))
            .and_then(|answer| answer);
        ready.with_context(|| {
            let log = self.log.display();
            format!(
                "the bot on port {} is not ready; {log} ends with:\n{}",
                self.port,
                self.tail()
            )
        })
    }

    fn tail(&self) -> String {
        let text = std::fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(8)..].join("\n")
    }
}

/// A program built next to ours.
///
/// # Errors
/// When it is not there; the message says how to build it.
pub fn sibling(name: &str) -> Result<PathBuf> {
    let ours = std::env::current_exe()?;
    // Test binaries lie one directory deeper, in `deps`.
    let near = ours
        .ancestors()
        .skip(1)
        .take(2)
        .map(|directory| directory.join(name));
    let found = near.into_iter().find(|path| path.is_file());
    found.with_context(|| {
        format!("{name} is not built: run `cargo build --workspace --bins` with the same profile")
    })
}

/// An HTTP client for loopback: no proxy, no redirects.
///
/// # Errors
/// When the TLS backend cannot be set up.
pub fn http_client() -> Result<reqwest::Client> {
    // Someone may have installed a provider already, which is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Ok(reqwest::Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .pool_idle_timeout(IDLE_LIMIT)
        .build()?)
}

fn keep(file: &Path, fresh: String) -> Result<String> {
    use std::io::Write;
    use std::os::unix::fs::OpenOptionsExt;

    if let Ok(kept) = std::fs::read_to_string(file) {
        return Ok(kept.trim_end().to_owned());
    }
    let mut options = std::fs::File::options();
    let mut created = options
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(file)
        .with_context(|| format!("create {}", file.display()))?;
    created.write_all(fresh.as_bytes())?;
    Ok(fresh)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_made_once_and_kept_for_the_owner_only() {
        use std::os::unix::fs::PermissionsExt;

        let directory = tempfile::tempdir().unwrap();
        let first = Secrets::kept_in(directory.path()).unwrap();
        let second = Secrets::kept_in(directory.path()).unwrap();
        assert_eq!(first.environment(), second.environment());
        let file = directory.path().join("data-key");
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(first.data_key.len(), 44);
    }
}
