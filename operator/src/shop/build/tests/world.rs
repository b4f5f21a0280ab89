//! Shops to build, and the world that they are built in.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::super::build;
use crate::{
    crds::WhatsAppShop,
    shop::{
        BackupKeyPair, Child, Content, Credentials, DatabaseCredentials, Defaults, Found,
        KnownKinds, ObjectKey, Progress, Validated, references, validate,
    },
};

pub(crate) const SAMPLES: [&str; 5] = [
    "minimal",
    "everything-managed",
    "external-stores",
    "highly-available",
    "sandbox-demo",
];

/// One shop and everything that decides about it.
#[derive(Clone)]
pub(crate) struct World {
    pub(crate) shop: WhatsAppShop,
    pub(crate) found: Found,
    pub(crate) progress: Progress,
    pub(crate) credentials: Credentials,
    pub(crate) defaults: Defaults,
}

impl World {
    /// The shop of a sample, with its Secrets, in a cluster that has every kind, selling.
    pub(crate) fn of_sample(name: &str) -> Self {
        let path = format!("{}/../docs/samples/{name}.yaml", env!("CARGO_MANIFEST_DIR"));
        let text = std::fs::read_to_string(&path).unwrap();
        let documents: Vec<Value> = serde_saphyr::from_multiple(&text).unwrap();
        let shop = documents.into_iter().find(|d| d["kind"] == "WhatsAppShop");
        Self::of(serde_json::from_value(shop.unwrap()).unwrap())
    }

    pub(crate) fn of(mut shop: WhatsAppShop) -> Self {
        shop.metadata.namespace = Some("shops".to_owned());
        let mut world = Self {
            found: Found {
                secrets: secrets(&shop),
                kinds: KnownKinds {
                    service_monitor: true,
                    prometheus_rule: true,
                    http_route: true,
                    cloud_native_pg: true,
                },
                ..Found::default()
            },
            credentials: credentials(&shop),
            shop,
            progress: Progress::default(),
            defaults: Defaults {
                bot_image: "registry.example/warung-bot:1.0.0".to_owned(),
                postgres_image: "registry.example/postgres:17.6".to_owned(),
                redis_image: "registry.example/valkey:8.1".to_owned(),
                operator_namespace: "warung-system".to_owned(),
                cluster_domain: "cluster.local".to_owned(),
            },
        };
        world.progress = Progress {
            database_ready: true,
            migrated_image: Some(world.validated().bot_image),
            ..Progress::default()
        };
        world
    }

    pub(crate) fn validated(&self) -> Validated {
        validate(&self.shop, &self.found, &self.defaults).unwrap()
    }

    pub(crate) fn children(&self) -> Vec<Child> {
        build(
            &self.validated(),
            &self.found,
            &self.progress,
            &self.credentials,
            &self.defaults,
        )
    }

    /// One child; panics where it is missing.
    pub(crate) fn child(&self, kind: &str, name: &str) -> Value {
        self.find(kind, name)
            .unwrap_or_else(|| panic!("no {kind} {name}"))
    }

    pub(crate) fn find(&self, kind: &str, name: &str) -> Option<Value> {
        let key = key(kind, name);
        let mut children = self.children().into_iter();
        children.find(|c| c.key() == key).map(|c| c.object)
    }

    pub(crate) fn of_kind(&self, kind: &str) -> Vec<Value> {
        let children = self.children().into_iter();
        let of_kind = children.filter(|child| child.resource.kind == kind);
        of_kind.map(|child| child.object).collect()
    }

    /// The API server has taken every child; `change` is what happened to one since.
    pub(crate) fn after_apply(mut self, kind: &str, name: &str, change: Value) -> Self {
        for child in self.children() {
            self.found.children.insert(child.key(), child.object);
        }
        let mut changed = self.found.children[&key(kind, name)].clone();
        merge(&mut changed, change);
        self.found.children.insert(key(kind, name), changed);
        self
    }
}

pub(crate) fn key(kind: &str, name: &str) -> ObjectKey {
    ObjectKey::new(kind, name)
}

fn merge(into: &mut Value, change: Value) {
    match change {
        Value::Object(fields) => {
            for (name, value) in fields {
                merge(&mut into[&name], value);
            }
        }
        other => *into = other,
    }
}

/// Every Secret that the shop names, with good content.
fn secrets(shop: &WhatsAppShop) -> BTreeMap<String, Option<BTreeMap<String, Vec<u8>>>> {
    let mut secrets = BTreeMap::new();
    for reference in references(&shop.spec) {
        let secret: &mut Option<BTreeMap<_, _>> = secrets
            .entry(reference.secret.clone())
            .or_insert_with(|| Some(BTreeMap::new()));
        for (key, content) in reference.keys {
            let value = good(content, &key);
            secret.as_mut().unwrap().insert(key, value.into_bytes());
        }
    }
    secrets
}

fn good(content: Content, key: &str) -> String {
    match content {
        Content::Line | Content::OneOrTwo => format!("the-{key}"),
        Content::PostgresUrl => format!("postgres://warung_{key}:word@db.example.com:6543/toko"),
        Content::RedisUrls => "redis://warung:word@redis.example.com:7000".to_owned(),
        Content::RedisTlsUrls => "rediss://warung:word@redis.example.com:7000".to_owned(),
        Content::Certificates => {
            "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n".to_owned()
        }
        Content::AgeIdentities => "# a comment\nAGE-SECRET-KEY-1TEST\n".to_owned(),
    }
}

fn credentials(shop: &WhatsAppShop) -> Credentials {
    let spec = &shop.spec;
    let text = |what: &str| format!("test-{what}");
    Credentials {
        data_key: "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=".to_owned(),
        database: spec
            .database
            .external
            .is_none()
            .then(|| DatabaseCredentials {
                superuser_password: text("superuser"),
                owner_password: text("owner"),
                bot_password: text("p@ss/word"),
                ca_certificate: text("ca"),
                certificate: text("certificate"),
                certificate_key: text("certificate-key"),
            }),
        redis_password: spec.redis.managed.as_ref().map(|_| text("redis")),
        backup_key: spec
            .backup
            .as_ref()
            .filter(|b| b.key.is_none())
            .map(|_| BackupKeyPair {
                recipient: "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p"
                    .to_owned(),
                identity: text("identity"),
            }),
    }
}

/// A shop with the longest name that there may be.
pub(crate) fn long_name(mut world: World) -> World {
    let name = format!("t{}", "o".repeat(39));
    world.shop.metadata.name = Some(name);
    world
}

pub(crate) fn available(replicas: i64) -> Value {
    json!({ "spec": { "replicas": replicas }, "status": { "availableReplicas": replicas } })
}
