//! A backup, fetched, opened and compared with its manifest, as a file.

use std::{fs::File, io::BufWriter, path::Path};

use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use tokio::sync::mpsc;

use super::{
    Desk, Problems,
    manifest::{FORMAT, Manifest},
    seal::{self, Passed, Unopened},
};

/// Pieces that wait between the store and the thread that opens them, of 8 MiB.
const QUEUE_PIECES: usize = 2;

/// Writes the archive of a backup to `target`.
///
/// # Errors
/// [`Problems`] where the backup is not what its manifest says; else the store's or the disk's.
pub(super) async fn fetch(desk: &Desk, manifest: &Manifest, target: &Path) -> Result<()> {
    ensure!(
        manifest.format == FORMAT,
        "the backup has the layout {}, which this version does not know",
        manifest.format
    );
    match desk.depot.size(&manifest.backup).await? {
        Some(size) if size == manifest.bytes => {}
        Some(size) => {
            let written = manifest.bytes;
            let problem = format!("the data have {size} bytes, and {written} were written");
            return Err(Problems::one(problem).into());
        }
        None => return Err(Problems::one("the data are gone").into()),
    }
    let file = File::create_new(target).with_context(|| format!("create {}", target.display()))?;
    let (sender, receiver) = mpsc::channel(QUEUE_PIECES);
    let identities = desk.config.identities.clone();
    let opening = tokio::task::spawn_blocking(move || {
        seal::open(receiver, &identities, &mut BufWriter::new(file))
    });
    let fetched = send_pieces(desk, manifest, sender).await;
    let opened = opening.await?;
    fetched?;
    judge(manifest, opened)
}

async fn send_pieces(desk: &Desk, manifest: &Manifest, sender: mpsc::Sender<Bytes>) -> Result<()> {
    let mut offset = 0;
    while offset < manifest.bytes {
        let piece = desk
            .depot
            .piece(&manifest.backup, offset, manifest.bytes)
            .await?;
        ensure!(!piece.is_empty(), "the store gave nothing at byte {offset}");
        offset += piece.len() as u64;
        if sender.send(piece).await.is_err() {
            break;
        }
    }
    Ok(())
}

/// Says what is wrong with what came.
fn judge(manifest: &Manifest, opened: Result<Passed, Unopened>) -> Result<()> {
    let damaged = |came: &str| {
        let written = &manifest.cipher_sha256;
        format!("the data are damaged: their SHA-256 is {came}, and {written} was written")
    };
    match opened {
        Ok(passed) if passed.cipher_sha256 != manifest.cipher_sha256 => {
            Err(Problems::one(damaged(&passed.cipher_sha256)).into())
        }
        Ok(passed) if passed.plain_sha256 != manifest.plain_sha256 => {
            let problem = "the archive within is not the one that was dumped";
            Err(Problems::one(problem).into())
        }
        Ok(_) => Ok(()),
        // Nobody's fault but of who gave the key: the backup may be well.
        Err(Unopened::WrongKey) => Err(Unopened::WrongKey)
            .with_context(|| format!("the backup is sealed for {}", manifest.key_id)),
        Err(Unopened::Write(error)) => Err(Unopened::Write(error).into()),
        Err(Unopened::Damaged { cipher_sha256, .. }) if cipher_sha256 != manifest.cipher_sha256 => {
            Err(Problems::one(damaged(&cipher_sha256)).into())
        }
        Err(unopened @ Unopened::Damaged { .. }) => Err(Problems::one(unopened.to_string()).into()),
    }
}
