//! Notifications Midtrans posts when a payment moves.
//!
//! A signature is a filter against noise, not proof: it does not cover the transaction's status,
//! its id or a time, so a true notification can be edited and repeated for ever. Whoever receives
//! one reads the status from Midtrans before believing anything.

use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use sha2::{Digest, Sha512};
use subtle::ConstantTimeEq;

use crate::amount::Amount;
use crate::order_id::OrderId;

/// Largest notification worth reading, in bytes.
pub const BODY_BYTES: usize = 64 * 1024;

/// How JSON writes the character NUL.
const NUL_ESCAPE: &[u8] = b"\\u0000";

/// The length of a SHA-512, in bytes.
const DIGEST_BYTES: usize = 64;

/// A notification. Its strings are kept as they came, because the signature covers them raw.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notification {
    /// The shop's order id, as it came.
    pub order_id: String,
    /// Three digits.
    pub status_code: String,
    /// As it came, such as `10000.00`.
    pub gross_amount: String,
    /// The same, read.
    pub amount: Amount,
    /// As it came: 128 hexadecimal digits.
    pub signature_key: String,
    /// In lower case, whatever came.
    pub transaction_status: String,
    /// Midtrans's own id.
    pub transaction_id: Option<String>,
    /// In lower case; often absent.
    pub fraud_status: Option<String>,
    /// The payment method's type.
    pub payment_type: Option<String>,
    /// Whose payment it is.
    pub merchant_id: Option<String>,
    /// `IDR`.
    pub currency: Option<String>,
    /// When it was made, in GMT+7, as it came.
    pub transaction_time: Option<String>,
    /// When it was settled, in GMT+7, as it came.
    pub settlement_time: Option<String>,
}

/// Why a body is no notification.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotificationError {
    /// The body is not a JSON object of the documented kind.
    #[error("notification is not the documented json")]
    NotJson,
    /// A field without which nothing can be done is absent or null.
    #[error("notification has no {0}")]
    Missing(&'static str),
    /// A field has another form: `status_code` is three digits, `gross_amount` whole rupiah
    /// with `.00`.
    #[error("notification has a malformed {0}")]
    Malformed(&'static str),
}

/// Why a notification is not accepted as Midtrans's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// The signature is not 128 hexadecimal digits.
    #[error("signature is not a sha-512 in hexadecimal")]
    Malformed,
    /// The order id does not end in a letter, so the signature could be another payment's (see
    /// [`OrderId`]). No order of ours is named so.
    #[error("order id is not one the signature can vouch for")]
    AmbiguousOrderId,
    /// The server key gives another signature.
    #[error("signature does not match")]
    Mismatch,
}

impl Notification {
    /// Reads a body. Fields that are not known are ignored, and null is the same as absent. A body
    /// that holds the character NUL, which no database stores as text, is refused.
    pub fn parse(body: &[u8]) -> Result<Self, NotificationError> {
        if body
            .windows(NUL_ESCAPE.len())
            .any(|window| window == NUL_ESCAPE)
        {
            return Err(NotificationError::NotJson);
        }
        let wire: Wire = serde_json::from_slice(body).map_err(|_| NotificationError::NotJson)?;
        let status_code = required(wire.status_code, "status_code")?;
        if status_code.len() != 3 || !status_code.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(NotificationError::Malformed("status_code"));
        }
        let gross_amount = required(wire.gross_amount, "gross_amount")?;
        let amount = Amount::parse(&gross_amount)
            .map_err(|_| NotificationError::Malformed("gross_amount"))?;
        let transaction_status = required(wire.transaction_status, "transaction_status")?;
        Ok(Self {
            order_id: required(wire.order_id, "order_id")?,
            status_code,
            gross_amount,
            amount,
            signature_key: required(wire.signature_key, "signature_key")?,
            transaction_status: lower_case(&transaction_status),
            transaction_id: wire.transaction_id,
            fraud_status: wire.fraud_status.as_deref().map(lower_case),
            payment_type: wire.payment_type,
            merchant_id: wire.merchant_id,
            currency: wire.currency,
            transaction_time: wire.transaction_time,
            settlement_time: wire.settlement_time,
        })
    }

    /// Checks the signature in constant time.
    pub fn verify_signature(&self, server_key: &SecretString) -> Result<(), SignatureError> {
        let mut given = [0_u8; DIGEST_BYTES];
        hex::decode_to_slice(&self.signature_key, &mut given)
            .map_err(|_| SignatureError::Malformed)?;
        if OrderId::parse(self.order_id.as_str()).is_err() {
            return Err(SignatureError::AmbiguousOrderId);
        }
        let expected = digest(
            &self.order_id,
            &self.status_code,
            &self.gross_amount,
            server_key,
        );
        // An empty key would let anyone sign.
        let keyed = !server_key.expose_secret().is_empty();
        if keyed && bool::from(expected.ct_eq(&given)) {
            Ok(())
        } else {
            Err(SignatureError::Mismatch)
        }
    }
}

/// The signature of a notification, for tools and tests that play Midtrans's part.
pub fn sign(
    order_id: &str,
    status_code: &str,
    gross_amount: &str,
    server_key: &SecretString,
) -> String {
    hex::encode(digest(order_id, status_code, gross_amount, server_key))
}

/// Midtrans writes statuses in lower case except where it does not (`"PENDING"`).
pub(crate) fn lower_case(text: &str) -> String {
    text.to_ascii_lowercase()
}

fn required(field: Option<String>, name: &'static str) -> Result<String, NotificationError> {
    field
        .filter(|text| !text.is_empty())
        .ok_or(NotificationError::Missing(name))
}

fn digest(
    order_id: &str,
    status_code: &str,
    gross_amount: &str,
    server_key: &SecretString,
) -> [u8; DIGEST_BYTES] {
    let mut hash = Sha512::new();
    hash.update(order_id);
    hash.update(status_code);
    hash.update(gross_amount);
    hash.update(server_key.expose_secret());
    hash.finalize().into()
}

#[derive(Deserialize)]
struct Wire {
    order_id: Option<String>,
    status_code: Option<String>,
    gross_amount: Option<String>,
    signature_key: Option<String>,
    transaction_status: Option<String>,
    transaction_id: Option<String>,
    fraud_status: Option<String>,
    payment_type: Option<String>,
    merchant_id: Option<String>,
    currency: Option<String>,
    transaction_time: Option<String>,
    settlement_time: Option<String>,
}

#[cfg(test)]
mod tests;
