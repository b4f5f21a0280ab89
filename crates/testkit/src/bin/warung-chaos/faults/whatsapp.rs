//! WhatsApp refuses, loses answers, and sends things twice and in disorder.

use std::time::Duration;

use anyhow::{Result, ensure};
use serde_json::json;
use warung_sandbox::whatsapp::{Arming, Fault as Sandbox, Items};

use super::{Fault, lasts};
use crate::bed::Bed;

/// How long it goes on.
const SPAN: Duration = Duration::from_secs(4);
const OFTEN: f64 = 0.3;
/// The large batch and who is in it.
const BATCH: usize = 1_000;
const WRITERS: usize = 200;
/// How often a refused batch is sent again, as Meta does.
const TRIES: u32 = 18;

pub(super) async fn misbehaves(bed: &Bed, fault: Fault) -> Result<String> {
    let faults = bed.whatsapp.faults();
    let arm = |fault, chance, items| {
        faults.arm(Arming {
            fault,
            next: 0,
            chance,
            items,
            customer: None,
        });
    };
    match fault {
        Fault::WhatsAppErrors => arm(Sandbox::ServerError, OFTEN, Items::All),
        Fault::WhatsAppLimits => arm(Sandbox::RateLimit, OFTEN / 10.0, Items::All),
        Fault::WhatsAppPairLimits => arm(Sandbox::PairLimit, OFTEN / 10.0, Items::All),
        Fault::WhatsAppAnswersLost => arm(Sandbox::TimeoutAfter, OFTEN / 3.0, Items::All),
        Fault::WhatsAppRepeats => arm(Sandbox::Duplicate, 1.0, Items::All),
        Fault::WhatsAppReorders => {
            arm(Sandbox::Reorder, OFTEN, Items::All);
            arm(Sandbox::DelayMs(700), OFTEN, Items::Messages);
        }
        Fault::WhatsAppForged => arm(Sandbox::Forge, 1.0, Items::Messages),
        _ => {}
    }
    lasts(SPAN).await;
    faults.clear();
    Ok(format!("for {SPAN:?}"))
}

/// One webhook with 1,000 messages, sent twice.
pub(super) async fn a_thousand(bed: &Bed) -> Result<String> {
    let customers: Vec<_> = (0..WRITERS)
        .map(|index| format!("62813{:08}", 30_000_000 + index))
        .map(|number| bed.whatsapp.customer(&number, "Ramai"))
        .collect();
    let text = json!({"type": "text", "text": {"body": "menu"}});
    let items: Vec<_> = (0..BATCH)
        .map(|index| customers[index % WRITERS].composes(&text))
        .collect();
    let mut tries = 0;
    for _ in 0..2 {
        loop {
            tries += 1;
            if bed.whatsapp.deliver(&items).await == Some(200) {
                break;
            }
            ensure!(
                tries < TRIES,
                "a batch of {BATCH} was not taken in {TRIES} tries"
            );
            lasts(Duration::from_millis(200)).await;
        }
    }
    Ok(format!(
        "{BATCH} messages in one webhook, twice, in {tries} tries"
    ))
}
