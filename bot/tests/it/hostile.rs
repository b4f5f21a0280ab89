//! Strangers who mean harm, while customers buy. What they feel in milliseconds is judged by
//! `make hostile`; here, that customers are answered, that each refusal is the right one and is
//! counted, and that the bot's memory stays within its bound.

mod bodies;
mod questions;

use std::{io, net::Ipv4Addr, time::Duration};

use rustix::process::{Resource, getrlimit, setrlimit};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    task::JoinHandle,
    time::{MissedTickBehavior, interval},
};
use warung_testkit::eventually;

use crate::harness::World;

/// What a bot under attack may take, in MiB: 64 each for heads, bodies and pictures on their way,
/// and 64 for itself.
const MEMORY_BOUND_MIB: u64 = 256;
/// Sockets of one attacker.
const SOCKETS: usize = 1_000;
/// How often each of them sends a byte.
const DRIP: Duration = Duration::from_millis(500);
/// The bot's own time-outs and some room.
const CUT_OFF: Duration = Duration::from_secs(40);
/// The bot's bound of open connections.
const MAX_CONNECTIONS: usize = 4_096;

/// A webhook as an attacker writes it, up to its body: it has a signature, though none that is right.
const FORGED: &str =
    "POST /webhooks/whatsapp HTTP/1.1\r\nhost: x\r\nx-hub-signature-256: sha256=00";

impl World {
    async fn stranger(&self) -> TcpStream {
        let address = (Ipv4Addr::LOCALHOST, self.bots[0].port);
        TcpStream::connect(address).await.unwrap()
    }

    /// So many strangers who have all said this.
    async fn strangers(&self, count: usize, words: &str) -> Vec<TcpStream> {
        let mut sockets = Vec::with_capacity(count);
        for _ in 0..count {
            let mut socket = self.stranger().await;
            socket.write_all(words.as_bytes()).await.unwrap();
            sockets.push(socket);
        }
        sockets
    }

    /// What a stranger is answered until the bot closes or says no more than `answers` answers.
    async fn answers(&self, words: &[u8]) -> String {
        let mut socket = self.stranger().await;
        // A bot that has heard enough may close while we still speak.
        let _ = socket.write_all(words).await;
        let mut answer = Vec::new();
        let read = tokio::time::timeout(CUT_OFF, socket.read_to_end(&mut answer)).await;
        assert!(read.is_ok(), "still open: {}", answer.escape_ascii());
        String::from_utf8_lossy(&answer).into_owned()
    }

    async fn status(&self, words: &[u8]) -> u16 {
        let answer = self.answers(words).await;
        let status = answer.split(' ').nth(1).and_then(|code| code.parse().ok());
        status.unwrap_or_else(|| panic!("no answer but {answer:?}"))
    }

    /// A counter with these labels.
    async fn counted(&self, name: &str, labels: &[&str]) -> u64 {
        let text = self.http.get(self.bots[0].url("/metrics")).send().await;
        let text = text.unwrap().text().await.unwrap();
        text.lines()
            .filter(|line| line.split(['{', ' ']).next() == Some(name))
            .filter(|line| labels.iter().all(|label| line.contains(label)))
            .filter_map(|line| line.rsplit(' ').next()?.parse::<u64>().ok())
            .sum()
    }

    async fn counts(&self, name: &str, labels: &[&str], at_least: usize) {
        eventually(CUT_OFF, async || match self.counted(name, labels).await {
            count if count >= at_least as u64 => Ok(()),
            count => Err(format!("{name} {labels:?} is {count}, not yet {at_least}")),
        })
        .await;
    }

    /// The most that the bot has taken so far.
    fn took_no_more_than_its_bound(&self) {
        let status = format!("/proc/{}/status", self.bots[0].process.pid());
        let status = std::fs::read_to_string(status).unwrap();
        let peak = status.lines().find_map(|line| {
            let kib = line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB")?;
            kib.parse::<u64>().ok()
        });
        let peak = peak.unwrap() / 1_024;
        assert!(peak <= MEMORY_BOUND_MIB, "the bot took {peak} MiB");
    }

    async fn customers_are_answered(&self) {
        for name in ["Sari", "Budi", "Dewi"] {
            self.customer(name).asks("menu").await;
        }
    }
}

/// Sends a byte on each socket now and then, until the bot has closed them all.
fn drips(mut sockets: Vec<TcpStream>) -> JoinHandle<()> {
    tokio::spawn(async move {
        let mut rounds = interval(DRIP);
        rounds.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while !sockets.is_empty() {
            rounds.tick().await;
            sockets.retain(|socket| match socket.try_write(b"x") {
                Ok(_) => true,
                Err(error) => error.kind() == io::ErrorKind::WouldBlock,
            });
        }
    })
}

/// Lets this process have as many sockets as the story needs.
fn allow_files(count: u64) {
    let mut limit = getrlimit(Resource::Nofile);
    if limit.current.is_some_and(|files| files < count) {
        limit.current = Some(count);
        setrlimit(Resource::Nofile, limit).unwrap();
    }
}

#[tokio::test]
async fn a_thousand_who_drip_their_headers_are_cut_off_and_hurt_nobody() {
    allow_files(8_192);
    let world = World::new().await;
    let head = "POST /webhooks/whatsapp HTTP/1.1\r\nhost: x\r\nx: ";
    let dripping = drips(world.strangers(SOCKETS, head).await);
    world.customers_are_answered().await;
    world
        .counts("warung_shed_total", &["slow_head"], SOCKETS)
        .await;
    dripping.await.unwrap();
    world.customers_are_answered().await;
    world.took_no_more_than_its_bound();
    world.ends_well().await;
}

#[tokio::test]
async fn more_who_drip_large_bodies_than_requests_are_worked_on_at_once_keep_no_webhook_out() {
    allow_files(8_192);
    let world = World::new().await;
    // Together they announce 4 GB, and they are more than the 1,024 requests worked on at once.
    let head = format!("{FORGED}\r\ncontent-length: 3145728\r\n\r\n{{");
    let dripping = drips(world.strangers(1_200, &head).await);
    world.customers_are_answered().await;
    world
        .counts("warung_http_requests_total", &["whatsapp", "408"], 1_200)
        .await;
    world
        .counts("warung_webhook_refused_total", &["unread"], 1_200)
        .await;
    dripping.await.unwrap();
    assert_eq!(world.counted("warung_shed_total", &["busy"]).await, 0);
    world.took_no_more_than_its_bound();
    world.ends_well().await;
}

#[tokio::test]
async fn bodies_without_an_end_are_refused_at_the_bound_and_small_webhooks_still_get_in() {
    let world = World::new().await;
    let head = format!("{FORGED}\r\ntransfer-encoding: chunked\r\n\r\n");
    // Each sends almost the longest body, and never its end: together far more than the budget.
    let chunk = format!("10000\r\n{}\r\n", "x".repeat(0x10000));
    let mut hoarders = world.strangers(40, &head).await;
    for hoarder in &mut hoarders {
        for _ in 0..40 {
            // Who is refused meanwhile hears of it at the end.
            if hoarder.write_all(chunk.as_bytes()).await.is_err() {
                break;
            }
        }
    }
    world.customers_are_answered().await;
    world
        .counts("warung_http_requests_total", &["whatsapp", "503"], 1)
        .await;
    drop(hoarders);
    let endless = format!("{head}{}", chunk.repeat(60));
    assert_eq!(world.status(endless.as_bytes()).await, 413);
    world
        .counts("warung_webhook_refused_total", &["too_large"], 1)
        .await;
    world.took_no_more_than_its_bound();
    world.ends_well().await;
}

#[tokio::test]
async fn who_opens_more_connections_than_there_is_room_for_closes_their_own() {
    allow_files(8_192);
    let world = World::new().await;
    let more = 400;
    let idle = world.strangers(MAX_CONNECTIONS + more, "").await;
    world.customers_are_answered().await;
    world
        .counts("warung_shed_total", &["longest_wait"], more)
        .await;
    assert_eq!(
        world
            .counted("warung_shed_total", &["\"connections\""])
            .await,
        0
    );
    world.customers_are_answered().await;
    world.took_no_more_than_its_bound();
    drop(idle);
    eventually(CUT_OFF, async || {
        match world.metric(0, "warung_http_connections").await {
            open if open < 20 => Ok(()),
            open => Err(format!("{open} are open")),
        }
    })
    .await;
    world.ends_well().await;
}

#[tokio::test]
async fn each_refusal_has_its_status_and_is_counted() {
    let world = World::new().await;
    let close = "connection: close\r\n";
    let request = |head: &str, body: &str| format!("{head}\r\n{close}\r\n{body}").into_bytes();
    let unsigned = "POST /webhooks/whatsapp HTTP/1.1\r\nhost: x\r\ncontent-length: 2";
    assert_eq!(world.status(&request(unsigned, "{}")).await, 401);
    let forged = format!("{FORGED}\r\ncontent-length: 2");
    assert_eq!(world.status(&request(&forged, "{}")).await, 401);
    world
        .counts("warung_webhook_refused_total", &["signature"], 2)
        .await;
    // The length alone is enough: nothing of the body is waited for.
    let large = format!("{FORGED}\r\ncontent-length: 3145729");
    assert_eq!(world.status(&request(&large, "")).await, 413);
    world
        .counts("warung_webhook_refused_total", &["too_large"], 1)
        .await;
    let note = "POST /webhooks/midtrans HTTP/1.1\r\nhost: x\r\ncontent-length: ";
    assert_eq!(
        world.status(&request(&format!("{note}65537"), "")).await,
        413
    );
    assert_eq!(world.status(&request(&format!("{note}2"), "{}")).await, 400);
    world
        .counts("warung_payment_notifications_total", &["unread"], 1)
        .await;
    world
        .counts("warung_payment_notifications_total", &["malformed"], 1)
        .await;

    let many = "x: y\r\n".repeat(200);
    assert_eq!(
        world
            .status(&request(
                &format!("GET /livez HTTP/1.1\r\n{many}host: x"),
                ""
            ))
            .await,
        431
    );
    let long = format!("GET /livez HTTP/1.1\r\nx: {}", "y".repeat(32 * 1_024));
    assert_eq!(world.status(&request(&long, "")).await, 431);
    world.counts("warung_shed_total", &["large_head"], 2).await;
    assert_eq!(world.status(b"GET \0 HTTP/1.1\r\n\r\n").await, 400);
    world
        .counts("warung_shed_total", &["malformed_head"], 1)
        .await;
    for odd in [
        "/media/%00",
        "/media/..%2f..%2fetc%2fpasswd",
        "/nowhere%0a%0dx:%20y",
    ] {
        let head = format!("GET {odd} HTTP/1.1\r\nhost: x");
        assert_eq!(world.status(&request(&head, "")).await, 404, "{odd}");
    }
    world.ends_well().await;
}

#[tokio::test]
async fn one_request_is_one_answer_however_it_is_framed() {
    let world = World::new().await;
    let hidden = "GET /livez HTTP/1.1\r\nhost: x\r\n\r\n";
    let answers = async |words: String| {
        let answer = world.answers(words.as_bytes()).await;
        let answers = answer.split("HTTP/1.1 ").skip(1);
        answers
            .map(|answer| answer[..3].to_owned())
            .collect::<Vec<_>>()
    };
    // Two lengths: refused, and what stands behind is no request of its own.
    let two = format!("{FORGED}\r\ncontent-length: 2\r\ncontent-length: 40\r\n\r\n{{}}{hidden}");
    assert_eq!(answers(two).await, ["400"]);
    // A proxy that believed the length would have sent `hidden` as the body's end.
    let both = format!(
        "{FORGED}\r\ncontent-length: {}\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n{hidden}",
        5 + hidden.len()
    );
    let both = answers(both).await;
    assert_eq!(both.len(), 1, "a request was smuggled: {both:?}");
    let odd = format!("{FORGED}\r\ntransfer-encoding: chunked, identity\r\n\r\n0\r\n\r\n{hidden}");
    assert_eq!(answers(odd).await, ["400"]);
    // In a row on one connection, half of it closed: each is answered, in order.
    let mut pipelined = hidden.repeat(50);
    pipelined.push_str("GET /media/none HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
    let answered = answers(pipelined).await;
    assert_eq!(answered[..50], vec!["200"; 50]);
    assert_eq!(answered[50..], ["404"]);
    let mut half = world.stranger().await;
    half.write_all(format!("{FORGED}\r\ncontent-length: 9\r\n\r\n{{").as_bytes())
        .await
        .unwrap();
    half.shutdown().await.unwrap();
    let mut rest = Vec::new();
    let ended = tokio::time::timeout(CUT_OFF, half.read_to_end(&mut rest)).await;
    assert!(ended.is_ok(), "half a connection is kept");
    world.ends_well().await;
}
