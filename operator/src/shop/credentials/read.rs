//! Reads secrets back from the cluster, and makes those that are not there.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use rand::CryptoRng;
use serde_json::Value;

use super::{BackupKeyPair, Credentials, DatabaseCredentials, make, tls};
use crate::crds::WhatsAppShopSpec;
use crate::shop::ObjectKey;
use crate::shop::names::{Names, keys};

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

/// Secrets that cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum Broken {
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
    /// When a Secret exists and lacks what it should hold.
    pub fn read_or_make(
        needs: Needs,
        names: &Names,
        children: &BTreeMap<ObjectKey, Value>,
        random: &mut impl CryptoRng,
        now: Timestamp,
    ) -> Result<Self, Broken> {
        let secret = |name: String| Secret::find(children, name);
        let data_key = match secret(names.data_key()) {
            Some(secret) => secret.text(keys::DATA_KEY)?,
            None => make::data_key(random),
        };
        let database = needs.database.then(|| match secret(names.postgres()) {
            Some(secret) => secret.database(),
            None => new_database(names, random, now),
        });
        let redis_password = needs.redis.then(|| match secret(names.redis()) {
            Some(secret) => secret.text(keys::PASSWORD),
            None => Ok(make::password(random)),
        });
        let backup_key = needs.backup_key.then(|| match secret(names.backup_key()) {
            Some(secret) => secret.backup_key(),
            None => Ok(make::backup_key()),
        });
        Ok(Self {
            data_key,
            database: database.transpose()?,
            redis_password: redis_password.transpose()?,
            backup_key: backup_key.transpose()?,
        })
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
        let now = "2026-11-24T03:12:00Z".parse().unwrap();
        let mut random = StdRng::seed_from_u64(seed);
        Credentials::read_or_make(ALL, &names(), children, &mut random, now)
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
    fn nothing_is_made_that_the_manifest_does_not_need() {
        let none = Needs {
            database: false,
            redis: false,
            backup_key: false,
        };
        let mut random = StdRng::seed_from_u64(1);
        let now = Timestamp::UNIX_EPOCH;
        let children = BTreeMap::new();
        let made = Credentials::read_or_make(none, &names(), &children, &mut random, now).unwrap();
        assert!(made.database.is_none() && made.redis_password.is_none());
        assert!(made.backup_key.is_none());
    }
}
