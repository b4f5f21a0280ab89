//! `warung-bot migrate`.

use std::process::ExitCode;

use anyhow::{Result, ensure};
use serde::Serialize;
use sqlx::PgPool;

use super::{
    report::{ReportTo, shorten, spoken},
    say,
};
use crate::{
    config::AdminConfig,
    schema::{self, Migrated},
};

/// What `migrate` is told.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct Migrate {
    /// The role that serves the shop: it gets what it needs of each table and nothing more.
    #[arg(long, env = "MIGRATE_GRANT_TO", value_name = "ROLE")]
    grant_to: Option<String>,
    #[command(flatten)]
    report: ReportTo,
}

#[derive(Serialize)]
struct Report {
    kind: &'static str,
    version: i64,
    applied: i64,
    error: Option<String>,
}

/// Migrates and grants; says so, and reports it either way.
pub(super) async fn run(told: &Migrate, config: &AdminConfig) -> Result<ExitCode> {
    let done = async {
        let pool = super::connect(config).await?;
        apply(&pool, told.grant_to.as_deref()).await
    };
    let done = done.await;
    let (migrated, error) = match &done {
        Ok(migrated) => (*migrated, None),
        Err(error) => (
            Migrated {
                version: 0,
                applied: 0,
            },
            Some(shorten(&spoken(error))),
        ),
    };
    told.report.write(&Report {
        kind: "migrate",
        version: migrated.version,
        applied: migrated.applied,
        error,
    });
    done?;
    Ok(ExitCode::SUCCESS)
}

async fn apply(pool: &PgPool, role: Option<&str>) -> Result<Migrated> {
    let migrated = schema::migrate(pool).await?;
    if migrated.is_ahead() {
        say(&format!(
            "the database is at migration {}, this version knows {}: it can serve it, and changes \
             nothing",
            migrated.version,
            schema::newest_known()
        ));
        if let Some(role) = role {
            // What tables that we do not know need only a newer version can say.
            ensure!(
                schema::is_granted(pool, role).await?,
                "{role} has no rights in this database, and this version is too old to give them: \
                 run `migrate --grant-to {role}` by the version that knows migration {}",
                migrated.version
            );
        }
        return Ok(migrated);
    }
    say("the database is up to date");
    if let Some(role) = role {
        schema::grant(pool, role).await?;
        say(&format!("{role} may serve it"));
    }
    Ok(migrated)
}
