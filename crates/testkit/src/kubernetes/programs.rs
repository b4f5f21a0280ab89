//! Where the programs of Kubernetes are.

use std::path::PathBuf;

use anyhow::{Context, Result};

use crate::process;

/// The version `scripts/kubernetes` builds.
const VERSION: &str = "1.34.4";

/// The folders to look in.
#[derive(Clone, Debug)]
pub struct Programs {
    folders: Vec<PathBuf>,
}

impl Programs {
    /// `KUBEBUILDER_ASSETS` where set, then what `scripts/kubernetes` has built.
    pub fn of_this_machine() -> Self {
        let assets = std::env::var_os("KUBEBUILDER_ASSETS").map(PathBuf::from);
        let built = cache().join("kubernetes").join(VERSION);
        Self {
            folders: assets.into_iter().chain([built]).collect(),
        }
    }

    /// The program of that name.
    ///
    /// # Errors
    /// When there is none; the message says what to run (`set`: `api`, `node` or `lint`).
    pub fn find(&self, name: &str, set: &str) -> Result<PathBuf> {
        let found = self.folders.iter().map(|folder| folder.join(name));
        found
            .into_iter()
            .find(|file| file.is_file())
            .with_context(|| {
                format!("{name} is not built: run `scripts/kubernetes {set}` (once, some minutes)")
            })
    }

    /// kubectl, which any `PATH` may have as well.
    ///
    /// # Errors
    /// When there is none; the message says what to run.
    pub fn kubectl(&self) -> Result<PathBuf> {
        process::find("kubectl", &self.folders)
            .context("kubectl is missing: run `scripts/kubernetes api` or install it")
    }
}

/// Where things built once are kept: `WARUNG_CACHE`, else `~/.cache/warung`.
pub(crate) fn cache() -> PathBuf {
    std::env::var_os("WARUNG_CACHE").map_or_else(
        || {
            let home = std::env::var_os("HOME").unwrap_or_default();
            PathBuf::from(home).join(".cache/warung")
        },
        PathBuf::from,
    )
}
