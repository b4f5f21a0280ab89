//! `warung-bot backup …`.

use std::process::ExitCode;

use anyhow::{Context, Result, ensure};
use chrono::{DateTime, Utc};
use clap::{Args, Subcommand};
use secrecy::ExposeSecret;
use serde::Serialize;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use super::{
    complain,
    report::{ReportTo, shorten, spoken},
    say,
};
use crate::{
    backup::{
        Desk, Problems,
        deadline::Deadline,
        depot::{Depot, Entry},
        mark::{self, Unclear, parse_id},
        name::{BackupName, is_shop},
        prune, restore, run, verify,
    },
    clock::{self, Clock},
    config::{BackupConfig, Fault, Needs},
};

/// Names of deleted backups in a report, at most.
const MAX_PRUNED_NAMED: usize = 20;
/// Problems in a report, at most.
const MAX_PROBLEMS_NAMED: usize = 4;

/// The status where nobody knows whether a restore was committed.
const UNCLEAR: u8 = 3;

/// The verbs of `backup`.
#[derive(Debug, Clone, Subcommand)]
pub(super) enum BackupVerb {
    /// Dump the database, seal the dump, keep it; then delete what retention lets go.
    Run(Common),
    /// Restore a backup into a throwaway PostgreSQL and check everything about it.
    Verify {
        #[command(flatten)]
        common: Common,
        /// This one; else the newest.
        #[arg(long, value_name = "NAME")]
        backup: Option<String>,
        /// All that were not verified yet, the newest first.
        #[arg(long, conflicts_with = "backup")]
        every_unverified: bool,
    },
    /// Restore a backup into the shop's database. No bot may run meanwhile.
    Restore {
        #[command(flatten)]
        common: Common,
        #[command(flatten)]
        which: Which,
        /// Drop what is in the database first. If the restore fails it is still there.
        #[arg(long)]
        replace: bool,
        /// Tells this restore from others: tries of one restore have the same, and the second finds
        /// out whether the first was done.
        #[arg(long, env = "RESTORE_ID", value_name = "ID", value_parser = parse_id)]
        id: Option<String>,
    },
    /// Show the shop's backups.
    List(Common),
    /// Delete what retention lets go.
    Prune(Common),
}

/// What all of them are told.
#[derive(Debug, Clone, Args)]
pub(super) struct Common {
    /// Whose backups.
    #[arg(long, env = "SHOP_NAME", value_name = "NAME")]
    shop: String,
    #[command(flatten)]
    report: ReportTo,
}

/// Which backup is restored.
#[derive(Debug, Clone, Args)]
#[group(required = true, multiple = false)]
pub(super) struct Which {
    /// This one, verified or not.
    #[arg(long, value_name = "NAME")]
    backup: Option<String>,
    /// The newest that was verified.
    #[arg(long)]
    newest_verified: bool,
}

#[derive(Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct Report {
    kind: &'static str,
    backup: Option<String>,
    started_at: DateTime<Utc>,
    finished_at: DateTime<Utc>,
    #[serde(flatten)]
    result: Outcome,
    error: Option<String>,
}

/// What the verbs have to say.
#[derive(Default, Serialize)]
#[serde(untagged, rename_all_fields = "camelCase")]
enum Outcome {
    #[default]
    Nothing,
    Run {
        bytes: u64,
        plain_sha256: String,
        cipher_sha256: String,
        key_id: String,
        server_version: String,
        tables: usize,
        rows: i64,
        pruned: Vec<String>,
        prune_error: Option<String>,
    },
    Verify {
        verified: bool,
        restore_seconds: u64,
        problems: Vec<String>,
    },
    Restore {
        rows: i64,
        /// Whether it is sure that no try of this restore has changed anything.
        as_it_was: bool,
        warning: Option<String>,
    },
    Prune {
        pruned: Vec<String>,
        problems: Vec<String>,
    },
}

/// Prints a new key as `age-keygen` does.
pub(super) fn new_key() {
    let key = age::x25519::Identity::generate();
    say(&format!("# public key: {}", key.to_public()));
    say(key.to_string().expose_secret());
}

/// Runs a verb; wrong configuration has the status 2. Where nobody knows how it ended the status is
/// [`UNCLEAR`], and nothing is reported.
pub(super) async fn run(verb: BackupVerb) -> ExitCode {
    let (kind, common, needs) = verb.about();
    let clock = Clock::system();
    let mut report = Report {
        kind,
        started_at: clock.now(),
        result: verb.nothing_yet(),
        ..Report::default()
    };
    let code = match BackupConfig::from_env(needs) {
        Err(faults) => {
            let named: Vec<String> = faults.iter().map(Fault::to_string).collect();
            report.error = Some(shorten(&named.join("; ")));
            super::misconfigured(&faults)
        }
        Ok(config) => match act(&verb, common, config, &clock, &mut report).await {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) if error.is::<Unclear>() => {
                complain(&spoken(&error));
                return ExitCode::from(UNCLEAR);
            }
            Err(error) => {
                complain(&spoken(&error));
                if !error.is::<Problems>() {
                    report.error = Some(shorten(&spoken(&error)));
                }
                ExitCode::FAILURE
            }
        },
    };
    report.finished_at = clock.now();
    common.report.write(&report);
    code
}

impl BackupVerb {
    /// What is reported where it fails before it has anything to say.
    fn nothing_yet(&self) -> Outcome {
        match self {
            Self::Verify { .. } => Outcome::Verify {
                verified: false,
                restore_seconds: 0,
                problems: Vec::new(),
            },
            Self::Restore { id, .. } => Outcome::Restore {
                rows: 0,
                // Without an id there was no earlier try.
                as_it_was: id.is_none(),
                warning: None,
            },
            Self::Prune(_) => Outcome::Prune {
                pruned: Vec::new(),
                problems: Vec::new(),
            },
            Self::Run(_) | Self::List(_) => Outcome::Nothing,
        }
    }

    fn about(&self) -> (&'static str, &Common, Needs) {
        let needs = Needs::default();
        match self {
            Self::Run(common) => {
                let needs = Needs {
                    database: true,
                    recipient: true,
                    ..needs
                };
                ("backup", common, needs)
            }
            Self::Verify { common, .. } => {
                let needs = Needs {
                    identity: true,
                    ..needs
                };
                ("verify", common, needs)
            }
            Self::Restore { common, .. } => {
                let needs = Needs {
                    database: true,
                    identity: true,
                    ..needs
                };
                ("restore", common, needs)
            }
            Self::List(common) => ("list", common, needs),
            Self::Prune(common) => ("prune", common, needs),
        }
    }
}

async fn act(
    verb: &BackupVerb,
    common: &Common,
    config: BackupConfig,
    clock: &Clock,
    report: &mut Report,
) -> Result<()> {
    ensure!(
        is_shop(&common.shop),
        "--shop {:?} must be letters, digits, '-', '_' and '.'",
        common.shop
    );
    // S3 is spoken with over TLS. Someone may have installed a provider already, which is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let desk = Desk {
        depot: Depot::open(&config.destination, &common.shop)?,
        deadline: Deadline::new(config.deadline, until_told_to_stop()?),
        config,
        shop: common.shop.clone(),
        clock: clock.clone(),
    };
    desk.deadline
        .within(
            "asking the store of backups who it is",
            desk.depot.trusted(),
        )
        .await?;
    match verb {
        BackupVerb::Run(_) => make(&desk, report).await,
        BackupVerb::Verify {
            backup,
            every_unverified,
            ..
        } => check(&desk, backup.as_deref(), *every_unverified, report).await,
        BackupVerb::Restore {
            which, replace, id, ..
        } => put_back(&desk, which, *replace, id.as_deref(), report).await,
        BackupVerb::List(_) => list(&desk).await,
        BackupVerb::Prune(_) => {
            let pruning = prune::prune(&desk);
            let pruned = desk
                .deadline
                .within("deleting old backups", pruning)
                .await?;
            let unreadable = pruned.unreadable.iter().take(MAX_PROBLEMS_NAMED);
            report.result = Outcome::Prune {
                pruned: named(&desk, &pruned.names),
                problems: unreadable.map(|problem| shorten(problem)).collect(),
            };
            for name in pruned.names {
                say(&format!("deleted {}/{name}", desk.shop));
            }
            for problem in pruned.unreadable {
                complain(&problem);
            }
            Ok(())
        }
    }
}

/// SIGTERM is how Kubernetes says that a Job has had its time.
fn until_told_to_stop() -> Result<CancellationToken> {
    let stop = CancellationToken::new();
    let told = stop.clone();
    let mut terminate = signal(SignalKind::terminate()).context("SIGTERM")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("SIGINT")?;
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        told.cancel();
    });
    Ok(stop)
}

async fn make(desk: &Desk, report: &mut Report) -> Result<()> {
    let done = run::run(desk).await?;
    let manifest = done.manifest;
    report.backup = Some(full(desk, &manifest.backup));
    say(&format!(
        "{} is kept: {} rows of {} tables in {} bytes",
        full(desk, &manifest.backup),
        manifest.rows(),
        manifest.tables.len(),
        manifest.bytes
    ));
    for name in &done.pruned {
        say(&format!("deleted {}", full(desk, name)));
    }
    if let Some(error) = &done.prune_error {
        complain(&format!(
            "not all old backups could be deleted: {}",
            spoken(error)
        ));
    }
    report.result = Outcome::Run {
        bytes: manifest.bytes,
        rows: manifest.rows(),
        tables: manifest.tables.len(),
        plain_sha256: manifest.plain_sha256,
        cipher_sha256: manifest.cipher_sha256,
        key_id: manifest.key_id,
        server_version: manifest.server_version,
        pruned: named(desk, &done.pruned),
        prune_error: done.prune_error.map(|error| shorten(&spoken(&error))),
    };
    Ok(())
}

async fn check(desk: &Desk, which: Option<&str>, every: bool, report: &mut Report) -> Result<()> {
    let finding = candidates(desk, which, every);
    let entries = desk.deadline.within("looking for backups", finding).await?;
    let mut outcome = Ok(());
    let (mut verified, mut restore_seconds, mut problems) = (true, 0, Vec::new());
    for entry in &entries {
        let name = full(desk, &entry.name);
        let checked = verify::verify(desk, entry).await;
        // The report names the newest, or else the one that is not well.
        if report.backup.is_none() || (verified && checked.is_err()) {
            report.backup = Some(name.clone());
        }
        match checked {
            Ok(found) => {
                restore_seconds = restore_seconds.max(found.restore_seconds);
                say(&format!(
                    "{name} is verified: restored in {} s, {} rows, books in order",
                    found.restore_seconds, found.rows
                ));
            }
            Err(error) => {
                verified = false;
                if let Some(found) = error.downcast_ref::<Problems>() {
                    problems.extend(found.0.iter().map(|problem| format!("{name}: {problem}")));
                }
                outcome = outcome.and(Err(error.context(format!("{name} is not verified"))));
            }
        }
    }
    let named = problems.iter().take(MAX_PROBLEMS_NAMED);
    report.result = Outcome::Verify {
        verified,
        restore_seconds,
        problems: named.map(|problem| shorten(problem)).collect(),
    };
    outcome
}

async fn candidates(desk: &Desk, which: Option<&str>, every: bool) -> Result<Vec<Entry>> {
    if let Some(name) = which {
        return Ok(vec![desk.depot.entry(parse(desk, name)?).await?]);
    }
    let mut entries = desk.depot.entries().await?;
    entries.retain(|entry| entry.manifest.is_some() || entry.unreadable.is_some());
    entries.reverse();
    ensure!(
        !entries.is_empty(),
        "there is no backup of {} yet",
        desk.shop
    );
    if every {
        entries.retain(|entry| entry.verified.is_none());
    } else {
        entries.truncate(1);
    }
    Ok(entries)
}

async fn put_back(
    desk: &Desk,
    which: &Which,
    replace: bool,
    id: Option<&str>,
    report: &mut Report,
) -> Result<()> {
    if let Some(id) = id
        && let Some(backup) = earlier_try(desk, id).await?
    {
        return done_already(desk, &backup, report).await;
    }
    report.result = Outcome::Restore {
        rows: 0,
        as_it_was: true,
        warning: None,
    };
    let mut warnings = Vec::new();
    let finding = async {
        if let Some(name) = &which.backup {
            return desk.depot.entry(parse(desk, name)?).await;
        }
        let (found, passed_over) = newest_verified(desk, desk.depot.entries().await?);
        warnings.extend(passed_over);
        found.with_context(|| format!("no backup of {} was ever verified", desk.shop))
    };
    let entry = desk.deadline.within("looking for backups", finding).await;
    for warning in &warnings {
        complain(warning);
    }
    let entry = entry?;
    let name = full(desk, &entry.name);
    report.backup = Some(name.clone());
    let id = id.map_or_else(|| format!("{:016x}", clock::random::<u64>()), str::to_owned);
    let restored = restore::restore(desk, &entry, replace, &id).await?;
    let rows = restored.rows;
    say(&format!("{name} is restored: {rows} rows"));
    if let Some(warning) = restored.warning {
        complain(&warning);
        warnings.push(warning);
    }
    say("now run `warung-bot migrate --grant-to ROLE`: the serving role has no rights yet");
    report.result = Outcome::Restore {
        rows,
        as_it_was: false,
        warning: (!warnings.is_empty()).then(|| shorten(&warnings.join("; "))),
    };
    Ok(())
}

/// The newest that was verified, and what had to be passed over because nobody can read it.
fn newest_verified(desk: &Desk, entries: Vec<Entry>) -> (Option<Entry>, Vec<String>) {
    let mut passed_over = Vec::new();
    for entry in entries.into_iter().rev() {
        match &entry.unreadable {
            Some(why) => {
                let name = full(desk, &entry.name);
                passed_over.push(format!("{name} cannot be read and was passed over: {why}"));
            }
            None if entry.manifest.is_some() && entry.verified.is_some() => {
                return (Some(entry), passed_over);
            }
            None => {}
        }
    }
    (None, passed_over)
}

/// What an earlier try of this restore brought back.
async fn earlier_try(desk: &Desk, id: &str) -> Result<Option<String>> {
    let url = desk.config.database_url.as_ref();
    let url = url.context("DATABASE_URL is missing")?;
    let looking = mark::look(url, id);
    desk.deadline
        .within("looking for an earlier try", looking)
        .await
}

/// Reports what an earlier try did, as if it were ours.
async fn done_already(desk: &Desk, backup: &str, report: &mut Report) -> Result<()> {
    report.backup = Some(backup.to_owned());
    // The data are back, even if the store is away now.
    let reading = async { desk.depot.entry(parse(desk, backup)?).await };
    let entry = desk.deadline.within("looking for backups", reading).await;
    let manifest = entry.ok().and_then(|entry| entry.manifest);
    report.result = Outcome::Restore {
        rows: manifest.map_or(0, |manifest| manifest.rows()),
        as_it_was: false,
        warning: None,
    };
    say(&format!("{backup} was restored by an earlier try"));
    Ok(())
}

async fn list(desk: &Desk) -> Result<()> {
    let entries = desk
        .deadline
        .within("listing", desk.depot.entries())
        .await?;
    for entry in entries {
        let name = full(desk, &entry.name);
        if let Some(why) = &entry.unreadable {
            say(&format!("{name}  cannot be read: {why}"));
            continue;
        }
        let Some(manifest) = entry.manifest else {
            say(&format!("{name}  not finished"));
            continue;
        };
        let state = entry
            .verified
            .map_or("not verified".to_owned(), |verified| {
                format!(
                    "verified {}",
                    verified.verified_at.format("%Y-%m-%d %H:%M UTC")
                )
            });
        let (bytes, rows) = (manifest.bytes, manifest.rows());
        say(&format!("{name}  {bytes} bytes  {rows} rows  {state}"));
    }
    Ok(())
}

/// A name as given: with or without the shop before it.
fn parse(desk: &Desk, name: &str) -> Result<BackupName> {
    let own = name
        .strip_prefix(&desk.shop)
        .and_then(|rest| rest.strip_prefix('/'));
    own.unwrap_or(name).parse().map_err(anyhow::Error::msg)
}

fn full(desk: &Desk, name: &BackupName) -> String {
    format!("{}/{name}", desk.shop)
}

fn named(desk: &Desk, names: &[BackupName]) -> Vec<String> {
    let few = names.iter().take(MAX_PRUNED_NAMED);
    few.map(|name| full(desk, name)).collect()
}
