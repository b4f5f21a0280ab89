//! An exact limit on how often a subject may act.
//!
//! The charges of the last window are kept one by one, so "3 in 60 s" means any 60 s; a leaky
//! bucket with a burst of three would admit five. Redis says *no* early; the caller's own count
//! in its database, inside the purchase's transaction, says *no* surely.

use std::sync::LazyLock;
use std::time::Duration;

use redis::Value;

use crate::Coordination;
use crate::Unavailable;
use crate::cluster::{millis, slot::slot_of};
use crate::metrics::Command;
use crate::script::Script;

static RATE_LIMIT: LazyLock<Script> = LazyLock::new(|| {
    Script::new(concat!(
        include_str!("lua/now_ms.lua"),
        include_str!("lua/rate_limit.lua")
    ))
});

/// What a limit says to one action.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RateDecision {
    /// Go on; it is charged, and so many more are left in this window.
    Allowed {
        /// Actions left in the window.
        remaining: u32,
    },
    /// Go on; this very charge was made before, as when a webhook is delivered again.
    Repeated,
    /// Stop.
    Denied {
        /// When the next one will be allowed.
        retry_after: Duration,
    },
    /// Redis is away. Go on: the database still counts.
    Unavailable,
}

impl RateDecision {
    /// Whether the action may go on.
    ///
    /// ```
    /// use std::time::Duration;
    /// use warung_coordination::RateDecision;
    ///
    /// assert!(RateDecision::Repeated.may_go_on());
    /// assert!(!RateDecision::Denied { retry_after: Duration::from_secs(8) }.may_go_on());
    /// ```
    pub const fn may_go_on(self) -> bool {
        !matches!(self, Self::Denied { .. })
    }

    const fn label(self) -> &'static str {
        match self {
            Self::Allowed { .. } => "allowed",
            Self::Repeated => "repeated",
            Self::Denied { .. } => "denied",
            Self::Unavailable => "unavailable",
        }
    }
}

impl Coordination {
    /// Charges one action of a subject, at most `limit` in any `window`.
    ///
    /// `charge_id` names the charge (a message id, say): the same id again within the window is
    /// allowed and not charged again. A denied action is not charged. A charge counts until
    /// exactly `window` after it was made, by the server's clock.
    ///
    /// ```no_run
    /// # async fn example(coordination: warung_coordination::Coordination) {
    /// use std::time::Duration;
    /// use warung_coordination::RateDecision;
    ///
    /// let minute = Duration::from_secs(60);
    /// match coordination.check_rate_limit("6281200001", "buy", 3, minute, "wamid.HBg1").await {
    ///     RateDecision::Denied { retry_after } => println!("tunggu {retry_after:?}"),
    ///     _ => println!("silakan"),
    /// }
    /// # }
    /// ```
    pub async fn check_rate_limit(
        &self,
        subject: &str,
        action: &str,
        limit: u32,
        window: Duration,
        charge_id: &str,
    ) -> RateDecision {
        let cluster = self.cluster();
        let key = rate_key(&cluster.prefix, subject, action);
        let slot = slot_of(key.as_bytes());
        let response = cluster.timeouts.response;
        let reply = cluster
            .eval(Command::RateLimit, slot, &RATE_LIMIT, response, |cmd| {
                cmd.arg(1)
                    .arg(&key)
                    .arg(limit)
                    .arg(millis(window).max(1))
                    .arg(charge_id);
            })
            .await;
        let decision = reply.map_or(RateDecision::Unavailable, |reply| decide(&reply));
        self.count_rate(decision, "redis");
        decision
    }

    /// Gives a charge back, when what was charged did not happen after all. Says whether there
    /// was such a charge.
    ///
    /// ```no_run
    /// # async fn example(coordination: warung_coordination::Coordination) {
    /// // The stock ran out between the check and the purchase.
    /// let _ = coordination.refund_charge("6281200001", "buy", "wamid.HBg1").await;
    /// # }
    /// ```
    pub async fn refund_charge(
        &self,
        subject: &str,
        action: &str,
        charge_id: &str,
    ) -> Result<bool, Unavailable> {
        let cluster = self.cluster();
        let key = rate_key(&cluster.prefix, subject, action);
        let mut cmd = redis::cmd("ZREM");
        cmd.arg(&key).arg(charge_id);
        let reply = cluster
            .call(Command::RateRefund, slot_of(key.as_bytes()), &cmd)
            .await;
        Ok(reply.map_err(|_| Unavailable)? == Value::Int(1))
    }

    /// Counts a decision that the caller's database made, so that `warung_ratelimit_total` shows
    /// both sources side by side.
    ///
    /// ```no_run
    /// # fn example(coordination: warung_coordination::Coordination) {
    /// use warung_coordination::RateDecision;
    ///
    /// coordination.count_rate(RateDecision::Allowed { remaining: 2 }, "postgres");
    /// # }
    /// ```
    pub fn count_rate(&self, decision: RateDecision, source: &'static str) {
        let labels = [decision.label(), source];
        self.cluster().metrics.rate.with_label_values(&labels).inc();
    }
}

fn rate_key(prefix: &str, subject: &str, action: &str) -> String {
    format!("{prefix}rate:{subject}:{action}")
}

fn decide(reply: &Value) -> RateDecision {
    let Value::Array(fields) = reply else {
        return RateDecision::Unavailable;
    };
    match fields.as_slice() {
        [Value::Int(1), Value::Int(left)] => RateDecision::Allowed {
            remaining: u32::try_from(*left).unwrap_or(0),
        },
        [Value::Int(2), _] => RateDecision::Repeated,
        [Value::Int(0), Value::Int(wait)] => RateDecision::Denied {
            retry_after: Duration::from_millis(u64::try_from(*wait).unwrap_or(0)),
        },
        _ => RateDecision::Unavailable,
    }
}
