//! Messages against WhatsApp's own book: what it was answered 200 for, and what it was given.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Instant;

use anyhow::Result;
use chrono::{DateTime, Utc};
use sqlx::{PgConnection, Row};
use warung_sandbox::whatsapp::Book;

use super::{Findings, Window};
use crate::bed::Bed;

/// How long after a fault its traces may still show.
const TRACES: chrono::TimeDelta = chrono::TimeDelta::seconds(5);

/// Looks at what came, then at what went.
pub(super) async fn check(
    bed: &Bed,
    database: &mut PgConnection,
    windows: &[Window],
    findings: &mut Findings,
) -> Result<()> {
    let book = bed.whatsapp.book();
    came(&book, database, findings).await?;
    forged(&book, database, findings).await?;
    let answers = answers(database).await?;
    in_order(&book, &answers, findings);
    let mut excuses = excuses(windows, bed.whatsapp.clock().now());
    excuses.extend(lapses(database, findings).await?);
    once(&book, &excuses, findings);
    Ok(())
}

/// Everything that was answered 200 is in the inbox.
async fn came(book: &Book, database: &mut PgConnection, findings: &mut Findings) -> Result<()> {
    let known: Vec<String> = sqlx::query_scalar("SELECT key FROM inbox WHERE kind = 'message'")
        .fetch_all(database)
        .await?;
    let known: BTreeSet<String> = known.into_iter().collect();
    let messages = book.delivered.iter().filter(|item| item.status.is_none());
    let lost = messages.filter(|item| !known.contains(&item.wamid));
    let lost = lost.map(|item| format!("{} was answered 200 and is not in the inbox", item.wamid));
    findings.extend("acknowledged-is-stored", lost.collect());
    findings.saw("webhook items", book.delivered.len());
    Ok(())
}

/// Nothing that was forged came in.
async fn forged(book: &Book, database: &mut PgConnection, findings: &mut Findings) -> Result<()> {
    let taken = book
        .forged
        .iter()
        .filter(|forged| forged.http_status == 200);
    let taken = taken.map(|forged| format!("{} was answered 200", forged.wamid));
    findings.extend("forged-is-refused", taken.collect());
    let stored: Vec<String> =
        sqlx::query_scalar("SELECT key || ' is in the inbox' FROM inbox WHERE key LIKE '%FORGED'")
            .fetch_all(database)
            .await?;
    findings.extend("forged-is-refused", stored);
    findings.saw("forged messages", book.forged.len());
    Ok(())
}

/// The message that each reply answers.
async fn answers(database: &mut PgConnection) -> Result<HashMap<String, i64>> {
    let rows = sqlx::query("SELECT id, inbox_id FROM outbox WHERE inbox_id IS NOT NULL")
        .fetch_all(database)
        .await?;
    let pairs = rows.iter().map(|row| {
        let id: i64 = row.get("id");
        (id.to_string(), row.get("inbox_id"))
    });
    Ok(pairs.collect())
}

/// Replies of one customer come in the order of the messages they answer.
fn in_order(book: &Book, answers: &HashMap<String, i64>, findings: &mut Findings) {
    let mut newest: BTreeMap<&str, (i64, &str)> = BTreeMap::new();
    let mut seen: BTreeSet<&str> = BTreeSet::new();
    let mut wrong = Vec::new();
    for sent in &book.accepted {
        let Some(opaque) = sent.opaque.as_deref() else {
            continue;
        };
        // A reply that is repeated after a crash has its place by the first time.
        let (Some(message), true) = (answers.get(opaque), seen.insert(opaque)) else {
            continue;
        };
        let before = newest.entry(&sent.to).or_insert((*message, opaque));
        if *message < before.0 {
            wrong.push(format!(
                "{}: reply {opaque} came after reply {}",
                sent.to, before.1
            ));
        } else {
            *before = (*message, opaque);
        }
    }
    findings.extend("replies-in-order", wrong);
    findings.saw("replies", seen.len());
}

/// Times in which a fault may have left the fate of a reply unknown.
fn excuses(windows: &[Window], utc: DateTime<Utc>) -> Vec<(DateTime<Utc>, DateTime<Utc>)> {
    let now = Instant::now();
    let at =
        |instant: Instant| utc - chrono::TimeDelta::from_std(now - instant).unwrap_or_default();
    let faults = windows
        .iter()
        .filter(|window| window.fault.repeats_replies());
    faults
        .map(|window| (at(window.from), at(window.to)))
        .collect()
}

/// Times in which a bot lived but had not said so for longer than a bot's life, as on a machine that
/// gives it no time: others take its work over, which is right, and may repeat a reply.
async fn lapses(
    database: &mut PgConnection,
    findings: &mut Findings,
) -> Result<Vec<(DateTime<Utc>, DateTime<Utc>)>> {
    let lapses = sqlx::query_as("SELECT since, until FROM chaos_lapse");
    let lapses: Vec<_> = lapses.fetch_all(database).await?;
    findings.saw("times a living bot was taken for dead", lapses.len());
    Ok(lapses)
}

/// A reply is sent twice only where a fault left its fate unknown.
fn once(book: &Book, excuses: &[(DateTime<Utc>, DateTime<Utc>)], findings: &mut Findings) {
    let is_explained = |from: DateTime<Utc>, to: DateTime<Utc>| {
        let mut excuses = excuses.iter();
        excuses.any(|(since, until)| *since - TRACES < to && from < *until + TRACES)
    };
    let mut first: HashMap<&str, DateTime<Utc>> = HashMap::new();
    let (mut repeated, mut wrong) = (0, Vec::new());
    for sent in &book.accepted {
        let Some(opaque) = sent.opaque.as_deref() else {
            continue;
        };
        if let Some(before) = first.insert(opaque, sent.at) {
            repeated += 1;
            if !is_explained(before, sent.at) {
                let nearest = excuses
                    .iter()
                    .min_by_key(|(since, until)| (before - *until).max(*since - sent.at));
                wrong.push(format!(
                    "reply {opaque} was sent at {before} and at {}, and nothing explains it; \
                     the nearest fault: {nearest:?}",
                    sent.at
                ));
            }
        }
    }
    findings.extend("replies-once", wrong);
    findings.saw("replies repeated after a fault", repeated);
}
