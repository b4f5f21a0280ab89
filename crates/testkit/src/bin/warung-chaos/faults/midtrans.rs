//! Midtrans is slow, wrong, late and impersonated.

use std::time::Duration;

use anyhow::Result;
use warung_sandbox::midtrans::{Call, Fault as Sandbox, Forgery, Status};

use super::{Fault, lasts};
use crate::bed::Bed;

/// How long it goes on.
const SPAN: Duration = Duration::from_secs(4);
/// Of 1,000 calls.
const OFTEN: u32 = 500;
/// Payments that are forged or taken back in one go.
const MANY: usize = 30;
const LOOKS: u32 = 6;

pub(super) async fn misbehaves(bed: &Bed, fault: Fault) -> Result<String> {
    let faults = bed.midtrans.faults();
    let before: u64 = faults.struck().values().sum();
    let often = |fault, call| faults.chance(fault, call, OFTEN);
    match fault {
        Fault::MidtransSlow => often(Sandbox::Slow, None),
        Fault::MidtransErrors => {
            faults.chance(Sandbox::ServerError, None, OFTEN / 2);
            faults.chance(Sandbox::RateLimited, None, OFTEN / 4);
            faults.chance(Sandbox::ErrorAfterEffect, None, OFTEN / 4);
        }
        Fault::MidtransInFlight => often(Sandbox::InFlight, Some(Call::Charge)),
        Fault::MidtransAnswersLost => often(Sandbox::AnswerLost, None),
        Fault::MidtransRepeats => often(Sandbox::Duplicate, None),
        Fault::MidtransReorders => {
            often(Sandbox::Reorder, None);
            faults.chance(Sandbox::Drop, None, OFTEN / 4);
            faults.chance(Sandbox::Delay, None, OFTEN / 4);
        }
        Fault::MidtransForged => {
            often(Sandbox::ForgeStatus, None);
            often(Sandbox::ForgeSignature, None);
        }
        Fault::MidtransReverses => often(Sandbox::Reversal, None),
        _ => {}
    }
    let mut by_hand = 0;
    for _ in 0..LOOKS {
        match fault {
            Fault::MidtransForged => by_hand += forge(bed),
            Fault::MidtransReverses => by_hand += reverse(bed),
            _ => {}
        }
        lasts(SPAN / LOOKS).await;
    }
    let struck: u64 = faults.struck().values().sum::<u64>() - before;
    faults.clear();
    Ok(format!("{} times in {SPAN:?}", struck + by_hand))
}

/// Notifications of payments that nobody made.
fn forge(bed: &Bed) -> u64 {
    const WAYS: [Forgery; 4] = [
        Forgery::EditedStatus,
        Forgery::BadSignature,
        Forgery::WrongAmount,
        Forgery::WrongMerchant,
    ];
    let payments = bed.midtrans.payments();
    let open = payments
        .iter()
        .rev()
        .filter(|p| p.status == Status::Pending);
    let forged = open.take(MANY).zip(WAYS.iter().cycle());
    let sent =
        forged.filter(|(payment, way)| bed.midtrans.forge(&payment.transaction_id, **way).is_ok());
    sent.count() as u64
}

/// Banks take money back that they had given.
fn reverse(bed: &Bed) -> u64 {
    let payments = bed.midtrans.payments();
    let settled = payments
        .iter()
        .rev()
        .filter(|p| p.status == Status::Settlement);
    let taken_back = settled
        .take(MANY)
        .filter(|payment| bed.midtrans.reverse(&payment.transaction_id).is_ok());
    taken_back.count() as u64
}
