//! Restores of a shop: the bots stop, the backup comes back, it is migrated, the bots start.
//!
//! One `ShopRestore` of a shop runs at a time, the oldest first. [`look_after`] is called in each
//! look at a shop before its children are built; while it says that the shop is held, no bot may
//! run and no schedule may start (`Progress::held`).
//!
//! ```text
//! StoppingBots   held; waits until no bot, backup or migration runs, at most STOP_LIMIT
//! Restoring      the Job `warung-bot backup restore`, all in one transaction
//! Migrating      a Job `warung-bot migrate` for the manifest's image, with the bots' rights
//! Restored       the hold ends
//! ```
//!
//! A restore that failed left the database as it was, so the hold ends. The Job is tried again when
//! its pod was lost, or could not tell whether its transaction was committed: each try looks for the
//! mark of the Job's id first. When nobody knows how it ended all the same, or the migration failed,
//! the shop stays held until somebody decides: another `ShopRestore` that succeeds ends the hold, and
//! so does deleting this one. A `ShopRestore` that is deleted while it runs takes its Job with it.

mod act;
mod plan;

pub use act::{Looked, look_after};
pub use plan::{Plan, STOP_LIMIT, Seen, Step, plan};
