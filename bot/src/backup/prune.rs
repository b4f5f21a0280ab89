//! Deleting what retention lets go, and what was begun and never finished.

use anyhow::Result;
use chrono::TimeDelta;

use super::{
    Desk,
    name::BackupName,
    retention::{Candidate, expendable},
};

/// How long a backup may be without a manifest before it is taken for abandoned. A run's deadline
/// is far shorter.
const ORPHAN_AGE: TimeDelta = TimeDelta::days(1);

/// What was done.
#[derive(Debug, Default)]
pub struct Pruned {
    /// Deleted, oldest first.
    pub names: Vec<BackupName>,
    /// Kept because they cannot be read, and why.
    pub unreadable: Vec<String>,
}

/// Deletes. What cannot be read stays: it may be the last good one.
///
/// # Errors
/// The store's. What was deleted before stays deleted.
pub async fn prune(desk: &Desk) -> Result<Pruned> {
    let entries = desk.depot.entries().await?;
    let abandoned = desk.clock.now() - ORPHAN_AGE;
    let (mut complete, mut going, mut unreadable) = (Vec::new(), Vec::new(), Vec::new());
    for entry in entries {
        if let Some(why) = entry.unreadable {
            let name = entry.name;
            unreadable.push(format!("{name} cannot be read and is kept: {why}"));
            continue;
        }
        match entry.manifest {
            Some(_) => complete.push(Candidate {
                verified: entry.verified.is_some(),
                name: entry.name,
            }),
            None if entry.name.begun() < abandoned => going.push(entry.name),
            None => {}
        }
    }
    going.extend(expendable(&complete, desk.config.policy));
    going.sort();
    for name in &going {
        desk.depot.remove(name).await?;
    }
    Ok(Pruned {
        names: going,
        unreadable,
    })
}
