//! The signature of a webhook: `X-Hub-Signature-256: sha256=<hex>`, the HMAC-SHA256 of the raw body
//! under the app secret.

use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;
use subtle::ConstantTimeEq;

/// The header's name, in the lower case of the `http` crate.
pub const HEADER: &str = "x-hub-signature-256";

/// What the header's value starts with.
const SCHEME: &str = "sha256=";

/// The length of an HMAC-SHA256, in bytes.
const DIGEST_BYTES: usize = 32;

/// Why a body is not accepted as Meta's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// There is no signature header.
    #[error("no signature header")]
    Missing,
    /// The header is not `sha256=` and 64 hexadecimal digits.
    #[error("signature header is not sha256=<hex>")]
    Malformed,
    /// No secret gives this signature for this body.
    #[error("signature does not match the body")]
    Mismatch,
}

/// Checks a body's signature against each secret in turn (two while one is being rotated).
///
/// The comparison takes the same time wherever it differs, and every secret is tried, so that an
/// observer learns neither a prefix nor which secret matched. An empty secret matches nothing: it
/// would let anyone sign.
pub fn verify(
    secrets: &[SecretString],
    header: Option<&str>,
    raw: &[u8],
) -> Result<(), SignatureError> {
    let header = header.ok_or(SignatureError::Missing)?;
    let given = header
        .strip_prefix(SCHEME)
        .ok_or(SignatureError::Malformed)?;
    let mut expected = [0_u8; DIGEST_BYTES];
    hex::decode_to_slice(given, &mut expected).map_err(|_| SignatureError::Malformed)?;

    let mut matched = subtle::Choice::from(0);
    for secret in secrets
        .iter()
        .filter(|secret| !secret.expose_secret().is_empty())
    {
        matched |= digest(secret, raw).ct_eq(&expected);
    }
    if bool::from(matched) {
        Ok(())
    } else {
        Err(SignatureError::Mismatch)
    }
}

/// The header's value for a body, for tools and tests that play Meta's part.
pub fn sign(secret: &SecretString, raw: &[u8]) -> String {
    format!("{SCHEME}{}", hex::encode(digest(secret, raw)))
}

fn digest(secret: &SecretString, raw: &[u8]) -> [u8; DIGEST_BYTES] {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.expose_secret().as_bytes())
        .expect("HMAC takes a key of any length");
    mac.update(raw);
    mac.finalize().into_bytes().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secrets(list: &[&str]) -> Vec<SecretString> {
        list.iter()
            .map(|secret| SecretString::from(*secret))
            .collect()
    }

    #[test]
    fn rfc_4231_case_2_gives_its_digest() {
        assert_eq!(
            sign(&SecretString::from("Jefe"), b"what do ya want for nothing?"),
            "sha256=5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        );
    }

    #[test]
    fn either_of_two_secrets_is_accepted_while_rotating() {
        let both = secrets(&["old", "new"]);
        for secret in &both {
            let header = sign(secret, b"{}");
            assert_eq!(verify(&both, Some(&header), b"{}"), Ok(()));
        }
        let retired = sign(&SecretString::from("older"), b"{}");
        assert_eq!(
            verify(&both, Some(&retired), b"{}"),
            Err(SignatureError::Mismatch)
        );
    }

    #[test]
    fn a_changed_body_a_missing_and_a_malformed_header_are_refused() {
        let secrets = secrets(&["secret"]);
        let header = sign(&secrets[0], b"{}");
        assert_eq!(
            verify(&secrets, Some(&header), b"{ }"),
            Err(SignatureError::Mismatch)
        );
        assert_eq!(verify(&secrets, None, b"{}"), Err(SignatureError::Missing));
        for malformed in [
            "",
            "sha256=",
            "sha1=00",
            "sha256=zz",
            &header[..header.len() - 2],
        ] {
            assert_eq!(
                verify(&secrets, Some(malformed), b"{}"),
                Err(SignatureError::Malformed),
                "{malformed}"
            );
        }
    }

    #[test]
    fn an_empty_secret_or_none_matches_nothing() {
        let empty = secrets(&[""]);
        let header = sign(&empty[0], b"{}");
        assert_eq!(
            verify(&empty, Some(&header), b"{}"),
            Err(SignatureError::Mismatch)
        );
        assert_eq!(
            verify(&[], Some(&header), b"{}"),
            Err(SignatureError::Mismatch)
        );
    }
}
