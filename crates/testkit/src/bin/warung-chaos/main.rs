//! `warung-chaos`: a fleet under faults. Three bots on real stores, a hundred customers, WhatsApp
//! and Midtrans that misbehave, faults from a seeded schedule; at the end checks that share nothing
//! with the bots say whether anything was ever wrong.

mod bed;
mod checks;
mod customers;
mod faults;
mod fleet;
mod goods;
mod mutation;
mod report;
mod run;
mod schedule;
mod shift;
mod timing;
mod volume;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::Result;
use clap::{Parser, ValueEnum};
use warung_testkit::console::{say, until_stopped};

use crate::mutation::Mutation;
use crate::report::Report;
use crate::schedule::Length;

/// Breaks a fleet in every way there is and looks whether it was ever wrong.
#[derive(Debug, Parser)]
#[command(name = "warung-chaos", version)]
struct Arguments {
    /// Where the report and the logs go.
    #[arg(long, default_value = ".warung")]
    state: PathBuf,
    /// Decides the order of faults and what customers do; a new one each time unless given.
    #[arg(long, env = "SEED")]
    seed: Option<u64>,
    /// The few faults that every change must stand, with a fixed seed.
    #[arg(long)]
    short: bool,
    /// Runs with new seeds for so many hours, until the first violation.
    #[arg(long)]
    hours: Option<f64>,
    /// Takes a guard out: the run must then turn red. `all` takes out each in turn.
    #[arg(long)]
    mutation: Option<String>,
    /// Only faults whose name contains this.
    #[arg(long)]
    only: Option<String>,
    /// Customers; 220, or 100 with `--short`.
    #[arg(long)]
    customers: Option<usize>,
    /// Network and mounts are ours alone: they may be cut, and be full.
    #[arg(long)]
    isolated: bool,
}

/// What `--short` runs with.
const SHORT_SEED: u64 = 20_261_124;
/// Customers at once.
const CUSTOMERS: usize = 220;
const SHORT_CUSTOMERS: usize = 100;

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    until_stopped(Box::pin(run(&arguments))).await
}

/// Returns whether all is well: nothing was ever wrong, or every mutation was found.
async fn run(arguments: &Arguments) -> Result<bool> {
    match arguments.mutation.as_deref() {
        Some("all") => return every_guard(arguments).await,
        Some(name) => {
            let mutation = Mutation::from_str(name, true).map_err(|name| anyhow::anyhow!(name))?;
            let report = once(arguments, new_seed(arguments), Some(mutation)).await?;
            return Ok(report.violations.is_empty());
        }
        None => {}
    }
    let Some(hours) = arguments.hours else {
        let report = once(arguments, new_seed(arguments), None).await?;
        return Ok(report.violations.is_empty());
    };
    let until = Instant::now() + Duration::from_secs_f64(hours * 3_600.0);
    while Instant::now() < until {
        let seed = rand::random_range(1..u64::from(u32::MAX));
        let report = once(arguments, seed, None).await?;
        if !report.violations.is_empty() {
            say(&format!("to see it again: make chaos SEED={seed}"));
            return Ok(false);
        }
    }
    Ok(true)
}

async fn every_guard(arguments: &Arguments) -> Result<bool> {
    let mut found_all = true;
    let mut table = Vec::new();
    for mutation in Mutation::value_variants() {
        let report = once(arguments, new_seed(arguments), Some(*mutation)).await?;
        let mut checks: Vec<&str> = report.violations.iter().map(|found| found.check).collect();
        checks.dedup();
        let found = checks.iter().any(|check| mutation.checks().contains(check));
        found_all &= found;
        if !found {
            checks.push("NOT FOUND");
        }
        table.push(format!("{:<14} {}", mutation.name(), checks.join(", ")));
    }
    say("\nwithout        turned red");
    for line in &table {
        say(line);
    }
    Ok(found_all)
}

fn new_seed(arguments: &Arguments) -> u64 {
    let usual = if arguments.short {
        SHORT_SEED
    } else {
        rand::random_range(1..u64::from(u32::MAX))
    };
    arguments.seed.unwrap_or(usual)
}

async fn once(arguments: &Arguments, seed: u64, mutation: Option<Mutation>) -> Result<Report> {
    let plan = run::Plan {
        state: arguments.state.clone(),
        seed,
        mutation,
        length: if arguments.short {
            Length::Short
        } else {
            Length::Full
        },
        only: arguments.only.clone(),
        customers: arguments.customers.unwrap_or(if arguments.short {
            SHORT_CUSTOMERS
        } else {
            CUSTOMERS
        }),
        isolated: arguments.isolated,
    };
    let report = run::run(&plan).await?;
    report.print();
    let file = arguments.state.join("chaos.json");
    std::fs::write(&file, serde_json::to_vec_pretty(&report)?)?;
    say(&format!("report: {}", file.display()));
    Ok(report)
}
