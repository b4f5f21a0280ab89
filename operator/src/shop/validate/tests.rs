//! What people read when something is missing.

use super::*;
use crate::shop::build::tests::world::World;

fn complaints(world: &World) -> Vec<String> {
    let faults = validate(&world.shop, &world.found, &world.defaults).unwrap_err();
    faults.iter().map(Fault::to_string).collect()
}

fn set(world: &mut World, secret: &str, key: &str, value: &str) {
    let secret = world.found.secrets.get_mut(secret).unwrap();
    let value = value.as_bytes().to_vec();
    secret.as_mut().unwrap().insert(key.to_owned(), value);
}

#[test]
fn every_fault_is_named_at_once_and_no_value_is_shown() {
    let mut world = World::of_sample("external-stores");
    world.shop.spec.shop.timezone = "Asia/Jakata".to_owned();
    world.found.secrets.insert("toko-whatsapp".to_owned(), None);
    set(&mut world, "toko-midtrans", "server-key", " \n");
    set(&mut world, "toko-external-database", "bot", "hunter2");
    set(
        &mut world,
        "toko-external-redis",
        "urls",
        "redis://a:1,hunter2",
    );
    assert_eq!(
        complaints(&world),
        [
            "Secret toko-whatsapp (spec.whatsapp.cloud.secretRef) does not exist: create it with \
             the keys access-token, app-secret, verify-token",
            "Secret toko-midtrans (spec.payments.midtrans.secretRef) has no key server-key, or it \
             is empty: add it",
            "key bot of Secret toko-external-database must be a URL such as \
             postgres://user:password@host:5432/database?sslmode=verify-full",
            "key urls of Secret toko-external-redis must be rediss:// URLs, separated by commas, \
             because redis.external.caSecretRef is set",
            "spec.shop.timezone: Asia/Jakata is no time zone: name one of the IANA database, such \
             as Asia/Jakarta",
        ]
    );
}

#[test]
fn a_time_zone_is_spelled_as_schedules_and_the_bot_take_it() {
    let mut world = World::of_sample("minimal");
    world.shop.spec.shop.timezone = "asia/MAKASSAR".to_owned();
    assert_eq!(
        complaints(&world),
        ["spec.shop.timezone: asia/MAKASSAR is spelled Asia/Makassar"]
    );
    for good in [
        "Asia/Makassar",
        "UTC",
        "Etc/GMT-7",
        "America/Argentina/Salta",
    ] {
        world.shop.spec.shop.timezone = good.to_owned();
        assert!(
            validate(&world.shop, &world.found, &world.defaults).is_ok(),
            "{good}"
        );
    }
}

#[test]
fn a_secret_that_nobody_looked_for_counts_as_missing() {
    let mut world = World::of_sample("minimal");
    world.found.secrets.clear();
    assert_eq!(complaints(&world).len(), 2);
}

#[test]
fn an_external_database_is_known_by_its_url() {
    let world = World::of_sample("external-stores");
    let validated = world.validated();
    let expected = ExternalAddress {
        port: 6543,
        owner_port: 6543,
        bot_role: "warung_bot".to_owned(),
        owner_role: "warung_owner".to_owned(),
    };
    assert_eq!(validated.external_database, Some(expected));
    assert_eq!(validated.external_redis_ports, [7000].into());
}

#[test]
fn a_missing_kind_is_told_and_holds_nothing_else_up() {
    let mut world = World::of_sample("highly-available");
    world.found.kinds = crate::shop::KnownKinds::default();
    let warnings = world.validated().warnings;
    let told: Vec<String> = warnings.iter().map(Fault::to_string).collect();
    assert_eq!(
        told,
        [
            "spec.database.cloudNativePG needs the kind Cluster (postgresql.cnpg.io/v1), which \
             this cluster does not have: install CloudNativePG",
            "spec.expose.gatewayRef needs the kind HTTPRoute (gateway.networking.k8s.io/v1), \
             which this cluster does not have: install the Gateway API, or use \
             expose.ingressClassName",
        ]
    );
    assert!(world.of_kind("Cluster").is_empty() && world.of_kind("HTTPRoute").is_empty());
    assert!(!world.of_kind("Service").is_empty());
}
