//! One bounded connection, and what its failures mean.

use std::io;
use std::time::Duration;

use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions as _, Connection as _, PgConnection};
use tokio::time::timeout;

use super::Looked;
use crate::conditions::{Finding, Reason, Truth};
use crate::lease::{Leadership, LostLeadership};

/// How long a whole look may take, and all that is done in it.
pub const PASS: Duration = Duration::from_secs(30);
/// How long a connection may take to be made, with TLS and password.
const CONNECT: Duration = Duration::from_secs(5);
/// How long a goodbye may take; without it the server notes a broken connection.
const CLOSE: Duration = Duration::from_secs(1);

/// A server, and how messages name it.
pub(super) struct Server {
    pub(super) options: PgConnectOptions,
    /// Such as `PostgreSQL at db:5432 (key url of Secret toko-db)`.
    pub(super) name: String,
}

/// Why a look ended early.
pub(super) enum Stopped {
    /// With this to say.
    Found(Finding),
    /// Somebody else leads.
    Lost(LostLeadership),
}

impl From<LostLeadership> for Stopped {
    fn from(lost: LostLeadership) -> Self {
        Self::Lost(lost)
    }
}

impl Server {
    pub(super) async fn connect(&self, leadership: &Leadership) -> Result<PgConnection, Stopped> {
        leadership.check()?;
        // What is asked is no news, and no log of ours shows a verifier.
        let options = self.options.clone().disable_statement_logging();
        match timeout(CONNECT, PgConnection::connect_with(&options)).await {
            Ok(Ok(connection)) => Ok(connection),
            Ok(Err(error)) => Err(Stopped::Found(self.fault(&error))),
            Err(_) => {
                let why = format!("does not answer within {} s", CONNECT.as_secs());
                Err(self.not_ready(Reason::Unreachable, &why))
            }
        }
    }

    /// What a failed connection or query means.
    pub(super) fn fault(&self, error: &sqlx::Error) -> Finding {
        let (reason, why) = meaning(error);
        finding(reason, format!("{} {why}", self.name))
    }

    pub(super) fn not_ready(&self, reason: Reason, why: &str) -> Stopped {
        Stopped::Found(finding(reason, format!("{} {why}", self.name)))
    }

    pub(super) fn failed(&self, error: &sqlx::Error) -> Stopped {
        Stopped::Found(self.fault(error))
    }
}

/// Says goodbye; a server that does not listen is left.
pub(super) async fn close(connection: PgConnection) {
    let _ = timeout(CLOSE, connection.close()).await;
}

/// Ends a look in time and turns it into a finding.
pub(super) async fn within_pass(
    name: &str,
    looking: impl Future<Output = Result<Looked, Stopped>>,
) -> Result<Looked, LostLeadership> {
    match timeout(PASS, looking).await {
        Ok(Ok(looked)) => Ok(looked),
        Ok(Err(Stopped::Found(finding))) => Ok(finding.into()),
        Ok(Err(Stopped::Lost(lost))) => Err(lost),
        Err(_) => {
            let seconds = PASS.as_secs();
            let why = format!("{name} does not answer what it is asked within {seconds} s");
            Ok(finding(Reason::Unreachable, why).into())
        }
    }
}

pub(super) fn finding(reason: Reason, message: String) -> Finding {
    Finding {
        truth: Truth::from(reason == Reason::Connected),
        reason,
        message,
    }
}

fn meaning(error: &sqlx::Error) -> (Reason, String) {
    match error {
        sqlx::Error::Database(database) => {
            let code = database.code().unwrap_or_default();
            let said = database.message();
            match &*code {
                "28P01" | "28000" => (
                    Reason::AuthenticationFailed,
                    format!("refuses the role or its password: {said}"),
                ),
                "3D000" => (Reason::DatabaseMissing, format!("lacks it: {said}")),
                "42501" => (Reason::RightsMissing, format!("refuses: {said}")),
                "53300" => (
                    Reason::TooManyConnections,
                    format!("has no connection left: {said}"),
                ),
                "57P03" => (Reason::Starting, format!("is not ready yet: {said}")),
                _ => (Reason::Unreachable, format!("fails ({code}): {said}")),
            }
        }
        sqlx::Error::Tls(why) => (
            Reason::TlsFailed,
            format!("cannot be spoken to over TLS: {}", chain(&**why)),
        ),
        // A certificate that is refused comes as an error of the stream.
        sqlx::Error::Io(io) if io.kind() == io::ErrorKind::InvalidData => (
            Reason::TlsFailed,
            format!("cannot be spoken to over TLS: {}", chain(io)),
        ),
        sqlx::Error::Io(io) => (
            Reason::Unreachable,
            format!("cannot be reached: {}", chain(io)),
        ),
        other => (Reason::Unreachable, format!("fails: {}", chain(other))),
    }
}

/// An error with its causes, none said twice.
fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let more = cause.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        source = cause.source();
    }
    text
}
