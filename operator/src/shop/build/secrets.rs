//! Secrets: those that are made once and kept, and those that follow from them.

use k8s_openapi::api::core::v1::Secret;
use serde_json::{Value, json};

use super::{
    Site,
    pod::{SECRETS_DIR, SecretFile},
};
use crate::{
    crds::SecretKeyRef,
    redis::config,
    shop::{
        Child,
        apply::{FOR_BACKUPS, KEPT},
        names::{self, keys},
        rotation::Passwords,
        validate::hash_of,
    },
};

/// Port of PostgreSQL.
pub(super) const POSTGRES_PORT: u16 = 5432;
/// Port of Redis.
pub(super) const REDIS_PORT: u16 = 6379;
/// File with the authority that PostgreSQL's certificate is checked against; the same path in all
/// pods, because URLs name it.
const DATABASE_CA: &str = "database-ca.crt";
/// Nodes that bots are told of; they learn of the others by themselves, so that more shards or
/// replicas need no new bots.
const KNOWN_NODES: usize = 3;

/// All Secrets of a shop.
pub(super) fn all(site: &Site) -> Vec<Child> {
    let names = site.names();
    let credentials = site.credentials;
    let data = [(keys::DATA_KEY, credentials.data_key.as_str())];
    let data_key = secret(site, &names.data_key(), "bot", &data);
    let mut all = vec![if backups_need_the_data_key(site) {
        data_key.kept_always()
    } else {
        data_key.kept()
    }];
    all.extend(of_the_database(site));
    all.extend(of_redis(site));
    if let Some(key) = &credentials.backup_key {
        let data = [
            (keys::RECIPIENT, key.recipient.as_str()),
            (keys::IDENTITY, key.identity.as_str()),
        ];
        all.push(secret(site, &names.backup_key(), "backup", &data).kept_always());
    }
    all
}

/// Whether backups are set up, or ever were: what they hold is sealed with the data key, and they
/// stay when the shop goes.
fn backups_need_the_data_key(site: &Site) -> bool {
    let names = site.names();
    let marked = |secret: &Value| secret["metadata"]["annotations"][KEPT] == FOR_BACKUPS;
    site.shop.spec.backup.is_some()
        || !site.found.backups.is_empty()
        || site.found("Secret", &names.backup_key()).is_some()
        || site
            .found("PersistentVolumeClaim", &names.backups())
            .is_some()
        || site.found("Secret", &names.data_key()).is_some_and(marked)
}

fn of_the_database(site: &Site) -> Vec<Child> {
    let names = site.names();
    let Some(made) = &site.credentials.database else {
        return Vec::new();
    };
    let kept = [
        (keys::SUPERUSER_PASSWORD, made.superuser_password.as_str()),
        (keys::OWNER_PASSWORD, made.owner_password.as_str()),
        (keys::BOT_PASSWORD, made.bot_password.as_str()),
        (keys::CA_CERTIFICATE, made.ca_certificate.as_str()),
        (keys::CERTIFICATE, made.certificate.as_str()),
        (keys::CERTIFICATE_KEY, made.certificate_key.as_str()),
    ];
    let url = |role, password: &str| database_url(site, role, password);
    let bot = url(names::BOT_ROLE, &made.bot_password);
    let owner = url(names::OWNER_ROLE, &made.owner_password);
    let mut all = vec![
        secret(site, &names.postgres(), "postgres", &kept).kept(),
        secret(site, &names.database(), "bot", &[(keys::URL, &bot)]),
        secret(
            site,
            &names.database_owner(),
            "postgres",
            &[(keys::URL, &owner)],
        ),
    ];
    if site.shop.spec.database.cloud_native_pg.is_some() {
        let logins = [
            (
                names.database_superuser(),
                "postgres",
                &made.superuser_password,
            ),
            (
                names.database_login(),
                names::OWNER_ROLE,
                &made.owner_password,
            ),
        ];
        all.extend(logins.map(|(name, role, password)| {
            let data = [("username", role), (keys::PASSWORD, password.as_str())];
            let mut login = secret(site, &name, "postgres", &data);
            login.object["type"] = json!("kubernetes.io/basic-auth");
            login
        }));
    }
    all
}

fn database_url(site: &Site, role: &str, password: &str) -> String {
    let names = site.names();
    let host = if site.shop.spec.database.cloud_native_pg.is_some() {
        names.cnpg_host()
    } else {
        names.postgres_host()
    };
    format!(
        "postgres://{role}:{}@{host}:{POSTGRES_PORT}/{}?sslmode=verify-full\
         &sslrootcert={SECRETS_DIR}/{DATABASE_CA}",
        percent_encoded(password),
        names::DATABASE,
    )
}

fn of_redis(site: &Site) -> Vec<Child> {
    let names = site.names();
    let Some(wanted) = &site.credentials.redis_password else {
        return Vec::new();
    };
    let told = site.found("Secret", &names.redis_access());
    let mut passwords = Passwords::read(wanted, told);
    if site.progress.redis_password_due {
        passwords = passwords.advanced();
    }
    let password = passwords.used.as_str();
    let encoded = percent_encoded(password);
    let mut hosts: Vec<String> = (0..KNOWN_NODES)
        .map(|shard| names.redis_host(&format!("{}-0", names.redis_shard(shard))))
        .collect();
    hosts.push(names.host(&names.redis()));
    let user = config::USER;
    let urls: Vec<String> = hosts
        .iter()
        .map(|host| format!("redis://{user}:{encoded}@{host}:{REDIS_PORT}"))
        .collect();
    let urls = urls.join(",");
    let users = config::users_acl(user, &passwords.accepted());
    let login = config::login_conf(user, password);
    let mut access = vec![
        (keys::URLS, urls.as_str()),
        (keys::USERS_ACL, &users),
        (keys::LOGIN_CONF, &login),
        (keys::PASSWORD, password),
    ];
    let previous = passwords.previous.as_deref();
    access.extend(previous.map(|it| (keys::PREVIOUS_PASSWORD, it)));
    vec![
        secret(site, &names.redis(), "redis", &[(keys::PASSWORD, wanted)]).kept(),
        secret(site, &names.redis_access(), "redis", &access),
    ]
}

fn secret(site: &Site, name: &str, component: &str, data: &[(&str, &str)]) -> Child {
    use base64::{Engine, engine::general_purpose::STANDARD};
    let mut encoded = json!({});
    for (key, value) in data {
        encoded[*key] = Value::from(STANDARD.encode(value));
    }
    Child::from_json::<Secret>(json!({
        "metadata": site.metadata(name, component),
        "type": "Opaque",
        "data": encoded,
    }))
}

/// A text for the part of a URL before `@`.
fn percent_encoded(text: &str) -> String {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push('%');
            encoded.push(char::from(DIGITS[usize::from(byte >> 4)]));
            encoded.push(char::from(DIGITS[usize::from(byte & 0xf)]));
        }
    }
    encoded
}

/// A variable of a pod and the Secret that its file comes from.
pub(super) struct SecretVariable {
    /// Its name without `_FILE`.
    pub variable: &'static str,
    /// The file.
    pub file: SecretFile,
}

impl SecretVariable {
    pub(super) fn new(variable: &'static str, secret: &str, key: &str, path: &str) -> Self {
        Self {
            variable,
            file: SecretFile::new(secret, key, path),
        }
    }

    /// `NAME_FILE` and where the file lies.
    pub(super) fn entry(&self) -> Value {
        json!({
            "name": format!("{}_FILE", self.variable),
            "value": format!("{SECRETS_DIR}/{}", self.file.path),
        })
    }
}

/// Which role of the database a pod logs in as.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Login {
    /// The one that serves.
    Bot,
    /// The one that owns the database.
    Owner,
}

/// `DATABASE_URL` of a pod.
pub(super) fn database_variable(site: &Site, login: Login) -> SecretVariable {
    let names = site.names();
    let (secret, key) = match (&site.shop.spec.database.external, login) {
        (Some(external), Login::Bot) => parts(&external.secret_ref),
        (Some(external), Login::Owner) => parts(external.owner()),
        (None, Login::Bot) => (names.database(), keys::URL.to_owned()),
        (None, Login::Owner) => (names.database_owner(), keys::URL.to_owned()),
    };
    SecretVariable::new("DATABASE_URL", &secret, &key, "database-url")
}

fn parts(reference: &SecretKeyRef) -> (String, String) {
    (reference.name.clone(), reference.key.clone())
}

/// The authority of the database's certificate; an external one brings its own in its URL.
pub(super) fn database_ca(site: &Site) -> Option<SecretFile> {
    let database = &site.shop.spec.database;
    let names = site.names();
    let secret = if database.cloud_native_pg.is_some() {
        // CloudNativePG makes this one.
        names.cnpg_ca()
    } else if database.managed.is_some() {
        names.postgres()
    } else {
        return None;
    };
    Some(SecretFile::new(&secret, keys::CA_CERTIFICATE, DATABASE_CA))
}

/// Digest of the Secrets that files come from.
pub(super) fn hash_of_files(site: &Site, files: &[SecretFile]) -> String {
    let mut parts: Vec<String> = Vec::new();
    for file in files {
        parts.push(format!("{}/{}", file.secret, file.key));
        parts.push(site.secret_hash(&file.secret).to_owned());
    }
    let made = all(site);
    for file in files {
        let of = |child: &&Child| child.object["metadata"]["name"] == file.secret.as_str();
        let data = made
            .iter()
            .find(of)
            .map(|s| s.object["data"][&file.key].to_string());
        parts.push(data.unwrap_or_default());
    }
    hash_of(parts.iter().map(String::as_bytes))
}
