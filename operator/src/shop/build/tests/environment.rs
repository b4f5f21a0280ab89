//! A bot is told what docs/configuration.md says, and nothing else.

use std::{collections::BTreeMap, fs};

use serde_json::Value;

use super::world::{SAMPLES, World};

/// Variables of the page, each with whether it has a default or may be left out.
fn documented() -> BTreeMap<String, bool> {
    let page = format!("{}/../docs/configuration.md", env!("CARGO_MANIFEST_DIR"));
    let page = fs::read_to_string(page).unwrap();
    // The first table is the bots'; others are of what changes while they run, and of Jobs.
    let is_row = |line: &&str| line.starts_with("| `");
    let rows = page
        .lines()
        .skip_while(|line| !is_row(line))
        .take_while(is_row);
    let variables = rows.flat_map(|row| {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        let optional = !cells[2].is_empty();
        let names = cells[1]
            .split(',')
            .map(|name| name.trim().trim_matches('`'));
        names
            .map(move |name| (name.to_owned(), optional))
            .collect::<Vec<_>>()
    });
    variables.collect()
}

/// What a bot of a sample is told, without `_FILE`.
fn told(world: &World, deployment: &str) -> Vec<String> {
    let settings = world.child("ConfigMap", &world.validated().names.bot());
    let mut names: Vec<String> = settings["data"]
        .as_object()
        .unwrap()
        .keys()
        .cloned()
        .collect();
    let deployment = world.child("Deployment", deployment);
    let container = &deployment["spec"]["template"]["spec"]["containers"][0];
    let secrets = container["env"].as_array().unwrap().iter();
    let secrets = secrets.filter(|entry| entry["value"].is_string());
    names.extend(secrets.map(|entry| {
        let name = entry["name"].as_str().unwrap();
        name.strip_suffix("_FILE").unwrap().to_owned()
    }));
    names
}

#[test]
fn every_variable_is_known_and_none_that_is_needed_is_missing() {
    /// These have no default, but a bot does without.
    const OPTIONAL: [&str; 3] = [
        "STAFF_IDENTITIES",
        "OTEL_EXPORTER_OTLP_ENDPOINT",
        // Of an external Redis that is reached by TLS.
        "REDIS_CA",
    ];
    let documented = documented();
    assert!(documented.len() > 20);
    for sample in SAMPLES {
        let world = World::of_sample(sample);
        for deployment in world.of_kind("Deployment") {
            let told = told(&world, deployment["metadata"]["name"].as_str().unwrap());
            for name in &told {
                assert!(
                    documented.contains_key(name),
                    "{sample}: {name} is not documented"
                );
            }
            for (name, optional) in &documented {
                let needed = !optional && !OPTIONAL.contains(&name.as_str());
                assert!(
                    !needed || told.contains(name),
                    "{sample}: {name} is missing"
                );
            }
        }
    }
}

#[test]
fn every_secret_variable_names_a_file_that_is_mounted() {
    for sample in SAMPLES {
        for deployment in World::of_sample(sample).of_kind("Deployment") {
            let spec = &deployment["spec"]["template"]["spec"];
            let sources = spec["volumes"][1]["projected"]["sources"]
                .as_array()
                .unwrap();
            let items = sources
                .iter()
                .flat_map(|s| s["secret"]["items"].as_array().unwrap());
            let mounted: Vec<String> = items
                .map(|item| format!("/etc/warung/secrets/{}", item["path"].as_str().unwrap()))
                .collect();
            let env = spec["containers"][0]["env"].as_array().unwrap().iter();
            for path in env.map(|entry| &entry["value"]).filter_map(Value::as_str) {
                assert!(mounted.iter().any(|file| file == path), "{sample}: {path}");
            }
        }
    }
}
