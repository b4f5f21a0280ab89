//! `warung-bench`: an open-loop load on two bots with real stores, and the limits of this machine
//! beside it, because numbers of one machine mean nothing for another.
//!
//! Messages leave on a fixed schedule whether or not the bots keep up; a reply's latency counts
//! from the scheduled moment to the call at the WhatsApp sandbox.

mod against;
mod bed;
mod browse;
mod fleet;
mod goods;
mod growth;
mod hostile;
mod instructions;
mod limits;
mod load;
mod mix;
mod purchase;
mod quota;
mod report;
mod scaling;
mod statements;
mod strangers;
mod usage;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::Parser;
use warung_testkit::console::{say, until_stopped};

use crate::bed::Bed;
use crate::report::Report;

/// Loads two bots and prints what they do, next to what this machine can do.
#[derive(Debug, Parser)]
#[command(name = "warung-bench", version)]
struct Arguments {
    /// Where the report and the logs go.
    #[arg(long, default_value = ".warung")]
    state: PathBuf,
    /// Seconds of each scenario.
    #[arg(long, default_value_t = 10)]
    seconds: u32,
    /// Only the scenarios whose name contains this; or `scaling`, `growth`, `instructions` or
    /// `hostile`, which the default run leaves out.
    #[arg(long)]
    only: Option<String>,
    /// Also prints the dearest statements of each scenario, which makes PostgreSQL count them all.
    #[arg(long)]
    statements: bool,
    /// A setting of PostgreSQL, as `name=value`; may be given more than once.
    #[arg(long = "postgres")]
    postgres: Vec<String>,
    /// Instead of the scenarios: our bots and this peer in turns, under the same load.
    #[arg(long)]
    against: Option<Peer>,
    /// Where the peer is; `npm ci` must have been run there.
    #[arg(long, default_value = "bench/node-peer")]
    peer: PathBuf,
}

/// What our bots are compared with.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Peer {
    /// The shop in Node.js of `bench/node-peer`.
    Node,
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    until_stopped(Box::pin(run(&arguments))).await
}

/// Returns whether all was well: nothing lost and nothing doubled.
async fn run(arguments: &Arguments) -> Result<bool> {
    let mut report = Report::begin();
    say("starting stores, sandbox and two bots");
    let mut bed = Bed::make(&arguments.state, arguments.settings()).await?;
    if arguments.is(hostile::NAME) {
        let is_well = hostile::run(&bed, arguments.seconds, &arguments.state).await;
        bed.stop().await;
        return is_well;
    }
    report.footprint = Some(bed.footprint().await?);
    report.limits = Some(limits::measure(&bed).await?);
    if let Some(Peer::Node) = arguments.against {
        let comparison = against::run(&mut bed, &arguments.peer, arguments.seconds).await?;
        report.against = Some(comparison);
    } else if arguments.is(scaling::NAME) {
        report.scaling = scaling::run(&mut bed).await?;
    } else if arguments.is(growth::NAME) {
        report.growth = growth::run(&bed).await?;
    } else if arguments.is(instructions::NAME) {
        report.instructions = Some(instructions::run(&mut bed, &arguments.state).await?);
    } else {
        scenarios(arguments, &bed, &mut report).await?;
    }
    report.finish(&bed)?;
    report.print();
    let file = arguments.state.join("bench.json");
    std::fs::write(&file, serde_json::to_vec_pretty(&report)?)?;
    say(&format!("report: {}", file.display()));
    bed.stop().await;
    Ok(report.is_correct())
}

async fn scenarios(arguments: &Arguments, bed: &Bed, report: &mut Report) -> Result<()> {
    browse::warm_up(bed).await?;
    let told = arguments.statements;
    statements::begin(bed, told).await?;
    for scenario in browse::scenarios(arguments.seconds) {
        if arguments.wants(scenario.name) {
            report.add(browse::run(bed, &scenario).await?);
            statements::tell(bed, told).await?;
        }
    }
    if arguments.wants(mix::NAME) {
        report.add(mix::run(bed, arguments.seconds).await?);
        statements::tell(bed, told).await?;
    }
    if arguments.wants(mix::KNEE_NAME) {
        say("the same mix at rising rates, until p99 > 250 ms");
        report.knee = mix::knee(bed).await?;
        statements::tell(bed, told).await?;
    }
    if arguments.wants(purchase::NAME) {
        report.ramp = purchase::ramp(bed, goods::sku).await?;
        statements::tell(bed, told).await?;
    }
    if arguments.wants(purchase::HOT_NAME) {
        report.hot_ramp = purchase::ramp(bed, goods::hot_sku).await?;
        statements::tell(bed, told).await?;
    }
    if arguments.wants(purchase::NAME)
        && let Some(limits) = &mut report.limits
    {
        limits.bare_purchases_per_second = Some(limits::bare_purchases(bed).await?);
    }
    Ok(())
}

impl Arguments {
    /// Whether exactly this was asked for, which the default run does not have.
    fn is(&self, name: &str) -> bool {
        self.only.as_deref() == Some(name)
    }

    fn settings(&self) -> Vec<String> {
        let counted = self.statements.then(statements::settings);
        let mut settings = counted.unwrap_or_default();
        settings.extend_from_slice(&self.postgres);
        settings
    }

    fn wants(&self, name: &str) -> bool {
        self.only
            .as_ref()
            .is_none_or(|part| name.contains(part.as_str()))
    }
}
