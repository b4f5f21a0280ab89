//! `warung-e2e`: the whole of Warung on a real Kubernetes.
//!
//! It installs the operator by Helm, applies the sandbox-demo shop, buys something through its
//! Service, then breaks and changes things under a steady load: nothing may be lost or doubled.
//! At the end it backs the shop up, destroys its database and brings it back. Without `KUBECONFIG`
//! it starts a node of its own; what it made it removes.

mod bed;
mod drills;
mod load;
mod report;
mod restore;
mod shop;
mod stories;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::Parser;
use warung_sandbox::serve::stop_signal;
use warung_testkit::console::exit_code;

use crate::bed::Bed;
use crate::report::Report;
use crate::shop::Shop;

/// Installs Warung on a Kubernetes, sells, breaks things under load, restores.
#[derive(Debug, Parser)]
#[command(name = "warung-e2e", version)]
struct Arguments {
    /// A cluster that exists already, with the images loaded; left out, a node is started here.
    #[arg(long, env = "KUBECONFIG")]
    kubeconfig: Option<PathBuf>,
    /// The repository, for charts and samples.
    #[arg(long, default_value = ".")]
    repository: PathBuf,
    /// Where the report and logs go.
    #[arg(long, default_value = ".warung")]
    state: PathBuf,
    /// Messages a second while things are broken.
    #[arg(long, default_value_t = 50)]
    rate: u32,
    /// Only the drills whose name contains this; `none` skips all.
    #[arg(long)]
    only: Option<String>,
    /// Leave the cluster up with the demo shop, say how to play with it, and wait for Ctrl-C.
    #[arg(long)]
    stay: bool,
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    exit_code(&whole(&arguments).await)
}

/// Returns whether everything went as it must. What was made is removed whatever happens.
async fn whole(arguments: &Arguments) -> Result<bool> {
    let bed = Bed::make(arguments).await?;
    let outcome = tokio::select! {
        outcome = run(arguments, &bed) => outcome,
        _ = stop_signal() => Ok(false),
    };
    if outcome.is_err() {
        bed.tell_what_is_there().await;
    }
    let left = bed.leave().await;
    outcome.and_then(|went_well| left.map(|()| went_well))
}

async fn run(arguments: &Arguments, bed: &Bed) -> Result<bool> {
    let mut report = Report::begin();
    report.took("operator installed", bed.install().await?);
    let (shop, took) = Shop::open(bed).await?;
    report.took("shop ready", took);
    report.took("first purchase", shop.buys("6281210001001", true).await?);
    if arguments.stay {
        shop.invite(bed);
        stop_signal().await?;
        return Ok(true);
    }
    let crowd = load::Crowd::gather(&shop).await?;
    for drill in drills::all() {
        if arguments.wants(drill.name) {
            let drilled = drills::run(bed, &shop, &crowd, &drill, arguments.rate).await?;
            if !drilled.tally.is_correct() {
                bed.tell_what_is_there().await;
            }
            report.drill(drilled);
        }
    }
    if arguments.wants("restore") {
        for (step, took) in restore::run(bed, &shop).await? {
            report.took(step, took);
        }
    }
    report.print(&arguments.state.join("e2e.json"))?;
    Ok(report.is_correct())
}

impl Arguments {
    fn wants(&self, name: &str) -> bool {
        self.only
            .as_ref()
            .is_none_or(|part| name.contains(part.as_str()))
    }
}
