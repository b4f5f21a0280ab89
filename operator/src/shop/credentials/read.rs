//! Reads secrets back from the cluster, and makes those that are not there.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use kube::ResourceExt as _;
use rand::CryptoRng;
use serde_json::Value;

use super::{BackupKeyPair, Credentials, DatabaseCredentials, make, tls};
use crate::backup;
use crate::crds::{ShopBackup, WhatsAppShop, WhatsAppShopSpec};
use crate::shop::ObjectKey;
use crate::shop::names::{Names, keys};

/// Annotation of a shop: name of a Secret that is lost for good and may be made anew.
pub const RENEW: &str = "warung.dev/renew-secret";

/// Which secrets a shop needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Needs {
    /// Those of a PostgreSQL that the operator or CloudNativePG runs.
    pub database: bool,
    /// That of the managed Redis Cluster.
    pub redis: bool,
    /// A key pair for backups.
    pub backup_key: bool,
}

impl Needs {
    /// What a manifest needs.
    pub fn of(spec: &WhatsAppShopSpec) -> Self {
        Self {
            database: spec.database.external.is_none(),
            redis: spec.redis.managed.is_some(),
            backup_key: spec.backup.as_ref().is_some_and(|it| it.key.is_none()),
        }
    }
}

/// What is known of the shop's past: a Secret that it was served with is never made anew by itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Past<'a> {
    /// A database was connected once, so that every Secret was there.
    pub served: bool,
    /// The key that its backups are sealed with, by its id, where there are any.
    pub sealed_with: Option<&'a str>,
    /// The value of [`RENEW`]: the Secret that a person has given up.
    pub given_up: Option<&'a str>,
}

impl<'a> Past<'a> {
    /// What a shop and its backups say of its past.
    pub fn of(shop: &'a WhatsAppShop, backups: &'a [ShopBackup]) -> Self {
        let status = shop.status.as_ref();
        let served = status.is_some_and(|it| it.migrated_image.is_some() || it.database.is_some());
        Self {
            served,
            // Backups are forgotten when their ShopBackup is deleted, and lie there all the same.
            sealed_with: backup::sealed_with(backups).or_else(|| status?.backup_key_id.as_deref()),
            given_up: shop.annotations().get(RENEW).map(String::as_str),
        }
    }
}

/// Secrets that cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum Broken {
    /// A Secret is gone that something was sealed or protected with.
    #[error(
        "Secret {secret} is gone, though {since}: put it back from a copy, with its labels. Only if \
         there is none, let a new one be made: kubectl annotate shop {shop} --overwrite \
         {RENEW}={secret}. {price}"
    )]
    Lost {
        /// The Secret.
        secret: String,
        /// The shop.
        shop: String,
        /// How it is known that it was needed.
        since: &'static str,
        /// What a new one costs.
        price: &'static str,
    },
    /// The key of backups that exist is gone.
    #[error(
        "Secret {secret} is not there, and the shop's backups are sealed with key {key_id}: without \
         it they can be neither verified nor restored. Put it back from a copy, with its labels. \
         Only if there is none, let a new key be made: kubectl annotate shop {shop} --overwrite \
         {RENEW}={secret}. What was sealed with the old key can then never be read again"
    )]
    Unsealable {
        /// The Secret.
        secret: String,
        /// The shop.
        shop: String,
        /// The key that is missing.
        key_id: String,
    },
    /// A Secret exists and lacks a key. It is not replaced: what it held may be needed.
    #[error("Secret {secret} has no text under the key {key}: put it back from a copy")]
    Key {
        /// The Secret.
        secret: String,
        /// The key.
        key: &'static str,
    },
    /// A certificate cannot be made.
    #[error("no certificate can be made for PostgreSQL")]
    Certificate(#[from] rcgen::Error),
}

impl Credentials {
    /// Takes what the shop's Secrets hold and makes what has no Secret yet.
    ///
    /// # Errors
    /// When a Secret exists and lacks what it should hold, or is gone though the shop has a past.
    pub fn read_or_make(
        needs: Needs,
        past: Past,
        names: &Names,
        children: &BTreeMap<ObjectKey, Value>,
        random: &mut impl CryptoRng,
        now: Timestamp,
    ) -> Result<Self, Broken> {
        let secret = |name: String| Secret::find(children, name);
        let data_key = if let Some(secret) = secret(names.data_key()) {
            secret.text(keys::DATA_KEY)?
        } else {
            let price = "What the old key sealed, digital goods and personal data, is then \
                         lost: no other key opens it";
            lost(past, names, children, names.data_key(), price)?;
            make::data_key(random)
        };
        let database = needs.database.then(|| {
            if let Some(secret) = secret(names.postgres()) {
                return secret.database();
            }
            let price = "The data stays: the server and its roles are given the new passwords";
            lost(past, names, children, names.postgres(), price)?;
            new_database(names, random, now)
        });
        let redis_password = needs.redis.then(|| match secret(names.redis()) {
            Some(secret) => secret.text(keys::PASSWORD),
            None => Ok(make::password(random)),
        });
        let backup_key = needs.backup_key.then(|| {
            if let Some(secret) = secret(names.backup_key()) {
                return secret.backup_key();
            }
            new_key_is_harmless(past, names)?;
            Ok(make::backup_key())
        });
        Ok(Self {
            data_key,
            database: database.transpose()?,
            redis_password: redis_password.transpose()?,
            backup_key: backup_key.transpose()?,
        })
    }
}

/// Refuses to make a Secret anew that the shop was served with, or that belongs to a volume that is
/// there.
fn lost(
    past: Past,
    names: &Names,
    children: &BTreeMap<ObjectKey, Value>,
    secret: String,
    price: &'static str,
) -> Result<(), Broken> {
    let data = [
        ("PersistentVolumeClaim", names.postgres_claim()),
        ("Cluster", names.postgres()),
    ];
    let is_there = |(kind, name): (&str, String)| {
        let found = children.get(&ObjectKey::new(kind, &name));
        found.is_some_and(|it| it["metadata"]["deletionTimestamp"].is_null())
    };
    let since = if past.served {
        "the shop has been served with it"
    } else if data.into_iter().any(is_there) {
        "the volume of its PostgreSQL is there"
    } else {
        return Ok(());
    };
    if past.given_up == Some(secret.as_str()) {
        return Ok(());
    }
    let shop = names.shop.clone();
    Err(Broken::Lost {
        secret,
        shop,
        since,
        price,
    })
}

/// Refuses to make a key for backups beside another that there are backups of.
fn new_key_is_harmless(past: Past, names: &Names) -> Result<(), Broken> {
    let secret = names.backup_key();
    match past.sealed_with {
        Some(key_id) if past.given_up != Some(secret.as_str()) => Err(Broken::Unsealable {
            secret,
            shop: names.shop.clone(),
            key_id: key_id.to_owned(),
        }),
        _ => Ok(()),
    }
}

fn new_database(
    names: &Names,
    random: &mut impl CryptoRng,
    now: Timestamp,
) -> Result<DatabaseCredentials, Broken> {
    let service = names.postgres();
    let hosts = vec![
        names.postgres_host(),
        format!("{service}.{}.svc", names.namespace),
        format!("{service}.{}", names.namespace),
        service,
    ];
    let certified = tls::certify(&names.shop, hosts, now)?;
    Ok(DatabaseCredentials {
        superuser_password: make::password(random),
        owner_password: make::password(random),
        bot_password: make::password(random),
        ca_certificate: certified.ca_certificate,
        certificate: certified.certificate,
        certificate_key: certified.key,
    })
}

struct Secret<'a> {
    name: String,
    data: &'a Value,
}

impl<'a> Secret<'a> {
    fn find(children: &'a BTreeMap<ObjectKey, Value>, name: String) -> Option<Self> {
        let object = children.get(&ObjectKey::new("Secret", &name))?;
        Some(Self {
            name,
            data: &object["data"],
        })
    }

    fn database(&self) -> Result<DatabaseCredentials, Broken> {
        Ok(DatabaseCredentials {
            superuser_password: self.text(keys::SUPERUSER_PASSWORD)?,
            owner_password: self.text(keys::OWNER_PASSWORD)?,
            bot_password: self.text(keys::BOT_PASSWORD)?,
            ca_certificate: self.text(keys::CA_CERTIFICATE)?,
            certificate: self.text(keys::CERTIFICATE)?,
            certificate_key: self.text(keys::CERTIFICATE_KEY)?,
        })
    }

    fn backup_key(&self) -> Result<BackupKeyPair, Broken> {
        Ok(BackupKeyPair {
            recipient: self.text(keys::RECIPIENT)?,
            identity: self.text(keys::IDENTITY)?,
        })
    }

    fn text(&self, key: &'static str) -> Result<String, Broken> {
        let decoded = self.data[key]
            .as_str()
            .and_then(|text| STANDARD.decode(text).ok())
            .and_then(|bytes| String::from_utf8(bytes).ok())
            // Who writes a Secret by hand often leaves the end of a line in it.
            .map(|text| text.trim_end_matches(['\r', '\n']).to_owned());
        decoded
            .filter(|text| !text.is_empty())
            .ok_or_else(|| Broken::Key {
                secret: self.name.clone(),
                key,
            })
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng as _;
    use rand::rngs::StdRng;
    use serde_json::json;

    use super::*;

    const ALL: Needs = Needs {
        database: true,
        redis: true,
        backup_key: true,
    };

    fn names() -> Names {
        Names {
            shop: "toko".to_owned(),
            namespace: "pasar".to_owned(),
            cluster_domain: "cluster.local".to_owned(),
        }
    }

    fn read(children: &BTreeMap<ObjectKey, Value>, seed: u64) -> Result<Credentials, Broken> {
        read_later(children, seed, Past::default())
    }

    fn read_later(
        children: &BTreeMap<ObjectKey, Value>,
        seed: u64,
        past: Past,
    ) -> Result<Credentials, Broken> {
        let now = "2026-11-24T03:12:00Z".parse().unwrap();
        let mut random = StdRng::seed_from_u64(seed);
        Credentials::read_or_make(ALL, past, &names(), children, &mut random, now)
    }

    /// Every secret by the Secret and key that it is kept under.
    fn contents(credentials: &Credentials) -> Vec<(String, &'static str, String)> {
        let database = credentials.database.clone().unwrap();
        let backup = credentials.backup_key.clone().unwrap();
        let postgres = || names().postgres();
        let redis = credentials.redis_password.clone().unwrap();
        vec![
            (
                names().data_key(),
                keys::DATA_KEY,
                credentials.data_key.clone(),
            ),
            (
                postgres(),
                keys::SUPERUSER_PASSWORD,
                database.superuser_password,
            ),
            (postgres(), keys::OWNER_PASSWORD, database.owner_password),
            (postgres(), keys::BOT_PASSWORD, database.bot_password),
            (postgres(), keys::CA_CERTIFICATE, database.ca_certificate),
            (postgres(), keys::CERTIFICATE, database.certificate),
            (postgres(), keys::CERTIFICATE_KEY, database.certificate_key),
            (names().redis(), keys::PASSWORD, redis),
            (names().backup_key(), keys::RECIPIENT, backup.recipient),
            (names().backup_key(), keys::IDENTITY, backup.identity),
        ]
    }

    /// The Secrets as the API server gives them back.
    fn live(credentials: &Credentials) -> BTreeMap<ObjectKey, Value> {
        let mut live = BTreeMap::new();
        for (name, key, value) in contents(credentials) {
            let secret = live.entry(ObjectKey::new("Secret", &name));
            let secret = secret.or_insert_with(|| json!({"data": {}}));
            // As text from the authority's PEM ends with a line, so does what a person writes.
            secret["data"][key] = STANDARD.encode(format!("{value}\n")).into();
        }
        live
    }

    fn key_of(name: &str) -> ObjectKey {
        ObjectKey::new("Secret", name)
    }

    #[test]
    fn what_was_made_once_is_read_ever_after() {
        let mut made = read(&BTreeMap::new(), 1).unwrap();
        let children = live(&made);
        let again = read(&children, 2).unwrap();
        let database = made.database.as_mut().unwrap();
        for text in [
            &mut database.ca_certificate,
            &mut database.certificate,
            &mut database.certificate_key,
        ] {
            text.truncate(text.trim_end().len());
        }
        assert_eq!(contents(&again), contents(&made));
        let other = read(&BTreeMap::new(), 2).unwrap();
        assert_ne!(other.data_key, made.data_key);
    }

    #[test]
    fn secrets_have_the_form_that_their_readers_take() {
        let made = read(&BTreeMap::new(), 1).unwrap();
        assert_eq!(STANDARD.decode(&made.data_key).unwrap().len(), 32);
        let database = made.database.unwrap();
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_".contains(c);
        for password in [&database.bot_password, &database.owner_password] {
            assert_eq!(password.len(), 40);
            assert!(password.chars().all(plain));
        }
        assert_ne!(database.bot_password, database.owner_password);
        let pair = made.backup_key.unwrap();
        let identity: age::x25519::Identity = pair.identity.parse().unwrap();
        assert_eq!(identity.to_public().to_string(), pair.recipient);
    }

    #[test]
    fn a_password_that_a_person_wrote_is_taken() {
        let mut children = live(&read(&BTreeMap::new(), 1).unwrap());
        let secret = children.get_mut(&key_of("toko-postgres")).unwrap();
        secret["data"][keys::BOT_PASSWORD] = STANDARD.encode("a b").into();
        let read = read(&children, 2).unwrap();
        assert_eq!(read.database.unwrap().bot_password, "a b");
    }

    #[test]
    fn a_broken_secret_is_told_and_never_made_anew() {
        let mut children = live(&read(&BTreeMap::new(), 1).unwrap());
        for broken in [json!({}), json!({"data": {"data-key": "?"}})] {
            children.insert(key_of("toko-data-key"), broken);
            let error = read(&children, 2).err().unwrap().to_string();
            assert_eq!(
                error,
                "Secret toko-data-key has no text under the key data-key: put it back from a copy"
            );
        }
    }

    #[test]
    fn a_secret_that_a_shop_was_served_with_is_made_anew_only_at_a_persons_word() {
        let whole = live(&read(&BTreeMap::new(), 1).unwrap());
        let mut past = Past {
            served: true,
            ..Past::default()
        };
        assert!(read_later(&whole, 2, past).is_ok());
        for lost in ["toko-data-key", "toko-postgres"] {
            let mut children = whole.clone();
            children.remove(&key_of(lost));
            let told = read_later(&children, 2, past).err().unwrap().to_string();
            assert!(told.contains(&format!("Secret {lost} is gone")), "{told}");
            past.given_up = Some(lost);
            assert!(read_later(&children, 2, past).is_ok());
            past.given_up = None;
        }

        // A volume that is there tells the same, one that is going does not.
        let claim = ObjectKey::new("PersistentVolumeClaim", "data-toko-postgres-0");
        let mut children = BTreeMap::from([(claim.clone(), json!({"metadata": {}}))]);
        let told = read(&children, 2).err().unwrap().to_string();
        assert!(told.contains("the volume of its PostgreSQL"), "{told}");
        let going = json!({"metadata": {"deletionTimestamp": "2026-11-24T03:12:00Z"}});
        children.insert(claim, going);
        assert!(read(&children, 2).is_ok());
    }

    #[test]
    fn a_key_that_backups_are_sealed_with_is_made_anew_only_at_a_persons_word() {
        let mut children = live(&read(&BTreeMap::new(), 1).unwrap());
        children.remove(&key_of("toko-backup-key"));
        let mut past = Past {
            served: true,
            ..Past::default()
        };
        assert!(read_later(&children, 2, past).is_ok(), "the first is made");
        past.sealed_with = Some("age1lama");
        let told = read_later(&children, 2, past).err().unwrap().to_string();
        assert!(
            told.contains("Secret toko-backup-key is not there"),
            "{told}"
        );
        assert!(told.contains("key age1lama"), "{told}");
        past.given_up = Some("toko-backup-key");
        assert!(read_later(&children, 2, past).is_ok());
    }

    #[test]
    fn nothing_is_made_that_the_manifest_does_not_need() {
        let none = Needs {
            database: false,
            redis: false,
            backup_key: false,
        };
        let mut random = StdRng::seed_from_u64(1);
        let now = Timestamp::UNIX_EPOCH;
        let children = BTreeMap::new();
        let made =
            Credentials::read_or_make(none, Past::default(), &names(), &children, &mut random, now)
                .unwrap();
        assert!(made.database.is_none() && made.redis_password.is_none());
        assert!(made.backup_key.is_none());
    }
}
