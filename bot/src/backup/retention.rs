//! Which backups may go: grandfather, father, son.
//!
//! The newest few are kept whatever they are. Beyond them, the newest days, weeks and months that
//! have a backup keep one each: the newest *verified* one of the period, or the newest where none
//! is, so that no broken backup pushes out one that is known to restore. The newest verified backup
//! is kept always. Unverified ones newer than it follow the same rules as all others: they would
//! otherwise pile up until the disk is full, should verification stop, and then there would be no
//! backups at all.

use std::collections::{BTreeMap, BTreeSet};

use chrono::Datelike;

use super::name::BackupName;

/// How many of each are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    /// The newest, at least one.
    pub last: u32,
    /// Days (UTC).
    pub daily: u32,
    /// Weeks (ISO 8601).
    pub weekly: u32,
    /// Months.
    pub monthly: u32,
}

/// A complete backup, as far as retention cares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// Its name, with its time.
    pub name: BackupName,
    /// Whether it was restored.
    pub verified: bool,
}

/// The backups that may be deleted, oldest first.
pub fn expendable(backups: &[Candidate], policy: Policy) -> Vec<BackupName> {
    let mut newest_first: Vec<&Candidate> = backups.iter().collect();
    newest_first.sort_by(|a, b| b.name.cmp(&a.name));
    let mut kept: BTreeSet<&BackupName> = BTreeSet::new();
    kept.extend(
        newest_first
            .iter()
            .take(count(policy.last.max(1)))
            .map(|b| &b.name),
    );
    kept.extend(newest_first.iter().find(|b| b.verified).map(|b| &b.name));
    let day = |name: &BackupName| (name.begun().year(), name.begun().ordinal());
    let week = |name: &BackupName| {
        let week = name.begun().iso_week();
        (week.year(), week.week())
    };
    let month = |name: &BackupName| (name.begun().year(), name.begun().month());
    keep_by(&newest_first, policy.daily, day, &mut kept);
    keep_by(&newest_first, policy.weekly, week, &mut kept);
    keep_by(&newest_first, policy.monthly, month, &mut kept);
    let expendable = newest_first.iter().rev().map(|b| &b.name);
    expendable
        .filter(|name| !kept.contains(name))
        .cloned()
        .collect()
}

/// Keeps one backup for each of the newest `periods` that have any.
fn keep_by<'a>(
    newest_first: &[&'a Candidate],
    periods: u32,
    period: impl Fn(&BackupName) -> (i32, u32),
    kept: &mut BTreeSet<&'a BackupName>,
) {
    let mut chosen: BTreeMap<(i32, u32), &Candidate> = BTreeMap::new();
    for backup in newest_first {
        let seat = chosen.entry(period(&backup.name)).or_insert(backup);
        if backup.verified && !seat.verified {
            *seat = backup;
        }
    }
    let newest = chosen.values().rev().take(count(periods));
    kept.extend(newest.map(|backup| &backup.name));
}

fn count(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, TimeDelta};
    use proptest::prelude::*;

    use super::*;

    const POLICY: Policy = Policy {
        last: 2,
        daily: 3,
        weekly: 2,
        monthly: 2,
    };

    fn at(hours: i64, verified: bool) -> Candidate {
        let start = DateTime::parse_from_rfc3339("2026-01-01T00:30:00Z").unwrap();
        Candidate {
            name: BackupName::new(start.to_utc() + TimeDelta::hours(hours), 7),
            verified,
        }
    }

    #[test]
    fn a_quarter_of_nightly_backups_leaves_days_weeks_and_months() {
        let all: Vec<_> = (0..90).map(|day| at(day * 24, true)).collect();
        let gone = expendable(&all, POLICY);
        let left: Vec<String> = all
            .iter()
            .filter(|backup| !gone.contains(&backup.name))
            .map(|backup| backup.name.begun().format("%m-%d").to_string())
            .collect();
        // Three days, of which the last is this week's and this month's; last week's; last month's.
        assert_eq!(left, ["02-28", "03-29", "03-30", "03-31"]);
    }

    #[test]
    fn a_broken_backup_pushes_out_no_good_one() {
        let morning = at(1, true);
        let evening = at(20, false);
        let later: Vec<_> = (2..4).map(|day| at(day * 24, false)).collect();
        let mut all = vec![morning.clone(), evening.clone()];
        all.extend(later);
        assert_eq!(expendable(&all, POLICY), [evening.name]);
    }

    fn some_backups() -> impl Strategy<Value = Vec<Candidate>> {
        proptest::collection::btree_map(0_i64..5_000, any::<bool>(), 0..60).prop_map(|map| {
            map.into_iter()
                .map(|(hours, verified)| at(hours, verified))
                .collect()
        })
    }

    fn some_policy() -> impl Strategy<Value = Policy> {
        (1_u32..5, 0_u32..8, 0_u32..6, 0_u32..13).prop_map(|(last, daily, weekly, monthly)| {
            Policy {
                last,
                daily,
                weekly,
                monthly,
            }
        })
    }

    proptest! {
        #[test]
        fn the_newest_and_the_newest_verified_always_stay(
            backups in some_backups(), policy in some_policy()
        ) {
            let gone = expendable(&backups, policy);
            let mut by_time = backups.clone();
            by_time.sort_by(|a, b| b.name.cmp(&a.name));
            for backup in by_time.iter().take(count(policy.last)) {
                prop_assert!(!gone.contains(&backup.name));
            }
            if let Some(verified) = by_time.iter().find(|backup| backup.verified) {
                prop_assert!(!gone.contains(&verified.name));
            }
        }

        #[test]
        fn what_stays_is_bounded_and_stays_the_next_time(
            backups in some_backups(), policy in some_policy()
        ) {
            let gone = expendable(&backups, policy);
            let left: Vec<_> = backups
                .iter()
                .filter(|backup| !gone.contains(&backup.name))
                .cloned()
                .collect();
            let most = policy.last + policy.daily + policy.weekly + policy.monthly + 1;
            prop_assert!(left.len() <= count(most));
            prop_assert!(expendable(&left, policy).is_empty());
        }
    }
}
