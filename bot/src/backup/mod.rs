//! Backups that were restored once: dump, seal, keep; fetch, open, restore, audit.
//!
//! A backup is a folder `<shop>/<time>-<id>` with `data.age` (a `pg_dump` archive, sealed for the
//! shop's age key), `manifest.json` (written last: a folder without one is no backup) and, once a
//! throwaway PostgreSQL has restored it and its books balanced, `verified.json`.

pub mod deadline;
pub mod depot;
pub mod manifest;
pub mod mark;
pub mod name;
pub mod programs;
pub mod prune;
pub mod restore;
pub mod retention;
pub mod run;
pub mod seal;
pub mod tables;
pub mod throwaway;
pub mod verify;

mod fetch;

use std::fmt;

use anyhow::{Result, bail};

use crate::{
    backup::{
        deadline::Deadline,
        depot::{Depot, Entry},
        manifest::Manifest,
    },
    clock::Clock,
    config::BackupConfig,
};

/// What the commands share.
pub struct Desk {
    /// What they are told.
    pub config: BackupConfig,
    /// Whose backups these are.
    pub shop: String,
    /// Where these are.
    pub depot: Depot,
    /// When to give up.
    pub deadline: Deadline,
    /// The time.
    pub clock: Clock,
}

impl Entry {
    /// What is known of the backup.
    ///
    /// # Errors
    /// [`Problems`] where it cannot be read; or it was never finished.
    pub(crate) fn manifest(&self) -> Result<&Manifest> {
        match (&self.manifest, &self.unreadable) {
            (Some(manifest), _) => Ok(manifest),
            (None, Some(unreadable)) => {
                Err(Problems::one(format!("it cannot be read: {unreadable}")).into())
            }
            (None, None) => bail!("{} was never finished", self.name),
        }
    }
}

/// What is wrong with a backup itself, as opposed to the world around it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problems(pub Vec<String>);

impl Problems {
    /// One problem.
    pub fn one(problem: impl Into<String>) -> Self {
        Self(vec![problem.into()])
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join("; "))
    }
}

impl std::error::Error for Problems {}
