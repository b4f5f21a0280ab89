//! Backups: the two schedules, and Jobs made for one backup, verification or restore.
//!
//! They run in an image with the programs of PostgreSQL, so that `pg_dump` is of the server's
//! version; an init container of the bot's image puts `warung-bot` beside them.

use k8s_openapi::api::batch::v1::{CronJob, Job};
use serde_json::{Value, json};

use super::{
    Site,
    pod::{self, Pod, SecretFile, TERMINATION_LOG},
    secrets::{self, Login, SecretVariable},
    volumes,
};
use crate::{
    crds::{Backup, PullPolicy},
    shop::{Child, names::keys},
};

const TOOLS_DIR: &str = "/tools";
const BACKUPS_DIR: &str = "/backups";
/// Where a verification or restore unfolds a whole database.
const SCRATCH_DIR: &str = "/scratch";
/// Room for that where the manifest does not say how large the database may get: on the node's disk,
/// which has no more to give than it has.
const SCRATCH_BYTES: u64 = 20 * GIB;
/// Room beside the archive and the database: the server's log while all of it is restored.
const SPARE_BYTES: u64 = 2 * GIB;
/// Room of a run, which only passes on what it is given.
const PASSING_BYTES: u64 = GIB / 4;
/// What a Job keeps on the node's disk besides: the program, `/tmp`, its log.
const PROGRAM_BYTES: u64 = GIB;
/// 1 Gi.
const GIB: u64 = 1 << 30;
/// How much longer than its own deadline a Job may live, seconds: it has to fetch its images, and
/// to say what went wrong.
const SPARE_SECONDS: u64 = 300;
/// How late a run may still begin, seconds.
const LATE_SECONDS: i64 = 3_600;
/// Tries of a run after the first; each is a whole backup.
const TRIES: i32 = 1;
/// Tries of a restore after the first. They have the Job's id, and so never repeat what was done.
const RESTORE_TRIES: i32 = 2;
/// Statuses of `warung-bot` with which a restore has failed for good: it reports that nothing was
/// changed. Any other, and any pod that was lost, leaves the question to the next try.
const FAILED_FOR_GOOD: [i32; 2] = [1, 2];
/// Label by which a Job's pods know the Job's own id.
const JOB_ID: &str = "batch.kubernetes.io/controller-uid";
/// How long a finished Job that was made by hand stays, seconds.
const STAY_SECONDS: i32 = 86_400;

/// What a Job has to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Task<'a> {
    /// Make a backup.
    Run,
    /// Prove one by a restore into a throwaway PostgreSQL.
    Verify {
        /// Its name at the destination; left out, the newest.
        backup: Option<&'a str>,
    },
    /// Bring one back into the shop's database.
    Restore {
        /// Its name at the destination; left out, the newest that was verified.
        backup: Option<&'a str>,
        /// Whether what is there may be replaced.
        replace: bool,
    },
}

impl Task<'_> {
    /// Component of its pods.
    pub fn component(self) -> &'static str {
        match self {
            Self::Run => "backup",
            Self::Verify { .. } => "verify",
            Self::Restore { .. } => "restore",
        }
    }

    fn arguments(self, shop: &str) -> Vec<String> {
        let verb = match self {
            Self::Run => "run",
            Self::Verify { .. } => "verify",
            Self::Restore { .. } => "restore",
        };
        let mut arguments: Vec<String> = ["backup", verb, "--shop", shop].map(str::to_owned).into();
        match self {
            Self::Verify {
                backup: Some(backup),
            }
            | Self::Restore {
                backup: Some(backup),
                ..
            } => arguments.extend(["--backup".to_owned(), backup.to_owned()]),
            Self::Restore { backup: None, .. } => arguments.push("--newest-verified".to_owned()),
            Self::Run | Self::Verify { backup: None } => {}
        }
        if matches!(self, Self::Restore { replace: true, .. }) {
            arguments.push("--replace".to_owned());
        }
        arguments
    }

    fn needs_database(self) -> bool {
        !matches!(self, Self::Verify { .. })
    }

    fn needs_identity(self) -> bool {
        !matches!(self, Self::Run)
    }
}

/// The two schedules.
pub(super) fn cron_jobs(site: &Site) -> Vec<Child> {
    let Some(backup) = &site.shop.spec.backup else {
        return Vec::new();
    };
    let newest = Task::Verify { backup: None };
    let verification = &backup.verification;
    [
        (
            site.names().backup(),
            Task::Run,
            &backup.schedule,
            backup.suspend,
        ),
        (
            site.names().verify(),
            newest,
            &verification.schedule,
            verification.suspend,
        ),
    ]
    .into_iter()
    .filter_map(|(name, task, schedule, suspend)| cron_job(site, &name, task, schedule, suspend))
    .collect()
}

/// A schedule. A run gives way to the next: one on a node that is gone counts as running for as long
/// as its pod is there, which may be days, and would otherwise keep all that follow from beginning.
/// Giving way harms nothing: a run writes under a name of its own and its manifest last, and never
/// changes another's; a verification only reads, and notes what it found whole. Nothing runs while a
/// restore holds the shop, or before there is a database to back up.
fn cron_job(site: &Site, name: &str, task: Task, schedule: &str, suspend: bool) -> Option<Child> {
    let spec = job_spec(site, task)?;
    let waits = site.progress.keeps_bots_away() || site.serving_image().is_none();
    Some(Child::from_json::<CronJob>(json!({
        "metadata": site.metadata(name, task.component()),
        "spec": {
            "schedule": schedule,
            "timeZone": site.shop.spec.shop.timezone,
            "suspend": suspend || waits,
            "concurrencyPolicy": "Replace",
            "startingDeadlineSeconds": LATE_SECONDS,
            "successfulJobsHistoryLimit": 3,
            "failedJobsHistoryLimit": 3,
            "jobTemplate": {
                "metadata": { "labels": site.labels(task.component()) },
                "spec": spec,
            },
        },
    })))
}

/// A Job for one backup, verification or restore; none where the manifest has no `backup`.
pub fn job(site: &Site, name: &str, task: Task) -> Option<Child> {
    let mut spec = job_spec(site, task)?;
    spec["ttlSecondsAfterFinished"] = json!(STAY_SECONDS);
    Some(Child::from_json::<Job>(json!({
        "metadata": site.metadata(name, task.component()),
        "spec": spec,
    })))
}

fn job_spec(site: &Site, task: Task) -> Option<Value> {
    let backup = site.shop.spec.backup.as_ref()?;
    let mut spec = json!({
        "backoffLimit": TRIES,
        "activeDeadlineSeconds": seconds(&backup.deadline) + SPARE_SECONDS,
        "template": template(site, backup, task),
    });
    if matches!(task, Task::Restore { .. }) {
        spec["backoffLimit"] = json!(RESTORE_TRIES);
        spec["podFailurePolicy"] = json!({ "rules": [{
            "action": "FailJob",
            "onExitCodes": {
                "containerName": task.component(),
                "operator": "In",
                "values": FAILED_FOR_GOOD,
            },
        }] });
    }
    Some(spec)
}

/// Seconds of a duration that the API server has found good, such as `30m`.
fn seconds(duration: &str) -> u64 {
    let (number, unit) = duration.split_at(duration.len().saturating_sub(1));
    let number: u64 = number.parse().unwrap_or(0);
    match unit {
        "h" => number * 3_600,
        "m" => number * 60,
        _ => number,
    }
}

fn template(site: &Site, backup: &Backup, task: Task) -> Value {
    let variables = variables(site, backup, task);
    let mut files: Vec<SecretFile> = variables.iter().map(|v| v.file.clone()).collect();
    if task.needs_database() {
        files.extend(secrets::database_ca(site));
    }
    let scratch = Scratch::of(site, task);
    let mut volumes = vec![
        json!({ "name": "tools", "emptyDir": { "sizeLimit": "256Mi" } }),
        scratch.volume(),
        pod::account_volume(site),
        pod::secret_volume(&files),
    ];
    if let Some(claim) = claim(site, backup) {
        volumes.push(json!({
            "name": "backups",
            "persistentVolumeClaim": { "claimName": claim },
        }));
    }
    pod::template(
        site,
        Pod {
            component: task.component(),
            labels: Vec::new(),
            annotations: json!({}),
            init_containers: vec![tools(site)],
            containers: vec![container(site, backup, task, &variables)],
            volumes,
            grace_seconds: 30,
            restart: "Never",
            apart_from: None,
        },
    )
}

/// Puts `warung-bot` where the main container finds it.
fn tools(site: &Site) -> Value {
    let image = site.serving_image();
    json!({
        "name": "tools",
        "image": image.as_ref().unwrap_or(&site.shop.bot_image),
        "imagePullPolicy": site.shop.spec.bot.image_pull_policy.as_str(),
        "args": ["install", TOOLS_DIR],
        "resources": pod::small(),
        "securityContext": pod::contained(),
        "volumeMounts": [pod::tmp(), { "name": "tools", "mountPath": TOOLS_DIR }],
    })
}

fn container(site: &Site, backup: &Backup, task: Task, variables: &[SecretVariable]) -> Value {
    let [passwd, group] = pod::account_mounts();
    let mut mounts = vec![
        json!({ "name": "tools", "mountPath": TOOLS_DIR, "readOnly": true }),
        json!({ "name": "scratch", "mountPath": SCRATCH_DIR }),
        pod::tmp(),
        pod::secret_mount(),
        passwd,
        group,
    ];
    if claim(site, backup).is_some() {
        mounts.push(json!({ "name": "backups", "mountPath": BACKUPS_DIR }));
    }
    let mut env: Vec<Value> = variables.iter().map(SecretVariable::entry).collect();
    env.extend(pod::env(&settings(site, backup)));
    if matches!(task, Task::Restore { .. }) {
        env.push(json!({
            "name": "RESTORE_ID",
            "valueFrom": { "fieldRef": { "fieldPath": format!("metadata.labels['{JOB_ID}']") } },
        }));
    }
    json!({
        "name": task.component(),
        "image": site.shop.backup_image,
        "imagePullPolicy": pull_policy(site, backup).as_str(),
        "command": [format!("{TOOLS_DIR}/warung-bot")],
        "args": task.arguments(&site.names().shop),
        "env": env,
        "terminationMessagePath": TERMINATION_LOG,
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "resources": pod::resources("50m", "128Mi", "2", "1Gi", &Scratch::of(site, task).on_node()),
        "securityContext": pod::contained(),
        "volumeMounts": mounts,
    })
}

/// The image is the database's own, unless the manifest names another.
fn pull_policy(site: &Site, backup: &Backup) -> PullPolicy {
    let managed = site.shop.spec.database.managed.as_ref();
    match (&backup.image, managed) {
        (None, Some(managed)) => managed.image_pull_policy,
        _ => PullPolicy::IfNotPresent,
    }
}

/// Room that a Job has to work in.
enum Scratch {
    /// On the node's disk.
    OnNode { bytes: u64 },
    /// A volume that comes and goes with the pod, where the database has one whose size is known: it
    /// may be full, and a node's disk may be smaller.
    Claim { labels: Value, spec: Value },
}

impl Scratch {
    fn of(site: &Site, task: Task) -> Self {
        // The archive is at most as large as the database, however little it can be compressed.
        let times = match task {
            Task::Run => {
                let bytes = PASSING_BYTES;
                return Self::OnNode { bytes };
            }
            Task::Restore { .. } => 1,
            Task::Verify { .. } => 2,
        };
        let database = &site.shop.spec.database;
        let managed = database.managed.as_ref().map(|m| &m.storage);
        let kept = managed.or(database.cloud_native_pg.as_ref().map(|c| &c.storage));
        let sized = kept.and_then(|storage| Some((storage, volumes::bytes(&storage.size.0)?)));
        let Some((storage, bytes)) = sized else {
            let bytes = SCRATCH_BYTES;
            return Self::OnNode { bytes };
        };
        let labels = site.labels(task.component());
        let spec = volumes::spec(storage, &quantity(times * bytes + SPARE_BYTES));
        Self::Claim { labels, spec }
    }

    fn volume(self) -> Value {
        match self {
            Self::OnNode { bytes } => {
                json!({ "name": "scratch", "emptyDir": { "sizeLimit": quantity(bytes) } })
            }
            Self::Claim { labels, spec } => json!({
                "name": "scratch",
                "ephemeral": {
                    "volumeClaimTemplate": { "metadata": { "labels": labels }, "spec": spec },
                },
            }),
        }
    }

    /// What the pod may take of the node's disk.
    fn on_node(&self) -> String {
        match self {
            Self::OnNode { bytes } => quantity(bytes + PROGRAM_BYTES),
            Self::Claim { .. } => quantity(PROGRAM_BYTES),
        }
    }
}

/// Bytes as Kubernetes writes them.
fn quantity(bytes: u64) -> String {
    const MIB: u64 = 1 << 20;
    if bytes.is_multiple_of(GIB) {
        format!("{}Gi", bytes / GIB)
    } else {
        format!("{}Mi", bytes.div_ceil(MIB))
    }
}

/// The claim that backups go to.
fn claim(site: &Site, backup: &Backup) -> Option<String> {
    let volume = backup.destination.persistent_volume_claim.as_ref()?;
    let named = volume.claim_name.clone();
    Some(named.unwrap_or_else(|| site.names().backups()))
}

/// Secrets of a Job: a backup gets no key that could read another.
fn variables(site: &Site, backup: &Backup, task: Task) -> Vec<SecretVariable> {
    let mut variables = Vec::new();
    if task.needs_database() {
        variables.push(secrets::database_variable(site, Login::Owner));
    }
    if task.needs_identity() {
        let (secret, key) = match &backup.key {
            Some(own) => {
                let reference = &own.identity_secret_ref;
                (reference.name.clone(), reference.key.clone())
            }
            None => (site.names().backup_key(), keys::IDENTITY.to_owned()),
        };
        variables.push(SecretVariable::new(
            "BACKUP_IDENTITY",
            &secret,
            &key,
            "backup-identity",
        ));
    }
    if let Some(s3) = &backup.destination.s3 {
        let secret = &s3.secret_ref.name;
        variables.extend([
            SecretVariable::new(
                "AWS_ACCESS_KEY_ID",
                secret,
                keys::ACCESS_KEY_ID,
                "s3-access-key-id",
            ),
            SecretVariable::new(
                "AWS_SECRET_ACCESS_KEY",
                secret,
                keys::SECRET_ACCESS_KEY,
                "s3-secret-access-key",
            ),
        ]);
        if let Some(authority) = &s3.ca_secret_ref {
            let (secret, key) = (&authority.name, &authority.key);
            variables.push(SecretVariable::new(
                "BACKUP_CA",
                secret,
                key,
                "backup-ca.crt",
            ));
        }
    }
    variables
}

fn settings(site: &Site, backup: &Backup) -> Vec<(&'static str, String)> {
    let keep = &backup.retention;
    let limits = &site.shop.spec.bot.limits;
    let mut settings = vec![
        ("TERMINATION_MESSAGE", TERMINATION_LOG.to_owned()),
        ("TMPDIR", SCRATCH_DIR.to_owned()),
        ("BACKUP_DESTINATION", destination(backup)),
        ("BACKUP_DEADLINE", backup.deadline.clone()),
        ("BACKUP_KEEP_LAST", keep.last.to_string()),
        ("BACKUP_KEEP_DAILY", keep.daily.to_string()),
        ("BACKUP_KEEP_WEEKLY", keep.weekly.to_string()),
        ("BACKUP_KEEP_MONTHLY", keep.monthly.to_string()),
        (
            "TRANSACTION_LIMIT",
            limits.transactions_per_window.to_string(),
        ),
        ("TRANSACTION_WINDOW", limits.window.clone()),
    ];
    let made = site.credentials.backup_key.as_ref();
    let own = backup.key.as_ref().map(|key| &key.recipient);
    if let Some(recipient) = own.or(made.map(|key| &key.recipient)) {
        settings.push(("BACKUP_RECIPIENT", recipient.clone()));
    }
    if let Some(s3) = &backup.destination.s3 {
        settings.push(("AWS_REGION", s3.region.clone()));
        if let Some(endpoint) = &s3.endpoint {
            settings.push(("AWS_ENDPOINT_URL", endpoint.clone()));
        }
        if s3.allow_http {
            settings.push(("AWS_ALLOW_HTTP", "true".to_owned()));
        }
        // The image of PostgreSQL may know no authorities; the bot's does.
        settings.push(("SSL_CERT_FILE", format!("{TOOLS_DIR}/ca-certificates.crt")));
    }
    settings
}

fn destination(backup: &Backup) -> String {
    match &backup.destination.s3 {
        None => format!("file://{BACKUPS_DIR}"),
        Some(s3) => match s3.prefix.as_deref().map(|p| p.trim_matches('/')) {
            None | Some("") => format!("s3://{}", s3.bucket),
            Some(prefix) => format!("s3://{}/{prefix}", s3.bucket),
        },
    }
}
