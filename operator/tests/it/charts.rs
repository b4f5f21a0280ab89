//! Helm installs the charts on a real API server, and leaves the kinds when they are uninstalled.

use std::collections::BTreeMap;

use clap::{CommandFactory as _, Parser as _};
use serde_json::Value;
use tempfile::TempDir;
use warung_operator::arguments::{Arguments, Command};
use warung_testkit::kubernetes::{ApiServer, ApiServerOptions};

use crate::cluster::{chart, helm, server};
use crate::rights::template;

const SHOPS: &str = "whatsappshops.shops.warung.dev";

#[tokio::test]
async fn the_kinds_outlive_their_chart_and_are_taken_up_again() {
    // A server of its own: the kinds of the shared one are there already, and not Helm's.
    let folder = TempDir::new().expect("a folder");
    let options = ApiServerOptions::new(folder.path());
    let server = ApiServer::start(options).await.expect("a server");
    let home = server.namespace("warung").await.expect("a namespace");
    let kinds = chart("warung-crds");
    let install = ["install", "warung-crds", kinds.as_str(), "-n", &home];
    helm(&server, install)
        .await
        .expect("the kinds are installed");
    let established = [
        "wait",
        "--for=condition=Established",
        "--timeout=30s",
        "crd",
        SHOPS,
    ];
    server
        .kubectl(established)
        .await
        .expect("the kinds are served");

    let operator = chart("warung");
    let install = ["install", "warung", operator.as_str(), "-n", &home];
    let notes = helm(&server, install)
        .await
        .expect("the operator is installed");
    assert!(notes.contains("helm test warung"), "{notes}");
    let told = [
        "get",
        "deployment/warung",
        "pdb/warung",
        "netpol/warung",
        "-n",
        &home,
    ];
    server.kubectl(told).await.expect("its objects are there");

    let shop = include_str!("../../../docs/samples/minimal.yaml");
    server.apply(shop, &home).await.expect("a shop is taken");
    for release in ["warung", "warung-crds"] {
        let gone = helm(&server, ["uninstall", release, "-n", &home]).await;
        gone.expect("it is uninstalled");
    }
    let shop = server.kubectl(["get", "shop", "toko", "-n", &home]).await;
    shop.expect("the shop is there still");
    let roles = server.kubectl(["get", "clusterroles", "-o", "name"]).await;
    assert!(!roles.expect("roles").contains("warung"), "a role was left");

    let again = ["install", "warung-crds", kinds.as_str(), "-n", &home];
    helm(&server, again)
        .await
        .expect("the kinds are taken up again");
}

/// Options of `warung-operator run`, by the variables that stand in for them.
fn variables() -> BTreeMap<String, String> {
    let all = Arguments::command();
    let run = all.find_subcommand("run").expect("a subcommand");
    let options = run.get_arguments().filter_map(|option| {
        let variable = option.get_env()?.to_str()?.to_owned();
        Some((variable, format!("--{}", option.get_long()?)))
    });
    options.collect()
}

#[tokio::test]
async fn the_chart_tells_the_operator_what_it_reads_and_nothing_else() {
    // Everything else has a value, or is of no use in a cluster.
    const LEFT_OUT: [&str; 1] = ["LOG_PLAIN"];
    let parts = ["templates/deployment.yaml"];
    let rendered = template(server().await, "shops", &["a", "b"], &parts).await;
    let deployment: Value = serde_saphyr::from_str(&rendered).unwrap();
    let container = &deployment["spec"]["template"]["spec"]["containers"][0];
    let mut read = variables();
    let mut words = vec!["warung-operator".to_owned(), "run".to_owned()];
    for entry in container["env"].as_array().unwrap() {
        let name = entry["name"].as_str().unwrap();
        let option = read.remove(name);
        let option = option.unwrap_or_else(|| panic!("the operator does not read {name}"));
        // What a pod only knows when it runs is a name.
        let value = entry["value"].as_str().unwrap_or("warung");
        words.push(format!("{option}={value}"));
    }
    let unsaid: Vec<_> = read.into_keys().collect();
    assert_eq!(unsaid, LEFT_OUT);

    let told = Arguments::try_parse_from(&words);
    let Ok(Arguments {
        command: Command::Run(run),
    }) = told
    else {
        panic!("{words:?}: {:?}", told.err());
    };
    assert_eq!(run.namespaces, ["a", "b"]);
    assert_eq!(run.listen.port(), container["ports"][0]["containerPort"]);
}
