//! What may exist yet.

use serde_json::json;

use super::world::{World, available, key};

const OLD: &str = "registry.example/warung-bot:0.9.0";

fn image(world: &World, deployment: &str) -> String {
    let deployment = world.child("Deployment", deployment);
    let container = &deployment["spec"]["template"]["spec"]["containers"][0];
    container["image"].as_str().unwrap().to_owned()
}

#[test]
fn no_bot_runs_before_its_database_is_migrated() {
    let mut world = World::of_sample("minimal");
    world.progress.database_ready = false;
    world.progress.migrated_image = None;
    assert!(world.of_kind("Deployment").is_empty());
    assert!(
        world.of_kind("Job").is_empty(),
        "there is nothing to migrate yet"
    );
    assert_eq!(world.of_kind("StatefulSet").len(), 4);

    world.progress.database_ready = true;
    assert!(world.of_kind("Deployment").is_empty());
    let jobs = world.of_kind("Job");
    let container = &jobs[0]["spec"]["template"]["spec"]["containers"][0];
    assert_eq!(container["image"], world.defaults.bot_image.as_str());
    assert_eq!(
        container["args"],
        json!(["migrate", "--grant-to", "warung_bot"])
    );

    world.progress.migrated_image = Some(world.defaults.bot_image.clone());
    assert_eq!(world.of_kind("Deployment").len(), 1);
    assert!(world.of_kind("Job").is_empty());
}

#[test]
fn a_new_image_waits_for_its_own_migration() {
    let mut world = World::of_sample("minimal");
    world.progress.migrated_image = Some(OLD.to_owned());
    assert_eq!(image(&world, "toko-bot"), OLD);
    assert_eq!(world.of_kind("Job").len(), 1);
    world.progress.migrated_image = Some(world.defaults.bot_image.clone());
    assert_eq!(image(&world, "toko-bot"), world.defaults.bot_image);
}

#[test]
fn another_attempt_to_migrate_is_another_job() {
    let mut world = World::of_sample("external-stores");
    world.progress.migrated_image = None;
    let name = |world: &World| world.of_kind("Job")[0]["metadata"]["name"].clone();
    let before = name(&world);
    assert_eq!(name(&world), before);
    world
        .shop
        .spec
        .bot
        .node_selector
        .insert("disk".to_owned(), "fast".to_owned());
    assert_ne!(name(&world), before);
}

#[test]
fn a_database_that_is_away_for_a_moment_takes_no_bot_away() {
    let mut world = World::of_sample("minimal").after_apply("Deployment", "toko-bot", json!({}));
    world.progress.database_ready = false;
    assert_eq!(world.of_kind("Deployment").len(), 1);
    // Nor does a status that was lost.
    world.progress.migrated_image = None;
    assert_eq!(image(&world, "toko-bot"), world.defaults.bot_image);
}

#[test]
fn a_restore_finds_nobody_at_work() {
    for sample in ["everything-managed", "highly-available"] {
        let mut world = World::of_sample(sample);
        world.progress.held = true;
        for deployment in world.of_kind("Deployment") {
            assert_eq!(deployment["spec"]["replicas"], 0, "{sample}");
        }
        for schedule in world.of_kind("CronJob") {
            assert_eq!(schedule["spec"]["suspend"], true, "{sample}");
        }
        assert!(world.of_kind("HorizontalPodAutoscaler").is_empty());
        world.progress.migrated_image = Some(OLD.to_owned());
        assert!(world.of_kind("Job").is_empty(), "{sample}");
    }
}

#[test]
fn an_autoscaler_has_the_last_word_on_the_number() {
    let world = World::of_sample("highly-available");
    let replicas = |world: &World, name: &str| {
        let deployment = world.child("Deployment", name);
        deployment["spec"]["replicas"].as_i64()
    };
    // To begin with there is its minimum, so that it need not climb.
    assert_eq!(replicas(&world, "toko-worker"), Some(3));
    assert_eq!(replicas(&world, "toko-ingress"), Some(3));
    let scaled = world
        .clone()
        .after_apply("Deployment", "toko-worker", available(7));
    assert_eq!(replicas(&scaled, "toko-worker"), None);
    assert_eq!(replicas(&scaled, "toko-ingress"), Some(3));
    // After a restore they stand at none, from where an autoscaler never starts.
    let stopped = world.after_apply("Deployment", "toko-worker", available(0));
    assert_eq!(replicas(&stopped, "toko-worker"), Some(3));
}

#[test]
fn another_topology_takes_over_without_a_gap() {
    let single = World::of_sample("minimal");
    let mut split = single.after_apply("Deployment", "toko-bot", available(2));
    split.shop.spec.bot.topology = crate::crds::Topology::Split;
    let names = |world: &World| -> Vec<String> {
        let all = world.of_kind("Deployment").into_iter();
        all.map(|d| d["metadata"]["name"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(names(&split), ["toko-ingress", "toko-worker", "toko-bot"]);
    let split = split
        .after_apply("Deployment", "toko-ingress", available(2))
        .after_apply("Deployment", "toko-worker", available(1));
    let mut split = split;
    let ingress = split
        .found
        .children
        .get_mut(&key("Deployment", "toko-ingress"));
    ingress.unwrap()["status"] = json!({ "availableReplicas": 2 });
    assert_eq!(names(&split), ["toko-ingress", "toko-worker"]);
}

#[test]
fn a_single_bot_has_no_budget_and_many_lose_one_at_a_time() {
    let mut world = World::of_sample("minimal");
    let budget = world.child("PodDisruptionBudget", "toko-bot");
    assert_eq!(budget["spec"]["maxUnavailable"], 1);
    world.shop.spec.bot.replicas = 1;
    assert!(world.find("PodDisruptionBudget", "toko-bot").is_none());
}

#[test]
fn a_redis_shard_stays_until_it_is_empty_and_shrinks_when_nothing_is_lost() {
    let mut world = World::of_sample("minimal");
    let redis = |world: &mut World, shards, replicas| {
        let managed = world.shop.spec.redis.managed.as_mut().unwrap();
        managed.shards = shards;
        managed.replicas_per_shard = replicas;
    };
    redis(&mut world, 4, 2);
    let mut world = world.after_apply("StatefulSet", "toko-redis-3", json!({}));
    redis(&mut world, 3, 1);
    assert_eq!(
        world.child("StatefulSet", "toko-redis-3")["spec"]["replicas"],
        3
    );
    assert_eq!(
        world.child("StatefulSet", "toko-redis-0")["spec"]["replicas"],
        3
    );
    world.progress.redis_shrinkable.insert(0);
    assert_eq!(
        world.child("StatefulSet", "toko-redis-0")["spec"]["replicas"],
        2
    );
    world.progress.redis_empty_shards.insert(3);
    assert!(world.find("StatefulSet", "toko-redis-3").is_none());
}

#[test]
fn a_volume_grows_by_its_claim_and_the_template_stays() {
    let world = World::of_sample("minimal");
    let mut world = world.after_apply("StatefulSet", "toko-postgres", json!({}));
    let managed = world.shop.spec.database.managed.as_mut().unwrap();
    managed.storage.size.0 = "40Gi".to_owned();
    let claim = world.child("PersistentVolumeClaim", "data-toko-postgres-0");
    assert_eq!(claim["spec"]["resources"]["requests"]["storage"], "40Gi");
    let set = world.child("StatefulSet", "toko-postgres");
    let template = &set["spec"]["volumeClaimTemplates"][0]["spec"];
    assert_eq!(template["resources"]["requests"]["storage"], "10Gi");
}

#[test]
fn a_running_postgresql_keeps_its_image_when_the_default_moves_on() {
    let world = World::of_sample("minimal");
    let mut world = world.after_apply("StatefulSet", "toko-postgres", json!({}));
    world.defaults.postgres_image = "registry.example/postgres:99".to_owned();
    let set = world.child("StatefulSet", "toko-postgres");
    let container = &set["spec"]["template"]["spec"]["containers"][0];
    assert_eq!(container["image"], "registry.example/postgres:17.6");
}

#[test]
fn a_volume_that_waited_for_its_shop_keeps_its_image_when_the_default_moves_on() {
    let world = World::of_sample("minimal");
    let claim = key("PersistentVolumeClaim", "data-toko-postgres-0");
    let mut world = world.after_apply(&claim.kind, &claim.name, json!({}));
    // The shop is gone under Retain; one of the same name finds the volume alone.
    let kept = world.found.children[&claim].clone();
    world.found.children = [(claim, kept)].into();
    world.defaults.postgres_image = "registry.example/postgres:99".to_owned();
    let image = |world: &World| {
        let set = world.child("StatefulSet", "toko-postgres");
        set["spec"]["template"]["spec"]["containers"][0]["image"].clone()
    };
    assert_eq!(image(&world), "registry.example/postgres:17.6");

    // An image that the manifest names is noted once it was seen to serve.
    let mut world = world.after_apply("Service", "toko-bot", json!({}));
    let managed = world.shop.spec.database.managed.as_mut().unwrap();
    managed.image = Some("registry.example/postgres:17.7".to_owned());
    let noted = |world: &World| {
        let claim = world.child("PersistentVolumeClaim", "data-toko-postgres-0");
        claim["metadata"]["annotations"]["warung.dev/postgres-image"].clone()
    };
    assert_eq!(noted(&world), "registry.example/postgres:17.6");
    let serves = json!({"metadata": {"generation": 2}, "status": {"observedGeneration": 2,
        "readyReplicas": 1, "currentRevision": "b", "updateRevision": "b"}});
    let world = world.after_apply("StatefulSet", "toko-postgres", serves);
    assert_eq!(noted(&world), "registry.example/postgres:17.7");
}
