//! Runs the page tests of `pages-test/`: Node.js, playwright-core and the system's Chromium.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use sha2::{Digest as _, Sha256};
use tokio::process::Command;
use tokio::sync::OnceCell;

/// How long one script may run on a busy machine.
const SCRIPT_MAX: Duration = Duration::from_mins(4);
/// How long `npm ci` may take.
const INSTALL_MAX: Duration = Duration::from_mins(4);

static MODULES: OnceCell<PathBuf> = OnceCell::const_new();

/// Runs `pages-test/{script}` with `SANDBOX_URL`; panics with its output when a test in it fails.
pub(crate) async fn passes(script: &str, sandbox_url: &str) {
    let modules = MODULES.get_or_init(modules).await;
    let mut node = Command::new("node");
    node.arg("--test").arg(pages_test().join(script));
    node.env("SANDBOX_URL", sandbox_url)
        .env("PAGES_TEST_MODULES", modules);
    let (succeeded, output) = run(node, SCRIPT_MAX).await;
    assert!(succeeded, "{script} failed:\n{output}");
}

/// Where `npm ci` has put the modules: a cache outside the checkout, one directory per lockfile.
async fn modules() -> PathBuf {
    let chromium = ["chromium", "chromium-browser", "google-chrome"];
    assert!(
        chromium.into_iter().any(is_on_path),
        "no Chromium: run scripts/setup --pages"
    );
    for program in ["node", "npm"] {
        assert!(
            is_on_path(program),
            "no {program}: run scripts/setup --pages"
        );
    }
    let lock = std::fs::read(pages_test().join("package-lock.json")).unwrap();
    let name = format!("pages-test-{}", &hex::encode(Sha256::digest(&lock))[..16]);
    let cache = std::env::home_dir()
        .unwrap_or_else(std::env::temp_dir)
        .join(".cache/warung");
    let installed = cache.join(&name);
    if installed.join("node_modules/playwright-core").is_dir() {
        return installed;
    }
    // Installed beside and moved into place, so that half an installation is never taken for one.
    let draft = cache.join(format!("{name}.{}", std::process::id()));
    std::fs::create_dir_all(&draft).unwrap();
    for file in ["package.json", "package-lock.json"] {
        std::fs::copy(pages_test().join(file), draft.join(file)).unwrap();
    }
    let mut npm = Command::new("npm");
    npm.args(["ci", "--no-audit", "--no-fund"])
        .current_dir(&draft);
    let (succeeded, output) = run(npm, INSTALL_MAX).await;
    assert!(succeeded, "npm ci failed:\n{output}");
    if std::fs::rename(&draft, &installed).is_err() {
        // Another run was faster.
        std::fs::remove_dir_all(&draft).unwrap();
    }
    installed
}

async fn run(mut command: Command, most: Duration) -> (bool, String) {
    command.stdin(Stdio::null()).kill_on_drop(true);
    let output = tokio::time::timeout(most, command.output()).await;
    let output = output.unwrap_or_else(|_| panic!("{command:?} took longer than {most:?}"));
    let output = output.unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let text = [output.stdout, output.stderr].concat();
    (
        output.status.success(),
        String::from_utf8_lossy(&text).into_owned(),
    )
}

fn is_on_path(program: &str) -> bool {
    let paths = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&paths).any(|directory| directory.join(program).is_file())
}

fn pages_test() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("pages-test")
}
