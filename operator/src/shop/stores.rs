//! The shop's PostgreSQL and Redis as one look at a shop sees them.

use anyhow::Result;
use rand::rngs::StdRng;
use serde_json::Value;

use super::{Credentials, Found, Validated};
use crate::conditions::{Finding, Reason, Truth};
use crate::context::Context;
use crate::database::{self, Authority, Looked, Managed};

/// Port of PostgreSQL.
const POSTGRES_PORT: u16 = 5432;

/// Looks whether PostgreSQL can serve; makes roles and database in one that we run.
///
/// # Errors
/// When we no longer lead.
pub async fn database(
    ctx: &Context,
    shop: &Validated,
    found: &Found,
    credentials: &Credentials,
) -> Result<Looked> {
    let spec = &shop.spec.database;
    if let Some(external) = &spec.external {
        let looked = database::external(external, &found.secrets, &ctx.leadership).await?;
        return Ok(looked);
    }
    let Some(made) = &credentials.database else {
        return Ok(starting("the database has no credentials yet").into());
    };
    let (host, authority, max_connections) = if let Some(managed) = &spec.managed {
        let set = found.child("StatefulSet", &shop.names.postgres());
        if let Some(waits) = not_started(set) {
            return Ok(waits.into());
        }
        let authority = Authority::Certificate(&made.ca_certificate);
        (
            shop.names.postgres_host(),
            authority,
            managed.max_connections,
        )
    } else {
        let cluster = found.child("Cluster", &shop.names.postgres());
        if let Err(waits) = database::cloud_native_pg(found.kinds.cloud_native_pg, cluster) {
            return Ok(waits.into());
        }
        (
            shop.names.cnpg_host(),
            Authority::Unproved,
            CNPG_CONNECTIONS,
        )
    };
    let server = Managed {
        host: &host,
        port: POSTGRES_PORT,
        authority,
        credentials: made,
        max_connections,
    };
    let mut random: StdRng = rand::make_rng();
    let looked = database::managed(&server, &ctx.leadership, &mut random).await?;
    Ok(looked)
}

/// `max_connections` of CloudNativePG's servers, which nobody sets: PostgreSQL's default.
const CNPG_CONNECTIONS: i32 = 100;

/// A server whose pod is not ready is not asked.
fn not_started(set: Option<&Value>) -> Option<Finding> {
    let ready = set.and_then(|set| set["status"]["readyReplicas"].as_i64());
    if ready.unwrap_or(0) > 0 {
        return None;
    }
    Some(starting("PostgreSQL's pod is not ready yet"))
}

fn starting(message: &str) -> Finding {
    Finding {
        truth: Truth::False,
        reason: Reason::Starting,
        message: message.to_owned(),
    }
}
