//! Jobs of the bot: what became of them, and what they say with their last breath.
//!
//! A Job's pod has no token of the API. It writes one line of JSON as its termination message
//! ([`Report`]), which stands in the pod's status until the pod goes. [`look`] reads it.

#[cfg(test)]
pub(crate) mod fixtures;
mod report;
mod state;

pub use report::{BackupReport, MigrateReport, Report, RestoreReport, VerifyReport};
pub use state::{Ended, Failure, State, is_of, look, runs};

/// What a Job has to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Work {
    /// Make a backup.
    Run,
    /// Prove one.
    Verify {
        /// Its name at the destination; left out, the newest.
        backup: Option<String>,
    },
    /// Bring one back into the shop's database.
    Restore {
        /// Its name at the destination; left out, the newest that was verified.
        backup: Option<String>,
        /// Whether what is there may be replaced.
        replace: bool,
    },
    /// Migrate the database for the manifest's image, with the rights of the serving role.
    Migrate,
}
