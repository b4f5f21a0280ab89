//! The sandbox as a test holds it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use tokio::task::JoinHandle;

use super::answer;
use super::fault::Faults;
use super::forge::{self, Forgery};
use super::life::{self, Refused};
use super::method::Method;
use super::payment::Payment;
use super::post::{self, Sent};
use super::shared::Shared;
use super::snap::{self, Session, Stage};
use super::world::Entry;
use crate::serve::Server;

/// A running Midtrans. Dropping it stops it without waiting; [`Sandbox::stop`] waits.
#[derive(Debug)]
pub struct Sandbox {
    pub(super) shared: Arc<Shared>,
    pub(super) server: Server,
    pub(super) agenda: JoinHandle<()>,
}

/// Nothing matched in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("nothing of the kind within {0:?}")]
pub struct NotInTime(pub Duration);

impl Sandbox {
    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.server.address()
    }

    /// The base URL for the Snap API, without a slash at the end.
    pub fn snap_url(&self) -> String {
        self.shared.base.clone()
    }

    /// The base URL for the Core API, without a slash at the end.
    pub fn api_url(&self) -> String {
        self.shared.base.clone()
    }

    /// All payments, oldest first. A Snap page without a chosen method is none yet.
    pub fn payments(&self) -> Vec<Payment> {
        self.shared.world().payments().to_vec()
    }

    /// The newest payment of an order, or the one with this `transaction_id`.
    pub fn find(&self, id: &str) -> Option<Payment> {
        self.shared.world().find(id).cloned()
    }

    /// The newest Snap page of an order.
    pub fn find_snap(&self, order_id: &str) -> Option<Session> {
        find_snap(&self.shared, order_id)
    }

    /// Waits until a payment fits, and returns the newest that does.
    pub async fn wait_for_payment(
        &self,
        fits: impl Fn(&Payment) -> bool,
        timeout: Duration,
    ) -> Result<Payment, NotInTime> {
        let look = || {
            let world = self.shared.world();
            world.payments().iter().rev().find(|it| fits(it)).cloned()
        };
        self.wait_for(look, timeout).await
    }

    /// Waits until a Snap page fits.
    pub async fn wait_for_snap(
        &self,
        fits: impl Fn(&Session) -> bool,
        timeout: Duration,
    ) -> Result<Session, NotInTime> {
        let look = || {
            let world = self.shared.world();
            world.sessions.values().find(|it| fits(it)).cloned()
        };
        self.wait_for(look, timeout).await
    }

    /// The payer chooses a method on the order's Snap page.
    pub fn choose(&self, order_id: &str, method: Method) -> Result<Payment, Refused> {
        let token = self.find_snap(order_id).ok_or(Refused::Unknown)?.token;
        snap::choose(&self.shared, &token, method)
    }

    /// The payer pays, by `order_id` or `transaction_id`. On a Snap page without a method the
    /// first one offered is chosen.
    pub fn pay(&self, id: &str) -> Result<Payment, Refused> {
        pay(&self.shared, id)
    }

    /// The payer scans a QR code and pays.
    pub fn pay_qr(&self, qr_string: &str) -> Result<Payment, Refused> {
        pay_number(&self.shared, qr_string)
    }

    /// The payer types a virtual account number, bill key or payment code, and pays.
    pub fn pay_va(&self, number: &str) -> Result<Payment, Refused> {
        pay_number(&self.shared, number)
    }

    /// The payer's bank or wallet refuses.
    pub fn fail(&self, id: &str) -> Result<Payment, Refused> {
        life::fail(&self.shared, id)
    }

    /// The payment's time is over.
    pub fn expire(&self, id: &str) -> Result<Payment, Refused> {
        life::expire(&self.shared, id)
    }

    /// The bank takes a settlement back (Permata, Mandiri Bill, Indomaret only).
    pub fn reverse(&self, id: &str) -> Result<Payment, Refused> {
        life::reverse(&self.shared, id)
    }

    /// Money arrives after the payment expired, was cancelled or refused.
    pub fn pay_late(&self, id: &str) -> Result<Payment, Refused> {
        life::pay_late(&self.shared, id)
    }

    /// Sends the present state once more, past all faults.
    pub fn resend_notification(&self, id: &str) -> Result<(), Refused> {
        resend(&self.shared, id)
    }

    /// Sends a notification that Midtrans would never send.
    pub fn forge(&self, id: &str, forgery: Forgery) -> Result<(), Refused> {
        forge(&self.shared, id, forgery)
    }

    /// The faults, to arm and to clear.
    pub fn faults(&self) -> Faults {
        self.shared.faults.clone()
    }

    /// Every rupiah that moved, in order.
    pub fn book(&self) -> Vec<Entry> {
        self.shared.world().book().to_vec()
    }

    /// Every attempt to notify the shop, in order.
    pub fn notifications(&self) -> Vec<Sent> {
        self.shared.post.log()
    }

    /// Notifies these addresses from now on, in turn.
    pub fn set_notify(&self, urls: Vec<String>) {
        self.shared.post.set_urls(urls);
    }

    /// Waits until no notification is under way, held back, late or due for a retry.
    pub async fn quiet(&self, timeout: Duration) -> Result<(), NotInTime> {
        self.wait_for(|| self.shared.post.is_idle().then_some(()), timeout)
            .await
    }

    /// Moves the sandbox's clock; what comes due happens at once.
    pub fn advance(&self, step: TimeDelta) {
        advance(&self.shared, step);
    }

    /// Stops listening and sending, and waits for both.
    pub async fn stop(mut self) {
        self.shared.stopping.cancel();
        self.server.stop().await;
        self.shared.post.close().await;
        // It ends by the same token; an error means that it panicked, and was logged then.
        let _ = (&mut self.agenda).await;
    }

    async fn wait_for<T>(
        &self,
        look: impl Fn() -> Option<T>,
        timeout: Duration,
    ) -> Result<T, NotInTime> {
        let mut changes = self.shared.changes.subscribe();
        let wait = async {
            loop {
                changes.borrow_and_update();
                if let Some(found) = look() {
                    return found;
                }
                // The sender lives in `shared`, so this cannot fail while `self` is borrowed.
                if changes.changed().await.is_err() {
                    std::future::pending::<()>().await;
                }
            }
        };
        tokio::time::timeout(timeout, wait)
            .await
            .map_err(|_| NotInTime(timeout))
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        self.shared.stopping.cancel();
    }
}

pub(super) fn find_snap(shared: &Shared, order_id: &str) -> Option<Session> {
    let world = shared.world();
    let token = world.live_session.get(order_id)?;
    world.sessions.get(token).cloned()
}

pub(super) fn pay(shared: &Arc<Shared>, id: &str) -> Result<Payment, Refused> {
    let undecided = {
        let world = shared.world();
        let session = world
            .live_session
            .get(id)
            .and_then(|token| world.sessions.get(token));
        session
            .filter(|session| {
                matches!(
                    snap::stage(&world, session, shared.now()),
                    Stage::Choose { .. }
                )
            })
            .cloned()
    };
    if let Some(session) = undecided {
        let method = session.methods.first().ok_or(Refused::Page)?;
        snap::choose(shared, &session.token, *method)?;
    }
    life::pay(shared, id)
}

pub(super) fn pay_number(shared: &Arc<Shared>, number: &str) -> Result<Payment, Refused> {
    let id = shared
        .world()
        .find_by_number(number)
        .map(|payment| payment.transaction_id.clone());
    life::pay(shared, &id.ok_or(Refused::Unknown)?)
}

pub(super) fn resend(shared: &Arc<Shared>, id: &str) -> Result<(), Refused> {
    let payment = shared.world().find(id).cloned().ok_or(Refused::Unknown)?;
    let body = answer::notification(&payment, &shared.config).into();
    post::accept(shared, &payment.order_id, body);
    Ok(())
}

pub(super) fn forge(shared: &Arc<Shared>, id: &str, forgery: Forgery) -> Result<(), Refused> {
    let payment = shared.world().find(id).cloned().ok_or(Refused::Unknown)?;
    let body = forge::body(forgery, &payment, &shared.config);
    post::accept(shared, &payment.order_id, body);
    Ok(())
}

pub(super) fn advance(shared: &Shared, step: TimeDelta) {
    shared.config.clock.advance(step);
    shared.agenda.wake();
}
