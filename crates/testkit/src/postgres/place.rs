//! Where a PostgreSQL lives: its programs, its directory and the user it runs as.

use std::fs;
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

use super::{PostgresOptions, SUPERUSER};
use crate::process::{self, Program, User};

/// Where the files are and who owns them.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub(super) programs: PathBuf,
    pub(super) root: PathBuf,
    pub(super) user: Option<User>,
    pub(super) major: u32,
}

impl Place {
    pub(super) fn data(&self) -> PathBuf {
        self.root.join("data")
    }

    pub(super) fn log(&self) -> PathBuf {
        self.root.join("postgres.log")
    }

    pub(super) fn program(&self, name: &str) -> Program {
        Program::new(self.programs.join(name))
            .as_user(self.user.clone())
            .in_directory(&self.root)
    }
}

/// Finds the programs and a directory that the server's user can reach.
pub(super) fn prepare(options: &PostgresOptions) -> Result<Place> {
    let programs = find_programs()?;
    let (status, text) = Program::new(programs.join("postgres"))
        .arg("--version")
        .run()?;
    ensure!(status.success(), "postgres --version: {text}");
    let major = parse_major(&text).with_context(|| format!("no version in {text:?}"))?;
    let user = server_user()?;
    fs::create_dir_all(&options.dir)
        .with_context(|| format!("create {}", options.dir.display()))?;
    let mut root = fs::canonicalize(&options.dir)?;
    if let Some(user) = &user {
        if !reachable(&root) {
            root = elsewhere(&root);
            fs::create_dir_all(&root)?;
            tracing::warn!(
                directory = %root.display(),
                "user {} cannot reach {}: postgres keeps its data elsewhere",
                user.name,
                options.dir.display(),
            );
        }
        chown(&root, Some(user.uid), Some(user.gid))?;
    }
    fs::set_permissions(&root, fs::Permissions::from_mode(0o700))?;
    Ok(Place {
        programs,
        root,
        user,
        major,
    })
}

/// The newest PostgreSQL of the usual places, else of `PATH`.
fn find_programs() -> Result<PathBuf> {
    let mut versions: Vec<(u32, PathBuf)> = fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| {
            let number = entry.file_name().to_str()?.parse().ok()?;
            Some((number, entry.path().join("bin")))
        })
        .collect();
    versions.sort();
    let packaged = versions.into_iter().rev().map(|(_, path)| path);
    let complete =
        |path: &PathBuf| path.join("initdb").is_file() && path.join("postgres").is_file();
    if let Some(path) = packaged.into_iter().find(complete) {
        return Ok(path);
    }
    let postgres = process::find("postgres", &[]).and_then(|file| fs::canonicalize(file).ok());
    let directory = postgres.and_then(|file| file.parent().map(Path::to_owned));
    directory.filter(complete).context(
        "postgres and initdb not found: install PostgreSQL (Debian package `postgresql`) \
         or put its programs on PATH",
    )
}

fn server_user() -> Result<Option<User>> {
    if !process::is_root() {
        return Ok(None);
    }
    let user = process::user("postgres").or_else(|| process::user("nobody"));
    user.context("postgres refuses to run as root, and there is no user postgres or nobody")
        .map(Some)
}

/// Whether everybody may pass through all the parents of a directory.
fn reachable(directory: &Path) -> bool {
    let open = |path: &Path| fs::metadata(path).is_ok_and(|meta| meta.mode() & 0o001 != 0);
    directory.ancestors().skip(1).all(open)
}

/// A stable directory under `/var/tmp` for one that the server's user cannot reach.
fn elsewhere(directory: &Path) -> PathBuf {
    let name: String = directory
        .to_string_lossy()
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '-' })
        .collect();
    Path::new("/var/tmp").join(format!("warung{name}"))
}

/// Makes the cluster of databases unless there is one. Returns the superuser's password.
pub(super) fn initialise(place: &Place, options: &PostgresOptions) -> Result<String> {
    let secret = place.root.join("password");
    let data = place.data();
    if data.join("global/pg_control").is_file() {
        let version = fs::read_to_string(data.join("PG_VERSION"))?;
        ensure!(
            version.trim() == place.major.to_string(),
            "{} was made by PostgreSQL {}, but {} is installed: remove it to start anew",
            data.display(),
            version.trim(),
            place.major,
        );
        return Ok(fs::read_to_string(secret)?.trim().to_owned());
    }
    // What an interrupted `initdb` left behind.
    let _ = fs::remove_dir_all(&data);
    let password = uuid::Uuid::new_v4().simple().to_string();
    fs::write(&secret, &password)?;
    if let Some(user) = &place.user {
        chown(&secret, Some(user.uid), Some(user.gid))?;
    }
    fs::set_permissions(&secret, fs::Permissions::from_mode(0o600))?;
    let auth = if options.durable {
        "scram-sha-256"
    } else {
        "trust"
    };
    let (status, text) = place
        .program("initdb")
        .arg("--pgdata")
        .arg(&data)
        .args([
            "--username",
            SUPERUSER,
            "--encoding",
            "UTF8",
            "--locale",
            "C.UTF-8",
        ])
        .args(["--auth", auth, "--no-instructions"])
        .arg("--pwfile")
        .arg(&secret)
        .args((!options.durable).then_some("--no-sync"))
        .run()?;
    ensure!(status.success(), "initdb: {text}");
    Ok(password)
}

/// Whether a process works in the directory. Every PostgreSQL process works in its data.
pub(super) fn anyone_in(directory: &Path) -> bool {
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    let mut places = processes.filter_map(|entry| fs::read_link(entry.path().join("cwd")).ok());
    places.any(|place| place == directory)
}

fn parse_major(version: &str) -> Option<u32> {
    let number = version
        .split_whitespace()
        .find(|word| word.starts_with(char::is_numeric))?;
    number
        .split(|c: char| !c.is_ascii_digit())
        .next()?
        .parse()
        .ok()
}

/// The end of the log, for an error message.
pub(super) fn log_tail(log: &Path) -> String {
    let text = fs::read_to_string(log).unwrap_or_else(|error: io::Error| error.to_string());
    let lines: Vec<&str> = text.lines().rev().take(8).collect();
    let tail: Vec<&str> = lines.into_iter().rev().collect();
    format!(
        "postgres did not start; {} ends with:\n{}",
        log.display(),
        tail.join("\n")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_parsed() {
        assert_eq!(
            parse_major("postgres (PostgreSQL) 15.8 (Debian 15.8-0+deb12u1)\n"),
            Some(15)
        );
        assert_eq!(parse_major("postgres (PostgreSQL) 17beta1"), Some(17));
        assert_eq!(parse_major("postgres"), None);
    }

    #[test]
    fn a_closed_parent_makes_a_directory_unreachable() {
        assert!(reachable(Path::new("/var/tmp/x")));
        assert_eq!(
            elsewhere(Path::new("/srv/a b")),
            Path::new("/var/tmp/warung-srv-a-b")
        );
    }
}
