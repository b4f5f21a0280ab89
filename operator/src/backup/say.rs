//! How the conditions of a `ShopBackup` and a `ShopRestore` are set.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};

use crate::conditions::{Reason, Truth};

/// Type of the condition of a `ShopBackup` or `ShopRestore` that is done.
pub(crate) const COMPLETE: &str = "Complete";
/// Type of the condition of a `ShopBackup` that was restored and found whole.
pub(crate) const VERIFIED: &str = "Verified";
/// Type of the condition of a `ShopRestore` that holds its shop.
pub(crate) const BOTS_STOPPED: &str = "BotsStopped";

/// One finding.
pub(crate) struct Said<'a> {
    pub(crate) kind: &'static str,
    pub(crate) truth: Truth,
    pub(crate) reason: Reason,
    pub(crate) message: &'a str,
}

/// Sets a condition; one that is as it was keeps its time of transition.
pub(crate) fn set(
    conditions: &mut Vec<Condition>,
    said: &Said,
    generation: Option<i64>,
    now: Timestamp,
) {
    let known = conditions.iter().position(|old| old.type_ == said.kind);
    let same = known.filter(|&at| conditions[at].status == said.truth.as_str());
    let since = same.map_or_else(
        // The API server keeps whole seconds.
        || Time(Timestamp::from_second(now.as_second()).unwrap_or(now)),
        |at| conditions[at].last_transition_time.clone(),
    );
    let condition = Condition {
        type_: said.kind.to_owned(),
        status: said.truth.as_str().to_owned(),
        reason: said.reason.to_string(),
        message: said.message.to_owned(),
        observed_generation: generation,
        last_transition_time: since,
    };
    match known {
        Some(at) => conditions[at] = condition,
        None => conditions.push(condition),
    }
}

/// A condition by its type.
pub(crate) fn get<'a>(conditions: &'a [Condition], kind: &str) -> Option<&'a Condition> {
    conditions.iter().find(|condition| condition.type_ == kind)
}

/// Whether a condition holds.
pub(crate) fn holds(conditions: &[Condition], kind: &str) -> bool {
    get(conditions, kind).is_some_and(|condition| condition.status == "True")
}
