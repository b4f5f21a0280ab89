//! The programs of PostgreSQL: where they are, which version, how they are told about a database
//! without a password in their arguments, and that they end with us.

use std::{
    cmp::Ordering,
    fs,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    process::Stdio,
};

use anyhow::{Context, Result, bail, ensure};
use secrecy::{ExposeSecret, SecretString};
use tokio::{
    io::{AsyncRead, AsyncReadExt},
    process::Command,
};

/// Where Debian and the official images keep each version.
const PACKAGED: &str = "/usr/lib/postgresql";
/// What is kept of a program's complaint, in bytes.
const MAX_COMPLAINT_BYTES: usize = 4_096;
/// Seconds that a program waits for the server to accept a connection.
const CONNECT_SECONDS: &str = "15";

/// The programs.
#[derive(Debug, Clone)]
pub struct Programs {
    folder: PathBuf,
    path: String,
    setpriv: Option<PathBuf>,
    user: Option<User>,
}

/// Somebody without privileges, for servers that refuse to be run by root.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct User {
    /// User number.
    pub uid: u32,
    /// Number of the primary group.
    pub gid: u32,
}

/// A version: `15.8`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version {
    /// 15.
    pub major: u32,
    /// All of it.
    pub text: String,
}

impl Programs {
    /// Finds them: in the folder told, else the newest packaged, else on `path`.
    ///
    /// # Errors
    /// There are none; says what to do.
    pub fn find(told: Option<&Path>, path: &str) -> Result<Self> {
        let on_path = || path.split(':').map(PathBuf::from);
        let has = |program: &str| {
            let program = program.to_owned();
            move |folder: &PathBuf| folder.join(&program).is_file()
        };
        let folder = match told {
            Some(folder) => Some(folder.to_owned()).filter(has("pg_dump")),
            None => packaged().into_iter().chain(on_path()).find(has("pg_dump")),
        };
        let place = told.map_or("on PATH or in /usr/lib/postgresql".into(), |folder| {
            format!("in {}, which PG_BIN names", folder.display())
        });
        let folder = folder.with_context(|| {
            format!("no pg_dump {place}: run this in an image of PostgreSQL, or set PG_BIN")
        })?;
        let setpriv = on_path().find(has("setpriv")).map(|at| at.join("setpriv"));
        Ok(Self {
            folder,
            path: path.to_owned(),
            setpriv,
            user: unprivileged()?,
        })
    }

    /// Whom a server is run as, where it cannot be us.
    pub fn user(&self) -> Option<User> {
        self.user
    }

    /// A program with nothing of our environment. It is killed when its handle is dropped, and
    /// where util-linux is installed also when we are killed.
    pub fn command(&self, program: &str) -> Command {
        let program = self.folder.join(program);
        let mut command = if let Some(setpriv) = &self.setpriv {
            let mut command = Command::new(setpriv);
            command.args(["--pdeathsig", "KILL", "--"]).arg(program);
            command
        } else {
            Command::new(program)
        };
        command
            .env_clear()
            .env("PATH", &self.path)
            .env("LC_ALL", "C")
            .env("PGCONNECT_TIMEOUT", CONNECT_SECONDS)
            .env("PGAPPNAME", "warung-backup")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        command
    }

    /// The same for a program of a server, which refuses to be run by root.
    pub fn unprivileged(&self, program: &str) -> Command {
        let mut command = self.command(program);
        if let Some(user) = self.user {
            command.uid(user.uid).gid(user.gid);
        }
        command
    }

    /// The version of a program.
    ///
    /// # Errors
    /// It cannot be started.
    pub async fn version(&self, program: &str) -> Result<Version> {
        let mut command = self.command(program);
        let said = run(command.arg("--version"), program).await?;
        parse_version(&said).with_context(|| format!("{program} --version says {said:?}"))
    }

    /// Refuses programs of another major version than the server they talk to.
    ///
    /// # Errors
    /// They are; names both versions and says what to do.
    pub async fn same_as(&self, program: &str, server: u32) -> Result<Version> {
        let ours = self.version(program).await?;
        match fault_for(&ours, server) {
            None => Ok(ours),
            Some(fault) => bail!(
                "{program} {} is {fault} (PostgreSQL {server}): run it in an image of PostgreSQL \
                 {server}, or point PG_BIN at its programs",
                ours.text,
            ),
        }
    }

    /// Refuses programs that are older than an archive.
    ///
    /// # Errors
    /// They are; names both versions and says what to do.
    pub async fn at_least(&self, program: &str, server: u32, whose: &str) -> Result<Version> {
        let ours = self.version(program).await?;
        ensure!(
            ours.major >= server,
            "{program} {} is older than {whose} (PostgreSQL {server}) and cannot do this: run it in \
             an image of PostgreSQL {server} or newer, or point PG_BIN at its programs",
            ours.text,
        );
        Ok(ours)
    }
}

/// Runs a program to its end; what it said on its output.
///
/// # Errors
/// It cannot be started or fails; has its complaint.
pub async fn run(command: &mut Command, name: &str) -> Result<String> {
    let child = command.stdout(Stdio::piped()).spawn();
    let mut child = child.with_context(|| format!("start {name}"))?;
    let (said, complaint) = tokio::join!(tail(child.stdout.take()), tail(child.stderr.take()));
    let status = child.wait().await?;
    if !status.success() {
        let complaint = if complaint.trim().is_empty() {
            said
        } else {
            complaint
        };
        bail!("{name} failed ({status}): {}", complaint.trim());
    }
    Ok(said)
}

/// The end of what a program says, read to its end so that it never waits for us.
pub async fn tail(pipe: Option<impl AsyncRead + Unpin>) -> String {
    let Some(mut pipe) = pipe else {
        return String::new();
    };
    let mut kept: Vec<u8> = Vec::new();
    let mut buffer = [0; MAX_COMPLAINT_BYTES];
    while let Ok(read @ 1..) = pipe.read(&mut buffer).await {
        kept.extend_from_slice(&buffer[..read]);
        kept.drain(..kept.len().saturating_sub(MAX_COMPLAINT_BYTES));
    }
    String::from_utf8_lossy(&kept).into_owned()
}

/// A database as libpq's environment has it.
///
/// # Errors
/// The address cannot be read.
pub fn libpq(database_url: &SecretString) -> Result<Vec<(&'static str, String)>> {
    let url = reqwest::Url::parse(database_url.expose_secret())
        .map_err(|_| anyhow::anyhow!("DATABASE_URL is no URL"))?;
    let mut variables: Vec<(&'static str, String)> = Vec::new();
    if let Some(host) = url.host_str() {
        let host = decoded(host.trim_start_matches('[').trim_end_matches(']'))?;
        variables.push(("PGHOST", host));
    }
    if let Some(port) = url.port() {
        variables.push(("PGPORT", port.to_string()));
    }
    if !url.username().is_empty() {
        variables.push(("PGUSER", decoded(url.username())?));
    }
    if let Some(password) = url.password() {
        variables.push(("PGPASSWORD", decoded(password)?));
    }
    let database = url.path().trim_start_matches('/');
    if !database.is_empty() {
        variables.push(("PGDATABASE", decoded(database)?));
    }
    for (name, value) in url.query_pairs() {
        // The names by which sqlx knows them too.
        let variable = match &*name {
            "host" | "hostaddr" => "PGHOST",
            "port" => "PGPORT",
            "user" => "PGUSER",
            "password" => "PGPASSWORD",
            "dbname" => "PGDATABASE",
            "sslmode" | "ssl-mode" => "PGSSLMODE",
            "sslrootcert" | "ssl-root-cert" | "ssl-ca" => "PGSSLROOTCERT",
            "sslcert" | "ssl-cert" => "PGSSLCERT",
            "sslkey" | "ssl-key" => "PGSSLKEY",
            _ => continue,
        };
        variables.retain(|(known, _)| *known != variable);
        variables.push((variable, value.into_owned()));
    }
    Ok(variables)
}

fn decoded(text: &str) -> Result<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        if let (b'%', [high, low, tail @ ..]) = (first, after) {
            let byte = hex::decode([*high, *low]).context("DATABASE_URL has a wrong % in it")?;
            bytes.extend(byte);
            rest = tail;
        } else {
            bytes.push(first);
            rest = after;
        }
    }
    String::from_utf8(bytes).context("DATABASE_URL is not UTF-8")
}

/// Folders of packaged versions, the newest first.
fn packaged() -> Vec<PathBuf> {
    let mut versions: Vec<(u32, PathBuf)> = fs::read_dir(PACKAGED)
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| {
            let number = entry.file_name().to_str()?.parse().ok()?;
            Some((number, entry.path().join("bin")))
        })
        .collect();
    versions.sort();
    versions
        .into_iter()
        .rev()
        .map(|(_, folder)| folder)
        .collect()
}

/// Who runs servers in our place when we are root.
fn unprivileged() -> Result<Option<User>> {
    if fs::metadata("/proc/self")?.uid() != 0 {
        return Ok(None);
    }
    let accounts = fs::read_to_string("/etc/passwd").unwrap_or_default();
    let user = ["postgres", "nobody"]
        .iter()
        .find_map(|name| account(&accounts, name));
    let user = user.context(
        "PostgreSQL refuses to run as root, and there is no user postgres or nobody: run this as \
         a user that /etc/passwd knows",
    )?;
    Ok(Some(user))
}

fn account(accounts: &str, name: &str) -> Option<User> {
    let mut lines = accounts
        .lines()
        .map(|line| line.split(':').collect::<Vec<_>>());
    let fields = lines.find(|fields| fields[0] == name)?;
    Some(User {
        uid: fields.get(2)?.parse().ok()?,
        gid: fields.get(3)?.parse().ok()?,
    })
}

/// What is wrong with programs of a version for a server. `pg_dump` refuses a newer server, and what
/// newer programs write an older server need not understand: from 17 on every script sets
/// `transaction_timeout`, which 16 does not know. A backup that only a newer server could take back
/// is none.
fn fault_for(ours: &Version, server: u32) -> Option<&'static str> {
    match ours.major.cmp(&server) {
        Ordering::Less => Some("older than the server"),
        Ordering::Greater => Some("newer than the server, which may not understand what it writes"),
        Ordering::Equal => None,
    }
}

fn parse_version(said: &str) -> Option<Version> {
    let mut words = said.split_whitespace();
    let text = words.find(|word| word.starts_with(|c: char| c.is_ascii_digit()))?;
    let major = text.split(|c: char| !c.is_ascii_digit()).next()?;
    Some(Version {
        major: major.parse().ok()?,
        text: text.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read() {
        let debian = parse_version("pg_dump (PostgreSQL) 15.8 (Debian 15.8-0+deb12u1)\n").unwrap();
        assert_eq!((debian.major, &*debian.text), (15, "15.8"));
        assert_eq!(
            parse_version("pg_dump (PostgreSQL) 18beta1").unwrap().major,
            18
        );
        assert_eq!(parse_version("pg_dump"), None);
    }

    #[test]
    fn only_programs_of_the_servers_version_will_do() {
        let of = |major| Version {
            major,
            text: String::new(),
        };
        assert_eq!(fault_for(&of(15), 15), None);
        assert!(fault_for(&of(14), 15).unwrap().starts_with("older"));
        assert!(fault_for(&of(17), 16).unwrap().starts_with("newer"));
    }

    #[test]
    fn an_address_becomes_the_environment_of_libpq() {
        let url = "postgres://warung:p%40ss%2Fword@db.example:5433/toko?sslmode=verify-full\
            &sslrootcert=%2Fetc%2Fca.pem&statement-cache-capacity=3";
        assert_eq!(
            libpq(&url.into()).unwrap(),
            [
                ("PGHOST", "db.example".to_owned()),
                ("PGPORT", "5433".to_owned()),
                ("PGUSER", "warung".to_owned()),
                ("PGPASSWORD", "p@ss/word".to_owned()),
                ("PGDATABASE", "toko".to_owned()),
                ("PGSSLMODE", "verify-full".to_owned()),
                ("PGSSLROOTCERT", "/etc/ca.pem".to_owned()),
            ]
        );
        let socket = libpq(&"postgres://warung@%2Frun%2Fpg/toko".into()).unwrap();
        assert_eq!(socket[0], ("PGHOST", "/run/pg".to_owned()));
    }

    #[test]
    fn accounts_are_read_from_the_password_file() {
        let file = "root:x:0:0:root:/root:/bin/bash\npostgres:x:70:71::/var:/bin/sh\n";
        assert_eq!(account(file, "postgres"), Some(User { uid: 70, gid: 71 }));
        assert_eq!(account(file, "nobody"), None);
    }

    #[test]
    fn a_folder_without_programs_is_named() {
        let error = Programs::find(Some(Path::new("/nonexistent")), "").unwrap_err();
        assert!(
            error
                .to_string()
                .contains("/nonexistent, which PG_BIN names")
        );
    }
}
