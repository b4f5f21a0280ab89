//! New secrets.

use age::secrecy::ExposeSecret as _;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use rand::{CryptoRng, RngExt as _};

use super::BackupKeyPair;

/// Random bytes of a password; 40 characters of base64.
const PASSWORD_BYTES: usize = 30;

/// A password that needs no escape in a URL, a shell or a configuration file.
pub(super) fn password(random: &mut impl CryptoRng) -> String {
    URL_SAFE_NO_PAD.encode(random.random::<[u8; PASSWORD_BYTES]>())
}

/// A key of 32 bytes.
pub(super) fn data_key(random: &mut impl CryptoRng) -> String {
    STANDARD.encode(random.random::<[u8; 32]>())
}

/// A key pair for backups. Its randomness is the system's: age takes no other.
pub(super) fn backup_key() -> BackupKeyPair {
    let identity = age::x25519::Identity::generate();
    BackupKeyPair {
        recipient: identity.to_public().to_string(),
        identity: identity.to_string().expose_secret().to_owned(),
    }
}
