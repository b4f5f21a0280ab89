//! The testkit against real servers: what tests of the other rooms lean on.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod cluster;
mod kubernetes;
mod orphans;
mod postgres;
mod redis_cluster;
mod stores;

/// A directory that the user of the database server can reach.
fn directory() -> tempfile::TempDir {
    let open = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    tempfile::Builder::new()
        .permissions(open)
        .tempdir()
        .unwrap()
}
