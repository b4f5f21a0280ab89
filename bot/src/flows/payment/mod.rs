//! Payments at Midtrans, from the charge to the books.
//!
//! Nobody waits here: a sweep claims the attempts that are due and [`advance`]s each. A step is one
//! call to Midtrans between two short transactions, never inside one; what comes back is decided
//! on the freshly locked attempt by `warung_domain::settlement`, so that notifications, polls, taps
//! and bots that overtake each other all end in the same books. `GET status` is the only truth: a
//! lost answer, a notification, a call-off are reasons to read it.
//!
//! Money for saldo that its bank may still take back (Permata, Mandiri Bill, Indomaret) is credited
//! once the hold is over and the status says settled still: until then the attempt stays as it was,
//! with `hold_until` set. So a settled attempt has one credit, and no saldo is spent too early.

mod books;
mod case;
mod instructions;
mod midtrans;
mod plan;
mod tell;
mod verdicts;

use std::time::Duration;

use anyhow::Result;
use tokio::time::timeout;
use tracing::Instrument as _;

use self::{
    case::{Case, Next},
    midtrans::Heard,
    plan::Asked,
};
use crate::{
    app::App,
    flows::fulfilment,
    store::{
        self, orders,
        payments::{
            self, Purpose,
            queue::{self, Claim, WORK_LIMIT},
        },
    },
    telemetry,
};

/// Calls to Midtrans in one go: at most status, charge, status and cancel follow each other.
const CALLS: usize = 5;
/// How often it is tried to let go of a payment that could not be advanced, and the pause between.
const GIVE_BACK_TRIES: u32 = 30;
const GIVE_BACK_PAUSE: Duration = Duration::from_millis(500);

/// Does what is due about one claimed attempt, and lets go of it whatever happens.
pub async fn advance(app: &App, claim: Claim) {
    let trace = telemetry::begin("payment", None);
    Box::pin(advance_within(app, &claim))
        .instrument(trace.span)
        .await;
}

async fn advance_within(app: &App, claim: &Claim) {
    let error = match timeout(WORK_LIMIT, work(app, claim)).await {
        Ok(Ok(())) => return,
        Ok(Err(error)) => format!("{error:#}"),
        Err(_) => "it took too long".to_owned(),
    };
    tracing::error!(payment.id = %claim.id, error, "a payment could not be advanced");
    let again_at = app.clock.now() + plan::AFTER_FAULT;
    // The customer waits for how to pay: a short absence of the database, which is perhaps what went
    // wrong, must not keep the payment until the work limit.
    for _ in 0..GIVE_BACK_TRIES {
        match queue::give_back(&app.pool, claim, again_at).await {
            Ok(()) => return,
            Err(error) => tracing::warn!(payment.id = %claim.id, %error, "not given back yet"),
        }
        tokio::time::sleep(GIVE_BACK_PAUSE).await;
    }
    // It is free again after the work limit, or when this bot dies.
    tracing::error!(payment.id = %claim.id, "a payment could not be given back");
}

async fn work(app: &App, claim: &Claim) -> Result<()> {
    let mut connection = app.pool.acquire().await?;
    let Some(attempt) = payments::load(&mut connection, claim.id).await? else {
        return Ok(());
    };
    drop(connection);
    let mut asked = Asked::default();
    // What a call needs of the attempt never changes; what was learnt is in the row.
    let mut next = plan::first(&attempt, claim.taken_over, app.clock.now());
    for _ in 0..CALLS {
        let heard = match next {
            Some(call) => {
                crash_point!("payment.claimed");
                let heard = midtrans::ask(app, &attempt, call).await;
                crash_point!("payment.asked");
                heard
            }
            None => Heard::NothingToAsk,
        };
        if let Some(call) = next {
            asked.note(call);
        }
        match conclude(app, claim, heard, &asked).await? {
            Next::Ask(call) => next = Some(call),
            Next::LetGo => return Ok(()),
        }
    }
    anyhow::bail!("Midtrans was asked {CALLS} times without an end")
}

/// Applies what was heard in one transaction: the payment's row, then the order's, then the rest.
async fn conclude(app: &App, claim: &Claim, heard: Heard, asked: &Asked) -> Result<Next> {
    let now = app.clock.now();
    let mut tx = store::begin(&app.pool).await?;
    let Some(attempt) = queue::reopen(&mut tx, claim).await? else {
        tracing::warn!(payment.id = %claim.id, "another bot has the payment by now");
        return Ok(Next::LetGo);
    };
    let order = match attempt.purpose {
        Purpose::Order(id) => orders::load_for_update(&mut tx, id).await?,
        Purpose::TopUp(_) => None,
    };
    let before = order.as_ref().map(|order| order.state);
    let mut case = Case {
        app,
        attempt,
        order,
        now,
        news: false,
    };
    let next = case.hear(&mut tx, heard, asked).await?;
    match next {
        Next::Ask(_) => payments::save(&mut tx, &case.attempt).await?,
        Next::LetGo => queue::put_back(&mut tx, claim, &case.attempt).await?,
    }
    crash_point!("payment.before_commit");
    tx.commit().await?;
    crash_point!("payment.concluded");
    let after = case.order.as_ref().map(|order| order.state);
    if let Some(state) = after.filter(|_| after != before) {
        fulfilment::count(app, state);
    }
    app.signals.outbound.notify_one();
    Ok(next)
}
