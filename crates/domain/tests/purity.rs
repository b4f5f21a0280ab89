//! The rules stay free of I/O: nothing that this crate is built from can reach the outside.

#![expect(
    clippy::unwrap_used,
    reason = "a test may stop where its reading of the metadata ends"
)]

use std::collections::{HashMap, HashSet};
use std::process::Command;

use serde_json::Value;

const FORBIDDEN: [&str; 6] = ["axum", "hyper", "redis", "reqwest", "sqlx", "tokio"];

/// The names of everything a package is built from, without what only its tests need.
fn closure(metadata: &Value, package: &str) -> HashSet<String> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let packages = metadata["packages"].as_array().unwrap();
    let names: HashMap<String, String> = packages
        .iter()
        .map(|package| (text(&package["id"]), text(&package["name"])))
        .collect();
    let nodes: HashMap<String, &Value> = metadata["resolve"]["nodes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|node| (text(&node["id"]), node))
        .collect();
    let root = names
        .iter()
        .find(|(_, name)| *name == package)
        .unwrap()
        .0
        .clone();
    let mut seen = HashSet::from([root.clone()]);
    let mut open = vec![root];
    while let Some(id) = open.pop() {
        for dependency in nodes[&id]["deps"].as_array().unwrap() {
            let kinds = dependency["dep_kinds"].as_array().unwrap();
            let is_built_in = kinds.iter().any(|kind| kind["kind"] != "dev");
            let id = text(&dependency["pkg"]);
            if is_built_in && seen.insert(id.clone()) {
                open.push(id);
            }
        }
    }
    seen.iter().map(|id| names[id].clone()).collect()
}

/// What a cargo command prints.
fn cargo(arguments: &[&str]) -> Vec<u8> {
    let output = Command::new(env!("CARGO"))
        .args(arguments)
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    output.stdout
}

/// The workspace's packages for this machine: those of other systems may not be downloaded.
fn metadata() -> Value {
    let version = String::from_utf8(cargo(&["-vV"])).unwrap();
    let host = version
        .lines()
        .find_map(|line| line.strip_prefix("host: "))
        .unwrap();
    let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
    let metadata = cargo(&[
        "metadata",
        "--offline",
        "--format-version=1",
        "--filter-platform",
        host,
        "--manifest-path",
        manifest,
    ]);
    serde_json::from_slice(&metadata).unwrap()
}

#[test]
fn the_rules_are_built_without_io() {
    let metadata = metadata();
    let built_from = closure(&metadata, "warung-domain");
    assert!(
        built_from.contains("chrono"),
        "the closure is read: {built_from:?}"
    );
    let found: Vec<&str> = FORBIDDEN
        .into_iter()
        .filter(|name| built_from.contains(*name))
        .collect();
    assert!(found.is_empty(), "warung-domain is built from {found:?}");
    // The same reading finds them where they are.
    assert!(closure(&metadata, "warung-bot").contains("tokio"));
}
