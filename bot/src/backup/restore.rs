//! Restoring into the shop's own database: all of it in one transaction, so that whatever fails
//! leaves what was there before.

use std::{collections::BTreeMap, fs, path::Path, process::Stdio, time::Duration};

use anyhow::{Context, Result, bail, ensure};
use secrecy::ExposeSecret;
use sqlx::{Connection, Executor, PgConnection};
use tokio::{io::AsyncWriteExt, process::Command, time::timeout};

use super::{
    Desk,
    depot::Entry,
    fetch::fetch,
    manifest::Manifest,
    programs::{Programs, libpq, run, tail},
    verify::major,
};

/// How long the server may keep us waiting for a connection.
const CONNECT_LIMIT: Duration = Duration::from_secs(30);

/// Drops what a dump would bring. Extensions, and what they brought, stay: they may be somebody
/// else's. A bot that still runs holds locks; it is waited for, but not for long.
const DROP_ALL: &str = "
BEGIN;
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

/// Counts what was restored before it is committed. `EXPECTED` is JSON, its quotes doubled twice.
const COUNT_AND_COMMIT: &str = "
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
END ';
COMMIT;
";

/// Entries of an archive that only the owner of an extension may restore.
const OF_EXTENSIONS: &str = " COMMENT - EXTENSION ";

/// Restores a backup into `DATABASE_URL`.
///
/// # Errors
/// Whatever fails; the database is then as it was before.
pub async fn restore(desk: &Desk, entry: &Entry, replace: bool) -> Result<()> {
    let manifest = entry
        .manifest
        .as_ref()
        .with_context(|| format!("{} was never finished", entry.name))?;
    let restoring = put_back(desk, manifest, replace);
    desk.deadline.within("restoring", restoring).await
}

async fn put_back(desk: &Desk, manifest: &Manifest, replace: bool) -> Result<()> {
    let config = &desk.config;
    let programs = Programs::find(config.programs.as_deref(), &config.path)?;
    let major = major(manifest)?;
    for program in ["pg_restore", "psql"] {
        programs.at_least(program, major, "the backup").await?;
    }
    let url = config
        .database_url
        .as_ref()
        .context("DATABASE_URL is missing")?;
    let connecting = timeout(CONNECT_LIMIT, PgConnection::connect(url.expose_secret()));
    let connection = connecting.await.context("the database does not answer")?;
    let mut connection = connection.context("connect to the database")?;
    refuse_what_is_in_the_way(&mut connection, replace).await?;
    let scratch = tempfile::Builder::new()
        .prefix("warung-archive-")
        .tempdir_in(&config.scratch)
        .with_context(|| format!("make a folder in {}", config.scratch.display()))?;
    let archive = scratch.path().join("archive");
    fetch(desk, manifest, &archive).await?;
    let list = list_entries(&programs, &archive, &scratch.path().join("list")).await?;
    let mut psql = programs.command("psql");
    psql.envs(libpq(url)?)
        .args(["--no-psqlrc", "--quiet", "--no-password"])
        .args(["--set=ON_ERROR_STOP=1", "--file=-"])
        .stdin(Stdio::piped());
    let mut pg_restore = programs.command("pg_restore");
    pg_restore
        .args(["--file=-", "--no-owner", "--no-privileges", "--use-list"])
        .arg(&list)
        .arg(&archive)
        .stdout(Stdio::piped());
    replay(psql, pg_restore, &manifest.tables).await?;
    // The planner knows nothing of the new tables.
    connection.execute("ANALYZE").await?;
    connection.close().await?;
    Ok(())
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

/// Feeds the archive to the database within one transaction, which ends only if all of it came.
async fn replay(
    mut psql: Command,
    mut pg_restore: Command,
    expected: &BTreeMap<String, i64>,
) -> Result<()> {
    let mut target = psql.spawn().context("start psql")?;
    let mut source = pg_restore.spawn().context("start pg_restore")?;
    let mut script = target.stdin.take().context("psql has no input")?;
    let mut archive = source.stdout.take().context("pg_restore has no output")?;
    let refused = tokio::spawn(tail(target.stderr.take()));
    let broken = tokio::spawn(tail(source.stderr.take()));
    let fed = async {
        script.write_all(DROP_ALL.as_bytes()).await?;
        tokio::io::copy(&mut archive, &mut script).await?;
        let status = source.wait().await?;
        if !status.success() {
            return Ok(Some(status));
        }
        let expected = serde_json::to_string(expected)?.replace('\'', "''''");
        let end = COUNT_AND_COMMIT.replace("EXPECTED", &expected);
        script.write_all(end.as_bytes()).await?;
        script.flush().await?;
        Ok::<_, std::io::Error>(None)
    };
    let fed = fed.await;
    // Its end without a COMMIT rolls everything back.
    drop(script);
    let status = target.wait().await?;
    if let Ok(Some(failed)) = fed {
        bail!("pg_restore failed ({failed}): {}", broken.await?.trim());
    }
    if !status.success() {
        bail!(
            "the database refused the backup, and is as it was: {}",
            refused.await?.trim()
        );
    }
    fed.context("feed psql")?;
    Ok(())
}
