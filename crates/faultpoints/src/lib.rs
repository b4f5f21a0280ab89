//! Where a bot can be killed, which guards it can be run without, and what it notes of its locks:
//! only for `make chaos`, only in programs built with the feature `chaos`. A normal build does not
//! even link this crate.
//!
//! Everything is told by the directory in `WARUNG_CHAOS_DIR`:
//!
//! | File | What it does |
//! |---|---|
//! | `kill.<point>` | whoever reaches the point takes the file away and is killed by it |
//! | `stop.<point>` | whoever reaches the point takes the file away and stands still until SIGCONT |
//! | `history` | lines that [`note`] appends |

use std::fs::{self, File};
use std::io::Write;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};

use rustix::process::{Signal, getpid, kill_process};
use rustix::time::{ClockId, clock_gettime};

/// Where the control files are.
const DIRECTORY: &str = "WARUNG_CHAOS_DIR";
/// The guards taken out, separated by commas.
const WITHOUT: &str = "WARUNG_CHAOS_WITHOUT";

/// A point between two commits or calls at which the process may die or stand still.
pub fn reach(point: &str) {
    let Some(directory) = directory() else {
        return;
    };
    for (word, signal) in [("kill", Signal::KILL), ("stop", Signal::STOP)] {
        // Taken away first, so that one of many threads is struck, once.
        if fs::remove_file(directory.join(format!("{word}.{point}"))).is_ok() {
            // We can always signal ourselves.
            let _ = kill_process(getpid(), signal);
        }
    }
}

/// Whether a guard is taken out.
pub fn is_out(guard: &str) -> bool {
    static OUT: OnceLock<Vec<String>> = OnceLock::new();
    let out = OUT.get_or_init(|| {
        let listed = std::env::var_os(WITHOUT).unwrap_or_default();
        let listed = listed.to_string_lossy().into_owned();
        listed.split(',').map(str::to_owned).collect()
    });
    out.iter().any(|name| name == guard)
}

/// A number for an operation, to tie its return to its invocation.
pub fn operation() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// Appends `<nanoseconds> <process> <line>` to the history; the clock is the machine's monotonic
/// one, which all processes share.
pub fn note(line: &str) {
    static HISTORY: OnceLock<Option<Mutex<File>>> = OnceLock::new();
    let history = HISTORY.get_or_init(|| {
        let path = directory()?.join("history");
        let file = File::options().create(true).append(true).open(path).ok()?;
        Some(Mutex::new(file))
    });
    if let Some(history) = history {
        let mut file = history.lock().unwrap_or_else(PoisonError::into_inner);
        let process = getpid().as_raw_nonzero();
        let line = format!("{} {process} {line}\n", monotonic_ns());
        // One write, so that a kill leaves whole lines.
        let _ = file.write_all(line.as_bytes());
    }
}

/// The machine's monotonic clock in nanoseconds.
pub fn monotonic_ns() -> u64 {
    let now = clock_gettime(ClockId::Monotonic);
    let seconds = u64::try_from(now.tv_sec).unwrap_or(0);
    seconds * 1_000_000_000 + u64::try_from(now.tv_nsec).unwrap_or(0)
}

fn directory() -> Option<&'static PathBuf> {
    static FOUND: OnceLock<Option<PathBuf>> = OnceLock::new();
    FOUND
        .get_or_init(|| std::env::var_os(DIRECTORY).map(PathBuf::from))
        .as_ref()
}
