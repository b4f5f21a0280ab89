//! Who may speak with whom: nobody, but for what is listed here.

use k8s_openapi::api::networking::v1::NetworkPolicy;
use serde_json::{Value, json};

use super::{
    Site,
    bot::{self, HTTP_PORT},
    names as labels,
    redis::BUS_PORT,
    secrets::{POSTGRES_PORT, REDIS_PORT},
};
use crate::shop::{Child, ExternalAddress};

const HTTPS_PORT: u16 = 443;
const DNS_PORT: u16 = 53;
/// Jobs that log in to the database. A verification does not: it has a PostgreSQL of its own.
const DATABASE_JOBS: [&str; 3] = ["backup", "restore", "migrate"];
/// Jobs that read or write backups.
const BACKUP_JOBS: [&str; 3] = ["backup", "verify", "restore"];

/// All policies of a shop.
pub(super) fn policies(site: &Site) -> Vec<Child> {
    let mut all = vec![nobody(site), of_bots(site), of_jobs(site)];
    all.extend(to_bucket(site));
    if site.shop.spec.database.managed.is_some() {
        all.push(of_postgres(site));
    }
    if site.shop.spec.redis.managed.is_some() {
        all.push(of_redis(site));
    }
    all
}

fn policy(site: &Site, what: &str, component: &str, spec: &Value) -> Child {
    let name = format!("{}-{what}", site.names().shop);
    Child::from_json::<NetworkPolicy>(json!({
        "metadata": site.metadata(&name, component),
        "spec": spec,
    }))
}

/// Every pod of the shop: nothing in, nothing out.
fn nobody(site: &Site) -> Child {
    let pods = json!({
        "app.kubernetes.io/name": "warung",
        labels::INSTANCE: site.names().shop,
    });
    policy(
        site,
        "default-deny",
        "bot",
        &json!({
            "podSelector": { "matchLabels": pods },
            "policyTypes": ["Ingress", "Egress"],
        }),
    )
}

fn of_bots(site: &Site) -> Child {
    let mut out = vec![dns(), anywhere(&outside_ports(site))];
    out.extend(to_database(site, |external| external.port));
    out.extend(to_redis(site));
    policy(
        site,
        "bot",
        "bot",
        &json!({
            "podSelector": { "matchLabels": site.selector("bot") },
            "policyTypes": ["Ingress", "Egress"],
            "ingress": [to_bots(site)],
            "egress": out,
        }),
    )
}

/// Who may speak with bots. Webhooks are signed; metrics and probes name no customer, and no
/// Ingress or HTTPRoute of ours leads to them.
fn to_bots(site: &Site) -> Value {
    let ports = [tcp(HTTP_PORT)];
    if site.shop.spec.expose.is_some() {
        // An ingress controller may run in the host's network, a load balancer outside of the
        // cluster: no selector finds them, and their addresses are nobody's to know here.
        return json!({ "ports": ports });
    }
    // Pods of the cluster, such as Prometheus. A policy of the namespace's owner may add others.
    json!({ "from": [{ "namespaceSelector": {} }], "ports": ports })
}

/// Backups, restores and migrations: the database.
fn of_jobs(site: &Site) -> Child {
    let mut out = vec![dns()];
    out.extend(to_database(site, |external| external.owner_port));
    outwards(site, "jobs", &DATABASE_JOBS, &out)
}

/// Backups, verifications and restores: the bucket, where there is one.
fn to_bucket(site: &Site) -> Option<Child> {
    let s3 = site.shop.spec.backup.as_ref()?.destination.s3.as_ref()?;
    let port = s3.endpoint.as_deref().map_or(HTTPS_PORT, port_of);
    let out = [dns(), anywhere(&[port])];
    Some(outwards(site, "bucket", &BACKUP_JOBS, &out))
}

/// Jobs that speak with others, and that nobody speaks with.
fn outwards(site: &Site, what: &str, jobs: &[&str], out: &[Value]) -> Child {
    policy(
        site,
        what,
        "backup",
        &json!({
            "podSelector": {
                "matchLabels": {
                    "app.kubernetes.io/name": "warung",
                    labels::INSTANCE: site.names().shop,
                },
                "matchExpressions": [
                    { "key": labels::COMPONENT, "operator": "In", "values": jobs },
                ],
            },
            "policyTypes": ["Ingress", "Egress"],
            "egress": out,
        }),
    )
}

fn of_postgres(site: &Site) -> Child {
    let mut from = vec![pods(&site.selector("bot"))];
    from.extend(DATABASE_JOBS.map(|job| pods(&site.selector(job))));
    from.push(operator(site));
    policy(
        site,
        "postgres",
        "postgres",
        &json!({
            "podSelector": { "matchLabels": site.selector("postgres") },
            "policyTypes": ["Ingress", "Egress"],
            "ingress": [{ "from": from, "ports": [tcp(POSTGRES_PORT)] }],
        }),
    )
}

fn of_redis(site: &Site) -> Child {
    let nodes = pods(&site.selector("redis"));
    policy(
        site,
        "redis",
        "redis",
        &json!({
            "podSelector": { "matchLabels": site.selector("redis") },
            "policyTypes": ["Ingress", "Egress"],
            "ingress": [
                {
                    "from": [pods(&site.selector("bot")), operator(site), nodes],
                    "ports": [tcp(REDIS_PORT)],
                },
                // The bus knows no password: only this shop's own nodes may reach it.
                { "from": [nodes], "ports": [tcp(BUS_PORT)] },
            ],
            "egress": [{ "to": [nodes], "ports": [tcp(REDIS_PORT), tcp(BUS_PORT)] }],
        }),
    )
}

fn tcp(port: u16) -> Value {
    json!({ "protocol": "TCP", "port": port })
}

fn pods(labels: &Value) -> Value {
    json!({ "podSelector": { "matchLabels": labels } })
}

/// The operator's pods, in its namespace.
fn operator(site: &Site) -> Value {
    json!({
        "namespaceSelector": {
            "matchLabels": {
                "kubernetes.io/metadata.name": site.defaults.operator_namespace,
            },
        },
        "podSelector": { "matchLabels": { "app.kubernetes.io/name": "warung-operator" } },
    })
}

/// DNS, wherever it runs: on some clusters it is no pod.
fn dns() -> Value {
    json!({
        "ports": [{ "protocol": "UDP", "port": DNS_PORT }, tcp(DNS_PORT)],
    })
}

/// Ports of any address: policies know no host names.
fn anywhere(ports: &[u16]) -> Value {
    json!({ "ports": ports.iter().map(|port| tcp(*port)).collect::<Vec<_>>() })
}

/// PostgreSQL; `port` says which one of somebody else's, for bots and owner may take two ways.
fn to_database(site: &Site, port: impl Fn(&ExternalAddress) -> u16) -> Vec<Value> {
    let rule = |labels: &Value| json!({ "to": [pods(labels)], "ports": [tcp(POSTGRES_PORT)] });
    let database = &site.shop.spec.database;
    if database.managed.is_some() {
        vec![rule(&site.selector("postgres"))]
    } else if database.cloud_native_pg.is_some() {
        vec![rule(&json!({ "cnpg.io/cluster": site.names().postgres() }))]
    } else {
        let external = site.shop.external_database.as_ref();
        external.map(|e| anywhere(&[port(e)])).into_iter().collect()
    }
}

fn to_redis(site: &Site) -> Vec<Value> {
    if site.shop.spec.redis.managed.is_some() {
        let nodes = pods(&site.selector("redis"));
        return vec![json!({ "to": [nodes], "ports": [tcp(REDIS_PORT)] })];
    }
    let ports: Vec<u16> = site.shop.external_redis_ports.iter().copied().collect();
    vec![anywhere(&ports)]
}

/// Ports of Meta, Midtrans and the collector of traces.
fn outside_ports(site: &Site) -> Vec<u16> {
    let spec = &site.shop.spec;
    let (snap, api) = bot::midtrans_urls(site);
    let mut ports = vec![port_of(&spec.whatsapp.cloud.graph_url)];
    ports.extend([port_of(&snap), port_of(&api)]);
    ports.extend(spec.bot.traces_endpoint.as_deref().map(port_of));
    // Pictures are fetched from addresses that Meta hands out.
    ports.push(HTTPS_PORT);
    ports.sort_unstable();
    ports.dedup();
    ports
}

/// Port of a URL.
fn port_of(url: &str) -> u16 {
    let (scheme, rest) = url.split_once("://").unwrap_or(("https", url));
    let authority = rest.split('/').next().unwrap_or_default();
    let host_and_port = authority.rsplit('@').next().unwrap_or_default();
    let after_address = host_and_port.rsplit(']').next().unwrap_or_default();
    let named = after_address.rsplit_once(':').map(|(_, port)| port);
    let default = if scheme == "http" { 80 } else { HTTPS_PORT };
    named.and_then(|port| port.parse().ok()).unwrap_or(default)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::port_of;
    use crate::shop::build::tests::world::World;

    fn spec(world: &World, policy: &str) -> Value {
        world.child("NetworkPolicy", policy)["spec"].clone()
    }

    #[test]
    fn a_shop_that_is_exposed_answers_whoever_asks_another_only_pods() {
        let mut world = World::of_sample("everything-managed");
        let exposed = spec(&world, "toko-bot");
        let port = json!([{ "protocol": "TCP", "port": 8080 }]);
        assert_eq!(exposed["ingress"], json!([{ "ports": port }]));
        world.shop.spec.expose = None;
        let inside = json!([{ "from": [{ "namespaceSelector": {} }], "ports": port }]);
        assert_eq!(spec(&world, "toko-bot")["ingress"], inside);
    }

    #[test]
    fn bots_and_the_owner_may_reach_the_database_by_different_ports() {
        let mut world = World::of_sample("external-stores");
        let secret = world.found.secrets.get_mut("toko-external-database");
        let secret = secret.unwrap().as_mut().unwrap();
        let url = "postgres://warung_owner:word@db.example.com:5433/toko";
        secret.insert("owner".to_owned(), url.as_bytes().to_vec());
        let reaches = |policy: &str, port: u16| {
            let egress = spec(&world, policy)["egress"].to_string();
            egress.contains(&format!("\"port\":{port}"))
        };
        // The bots pass a pooler, which a migration must not.
        assert!(reaches("toko-bot", 6543) && !reaches("toko-bot", 5433));
        assert!(reaches("toko-jobs", 5433) && !reaches("toko-jobs", 6543));
    }

    #[test]
    fn a_port_is_found_in_any_url() {
        assert_eq!(port_of("https://graph.facebook.com"), 443);
        assert_eq!(port_of("http://sandbox.demo:9001/a:7"), 9001);
        assert_eq!(port_of("http://user:word@host"), 80);
        assert_eq!(port_of("http://[fd00::1]:4318"), 4318);
        assert_eq!(port_of("http://[fd00::1]"), 80);
    }
}
