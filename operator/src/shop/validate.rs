//! What is wrong with a manifest and with what it names, or all that `build` needs to know. Pure.
//!
//! The API server has already checked the manifest by itself (schema and CEL rules). Left are the
//! Secrets that it names, the kinds that the cluster must have, and the images that it leaves out.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    str::FromStr,
};

use kube::ResourceExt;
use sha2::{Digest, Sha256};
use sqlx::postgres::PgConnectOptions;

use super::{
    Defaults, Found,
    build::POSTGRES_IMAGE,
    names::{Names, keys},
};
use crate::crds::{SecretKeyRef, WhatsAppShop, WhatsAppShopSpec};

/// A shop's manifest with everything resolved.
#[derive(Clone, Debug, PartialEq)]
pub struct Validated {
    /// Names of its children.
    pub names: Names,
    /// The manifest.
    pub spec: WhatsAppShopSpec,
    /// Image of the bots; they run it once the database is migrated for it.
    pub bot_image: String,
    /// Image of the managed PostgreSQL.
    pub postgres_image: String,
    /// Image of the managed Redis.
    pub redis_image: String,
    /// Image of Jobs that need the programs of PostgreSQL.
    pub backup_image: String,
    /// A digest of what the manifest's Secrets say, by name: pods that use them are replaced when
    /// it changes.
    pub secret_hashes: BTreeMap<String, String>,
    /// What the external database's URL says, without its password.
    pub external_database: Option<ExternalAddress>,
    /// Ports of the external Redis Cluster's nodes.
    pub external_redis_ports: BTreeSet<u16>,
    /// What is missing but holds nothing else up.
    pub warnings: Vec<Fault>,
}

/// Where an external PostgreSQL is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExternalAddress {
    /// The port that the bots connect to.
    pub port: u16,
    /// The port that the owner connects to, which a pooler in front of the bots may make another.
    pub owner_port: u16,
    /// The role that the bots log in as.
    pub bot_role: String,
    /// The role that migrates.
    pub owner_role: String,
}

/// Something that a person has to mend. Its text says what, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// A field says what cannot be.
    Field {
        /// Its path below `spec`.
        field: String,
        /// What is wrong and what to do.
        problem: String,
    },
    /// The cluster lacks a kind that a field asks for.
    Kind {
        /// Its path below `spec`.
        field: String,
        /// The kind.
        kind: &'static str,
        /// What brings it.
        install: &'static str,
    },
    /// A Secret does not exist.
    SecretMissing {
        /// The field that names it.
        field: String,
        /// Its name.
        secret: String,
        /// The keys it must have.
        keys: Vec<String>,
    },
    /// A Secret lacks a key, or the key is empty.
    KeyMissing {
        /// The field that names it.
        field: String,
        /// Name of the Secret.
        secret: String,
        /// The key.
        key: String,
    },
    /// A key of a Secret holds what cannot be used. Its value is never shown.
    KeyUnusable {
        /// Name of the Secret.
        secret: String,
        /// The key.
        key: String,
        /// What it must be.
        must: &'static str,
    },
}

impl Fault {
    /// Whether it is about a Secret (`SecretsFound`), not the manifest (`ManifestValid`).
    pub fn is_about_a_secret(&self) -> bool {
        match self {
            Self::Field { .. } | Self::Kind { .. } => false,
            Self::SecretMissing { .. } | Self::KeyMissing { .. } | Self::KeyUnusable { .. } => true,
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Field { field, problem } => write!(f, "spec.{field}: {problem}"),
            Self::Kind {
                field,
                kind,
                install,
            } => write!(
                f,
                "spec.{field} needs the kind {kind}, which this cluster does not have: \
                 install {install}"
            ),
            Self::SecretMissing {
                field,
                secret,
                keys,
            } => write!(
                f,
                "Secret {secret} (spec.{field}) does not exist: create it with the keys {}",
                keys.join(", ")
            ),
            Self::KeyMissing { field, secret, key } => write!(
                f,
                "Secret {secret} (spec.{field}) has no key {key}, or it is empty: add it"
            ),
            Self::KeyUnusable { secret, key, must } => {
                write!(f, "key {key} of Secret {secret} must {must}")
            }
        }
    }
}

/// A Secret that a manifest names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    /// The field that names it, below `spec`.
    pub field: &'static str,
    /// Its name.
    pub secret: String,
    /// The keys that are used, each with what it must hold.
    pub keys: Vec<(String, Content)>,
}

/// What a key of a Secret must hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content {
    /// One line of text.
    Line,
    /// One or two texts, separated by a comma.
    OneOrTwo,
    /// `postgres://…`
    PostgresUrl,
    /// `redis://…` or `rediss://…`, separated by commas.
    RedisUrls,
    /// `rediss://…`, separated by commas: the manifest names an authority.
    RedisTlsUrls,
    /// Certificates in PEM.
    Certificates,
    /// age secret keys, one a line.
    AgeIdentities,
}

fn whole(field: &'static str, secret: &str, keys: &[(&str, Content)]) -> Reference {
    Reference {
        field,
        secret: secret.to_owned(),
        keys: keys.iter().map(|(k, c)| ((*k).to_owned(), *c)).collect(),
    }
}

fn one(field: &'static str, secret: &SecretKeyRef, content: Content) -> Reference {
    whole(field, &secret.name, &[(secret.key.as_str(), content)])
}

/// Every Secret that a manifest names and a shop cannot do without.
pub fn references(spec: &WhatsAppShopSpec) -> Vec<Reference> {
    let mut all = vec![
        whole(
            "whatsapp.cloud.secretRef",
            &spec.whatsapp.cloud.secret_ref.name,
            &[
                (keys::ACCESS_TOKEN, Content::Line),
                (keys::APP_SECRET, Content::OneOrTwo),
                (keys::VERIFY_TOKEN, Content::Line),
            ],
        ),
        whole(
            "payments.midtrans.secretRef",
            &spec.payments.midtrans.secret_ref.name,
            &[(keys::SERVER_KEY, Content::Line)],
        ),
    ];
    if let Some(external) = &spec.database.external {
        let url = Content::PostgresUrl;
        all.push(one(
            "database.external.secretRef",
            &external.secret_ref,
            url,
        ));
        if let Some(owner) = &external.owner_secret_ref {
            all.push(one("database.external.ownerSecretRef", owner, url));
        }
    }
    if let Some(external) = &spec.redis.external {
        let authority = external.ca_secret_ref.as_ref();
        let urls = authority.map_or(Content::RedisUrls, |_| Content::RedisTlsUrls);
        all.push(one("redis.external.secretRef", &external.secret_ref, urls));
        if let Some(authority) = authority {
            let pem = Content::Certificates;
            all.push(one("redis.external.caSecretRef", authority, pem));
        }
    }
    if let Some(backup) = &spec.backup {
        if let Some(s3) = &backup.destination.s3 {
            all.push(whole(
                "backup.destination.s3.secretRef",
                &s3.secret_ref.name,
                &[
                    (keys::ACCESS_KEY_ID, Content::Line),
                    (keys::SECRET_ACCESS_KEY, Content::Line),
                ],
            ));
        }
        let bucket = backup.destination.s3.as_ref();
        if let Some(authority) = bucket.and_then(|s3| s3.ca_secret_ref.as_ref()) {
            all.push(one(
                "backup.destination.s3.caSecretRef",
                authority,
                Content::Certificates,
            ));
        }
        if let Some(key) = &backup.key {
            all.push(one(
                "backup.key.identitySecretRef",
                &key.identity_secret_ref,
                Content::AgeIdentities,
            ));
        }
    }
    all
}

/// Resolves a manifest.
///
/// # Errors
/// Every fault that keeps the shop from being built, all at once.
pub fn validate(
    shop: &WhatsAppShop,
    found: &Found,
    defaults: &Defaults,
) -> Result<Validated, Vec<Fault>> {
    let mut faults = Vec::new();
    for reference in &references(&shop.spec) {
        check(reference, found, &mut faults);
    }
    check_fields(&shop.spec, &mut faults);
    if faults.is_empty() {
        Ok(resolve(shop, found, defaults))
    } else {
        Err(faults)
    }
}

/// Resolves a manifest as far as it makes sense. With faults it is good enough to look at what
/// runs, never to build from.
pub fn resolve(shop: &WhatsAppShop, found: &Found, defaults: &Defaults) -> Validated {
    let namespace = shop.namespace().unwrap_or_default();
    let names = Names::new(&shop.name_any(), &namespace, defaults);
    let spec = &shop.spec;
    let postgres_image = postgres_image(spec, &names, found, defaults);
    let references = references(spec);
    Validated {
        bot_image: or_default(spec.bot.image.as_ref(), &defaults.bot_image),
        redis_image: or_default(
            spec.redis.managed.as_ref().and_then(|r| r.image.as_ref()),
            &defaults.redis_image,
        ),
        backup_image: or_default(
            spec.backup.as_ref().and_then(|b| b.image.as_ref()),
            &postgres_image,
        ),
        postgres_image,
        secret_hashes: references.iter().fold(BTreeMap::new(), |mut hashes, r| {
            let text = hashes.entry(r.secret.clone()).or_insert_with(String::new);
            *text = hash_of([text.as_bytes(), content_hash(r, found).as_bytes()]);
            hashes
        }),
        external_database: external_database(spec, found),
        external_redis_ports: external_redis_ports(spec, found),
        warnings: warnings(spec, found),
        spec: spec.clone(),
        names,
    }
}

fn or_default(named: Option<&String>, default: &str) -> String {
    named.map_or_else(|| default.to_owned(), Clone::clone)
}

/// The image of a managed PostgreSQL stays when the default moves on, while it runs and while its
/// volume waits for a shop of the same name: a newer major version could not read the data.
fn postgres_image(
    spec: &WhatsAppShopSpec,
    names: &Names,
    found: &Found,
    defaults: &Defaults,
) -> String {
    let database = &spec.database;
    let managed = database.managed.as_ref().and_then(|m| m.image.clone());
    // Its programs back up, when the backup names no image.
    let of_cloud_native_pg = || database.cloud_native_pg.as_ref()?.image.clone();
    let told = managed.or_else(of_cloud_native_pg);
    let running = || {
        let set = found.child("StatefulSet", &names.postgres())?;
        let pod = &set["spec"]["template"]["spec"];
        Some(pod["containers"][0]["image"].as_str()?.to_owned())
    };
    let of_volume = || {
        let claim = found.child("PersistentVolumeClaim", &names.postgres_claim())?;
        let image = claim["metadata"]["annotations"][POSTGRES_IMAGE].as_str()?;
        Some(image.to_owned()).filter(|_| database.managed.is_some())
    };
    told.or_else(running)
        .or_else(of_volume)
        .unwrap_or_else(|| defaults.postgres_image.clone())
}

fn check(reference: &Reference, found: &Found, faults: &mut Vec<Fault>) {
    let Some(Some(secret)) = found.secrets.get(&reference.secret) else {
        faults.push(Fault::SecretMissing {
            field: reference.field.to_owned(),
            secret: reference.secret.clone(),
            keys: reference.keys.iter().map(|(key, _)| key.clone()).collect(),
        });
        return;
    };
    for (key, content) in &reference.keys {
        let value = secret.get(key).map_or(&[][..], Vec::as_slice);
        if value.trim_ascii().is_empty() {
            faults.push(Fault::KeyMissing {
                field: reference.field.to_owned(),
                secret: reference.secret.clone(),
                key: key.clone(),
            });
        } else if let Some(must) = unusable(*content, value) {
            faults.push(Fault::KeyUnusable {
                secret: reference.secret.clone(),
                key: key.clone(),
                must,
            });
        }
    }
}

/// What a value must be, if it is not.
fn unusable(content: Content, value: &[u8]) -> Option<&'static str> {
    let Ok(text) = std::str::from_utf8(value) else {
        return Some("be text in UTF-8");
    };
    let text = text.trim();
    let (good, must) = match content {
        Content::Line => (!text.contains(['\n', '\r']), "be a single line"),
        Content::OneOrTwo => (
            !text.contains(['\n', '\r']) && text.split(',').count() <= 2,
            "be one secret, or two separated by a comma",
        ),
        Content::PostgresUrl => (
            (text.starts_with("postgres://") || text.starts_with("postgresql://"))
                && PgConnectOptions::from_str(text).is_ok(),
            "be a URL such as postgres://user:password@host:5432/database?sslmode=verify-full",
        ),
        Content::RedisUrls => (
            are_redis_urls(text, "redis://") || are_redis_urls(text, "rediss://"),
            "be URLs such as redis://user:password@host:6379, or rediss://… for all, separated by \
             commas",
        ),
        Content::RedisTlsUrls => (
            are_redis_urls(text, "rediss://"),
            "be rediss:// URLs, separated by commas, because redis.external.caSecretRef is set",
        ),
        Content::Certificates => (
            !crate::pem::certificates(text).is_empty(),
            "be certificates in PEM (-----BEGIN CERTIFICATE-----…)",
        ),
        Content::AgeIdentities => (
            text.lines()
                .map(str::trim)
                .filter(|line| !line.is_empty() && !line.starts_with('#'))
                .all(|line| line.starts_with("AGE-SECRET-KEY-1")),
            "be age secret keys (AGE-SECRET-KEY-1…), one a line",
        ),
    };
    (!good).then_some(must)
}

/// Whether all are such URLs; `#insecure`, which would look at no certificate, is none.
fn are_redis_urls(text: &str, scheme: &str) -> bool {
    let mut urls = text.split(',').map(str::trim);
    urls.all(|url| {
        let info = redis::IntoConnectionInfo::into_connection_info(url);
        let verifies = |info: redis::ConnectionInfo| match info.addr() {
            redis::ConnectionAddr::TcpTls { insecure, .. } => !insecure,
            _ => true,
        };
        url.starts_with(scheme) && info.is_ok_and(verifies)
    })
}

/// Schedules and the bot take only the spelling of the IANA database; our own look-up takes any.
fn check_timezone(told: &str) -> Option<Fault> {
    let zones = jiff::tz::db();
    if zones.is_definitively_empty() {
        return None;
    }
    let found = zones.get(told).ok();
    let problem = match found.as_ref().and_then(|zone| zone.iana_name()) {
        Some(spelled) if spelled == told => return None,
        Some(spelled) => format!("{told} is spelled {spelled}"),
        None => {
            format!("{told} is no time zone: name one of the IANA database, such as Asia/Jakarta")
        }
    };
    Some(Fault::Field {
        field: "shop.timezone".to_owned(),
        problem,
    })
}

fn check_fields(spec: &WhatsAppShopSpec, faults: &mut Vec<Fault>) {
    faults.extend(check_timezone(&spec.shop.timezone));
    if spec.backup.as_ref().is_some_and(|b| b.image.is_none()) && spec.database.external.is_some() {
        faults.push(Fault::Field {
            field: "backup.image".to_owned(),
            problem: "is missing: name an image with the PostgreSQL programs of the server's \
                major version"
                .to_owned(),
        });
    }
}

fn warnings(spec: &WhatsAppShopSpec, found: &Found) -> Vec<Fault> {
    let mut warnings = Vec::new();
    if spec.database.cloud_native_pg.is_some() && !found.kinds.cloud_native_pg {
        warnings.push(Fault::Kind {
            field: "database.cloudNativePG".to_owned(),
            kind: "Cluster (postgresql.cnpg.io/v1)",
            install: "CloudNativePG",
        });
    }
    let route = spec.expose.as_ref().and_then(|e| e.gateway_ref.as_ref());
    if route.is_some() && !found.kinds.http_route {
        warnings.push(Fault::Kind {
            field: "expose.gatewayRef".to_owned(),
            kind: "HTTPRoute (gateway.networking.k8s.io/v1)",
            install: "the Gateway API, or use expose.ingressClassName",
        });
    }
    warnings
}

/// A text from a Secret that `check` has found good.
fn text<'a>(reference: &SecretKeyRef, found: &'a Found) -> Option<&'a str> {
    let value = found.secrets.get(&reference.name)?.as_ref()?;
    std::str::from_utf8(value.get(&reference.key)?)
        .ok()
        .map(str::trim)
}

fn external_database(spec: &WhatsAppShopSpec, found: &Found) -> Option<ExternalAddress> {
    let external = spec.database.external.as_ref()?;
    let options = |reference| PgConnectOptions::from_str(text(reference, found)?).ok();
    let bot = options(&external.secret_ref)?;
    let owner = options(external.owner())?;
    Some(ExternalAddress {
        port: bot.get_port(),
        owner_port: owner.get_port(),
        bot_role: bot.get_username().to_owned(),
        owner_role: owner.get_username().to_owned(),
    })
}

fn external_redis_ports(spec: &WhatsAppShopSpec, found: &Found) -> BTreeSet<u16> {
    let Some(external) = &spec.redis.external else {
        return BTreeSet::new();
    };
    let urls = text(&external.secret_ref, found).unwrap_or_default();
    urls.split(',')
        .filter_map(|url| {
            let info = redis::IntoConnectionInfo::into_connection_info(url.trim()).ok()?;
            match info.addr() {
                redis::ConnectionAddr::Tcp(_, port)
                | redis::ConnectionAddr::TcpTls { port, .. } => Some(*port),
                _ => None,
            }
        })
        .collect()
}

/// A digest of the keys that are used of a Secret; others may change without effect.
fn content_hash(reference: &Reference, found: &Found) -> String {
    let secret = found.secrets.get(&reference.secret);
    let value = |key| secret.and_then(|s| s.as_ref()?.get(key));
    hash_of(reference.keys.iter().flat_map(|(key, _)| {
        [
            key.as_bytes(),
            value(key).map_or(&[][..], |value| value.as_slice()),
        ]
    }))
}

/// A short digest of some texts, each told apart from the next.
pub(super) fn hash_of<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> String {
    /// Bytes of a digest that are kept: enough that nobody meets two alike.
    const KEPT: usize = 8;
    let mut digest = Sha256::new();
    for part in parts {
        digest.update(part.len().to_be_bytes());
        digest.update(part);
    }
    hex::encode(&digest.finalize()[..KEPT])
}

#[cfg(test)]
mod tests;
