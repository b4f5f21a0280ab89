//! What an SRE sees: metrics with stable names and no customer in them, logs that can be followed
//! from webhook to send and tell nobody's number or secret.

use std::collections::BTreeSet;

use warung_testkit::eventually;

use crate::harness::{PATIENCE, Plan, World};

/// Every metric that dashboards and alerts may rely on.
const GOLDEN: &str = include_str!("fixtures/metrics.txt");
/// The only labels there are; none can name a customer.
const LABELS: [&str; 22] = [
    "call", "code", "command", "decision", "error", "kind", "le", "outcome", "quantile", "queue",
    "reason", "result", "route", "rule", "source", "state", "status", "sweep", "tier", "version",
    "where", "tag",
];

#[tokio::test]
async fn the_metrics_are_those_of_the_golden_list_and_name_no_customer() {
    let world = World::new().await;
    let sari = world.customer("Sari");
    world.give_saldo(&sari, 50_000).await;
    sari.asks("menu").await;
    sari.asks("produk kopi").await;
    sari.asks("beli VOUCHER-10 1").await;
    let text = world
        .http
        .get(world.bots[0].url("/metrics"))
        .send()
        .await
        .unwrap();
    let text = text.text().await.unwrap();
    let golden: BTreeSet<&str> = GOLDEN.lines().filter(|line| !line.is_empty()).collect();
    let shown: BTreeSet<&str> = text
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next())
        .collect();
    let unknown: Vec<_> = shown.difference(&golden).collect();
    assert!(unknown.is_empty(), "not in the golden list: {unknown:?}");
    let sources = [
        include_str!("../../src/metrics.rs"),
        include_str!("../../../crates/coordination/src/metrics.rs"),
    ]
    .concat();
    for name in &golden {
        assert!(sources.contains(&format!("\"{name}\"")), "{name} is gone");
    }
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        assert!(!line.contains(sari.wa_id()), "{line}");
        let Some((_, labels)) = line.split_once('{') else {
            continue;
        };
        for label in labels
            .split("\",")
            .filter_map(|label| label.split_once("=\""))
        {
            assert!(LABELS.contains(&label.0), "label {} in {line}", label.0);
        }
    }
    world.ends_well().await;
}

#[tokio::test]
async fn one_trace_id_leads_from_the_webhook_over_the_turn_to_the_send() {
    let world = World::new().await;
    world.customer("Sari").asks("menu").await;
    let log = world.bots[0].log.clone();
    let sent = eventually(PATIENCE, async || {
        let text = std::fs::read_to_string(&log).unwrap_or_default();
        text.lines()
            .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
            .find(|line| line["message"] == "sent")
    })
    .await;
    let trace = sent["span"]["trace_id"].as_str().unwrap().to_owned();
    let stored: String = sqlx::query_scalar("SELECT trace FROM inbox LIMIT 1")
        .fetch_one(&world.db)
        .await
        .unwrap();
    assert!(stored.contains(&trace), "{stored} does not carry {trace}");
    world.ends_well().await;
}

#[tokio::test]
async fn no_log_line_tells_a_number_a_name_a_message_or_a_secret() {
    let world = Plan::default().with("LOG", "debug").open().await;
    let sari = world.customer("Sarinah Kanari");
    world.give_saldo(&sari, 50_000).await;
    sari.asks("cari burung kenari langka").await;
    sari.asks("beli VOUCHER-10 1").await;
    let quote = sari.inbox().pop().unwrap();
    let saldo = quote
        .options()
        .into_iter()
        .find(|option| option.id.contains("saldo"))
        .unwrap();
    let receipt = sari.chooses(&saldo.id).await;
    let secret = receipt.text().split("KELAS-").nth(1).unwrap()[..6].to_owned();
    let _ = world.whatsapp.post_raw("{}", Some("sha256=00")).await;
    world.settles().await;
    let log = std::fs::read_to_string(&world.bots[0].log).unwrap();
    for canary in [
        sari.wa_id(),
        "Sarinah",
        "burung kenari",
        &secret,
        "sandbox-access-token",
        "sandbox-app-secret",
        "sandbox-verify-token",
        "SB-Mid-server-sandbox",
        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
    ] {
        let line = log.lines().find(|line| line.contains(canary));
        assert!(line.is_none(), "{canary:?} is in the log: {line:?}");
    }
    world.ends_well().await;
}

#[tokio::test]
async fn a_conversation_that_cannot_be_read_begins_anew_and_the_log_repeats_none_of_it() {
    let world = World::new().await;
    let sari = world.customer("Sari");
    sari.asks("menu").await;
    world.settles().await;
    sqlx::query(r#"UPDATE conversation SET state = '{"detected": "Jalan Kenari 5"}'"#)
        .execute(&world.db)
        .await
        .unwrap();
    sari.asks("menu").await;
    let log = std::fs::read_to_string(&world.bots[0].log).unwrap();
    assert!(log.contains("begins anew"), "{log}");
    assert!(!log.contains("Kenari"), "{log}");
    world.ends_well().await;
}

#[tokio::test]
async fn a_bot_with_a_wrong_environment_names_every_fault_and_ends_with_status_2() {
    let (status, text) = warung_testkit::process::Program::new(env!("CARGO_BIN_EXE_warung-bot"))
        .clear_environment()
        .env("DATA_KEY", "short")
        .env("LISTEN_ADDR", "here")
        .arg("serve")
        .run_to_end()
        .await
        .unwrap();
    assert_eq!(status.code(), Some(2));
    for variable in [
        "DATABASE_URL",
        "DATA_KEY",
        "LISTEN_ADDR",
        "MIDTRANS_SERVER_KEY",
    ] {
        assert!(
            text.contains(variable),
            "{variable} is not named in: {text}"
        );
    }
    assert!(!text.contains("short"), "values are never shown");
}

#[tokio::test]
async fn traces_arrive_where_the_endpoint_says() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    let collector = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", collector.local_addr().unwrap());
    let world = Plan::default()
        .with("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint)
        .open()
        .await;
    world.customer("Sari").asks("menu").await;
    let exported = tokio::time::timeout(PATIENCE, async {
        let (mut stream, _) = collector.accept().await.unwrap();
        let mut request = vec![0; 64 * 1024];
        let length = stream.read(&mut request).await.unwrap();
        stream
            .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
            .await
            .unwrap();
        String::from_utf8_lossy(&request[..length]).into_owned()
    });
    let exported = exported.await.unwrap();
    assert!(exported.starts_with("POST /v1/traces"), "{exported}");
    drop(collector);
    world.ends_well().await;
}

#[test]
fn the_program_has_no_points_to_die_at_and_no_switch_for_its_guards() {
    let program = std::fs::read(crate::harness::shop::program()).unwrap();
    for name in ["WARUNG_CHAOS", "turn.before_commit", "lock_nonce"] {
        let found = program
            .windows(name.len())
            .any(|part| part == name.as_bytes());
        assert!(!found, "{name} is in the program");
    }
}
