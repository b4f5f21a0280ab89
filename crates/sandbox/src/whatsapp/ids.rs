//! Ids as Meta makes them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

/// Makes ids that are unique over restarts too: a shop keeps the ids it has seen, so a sandbox that
/// began again at the same number would have its messages taken for repeats.
#[derive(Debug)]
pub(super) struct Ids {
    run: [u8; 8],
    last: u64,
}

impl Ids {
    /// `started_us`: when this run began, in microseconds since 1970.
    pub(super) fn new(started_us: i64, seed: u64) -> Self {
        let digest = Sha256::digest([started_us.to_be_bytes(), seed.to_be_bytes()].concat());
        let mut run = [0; 8];
        run.copy_from_slice(&digest[..8]);
        Self { run, last: 0 }
    }

    /// A message id: `wamid.` and base64 of the customer's number and 32 hexadecimal digits.
    pub(super) fn wamid(&mut self, customer: &str) -> String {
        let mut raw = vec![0x1c, 0x18];
        raw.push(u8::try_from(customer.len()).unwrap_or(u8::MAX));
        raw.extend_from_slice(customer.as_bytes());
        raw.extend_from_slice(&[0x15, 0x02, 0x00, 0x11, 0x18, 0x20]);
        raw.extend_from_slice(hex::encode_upper(self.unique()).as_bytes());
        format!("wamid.{}", STANDARD.encode(raw))
    }

    /// A media id: 16 digits.
    pub(super) fn media(&mut self) -> String {
        digits(&self.unique(), 16)
    }

    /// An `fbtrace_id`.
    pub(super) fn trace(&mut self) -> String {
        format!(
            "A{}",
            STANDARD
                .encode(self.unique())
                .trim_end_matches('=')
                .replace('/', "_")
        )
    }

    fn unique(&mut self) -> [u8; 16] {
        self.last += 1;
        let mut id = [0; 16];
        id[..8].copy_from_slice(&self.run);
        id[8..].copy_from_slice(&self.last.to_be_bytes());
        id
    }
}

/// The business-scoped user id of `customer` towards one shop: the same each time, and another one
/// for each `generation` (Meta makes a new one when the user changes phone).
pub(super) fn bsuid(phone_number_id: &str, customer: &str, generation: u32) -> String {
    let seed = format!("{phone_number_id}/{customer}/{generation}");
    format!("ID.{}", digits(&Sha256::digest(seed), 20))
}

fn digits(seed: &[u8], count: usize) -> String {
    let digest = Sha256::digest(seed);
    digest
        .iter()
        .take(count)
        .map(|byte| char::from(b'0' + byte % 10))
        .collect()
}
