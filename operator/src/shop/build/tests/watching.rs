//! Alerts and dashboard speak of what there is, and of each shop apart.

use std::{collections::BTreeSet, fs, path::PathBuf};

use serde_json::Value;

use super::super::monitoring::{ALERTS, DASHBOARD, RUNBOOKS};
use super::world::World;
use crate::metrics::Metrics;

fn project() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn alerts() -> Vec<Value> {
    serde_saphyr::from_str(ALERTS).unwrap()
}

/// The alerts of the operator's chart.
fn of_operator() -> Vec<Value> {
    let files = ["alerts.yaml", "alerts-of-shops.yaml"];
    let read = |file| fs::read_to_string(project().join("charts/warung").join(file)).unwrap();
    let lists = files.map(|file| serde_saphyr::from_str::<Vec<Value>>(&read(file)).unwrap());
    lists.into_iter().flatten().collect()
}

/// Words of an expression that begin as our metrics do.
fn metrics(expression: &str) -> impl Iterator<Item = &str> {
    expression
        .split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))
        .filter(|word| word.starts_with("warung_"))
}

#[test]
fn only_metrics_that_exist_are_asked_for() {
    let of_bots = fs::read_to_string(project().join("bot/tests/it/fixtures/metrics.txt")).unwrap();
    let mut known: BTreeSet<&str> = of_bots.lines().collect();
    known.insert("warung_shop_condition");
    let dashboard: Value = serde_json::from_str(DASHBOARD).unwrap();
    let panels = dashboard["panels"].as_array().unwrap().iter();
    let mut expressions: Vec<String> = panels
        .flat_map(|panel| panel["targets"].as_array().unwrap())
        .map(|target| target["expr"].as_str().unwrap().to_owned())
        .collect();
    let of_alerts = alerts().into_iter();
    expressions.extend(of_alerts.map(|alert| alert["expr"].as_str().unwrap().to_owned()));
    assert!(expressions.len() > 40);
    for expression in &expressions {
        let named: Vec<&str> = metrics(expression).collect();
        assert!(!named.is_empty(), "{expression}");
        for metric in named {
            let metric = metric.strip_suffix("_bucket").unwrap_or(metric);
            assert!(known.contains(metric), "{metric} in {expression}");
        }
        let selectors = expression.matches('{').count();
        let own = r#"shop="SHOP",namespace="NAMESPACE""#;
        assert_eq!(expression.matches(own).count(), selectors, "{expression}");
    }
}

#[test]
fn every_alert_has_a_page_and_every_page_an_alert() {
    let mut all = alerts();
    all.extend(of_operator());
    let named: BTreeSet<String> = all
        .iter()
        .map(|alert| format!("{}.md", alert["alert"].as_str().unwrap()))
        .collect();
    let pages: BTreeSet<String> = fs::read_dir(project().join(RUNBOOKS))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name != "README.md")
        .collect();
    assert_eq!(named, pages);
}

#[test]
fn the_chart_asks_for_figures_that_the_operator_has() {
    let figures = Metrics::new();
    figures.reconciled("WhatsAppShop", "failed", std::time::Duration::ZERO);
    let rendered = figures.render();
    for alert in of_operator() {
        for metric in metrics(alert["expr"].as_str().unwrap()) {
            // Conditions are known once a shop is; a test of `metrics` has their name.
            let there = rendered.contains(&format!("# TYPE {metric} "));
            assert!(there || metric == "warung_shop_condition", "{metric}");
        }
    }
}

#[test]
fn a_shops_alert_is_the_same_for_the_chart_and_for_its_own_rule() {
    let own = alerts();
    let twice = of_operator().into_iter().filter_map(|ours| {
        let same = own.iter().find(|own| own["alert"] == ours["alert"])?;
        Some((ours, same.clone()))
    });
    let twice: Vec<_> = twice.collect();
    assert_eq!(twice.len(), 3);
    for (ours, own) in twice {
        // Alertmanager takes alerts with the same labels for one.
        assert_eq!(ours["labels"], own["labels"]);
        assert_eq!(ours["for"], own["for"]);
    }
}

#[test]
fn each_shop_is_watched_by_its_own_name() {
    let world = World::of_sample("everything-managed");
    let rule = world.child("PrometheusRule", "toko-bot").to_string();
    assert!(!rule.contains("SHOP") && !rule.contains("NAMESPACE"));
    assert!(rule.contains(r#"shop=\"toko\",namespace=\"shops\""#));
    let dashboard = world.child("ConfigMap", "toko-dashboard");
    let text = dashboard["data"]["shops-toko.json"].as_str().unwrap();
    let dashboard: Value = serde_json::from_str(text).unwrap();
    assert_eq!(dashboard["title"], "Warung: toko (shops)");
}

#[test]
fn nothing_is_made_of_a_kind_that_the_cluster_lacks() {
    let mut world = World::of_sample("everything-managed");
    world.found.kinds = crate::shop::KnownKinds::default();
    assert!(world.of_kind("ServiceMonitor").is_empty());
    assert!(world.of_kind("PrometheusRule").is_empty());
}
