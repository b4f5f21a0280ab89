//! A small volume for PostgreSQL that can be full: a tmpfs in our own mount namespace, which shrinks
//! to what is on it.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Result, ensure};
use rustix::fs::statvfs;
use tempfile::TempDir;
use warung_testkit::process::Program;

/// What a whole run needs, and what is left when the volume is full. A segment of the log (16 MiB)
/// does not fit into it.
const ROOM_MIB: u64 = 3_072;
const LEFT_BYTES: u64 = 256 * 1_024;
/// The volume may grow while it is measured.
const TRIES: u32 = 5;

/// The volume. It vanishes with our mount namespace.
#[derive(Debug)]
pub(crate) struct Volume {
    directory: TempDir,
}

impl Volume {
    /// Makes the volume, empty.
    pub(crate) async fn make() -> Result<Self> {
        // Where the server's user can reach it.
        let directory = tempfile::Builder::new()
            .prefix("warung-chaos-volume-")
            .permissions(std::fs::Permissions::from_mode(0o755))
            .tempdir()?;
        let volume = Self { directory };
        let size = format!("size={ROOM_MIB}m,mode=755");
        mount(&["-t", "tmpfs", "-o", &size, "warung-chaos"], volume.path()).await?;
        Ok(volume)
    }

    /// Where PostgreSQL's files go.
    pub(crate) fn place(&self) -> PathBuf {
        self.path().join("postgres")
    }

    /// Leaves no room but for a few pages.
    pub(crate) async fn fill(&self) -> Result<()> {
        let mut outcome = Ok(());
        for _ in 0..TRIES {
            let now = statvfs(self.path())?;
            let used = (now.f_blocks - now.f_bfree) * now.f_frsize;
            outcome = self.resize(&format!("size={}", used + LEFT_BYTES)).await;
            if outcome.is_ok() {
                break;
            }
        }
        outcome
    }

    /// Gives the room back.
    pub(crate) async fn relieve(&self) -> Result<()> {
        self.resize(&format!("size={ROOM_MIB}m")).await
    }

    /// Gives everything back.
    pub(crate) async fn remove(&self) {
        // What is still busy goes with our mount namespace.
        let gone = Program::new("umount").arg("-l").arg(self.path());
        let _ = gone.run_to_end().await;
    }

    async fn resize(&self, size: &str) -> Result<()> {
        mount(&["-o", &format!("remount,{size}")], self.path()).await
    }

    fn path(&self) -> &Path {
        self.directory.path()
    }
}

async fn mount(words: &[&str], place: &Path) -> Result<()> {
    let program = Program::new("mount").args(words).arg(place);
    let (status, said) = program.run_to_end().await?;
    ensure!(status.success(), "mount: {said}");
    Ok(())
}
