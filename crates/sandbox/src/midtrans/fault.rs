//! Faults on demand: the next N of a kind, or by chance from the seed.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde::{Deserialize, Serialize};

/// Something that goes wrong. In JSON its name is in snake case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// API: 500 before any effect.
    ServerError,
    /// API: 502 before any effect.
    BadGateway,
    /// API: 503 before any effect.
    Unavailable,
    /// API: 429 before any effect.
    RateLimited,
    /// API: 505, no virtual account could be allocated; charges of virtual accounts only.
    NoVirtualAccount,
    /// API: the effect happens, then the connection is closed without an answer.
    AnswerLost,
    /// API: the effect happens, then silence until the client gives up.
    AnswerNever,
    /// API: the effect happens, the answer is 500.
    ErrorAfterEffect,
    /// API: the effect happens, the answer comes after [`super::Config::slow_ms`]; meanwhile a
    /// retry with the same key is answered 202.
    Slow,
    /// API: a call with an `Idempotency-Key` is answered 202, "in flight", and so is each retry
    /// for [`super::Config::slow_ms`]; the effect happens.
    InFlight,
    /// Cancel: 412, although the payment was pending.
    CannotModify,
    /// Refund: body 202 and the payment stays settled, which means refused.
    RefundDenied,
    /// Settlement by Permata, Mandiri Bill or Indomaret: taken back minutes later.
    Reversal,
    /// Notification: sent twice.
    Duplicate,
    /// Notification: held until the order's next one has been sent.
    Reorder,
    /// Notification: sent minutes late.
    Delay,
    /// Notification: never sent.
    Drop,
    /// Notification: preceded by one that claims a settlement with a wrong signature.
    ForgeSignature,
    /// Notification: preceded by a copy whose `transaction_status` was edited to `settlement`;
    /// its signature is valid, since the signature leaves that field out.
    ForgeStatus,
    /// Notification: `transaction_status` in upper case.
    UpperCase,
    /// Notification: with fields nobody knows and a null.
    ExtraFields,
}

/// Where a fault may strike.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Call {
    /// `POST /snap/v1/transactions`.
    SnapCreate,
    /// `POST /snap/v1/transactions/{token}/cancel`.
    SnapCancel,
    /// `POST /v2/charge`.
    Charge,
    /// `GET /v2/{id}/status`.
    Status,
    /// `POST /v2/{id}/cancel`.
    Cancel,
    /// `POST /v2/{id}/expire`.
    Expire,
    /// `POST /v2/{id}/refund`.
    Refund,
    /// A payer pays.
    Payment,
    /// A notification leaves.
    Notification,
}

#[derive(Debug)]
struct Armed {
    fault: Fault,
    call: Option<Call>,
    left: u32,
}

#[derive(Debug)]
struct Plan {
    dice: StdRng,
    armed: Vec<Armed>,
    per_mille: BTreeMap<(Fault, Option<Call>), u32>,
    struck: BTreeMap<Fault, u64>,
}

/// The faults of one sandbox. Cloning it shares them.
#[derive(Clone, Debug)]
pub struct Faults {
    plan: Arc<Mutex<Plan>>,
}

impl Faults {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            plan: Arc::new(Mutex::new(Plan {
                dice: StdRng::seed_from_u64(seed),
                armed: Vec::new(),
                per_mille: BTreeMap::new(),
                struck: BTreeMap::new(),
            })),
        }
    }

    /// Strikes the next `count` calls on which `fault` is possible.
    pub fn next(&self, fault: Fault, count: u32) {
        self.arm(fault, None, count);
    }

    /// Strikes the next `count` calls of one kind.
    pub fn next_on(&self, call: Call, fault: Fault, count: u32) {
        self.arm(fault, Some(call), count);
    }

    /// Strikes `per_mille` of 1000 calls (of one kind, if given), by the seed; 0 ends it.
    pub fn chance(&self, fault: Fault, call: Option<Call>, per_mille: u32) {
        self.with(|plan| plan.per_mille.insert((fault, call), per_mille.min(1000)));
    }

    /// Ends all faults, armed and by chance.
    pub fn clear(&self) {
        self.with(|plan| {
            plan.armed.clear();
            plan.per_mille.clear();
        });
    }

    /// How often each fault has struck.
    pub fn struck(&self) -> BTreeMap<Fault, u64> {
        self.with(|plan| plan.struck.clone())
    }

    pub(super) fn arm(&self, fault: Fault, call: Option<Call>, left: u32) {
        self.with(|plan| plan.armed.push(Armed { fault, call, left }));
    }

    /// Whether `fault` strikes this `call`; an armed one is used up.
    pub(super) fn strikes(&self, fault: Fault, call: Call) -> bool {
        self.with(|plan| {
            let strikes = plan.take_armed(fault, call) || plan.roll(fault, call);
            if strikes {
                *plan.struck.entry(fault).or_default() += 1;
            }
            strikes
        })
    }

    fn with<T>(&self, act: impl FnOnce(&mut Plan) -> T) -> T {
        act(&mut self.plan.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Plan {
    fn take_armed(&mut self, fault: Fault, call: Call) -> bool {
        let fits = |armed: &Armed| {
            armed.fault == fault && armed.left > 0 && armed.call.is_none_or(|only| only == call)
        };
        let Some(armed) = self.armed.iter_mut().find(|armed| fits(armed)) else {
            return false;
        };
        armed.left -= 1;
        self.armed.retain(|armed| armed.left > 0);
        true
    }

    fn roll(&mut self, fault: Fault, call: Call) -> bool {
        let chance = [Some(call), None]
            .into_iter()
            .find_map(|call| self.per_mille.get(&(fault, call)).copied());
        chance.is_some_and(|per_mille| self.dice.random_range(0..1000) < per_mille)
    }
}
