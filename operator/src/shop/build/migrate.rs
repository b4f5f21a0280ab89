//! The Job that brings the database to the schema of a new image, before any bot runs it.

use k8s_openapi::api::batch::v1::Job;
use serde_json::{Value, json};

use super::{
    Site, hash_of_value, names,
    pod::{self, Pod, TERMINATION_LOG},
    secrets::{self, Login},
};
use crate::shop::Child;

/// How long all tries together may take, seconds.
const DEADLINE_SECONDS: i64 = 1_800;
/// Tries, each after a longer pause than the one before.
const TRIES: i32 = 6;
/// How long a finished Job stays to be looked at, seconds. A failed one is then made anew.
const STAY_SECONDS: i32 = 600;

/// The Job, while the database answers and was not yet migrated for the wanted image. Its name
/// changes with all that it does, because a Job itself cannot be changed.
pub(super) fn job(site: &Site) -> Option<Child> {
    let image = &site.shop.bot_image;
    let done = site.progress.migrated_image.as_ref() == Some(image);
    if done || !site.progress.database_ready || site.progress.held {
        return None;
    }
    let spec = spec(site);
    // What was done in another database is not done in this one.
    let hash = match &site.progress.system_identifier {
        Some(database) => hash_of_value(&json!([spec, database])),
        None => hash_of_value(&spec),
    };
    let name = site.names().migrate(&hash[..10]);
    Some(Child::from_json::<Job>(json!({
        "metadata": site.metadata(&name, "migrate"),
        "spec": spec,
    })))
}

/// The same Job under another name, whatever was migrated before: a restore brings tables of an
/// older image, without the rights of the serving role.
pub fn again(site: &Site, name: &str) -> Child {
    Child::from_json::<Job>(json!({
        "metadata": site.metadata(name, "migrate"),
        "spec": spec(site),
    }))
}

fn spec(site: &Site) -> Value {
    json!({
        "backoffLimit": TRIES,
        "activeDeadlineSeconds": DEADLINE_SECONDS,
        "ttlSecondsAfterFinished": STAY_SECONDS,
        "template": template(site, &site.shop.bot_image),
    })
}

fn template(site: &Site, image: &str) -> Value {
    let variable = secrets::database_variable(site, Login::Owner);
    let mut files = vec![variable.file.clone()];
    files.extend(secrets::database_ca(site));
    let mut env = vec![variable.entry()];
    env.extend(pod::env(&[(
        "TERMINATION_MESSAGE",
        TERMINATION_LOG.to_owned(),
    )]));
    pod::template(
        site,
        Pod {
            component: "migrate",
            labels: Vec::new(),
            annotations: pod::hashes(Some(secrets::hash_of_files(site, &files)), None),
            init_containers: Vec::new(),
            containers: vec![json!({
                "name": "migrate",
                "image": image,
                "imagePullPolicy": site.shop.spec.bot.image_pull_policy.as_str(),
                "args": arguments(site),
                "env": env,
                "terminationMessagePath": TERMINATION_LOG,
                "terminationMessagePolicy": "FallbackToLogsOnError",
                "resources": pod::small(),
                "securityContext": pod::contained(),
                "volumeMounts": [pod::tmp(), pod::secret_mount()],
            })],
            volumes: vec![pod::secret_volume(&files)],
            grace_seconds: 30,
            restart: "Never",
            apart_from: None,
        },
    )
}

/// `migrate`, and the rights of the serving role where it is another than the owner.
fn arguments(site: &Site) -> Vec<String> {
    let mut arguments = vec!["migrate".to_owned()];
    let serves = match &site.shop.external_database {
        Some(external) if external.bot_role == external.owner_role => None,
        Some(external) => Some(external.bot_role.clone()),
        None => Some(names::BOT_ROLE.to_owned()),
    };
    if let Some(role) = serves {
        arguments.extend(["--grant-to".to_owned(), role]);
    }
    arguments
}
