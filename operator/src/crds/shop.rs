//! `WhatsAppShop`: one object, one shop.

use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::schema::{self, OBJECT_NAME, SECRET_KEY};
use super::{Backup, Bot, Database, Redis, WhatsAppShopStatus};

/// What the shop is made of, and how it is run.
#[derive(CustomResource, KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[kube(
    group = "shops.warung.dev",
    version = "v1alpha1",
    kind = "WhatsAppShop",
    plural = "whatsappshops",
    shortname = "shop",
    shortname = "shops",
    category = "all",
    category = "warung",
    namespaced,
    status = "WhatsAppShopStatus",
    derive = "PartialEq",
    doc = "One shop that sells on WhatsApp: its bots, its PostgreSQL with verified backups and its Redis Cluster.",
    scale(
        spec_replicas_path = ".spec.bot.replicas",
        status_replicas_path = ".status.replicas",
        label_selector_path = ".status.selector"
    ),
    printcolumn(
        name = "Ready",
        type_ = "string",
        json_path = r#".status.conditions[?(@.type=="Ready")].status"#,
        description = "Whether customers are served"
    ),
    printcolumn(
        name = "Up-To-Date",
        type_ = "string",
        json_path = r#".status.conditions[?(@.type=="UpToDate")].status"#,
        description = "Whether what runs is what the manifest asks for"
    ),
    printcolumn(
        name = "Reason",
        type_ = "string",
        json_path = r#".status.conditions[?(@.type=="Ready")].reason"#,
        description = "Why it is ready, or what it waits for"
    ),
    printcolumn(
        name = "Bots",
        type_ = "string",
        json_path = ".status.bots",
        description = "Available bots of those wanted"
    ),
    printcolumn(
        name = "Redis",
        type_ = "string",
        json_path = r#".status.conditions[?(@.type=="RedisReady")].reason"#,
        description = "State of the Redis Cluster"
    ),
    printcolumn(
        name = "Last-Verified-Backup",
        type_ = "date",
        json_path = ".status.lastVerifiedBackup.finishedAt",
        description = "Age of the newest backup that was restored and found whole"
    ),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    selectable = ".spec.whatsapp.cloud.phoneNumberId",
    selectable = ".spec.deletionPolicy",
    validation = Rule::new("self.metadata.name.size() <= 40 && self.metadata.name.matches('^[a-z]([a-z0-9-]*[a-z0-9])?$')")
        .message("metadata.name must be a DNS label of at most 40 characters that begins with a letter, because the shop's Services and StatefulSets are named after it"),
    cel
)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("!has(self.database.external) || !has(self.backup) || has(self.backup.image)")
        .message("set backup.image to an image with the PostgreSQL programs of the server's major version: with database.external the operator cannot know it"),
    validation = Rule::new("!has(self.database.cloudNativePG) || !has(self.backup) || has(self.backup.image) || has(self.database.cloudNativePG.image)")
        .message("set backup.image, or database.cloudNativePG.image: backups need the PostgreSQL programs of the server's major version, and without either the operator cannot know it"),
    validation = Rule::new("!has(self.database.managed) || ((has(self.bot.autoscaling) ? self.bot.autoscaling.maxReplicas : self.bot.replicas) + 1 + (self.bot.topology == 'split' ? self.bot.replicas + 1 : 0)) * self.bot.databaseConnections + 10 <= self.database.managed.maxConnections")
        .message("too many bots for the database: (most bots + 1 while rolling, with topology split for each Deployment) × bot.databaseConnections + 10 must not exceed database.managed.maxConnections"),
    validation = Rule::new("!has(self.database.cloudNativePG) || ((has(self.bot.autoscaling) ? self.bot.autoscaling.maxReplicas : self.bot.replicas) + 1 + (self.bot.topology == 'split' ? self.bot.replicas + 1 : 0)) * self.bot.databaseConnections + 10 <= self.database.cloudNativePG.maxConnections")
        .message("too many bots for the database: (most bots + 1 while rolling, with topology split for each Deployment) × bot.databaseConnections + 10 must not exceed database.cloudNativePG.maxConnections"),
    validation = Rule::new("!self.whatsapp.cloud.graphUrl.startsWith('http://') || self.payments.midtrans.environment == 'sandbox'")
        .message("an http:// whatsapp.cloud.graphUrl sends the access token in the open: use https://, or set payments.midtrans.environment to sandbox"),
    validation = Rule::new("!has(self.payments.midtrans.baseUrl) || self.payments.midtrans.environment == 'sandbox'")
        .message("payments.midtrans.baseUrl is for sandboxes only: set environment to sandbox, or remove baseUrl")
)]
pub struct WhatsAppShopSpec {
    /// Stops the operator for this shop: nothing is created, changed or healed, only the status is
    /// kept true. Bots go on as they are.
    #[serde(default)]
    pub paused: bool,

    /// What happens to the shop's data when this object is deleted. `Retain` keeps the volumes of
    /// PostgreSQL and Redis, the backups and the generated Secrets; a shop of the same name takes
    /// them up again. `Delete` removes all but the backups and, where there ever were any, the two
    /// Secrets without which they cannot be read: `‹shop›-backup-key` and `‹shop›-data-key`.
    #[serde(default)]
    pub deletion_policy: DeletionPolicy,

    /// What customers see.
    pub shop: Shop,

    /// The bots that answer customers.
    #[serde(default)]
    pub bot: Bot,

    /// Where messages come from and go to.
    pub whatsapp: WhatsApp,

    /// How customers pay.
    pub payments: Payments,

    /// The shop's own PostgreSQL database.
    pub database: Database,

    /// The shop's Redis Cluster: locks, rate limits and cache. Sales go on without it, slower.
    pub redis: Redis,

    /// Backups of the database, each proved by a restore. Leave it out only if somebody else makes
    /// them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backup: Option<Backup>,

    /// How the webhooks of Meta and Midtrans, and customers' pictures, reach the shop from outside.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expose: Option<Expose>,

    /// What is made for Prometheus and Grafana.
    #[serde(default)]
    pub monitoring: Monitoring,
}

/// What happens to data when the object goes.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DeletionPolicy {
    /// Keep volumes, backups and generated Secrets.
    #[default]
    Retain,
    /// Remove volumes and generated Secrets; backups stay, and the keys to them.
    Delete,
}

/// What customers see of the shop.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct Shop {
    /// The shop's name in greetings and receipts.
    #[schemars(
        length(min = 1, max = 60),
        regex(pattern = r"^[^\s[:cntrl:]]([^[:cntrl:]]*[^\s[:cntrl:]])?$")
    )]
    pub display_name: String,

    /// What a customer is answered in until they choose: `id` or `en`.
    #[serde(default)]
    pub language: Language,

    /// IANA time zone of dates in receipts, such as `Asia/Jakarta`, `Asia/Makassar` or
    /// `Asia/Jayapura`.
    #[serde(default = "jakarta")]
    #[schemars(
        length(min = 3, max = 40),
        regex(pattern = r"^[A-Za-z]+(/[A-Za-z0-9_+-]+){0,2}$")
    )]
    pub timezone: String,

    /// Who may give staff commands by chat: WhatsApp ids (a number in international form, digits
    /// only) or business-scoped user ids.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(max = 50),
        inner(
            length(min = 4, max = 140),
            regex(pattern = r"^([1-9][0-9]{4,14}|[A-Z]{2}\.(ENT\.)?[A-Za-z0-9]{1,128})$")
        )
    )]
    #[x_kube(merge_strategy = ListMerge::Set)]
    pub staff: Vec<String>,
}

fn jakarta() -> String {
    "Asia/Jakarta".to_owned()
}

/// Languages that every text exists in.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Copy, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum Language {
    /// Indonesian.
    #[default]
    Id,
    /// English.
    En,
}

/// Where messages come from.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq)]
pub struct WhatsApp {
    /// Meta's official Cloud API.
    pub cloud: WhatsAppCloud,
}

/// A number on the WhatsApp Cloud API.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct WhatsAppCloud {
    /// The number's id in Meta's app dashboard (not the number itself). It cannot be changed: a
    /// shop's messages and customers belong to its number.
    #[schemars(length(min = 5, max = 32), regex(pattern = r"^[0-9]+$"))]
    #[x_kube(validation = Rule::new("self == oldSelf")
        .message("phoneNumberId cannot be changed: messages and customers belong to their number; make a new shop for another number")
        .reason(Reason::FieldValueForbidden))]
    pub phone_number_id: String,

    /// The WhatsApp business account that owns the number; kept as a note for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 5, max = 32), regex(pattern = r"^[0-9]+$"))]
    pub business_account_id: Option<String>,

    /// A Secret with the keys `access-token` (bearer token), `app-secret` (signs webhooks; two
    /// separated by a comma while rotating) and `verify-token` (of the webhook handshake).
    pub secret_ref: LocalRef,

    /// Base URL of the API.
    #[serde(default = "graph_url")]
    #[schemars(length(max = 200), regex(pattern = r"^https?://[^\s?#]+[^\s?#/]$"))]
    pub graph_url: String,

    /// Version of the API.
    #[serde(default = "graph_version")]
    #[schemars(
        length(min = 4, max = 7),
        regex(pattern = r"^v[0-9]{1,3}\.[0-9]{1,2}$")
    )]
    pub graph_version: String,

    /// Messages a second that the number may send, shared by all bots.
    #[serde(default = "messages_per_second")]
    #[schemars(range(min = 1, max = 1000))]
    pub messages_per_second: i32,
}

fn graph_url() -> String {
    "https://graph.facebook.com".to_owned()
}

fn graph_version() -> String {
    "v26.0".to_owned()
}

fn messages_per_second() -> i32 {
    80
}

/// How customers pay.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq)]
pub struct Payments {
    /// The payment gateway.
    pub midtrans: Midtrans,
}

/// An account at Midtrans.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct Midtrans {
    /// `sandbox` or `production`. It cannot be changed: payments of one are unknown to the other.
    #[x_kube(validation = Rule::new("self == oldSelf")
        .message("payments.midtrans.environment cannot be changed: payments of one environment are unknown to the other; make a new shop")
        .reason(Reason::FieldValueForbidden))]
    pub environment: MidtransEnvironment,

    /// A Secret with the key `server-key`.
    pub secret_ref: LocalRef,

    /// The merchant id that every payment status must carry.
    #[schemars(length(min = 3, max = 40), regex(pattern = r"^[A-Za-z0-9_-]+$"))]
    pub merchant_id: String,

    /// What customers may choose from, in this order.
    #[serde(default = "methods")]
    #[schemars(length(min = 1, max = 9))]
    #[x_kube(merge_strategy = ListMerge::Atomic,
        validation = Rule::new("self.all(m, self.exists_one(n, n == m))").message("methods must not repeat"))]
    pub methods: Vec<PaymentMethod>,

    /// Base URL of a sandbox that stands in for both the Snap and the Core API.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 200), regex(pattern = r"^https?://[^\s?#]+[^\s?#/]$"))]
    pub base_url: Option<String>,
}

fn methods() -> Vec<PaymentMethod> {
    use PaymentMethod as Method;
    vec![Method::Qris, Method::VaBca, Method::Snap, Method::Saldo]
}

/// Which Midtrans.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Copy, Debug, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum MidtransEnvironment {
    /// Test payments.
    Sandbox,
    /// Real money.
    Production,
}

/// A way to pay.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Copy, Debug, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum PaymentMethod {
    /// A QR code that every bank's and wallet's app reads.
    Qris,
    /// Virtual account of BCA.
    VaBca,
    /// Virtual account of BNI.
    VaBni,
    /// Virtual account of BRI.
    VaBri,
    /// Virtual account of Permata.
    VaPermata,
    /// Bill payment at Mandiri.
    MandiriBill,
    /// Cash at an Indomaret counter.
    Indomaret,
    /// Midtrans' own payment page.
    Snap,
    /// The customer's balance with the shop.
    Saldo,
}

/// How the outside reaches the shop.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("has(self.ingressClassName) != has(self.gatewayRef)")
        .message("set exactly one of expose.ingressClassName (an Ingress is made) and expose.gatewayRef (an HTTPRoute is made)"),
    validation = Rule::new("!has(self.gatewayRef) || !has(self.tlsSecretName)")
        .message("with expose.gatewayRef the Gateway's listener ends TLS: remove expose.tlsSecretName")
)]
pub struct Expose {
    /// Host name of webhooks and media, without a scheme.
    #[schemars(
        length(min = 3, max = 253),
        regex(
            pattern = r"^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$"
        )
    )]
    pub host: String,

    /// Class of the Ingress to make.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253), regex(pattern = OBJECT_NAME))]
    pub ingress_class_name: Option<String>,

    /// Gateway that the HTTPRoute to make attaches to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gateway_ref: Option<GatewayRef>,

    /// Secret with the certificate of `host`, for an Ingress.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253), regex(pattern = OBJECT_NAME))]
    pub tls_secret_name: Option<String>,

    /// Annotations of the Ingress or HTTPRoute, such as those of a certificate issuer.
    #[serde(default, skip_serializing_if = "std::collections::BTreeMap::is_empty")]
    #[schemars(schema_with = "schema::annotations")]
    pub annotations: std::collections::BTreeMap<String, String>,
}

/// A Gateway of the Gateway API.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-map-type" = "atomic"))]
pub struct GatewayRef {
    /// Its name.
    #[schemars(length(min = 1, max = 253), regex(pattern = OBJECT_NAME))]
    pub name: String,
    /// Its namespace, where it is not the shop's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(
        length(min = 1, max = 63),
        regex(pattern = r"^[a-z0-9]([a-z0-9-]*[a-z0-9])?$")
    )]
    pub namespace: Option<String>,
    /// One listener of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253), regex(pattern = OBJECT_NAME))]
    pub section_name: Option<String>,
}

/// What is made for Prometheus and Grafana, each where its kind exists in the cluster.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct Monitoring {
    /// A `ServiceMonitor` for the bots.
    #[serde(default = "yes")]
    pub service_monitor: bool,
    /// A `PrometheusRule` with the shop's alerts.
    #[serde(default = "yes")]
    pub prometheus_rule: bool,
    /// A ConfigMap with the shop's Grafana dashboard, labelled `grafana_dashboard: "1"`.
    #[serde(default)]
    pub dashboards: bool,
    /// Labels for `ServiceMonitor` and `PrometheusRule`, by which a Prometheus selects them.
    #[serde(default, skip_serializing_if = "std::collections::BTreeMap::is_empty")]
    #[schemars(schema_with = "schema::object_labels")]
    pub labels: std::collections::BTreeMap<String, String>,
}

impl Default for Monitoring {
    fn default() -> Self {
        Self {
            service_monitor: true,
            prometheus_rule: true,
            dashboards: false,
            labels: std::collections::BTreeMap::new(),
        }
    }
}

fn yes() -> bool {
    true
}

/// An object of the shop's namespace.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
#[schemars(extend("x-kubernetes-map-type" = "atomic"))]
pub struct LocalRef {
    /// Its name.
    #[schemars(length(min = 1, max = 253), regex(pattern = OBJECT_NAME))]
    pub name: String,
}

/// One key of a Secret of the shop's namespace.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
#[schemars(extend("x-kubernetes-map-type" = "atomic"))]
pub struct SecretKeyRef {
    /// Name of the Secret.
    #[schemars(length(min = 1, max = 253), regex(pattern = OBJECT_NAME))]
    pub name: String,
    /// The key of its data.
    #[schemars(length(min = 1, max = 253), regex(pattern = SECRET_KEY))]
    pub key: String,
}
