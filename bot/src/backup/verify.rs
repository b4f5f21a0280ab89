//! Verified means restored: into a throwaway PostgreSQL, checked page by page, counted, migrated
//! and audited.

use std::{collections::BTreeMap, path::Path, time::Duration};

use anyhow::{Context, Result};
use tokio::{process::Command, time::Instant};

use super::{
    Desk, Problems,
    depot::Entry,
    fetch::fetch,
    manifest::{Manifest, Verified},
    programs::{Programs, run},
    tables,
    throwaway::Throwaway,
};
use crate::{
    auditor::{self, Rule},
    schema,
    store::audit::Scope,
};

/// Programs that restore and check at a time.
const JOBS: &str = "--jobs=2";
/// Complaints that are not the backup's fault: the disk is full, the server was killed (too little
/// memory), or lacks a contributed module.
const WORLDLY: [&str; 5] = [
    "No space left on device",
    "server closed the connection",
    "connection to server",
    "extension \"amcheck\" is not available",
    "amcheck\" is not installed",
];
/// The limit of purchases is not looked at here; the scope must have one.
const ANY_LIMIT: (i64, Duration) = (3, Duration::from_mins(1));

/// Restores a backup into a throwaway PostgreSQL and looks for what is wrong with it. Notes the
/// result beside the backup; one that was good and is no more loses its note.
///
/// # Errors
/// [`Problems`] of the backup; anything else says that nobody can tell.
pub async fn verify(desk: &Desk, entry: &Entry) -> Result<Verified> {
    let manifest = entry.manifest()?;
    // Boxed: every query of the auditor is in it.
    let looking = Box::pin(look(desk, manifest));
    let looked = desk.deadline.within("verifying", looking).await;
    match &looked {
        Ok(verified) => desk.depot.note(verified).await?,
        Err(error) if error.is::<Problems>() && entry.verified.is_some() => {
            desk.depot.take_back(&entry.name).await?;
        }
        Err(_) => {}
    }
    looked
}

async fn look(desk: &Desk, manifest: &Manifest) -> Result<Verified> {
    let config = &desk.config;
    let programs = Programs::find(config.programs.as_deref(), &config.path)?;
    let tools = tools(&programs, manifest).await?;
    let begun = Instant::now();
    let scratch = tempfile::Builder::new()
        .prefix("warung-archive-")
        .tempdir_in(&config.scratch)
        .with_context(|| format!("make a folder in {}", config.scratch.display()))?;
    let archive = scratch.path().join("archive");
    fetch(desk, manifest, &archive).await?;
    let throwaway = Throwaway::start(&programs, &config.scratch).await?;
    restore(&programs, &throwaway, &archive).await?;
    let restore_seconds = begun.elapsed().as_secs();
    drop(scratch);
    check_pages(&programs, &throwaway).await?;
    let rows = check_books(&throwaway, manifest).await?;
    throwaway.stop().await?;
    Ok(Verified {
        backup: manifest.backup.clone(),
        cipher_sha256: manifest.cipher_sha256.clone(),
        verified_at: desk.clock.now(),
        restore_seconds,
        rows,
        tools,
    })
}

/// Versions of what is used, none of them older than the archive.
async fn tools(programs: &Programs, manifest: &Manifest) -> Result<BTreeMap<String, String>> {
    let major = major(manifest)?;
    let mut tools = BTreeMap::new();
    for program in ["postgres", "pg_restore", "pg_amcheck"] {
        let version = programs.at_least(program, major, "the backup").await?;
        tools.insert(program.to_owned(), version.text);
    }
    tools.insert(
        "warung-bot".to_owned(),
        env!("CARGO_PKG_VERSION").to_owned(),
    );
    Ok(tools)
}

/// The major version that a backup needs: of the server it comes from and of the `pg_dump` that made
/// it, the newer.
pub(super) fn major(manifest: &Manifest) -> Result<u32> {
    let of = |version: &String| {
        let digits = version.split(|c: char| !c.is_ascii_digit()).next();
        digits
            .and_then(|major| major.parse::<u32>().ok())
            .with_context(|| format!("the manifest's version {version:?}"))
    };
    Ok(of(&manifest.server_version)?.max(of(&manifest.client_version)?))
}

async fn restore(programs: &Programs, throwaway: &Throwaway, archive: &Path) -> Result<()> {
    let mut command = programs.command("pg_restore");
    command
        .envs(throwaway.environment())
        .args(["--exit-on-error", "--no-owner", "--no-privileges", JOBS])
        .args(["--dbname", "restored"])
        .arg(archive);
    fails_as_problem(&mut command, "pg_restore").await
}

async fn check_pages(programs: &Programs, throwaway: &Throwaway) -> Result<()> {
    let mut command = programs.command("pg_amcheck");
    command.envs(throwaway.superuser_environment()).args([
        "--install-missing",
        "--heapallindexed",
        JOBS,
        "restored",
    ]);
    fails_as_problem(&mut command, "pg_amcheck").await
}

/// Runs a program whose failure is the backup's, unless it is [`WORLDLY`] or it could not be started
/// at all.
async fn fails_as_problem(command: &mut Command, name: &str) -> Result<()> {
    match run(command, name).await {
        Ok(_) => Ok(()),
        Err(error) => {
            let said = format!("{error:#}");
            let is_ours = said.starts_with("start ")
                || WORLDLY.iter().any(|complaint| said.contains(complaint));
            if is_ours {
                Err(error)
            } else {
                Err(Problems::one(said).into())
            }
        }
    }
}

/// Counts, migrates to this version, audits. Returns the rows.
async fn check_books(throwaway: &Throwaway, manifest: &Manifest) -> Result<i64> {
    let pool = throwaway.connect().await?;
    let mut connection = pool.acquire().await?;
    let found = tables::count(&mut connection).await?;
    let differences = tables::differences(&manifest.tables, &found);
    if !differences.is_empty() {
        return Err(Problems(differences).into());
    }
    sqlx::query("ANALYZE").execute(&mut *connection).await?;
    drop(connection);
    // A shop goes on with the version it has now, and so do its books.
    schema::migrate(&pool).await?;
    let scope = Scope {
        rows: None,
        now: manifest.started_at,
        purchases: ANY_LIMIT.0,
        window: ANY_LIMIT.1,
    };
    let audit = auditor::audit(&pool, &scope, &[]).await?;
    pool.close().await;
    let of_books = |rule: &str| {
        Rule::ALL
            .iter()
            .any(|r| r.is_of_books() && r.name() == rule)
    };
    let broken: Vec<String> = audit
        .violations
        .iter()
        .filter(|found| of_books(found.rule))
        .map(|found| format!("{}: {}: {}", found.rule, found.subject, found.detail))
        .collect();
    if broken.is_empty() {
        Ok(manifest.rows())
    } else {
        Err(Problems(broken).into())
    }
}
