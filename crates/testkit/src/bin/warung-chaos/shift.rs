//! Clocks of Redis nodes that can be shifted: a small library is built once (`clock.c`) and loaded
//! into each node.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use warung_testkit::RedisCluster;
use warung_testkit::process::Program;

const SOURCE: &str = include_str!("clock.c");
/// The file in a node's directory that says by how many seconds its clock is wrong.
const FILE: &str = "clock";

/// What a node's environment needs so that its clock can be shifted.
pub(crate) async fn environment(directory: &Path) -> Result<Vec<(String, String)>> {
    let directory = fs::canonicalize(directory)?;
    let (source, library) = (directory.join("clock.c"), directory.join("clock.so"));
    fs::write(&source, SOURCE)?;
    let program = Program::new("cc").args(["-O2", "-shared", "-fPIC", "-o"]);
    let (status, said) = program.arg(&library).arg(&source).run_to_end().await?;
    ensure!(status.success(), "cc: {said}");
    let library = library.to_string_lossy().into_owned();
    Ok(vec![("LD_PRELOAD".to_owned(), library)])
}

/// Shifts the clock of a node, which must run.
pub(crate) fn set(redis: &RedisCluster, node: usize, seconds: i64) -> Result<()> {
    use std::io::Write;

    let path = redis.directory(node).join(FILE);
    // Written over, and never shorter: the node has it mapped.
    let mut file = fs::File::options()
        .write(true)
        .open(&path)
        .with_context(|| format!("node {node} has no clock"))?;
    Ok(file.write_all(&seconds.to_ne_bytes())?)
}
