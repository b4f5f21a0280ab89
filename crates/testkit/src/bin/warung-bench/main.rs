//! `warung-bench`: an open-loop load on two bots with real stores, and the limits of this machine
//! beside it, because numbers of one machine mean nothing for another.
//!
//! Messages leave on a fixed schedule whether or not the bots keep up; a reply's latency counts
//! from the scheduled moment to the call at the WhatsApp sandbox.

mod bed;
mod browse;
mod goods;
mod limits;
mod load;
mod purchase;
mod report;
mod usage;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::Parser;
use warung_sandbox::serve::stop_signal;

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
    /// Only the scenarios whose name contains this.
    #[arg(long)]
    only: Option<String>,
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let outcome = tokio::select! {
        outcome = run(&arguments) => outcome,
        _ = stop_signal() => Ok(false),
    };
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            report::say(&format!("✗ {error:#}"));
            ExitCode::FAILURE
        }
    }
}

/// Returns whether nothing was lost and nothing doubled.
async fn run(arguments: &Arguments) -> Result<bool> {
    let mut report = Report::begin();
    report::say("starting stores, sandbox and two bots");
    let bed = Bed::make(&arguments.state).await?;
    report.footprint = Some(bed.footprint().await?);
    report.limits = Some(limits::measure(&bed).await?);
    browse::warm_up(&bed).await?;
    for scenario in browse::scenarios(arguments.seconds) {
        if arguments.wants(scenario.name) {
            report.add(browse::run(&bed, &scenario).await?);
        }
    }
    if arguments.wants(purchase::NAME) {
        report.ramp = purchase::ramp(&bed, goods::sku).await?;
    }
    if arguments.wants(purchase::HOT_NAME) {
        report.hot_ramp = purchase::ramp(&bed, goods::hot_sku).await?;
    }
    report.finish(&bed)?;
    report.print();
    let file = arguments.state.join("bench.json");
    std::fs::write(&file, serde_json::to_vec_pretty(&report)?)?;
    report::say(&format!("report: {}", file.display()));
    bed.stop().await;
    Ok(report.is_correct())
}

impl Arguments {
    fn wants(&self, name: &str) -> bool {
        self.only
            .as_ref()
            .is_none_or(|part| name.contains(part.as_str()))
    }
}
