//! What each rule refuses.

use serde_json::{Value, json};

use super::manifests::{Edits, backup, backups_to_s3, restore, shop};

/// Manifests that cannot be created: what is edited, and how the message begins.
pub(super) fn never() -> Vec<(Value, Edits, &'static str)> {
    [
        names(),
        bots(),
        stores(),
        backups(),
        buckets(),
        outside(),
        requests(),
    ]
    .concat()
}

fn names() -> Vec<(Value, Edits, &'static str)> {
    let long = "a".repeat(41);
    let named = |name: &str| vec![(".metadata.name", json!(name))];
    vec![
        (
            shop(),
            named(&long),
            "metadata.name must be a DNS label of at most 40",
        ),
        (
            shop(),
            named("1toko"),
            "metadata.name must be a DNS label of at most 40",
        ),
        (
            shop(),
            named("toko.sari"),
            "metadata.name must be a DNS label of at most 40",
        ),
        (
            backup(),
            named("a.b"),
            "metadata.name must be a DNS label of at most 63",
        ),
        (
            restore(),
            named(&"a".repeat(64)),
            "metadata.name must be a DNS label of at most 63",
        ),
    ]
}

fn bots() -> Vec<(Value, Edits, &'static str)> {
    let autoscaling = json!({"minReplicas": 3, "maxReplicas": 2});
    let managed_full = "too many bots for the database: (most bots + 1 while rolling, with topology \
        split for each Deployment) × bot.databaseConnections + 10 must not exceed database.managed";
    let cnpg_full = "too many bots for the database: (most bots + 1 while rolling, with topology \
        split for each Deployment) × bot.databaseConnections + 10 must not exceed database.cloud";
    let exceed = json!({"requests": {"cpu": "2"}, "limits": {"cpu": "1500m"}});
    vec![
        (
            shop(),
            vec![("bot.autoscaling", autoscaling)],
            "autoscaling.minReplicas must not exceed",
        ),
        (
            shop(),
            vec![("bot.lockTTL", json!("9s"))],
            "lockTTL must lie between 10s and 5m",
        ),
        (
            shop(),
            vec![("bot.lockTTL", json!("301s"))],
            "lockTTL must lie between 10s and 5m",
        ),
        (
            shop(),
            vec![("bot.burstWindow", json!("11s"))],
            "burstWindow must be at most 10s",
        ),
        (
            shop(),
            vec![("bot.limits.window", json!("0s"))],
            "limits.window must lie between",
        ),
        (
            shop(),
            vec![("bot.limits.window", json!("25h"))],
            "limits.window must lie between",
        ),
        (
            shop(),
            vec![("bot.resources", exceed)],
            "resources.requests must not exceed",
        ),
        // (11 + 1) × 16 + 10 = 202 > 200
        (shop(), vec![("bot.replicas", json!(11))], managed_full),
        (
            shop(),
            vec![("bot.autoscaling", json!({"maxReplicas": 11}))],
            managed_full,
        ),
        (
            shop(),
            vec![
                ("bot.topology", json!("split")),
                ("bot.replicas", json!(5)),
                ("bot.autoscaling", json!({"maxReplicas": 6})),
            ],
            managed_full,
        ),
        (
            shop(),
            vec![("database", json!({"cloudNativePG": {"maxConnections": 57}}))],
            cnpg_full,
        ),
    ]
}

fn stores() -> Vec<(Value, Edits, &'static str)> {
    let secret = json!({"name": "dsn", "key": "url"});
    let both = json!({"managed": {}, "external": {"secretRef": secret}});
    let thin = json!({"limits": {"memory": "128Mi"}});
    let none = json!({"limits": {"cpu": "1"}});
    let one_of = "set exactly one of database.external, database.managed and";
    vec![
        (shop(), vec![("database", json!({}))], one_of),
        (shop(), vec![("database", both.clone())], one_of),
        (
            shop(),
            vec![("database.managed.resources", thin)],
            "resources.limits.memory must be at least 256Mi",
        ),
        (
            shop(),
            vec![("database.managed.resources", none.clone())],
            "resources.limits.memory must be at least 256Mi",
        ),
        (
            shop(),
            vec![("database.managed.storage.size", json!("0"))],
            "storage.size must be more than nothing",
        ),
        (
            shop(),
            vec![("redis", json!({}))],
            "set exactly one of redis.external and redis.managed",
        ),
        (
            shop(),
            vec![("redis", both)],
            "set exactly one of redis.external and redis.managed",
        ),
        (
            shop(),
            vec![("redis.managed.resources", none)],
            "resources.limits.memory must be at least 64Mi",
        ),
        (
            shop(),
            vec![(
                "redis.managed",
                json!({"shards": 21, "replicasPerShard": 2}),
            )],
            "redis.managed makes shards × (replicasPerShard + 1) pods, at most 60",
        ),
    ]
}

fn backups() -> Vec<(Value, Edits, &'static str)> {
    let with = |path: &'static str, value: Value| vec![("backup", backups_to_s3()), (path, value)];
    let external = (
        "database",
        json!({"external": {"secretRef": {"name": "dsn", "key": "url"}}}),
    );
    let cnpg = ("database", json!({"cloudNativePG": {}}));
    let place = "set exactly one of backup.destination.persistentVolumeClaim and";
    let claim = "set exactly one of claimName (a claim that exists) and storage";
    vec![
        (
            shop(),
            with("backup.deadline", json!("59s")),
            "backup.deadline must lie between 1m and 24h",
        ),
        (
            shop(),
            with("backup.deadline", json!("25h")),
            "backup.deadline must lie between 1m and 24h",
        ),
        (
            shop(),
            with("backup.verification.staleAfter", json!("59m")),
            "verification.staleAfter must lie",
        ),
        (
            shop(),
            with("backup.verification.staleAfter", json!("2161h")),
            "verification.staleAfter must lie",
        ),
        (shop(), with("backup.destination", json!({})), place),
        (
            shop(),
            with(
                "backup.destination.persistentVolumeClaim",
                json!({"claimName": "backups"}),
            ),
            place,
        ),
        (
            shop(),
            with("backup.destination", json!({"persistentVolumeClaim": {}})),
            claim,
        ),
        (
            shop(),
            with(
                "backup.destination",
                json!({"persistentVolumeClaim": {"claimName": "a", "storage": {}}}),
            ),
            claim,
        ),
        (
            shop(),
            vec![external, ("backup", backups_to_s3())],
            "set backup.image to an image",
        ),
        (
            shop(),
            vec![cnpg, ("backup", backups_to_s3())],
            "set backup.image, or database.cloudNativePG.image",
        ),
    ]
}

fn buckets() -> Vec<(Value, Edits, &'static str)> {
    let with = |path: &'static str, value: Value| vec![("backup", backups_to_s3()), (path, value)];
    vec![
        (
            shop(),
            with(
                "backup.destination.s3.endpoint",
                json!("http://s3.shops.svc:9000"),
            ),
            "an http:// endpoint sends credentials in the open",
        ),
        (
            shop(),
            with(
                "backup.destination.s3.caSecretRef",
                json!({"name": "s3", "key": "ca.crt"}),
            ),
            "caSecretRef is the authority of an https:// endpoint",
        ),
    ]
}

fn outside() -> Vec<(Value, Edits, &'static str)> {
    let gateway = json!({"host": "toko.example.com", "gatewayRef": {"name": "web"}});
    let production = ("payments.midtrans.environment", json!("production"));
    vec![
        (
            shop(),
            vec![(
                "payments.midtrans.methods",
                json!(["qris", "saldo", "qris"]),
            )],
            "methods must not repeat",
        ),
        (
            shop(),
            vec![
                production.clone(),
                ("payments.midtrans.baseUrl", json!("https://mid.example")),
            ],
            "payments.midtrans.baseUrl is for sandboxes only",
        ),
        (
            shop(),
            vec![
                production,
                ("whatsapp.cloud.graphUrl", json!("http://graph.example")),
            ],
            "an http:// whatsapp.cloud.graphUrl sends the access token in the open",
        ),
        (
            shop(),
            vec![("expose", json!({"host": "toko.example.com"}))],
            "set exactly one of expose.ingress",
        ),
        (
            shop(),
            vec![
                ("expose", gateway.clone()),
                ("expose.ingressClassName", json!("nginx")),
            ],
            "set exactly one of expose.ingress",
        ),
        (
            shop(),
            vec![("expose", gateway), ("expose.tlsSecretName", json!("tls"))],
            "with expose.gatewayRef the Gateway's listener ends TLS",
        ),
        (
            shop(),
            vec![(
                "monitoring.labels",
                json!({"app.kubernetes.io/name": "mine"}),
            )],
            "monitoring.labels must not name app.kubernetes.io",
        ),
    ]
}

fn requests() -> Vec<(Value, Edits, &'static str)> {
    vec![
        (
            restore(),
            vec![("newestVerified", json!(false))],
            "set exactly one of backup (the name",
        ),
        (
            restore(),
            vec![("backup", json!("nightly"))],
            "set exactly one of backup (the name",
        ),
    ]
}

/// Changes that are refused: how it begins, what is changed, and how the message begins.
pub(super) fn unchangeable() -> Vec<(Value, Edits, Edits, &'static str)> {
    let external = json!({"secretRef": {"name": "dsn", "key": "url"}});
    let class = "storage.className cannot be set, changed or removed later";
    let size = "storage.size may only grow";
    let kind = "the kind of database cannot be changed";
    vec![
        (
            shop(),
            vec![],
            vec![("whatsapp.cloud.phoneNumberId", json!("987654321"))],
            "phoneNumberId cannot be changed",
        ),
        (
            shop(),
            vec![],
            vec![("payments.midtrans.environment", json!("production"))],
            "payments.midtrans.environment cannot be changed",
        ),
        (
            shop(),
            vec![],
            vec![("database", json!({"external": external}))],
            kind,
        ),
        (
            shop(),
            vec![],
            vec![("database", json!({"cloudNativePG": {}}))],
            kind,
        ),
        (
            shop(),
            vec![],
            vec![("database.managed.storage.size", json!("9Gi"))],
            size,
        ),
        (
            shop(),
            vec![],
            vec![("database.managed.storage.className", json!("fast"))],
            class,
        ),
        (
            shop(),
            vec![("redis.managed.storage.className", json!("fast"))],
            vec![("redis.managed.storage.className", json!("slow"))],
            class,
        ),
        (
            shop(),
            vec![("redis.managed.storage.className", json!("fast"))],
            vec![("redis.managed.storage", json!({"size": "1Gi"}))],
            class,
        ),
        (
            backup(),
            vec![],
            vec![("shopRef.name", json!("other"))],
            "a backup belongs to its shop",
        ),
        (
            restore(),
            vec![],
            vec![("replace", json!(true))],
            "a restore cannot be changed once it is asked for",
        ),
    ]
}
