//! The command line.

mod audit;
mod backup;
mod dead_letters;
mod install;
mod migrate;
mod products;
mod report;
mod settings;

use std::{path::PathBuf, process::ExitCode, time::Duration};

use anyhow::Result;
use clap::{Parser, Subcommand};
use secrecy::ExposeSecret;
use sqlx::{PgPool, postgres::PgPoolOptions};

use crate::{
    config::{AdminConfig, Config, Fault, Role},
    serve, telemetry,
};

/// How long threads that block may take to end with the process.
const THREADS_LIMIT: Duration = Duration::from_secs(1);

/// The bot of one shop.
#[derive(Debug, Parser)]
#[command(name = "warung-bot", version, about)]
pub struct Cli {
    #[command(subcommand)]
    command: Verb,
    /// What is logged (as `RUST_LOG`).
    #[arg(long, env = "LOG", default_value = "info", global = true)]
    log: String,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Answer customers until told to stop.
    Serve {
        /// What this process does.
        #[arg(
            long,
            value_enum,
            value_delimiter = ',',
            default_value = "ingress,worker"
        )]
        roles: Vec<Role>,
    },
    /// Bring the database to this version's schema, and give the serving role its rights.
    Migrate(migrate::Migrate),
    /// Copy this program into a directory, for a Job in another image.
    Install {
        /// Where to.
        directory: PathBuf,
    },
    /// Products and their stock.
    #[command(subcommand)]
    Products(ProductsVerb),
    /// Re-derive every balance, reservation and payment; print each violation; end with status 1 if
    /// there is one.
    Audit,
    /// Backups of the shop: make, verify, restore, list, delete.
    #[command(subcommand)]
    Backup(backup::BackupVerb),
    /// Make a key for backups: print the secret (`BACKUP_IDENTITY`) and, in a comment, the public
    /// part (`BACKUP_RECIPIENT`).
    NewBackupKey,
    /// Messages that could not be worked on or sent.
    #[command(subcommand)]
    DeadLetters(DeadLettersVerb),
    /// The shop's settings and texts.
    #[command(subcommand)]
    Settings(SettingsVerb),
}

#[derive(Debug, Subcommand)]
enum ProductsVerb {
    /// Check a CSV file against the catalogue; with `--apply`, take it over.
    Import {
        /// Columns: sku, category, `name_id`, `name_en`, `description_id`, `description_en`, price,
        /// `reseller_price`, stock, kind (physical or digital), `weight_grams`, image (a PNG or JPEG
        /// file named relative to this one). Prices are digits alone. Rows of one category and name
        /// are variants of one product, told apart by a label behind a bar: `Kopi Gayo|250 g`. The
        /// stock is that of new products; a digital product's stock are its units. Beside the file,
        /// categories.csv (slug, `name_id`, `name_en`, emoji) may name and order the categories.
        file: PathBuf,
        /// Change the catalogue; without it every fault and change is only listed.
        #[arg(long)]
        apply: bool,
        /// Set the stock of products that the shop has, too. What was sold since the file was
        /// written comes back with it.
        #[arg(long)]
        set_stock: bool,
    },
    /// Add units of a digital product, one secret a line.
    AddUnits {
        /// Which product.
        sku: String,
        /// The secrets.
        file: PathBuf,
    },
}

#[derive(Debug, Subcommand)]
enum DeadLettersVerb {
    /// Show them.
    List,
    /// Try one again: `inbox:ID` or `outbox:ID`, or `all`.
    Retry {
        /// Which.
        which: String,
    },
}

#[derive(Debug, Subcommand)]
enum SettingsVerb {
    /// Show them.
    List,
    /// Change one.
    Set {
        /// For example `shipping.flat_fee` or `text.id.shop-closed`.
        key: String,
        /// Its value.
        value: String,
    },
}

/// Runs a command; its status is the process's: 0 done, 1 failed, 2 wrong configuration.
pub fn run(cli: Cli) -> ExitCode {
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => return failed(&error.into()),
    };
    let code = runtime.block_on(async {
        match cli.command {
            Verb::Serve { roles } => serve(&cli.log, roles).await,
            Verb::Backup(verb) => backup::run(verb).await,
            Verb::NewBackupKey => {
                backup::new_key();
                ExitCode::SUCCESS
            }
            Verb::Install { directory } => match install::run(&directory) {
                Ok(()) => ExitCode::SUCCESS,
                Err(error) => failed(&error),
            },
            verb => administer(verb).await,
        }
    });
    // A thread may still read from a program that was given up.
    runtime.shutdown_timeout(THREADS_LIMIT);
    code
}

async fn serve(log: &str, roles: Vec<Role>) -> ExitCode {
    let config = match Config::from_env() {
        Ok(config) => config,
        Err(faults) => return misconfigured(&faults),
    };
    let telemetry = telemetry::install(log, &config.shop.name, config.otlp_endpoint.as_deref());
    let _telemetry = match telemetry {
        Ok(telemetry) => telemetry,
        Err(error) => return failed(&error),
    };
    match serve::run(config, roles).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failed(&error),
    }
}

async fn administer(verb: Verb) -> ExitCode {
    let config = match AdminConfig::from_env() {
        Ok(config) => config,
        Err(faults) => return misconfigured(&faults),
    };
    match dispatch(verb, &config).await {
        Ok(code) => code,
        Err(error) => failed(&error),
    }
}

async fn dispatch(verb: Verb, config: &AdminConfig) -> Result<ExitCode> {
    if let Verb::Migrate(told) = &verb {
        return migrate::run(told, config).await;
    }
    let pool = connect(config).await?;
    match verb {
        Verb::Products(ProductsVerb::Import {
            file,
            apply,
            set_stock,
        }) => products::import(&pool, &file, apply, set_stock).await,
        Verb::Products(ProductsVerb::AddUnits { sku, file }) => {
            products::add_units(&pool, config, &sku, &file).await
        }
        Verb::Audit => audit::run(&pool, config).await,
        Verb::DeadLetters(DeadLettersVerb::List) => dead_letters::list(&pool).await,
        Verb::DeadLetters(DeadLettersVerb::Retry { which }) => {
            dead_letters::retry(&pool, &which).await
        }
        Verb::Settings(SettingsVerb::List) => settings::list(&pool).await,
        Verb::Settings(SettingsVerb::Set { key, value }) => {
            settings::set(&pool, &key, &value).await
        }
        Verb::Serve { .. }
        | Verb::Backup(_)
        | Verb::NewBackupKey
        | Verb::Install { .. }
        | Verb::Migrate(_) => {
            anyhow::bail!("this one is run elsewhere")
        }
    }
}

async fn connect(config: &AdminConfig) -> Result<PgPool> {
    Ok(PgPoolOptions::new()
        .max_connections(2)
        .connect(config.database_url.expose_secret())
        .await?)
}

fn misconfigured(faults: &[Fault]) -> ExitCode {
    for fault in faults {
        complain(&fault.to_string());
    }
    ExitCode::from(2)
}

fn failed(error: &anyhow::Error) -> ExitCode {
    complain(&format!("{error:#}"));
    ExitCode::FAILURE
}

#[expect(clippy::print_stderr, reason = "the command line speaks to a person")]
fn complain(text: &str) {
    eprintln!("warung-bot: {text}");
}

/// Prints a line for a person.
#[expect(clippy::print_stdout, reason = "the command line speaks to a person")]
fn say(line: &str) {
    println!("{line}");
}
