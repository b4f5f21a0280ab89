//! What the jobs of backups are told.

use std::{collections::HashMap, path::PathBuf, str::FromStr, time::Duration};

use age::x25519;
use secrecy::{ExposeSecret, SecretString};

use super::{Fault, Source, database_url, positive_duration};
use crate::backup::retention::Policy;

/// Variables of S3 that the object store is handed as they are, where set. Each may come from a
/// file as well.
const S3_VARIABLES: [&str; 12] = [
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_REGION",
    "AWS_DEFAULT_REGION",
    "AWS_ENDPOINT_URL",
    "AWS_ENDPOINT_URL_S3",
    "AWS_ALLOW_HTTP",
    "AWS_VIRTUAL_HOSTED_STYLE_REQUEST",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_ROLE_ARN",
    "AWS_ROLE_SESSION_NAME",
];
/// The same, but the value itself is the name of a file.
const S3_TOKEN_FILE: &str = "AWS_WEB_IDENTITY_TOKEN_FILE";

/// Everything a job of backups is told from outside.
#[derive(Debug, Clone)]
pub struct BackupConfig {
    /// `DATABASE_URL`: what is backed up, or restored into.
    pub database_url: Option<SecretString>,
    /// `BACKUP_DESTINATION`.
    pub destination: Destination,
    /// `BACKUP_RECIPIENT`: the age public key that backups are sealed for.
    pub recipient: Option<x25519::Recipient>,
    /// `BACKUP_IDENTITY`: age secret keys that open backups, one a line.
    pub identities: Vec<SecretString>,
    /// `BACKUP_KEEP_…`.
    pub policy: Policy,
    /// `BACKUP_DEADLINE` (default `1h`): what a whole run may take.
    pub deadline: Duration,
    /// `PG_BIN`: the folder of `pg_dump` and its like.
    pub programs: Option<PathBuf>,
    /// `PATH`, where programs are looked for besides.
    pub path: String,
    /// `TMPDIR` (default `/tmp`): room for a whole database when one is verified or restored.
    pub scratch: PathBuf,
}

/// Where backups are kept.
#[derive(Debug, Clone)]
pub enum Destination {
    /// `file:///backups`.
    Folder(PathBuf),
    /// `s3://bucket/prefix`.
    Bucket {
        /// Its name.
        bucket: String,
        /// What every key begins with; may be empty.
        prefix: String,
        /// Names and values of the `AWS_…` variables.
        options: Vec<(String, SecretString)>,
        /// `BACKUP_CA`: authorities (PEM) whose certificates the store may show, beside the public
        /// ones.
        authorities: Option<String>,
    },
}

/// Which of the variables a command cannot do without.
#[derive(Debug, Clone, Copy, Default)]
pub struct Needs {
    /// `DATABASE_URL`.
    pub database: bool,
    /// `BACKUP_RECIPIENT`.
    pub recipient: bool,
    /// `BACKUP_IDENTITY`.
    pub identity: bool,
}

impl BackupConfig {
    /// Reads the process environment.
    ///
    /// # Errors
    /// All faults at once.
    pub fn from_env(needs: Needs) -> Result<Self, Vec<Fault>> {
        Self::from_variables(std::env::vars().collect(), needs)
    }

    /// Reads the given variables.
    ///
    /// # Errors
    /// All faults at once.
    pub fn from_variables(
        variables: HashMap<String, String>,
        needs: Needs,
    ) -> Result<Self, Vec<Fault>> {
        let mut source = Source {
            variables,
            faults: Vec::new(),
        };
        match Self::read(&mut source, needs) {
            Some(config) if source.faults.is_empty() => Ok(config),
            _ => Err(source.faults),
        }
    }

    fn read(source: &mut Source, needs: Needs) -> Option<Self> {
        let database_url = needs.database.then(|| database_url(source));
        let destination = destination(source);
        let recipient = needs
            .recipient
            .then(|| source.required("BACKUP_RECIPIENT", recipient));
        let identities = needs
            .identity
            .then(|| source.required("BACKUP_IDENTITY", identities));
        let policy = policy(source);
        let deadline = source.or_default("BACKUP_DEADLINE", "1h", positive_duration);
        let folder = |value: &str| Ok(PathBuf::from(value));
        let programs = source.optional("PG_BIN", folder);
        let path = source.optional("PATH", |value| Ok(value.to_owned()));
        let scratch = source.or_default("TMPDIR", "/tmp", folder);
        Some(Self {
            database_url: match database_url {
                Some(read) => Some(read?),
                None => None,
            },
            destination: destination?,
            recipient: match recipient {
                Some(read) => Some(read?),
                None => None,
            },
            identities: match identities {
                Some(read) => read?,
                None => Vec::new(),
            },
            policy: policy?,
            deadline: deadline?,
            programs,
            path: path.unwrap_or_default(),
            scratch: scratch?,
        })
    }
}

fn destination(source: &mut Source) -> Option<Destination> {
    let destination = source.required("BACKUP_DESTINATION", |value| {
        let fault = "must be file:///an/absolute/folder or s3://bucket/prefix";
        if let Some(path) = value.strip_prefix("file://") {
            let path = PathBuf::from(path);
            return if path.is_absolute() {
                Ok(Destination::Folder(path))
            } else {
                Err(fault.to_owned())
            };
        }
        let rest = value.strip_prefix("s3://").ok_or(fault)?;
        let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        if bucket.is_empty() {
            return Err(fault.to_owned());
        }
        Ok(Destination::Bucket {
            bucket: bucket.to_owned(),
            prefix: prefix.trim_matches('/').to_owned(),
            options: Vec::new(),
            authorities: None,
        })
    });
    let authorities = source.optional("BACKUP_CA", |value| {
        let read = object_store::Certificate::from_pem_bundle(value.as_bytes());
        if read.is_ok_and(|all| !all.is_empty()) {
            Ok(value.to_owned())
        } else {
            Err("must be certificates in PEM".to_owned())
        }
    });
    let Some(Destination::Bucket { bucket, prefix, .. }) = destination else {
        return destination;
    };
    let mut options: Vec<(String, SecretString)> = S3_VARIABLES
        .iter()
        .filter_map(|name| Some(((*name).to_owned(), SecretString::from(source.raw(name)?))))
        .collect();
    if let Some(file) = source.variables.get(S3_TOKEN_FILE) {
        options.push((S3_TOKEN_FILE.to_owned(), SecretString::from(file.clone())));
    }
    Some(Destination::Bucket {
        bucket,
        prefix,
        options,
        authorities,
    })
}

fn policy(source: &mut Source) -> Option<Policy> {
    let last = source.or_default("BACKUP_KEEP_LAST", "3", super::whole_number);
    let count = |value: &str| {
        u32::from_str(value).map_err(|_| "must be a whole number, 0 for none".to_owned())
    };
    let daily = source.or_default("BACKUP_KEEP_DAILY", "7", count);
    let weekly = source.or_default("BACKUP_KEEP_WEEKLY", "5", count);
    let monthly = source.or_default("BACKUP_KEEP_MONTHLY", "12", count);
    Some(Policy {
        last: last?,
        daily: daily?,
        weekly: weekly?,
        monthly: monthly?,
    })
}

fn recipient(value: &str) -> Result<x25519::Recipient, String> {
    value
        .trim()
        .parse()
        .map_err(|_| "must be one age public key (age1…)".to_owned())
}

fn identities(value: &str) -> Result<Vec<SecretString>, String> {
    // A file of age-keygen has comments beside the key.
    let lines = value.lines().map(str::trim);
    let keys: Vec<SecretString> = lines
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .map(SecretString::from)
        .collect();
    let is_key = |key: &SecretString| key.expose_secret().parse::<x25519::Identity>().is_ok();
    if keys.is_empty() || !keys.iter().all(is_key) {
        return Err("must be age secret keys (AGE-SECRET-KEY-1…), one a line".to_owned());
    }
    Ok(keys)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: Needs = Needs {
        database: true,
        recipient: true,
        identity: true,
    };

    fn read(pairs: &[(&str, &str)], needs: Needs) -> Result<BackupConfig, Vec<Fault>> {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        BackupConfig::from_variables(pairs.iter().map(owned).collect(), needs)
    }

    #[test]
    fn a_command_asks_only_for_what_it_needs() {
        let config = read(
            &[("BACKUP_DESTINATION", "file:///backups")],
            Needs::default(),
        )
        .unwrap();
        assert!(
            matches!(config.destination, Destination::Folder(path) if path.ends_with("backups"))
        );
        assert_eq!(config.deadline, Duration::from_hours(1));
        assert_eq!(config.policy.last, 3);
    }

    #[test]
    fn every_fault_is_named_at_once_and_no_key_is_shown() {
        let faults = read(
            &[
                ("BACKUP_DESTINATION", "ftp://x"),
                ("BACKUP_RECIPIENT", "AGE-SECRET-KEY-1XYZ"),
                ("BACKUP_IDENTITY", "hunter2"),
                ("BACKUP_KEEP_LAST", "0"),
            ],
            ALL,
        )
        .unwrap_err();
        let named: Vec<&str> = faults.iter().map(|fault| &*fault.variable).collect();
        assert_eq!(
            named,
            [
                "DATABASE_URL",
                "BACKUP_DESTINATION",
                "BACKUP_RECIPIENT",
                "BACKUP_IDENTITY",
                "BACKUP_KEEP_LAST"
            ]
        );
        let shown = format!("{faults:?}");
        assert!(!shown.contains("hunter2") && !shown.contains("XYZ"));
    }

    #[test]
    fn a_bucket_takes_the_variables_of_s3_and_shows_none() {
        let config = read(
            &[
                ("BACKUP_DESTINATION", "s3://shop-backups/prod/"),
                ("AWS_SECRET_ACCESS_KEY", "hunter2"),
                ("AWS_REGION", "ap-southeast-3"),
            ],
            Needs::default(),
        )
        .unwrap();
        assert!(!format!("{config:?}").contains("hunter2"));
        let Destination::Bucket {
            bucket,
            prefix,
            options,
            ..
        } = config.destination
        else {
            panic!("not a bucket");
        };
        assert_eq!((&*bucket, &*prefix), ("shop-backups", "prod"));
        assert_eq!(options.len(), 2);

        let garbled = [
            ("BACKUP_DESTINATION", "s3://shop-backups"),
            ("BACKUP_CA", "hello"),
        ];
        let faults = read(&garbled, Needs::default()).unwrap_err();
        assert_eq!(
            faults[0].to_string(),
            "BACKUP_CA: must be certificates in PEM"
        );
    }
}
