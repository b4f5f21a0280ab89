//! `warung-bot products`: a catalogue from a CSV file, and units of digital products.

use std::{path::Path, process::ExitCode};

use anyhow::{Context, Result, bail, ensure};
use sqlx::{Connection, PgConnection, PgPool};
use warung_domain::catalog::{ProductKind, Sku};

use super::say;
use crate::{
    clock::Clock,
    config::AdminConfig,
    import::{
        self, Catalogue, Fault, Refused,
        plan::{Change, Plan, plan},
    },
    store::{imports, units},
    vault::Vault,
};

/// Who changed the stock, in its movements.
const ACTOR: &str = "cli";
/// Rows of a report that are named one by one.
const NAMED_ROWS: usize = 200;

/// Checks a catalogue against the shop's; with `apply`, takes it over whole or not at all. With
/// `set_stock` its stock replaces what is on hand of products that the shop has.
pub(super) async fn import(
    pool: &PgPool,
    file: &Path,
    apply: bool,
    set_stock: bool,
) -> Result<ExitCode> {
    let catalogue = match import::read(file) {
        Ok(catalogue) => catalogue,
        Err(Refused::Faulty(faults)) => return Ok(refused(&faults)),
        Err(error) => return Err(error.into()),
    };
    let name = file.file_name().unwrap_or(file.as_os_str());
    let name = name.to_string_lossy();
    let mut connection = pool.acquire().await?;
    let mut tx = connection.begin().await?;
    imports::lock(&mut tx).await?;
    let planned = match compare(&mut tx, &catalogue, &name, set_stock).await? {
        Ok(planned) => planned,
        Err(faults) => return Ok(refused(&faults)),
    };
    report(&catalogue, &planned);
    if apply {
        imports::apply(&mut tx, &catalogue, &planned, ACTOR, Clock::system().now()).await?;
        tx.commit().await?;
        say("the catalogue was taken over");
    } else {
        say("nothing was changed: --apply takes it over");
    }
    Ok(ExitCode::SUCCESS)
}

async fn compare(
    connection: &mut PgConnection,
    catalogue: &Catalogue,
    file: &str,
    set_stock: bool,
) -> Result<Result<Plan, Vec<Fault>>> {
    let existing = imports::existing(connection, &catalogue.rows).await?;
    let products = imports::products(connection, &catalogue.rows).await?;
    Ok(plan(catalogue, file, &existing, &products, set_stock))
}

fn refused(faults: &[Fault]) -> ExitCode {
    for fault in faults {
        say(&fault.to_string());
    }
    say(&format!("{} faults, nothing was changed", faults.len()));
    ExitCode::FAILURE
}

fn report(catalogue: &Catalogue, plan: &Plan) {
    let (mut new, mut changed, mut unchanged) = (0, 0, 0);
    for (row, change) in catalogue.rows.iter().zip(&plan.changes) {
        let line = match change {
            Change::New => {
                new += 1;
                format!("new      {}  {}", row.sku, row.name_id)
            }
            Change::Changed(columns) => {
                changed += 1;
                format!("changed  {}  {}", row.sku, columns.join(", "))
            }
            Change::Unchanged => {
                unchanged += 1;
                continue;
            }
        };
        if new + changed <= NAMED_ROWS {
            say(&line);
        }
    }
    let unnamed = (new + changed).saturating_sub(NAMED_ROWS);
    if unnamed > 0 {
        say(&format!("and {unnamed} more"));
    }
    say(&format!(
        "{new} new, {changed} changed, {unchanged} unchanged"
    ));
    if plan.stocks_kept > 0 {
        say(&format!(
            "{} have another stock than the file says, and keep it: --set-stock sets it",
            plan.stocks_kept
        ));
    }
}

/// Adds units of a digital product, one secret a line; those known already are passed over, so that
/// the same file can be given again.
pub(super) async fn add_units(
    pool: &PgPool,
    config: &AdminConfig,
    sku: &str,
    file: &Path,
) -> Result<ExitCode> {
    let key = config
        .data_key
        .as_ref()
        .context("DATA_KEY is needed to seal units")?;
    let sku = Sku::parse(sku).with_context(|| format!("{sku} is no product code"))?;
    let text =
        std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
    let secrets: Vec<String> = text
        .trim_start_matches('\u{feff}')
        .lines()
        .map(|line| line.trim().to_owned())
        .filter(|line| !line.is_empty())
        .collect();
    let too_long = |secret: &String| secret.len() > units::MAX_SECRET_BYTES;
    if let Some(index) = secrets.iter().position(too_long) {
        bail!(
            "unit {} has more than {} bytes",
            index + 1,
            units::MAX_SECRET_BYTES
        );
    }
    let mut connection = pool.acquire().await?;
    let mut tx = connection.begin().await?;
    let target = units::target(&mut tx, &sku)
        .await?
        .with_context(|| format!("there is no product {sku}"))?;
    ensure!(
        target.kind == ProductKind::Digital,
        "{sku} is not digital: its stock is a number, not units"
    );
    let (vault, now) = (Vault::new(key), Clock::system().now());
    let added = units::add(&mut tx, &vault, target.variant_id, &secrets, ACTOR, now).await?;
    tx.commit().await?;
    for unit in &added.duplicates {
        say(&format!("unit {unit} is known already"));
    }
    say(&format!(
        "{sku}: {} units added, {} known already",
        added.added,
        added.duplicates.len()
    ));
    Ok(ExitCode::SUCCESS)
}
