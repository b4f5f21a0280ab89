//! `warung-bot install`: a Job whose image has the programs of PostgreSQL but no bot gets one.

use std::{fs, os::unix::fs::PermissionsExt, path::Path};

use anyhow::{Context, Result};

use super::say;

/// This program, whatever became of its file.
const OURSELVES: &str = "/proc/self/exe";
/// Certificates of the web's authorities in the bot's image. An image of PostgreSQL may have none.
const CERTIFICATES: &str = "/etc/ssl/certs/ca-certificates.crt";

/// Copies this program and, where there are any, the authorities' certificates into a directory.
/// Each appears whole or not at all.
pub(super) fn run(directory: &Path) -> Result<()> {
    fs::create_dir_all(directory).with_context(|| format!("create {}", directory.display()))?;
    copy(Path::new(OURSELVES), &directory.join("warung-bot"), 0o755)?;
    let certificates = Path::new(CERTIFICATES);
    if certificates.is_file() {
        copy(certificates, &directory.join("ca-certificates.crt"), 0o644)?;
    }
    say(&format!("installed in {}", directory.display()));
    Ok(())
}

fn copy(from: &Path, to: &Path, mode: u32) -> Result<()> {
    let fresh = to.with_added_extension("new");
    let copied = fs::copy(from, &fresh)
        .and_then(|_| fs::set_permissions(&fresh, fs::Permissions::from_mode(mode)))
        .and_then(|()| fs::rename(&fresh, to));
    copied.with_context(|| format!("install {}", to.display()))
}
