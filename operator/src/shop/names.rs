//! What the children of a shop are called, and the keys of its Secrets.
//!
//! A shop's name has at most 40 characters, so that the longest name here keeps below 63.

use super::Defaults;

/// Label with a shop's name, on all its children and pods.
pub const INSTANCE: &str = "app.kubernetes.io/instance";
/// Label with a child's part in the shop: `bot`, `postgres`, `redis`, `backup`, …
pub const COMPONENT: &str = "app.kubernetes.io/component";
/// Label of Redis pods and StatefulSets: number of their shard.
pub const SHARD: &str = "warung.dev/shard";
/// Label of pods that take webhooks.
pub const WEBHOOKS: &str = "warung.dev/webhooks";
/// Annotation of pods: changes with the content of their Secrets, so that they are replaced.
pub const SECRETS_HASH: &str = "warung.dev/secrets-hash";
/// Annotation of pods: changes with the content of their ConfigMaps.
pub const CONFIG_HASH: &str = "warung.dev/config-hash";

/// Role that owns the database of a managed PostgreSQL and migrates it.
pub const OWNER_ROLE: &str = "warung_owner";
/// Role that serves.
pub const BOT_ROLE: &str = "warung_bot";
/// Database of a managed PostgreSQL.
pub const DATABASE: &str = "warung";

/// Keys of the Secrets that the operator makes.
pub mod keys {
    /// Of `‹shop›-data-key`.
    pub const DATA_KEY: &str = "data-key";
    /// Of `‹shop›-postgres`: password of the superuser `postgres`.
    pub const SUPERUSER_PASSWORD: &str = "superuser-password";
    /// Of `‹shop›-postgres`: password of [`OWNER_ROLE`](super::OWNER_ROLE).
    pub const OWNER_PASSWORD: &str = "owner-password";
    /// Of `‹shop›-postgres`: password of [`BOT_ROLE`](super::BOT_ROLE).
    pub const BOT_PASSWORD: &str = "bot-password";
    /// Of `‹shop›-postgres`: certificate of the authority, in PEM.
    pub const CA_CERTIFICATE: &str = "ca.crt";
    /// Of `‹shop›-postgres`: the server's certificate, in PEM.
    pub const CERTIFICATE: &str = "tls.crt";
    /// Of `‹shop›-postgres`: its key, in PEM.
    pub const CERTIFICATE_KEY: &str = "tls.key";
    /// Of `‹shop›-database` and `‹shop›-database-owner`.
    pub const URL: &str = "url";
    /// Of `‹shop›-redis` and `‹shop›-redis-access`.
    pub const PASSWORD: &str = "password";
    /// Password that was used before and is still accepted.
    pub const PREVIOUS_PASSWORD: &str = "previous-password";
    /// Of `‹shop›-redis-access`: `REDIS_URLS` of the bots.
    pub const URLS: &str = "urls";
    /// Of `‹shop›-redis-access`: users of the nodes.
    pub const USERS_ACL: &str = "users.acl";
    /// Of `‹shop›-redis-access`: how a replica logs in.
    pub const LOGIN_CONF: &str = "login.conf";
    /// Of `‹shop›-backup-key`: `age1…`.
    pub const RECIPIENT: &str = "recipient";
    /// Of `‹shop›-backup-key`: `AGE-SECRET-KEY-1…`.
    pub const IDENTITY: &str = "identity";
    /// Of the Secret of `whatsapp.cloud`.
    pub const ACCESS_TOKEN: &str = "access-token";
    /// Of the Secret of `whatsapp.cloud`.
    pub const APP_SECRET: &str = "app-secret";
    /// Of the Secret of `whatsapp.cloud`.
    pub const VERIFY_TOKEN: &str = "verify-token";
    /// Of the Secret of `payments.midtrans`.
    pub const SERVER_KEY: &str = "server-key";
    /// Of the Secret of `backup.destination.s3`.
    pub const ACCESS_KEY_ID: &str = "access-key-id";
    /// Of the Secret of `backup.destination.s3`.
    pub const SECRET_ACCESS_KEY: &str = "secret-access-key";
}

/// Names of one shop's children.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Names {
    /// The shop's name.
    pub shop: String,
    /// Its namespace.
    pub namespace: String,
    /// Domain of the cluster, such as `cluster.local`.
    pub cluster_domain: String,
}

macro_rules! names {
    ($($(#[$doc:meta])* $function:ident => $suffix:literal;)*) => {
        impl Names {
            $($(#[$doc])* pub fn $function(&self) -> String {
                format!("{}-{}", self.shop, $suffix)
            })*
        }
    };
}

names! {
    /// Deployment of the bots under `topology: single`; Service of the webhooks, ConfigMap and
    /// ServiceAccount under both.
    bot => "bot";
    /// Deployment of those that take webhooks under `topology: split`.
    ingress => "ingress";
    /// Deployment of those that work under `topology: split`.
    worker => "worker";
    /// StatefulSet, Service, ConfigMap and kept Secret of the managed PostgreSQL; `Cluster` of
    /// CloudNativePG.
    postgres => "postgres";
    /// Secret with the bots' `DATABASE_URL`.
    database => "database";
    /// Secret with the owner's `DATABASE_URL`.
    database_owner => "database-owner";
    /// Secret of the owner's login for CloudNativePG.
    database_login => "database-login";
    /// Secret of the superuser for CloudNativePG.
    database_superuser => "database-superuser";
    /// Headless Service, ConfigMap and kept Secret of the managed Redis Cluster.
    redis => "redis";
    /// Secret with all that follows from the password: `REDIS_URLS` and the nodes' users.
    redis_access => "redis-access";
    /// Kept Secret with the data key.
    data_key => "data-key";
    /// CronJob that backs up.
    backup => "backup";
    /// CronJob that verifies.
    verify => "verify";
    /// Volume claim of backups that the operator makes.
    backups => "backups";
    /// Kept Secret with the key pair of backups.
    backup_key => "backup-key";
    /// ConfigMap with the accounts that programs of PostgreSQL look up.
    accounts => "accounts";
    /// ConfigMap with the Grafana dashboard.
    dashboard => "dashboard";
}

impl Names {
    /// Names of a shop's children.
    pub fn new(shop: &str, namespace: &str, defaults: &Defaults) -> Self {
        Self {
            shop: shop.to_owned(),
            namespace: namespace.to_owned(),
            cluster_domain: defaults.cluster_domain.clone(),
        }
    }

    /// StatefulSet of a Redis shard; its pods are `‹this›-0`, `‹this›-1`, ….
    pub fn redis_shard(&self, shard: usize) -> String {
        format!("{}-redis-{shard}", self.shop)
    }

    /// Job that migrates; another name for whatever else it would do.
    pub fn migrate(&self, hash: &str) -> String {
        format!("{}-migrate-{hash}", self.shop)
    }

    /// Volume claim of the managed PostgreSQL.
    pub fn postgres_claim(&self) -> String {
        format!("data-{}-0", self.postgres())
    }

    /// Host name of a Service of the shop.
    pub fn host(&self, service: &str) -> String {
        format!("{service}.{}.svc.{}", self.namespace, self.cluster_domain)
    }

    /// Host name of the managed PostgreSQL, which its certificate must name.
    pub fn postgres_host(&self) -> String {
        self.host(&self.postgres())
    }

    /// Secret with the authority that CloudNativePG makes for its servers.
    pub fn cnpg_ca(&self) -> String {
        format!("{}-ca", self.postgres())
    }

    /// Host name of the primary that CloudNativePG keeps.
    pub fn cnpg_host(&self) -> String {
        // The certificates of CloudNativePG name the Service up to `.svc`.
        format!("{}-rw.{}.svc", self.postgres(), self.namespace)
    }

    /// Host name of a Redis pod.
    pub fn redis_host(&self, pod: &str) -> String {
        format!("{pod}.{}", self.host(&self.redis()))
    }
}
