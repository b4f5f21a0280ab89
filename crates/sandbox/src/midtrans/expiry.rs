//! When a payment or a page ends: `custom_expiry` of Core, `expiry` and `page_expiry` of Snap.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;

use super::method::Method;
use super::request::Faults;

/// The bounds of a wallet's `custom_expiry`.
const WALLET_EXPIRY: [TimeDelta; 2] = [TimeDelta::seconds(20), TimeDelta::days(7)];
/// The default and the bounds of a Snap page's life.
const PAGE_EXPIRY: TimeDelta = TimeDelta::hours(24);
const PAGE_EXPIRY_BOUNDS: [TimeDelta; 2] = [TimeDelta::minutes(5), TimeDelta::days(7)];
/// The longest life this sandbox reckons with.
const LIFE_MAX: TimeDelta = TimeDelta::days(366);

/// When a Snap page and its payments end.
#[derive(Debug)]
pub(super) struct PageEnds {
    pub(super) page: DateTime<Utc>,
    /// Absent: each payment by its method's default.
    pub(super) payments: Option<DateTime<Utc>>,
}

/// Reads Snap's `page_expiry` and `expiry`.
pub(super) fn of_page(body: &Value, now: DateTime<Utc>, faults: &mut Faults) -> PageEnds {
    let given = |name| body.get(name).filter(|value: &&Value| !value.is_null());
    let page_life = given("page_expiry").map_or(PAGE_EXPIRY, |expiry| {
        duration(expiry, "page_expiry", "duration", faults).unwrap_or(PAGE_EXPIRY)
    });
    if !(PAGE_EXPIRY_BOUNDS[0]..=PAGE_EXPIRY_BOUNDS[1]).contains(&page_life) {
        faults.push("page_expiry.duration must be between 5 minutes and 7 days".into());
    }
    let payments = given("expiry").map(|expiry| {
        let start = start_time(expiry, "expiry", "start_time", now, faults);
        start + duration(expiry, "expiry", "duration", faults).unwrap_or(PAGE_EXPIRY)
    });
    if payments.is_some_and(|end| end <= now) {
        faults.push("expiry must end in the future".into());
    }
    let page = now + page_life;
    PageEnds {
        page: payments.map_or(page, |end| page.min(end)),
        payments,
    }
}

/// Reads Core's `custom_expiry`; the method's default when absent.
pub(super) fn of_charge(
    body: &Value,
    method: Method,
    now: DateTime<Utc>,
    faults: &mut Faults,
) -> DateTime<Utc> {
    let Some(expiry) = body.get("custom_expiry").filter(|value| !value.is_null()) else {
        return now + method.default_expiry();
    };
    let start = start_time(expiry, "custom_expiry", "order_time", now, faults);
    let unit = expiry.get("unit").and_then(Value::as_str);
    if unit.is_some_and(|unit| unit.ends_with('s')) {
        // Snap takes plurals, Core's documentation has none.
        faults.push("custom_expiry.unit must be second, minute, hour or day".into());
    }
    let life = duration(expiry, "custom_expiry", "expiry_duration", faults)
        .unwrap_or_else(|| method.default_expiry());
    if method.is_wallet() && !(WALLET_EXPIRY[0]..=WALLET_EXPIRY[1]).contains(&life) {
        faults.push("custom_expiry.expiry_duration must be between 20 seconds and 7 days".into());
    }
    if start + life <= now {
        faults.push("custom_expiry must end in the future".into());
    }
    start + life
}

/// `yyyy-MM-dd HH:mm:ss +0700`; the present when absent.
fn start_time(
    expiry: &Value,
    object: &str,
    name: &str,
    now: DateTime<Utc>,
    faults: &mut Faults,
) -> DateTime<Utc> {
    let Some(value) = expiry.get(name).filter(|value| !value.is_null()) else {
        return now;
    };
    let time = value
        .as_str()
        .and_then(|text| DateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S %z").ok());
    time.map_or_else(
        || {
            faults.push(format!(
                "{object}.{name} must have the format yyyy-MM-dd HH:mm:ss Z"
            ));
            now
        },
        |time| time.to_utc(),
    )
}

fn duration(expiry: &Value, object: &str, name: &str, faults: &mut Faults) -> Option<TimeDelta> {
    let count = expiry.get(name).and_then(Value::as_i64);
    let unit = expiry.get("unit").map_or(Some("minute"), Value::as_str);
    let seconds = match unit.map(|unit| unit.strip_suffix('s').unwrap_or(unit)) {
        Some("second") => 1,
        Some("minute") => 60,
        Some("hour") => 3_600,
        Some("day") => 86_400,
        _ => {
            faults.push(format!("{object}.unit must be second, minute, hour or day"));
            return None;
        }
    };
    let life = count
        .filter(|count| *count >= 1)
        .and_then(|count| count.checked_mul(seconds))
        .and_then(TimeDelta::try_seconds);
    if life.is_none_or(|life| life > LIFE_MAX) {
        faults.push(format!("{object}.{name} must be a positive integer"));
        return None;
    }
    life
}
