//! Where backups are kept: a folder, or a bucket that speaks S3.

use std::{error::Error, path::PathBuf, sync::Arc, time::Duration};

use anyhow::{Context, Result};
use bytes::Bytes;
use object_store::{
    BackoffConfig, ClientOptions, ObjectStore, ObjectStoreExt, PutMode, PutPayload, RetryConfig,
    WriteMultipart,
    aws::{AmazonS3Builder, AmazonS3ConfigKey, Checksum},
    local::LocalFileSystem,
    path::Path,
};
use secrecy::ExposeSecret;
use serde::{Serialize, de::DeserializeOwned};

use super::{
    Problems,
    manifest::{Manifest, Verified},
    name::BackupName,
};
use crate::config::Destination;

const DATA: &str = "data.age";
const MANIFEST: &str = "manifest.json";
const VERIFIED: &str = "verified.json";

/// Bytes of one part of an upload, and of one piece of a download. S3 takes 10 000 parts, which
/// makes 80 GiB.
const PART_BYTES: u64 = 8 * 1024 * 1024;
/// Time one request may take: a part must pass at half a megabit a second.
const REQUEST_LIMIT: Duration = Duration::from_mins(2);
/// How long a request is tried again while the store answers 5xx. Credentials of a request live
/// five minutes.
const RETRY_LIMIT: Duration = Duration::from_mins(4);
/// Longest pause between two tries.
const MAX_PAUSE: Duration = Duration::from_secs(10);
/// Tries within [`RETRY_LIMIT`], at most.
const MAX_RETRIES: usize = 60;
/// Authorities that `warung-bot install` put beside the program, for images that have none.
const AUTHORITIES: &str = "ca-certificates.crt";

/// A shop's backups.
#[derive(Debug, Clone)]
pub struct Depot {
    store: Arc<dyn ObjectStore>,
    prefix: Path,
    /// The same store, asked once: what no second try could mend is told at once.
    once: Option<Arc<dyn ObjectStore>>,
    /// The shop's own folder, where the depot is one.
    folder: Option<PathBuf>,
}

/// What a depot holds under one name.
#[derive(Debug, Clone)]
pub struct Entry {
    /// The name.
    pub name: BackupName,
    /// What is known of it; a folder without one is no backup.
    pub manifest: Option<Manifest>,
    /// That it was restored.
    pub verified: Option<Verified>,
    /// Why its manifest or its note cannot be read. Nobody knows what such a backup is worth: it is
    /// not trusted, and not deleted.
    pub unreadable: Option<String>,
}

impl Depot {
    /// Opens it; nothing is asked yet.
    ///
    /// # Errors
    /// The folder is not there, or the variables of S3 make no sense.
    pub fn open(destination: &Destination, shop: &str) -> Result<Self> {
        match destination {
            Destination::Folder(path) => {
                let store = LocalFileSystem::new_with_prefix(path)
                    .with_context(|| format!("the folder of backups {}", path.display()))?
                    .with_fsync(true);
                Ok(Self {
                    store: Arc::new(store),
                    prefix: Path::from(shop),
                    once: None,
                    folder: Some(path.join(shop)),
                })
            }
            Destination::Bucket {
                bucket,
                prefix,
                options,
                authorities,
            } => {
                let mut builder = AmazonS3Builder::new()
                    .with_bucket_name(bucket)
                    .with_checksum_algorithm(Checksum::SHA256)
                    .with_client_options(client_options(authorities.as_deref())?)
                    .with_retry(retries());
                for (name, value) in options {
                    let key: AmazonS3ConfigKey = name.to_lowercase().parse()?;
                    builder = builder.with_config(key, value.expose_secret());
                }
                let once = RetryConfig {
                    max_retries: 0,
                    ..retries()
                };
                let once = builder.clone().with_retry(once).build();
                let store = builder.build().context("BACKUP_DESTINATION")?;
                Ok(Self {
                    store: Arc::new(store),
                    prefix: Path::from(format!("{prefix}/{shop}")),
                    once: Some(Arc::new(once.context("BACKUP_DESTINATION")?)),
                    folder: None,
                })
            }
        }
    }

    /// Whether the store shows a certificate that is trusted. Whatever else is in the way is found
    /// out, and tried again, when something is asked of it.
    ///
    /// # Errors
    /// It does not, or speaks no TLS where it should.
    pub async fn trusted(&self) -> Result<()> {
        let Some(once) = &self.once else {
            return Ok(());
        };
        match once.list_with_delimiter(Some(&self.prefix)).await {
            Err(error) if is_mistrust(&error) => Err(error).context(
                "the certificate of the store of backups is not trusted: name its authority \
                 (BACKUP_CA, or backup.destination.s3.caSecretRef of a shop)",
            ),
            _ => Ok(()),
        }
    }

    /// Everything in it, oldest first; also what was begun and never finished.
    ///
    /// # Errors
    /// The store's. What cannot be read of one backup is told with it, and keeps nobody from the
    /// others.
    pub async fn entries(&self) -> Result<Vec<Entry>> {
        let listed = self.store.list_with_delimiter(Some(&self.prefix)).await;
        let listed = listed.context("list the backups")?;
        let mut names: Vec<BackupName> = listed
            .common_prefixes
            .iter()
            .filter_map(|path| path.filename()?.parse().ok())
            .collect();
        names.sort();
        let mut entries = Vec::with_capacity(names.len());
        for name in names {
            entries.push(self.entry(name).await?);
        }
        Ok(entries)
    }

    /// What is known of one.
    ///
    /// # Errors
    /// The store's.
    pub async fn entry(&self, name: BackupName) -> Result<Entry> {
        let mut unreadable = Vec::new();
        let manifest: Option<Manifest> =
            told(self.read(&name, MANIFEST).await, &mut unreadable)?.flatten();
        let verified: Option<Verified> =
            told(self.read(&name, VERIFIED).await, &mut unreadable)?.flatten();
        let of_another = |part: &str| format!("{part} is that of another backup");
        let manifest = manifest.filter(|it| {
            let own = it.backup == name;
            unreadable.extend((!own).then(|| of_another(MANIFEST)));
            own
        });
        let verified = match &manifest {
            // Without its manifest nobody knows what was verified.
            None => None,
            Some(manifest) => verified.filter(|it| {
                let own = it.backup == name && it.cipher_sha256 == manifest.cipher_sha256;
                unreadable.extend((!own).then(|| of_another(VERIFIED)));
                own
            }),
        };
        Ok(Entry {
            name,
            manifest,
            verified,
            unreadable: (!unreadable.is_empty()).then(|| unreadable.join("; ")),
        })
    }

    /// Begins to write a backup's data; whoever does not finish it aborts it.
    ///
    /// # Errors
    /// The store's.
    pub async fn begin(&self, name: &BackupName) -> Result<WriteMultipart> {
        let upload = self.store.put_multipart(&self.path(name, DATA)).await?;
        let part = usize::try_from(PART_BYTES)?;
        Ok(WriteMultipart::new_with_chunk_size(upload, part))
    }

    /// Makes it a backup. The manifest must not be there yet.
    ///
    /// # Errors
    /// The store's.
    pub async fn commit(&self, manifest: &Manifest) -> Result<()> {
        let path = self.path(&manifest.backup, MANIFEST);
        match self.write(&path, manifest, PutMode::Create).await {
            // Its own first try, whose answer was lost.
            Err(object_store::Error::AlreadyExists { .. })
                if self.read(&manifest.backup, MANIFEST).await?.as_ref() == Some(manifest) =>
            {
                Ok(())
            }
            written => written.context("write the manifest"),
        }
    }

    /// Notes that it was restored.
    ///
    /// # Errors
    /// The store's.
    pub async fn note(&self, verified: &Verified) -> Result<()> {
        let path = self.path(&verified.backup, VERIFIED);
        self.write(&path, verified, PutMode::Overwrite)
            .await
            .context("note the verification")
    }

    /// Takes the note back: what was good is good no more.
    ///
    /// # Errors
    /// The store's.
    pub async fn take_back(&self, name: &BackupName) -> Result<()> {
        self.delete(&self.path(name, VERIFIED)).await
    }

    /// Bytes of a backup's data; `None` when these are gone.
    ///
    /// # Errors
    /// The store's.
    pub async fn size(&self, name: &BackupName) -> Result<Option<u64>> {
        match self.store.head(&self.path(name, DATA)).await {
            Ok(meta) => Ok(Some(meta.size)),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(error).context("look at the data"),
        }
    }

    /// The next piece of a backup's data, from `offset` on, of `size` bytes in all.
    ///
    /// # Errors
    /// The store's.
    pub async fn piece(&self, name: &BackupName, offset: u64, size: u64) -> Result<Bytes> {
        let end = size.min(offset + PART_BYTES);
        let path = self.path(name, DATA);
        let piece = self.store.get_range(&path, offset..end).await;
        piece.context("fetch the data")
    }

    /// Deletes a backup. The manifest goes first: half deleted, it is no backup.
    ///
    /// # Errors
    /// The store's.
    pub async fn remove(&self, name: &BackupName) -> Result<()> {
        for part in [MANIFEST, VERIFIED, DATA] {
            self.delete(&self.path(name, part)).await?;
        }
        if let Some(folder) = &self.folder {
            // With it goes what a killed upload left behind.
            match tokio::fs::remove_dir_all(folder.join(name.to_string())).await {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error)?,
                _ => {}
            }
        }
        Ok(())
    }

    async fn delete(&self, path: &Path) -> Result<()> {
        match self.store.delete(path).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(error).with_context(|| format!("delete {path}")),
        }
    }

    async fn read<T: DeserializeOwned>(&self, name: &BackupName, part: &str) -> Result<Option<T>> {
        let path = self.path(name, part);
        let bytes = match self.store.get(&path).await {
            Ok(found) => found.bytes().await?,
            Err(object_store::Error::NotFound { .. }) => return Ok(None),
            // A folder answers, or its disk does not: a file that cannot be read is that file's fault.
            Err(error) if self.folder.is_some() => {
                return Err(Problems::one(format!("{path}: {error}")).into());
            }
            Err(error @ object_store::Error::PermissionDenied { .. }) => {
                return Err(Problems::one(format!("{path}: {error}")).into());
            }
            Err(error) => return Err(error).with_context(|| format!("read {path}")),
        };
        let parsed = serde_json::from_slice(&bytes);
        let parsed = parsed.map_err(|error| Problems::one(format!("{path}: {error}")))?;
        Ok(Some(parsed))
    }

    async fn write(
        &self,
        path: &Path,
        what: &impl Serialize,
        mode: PutMode,
    ) -> object_store::Result<()> {
        let json =
            serde_json::to_vec_pretty(what).map_err(|error| object_store::Error::Generic {
                store: "json",
                source: error.into(),
            })?;
        let payload = PutPayload::from(json);
        self.store.put_opts(path, payload, mode.into()).await?;
        Ok(())
    }

    fn path(&self, name: &BackupName, part: &str) -> Path {
        self.prefix.clone().join(name.to_string()).join(part)
    }
}

/// Notes what is wrong with a file itself; passes on what is wrong with the store.
fn told<T>(read: Result<T>, problems: &mut Vec<String>) -> Result<Option<T>> {
    match read {
        Ok(read) => Ok(Some(read)),
        Err(error) => {
            let problem: Problems = error.downcast()?;
            problems.extend(problem.0);
            Ok(None)
        }
    }
}

/// Whether TLS failed, at the bottom of everything that wraps it.
fn is_mistrust(error: &(dyn Error + 'static)) -> bool {
    let io = error.downcast_ref::<std::io::Error>();
    match io.and_then(std::io::Error::get_ref) {
        // Which its `source` would pass over.
        Some(inner) => is_mistrust(inner),
        None => error.is::<rustls::Error>() || error.source().is_some_and(is_mistrust),
    }
}

fn client_options(authorities: Option<&str>) -> Result<ClientOptions> {
    let mut options = ClientOptions::new().with_timeout(REQUEST_LIMIT);
    let beside = std::env::current_exe().map(|exe| exe.with_file_name(AUTHORITIES));
    if let Ok(pem) = beside.and_then(std::fs::read) {
        for authority in object_store::Certificate::from_pem_bundle(&pem)? {
            options = options.with_root_certificate(authority);
        }
    }
    if let Some(authorities) = authorities {
        for authority in object_store::Certificate::from_pem_bundle(authorities.as_bytes())? {
            options = options.with_root_certificate(authority);
        }
    }
    Ok(options)
}

fn retries() -> RetryConfig {
    RetryConfig {
        backoff: BackoffConfig {
            max_backoff: MAX_PAUSE,
            ..BackoffConfig::default()
        },
        max_retries: MAX_RETRIES,
        retry_timeout: RETRY_LIMIT,
    }
}
