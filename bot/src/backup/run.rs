//! Making a backup: one snapshot is dumped, counted, sealed and kept.

use std::{collections::BTreeMap, fs::File, process::Stdio, time::Duration};

use anyhow::{Context, Result, bail, ensure};
use object_store::WriteMultipart;
use secrecy::ExposeSecret;
use sqlx::{Connection, Executor, PgConnection};
use tokio::{process::Command, sync::mpsc, time::timeout};

use super::{
    Desk, Problems,
    manifest::{FORMAT, Manifest},
    name::BackupName,
    programs::{Programs, libpq, tail},
    prune,
    seal::{self, Passed},
    tables,
};
use crate::{clock, schema};

/// Parts on their way to the store at a time. With the one being filled, this bounds memory.
const PARTS_AT_ONCE: usize = 3;
/// How long clearing up after a failure may take.
const CLEAR_UP_LIMIT: Duration = Duration::from_secs(10);
/// How long the server may keep us waiting for a connection.
const CONNECT_LIMIT: Duration = Duration::from_secs(30);
/// The first version whose `pg_dump` can leave extensions out.
const CHOOSES_EXTENSIONS: u32 = 14;
/// The first version whose servers notice a client that is gone while they work.
const CHECKS_CLIENTS: u32 = 14;

/// A backup that was made.
#[derive(Debug)]
pub struct Done {
    /// What is known of it.
    pub manifest: Manifest,
    /// What was deleted since.
    pub pruned: Vec<BackupName>,
    /// Why not everything could be deleted. The backup is good all the same.
    pub prune_error: Option<anyhow::Error>,
}

/// What is known of the server before anything is dumped.
struct Server {
    major: u32,
    version: String,
    lsn: Option<String>,
    schema_version: i64,
    /// Extensions that any owner can create again.
    extensions: Vec<String>,
}

/// Makes a backup, and then deletes what retention lets go.
///
/// # Errors
/// Anything but a failed deletion; nothing half-made is left where that can be helped.
pub async fn run(desk: &Desk) -> Result<Done> {
    let manifest = make(desk).await?;
    let pruning = desk
        .deadline
        .within("deleting old backups", prune::prune(desk));
    let (pruned, prune_error) = match pruning.await {
        Ok(done) if done.unreadable.is_empty() => (done.names, None),
        Ok(done) => (done.names, Some(Problems(done.unreadable).into())),
        Err(error) => (Vec::new(), Some(error)),
    };
    Ok(Done {
        manifest,
        pruned,
        prune_error,
    })
}

async fn make(desk: &Desk) -> Result<Manifest> {
    let config = &desk.config;
    let programs = Programs::find(config.programs.as_deref(), &config.path)?;
    let (mut connection, server) = desk.deadline.within("connecting", connect(desk)).await?;
    let client = programs.same_as("pg_dump", server.major).await?;
    ensure!(
        server.schema_version > 0,
        "there is no shop in this database: it was never migrated"
    );
    let name = BackupName::new(desk.clock.now(), clock::random());
    let started_at = desk.clock.now();
    let snapshot: String = sqlx::query_scalar("SELECT pg_export_snapshot()")
        .fetch_one(&mut connection)
        .await?;
    let mut command = pg_dump(desk, &programs, &server, &snapshot)?;
    if client.major >= CHOOSES_EXTENSIONS {
        // The others need a superuser, whom a restore does not have.
        let trusted = server.extensions.iter();
        command.args(trusted.map(|name| format!("--extension={name}")));
    }
    let (kept, rows) = tokio::join!(
        keep(desk, &name, command),
        desk.deadline.within("counting rows", async {
            Ok(tables::count(&mut connection).await?)
        })
    );
    let made = async {
        let (passed, tables) = (kept?, rows?);
        connection.close().await?;
        let manifest = describe(desk, name.clone(), started_at, passed, tables, server);
        let manifest = Manifest {
            client_version: client.text,
            ..manifest
        };
        let commit = desk.depot.commit(&manifest);
        desk.deadline.within("writing the manifest", commit).await?;
        Ok(manifest)
    };
    let made = made.await;
    if made.is_err() {
        // Without a manifest it is no backup; what cannot be removed now, retention removes later.
        let _ = timeout(CLEAR_UP_LIMIT, desk.depot.remove(&name)).await;
    }
    made
}

/// Opens the transaction whose snapshot is dumped and counted.
async fn connect(desk: &Desk) -> Result<(PgConnection, Server)> {
    let url = desk
        .config
        .database_url
        .as_ref()
        .context("DATABASE_URL is missing")?;
    let connecting = timeout(CONNECT_LIMIT, PgConnection::connect(url.expose_secret()));
    let mut connection = connecting
        .await
        .context("the database does not answer")?
        .context("connect to the database")?;
    // A server may have limits for the shop's own sessions.
    for setting in ["statement_timeout", "idle_in_transaction_session_timeout"] {
        sqlx::query("SELECT set_config($1, '0', false)")
            .bind(setting)
            .execute(&mut connection)
            .await?;
    }
    let schema_version = schema::version(&mut connection).await?;
    connection
        .execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        .await?;
    let (number, version, lsn): (i32, String, Option<String>) = sqlx::query_as(
        "SELECT current_setting('server_version_num')::int, current_setting('server_version'),
                CASE WHEN NOT pg_is_in_recovery() THEN pg_current_wal_lsn()::text END",
    )
    .fetch_one(&mut connection)
    .await?;
    let extensions = sqlx::query_scalar(
        "SELECT e.extname::text FROM pg_extension e
         JOIN pg_available_extension_versions v ON v.name = e.extname AND v.version = e.extversion
         WHERE v.trusted AND e.extname <> 'plpgsql' ORDER BY 1",
    )
    .fetch_all(&mut connection)
    .await?;
    let server = Server {
        major: u32::try_from(number / 10_000)?,
        version,
        lsn,
        schema_version,
        extensions,
    };
    Ok((connection, server))
}

fn pg_dump(desk: &Desk, programs: &Programs, server: &Server, snapshot: &str) -> Result<Command> {
    let url = desk
        .config
        .database_url
        .as_ref()
        .context("DATABASE_URL is missing")?;
    let mut command = programs.command("pg_dump");
    command.envs(libpq(url)?);
    if server.major >= CHECKS_CLIENTS {
        // Killed by the deadline, it must not go on at the server.
        command.env("PGOPTIONS", "-c client_connection_check_interval=10s");
    }
    command.args([
        "--format=custom",
        "--no-password",
        "--no-owner",
        "--no-privileges",
    ]);
    command.args(["--no-publications", "--no-subscriptions"]);
    command.arg(format!("--snapshot={snapshot}"));
    Ok(command)
}

/// Runs the dump into the depot.
async fn keep(desk: &Desk, name: &BackupName, command: Command) -> Result<Passed> {
    let begin = async {
        let upload = desk.depot.begin(name).await;
        upload.context("begin the upload")
    };
    let mut upload = desk.deadline.within("beginning the upload", begin).await?;
    let pouring = pour(desk, command, &mut upload);
    match desk.deadline.within("dumping the database", pouring).await {
        Ok(passed) => {
            let finish = async {
                upload.finish().await.context("finish the upload")?;
                Ok(passed)
            };
            desk.deadline.within("finishing the upload", finish).await
        }
        Err(error) => {
            let _ = timeout(CLEAR_UP_LIMIT, upload.abort()).await;
            Err(error)
        }
    }
}

async fn pour(desk: &Desk, mut command: Command, upload: &mut WriteMultipart) -> Result<Passed> {
    let recipient = desk
        .config
        .recipient
        .clone()
        .context("BACKUP_RECIPIENT is missing")?;
    let mut child = command
        .stdout(Stdio::piped())
        .spawn()
        .context("start pg_dump")?;
    let output = child.stdout.take().context("pg_dump has no output")?;
    let output = File::from(output.into_owned_fd()?);
    let complaint = tokio::spawn(tail(child.stderr.take()));
    let (sender, mut pieces) = mpsc::channel(seal::QUEUE_PIECES);
    let sealing = tokio::task::spawn_blocking(move || seal::seal(output, &recipient, sender));
    while let Some(piece) = pieces.recv().await {
        let room = upload.wait_for_capacity(PARTS_AT_ONCE).await;
        room.context("keep the data")?;
        upload.put(piece);
    }
    let sealed = sealing.await?;
    let status = child.wait().await?;
    if !status.success() {
        bail!("pg_dump failed ({status}): {}", complaint.await?.trim());
    }
    sealed.context("seal the archive")
}

fn describe(
    desk: &Desk,
    backup: BackupName,
    started_at: chrono::DateTime<chrono::Utc>,
    passed: Passed,
    tables: BTreeMap<String, i64>,
    server: Server,
) -> Manifest {
    let recipient = desk.config.recipient.as_ref();
    Manifest {
        format: FORMAT,
        shop: desk.shop.clone(),
        backup,
        started_at,
        finished_at: desk.clock.now(),
        bytes: passed.cipher_bytes,
        cipher_sha256: passed.cipher_sha256,
        plain_bytes: passed.plain_bytes,
        plain_sha256: passed.plain_sha256,
        key_id: recipient.map(ToString::to_string).unwrap_or_default(),
        server_version: server.version,
        client_version: String::new(),
        schema_version: server.schema_version,
        lsn: server.lsn,
        tables,
    }
}
