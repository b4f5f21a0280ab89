//! What strangers write: nested without an end, crumbled into a million items, forged by the
//! thousand, made to look like something else in the log.

use serde_json::{Value, json};
use warung_testkit::eventually;

use super::{CUT_OFF, FORGED};
use crate::harness::{Plan, World};

/// Brackets within each other.
const LEVELS: usize = 100_000;
/// Most items of a body, as the bot reads it.
const MAX_ITEMS: usize = 10_000;

impl World {
    /// Posts a body with the right signature.
    async fn signed(&self, body: &str) -> Option<u16> {
        let signature = self.whatsapp.sign(body.as_bytes());
        self.whatsapp.post_raw(body, Some(&signature)).await
    }

    async fn forged(&self, body: &str) -> Option<u16> {
        self.whatsapp.post_raw(body, Some("sha256=00")).await
    }

    /// A webhook of this shop with these messages, as text.
    fn webhook_of(&self, messages: &str) -> String {
        let number = &self.shop.phone_number_id;
        format!(
            "{{\"object\":\"whatsapp_business_account\",\"entry\":[{{\"changes\":[\
             {{\"field\":\"messages\",\"value\":{{\"metadata\":{{\"phone_number_id\":\"{number}\"}},\
             \"messages\":[{messages}]}}}}]}}]}}"
        )
    }

    /// The bot's log so far, line by line.
    fn log(&self) -> Vec<Value> {
        let text = std::fs::read_to_string(&self.bots[0].log).unwrap();
        // The last line may be on its way.
        let whole = text.rfind('\n').map_or("", |end| &text[..end]);
        let line = |line: &str| {
            serde_json::from_str(line).unwrap_or_else(|_| panic!("no line of the log: {line:?}"))
        };
        whole.lines().map(line).collect()
    }
}

fn nested(open: &str, close: &str) -> String {
    format!("{}{}", open.repeat(LEVELS), close.repeat(LEVELS))
}

#[tokio::test]
async fn bodies_that_nest_a_hundred_thousand_deep_are_refused_or_set_aside() {
    let world = World::new().await;
    let sari = world.customer("Sari");
    let deep = nested("[", "]");
    let bodies = [
        nested("[", ""),
        deep.clone(),
        nested("{\"entry\":", ""),
        format!("{{\"entry\":{deep}}}"),
    ];
    for body in &bodies {
        assert_eq!(world.forged(body).await, Some(401));
        // What ends in time is kept as an entry that nobody can read.
        let is_json = body.ends_with([']', '}']);
        let status = if is_json { 200 } else { 400 };
        assert_eq!(world.signed(body).await, Some(status));
    }
    let message = sari.composes(&json!({"type": "text", "text": {"body": "menu"}}));
    let poison = format!(
        "{{\"id\":\"wamid.deep\",\"from\":\"62811\",\"timestamp\":\"1\",\"type\":\"text\",\
         \"text\":{{\"body\":{deep}}}}}"
    );
    let webhook = world.webhook_of(&format!("{poison},{deep},{message}"));
    assert_eq!(world.forged(&webhook).await, Some(401));
    assert_eq!(world.signed(&webhook).await, Some(200));
    sari.hears().await;
    let dead: Vec<String> =
        sqlx::query_scalar("SELECT error FROM inbox WHERE state = 'dead' ORDER BY id")
            .fetch_all(&world.db)
            .await
            .unwrap();
    assert_eq!(dead.len(), 4, "{dead:?}");
    assert_eq!(dead[2], "nested too deeply");
    let note = format!(
        "POST /webhooks/midtrans HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\
         content-length: 60000\r\n\r\n{}",
        "[".repeat(60_000)
    );
    assert_eq!(world.status(note.as_bytes()).await, 400);
    world.took_no_more_than_its_bound();
    world.ends_well_but_for_dead_letters(4).await;
}

#[tokio::test]
async fn bodies_of_a_million_items_are_refused_and_cost_a_bounded_memory() {
    let world = World::new().await;
    let crumbs =
        |crumb: &str, count: usize| format!("{crumb}{}", format!(",{crumb}").repeat(count - 1));
    let entries = |entries: String| format!("{{\"entry\":[{entries}]}}");
    for too_many in [
        entries(crumbs("0", 1_400_000)),
        entries(crumbs("{}", 900_000)),
        entries(crumbs("{\"changes\":[0]}", 180_000)),
    ] {
        assert_eq!(world.signed(&too_many).await, Some(400));
    }
    // A list of messages that is beyond measure is set aside as one, the rest of its batch is not.
    let sari = world.customer("Sari");
    let message = sari.composes(&json!({"type": "text", "text": {"body": "menu"}}));
    let list = world.webhook_of(&crumbs("0", 1_000_000));
    let both = format!(
        "{},{}",
        list.strip_suffix("]}").unwrap(),
        world
            .webhook_of(&message.to_string())
            .split_once('[')
            .unwrap()
            .1
    );
    assert_eq!(world.signed(&both).await, Some(200));
    sari.hears().await;
    // As many as a body may have are taken; these are all the same, and so are one dead letter.
    assert_eq!(
        world.signed(&entries(crumbs("0", MAX_ITEMS))).await,
        Some(200)
    );
    world.customers_are_answered().await;
    world.took_no_more_than_its_bound();
    world.ends_well_but_for_dead_letters(2).await;
}

#[tokio::test]
async fn a_flood_of_wrong_signatures_is_counted_and_fills_no_log() {
    const FLOOD: usize = 1_000;
    let world = World::new().await;
    let request = format!("{FORGED}\r\ncontent-length: 2\r\n\r\n{{}}");
    let last = format!("{FORGED}\r\nconnection: close\r\ncontent-length: 2\r\n\r\n{{}}");
    let answer = world
        .answers((request.repeat(FLOOD - 1) + &last).as_bytes())
        .await;
    assert_eq!(answer.matches("HTTP/1.1 401").count(), FLOOD);
    world
        .counts("warung_webhook_refused_total", &["signature"], FLOOD)
        .await;
    let told = || -> Vec<u64> {
        let log = world.log();
        let refused = log
            .iter()
            .filter(|line| line["message"] == "webhook refused");
        refused
            .map(|line| line["untold"].as_u64().unwrap())
            .collect()
    };
    assert!(told().len() < FLOOD / 5, "{} lines", told().len());
    // A later one says how many were left out.
    eventually(CUT_OFF, async || {
        assert_eq!(world.forged("{}").await, Some(401));
        let told = told();
        let of_all = told.len() as u64 + told.iter().sum::<u64>();
        if of_all >= FLOOD as u64 {
            Ok(())
        } else {
            Err(format!("the log tells of {of_all}"))
        }
    })
    .await;
    world.ends_well().await;
}

#[tokio::test]
async fn nothing_that_strangers_write_makes_a_line_of_the_log_or_colours_a_terminal() {
    let world = Plan::default().with("LOG", "debug").open().await;
    let sari = world.customer("KENARI\n{\"level\":\"ERROR\"}\u{1b}[31m");
    sari.asks("cari KENARI\r\n{\"level\":\"ERROR\",\"message\":\"KENARI\"}\u{1b}[2J")
        .await;
    let status = json!({"id": "KENARI\n\u{1b}[31m", "status": "KENARI\n", "timestamp": "KENARI"});
    let bodies = [
        "KENARI\n\u{1b}[31m".to_owned(),
        "{\"entry\":[\"KENARI\\n\"]}".to_owned(),
        world.webhook_of(&status.to_string()),
        json!({"entry": [{"changes": [{"field": "KENARI\n", "value": "KENARI\n"}]}]}).to_string(),
    ];
    for body in &bodies {
        assert_eq!(world.forged(body).await, Some(401));
        assert!(world.signed(body).await.is_some());
    }
    let odd = "GET /KENARI%0a%1b HTTP/1.1\r\nhost: KENARI\r\nuser-agent: KENARI\x1b[31m\r\n\
               traceparent: 00-KENARI-KENARI-01\r\nconnection: close\r\n\r\n";
    world.answers(odd.as_bytes()).await;
    let signed_oddly = FORGED.replace("sha256=00", "sha256=KENARI");
    let signed_oddly = format!(
        "{signed_oddly}\r\ntraceparent: 00-KENARI-KENARI-01\r\nconnection: close\r\n\
         content-length: 2\r\n\r\n{{}}"
    );
    assert_eq!(world.status(signed_oddly.as_bytes()).await, 401);
    let note = json!({"order_id": "KENARI\n", "transaction_status": "KENARI\n",
                      "status_code": "KENARI\n", "gross_amount": "KENARI\n",
                      "signature_key": "KENARI\n"});
    let note = note.to_string();
    let note = format!(
        "POST /webhooks/midtrans HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\
         content-length: {}\r\n\r\n{note}",
        note.len()
    );
    assert!(world.status(note.as_bytes()).await >= 400);
    world.settles().await;
    // Each line is one that the bot wrote.
    let log = world.log();
    assert!(log.iter().any(|line| line["message"] == "webhook refused"));
    for line in &log {
        let text = line.to_string();
        assert!(!text.contains("KENARI"), "{text}");
    }
    let raw = std::fs::read_to_string(&world.bots[0].log).unwrap();
    let odd = raw.chars().find(|c| c.is_control() && *c != '\n');
    assert_eq!(odd, None, "a control character in the log");
    world.ends_well_but_for_dead_letters(2).await;
}
