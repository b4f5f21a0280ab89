//! Helm installs the charts on a real API server, and leaves the kinds when they are uninstalled.

use tempfile::TempDir;
use warung_testkit::kubernetes::{ApiServer, ApiServerOptions};

use crate::cluster::{chart, helm};

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
