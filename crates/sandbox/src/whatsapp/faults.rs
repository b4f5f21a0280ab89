//! Faults on demand: each may be armed for the next N times, with a probability, or both.
//!
//! All chances are drawn from one generator seeded by the configuration, so that a run can be told
//! again.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde::{Deserialize, Serialize};

/// What can go wrong between a shop and Meta.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// Webhook: the item is posted twice, the copy possibly at the same moment to another bot.
    Duplicate,
    /// Webhook: the item is held back until the customer's next item has gone out (at most 1 s).
    Reorder,
    /// Webhook: the item goes out so many milliseconds later.
    DelayMs(u64),
    /// Webhook: the item is lost for good.
    Drop,
    /// Webhook: beside the item, an altered copy with a new id and a wrong signature goes out once.
    Forge,
    /// Send API: HTTP 500 with error 131000 and no effect.
    ServerError,
    /// Send API: HTTP 429 with error 130429 and no effect.
    RateLimit,
    /// Send API: HTTP 429 with error 131056 and no effect.
    PairLimit,
    /// Send API: no effect and no answer.
    TimeoutBefore,
    /// Send API: the message is accepted and goes out, but no answer comes.
    TimeoutAfter,
    /// Send API: this error code and no effect.
    Error(u32),
    /// Send API: the message is accepted, then reported `failed` with this error code.
    Failed(u32),
}

/// Which webhook items a fault may hit. Send API faults ignore it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Items {
    /// Customers' messages only.
    #[default]
    Messages,
    /// Statuses only.
    Statuses,
    /// Both.
    All,
}

/// One armed fault.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Arming {
    /// What goes wrong.
    pub fault: Fault,
    /// Fires for the next so many items or calls.
    #[serde(default)]
    pub next: u32,
    /// Fires with this probability, 0 to 1, once `next` is used up.
    #[serde(default)]
    pub chance: f64,
    /// Which webhook items it may hit.
    #[serde(default)]
    pub items: Items,
    /// Only for this customer's `wa_id`.
    #[serde(default)]
    pub customer: Option<String>,
}

/// The armed faults of one sandbox. Cloning shares them.
#[derive(Clone, Debug)]
pub struct Faults {
    armed: Arc<Mutex<Armed>>,
}

#[derive(Debug)]
struct Armed {
    armings: Vec<Arming>,
    random: StdRng,
}

impl Fault {
    fn is_webhook(self) -> bool {
        matches!(
            self,
            Self::Duplicate | Self::Reorder | Self::DelayMs(_) | Self::Drop | Self::Forge
        )
    }
}

impl Arming {
    fn fits(&self, customer: &str, is_status: bool) -> bool {
        let item = match self.items {
            Items::Messages => !is_status,
            Items::Statuses => is_status,
            Items::All => true,
        };
        item && self
            .customer
            .as_deref()
            .is_none_or(|wanted| wanted == customer)
    }

    fn fires(&mut self, random: &mut StdRng) -> bool {
        if self.next > 0 {
            self.next -= 1;
            return true;
        }
        self.chance > 0.0 && random.random_bool(self.chance.min(1.0))
    }
}

impl Faults {
    pub(super) fn new(seed: u64) -> Self {
        let armed = Armed {
            armings: Vec::new(),
            random: StdRng::seed_from_u64(seed),
        };
        Self {
            armed: Arc::new(Mutex::new(armed)),
        }
    }

    /// Arms `fault` for the next `times` messages (webhook faults) or sends (send API faults).
    pub fn next(&self, fault: Fault, times: u32) {
        let items = Items::Messages;
        self.arm(Arming {
            fault,
            next: times,
            chance: 0.0,
            items,
            customer: None,
        });
    }

    /// Arms `fault` with a probability for every message, status or send.
    pub fn chance(&self, fault: Fault, chance: f64) {
        self.arm(Arming {
            fault,
            next: 0,
            chance,
            items: Items::All,
            customer: None,
        });
    }

    /// Arms a fault. An earlier arming of the same fault, items and customer is replaced.
    pub fn arm(&self, arming: Arming) {
        let mut armed = self.lock();
        armed.armings.retain(|old| {
            (old.fault, old.items, &old.customer) != (arming.fault, arming.items, &arming.customer)
        });
        armed.armings.push(arming);
    }

    /// Disarms everything.
    pub fn clear(&self) {
        self.lock().armings.clear();
    }

    /// What is still armed.
    pub fn armed(&self) -> Vec<Arming> {
        self.lock().armings.clone()
    }

    /// The faults that hit this webhook item.
    pub(super) fn of_item(&self, customer: &str, is_status: bool) -> Vec<Fault> {
        let mut armed = self.lock();
        let Armed { armings, random } = &mut *armed;
        let fired: Vec<Fault> = armings
            .iter_mut()
            .filter(|arming| arming.fault.is_webhook() && arming.fits(customer, is_status))
            .filter_map(|arming| arming.fires(random).then_some(arming.fault))
            .collect();
        armed.forget_spent();
        fired
    }

    /// The fault that hits this send, if any.
    pub(super) fn of_send(&self, customer: &str) -> Option<Fault> {
        let mut armed = self.lock();
        let Armed { armings, random } = &mut *armed;
        let fired = armings
            .iter_mut()
            .filter(|arming| !arming.fault.is_webhook())
            .filter(|arming| {
                arming
                    .customer
                    .as_deref()
                    .is_none_or(|wanted| wanted == customer)
            })
            .find_map(|arming| arming.fires(random).then_some(arming.fault));
        armed.forget_spent();
        fired
    }

    /// A random moment within `span`, for jitter.
    pub(super) fn jitter(&self, span: std::time::Duration) -> std::time::Duration {
        span.mul_f64(self.lock().random.random_range(0.0..1.0))
    }

    fn lock(&self) -> MutexGuard<'_, Armed> {
        self.armed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Armed {
    fn forget_spent(&mut self) {
        self.armings
            .retain(|arming| arming.next > 0 || arming.chance > 0.0);
    }
}
