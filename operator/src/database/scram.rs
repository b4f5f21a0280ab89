//! Verifiers of passwords as PostgreSQL keeps them (RFC 5803).
//!
//! A superuser reads the verifier of a role, so that one look tells whether its password is still
//! the one of the Secret; and a role is given a verifier, so that no password shows in the
//! server's log.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::{Digest as _, Sha256};

/// Rounds of a new verifier: the server's own default.
const ROUNDS: u32 = 4096;
/// Most rounds of a found verifier that are tried; one with more is replaced.
const MOST_ROUNDS: u32 = 100_000;
/// Bytes of salt.
pub(super) const SALT_BYTES: usize = 16;

/// Whether a password needs no normalising (`SASLprep`), which is not done here.
pub(super) fn is_plain(password: &str) -> bool {
    password.bytes().all(|byte| (b' '..=b'~').contains(&byte))
}

/// A verifier of a password.
pub(super) fn verifier(password: &str, salt: [u8; SALT_BYTES]) -> String {
    with_salt(password, &salt, ROUNDS)
}

/// Whether a verifier is of this password.
pub(super) fn matches(found: &str, password: &str) -> bool {
    let parts = || {
        let (rounds, salt) = found
            .strip_prefix("SCRAM-SHA-256$")?
            .split_once('$')?
            .0
            .split_once(':')?;
        let rounds = rounds
            .parse()
            .ok()
            .filter(|rounds| (1..=MOST_ROUNDS).contains(rounds))?;
        Some((rounds, STANDARD.decode(salt).ok()?))
    };
    parts().is_some_and(|(rounds, salt)| with_salt(password, &salt, rounds) == found)
}

fn with_salt(password: &str, salt: &[u8], rounds: u32) -> String {
    let salted = salted(password.as_bytes(), salt, rounds);
    let stored = Sha256::digest(mac(&salted, &[b"Client Key"]));
    let server = mac(&salted, &[b"Server Key"]);
    let base64 = |bytes: &[u8]| STANDARD.encode(bytes);
    format!(
        "SCRAM-SHA-256${rounds}:{}${}:{}",
        base64(salt),
        base64(&stored),
        base64(&server)
    )
}

/// PBKDF2 with HMAC-SHA-256, one block.
fn salted(password: &[u8], salt: &[u8], rounds: u32) -> [u8; 32] {
    let mut last = mac(password, &[salt, &1_u32.to_be_bytes()]);
    let mut sum = last;
    for _ in 1..rounds {
        last = mac(password, &[&last]);
        for (left, right) in sum.iter_mut().zip(last) {
            *left ^= right;
        }
    }
    sum
}

fn mac(key: &[u8], parts: &[&[u8]]) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("any length is a key");
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_verifier_is_of_its_password_alone() {
        let verifier = verifier("rahasia", [7; SALT_BYTES]);
        assert!(matches(&verifier, "rahasia"));
        assert!(!matches(&verifier, "Rahasia"));
        for broken in ["", "md5abc", "SCRAM-SHA-256$0:AAAA$a:b", "SCRAM-SHA-256$x"] {
            assert!(!matches(broken, "rahasia"));
        }
    }

    #[test]
    fn the_example_of_the_rfc_is_met() {
        // RFC 7677, section 3: its server signature follows from this salted password.
        let salt = STANDARD.decode("W22ZaJ0SNY7soEsUEjb6gQ==").unwrap();
        let salted = salted(b"pencil", &salt, 4096);
        assert_eq!(
            hex::encode(salted),
            "c4a49510323ab4f952cac1fa99441939e78ea74d6be81ddf7096e87513dc615d"
        );
    }
}
