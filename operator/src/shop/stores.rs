//! The shop's PostgreSQL and Redis as one look at a shop sees them.

use anyhow::Result;
use rand::rngs::StdRng;

use super::names::{Names, keys};
use super::{Credentials, Found, Validated, stuck};
use crate::conditions::{Finding, Reason, Truth};
use crate::context::Context;
use crate::database::{self, Looked, Managed};

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
        if let Some(waits) = stuck::look_after(ctx, &shop.names, found).await? {
            return Ok(waits.into());
        }
        let authority = made.ca_certificate.clone();
        let host = shop.names.postgres_host();
        (host, authority, managed.max_connections)
    } else {
        let cluster = found.child("Cluster", &shop.names.postgres());
        if let Err(waits) = database::cloud_native_pg(found.kinds.cloud_native_pg, cluster) {
            return Ok(waits.into());
        }
        let Some(authority) = cnpg_authority(&shop.names, found) else {
            let message = format!(
                "Secret {} of CloudNativePG has no certificate of its authority under ca.crt yet",
                shop.names.cnpg_ca()
            );
            return Ok(starting(&message).into());
        };
        let wanted = spec.cloud_native_pg.as_ref();
        let most = wanted.map_or(0, |wanted| wanted.max_connections);
        (shop.names.cnpg_host(), authority, most)
    };
    let server = Managed {
        host: &host,
        port: POSTGRES_PORT,
        authority: &authority,
        credentials: made,
        max_connections,
    };
    let mut random: StdRng = rand::make_rng();
    let looked = database::managed(&server, &ctx.leadership, &mut random).await?;
    Ok(looked)
}

/// The authority that CloudNativePG made for its servers, in PEM.
fn cnpg_authority(names: &Names, found: &Found) -> Option<String> {
    let secret = found.secrets.get(&names.cnpg_ca())?.as_ref()?;
    let pem = secret.get(keys::CA_CERTIFICATE)?;
    let pem = std::str::from_utf8(pem).ok()?.trim();
    (!pem.is_empty()).then(|| pem.to_owned())
}

fn starting(message: &str) -> Finding {
    Finding {
        truth: Truth::False,
        reason: Reason::Starting,
        message: message.to_owned(),
    }
}
