//! Sealing and opening by age, while the bytes pass: in a thread of its own, because the bytes come
//! and go by ordinary reads and writes there.

use std::io::{self, BufReader, Read, Write};

use age::{Decryptor, Encryptor, x25519};
use bytes::Bytes;
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use tokio::sync::mpsc;

/// Bytes read at a time: one chunk of age.
const READ_BYTES: usize = 64 * 1024;

/// Pieces that may wait between the thread and the store, of some 64 KiB when sealing.
pub const QUEUE_PIECES: usize = 16;

/// Sizes and digests of what passed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Passed {
    /// Bytes of the archive.
    pub plain_bytes: u64,
    /// Its SHA-256, in hex.
    pub plain_sha256: String,
    /// Bytes of what is kept.
    pub cipher_bytes: u64,
    /// Its SHA-256, in hex.
    pub cipher_sha256: String,
}

/// Why something could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum Unopened {
    /// No key fits.
    #[error("none of the keys in BACKUP_IDENTITY opens it")]
    WrongKey,
    /// It was changed or cut off. Carries the SHA-256 of all that came.
    #[error("it cannot be decrypted ({reason}); what is kept has the SHA-256 {cipher_sha256}")]
    Damaged {
        /// age's word for it.
        reason: String,
        /// In hex.
        cipher_sha256: String,
    },
    /// The scratch file could not be written.
    #[error("write the archive: {0}")]
    Write(io::Error),
}

/// Reads an archive to its end and sends it on, sealed. Blocks.
///
/// # Errors
/// The source's; or nobody takes the pieces any more.
pub fn seal(
    mut source: impl Read,
    recipient: &x25519::Recipient,
    pieces: mpsc::Sender<Bytes>,
) -> io::Result<Passed> {
    let outlet = Outlet {
        pieces,
        counter: Counter::default(),
    };
    let encryptor = Encryptor::with_recipients(std::iter::once(recipient as &dyn age::Recipient))
        .map_err(io::Error::other)?;
    let mut sealed = encryptor.wrap_output(outlet)?;
    let mut plain = Counter::default();
    let mut buffer = vec![0; READ_BYTES];
    loop {
        let read = match source.read(&mut buffer) {
            Ok(0) => break,
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        plain.add(&buffer[..read]);
        sealed.write_all(&buffer[..read])?;
    }
    let outlet = sealed.finish()?;
    Ok(plain.and(outlet.counter))
}

/// Takes sealed pieces until there are no more and writes what they hold. Blocks.
///
/// # Errors
/// See [`Unopened`].
pub fn open(
    pieces: mpsc::Receiver<Bytes>,
    identities: &[SecretString],
    target: &mut impl Write,
) -> Result<Passed, Unopened> {
    let keys: Vec<x25519::Identity> = identities
        .iter()
        .filter_map(|key| key.expose_secret().parse().ok())
        .collect();
    let mut inlet = BufReader::with_capacity(
        READ_BYTES,
        Inlet {
            pieces,
            piece: Bytes::new(),
            counter: Counter::default(),
        },
    );
    let opened = decrypt(&mut inlet, &keys, target);
    // What is left must be counted too: the digest tells a damaged object from a wrong manifest.
    let _ = io::copy(&mut inlet, &mut io::sink());
    let cipher = inlet.into_inner().counter;
    match opened {
        Ok(plain) => Ok(plain.and(cipher)),
        Err(Fault::Key) => Err(Unopened::WrongKey),
        Err(Fault::Write(error)) => Err(Unopened::Write(error)),
        Err(Fault::Data(reason)) => Err(Unopened::Damaged {
            reason,
            cipher_sha256: cipher.hex(),
        }),
    }
}

enum Fault {
    Key,
    Data(String),
    Write(io::Error),
}

fn decrypt(
    inlet: &mut BufReader<Inlet>,
    keys: &[x25519::Identity],
    target: &mut impl Write,
) -> Result<Counter, Fault> {
    let data = |error: age::DecryptError| match error {
        age::DecryptError::NoMatchingKeys => Fault::Key,
        other => Fault::Data(other.to_string()),
    };
    let decryptor = Decryptor::new_buffered(inlet).map_err(data)?;
    let keys = keys.iter().map(|key| key as &dyn age::Identity);
    let mut opened = decryptor.decrypt(keys).map_err(data)?;
    let mut plain = Counter::default();
    let mut buffer = vec![0; READ_BYTES];
    loop {
        let read = match opened.read(&mut buffer) {
            Ok(0) => break,
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(Fault::Data(error.to_string())),
        };
        plain.add(&buffer[..read]);
        target.write_all(&buffer[..read]).map_err(Fault::Write)?;
    }
    target.flush().map_err(Fault::Write)?;
    Ok(plain)
}

#[derive(Default)]
struct Counter {
    bytes: u64,
    digest: Sha256,
}

impl Counter {
    fn add(&mut self, bytes: &[u8]) {
        self.bytes += bytes.len() as u64;
        self.digest.update(bytes);
    }

    fn hex(self) -> String {
        hex::encode(self.digest.finalize())
    }

    fn and(self, cipher: Self) -> Passed {
        Passed {
            plain_bytes: self.bytes,
            cipher_bytes: cipher.bytes,
            plain_sha256: self.hex(),
            cipher_sha256: cipher.hex(),
        }
    }
}

struct Outlet {
    pieces: mpsc::Sender<Bytes>,
    counter: Counter,
}

impl Write for Outlet {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.counter.add(bytes);
        self.pieces
            .blocking_send(Bytes::copy_from_slice(bytes))
            .map_err(|_| io::Error::other("the store takes no more"))?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

struct Inlet {
    pieces: mpsc::Receiver<Bytes>,
    piece: Bytes,
    counter: Counter,
}

impl Read for Inlet {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.piece.is_empty() {
            match self.pieces.blocking_recv() {
                Some(piece) => {
                    self.counter.add(&piece);
                    self.piece = piece;
                }
                None => return Ok(0),
            }
        }
        let taken = self.piece.len().min(buffer.len());
        buffer[..taken].copy_from_slice(&self.piece.split_to(taken));
        Ok(taken)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sealed(plain: &[u8], key: &x25519::Identity) -> (Vec<u8>, Passed) {
        let (sender, mut receiver) = mpsc::channel(10_000);
        let passed = seal(plain, &key.to_public(), sender).unwrap();
        let mut cipher = Vec::new();
        while let Ok(piece) = receiver.try_recv() {
            cipher.extend_from_slice(&piece);
        }
        (cipher, passed)
    }

    fn opened(cipher: &[u8], key: &x25519::Identity) -> Result<(Vec<u8>, Passed), Unopened> {
        let (sender, receiver) = mpsc::channel(10_000);
        for piece in cipher.chunks(1_000) {
            sender.try_send(Bytes::copy_from_slice(piece)).unwrap();
        }
        drop(sender);
        let secret = SecretString::from(key.to_string().expose_secret());
        let mut plain = Vec::new();
        let passed = open(receiver, &[secret], &mut plain)?;
        Ok((plain, passed))
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(16))]
        #[test]
        fn what_was_sealed_opens_and_one_flipped_bit_or_lost_byte_does_not(
            size in 0_usize..200_000, place: prop::sample::Index, bit in 0_u8..8
        ) {
            let key = x25519::Identity::generate();
            let plain: Vec<u8> = (0..size).map(|n| u8::try_from(n % 251).unwrap()).collect();
            let (cipher, written) = sealed(&plain, &key);
            prop_assert_eq!(written.cipher_bytes, cipher.len() as u64);
            let (back, read) = opened(&cipher, &key).unwrap();
            prop_assert_eq!(&back, &plain);
            prop_assert_eq!(&read, &written);
            let mut flipped = cipher.clone();
            flipped[place.index(cipher.len())] ^= 1 << bit;
            prop_assert!(opened(&flipped, &key).is_err());
            prop_assert!(opened(&cipher[..cipher.len() - 1], &key).is_err());
            let other = x25519::Identity::generate();
            prop_assert!(matches!(opened(&cipher, &other), Err(Unopened::WrongKey)));
        }
    }
}
