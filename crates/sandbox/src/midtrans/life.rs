//! The moves of payments: each changes the world, writes the book and sends its notification.

use std::sync::Arc;

use chrono::TimeDelta;

use super::agenda::Job;
use super::fault::{Call, Fault};
use super::payment::{Payment, RefundRefused, WrongStatus};
use super::post;
use super::shared::Shared;
use super::world::{Movement, NewPayment, World};

/// How long the bank takes to confirm a refund.
const REFUND_CONFIRMATION: TimeDelta = TimeDelta::seconds(60);

/// Why a move was not made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// No payment has this id or number.
    #[error("no such payment")]
    Unknown,
    /// The payment's status does not allow it.
    #[error(transparent)]
    Status(#[from] WrongStatus),
    /// The Snap page takes no (or not this) method.
    #[error("the payment page does not take this")]
    Page,
}

/// A payment of this `order_id` waits or was paid.
#[derive(Clone, Copy, Debug)]
pub(super) struct OrderIdTaken;

/// Makes a payment, sets its timer and tells the shop that it is pending.
pub(super) fn begin(shared: &Arc<Shared>, new: NewPayment) -> Result<Payment, OrderIdTaken> {
    let mut world = shared.world();
    if !world.is_order_id_free(&new.order_id) {
        return Err(OrderIdTaken);
    }
    let payment = world.add(new);
    announce(shared, &world, &payment);
    shared.agenda.add(
        payment.expires_at,
        Job::Expire(payment.transaction_id.clone()),
    );
    Ok(payment)
}

/// The payer pays. A payment whose time is over expires instead.
pub(super) fn pay(shared: &Arc<Shared>, id: &str) -> Result<Payment, Refused> {
    let now = shared.now();
    let is_over = shared
        .world()
        .find(id)
        .is_some_and(|payment| payment.expires_at <= now);
    if is_over {
        let ended = expire(shared, id)?;
        return Err(WrongStatus(ended.status).into());
    }
    let payment = settle(shared, id, Movement::Settlement)?;
    if payment.method.reverses() && shared.faults.strikes(Fault::Reversal, Call::Payment) {
        let wait = TimeDelta::seconds(shared.world().reversal_seconds());
        let job = Job::Reverse(payment.transaction_id.clone());
        shared.agenda.add(now + shared.scaled(wait), job);
    }
    Ok(payment)
}

/// The payer's money arrives after the payment had ended.
pub(super) fn pay_late(shared: &Arc<Shared>, id: &str) -> Result<Payment, Refused> {
    settle(shared, id, Movement::LateSettlement)
}

/// The payer's bank or wallet refuses.
pub(super) fn fail(shared: &Arc<Shared>, id: &str) -> Result<Payment, Refused> {
    step(shared, id, Payment::deny)
}

/// The payment's time is over.
pub(super) fn expire(shared: &Arc<Shared>, id: &str) -> Result<Payment, Refused> {
    step(shared, id, Payment::expire)
}

/// The shop calls it off.
pub(super) fn cancel(shared: &Arc<Shared>, id: &str) -> Result<Payment, Refused> {
    step(shared, id, Payment::cancel)
}

/// The bank takes a settlement back.
pub(super) fn reverse(shared: &Arc<Shared>, id: &str) -> Result<Payment, Refused> {
    let now = shared.now();
    let mut world = shared.world();
    let payment = world.find_mut(id).ok_or(Refused::Unknown)?;
    payment.reverse()?;
    let payment = payment.clone();
    world.write_down(&payment, Movement::Reversal, -payment.amount, now);
    announce(shared, &world, &payment);
    Ok(payment)
}

/// Why /refund did not pay back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NoRefund {
    Unknown,
    Refused(RefundRefused),
}

/// Pays back; the first notification goes out now, the final one when the bank confirms.
pub(super) fn refund(
    shared: &Arc<Shared>,
    id: &str,
    key: &str,
    amount: Option<i64>,
    reason: &str,
) -> Result<Payment, NoRefund> {
    let now = shared.now();
    let mut world = shared.world();
    let payment = world.find_mut(id).ok_or(NoRefund::Unknown)?;
    let amount = payment
        .refund(key, amount, reason, now)
        .map_err(NoRefund::Refused)?;
    let payment = payment.clone();
    world.write_down(&payment, Movement::Refund, -amount, now);
    announce(shared, &world, &payment);
    let confirm = Job::ConfirmRefund(payment.transaction_id.clone(), key.to_owned());
    let due = now + shared.scaled(REFUND_CONFIRMATION);
    shared.agenda.add(due, confirm);
    Ok(payment)
}

/// The bank confirms a refund: the second and final notification.
pub(super) fn confirm_refund(shared: &Arc<Shared>, id: &str, key: &str) {
    let now = shared.now();
    let mut world = shared.world();
    let Some(payment) = world.find_mut(id) else {
        return;
    };
    let mut refunds = payment.refunds.iter_mut();
    if let Some(refund) = refunds.find(|refund| refund.refund_key == key) {
        refund.bank_confirmed_at = Some(now);
    }
    let payment = payment.clone();
    announce(shared, &world, &payment);
}

fn settle(shared: &Arc<Shared>, id: &str, movement: Movement) -> Result<Payment, Refused> {
    let now = shared.now();
    let mut world = shared.world();
    let payment = world.find_mut(id).ok_or(Refused::Unknown)?;
    match movement {
        Movement::LateSettlement => payment.settle_late(now)?,
        _ => payment.settle(now)?,
    }
    let payment = payment.clone();
    world.write_down(&payment, movement, payment.amount, now);
    announce(shared, &world, &payment);
    Ok(payment)
}

fn step(
    shared: &Arc<Shared>,
    id: &str,
    act: impl FnOnce(&mut Payment) -> Result<(), WrongStatus>,
) -> Result<Payment, Refused> {
    let mut world = shared.world();
    let payment = world.find_mut(id).ok_or(Refused::Unknown)?;
    act(payment)?;
    let payment = payment.clone();
    announce(shared, &world, &payment);
    Ok(payment)
}

/// Takes the locked world as a witness: notifications queue in the order of the moves.
fn announce(shared: &Arc<Shared>, _world: &World, payment: &Payment) {
    post::notify(shared, payment);
    shared.changed();
}
