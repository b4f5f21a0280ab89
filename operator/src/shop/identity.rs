//! Whether the database that answers is the one that the shop's data is in. Pure.
//!
//! A volume that was lost comes back empty, under the same name and with the same passwords. The
//! server's system identifier tells the two apart: it is kept in the shop's status.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use crate::backup::say::{COMPLETE, holds};
use crate::backup::status::whole_second;
use crate::crds::{DatabaseStatus, ShopRestore};
use crate::database::Identity;

/// Annotation of a shop: the system identifier of the database that is the shop's from now on,
/// whatever it holds.
pub const ACCEPT: &str = "warung.dev/accept-database";

/// What is known besides the identity itself.
pub struct Known<'a> {
    /// What the status says.
    pub status: Option<&'a DatabaseStatus>,
    /// Restores of the shop.
    pub restores: &'a [ShopRestore],
    /// The value of [`ACCEPT`].
    pub accepted: Option<&'a str>,
    /// Now.
    pub now: Timestamp,
}

/// What the status is to say, and whether something follows.
#[derive(Clone, Debug, PartialEq)]
pub struct Judged {
    /// What the status says from now on.
    pub status: DatabaseStatus,
    /// It is another database than before: nothing is known of its tables.
    pub is_another: bool,
}

/// Judges the database that answers.
pub fn judge(seen: &Identity, known: &Known) -> Judged {
    let taken = |unmigrated| DatabaseStatus {
        system_identifier: seen.system.clone(),
        address: seen.address.clone(),
        unmigrated,
        ..DatabaseStatus::default()
    };
    let judged = |status, is_another| Judged { status, is_another };
    let Some(before) = known.status else {
        return judged(taken(false), false);
    };
    if before.system_identifier == seen.system {
        return judged(taken(before.unmigrated), false);
    }
    if known.accepted == Some(&seen.system) {
        return judged(taken(true), true);
    }
    let newly = before.replaced_by.as_ref() != Some(&seen.system);
    if !newly && was_restored(before, known.restores) {
        return judged(taken(false), true);
    }
    if was_moved(before, seen) {
        return judged(taken(seen.is_empty), true);
    }
    let replaced_at = if newly {
        Some(whole_second(known.now))
    } else {
        before.replaced_at.clone()
    };
    let held = DatabaseStatus {
        replaced_by: Some(seen.system.clone()),
        replaced_at,
        ..before.clone()
    };
    judged(held, newly)
}

/// Whether a restore that began after the loss was seen has brought the data back.
fn was_restored(before: &DatabaseStatus, restores: &[ShopRestore]) -> bool {
    let since = before.replaced_at.as_ref().map(|time| time.0);
    restores.iter().any(|restore| {
        let Some(status) = &restore.status else {
            return false;
        };
        let begun = status.started_at.as_ref().map(|time: &Time| time.0);
        begun >= since && begun.is_some() && holds(&status.conditions, COMPLETE)
    })
}

/// Whether whoever runs the database has moved it: the URL says another place, or the shop's tables
/// are in the new one already.
fn was_moved(before: &DatabaseStatus, seen: &Identity) -> bool {
    let elsewhere = before.address != seen.address;
    seen.address.is_some() && (elsewhere || !seen.is_empty)
}

/// What a person has to know of a database that took the place of the shop's.
pub fn told(status: &DatabaseStatus, shop: &str) -> Option<String> {
    let other = status.replaced_by.as_ref()?;
    let own = &status.system_identifier;
    Some(format!(
        "another database has taken the place of the shop's: its system identifier is {other}, \
         the shop's was {own}, so a volume was lost or exchanged. The bots are stopped and nothing \
         is backed up. Bring the data back with a ShopRestore; or go on with what the other one \
         holds, be it nothing: kubectl annotate shop {shop} --overwrite {ACCEPT}={other}"
    ))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const NOTICED: &str = "2026-11-24T03:12:00Z";

    fn identity(system: &str, address: Option<&str>, is_empty: bool) -> Identity {
        Identity {
            system: system.to_owned(),
            address: address.map(str::to_owned),
            is_empty,
        }
    }

    fn of(system: &str, address: Option<&str>) -> DatabaseStatus {
        DatabaseStatus {
            system_identifier: system.to_owned(),
            address: address.map(str::to_owned),
            ..DatabaseStatus::default()
        }
    }

    fn restore(started_at: &str, complete: &str) -> ShopRestore {
        let spec = json!({"shopRef": {"name": "toko"}, "newestVerified": true});
        let mut restore = ShopRestore::new("balik", serde_json::from_value(spec).unwrap());
        let status = json!({"startedAt": started_at, "conditions": [{
            "type": "Complete", "status": complete, "reason": "Restored", "message": "",
            "lastTransitionTime": NOTICED}]});
        restore.status = Some(serde_json::from_value(status).unwrap());
        restore
    }

    fn judged(
        seen: &Identity,
        status: Option<&DatabaseStatus>,
        restores: &[ShopRestore],
        accepted: Option<&str>,
    ) -> Judged {
        let now = NOTICED.parse().unwrap();
        let known = Known {
            status,
            restores,
            accepted,
            now,
        };
        judge(seen, &known)
    }

    #[test]
    fn the_first_database_is_the_shops_and_stays_it() {
        let first = judged(&identity("1", None, true), None, &[], None);
        assert_eq!(first.status, of("1", None));
        let again = judged(&identity("1", None, false), Some(&first.status), &[], None);
        assert_eq!(again, first);
    }

    #[test]
    fn another_one_in_its_place_holds_the_shop_until_the_data_is_back() {
        let other = identity("2", None, true);
        let lost = judged(&other, Some(&of("1", None)), &[], None);
        assert!(lost.is_another);
        assert_eq!(lost.status.system_identifier, "1");
        assert_eq!(lost.status.replaced_by.as_deref(), Some("2"));
        let told = told(&lost.status, "toko").unwrap();
        assert!(
            told.contains("annotate shop toko") && told.contains("=2"),
            "{told}"
        );

        let goes_on = |restores: &[ShopRestore]| {
            let next = judged(&other, Some(&lost.status), restores, None);
            next.status.replaced_by.is_none()
        };
        assert!(!goes_on(&[]));
        assert!(
            !goes_on(&[restore("2026-11-24T03:11:59Z", "True")]),
            "an old one"
        );
        assert!(!goes_on(&[restore("2026-11-24T03:13:00Z", "False")]));
        assert!(goes_on(&[restore(NOTICED, "True")]));

        // A third one has the data of none of them.
        let third = judged(
            &identity("3", None, true),
            Some(&lost.status),
            &[restore(NOTICED, "True")],
            None,
        );
        assert_eq!(third.status.replaced_by.as_deref(), Some("3"));
        // The volume was found again.
        let found = judged(&identity("1", None, false), Some(&lost.status), &[], None);
        assert_eq!(found.status, of("1", None));
    }

    #[test]
    fn a_person_may_begin_empty_with_the_very_database_they_name() {
        let other = identity("2", None, true);
        let before = of("1", None);
        let wrong = judged(&other, Some(&before), &[], Some("1"));
        assert!(wrong.status.replaced_by.is_some());
        let begun = judged(&other, Some(&before), &[], Some("2"));
        assert!(begun.is_another && begun.status.unmigrated);
        assert_eq!(begun.status.system_identifier, "2");
    }

    #[test]
    fn an_external_database_may_move_but_not_come_back_empty() {
        let (here, there) = (Some("db:5432/toko"), Some("new:5432/toko"));
        let before = of("1", here);
        let held = |seen: &Identity| {
            let judged = judged(seen, Some(&before), &[], None);
            assert!(judged.is_another);
            judged.status.replaced_by.is_some()
        };
        assert!(held(&identity("2", here, true)));
        assert!(!held(&identity("2", here, false)), "moved with its tables");
        assert!(!held(&identity("2", there, true)), "pointed elsewhere");
    }
}
