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

/// Deletes; what was deleted, oldest first.
///
/// # Errors
/// The store's. What was deleted before stays deleted.
pub async fn prune(desk: &Desk) -> Result<Vec<BackupName>> {
    let entries = desk.depot.entries().await?;
    let abandoned = desk.clock.now() - ORPHAN_AGE;
    let (mut complete, mut going) = (Vec::new(), Vec::new());
    for entry in entries {
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
    Ok(going)
}
