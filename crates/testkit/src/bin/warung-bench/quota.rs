//! A fixed share of a processor for each process, by cgroup: version 1 or 2, whichever the machine
//! has.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

/// The period within which a process may use its share: short, so that one that has used it up
/// does not wait for long, and so long that a small share is the millisecond the kernel asks for.
const PERIOD_US: u32 = 20_000;

/// A cgroup with a limit, removed when it is dropped and its process has ended.
#[derive(Debug)]
pub(crate) struct Quota {
    directory: PathBuf,
}

/// Where cgroups with a limit can be made.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Place {
    V1(PathBuf),
    V2(PathBuf),
}

impl Quota {
    /// Confines a process to so many hundredths of one processor.
    pub(crate) fn confine(pid: u32, percent: u32, name: &str) -> Result<Self> {
        let mounts = fs::read_to_string("/proc/self/mounts")?;
        let Some(place) = place(&mounts, |root| {
            fs::read_to_string(root.join("cgroup.subtree_control")).unwrap_or_default()
        }) else {
            bail!(
                "this machine has no cgroup with a processor limit: neither the v1 controller cpu \
                 nor a v2 hierarchy whose cgroup.subtree_control names cpu"
            );
        };
        let quota_us = PERIOD_US * percent / 100;
        let (root, limits) = match place {
            Place::V1(root) => (
                root,
                vec![
                    ("cpu.cfs_period_us", PERIOD_US.to_string()),
                    ("cpu.cfs_quota_us", quota_us.to_string()),
                ],
            ),
            Place::V2(root) => (root, vec![("cpu.max", format!("{quota_us} {PERIOD_US}"))]),
        };
        let directory = root.join(format!("warung-bench-{}-{name}", std::process::id()));
        let wish = || format!("make the cgroup {} (it takes root)", directory.display());
        fs::create_dir(&directory).with_context(wish)?;
        let quota = Self {
            directory: directory.clone(),
        };
        for (file, value) in limits {
            fs::write(directory.join(file), value).with_context(wish)?;
        }
        fs::write(directory.join("cgroup.procs"), pid.to_string()).with_context(wish)?;
        Ok(quota)
    }
}

impl Drop for Quota {
    fn drop(&mut self) {
        // It stays, empty, when its process is still ending.
        let _ = fs::remove_dir(&self.directory);
    }
}

/// The hierarchy in which a limit can be set.
fn place(mounts: &str, controllers: impl Fn(&Path) -> String) -> Option<Place> {
    let mut unified = None;
    for line in mounts.lines() {
        let mut fields = line.split(' ').skip(1);
        let (Some(root), Some(kind), Some(options)) = (fields.next(), fields.next(), fields.next())
        else {
            continue;
        };
        if kind == "cgroup" && options.split(',').any(|option| option == "cpu") {
            return Some(Place::V1(PathBuf::from(root)));
        }
        let root = PathBuf::from(root);
        if kind == "cgroup2"
            && controllers(&root)
                .split_whitespace()
                .any(|one| one == "cpu")
        {
            unified = Some(Place::V2(root));
        }
    }
    unified
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hierarchy_with_the_processor_is_found() {
        let one = "cgroup /sys/fs/cgroup/cpu cgroup rw,relatime,cpu 0 0\n\
                   cgroup2 /sys/fs/cgroup/unified cgroup2 rw 0 0";
        assert_eq!(
            place(one, |_| String::new()),
            Some(Place::V1("/sys/fs/cgroup/cpu".into()))
        );
        let two = "cgroup2 /sys/fs/cgroup cgroup2 rw,nsdelegate 0 0";
        assert_eq!(
            place(two, |_| "cpuset cpu io".to_owned()),
            Some(Place::V2("/sys/fs/cgroup".into()))
        );
        assert_eq!(place(two, |_| "io".to_owned()), None);
        let none = "cgroup /sys/fs/cgroup/cpuacct cgroup rw,cpuacct 0 0";
        assert_eq!(place(none, |_| String::new()), None);
    }
}
