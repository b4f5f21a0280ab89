//! Restoring into the shop's own database: all of it in one transaction, so that whatever fails
//! leaves what was there before.
//!
//! Everything but the COMMIT may be given up at any time. Once that is sent there are three answers:
//! it was done, it was refused, or none came. Then the mark that the transaction leaves is looked
//! for ([`super::mark`]), and only if that cannot be seen either, the end is [`Unclear`].

use std::{collections::BTreeMap, fs, path::Path, process::Stdio, time::Duration};

use anyhow::{Context, Result, bail, ensure};
use secrecy::{ExposeSecret, SecretString};
use sqlx::{Connection, Executor, PgConnection};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines},
    process::{Child, ChildStdin, ChildStdout, Command},
    task::JoinHandle,
    time::{Instant, sleep, timeout},
};

use super::{
    Desk,
    depot::Entry,
    fetch::fetch,
    manifest::Manifest,
    mark::{self, CONNECT_LIMIT, Unclear},
    programs::{Programs, libpq, run, tail},
    verify::major,
};

/// How long the COMMIT may take. It has next to nothing left to do.
const COMMIT_LIMIT: Duration = Duration::from_mins(1);
/// How long we go on asking whether it was done when its answer was lost.
const SETTLE_LIMIT: Duration = Duration::from_mins(2);
/// Pause between two such questions.
const SETTLE_INTERVAL: Duration = Duration::from_secs(2);
/// The status of psql where the server refused a statement, as opposed to a lost connection.
const REFUSED: i32 = 3;
/// What psql prints when all but the COMMIT is done.
const COUNTED: &str = "counted";
/// And after it.
const COMMITTED: &str = "committed";
/// What a try says that finds the work of another one of the same id done.
const DONE_ALREADY: &str = "this restore was done already";
/// What a try says while another one holds the lock.
const ANOTHER_AT_WORK: &str = "another restore is at work in this database";

/// Before anything else: a server may have limits for the shop's own sessions, and one whose client
/// is gone must notice it soon. Of tries that overlap only one goes on, and none repeats what another
/// did. `LOCK` is a number, `BY_ID` the end of a mark.
const BEGIN: &str = "
SET statement_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET tcp_keepalives_idle = 30;
SET tcp_keepalives_interval = 10;
SET tcp_keepalives_count = 3;
BEGIN;
DO $begin$
BEGIN
    IF NOT pg_try_advisory_xact_lock(LOCK) THEN
        RAISE EXCEPTION 'another restore is at work in this database';
    END IF;
    IF EXISTS (SELECT FROM pg_class c WHERE c.relname = '_sqlx_migrations'
               AND right(obj_description(c.oid, 'pg_class'), length('BY_ID')) = 'BY_ID') THEN
        RAISE EXCEPTION 'this restore was done already';
    END IF;
END $begin$;
";

/// Drops what a dump would bring. Extensions, and what they brought, stay: they may be somebody
/// else's. A bot that still runs holds locks; it is waited for, but not for long.
const DROP_ALL: &str = "
SET LOCAL lock_timeout = '30s';
DO $drop$
DECLARE
    statement text;
BEGIN
    FOR statement IN
        SELECT format('DROP SCHEMA IF EXISTS %I CASCADE', n.nspname)
        FROM pg_namespace n
        WHERE n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'public')
          AND NOT EXISTS (SELECT FROM pg_depend d JOIN pg_extension e ON d.refobjid = n.oid
                          AND d.objid = e.oid AND d.classid = 'pg_extension'::regclass)
          AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_namespace'::regclass
                          AND d.objid = n.oid AND d.deptype = 'e')
        UNION ALL
        SELECT format('DROP %s IF EXISTS %I.%I CASCADE', CASE c.relkind
                      WHEN 'v' THEN 'VIEW' WHEN 'm' THEN 'MATERIALIZED VIEW'
                      WHEN 'S' THEN 'SEQUENCE' WHEN 'f' THEN 'FOREIGN TABLE'
                      WHEN 'c' THEN 'TYPE' ELSE 'TABLE' END, n.nspname, c.relname)
        FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE n.nspname = 'public' AND c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S', 'c')
          AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass
                          AND d.objid = c.oid AND d.deptype IN ('e', 'i'))
        UNION ALL
        SELECT format('DROP ROUTINE IF EXISTS %I.%I(%s) CASCADE', n.nspname, p.proname,
                      pg_get_function_identity_arguments(p.oid))
        FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
        WHERE n.nspname = 'public'
          AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_proc'::regclass
                          AND d.objid = p.oid AND d.deptype = 'e')
        UNION ALL
        SELECT format('DROP TYPE IF EXISTS %I.%I CASCADE', n.nspname, t.typname)
        FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace
        WHERE n.nspname = 'public' AND t.typtype IN ('e', 'd', 'r')
          AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_type'::regclass
                          AND d.objid = t.oid AND d.deptype IN ('e', 'i'))
    LOOP
        EXECUTE statement;
    END LOOP;
END $drop$;
";

/// Counts what was restored before it is committed, and leaves the mark. `EXPECTED` is JSON, its
/// quotes doubled twice; `MARK` has none.
const COUNT_AND_MARK: &str = "
DO '
DECLARE
    expected jsonb := ''EXPECTED'';
    found jsonb := ''{}'';
    place text;
    rows bigint;
BEGIN
    FOR place IN
        SELECT format(''%I.%I'', n.nspname, c.relname)
        FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE c.relkind = ''r'' AND c.relpersistence <> ''t''
          AND n.nspname !~ ''^pg_'' AND n.nspname <> ''information_schema''
          AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = ''pg_class''::regclass
                          AND d.objid = c.oid AND d.deptype = ''e'')
    LOOP
        EXECUTE ''SELECT count(*) FROM ONLY '' || place INTO rows;
        found := found || jsonb_build_object(place, rows);
    END LOOP;
    IF found <> expected THEN
        RAISE EXCEPTION ''the rows restored are not those of the manifest: %'', found;
    END IF;
    FOR place IN
        SELECT format(''%I.%I'', n.nspname, c.relname)
        FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE c.relname = ''_sqlx_migrations'' AND c.relkind = ''r'' AND n.nspname !~ ''^pg_''
    LOOP
        EXECUTE format(''COMMENT ON TABLE %s IS %L'', place, ''MARK'');
    END LOOP;
END ';
";

/// Entries of an archive that only the owner of an extension may restore.
const OF_EXTENSIONS: &str = " COMMENT - EXTENSION ";

/// A restore that was committed.
#[derive(Debug)]
pub struct Restored {
    /// Rows that came back.
    pub rows: i64,
    /// What did not go well afterwards. The data are back all the same.
    pub warning: Option<String>,
}

/// Restores a backup into `DATABASE_URL`. `id` tells this restore from others; tries of one restore
/// have the same.
///
/// # Errors
/// [`Unclear`] where nobody knows how it ended. With any other the database is as it was before.
pub async fn restore(desk: &Desk, entry: &Entry, replace: bool, id: &str) -> Result<Restored> {
    let manifest = entry.manifest()?;
    ensure!(
        manifest.schema_version > 0,
        "{} has no shop in it: its database was never migrated",
        entry.name
    );
    let url = desk.config.database_url.as_ref();
    let url = url.context("DATABASE_URL is missing")?;
    let preparing = prepare(desk, url, manifest, replace, id);
    let outcome = match desk.deadline.within("restoring", preparing).await {
        Ok(session) => session.commit().await,
        Err(error) => outcome_of(error),
    };
    match outcome {
        Outcome::Committed => {}
        Outcome::Refused(error) => return Err(error),
        Outcome::Lost(error) => settle(desk, url, id, error).await?,
    }
    let analyzing = desk.deadline.within("analyzing", analyze(url)).await;
    let warning = analyzing.err().map(|error| {
        format!("the planner knows nothing of the new tables, ANALYZE failed: {error:#}")
    });
    Ok(Restored {
        rows: manifest.rows(),
        warning,
    })
}

/// How a transaction ended.
enum Outcome {
    Committed,
    /// It was rolled back.
    Refused(anyhow::Error),
    /// Either.
    Lost(anyhow::Error),
}

/// A try that another one of the same restore overtook has not failed, or cannot know.
fn outcome_of(error: anyhow::Error) -> Outcome {
    let said = format!("{error:#}");
    if said.contains(DONE_ALREADY) {
        Outcome::Committed
    } else if said.contains(ANOTHER_AT_WORK) {
        Outcome::Lost(error)
    } else {
        Outcome::Refused(error)
    }
}

/// Finds out whether a transaction whose end is not known was committed.
async fn settle(desk: &Desk, url: &SecretString, id: &str, lost: anyhow::Error) -> Result<()> {
    let until = Instant::now() + SETTLE_LIMIT;
    let asking = async {
        loop {
            match mark::look(url, id).await {
                Ok(found) => return Ok(found),
                Err(error) if Instant::now() > until => return Err(error),
                Err(_) => sleep(SETTLE_INTERVAL).await,
            }
        }
    };
    match desk.deadline.within("finding out", asking).await {
        Ok(Some(_)) => Ok(()),
        Ok(None) => Err(lost.context("the restore was rolled back, the database is as it was")),
        Err(error) => {
            let id = id.to_owned();
            Err(error.context(format!("{lost:#}")).context(Unclear { id }))
        }
    }
}

async fn analyze(url: &SecretString) -> Result<()> {
    let connecting = timeout(CONNECT_LIMIT, PgConnection::connect(url.expose_secret()));
    let mut connection = connecting.await.context("the database does not answer")??;
    connection.execute("ANALYZE").await?;
    connection.close().await?;
    Ok(())
}

/// Does everything but the COMMIT.
async fn prepare(
    desk: &Desk,
    url: &SecretString,
    manifest: &Manifest,
    replace: bool,
    id: &str,
) -> Result<Session> {
    let config = &desk.config;
    let programs = Programs::find(config.programs.as_deref(), &config.path)?;
    let connecting = timeout(CONNECT_LIMIT, PgConnection::connect(url.expose_secret()));
    let connection = connecting.await.context("the database does not answer")?;
    let mut connection = connection.context("connect to the database")?;
    let number: i32 = sqlx::query_scalar("SELECT current_setting('server_version_num')::int")
        .fetch_one(&mut connection)
        .await?;
    for program in ["pg_restore", "psql"] {
        let server = u32::try_from(number / 10_000)?;
        programs.same_as(program, server).await?;
        let archive = major(manifest)?;
        programs.at_least(program, archive, "the backup").await?;
    }
    refuse_what_is_in_the_way(&mut connection, replace).await?;
    connection.close().await?;
    let scratch = tempfile::Builder::new()
        .prefix("warung-archive-")
        .tempdir_in(&config.scratch)
        .with_context(|| format!("make a folder in {}", config.scratch.display()))?;
    let archive = scratch.path().join("archive");
    fetch(desk, manifest, &archive).await?;
    let list = list_entries(&programs, &archive, &scratch.path().join("list")).await?;
    let mut psql = programs.command("psql");
    // Rows that statements return are nothing to us; what is echoed comes all the same.
    psql.envs(libpq(url)?)
        .args(["--no-psqlrc", "--quiet", "--no-password"])
        .args(["--set=ON_ERROR_STOP=1", "--output=/dev/null", "--file=-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    let mut pg_restore = programs.command("pg_restore");
    pg_restore
        .args(["--file=-", "--no-owner", "--no-privileges", "--use-list"])
        .arg(&list)
        .arg(&archive)
        .stdout(Stdio::piped());
    let name = format!("{}/{}", desk.shop, manifest.backup);
    let frame = Frame::new(&name, id, &manifest.tables)?;
    Session::fill(psql, pg_restore, &frame).await
}

async fn refuse_what_is_in_the_way(connection: &mut PgConnection, replace: bool) -> Result<()> {
    let tables = super::tables::tables(connection).await?;
    ensure!(
        replace || tables.is_empty(),
        "the database is not empty: it has {} tables, {} among them; --replace drops them",
        tables.len(),
        tables.first().map_or("", String::as_str),
    );
    Ok(())
}

/// Writes down what of the archive is restored.
async fn list_entries(
    programs: &Programs,
    archive: &Path,
    list: &Path,
) -> Result<std::path::PathBuf> {
    let mut command = programs.command("pg_restore");
    command.arg("--list").arg("--file").arg(list).arg(archive);
    run(&mut command, "pg_restore --list").await?;
    let entries = fs::read_to_string(list)?;
    let kept: Vec<&str> = entries
        .lines()
        .filter(|line| !line.contains(OF_EXTENSIONS))
        .collect();
    fs::write(list, kept.join("\n") + "\n")?;
    Ok(list.to_owned())
}

/// What is said to the database before the archive and after it.
struct Frame {
    before: String,
    after: String,
}

impl Frame {
    fn new(backup: &str, id: &str, expected: &BTreeMap<String, i64>) -> Result<Self> {
        let begin = BEGIN
            .replace("LOCK", &mark::LOCK.to_string())
            .replace("BY_ID", &format!(" by {id}"));
        let expected = serde_json::to_string(expected)?.replace('\'', "''''");
        let end = COUNT_AND_MARK
            .replace("EXPECTED", &expected)
            .replace("MARK", &mark::text(backup, id));
        Ok(Self {
            before: begin + DROP_ALL,
            after: format!("{end}\\echo {COUNTED}\n"),
        })
    }
}

/// A transaction with everything in it that a backup has. Dropped, it is rolled back.
struct Session {
    psql: Child,
    script: ChildStdin,
    echoed: Lines<BufReader<ChildStdout>>,
    complaint: JoinHandle<String>,
}

impl Session {
    /// Feeds the archive to the database.
    async fn fill(mut psql: Command, mut pg_restore: Command, frame: &Frame) -> Result<Self> {
        let mut psql = psql.spawn().context("start psql")?;
        let mut source = pg_restore.spawn().context("start pg_restore")?;
        let mut archive = source.stdout.take().context("pg_restore has no output")?;
        let broken = tokio::spawn(tail(source.stderr.take()));
        let echoed = psql.stdout.take().context("psql has no output")?;
        let mut session = Self {
            script: psql.stdin.take().context("psql has no input")?,
            echoed: BufReader::new(echoed).lines(),
            complaint: tokio::spawn(tail(psql.stderr.take())),
            psql,
        };
        let script = &mut session.script;
        let feeding = async {
            script.write_all(frame.before.as_bytes()).await?;
            tokio::io::copy(&mut archive, script).await?;
            let status = source.wait().await?;
            if status.success() {
                script.write_all(frame.after.as_bytes()).await?;
                script.flush().await?;
            }
            Ok::<_, std::io::Error>(status)
        };
        let fed = feeding.await;
        if let Ok(failed) = fed
            && !failed.success()
        {
            bail!("pg_restore failed ({failed}): {}", broken.await?.trim());
        }
        if fed.is_ok() && session.echoed.next_line().await?.as_deref() == Some(COUNTED) {
            return Ok(session);
        }
        // psql has ended, and with it the transaction.
        drop(session.script);
        session.psql.wait().await?;
        let complaint = session.complaint.await?;
        bail!(
            "the database refused the backup, and is as it was: {}",
            complaint.trim()
        );
    }

    async fn commit(mut self) -> Outcome {
        let mut script = self.script;
        let committing = async {
            let commit = format!("COMMIT;\n\\echo {COMMITTED}\n");
            script.write_all(commit.as_bytes()).await?;
            script.flush().await?;
            drop(script);
            let echoed = self.echoed.next_line().await?;
            Ok::<_, std::io::Error>((echoed, self.psql.wait().await?))
        };
        match timeout(COMMIT_LIMIT, committing).await {
            Ok(Ok((Some(echoed), _))) if echoed == COMMITTED => Outcome::Committed,
            Ok(Ok((_, status))) => {
                let said = self.complaint.await.unwrap_or_default();
                let error = anyhow::anyhow!("COMMIT failed ({status}): {}", said.trim());
                if status.code() == Some(REFUSED) {
                    Outcome::Refused(error)
                } else {
                    Outcome::Lost(error)
                }
            }
            Ok(Err(error)) => Outcome::Lost(anyhow::Error::from(error).context("say COMMIT")),
            Err(late) => Outcome::Lost(anyhow::Error::from(late).context("wait for COMMIT")),
        }
    }
}
