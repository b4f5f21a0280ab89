//! The bot's configuration: environment variables and mounted files, read here and nowhere else.
//!
//! Every fault is found in one pass, so that one failed start names them all. Each variable can be
//! given as `NAME` or as `NAME_FILE`, the path of a file that holds the value (a mounted Secret).

mod backup;

use std::{collections::HashMap, fmt, net::SocketAddr, path::Path, str::FromStr, time::Duration};

use base64::{Engine, engine::general_purpose::STANDARD};
use secrecy::SecretString;
use warung_domain::{clock::ShopTimezone, language::Language, payment::PaymentMethod};

pub use backup::{BackupConfig, Destination, Needs};

/// Everything a bot is told from outside.
#[derive(Debug, Clone)]
pub struct Config {
    /// `DATABASE_URL`: the shop's own database.
    pub database_url: SecretString,
    /// `DATABASE_CONNECTIONS`: size of the pool (default 16).
    pub database_connections: u32,
    /// `REDIS_URLS`: nodes of the Redis Cluster, separated by commas. They may hold its password.
    pub redis_urls: Vec<SecretString>,
    /// `REDIS_CA`: the only authorities (PEM) whose certificates the nodes may show; without it
    /// those that the system trusts.
    pub redis_ca: Option<String>,
    /// `LISTEN_ADDR` (default `0.0.0.0:8080`).
    pub listen: SocketAddr,
    /// `PUBLIC_URL`: where customers reach media, without a trailing slash.
    pub public_url: String,
    /// The shop itself.
    pub shop: Shop,
    /// WhatsApp Cloud API.
    pub whatsapp: WhatsApp,
    /// Midtrans.
    pub midtrans: Midtrans,
    /// Limits of purchases and locks.
    pub limits: Limits,
    /// `DATA_KEY`: 32 bytes in base64 that seal digital goods and personal data at rest.
    pub data_key: DataKey,
    /// `STAFF_IDENTITIES`: `wa_id`s or BSUIDs that may give staff commands.
    pub staff: Vec<String>,
    /// `OTEL_EXPORTER_OTLP_ENDPOINT`: traces go here when set.
    pub otlp_endpoint: Option<String>,
}

/// `SHOP_…`
#[derive(Debug, Clone)]
pub struct Shop {
    /// `SHOP_NAME`: the shop's name among others on the same Redis.
    pub name: String,
    /// `SHOP_DISPLAY_NAME`: what customers call the shop, until the setting `shop.name` says
    /// otherwise (default `SHOP_NAME`).
    pub display_name: String,
    /// `SHOP_LANGUAGE`: what a customer is answered in until told otherwise (default `id`).
    pub language: Language,
    /// `SHOP_TIMEZONE` (default `Asia/Jakarta`).
    pub timezone: ShopTimezone,
}

/// `WHATSAPP_…`
#[derive(Debug, Clone)]
pub struct WhatsApp {
    /// `WHATSAPP_GRAPH_URL`, without a trailing slash.
    pub graph_url: String,
    /// `WHATSAPP_GRAPH_VERSION` (default `v26.0`).
    pub version: String,
    /// `WHATSAPP_PHONE_NUMBER_ID`.
    pub phone_number_id: String,
    /// `WHATSAPP_ACCESS_TOKEN`.
    pub access_token: SecretString,
    /// `WHATSAPP_APP_SECRET`: one, or two separated by a comma while rotating.
    pub app_secrets: Vec<SecretString>,
    /// `WHATSAPP_VERIFY_TOKEN`.
    pub verify_token: SecretString,
    /// `WHATSAPP_MESSAGES_PER_SECOND`: throughput of the number (default 80, Meta's own).
    pub messages_per_second: u32,
}

/// `MIDTRANS_…` and `PAYMENT_METHODS`
#[derive(Debug, Clone)]
pub struct Midtrans {
    /// `MIDTRANS_SNAP_URL`, without a trailing slash.
    pub snap_url: String,
    /// `MIDTRANS_API_URL`, without a trailing slash.
    pub api_url: String,
    /// `MIDTRANS_SERVER_KEY`.
    pub server_key: SecretString,
    /// `MIDTRANS_MERCHANT_ID`: what every status must carry.
    pub merchant_id: String,
    /// `PAYMENT_METHODS`: what customers may choose from, in this order.
    pub methods: Vec<PaymentMethod>,
}

/// Limits of purchases and locks.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// `TRANSACTION_LIMIT`: purchases per customer and window (default 3).
    pub transactions: u32,
    /// `TRANSACTION_WINDOW` (default `60s`).
    pub window: Duration,
    /// `LOCK_TTL` (default `30s`).
    pub lock_ttl: Duration,
    /// `BURST_WINDOW`: texts that follow each other faster than this are answered as one
    /// (default `1200ms`; `0s` answers each at once).
    pub burst_window: Duration,
}

/// What a bot process does. All roles in one process, or apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Role {
    /// Takes webhooks.
    Ingress,
    /// Answers, sends, sweeps.
    Worker,
}

/// 32 secret bytes that never appear in a log.
#[derive(Clone)]
pub struct DataKey(pub [u8; 32]);

impl fmt::Debug for DataKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DataKey(…)")
    }
}

/// One thing that is wrong with the configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The variable.
    pub variable: String,
    /// What is wrong with it and what it should be; never its value.
    pub reason: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.variable, self.reason)
    }
}

impl Config {
    /// Reads the process environment.
    ///
    /// # Errors
    /// All faults at once.
    pub fn from_env() -> Result<Self, Vec<Fault>> {
        Self::from_variables(std::env::vars().collect())
    }

    /// Reads the given variables.
    ///
    /// # Errors
    /// All faults at once.
    pub fn from_variables(variables: HashMap<String, String>) -> Result<Self, Vec<Fault>> {
        let mut source = Source {
            variables,
            faults: Vec::new(),
        };
        let config = Self::read(&mut source);
        match config {
            Some(config) if source.faults.is_empty() => Ok(config),
            _ => Err(source.faults),
        }
    }

    fn read(source: &mut Source) -> Option<Self> {
        // Each is read before any `?`, so that every fault is found.
        let database_url = database_url(source);
        let database_connections = source.or_default("DATABASE_CONNECTIONS", "16", whole_number);
        let redis_urls = source.required("REDIS_URLS", |value| list(value, redis_url));
        let redis_ca = source.optional("REDIS_CA", text);
        let listen = source.or_default("LISTEN_ADDR", "0.0.0.0:8080", |value| {
            value
                .parse::<SocketAddr>()
                .map_err(|_| "must be an address like 0.0.0.0:8080".into())
        });
        let public_url = source.required("PUBLIC_URL", http_url);
        let shop = Shop::read(source);
        let whatsapp = WhatsApp::read(source);
        let midtrans = Midtrans::read(source);
        let limits = Limits::read(source);
        let data_key = source.required("DATA_KEY", data_key);
        let staff = source.or_default("STAFF_IDENTITIES", "", |value| {
            Ok(split(value).map(str::to_owned).collect())
        });
        let otlp_endpoint = source.optional("OTEL_EXPORTER_OTLP_ENDPOINT", http_url);
        Some(Self {
            database_url: database_url?,
            database_connections: database_connections?,
            redis_urls: redis_urls?,
            redis_ca,
            listen: listen?,
            public_url: public_url?,
            shop: shop?,
            whatsapp: whatsapp?,
            midtrans: midtrans?,
            limits: limits?,
            data_key: data_key?,
            staff: staff?,
            otlp_endpoint,
        })
    }
}

/// The few variables that the commands of an administrator need.
#[derive(Debug, Clone)]
pub struct AdminConfig {
    /// `DATABASE_URL`.
    pub database_url: SecretString,
    /// `DATA_KEY`, where given.
    pub data_key: Option<DataKey>,
    /// `TRANSACTION_LIMIT`, by which purchases are audited.
    pub transactions: u32,
    /// `TRANSACTION_WINDOW`.
    pub window: Duration,
}

impl AdminConfig {
    /// Reads the process environment.
    ///
    /// # Errors
    /// All faults at once.
    pub fn from_env() -> Result<Self, Vec<Fault>> {
        let mut source = Source {
            variables: std::env::vars().collect(),
            faults: Vec::new(),
        };
        let database_url = database_url(&mut source);
        let data_key = source.optional("DATA_KEY", data_key);
        let transactions = transactions(&mut source);
        let window = window(&mut source);
        match (database_url, transactions, window) {
            (Some(database_url), Some(transactions), Some(window)) if source.faults.is_empty() => {
                Ok(Self {
                    database_url,
                    data_key,
                    transactions,
                    window,
                })
            }
            _ => Err(source.faults),
        }
    }
}

impl Shop {
    fn read(source: &mut Source) -> Option<Self> {
        let name = source.required("SHOP_NAME", |value| {
            let is_name = value.len() <= 63 && !value.contains(['{', '}', ':']);
            if is_name && !value.trim().is_empty() {
                Ok(value.to_owned())
            } else {
                Err("must have 1 to 63 bytes and none of `{`, `}`, `:`".into())
            }
        });
        let display_name = source.raw("SHOP_DISPLAY_NAME");
        let display_name = match display_name {
            // Whatever is wrong with the name is told of the name alone.
            None => name.clone(),
            Some(value) => source.parsed("SHOP_DISPLAY_NAME", &value, |value| {
                if value.trim().is_empty() || value.chars().count() > 60 {
                    Err("must have 1 to 60 characters".into())
                } else {
                    Ok(value.to_owned())
                }
            }),
        };
        let language = source.or_default("SHOP_LANGUAGE", "id", |value| {
            Language::parse(value).ok_or_else(|| "must be id or en".to_owned())
        });
        let timezone = source.or_default("SHOP_TIMEZONE", "Asia/Jakarta", |value| {
            ShopTimezone::parse(value).map_err(|_| "must be an IANA time zone".to_owned())
        });
        Some(Self {
            name: name?,
            display_name: display_name?,
            language: language?,
            timezone: timezone?,
        })
    }
}

impl WhatsApp {
    fn read(source: &mut Source) -> Option<Self> {
        let graph_url = source.required("WHATSAPP_GRAPH_URL", http_url);
        let version = source.or_default("WHATSAPP_GRAPH_VERSION", "v26.0", text);
        let phone_number_id = source.required("WHATSAPP_PHONE_NUMBER_ID", text);
        let access_token = source.required("WHATSAPP_ACCESS_TOKEN", secret);
        let app_secrets = source.required("WHATSAPP_APP_SECRET", |value| {
            let secrets = list(value, secret)?;
            if secrets.len() <= 2 {
                Ok(secrets)
            } else {
                Err("takes at most two secrets".into())
            }
        });
        let verify_token = source.required("WHATSAPP_VERIFY_TOKEN", secret);
        let messages_per_second =
            source.or_default("WHATSAPP_MESSAGES_PER_SECOND", "80", whole_number);
        Some(Self {
            graph_url: graph_url?,
            version: version?,
            phone_number_id: phone_number_id?,
            access_token: access_token?,
            app_secrets: app_secrets?,
            verify_token: verify_token?,
            messages_per_second: messages_per_second?,
        })
    }
}

impl Midtrans {
    fn read(source: &mut Source) -> Option<Self> {
        let snap_url = source.required("MIDTRANS_SNAP_URL", http_url);
        let api_url = source.required("MIDTRANS_API_URL", http_url);
        let server_key = source.required("MIDTRANS_SERVER_KEY", secret);
        let merchant_id = source.required("MIDTRANS_MERCHANT_ID", text);
        let methods = source.or_default("PAYMENT_METHODS", "qris,va_bca,snap,saldo", |value| {
            list(value, |name| {
                PaymentMethod::parse(name).ok_or_else(|| {
                    let known = PaymentMethod::ALL.map(|method| method.to_string());
                    format!("must be some of {}, separated by commas", known.join(", "))
                })
            })
        });
        Some(Self {
            snap_url: snap_url?,
            api_url: api_url?,
            server_key: server_key?,
            merchant_id: merchant_id?,
            methods: methods?,
        })
    }
}

impl Limits {
    fn read(source: &mut Source) -> Option<Self> {
        let transactions = transactions(source);
        let window = window(source);
        let lock_ttl = source.or_default("LOCK_TTL", "30s", |value| {
            let ttl = positive_duration(value)?;
            if ttl >= MIN_LOCK_TTL {
                Ok(ttl)
            } else {
                Err("must be at least 10s".into())
            }
        });
        let burst_window = source.or_default("BURST_WINDOW", "1200ms", duration);
        Some(Self {
            transactions: transactions?,
            window: window?,
            lock_ttl: lock_ttl?,
            burst_window: burst_window?,
        })
    }
}

/// A lock must outlive its work budget of 5 s with room for clock drift.
const MIN_LOCK_TTL: Duration = Duration::from_secs(10);

struct Source {
    variables: HashMap<String, String>,
    faults: Vec<Fault>,
}

impl Source {
    /// The value of `NAME`, or what the file named by `NAME_FILE` holds.
    fn raw(&mut self, name: &str) -> Option<String> {
        let file_variable = format!("{name}_FILE");
        if let Some(path) = self.variables.get(&file_variable) {
            return match std::fs::read_to_string(Path::new(path)) {
                Ok(value) => Some(value.trim_end().to_owned()).filter(|value| !value.is_empty()),
                Err(error) => {
                    // Not the path: it may be the secret itself, written where its file belongs.
                    let reason = format!("names a file that cannot be read: {error}");
                    self.faults.push(Fault {
                        variable: file_variable,
                        reason,
                    });
                    None
                }
            };
        }
        self.variables
            .get(name)
            .filter(|value| !value.is_empty())
            .cloned()
    }

    fn parsed<T>(
        &mut self,
        name: &str,
        value: &str,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> Option<T> {
        parse(value)
            .map_err(|reason| {
                self.faults.push(Fault {
                    variable: name.to_owned(),
                    reason,
                });
            })
            .ok()
    }

    fn required<T>(&mut self, name: &str, parse: impl Fn(&str) -> Result<T, String>) -> Option<T> {
        let faults = self.faults.len();
        if let Some(value) = self.raw(name) {
            return self.parsed(name, &value, parse);
        }
        // An unreadable file was already reported; "missing" would only confuse.
        if self.faults.len() == faults {
            let reason = "is missing".to_owned();
            self.faults.push(Fault {
                variable: name.to_owned(),
                reason,
            });
        }
        None
    }

    fn or_default<T>(
        &mut self,
        name: &str,
        default: &str,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> Option<T> {
        let value = self.raw(name).unwrap_or_else(|| default.to_owned());
        self.parsed(name, &value, parse)
    }

    fn optional<T>(&mut self, name: &str, parse: impl Fn(&str) -> Result<T, String>) -> Option<T> {
        self.raw(name)
            .and_then(|value| self.parsed(name, &value, parse))
    }
}

fn database_url(source: &mut Source) -> Option<SecretString> {
    source.required("DATABASE_URL", |value| {
        if value.starts_with("postgres://") || value.starts_with("postgresql://") {
            Ok(SecretString::from(value))
        } else {
            Err("must be a postgres:// URL".into())
        }
    })
}

fn transactions(source: &mut Source) -> Option<u32> {
    source.or_default("TRANSACTION_LIMIT", "3", whole_number)
}

fn window(source: &mut Source) -> Option<Duration> {
    source.or_default("TRANSACTION_WINDOW", "60s", positive_duration)
}

fn split(value: &str) -> impl Iterator<Item = &str> {
    value
        .split(',')
        .map(str::trim)
        .filter(|part| !part.is_empty())
}

fn list<T>(value: &str, parse: impl Fn(&str) -> Result<T, String>) -> Result<Vec<T>, String> {
    let parts = split(value).map(parse).collect::<Result<Vec<_>, _>>()?;
    if parts.is_empty() {
        Err("is empty".into())
    } else {
        Ok(parts)
    }
}

#[expect(clippy::unnecessary_wraps, reason = "it is one of the parsers")]
fn text(value: &str) -> Result<String, String> {
    Ok(value.to_owned())
}

#[expect(clippy::unnecessary_wraps, reason = "it is one of the parsers")]
fn secret(value: &str) -> Result<SecretString, String> {
    Ok(SecretString::from(value))
}

fn redis_url(value: &str) -> Result<SecretString, String> {
    if value.starts_with("redis://") || value.starts_with("rediss://") {
        Ok(SecretString::from(value))
    } else {
        Err("must be redis:// or rediss:// URLs, separated by commas".into())
    }
}

fn http_url(value: &str) -> Result<String, String> {
    match reqwest::Url::parse(value) {
        Ok(url) if matches!(url.scheme(), "http" | "https") => {
            Ok(value.trim_end_matches('/').to_owned())
        }
        _ => Err("must be an http:// or https:// URL".into()),
    }
}

fn whole_number(value: &str) -> Result<u32, String> {
    match u32::from_str(value) {
        Ok(number) if number > 0 => Ok(number),
        _ => Err("must be a whole number of at least 1".into()),
    }
}

fn duration(value: &str) -> Result<Duration, String> {
    let unit_at = value
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(value.len());
    let (number, unit) = value.split_at(unit_at);
    let per_unit_ms = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        _ => return Err("must be a duration like 500ms, 60s or 5m".into()),
    };
    number
        .parse::<u64>()
        .ok()
        .and_then(|number| number.checked_mul(per_unit_ms))
        .map(Duration::from_millis)
        .ok_or_else(|| "must be a duration like 500ms, 60s or 5m".into())
}

fn positive_duration(value: &str) -> Result<Duration, String> {
    let parsed = duration(value)?;
    if parsed.is_zero() {
        Err("must be longer than zero".into())
    } else {
        Ok(parsed)
    }
}

fn data_key(value: &str) -> Result<DataKey, String> {
    STANDARD
        .decode(value)
        .ok()
        .and_then(|bytes| <[u8; 32]>::try_from(bytes).ok())
        .map(DataKey)
        .ok_or_else(|| "must be 32 bytes in base64".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn complete() -> HashMap<String, String> {
        [
            ("DATABASE_URL", "postgres://warung@127.0.0.1/warung"),
            (
                "REDIS_URLS",
                "redis://127.0.0.1:7000,redis://127.0.0.1:7001",
            ),
            ("PUBLIC_URL", "https://toko.example/"),
            ("SHOP_NAME", "toko-sari"),
            ("WHATSAPP_GRAPH_URL", "https://graph.example"),
            ("WHATSAPP_PHONE_NUMBER_ID", "1001"),
            ("WHATSAPP_ACCESS_TOKEN", "token"),
            ("WHATSAPP_APP_SECRET", "old,new"),
            ("WHATSAPP_VERIFY_TOKEN", "verify"),
            ("MIDTRANS_SNAP_URL", "https://snap.example"),
            ("MIDTRANS_API_URL", "https://api.example"),
            ("MIDTRANS_SERVER_KEY", "key"),
            ("MIDTRANS_MERCHANT_ID", "G1"),
            ("DATA_KEY", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into()
    }

    #[test]
    fn a_complete_environment_is_accepted_with_its_defaults() {
        let config = Config::from_variables(complete()).unwrap();
        assert_eq!(config.limits.transactions, 3);
        assert_eq!(config.limits.window, Duration::from_mins(1));
        assert_eq!(config.whatsapp.app_secrets.len(), 2);
        assert_eq!(config.public_url, "https://toko.example");
    }

    #[test]
    fn every_fault_is_named_at_once_and_no_value_is_shown() {
        let mut variables = complete();
        variables.remove("DATABASE_URL");
        variables.insert("DATA_KEY".into(), "hunter2".into());
        variables.insert("LOCK_TTL".into(), "1s".into());
        variables.insert("PAYMENT_METHODS".into(), "qris,barter".into());
        variables.insert("MIDTRANS_SERVER_KEY_FILE".into(), "/nonexistent/key".into());
        let faults = Config::from_variables(variables).unwrap_err();
        let named: Vec<&str> = faults.iter().map(|fault| fault.variable.as_str()).collect();
        assert_eq!(
            named,
            [
                "DATABASE_URL",
                "MIDTRANS_SERVER_KEY_FILE",
                "PAYMENT_METHODS",
                "LOCK_TTL",
                "DATA_KEY"
            ]
        );
        assert!(
            !faults
                .iter()
                .any(|fault| fault.to_string().contains("hunter2"))
        );
    }

    #[test]
    fn a_secret_in_the_place_of_its_file_or_of_a_method_is_not_shown() {
        let mut variables = complete();
        variables.insert("MIDTRANS_SERVER_KEY_FILE".into(), "hunter2".into());
        variables.insert("PAYMENT_METHODS".into(), "qris,hunter2".into());
        let faults = Config::from_variables(variables).unwrap_err();
        assert_eq!(faults.len(), 2);
        assert!(!format!("{faults:?}").contains("hunter2"));
    }

    #[test]
    fn a_shop_s_name_serves_as_its_display_name_and_its_fault_is_told_once() {
        let mut variables = complete();
        variables.insert("SHOP_NAME".into(), "t".repeat(63));
        let config = Config::from_variables(variables.clone()).unwrap();
        assert_eq!(config.shop.display_name, config.shop.name);
        for wrong in ["", "  ", "a:b"] {
            variables.insert("SHOP_NAME".into(), wrong.into());
            let faults = Config::from_variables(variables.clone()).unwrap_err();
            assert_eq!(faults.len(), 1, "{faults:?}");
        }
    }
}
