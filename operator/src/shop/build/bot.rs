//! The bots: configuration, Deployments, Services.

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{ConfigMap, Service};
use serde_json::{Value, json};

use super::{
    Site, hash_of_value, names as labels,
    pod::{self, Pod, SecretFile},
    secrets::{self, Login, SecretVariable},
    with,
};
use crate::{
    crds::{Language, MidtransEnvironment, PaymentMethod, Topology},
    shop::{Child, names::keys},
};

/// Port that a bot listens on.
pub(super) const HTTP_PORT: u16 = 8080;
/// Port of the Service.
pub(super) const SERVICE_PORT: u16 = 80;
/// How long a bot goes on after it was told to stop, until no load balancer sends to it, seconds.
const LEAVE_SECONDS: i64 = 5;
/// How long a bot needs to finish what it has begun, seconds: its own bound is ten.
const DRAIN_SECONDS: i64 = 10;
/// Added to both, so that nothing is killed that would end by itself, seconds.
const SPARE_SECONDS: i64 = 10;
/// Old ReplicaSets that are kept for a way back.
const HISTORY: i32 = 3;
/// How long a roll may stand still before it counts as failed, seconds.
const ROLL_SECONDS: i32 = 300;

/// What bots of one Deployment do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// Everything.
    All,
    /// Take webhooks.
    Ingress,
    /// Answer, send, sweep.
    Worker,
}

impl Part {
    pub(super) fn name(self, site: &Site) -> String {
        match self {
            Self::All => site.names().bot(),
            Self::Ingress => site.names().ingress(),
            Self::Worker => site.names().worker(),
        }
    }

    fn roles(self) -> &'static str {
        match self {
            Self::All => "ingress,worker",
            Self::Ingress => "ingress",
            Self::Worker => "worker",
        }
    }

    /// Value of the label that tells Deployments of one shop apart.
    fn role(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Ingress => "ingress",
            Self::Worker => "worker",
        }
    }

    fn takes_webhooks(self) -> bool {
        self != Self::Worker
    }

    /// Whether an autoscaler, where the manifest asks for one, chooses its number.
    pub(super) fn is_scaled(self) -> bool {
        self != Self::Ingress
    }

    pub(super) fn selector(self, site: &Site) -> Value {
        with(site.selector("bot"), &[(ROLE, self.role())])
    }
}

/// Label that tells Deployments of one shop apart.
const ROLE: &str = "warung.dev/role";

/// Deployments that the manifest asks for.
pub(super) fn parts(site: &Site) -> &'static [Part] {
    match site.shop.spec.bot.topology {
        Topology::Single => &[Part::All],
        Topology::Split => &[Part::Ingress, Part::Worker],
    }
}

/// Names of every Deployment that the bots may have, in both topologies.
pub(super) fn names(site: &Site) -> [String; 3] {
    [Part::All, Part::Ingress, Part::Worker].map(|part| part.name(site))
}

/// Deployments of the topology that was left, until the new ones serve.
fn leftovers(site: &Site) -> Vec<Part> {
    let serves = |part: &Part| {
        let deployment = site.found("Deployment", &part.name(site));
        deployment.is_some_and(|d| d["status"]["availableReplicas"].as_i64().unwrap_or(0) > 0)
    };
    let wanted = parts(site);
    if site.progress.keeps_bots_away() || wanted.iter().all(serves) {
        return Vec::new();
    }
    [Part::All, Part::Ingress, Part::Worker]
        .into_iter()
        .filter(|part| !wanted.contains(part) && serves(part))
        .collect()
}

/// Deployments of the bots; none before the database is migrated.
pub(super) fn deployments(site: &Site) -> Vec<Child> {
    let Some(image) = site.serving_image() else {
        return Vec::new();
    };
    // A database that is away for a moment is no reason to take the bots away.
    let exists = names(site)
        .iter()
        .any(|name| site.found("Deployment", name).is_some());
    if !site.progress.database_ready && !exists {
        return Vec::new();
    }
    let mut parts = parts(site).to_vec();
    parts.extend(leftovers(site));
    parts
        .into_iter()
        .map(|part| deployment(site, part, &image))
        .collect()
}

fn deployment(site: &Site, part: Part, image: &str) -> Child {
    let name = part.name(site);
    let mut object = json!({
        "metadata": site.metadata(&name, "bot"),
        "spec": {
            "selector": { "matchLabels": part.selector(site) },
            "strategy": {
                "type": "RollingUpdate",
                "rollingUpdate": { "maxUnavailable": 0, "maxSurge": 1 },
            },
            "revisionHistoryLimit": HISTORY,
            "progressDeadlineSeconds": ROLL_SECONDS,
            "template": template(site, part, image),
        },
    });
    if let Some(replicas) = replicas(site, part) {
        object["spec"]["replicas"] = json!(replicas);
    }
    Child::from_json::<Deployment>(object)
}

/// How many bots, unless an autoscaler says it. One that finds nothing or nobody cannot begin, so
/// it is given its minimum to begin with.
fn replicas(site: &Site, part: Part) -> Option<i32> {
    let bot = &site.shop.spec.bot;
    if site.progress.keeps_bots_away() {
        return Some(0);
    }
    let Some(autoscaling) = bot.autoscaling.as_ref().filter(|_| part.is_scaled()) else {
        return Some(bot.replicas);
    };
    let found = site.found("Deployment", &part.name(site));
    let now = found.and_then(|d| d["spec"]["replicas"].as_i64());
    match now {
        None | Some(0) => Some(autoscaling.min_replicas),
        Some(_) => None,
    }
}

fn template(site: &Site, part: Part, image: &str) -> Value {
    let mut own = vec![(ROLE, part.role().to_owned())];
    if part.takes_webhooks() {
        own.push((labels::WEBHOOKS, "true".to_owned()));
    }
    let files = files(site);
    pod::template(
        site,
        Pod {
            component: "bot",
            labels: own,
            annotations: pod::hashes(
                Some(secrets::hash_of_files(site, &files)),
                Some(hash_of_value(&settings(site))),
            ),
            init_containers: Vec::new(),
            containers: vec![container(site, part, image)],
            volumes: vec![pod::secret_volume(&files)],
            grace_seconds: LEAVE_SECONDS + DRAIN_SECONDS + SPARE_SECONDS,
            restart: "Always",
            apart_from: Some(part.selector(site)),
        },
    )
}

fn container(site: &Site, part: Part, image: &str) -> Value {
    let bot = &site.shop.spec.bot;
    let probe = |path, every, failures| {
        json!({
            "httpGet": { "path": path, "port": "http", "scheme": "HTTP" },
            "periodSeconds": every,
            "timeoutSeconds": 2,
            "failureThreshold": failures,
        })
    };
    let mut env: Vec<Value> = variables(site).iter().map(SecretVariable::entry).collect();
    env.push(json!({
        "name": "POD_NAME",
        "valueFrom": { "fieldRef": { "fieldPath": "metadata.name" } },
    }));
    json!({
        "name": "bot",
        "image": image,
        "imagePullPolicy": bot.image_pull_policy.as_str(),
        "args": ["serve", "--roles", part.roles()],
        "envFrom": [{ "configMapRef": { "name": site.names().bot() } }],
        "env": env,
        "ports": [{ "name": "http", "containerPort": HTTP_PORT, "protocol": "TCP" }],
        "startupProbe": probe("/livez", 1, 60),
        "livenessProbe": probe("/livez", 10, 3),
        // A process that stands still takes connections all the same: nothing but silence tells, and
        // until then webhooks wait for it.
        "readinessProbe": probe("/readyz", 2, 2),
        "lifecycle": { "preStop": { "sleep": { "seconds": LEAVE_SECONDS } } },
        "resources": bot.resources,
        "securityContext": pod::contained(),
        "volumeMounts": [pod::tmp(), pod::secret_mount()],
    })
}

/// Secret variables of a bot.
fn variables(site: &Site) -> Vec<SecretVariable> {
    let spec = &site.shop.spec;
    let names = site.names();
    let whatsapp = &spec.whatsapp.cloud.secret_ref.name;
    let redis = match &spec.redis.external {
        Some(external) => (
            external.secret_ref.name.clone(),
            external.secret_ref.key.clone(),
        ),
        None => (names.redis_access(), keys::URLS.to_owned()),
    };
    let mut variables = vec![
        secrets::database_variable(site, Login::Bot),
        SecretVariable::new("REDIS_URLS", &redis.0, &redis.1, "redis-urls"),
        SecretVariable::new("DATA_KEY", &names.data_key(), keys::DATA_KEY, "data-key"),
        SecretVariable::new(
            "WHATSAPP_ACCESS_TOKEN",
            whatsapp,
            keys::ACCESS_TOKEN,
            "whatsapp-access-token",
        ),
        SecretVariable::new(
            "WHATSAPP_APP_SECRET",
            whatsapp,
            keys::APP_SECRET,
            "whatsapp-app-secret",
        ),
        SecretVariable::new(
            "WHATSAPP_VERIFY_TOKEN",
            whatsapp,
            keys::VERIFY_TOKEN,
            "whatsapp-verify-token",
        ),
        SecretVariable::new(
            "MIDTRANS_SERVER_KEY",
            &spec.payments.midtrans.secret_ref.name,
            keys::SERVER_KEY,
            "midtrans-server-key",
        ),
    ];
    let external = spec.redis.external.as_ref();
    if let Some(authority) = external.and_then(|it| it.ca_secret_ref.as_ref()) {
        let (secret, key) = (&authority.name, &authority.key);
        variables.push(SecretVariable::new("REDIS_CA", secret, key, "redis-ca.crt"));
    }
    variables
}

fn files(site: &Site) -> Vec<SecretFile> {
    let mut files: Vec<SecretFile> = variables(site).into_iter().map(|v| v.file).collect();
    files.extend(secrets::database_ca(site));
    files
}

/// What bots are told that is no secret.
pub(super) fn config_map(site: &Site) -> Child {
    Child::from_json::<ConfigMap>(json!({
        "metadata": site.metadata(&site.names().bot(), "bot"),
        "data": settings(site),
    }))
}

/// Variables of docs/configuration.md.
fn settings(site: &Site) -> Value {
    let spec = &site.shop.spec;
    let bot = &spec.bot;
    let cloud = &spec.whatsapp.cloud;
    let (snap, api) = midtrans_urls(site);
    let methods: Vec<&str> = spec
        .payments
        .midtrans
        .methods
        .iter()
        .copied()
        .map(method)
        .collect();
    let mut settings = json!({
        "DATABASE_CONNECTIONS": bot.database_connections.to_string(),
        "LISTEN_ADDR": format!("0.0.0.0:{HTTP_PORT}"),
        "PUBLIC_URL": public_url(site),
        "SHOP_NAME": site.names().shop,
        "SHOP_DISPLAY_NAME": spec.shop.display_name,
        "SHOP_LANGUAGE": match spec.shop.language {
            Language::Id => "id",
            Language::En => "en",
        },
        "SHOP_TIMEZONE": spec.shop.timezone,
        "WHATSAPP_GRAPH_URL": cloud.graph_url,
        "WHATSAPP_GRAPH_VERSION": cloud.graph_version,
        "WHATSAPP_PHONE_NUMBER_ID": cloud.phone_number_id,
        "WHATSAPP_MESSAGES_PER_SECOND": cloud.messages_per_second.to_string(),
        "MIDTRANS_SNAP_URL": snap,
        "MIDTRANS_API_URL": api,
        "MIDTRANS_MERCHANT_ID": spec.payments.midtrans.merchant_id,
        "PAYMENT_METHODS": methods.join(","),
        "TRANSACTION_LIMIT": bot.limits.transactions_per_window.to_string(),
        "TRANSACTION_WINDOW": bot.limits.window,
        "LOCK_TTL": bot.lock_ttl,
        "BURST_WINDOW": bot.burst_window,
        "LOG": bot.log,
    });
    if !spec.shop.staff.is_empty() {
        settings["STAFF_IDENTITIES"] = Value::from(spec.shop.staff.join(","));
    }
    if let Some(endpoint) = &bot.traces_endpoint {
        settings["OTEL_EXPORTER_OTLP_ENDPOINT"] = Value::from(endpoint.as_str());
    }
    settings
}

/// Where customers reach pictures: the host of `expose`, or the Service where nothing is exposed.
fn public_url(site: &Site) -> String {
    match &site.shop.spec.expose {
        Some(expose) => format!("https://{}", expose.host),
        None => format!("http://{}", site.names().host(&site.names().bot())),
    }
}

/// Bases of Snap and of the Core API.
pub(super) fn midtrans_urls(site: &Site) -> (String, String) {
    let midtrans = &site.shop.spec.payments.midtrans;
    let (snap, api) = match (&midtrans.base_url, midtrans.environment) {
        (Some(base), _) => (base.as_str(), base.as_str()),
        (None, MidtransEnvironment::Sandbox) => (
            "https://app.sandbox.midtrans.com",
            "https://api.sandbox.midtrans.com",
        ),
        (None, MidtransEnvironment::Production) => {
            ("https://app.midtrans.com", "https://api.midtrans.com")
        }
    };
    (snap.to_owned(), api.to_owned())
}

fn method(method: PaymentMethod) -> &'static str {
    match method {
        PaymentMethod::Qris => "qris",
        PaymentMethod::VaBca => "va_bca",
        PaymentMethod::VaBni => "va_bni",
        PaymentMethod::VaBri => "va_bri",
        PaymentMethod::VaPermata => "va_permata",
        PaymentMethod::MandiriBill => "mandiri_bill",
        PaymentMethod::Indomaret => "indomaret",
        PaymentMethod::Snap => "snap",
        PaymentMethod::Saldo => "saldo",
    }
}

/// The Service of webhooks, and under `split` one more so that workers are measured too.
pub(super) fn services(site: &Site) -> Vec<Child> {
    let webhooks = with(site.selector("bot"), &[(labels::WEBHOOKS, "true")]);
    let mut all = vec![service(site, &site.names().bot(), &webhooks, None)];
    if parts(site).contains(&Part::Worker) {
        let workers = Part::Worker.selector(site);
        all.push(service(
            site,
            &site.names().worker(),
            &workers,
            Some("None"),
        ));
    }
    all
}

fn service(site: &Site, name: &str, selector: &Value, cluster_ip: Option<&str>) -> Child {
    let mut object = json!({
        "metadata": site.metadata(name, "bot"),
        "spec": {
            "type": "ClusterIP",
            "selector": selector,
            "ports": [{
                "name": "http",
                "port": SERVICE_PORT,
                "targetPort": "http",
                "protocol": "TCP",
                "appProtocol": "http",
            }],
        },
    });
    if let Some(address) = cluster_ip {
        object["spec"]["clusterIP"] = Value::from(address);
    }
    Child::from_json::<Service>(object)
}
