//! Every child of a shop, as it is wanted now. Pure: the same input gives the same children.
//!
//! Which children may exist yet is decided here too: no bot before its database is migrated, a new
//! image only after its own migration, nobody while a restore holds the shop.

mod accounts;
pub mod backup;
mod bot;
mod cloud_native_pg;
mod expose;
pub mod migrate;
mod monitoring;
mod network;
mod pod;
mod postgres;
mod redis;
mod scaling;
mod secrets;
#[cfg(test)]
pub(super) mod tests;
mod volumes;

use serde_json::{Value, json};

pub use redis::claims_to_delete;
pub(super) use volumes::POSTGRES_IMAGE;

use super::{
    Child, Credentials, Defaults, Found, Progress, Validated,
    names::{self, Names},
    validate::hash_of,
};

/// Everything that decides what a shop's children look like.
#[derive(Clone, Copy)]
pub struct Site<'a> {
    /// The manifest, resolved.
    pub shop: &'a Validated,
    /// What exists.
    pub found: &'a Found,
    /// How far the shop has come.
    pub progress: &'a Progress,
    /// What the operator made up.
    pub credentials: &'a Credentials,
    /// What the operator was started with.
    pub defaults: &'a Defaults,
}

/// Every child of a shop, in the order in which they are best applied.
pub fn build(
    shop: &Validated,
    found: &Found,
    progress: &Progress,
    credentials: &Credentials,
    defaults: &Defaults,
) -> Vec<Child> {
    let site = &Site {
        shop,
        found,
        progress,
        credentials,
        defaults,
    };
    let mut children = vec![accounts::service_account(site)];
    children.extend(network::policies(site));
    children.extend(secrets::all(site));
    children.extend(accounts::config_map(site));
    children.extend(volumes::claims(site));
    children.extend(postgres::all(site));
    children.extend(cloud_native_pg::cluster(site));
    children.extend(redis::all(site));
    children.push(bot::config_map(site));
    children.extend(migrate::job(site));
    children.extend(bot::deployments(site));
    children.extend(bot::services(site));
    children.extend(scaling::all(site));
    children.extend(expose::route(site));
    children.extend(backup::cron_jobs(site));
    children.extend(monitoring::all(site));
    children
}

impl Site<'_> {
    fn names(&self) -> &Names {
        &self.shop.names
    }

    /// Metadata of a child.
    fn metadata(&self, name: &str, component: &str) -> Value {
        json!({
            "name": name,
            "namespace": self.names().namespace,
            "labels": self.labels(component),
        })
    }

    /// Labels of a child and its pods.
    fn labels(&self, component: &str) -> Value {
        json!({
            "app.kubernetes.io/name": "warung",
            names::INSTANCE: self.names().shop,
            names::COMPONENT: component,
            "app.kubernetes.io/managed-by": "warung-operator",
            "app.kubernetes.io/part-of": "warung",
        })
    }

    /// Labels that tell the pods of a component from all others.
    fn selector(&self, component: &str) -> Value {
        json!({
            "app.kubernetes.io/name": "warung",
            names::INSTANCE: self.names().shop,
            names::COMPONENT: component,
        })
    }

    /// A child as the API server has it.
    fn found(&self, kind: &str, name: &str) -> Option<&Value> {
        self.found.child(kind, name)
    }

    /// Digest of what a Secret of the manifest says.
    fn secret_hash(&self, secret: &str) -> &str {
        let hash = self.shop.secret_hashes.get(secret);
        hash.map_or("", String::as_str)
    }

    /// The image that bots may run: the one that the database was last migrated for. None before
    /// the first migration.
    ///
    /// Bots that run are believed too: a status that was lost must not take a selling shop down.
    fn serving_image(&self) -> Option<String> {
        let running = || {
            bot::names(self)
                .iter()
                .find_map(|name| self.found("Deployment", name))
                .and_then(|d| d["spec"]["template"]["spec"]["containers"][0]["image"].as_str())
                .map(str::to_owned)
        };
        self.progress.migrated_image.clone().or_else(running)
    }
}

/// Puts more labels into a map of labels.
fn with(mut map: Value, more: &[(&str, &str)]) -> Value {
    for (key, value) in more {
        map[*key] = Value::from(*value);
    }
    map
}

/// A short digest of a JSON value, the same for the same value.
fn hash_of_value(value: &Value) -> String {
    hash_of([value.to_string().as_bytes()])
}
