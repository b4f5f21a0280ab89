//! What the shop's data key protects: secrets at rest, fingerprints of secrets, and button ids.
//!
//! Three keys are derived from `DATA_KEY`, one per purpose, so that none can be used for another.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use chacha20poly1305::{
    ChaCha20Poly1305, KeyInit,
    aead::{Aead, Payload},
};
use hmac::{Hmac, Mac, digest::array::Array};
use sha2::Sha256;
use subtle::ConstantTimeEq;

use crate::{clock, config::DataKey};

/// Length of a `ChaCha20-Poly1305` nonce in bytes (RFC 8439).
const NONCE_BYTES: usize = 12;
/// Bytes of the tag that signs a button id: enough against guessing, short enough for 200 chars.
const SIGNATURE_BYTES: usize = 6;

/// Seals and opens secrets; signs and checks button ids.
#[derive(Clone)]
pub struct Vault {
    cipher: ChaCha20Poly1305,
    fingerprints: Hmac<Sha256>,
    signatures: Hmac<Sha256>,
}

/// The sealed bytes are not ours: wrong key, wrong purpose, or damaged.
#[derive(Debug, thiserror::Error)]
#[error("sealed data cannot be opened with this key")]
pub struct SealBroken;

impl Vault {
    /// Derives the keys.
    pub fn new(key: &DataKey) -> Self {
        let derive = |purpose: &str| keyed(&key.0).chain_update(purpose).finalize().into_bytes();
        Self {
            cipher: ChaCha20Poly1305::new(&derive("seal")),
            fingerprints: keyed(&derive("fingerprint")),
            signatures: keyed(&derive("button id")),
        }
    }

    /// Seals `secret` for one `purpose` (for example `stock_unit`): nonce, then ciphertext.
    pub fn seal(&self, purpose: &str, secret: &[u8]) -> Vec<u8> {
        let nonce: [u8; NONCE_BYTES] = clock::random();
        let payload = Payload {
            msg: secret,
            aad: purpose.as_bytes(),
        };
        let sealed = self.cipher.encrypt(&nonce.into(), payload);
        // Encryption fails only beyond 256 GiB.
        let sealed = sealed.unwrap_or_default();
        [nonce.as_slice(), &sealed].concat()
    }

    /// Opens what [`Vault::seal`] sealed for the same purpose.
    ///
    /// # Errors
    /// When the key or the purpose is another, or a bit is flipped.
    pub fn open(&self, purpose: &str, sealed: &[u8]) -> Result<String, SealBroken> {
        let (nonce, ciphertext) = sealed
            .split_first_chunk::<NONCE_BYTES>()
            .ok_or(SealBroken)?;
        let payload = Payload {
            msg: ciphertext,
            aad: purpose.as_bytes(),
        };
        let secret = self
            .cipher
            .decrypt(&(*nonce).into(), payload)
            .map_err(|_| SealBroken)?;
        String::from_utf8(secret).map_err(|_| SealBroken)
    }

    /// A keyed digest by which equal secrets are found without opening any.
    pub fn fingerprint(&self, secret: &str) -> Vec<u8> {
        self.fingerprints
            .clone()
            .chain_update(secret)
            .finalize()
            .into_bytes()
            .to_vec()
    }

    /// Appends a signature to a button id, so that no client can make one up.
    pub fn sign(&self, id: &str) -> String {
        format!("{id}~{}", URL_SAFE_NO_PAD.encode(self.signature(id)))
    }

    /// The id without its signature, if the signature is ours.
    pub fn verified<'a>(&self, signed: &'a str) -> Option<&'a str> {
        let (id, signature) = signed.rsplit_once('~')?;
        let signature = URL_SAFE_NO_PAD.decode(signature).ok()?;
        bool::from(self.signature(id).ct_eq(&signature)).then_some(id)
    }

    fn signature(&self, id: &str) -> Vec<u8> {
        let digest = self
            .signatures
            .clone()
            .chain_update(id)
            .finalize()
            .into_bytes();
        digest[..SIGNATURE_BYTES].to_vec()
    }
}

fn keyed(key: &[u8]) -> Hmac<Sha256> {
    // HMAC takes keys of any length; the zero key is unreachable.
    Hmac::new_from_slice(key).unwrap_or_else(|_| Hmac::new(&Array::default()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vault() -> Vault {
        Vault::new(&DataKey([7; 32]))
    }

    #[test]
    fn a_sealed_secret_opens_only_with_its_key_and_purpose() {
        let sealed = vault().seal("stock_unit", b"VOUCHER-1");
        assert_eq!(vault().open("stock_unit", &sealed).unwrap(), "VOUCHER-1");
        assert!(vault().open("address", &sealed).is_err());
        assert!(
            Vault::new(&DataKey([8; 32]))
                .open("stock_unit", &sealed)
                .is_err()
        );
        let mut flipped = sealed.clone();
        flipped[NONCE_BYTES] ^= 1;
        assert!(vault().open("stock_unit", &flipped).is_err());
        assert!(!sealed.windows(9).any(|window| window == b"VOUCHER-1"));
    }

    #[test]
    fn a_made_up_button_id_is_refused() {
        let signed = vault().sign("v1|buy|KOPI-01|1");
        assert_eq!(vault().verified(&signed), Some("v1|buy|KOPI-01|1"));
        assert_eq!(vault().verified(&signed.replace("|1~", "|9~")), None);
        assert_eq!(vault().verified("v1|buy|KOPI-01|1"), None);
    }
}
