//! Every pod of every shop may do as little as can be.

use serde_json::{Value, json};

use super::super::{
    Site,
    backup::{self, Task},
};
use super::world::{SAMPLES, World};

/// Every pod template of a shop, with a name for messages.
fn pods(world: &World) -> Vec<(String, Value)> {
    let mut children = world.children();
    let shop = world.validated();
    let site = Site {
        shop: &shop,
        found: &world.found,
        progress: &world.progress,
        credentials: &world.credentials,
        defaults: &world.defaults,
    };
    let restore = Task::Restore {
        backup: None,
        replace: true,
    };
    children.extend(backup::job(&site, "toko-restore-1", restore));
    let template = |child: &crate::shop::Child| {
        let spec = &child.object["spec"];
        let template = match child.resource.kind.as_str() {
            "Deployment" | "StatefulSet" | "Job" => &spec["template"],
            "CronJob" => &spec["jobTemplate"]["spec"]["template"],
            _ => return None,
        };
        Some((format!("{:?}", child.key()), template.clone()))
    };
    children.iter().filter_map(template).collect()
}

fn all_pods() -> Vec<(String, Value)> {
    let mut all = Vec::new();
    for sample in SAMPLES {
        let mut world = World::of_sample(sample);
        world.progress.migrated_image = Some("registry.example/warung-bot:0.9.0".to_owned());
        all.extend(pods(&world));
    }
    assert!(all.len() > 25, "pods of all kinds are looked at");
    all
}

fn containers(pod: &Value) -> Vec<&Value> {
    let spec = &pod["spec"];
    [list(&spec["initContainers"]), list(&spec["containers"])].concat()
}

/// The items of a list, none where there is no list.
fn list(value: &Value) -> Vec<&Value> {
    value.as_array().into_iter().flatten().collect()
}

#[test]
fn every_pod_meets_the_restricted_standard() {
    for (name, pod) in all_pods() {
        let spec = &pod["spec"];
        assert_eq!(spec["automountServiceAccountToken"], false, "{name}");
        assert_eq!(spec["enableServiceLinks"], false, "{name}");
        for forbidden in ["hostNetwork", "hostPID", "hostIPC", "hostAliases"] {
            assert!(spec[forbidden].is_null(), "{name}");
        }
        assert_eq!(spec["securityContext"]["runAsNonRoot"], true, "{name}");
        assert!(spec["securityContext"]["runAsUser"].as_i64() > Some(10_000));
        for container in containers(&pod) {
            let context = &container["securityContext"];
            assert_eq!(context["runAsNonRoot"], true, "{name}");
            assert_eq!(context["allowPrivilegeEscalation"], false, "{name}");
            assert_eq!(context["readOnlyRootFilesystem"], true, "{name}");
            assert_eq!(
                context["capabilities"],
                json!({ "drop": ["ALL"] }),
                "{name}"
            );
            assert_eq!(context["seccompProfile"]["type"], "RuntimeDefault");
        }
        let allowed = [
            "emptyDir",
            "ephemeral",
            "projected",
            "configMap",
            "persistentVolumeClaim",
        ];
        for volume in spec["volumes"].as_array().unwrap() {
            let kind = volume.as_object().unwrap().keys().find(|k| *k != "name");
            assert!(
                allowed.contains(&kind.unwrap().as_str()),
                "{name}: {volume}"
            );
        }
    }
}

#[test]
fn every_container_is_bounded_and_named_by_a_tag() {
    for (name, pod) in all_pods() {
        assert!(pod["spec"]["terminationGracePeriodSeconds"].as_i64() > Some(0));
        for container in containers(&pod) {
            for side in ["requests", "limits"] {
                for resource in ["cpu", "memory", "ephemeral-storage"] {
                    let amount = &container["resources"][side][resource];
                    assert!(amount.is_string(), "{name}: {side} of {resource}");
                }
            }
            let image = container["image"].as_str().unwrap();
            assert!(
                image.contains(':') && !image.ends_with(":latest"),
                "{image}"
            );
        }
    }
}

#[test]
fn what_serves_is_probed_and_spread() {
    for (name, pod) in all_pods() {
        if pod["spec"]["restartPolicy"] != "Always" {
            continue;
        }
        let spec = &pod["spec"];
        assert!(spec["topologySpreadConstraints"].is_array(), "{name}");
        assert!(spec["affinity"]["podAntiAffinity"].is_object(), "{name}");
        let server = &spec["containers"][0];
        for probe in ["startupProbe", "livenessProbe", "readinessProbe"] {
            assert!(server[probe].is_object(), "{name}: {probe}");
        }
        assert_ne!(server["livenessProbe"], server["readinessProbe"], "{name}");
        assert!(server["lifecycle"]["preStop"].is_object(), "{name}");
    }
}

/// Names of the Secrets that a pod is given, with their keys.
fn secrets(pod: &Value) -> Vec<String> {
    let volumes = list(&pod["spec"]["volumes"]).into_iter();
    let sources = volumes.flat_map(|volume| list(&volume["projected"]["sources"]));
    sources
        .filter(|source| source["secret"].is_object())
        .flat_map(|source| {
            let name = source["secret"]["name"].as_str().unwrap().to_owned();
            let items = source["secret"]["items"].as_array().unwrap().iter();
            items.map(move |item| format!("{name}/{}", item["key"].as_str().unwrap()))
        })
        .collect()
}

fn secrets_of(world: &World, kind: &str, name: &str) -> Vec<String> {
    let key = format!("{:?}", super::world::key(kind, name));
    let pods = pods(world);
    let (_, pod) = pods.iter().find(|(name, _)| *name == key).unwrap();
    secrets(pod)
}

#[test]
fn nobody_is_given_a_secret_that_is_not_needed() {
    let world = World::of_sample("everything-managed");
    let of_bot = secrets_of(&world, "Deployment", "toko-bot");
    assert_eq!(
        of_bot,
        [
            "toko-database/url",
            "toko-redis-access/urls",
            "toko-data-key/data-key",
            "toko-whatsapp/access-token",
            "toko-whatsapp/app-secret",
            "toko-whatsapp/verify-token",
            "toko-midtrans/server-key",
            "toko-postgres/ca.crt",
        ]
    );
    // Whoever takes a backup job over can neither read old backups nor act as the shop.
    let of_backup = secrets_of(&world, "CronJob", "toko-backup");
    assert_eq!(
        of_backup,
        ["toko-database-owner/url", "toko-postgres/ca.crt"]
    );
    // A verification reads backups, and cannot reach the database.
    let of_verify = secrets_of(&world, "CronJob", "toko-verify");
    assert_eq!(of_verify, ["toko-backup-key/identity"]);
    let of_redis = secrets_of(&world, "StatefulSet", "toko-redis-0");
    assert!(of_redis.iter().all(|s| s.starts_with("toko-redis-access/")));
    let of_postgres = secrets_of(&world, "StatefulSet", "toko-postgres");
    assert!(!of_postgres.iter().any(|s| s.ends_with("bot-password")));
}

#[test]
fn a_changed_secret_or_setting_replaces_the_bots_and_nothing_else_does() {
    let world = World::of_sample("everything-managed");
    let template =
        |world: &World| world.child("Deployment", "toko-bot")["spec"]["template"].clone();
    let before = template(&world);

    let mut rotated = world.clone();
    let secret = rotated.found.secrets.get_mut("toko-whatsapp").unwrap();
    let secret = secret.as_mut().unwrap();
    secret.insert("unused".to_owned(), b"x".to_vec());
    assert_eq!(template(&rotated), before, "a key that nobody uses");
    let secret = rotated.found.secrets.get_mut("toko-whatsapp").unwrap();
    let secret = secret.as_mut().unwrap();
    secret.insert("app-secret".to_owned(), b"old,new".to_vec());
    assert_ne!(template(&rotated), before);

    let mut password = world.clone();
    password.credentials.redis_password = Some("another".to_owned());
    assert_ne!(template(&password), before);

    let mut limit = world.clone();
    limit.shop.spec.bot.limits.transactions_per_window = 9;
    assert_ne!(template(&limit), before);

    let mut more = world.clone();
    more.shop.spec.bot.replicas = 9;
    more.shop.spec.redis.managed.as_mut().unwrap().shards = 6;
    assert_eq!(template(&more), before, "more of the same");
}
