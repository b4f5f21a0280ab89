//! Backups of a shop: recorded, begun when a person asks, proved, and summed up.
//!
//! Each schedule is a `CronJob`, so that backups are made even while no operator runs. What is done
//! here in one look at a shop ([`look_after`], then [`summary`]):
//!
//! - A Job of the component `backup` is recorded as a `ShopBackup` of its name; what it said with
//!   its last breath becomes the status.
//! - A `ShopBackup` that a person made gets a Job; with `verify: true` another one once it is
//!   written.
//! - A Job of the component `verify` speaks about the `ShopBackup` whose `status.backup` it names.
//!   One that nobody recorded is recorded then.
//! - A backup that retention let go takes its `ShopBackup` with it. Deleting a `ShopBackup` deletes
//!   nothing at the destination.
//! - A Job may go only once it was read: then it gets the annotation [`READ`] and its
//!   `ttlSecondsAfterFinished`, which templates leave out.
//!
//! [`plan`] and [`summary`] are pure. Nothing is written when nothing has changed.

mod act;
mod gauges;
mod orphans;
mod plan;
pub(crate) mod say;
pub(crate) mod status;
mod summary;

pub use act::{Desk, Looked, MakeJob, look_after};
pub use gauges::Gauges;
pub use orphans::tell_orphans;
pub use plan::{Gate, Seen, Step, plan};
pub use summary::{Figures, Summary, sealed_with, summary};

pub(crate) use act::Begun;
pub(crate) use plan::component;

use kube::ResourceExt as _;
use sha2::{Digest as _, Sha256};

use crate::crds::ShopBackup;

/// Annotation of a Job whose report was read.
pub const READ: &str = "warung.dev/read";
/// Label of a `ShopBackup` that the operator recorded, as opposed to one that a person asked for.
const MANAGED_BY: (&str, &str) = ("app.kubernetes.io/managed-by", "warung-operator");
/// Most characters of a Job's name: its pods carry it in a label.
const NAME_LIMIT: usize = 63;
/// Characters of a digest that stands for the rest of a long name.
const DIGEST: usize = 8;

fn is_recorded(backup: &ShopBackup) -> bool {
    let label = backup.labels().get(MANAGED_BY.0);
    label.is_some_and(|value| value == MANAGED_BY.1)
}

/// A name that a Job may have, for a `ShopBackup`, a `ShopRestore` or a backup's name at the
/// destination: the same where it fits.
pub(crate) fn name_for(text: &str) -> String {
    let letter = |c: char| {
        let c = c.to_ascii_lowercase();
        if c.is_ascii_alphanumeric() { c } else { '-' }
    };
    let name: String = text.chars().map(letter).collect();
    if name.len() <= NAME_LIMIT {
        return name;
    }
    let digest = hex::encode(Sha256::digest(text));
    let kept = &name[..NAME_LIMIT - DIGEST - 1];
    format!("{}-{}", kept.trim_end_matches('-'), &digest[..DIGEST])
}
