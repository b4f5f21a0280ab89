//! A notification of Midtrans's.

use secrecy::SecretString;
use serde_json::json;
use warung_midtrans::{
    amount::Amount,
    notification::{Notification, SignatureError, sign},
};

/// Nothing is believed without the key, whatever is read comes back when it is written again, and
/// no text of it is one that the database refuses.
pub fn holds(body: &[u8]) {
    let Ok(mut read) = Notification::parse(body) else {
        return;
    };
    let key = SecretString::from("the server key");
    let unsigned = read.verify_signature(&key);
    assert!(unsigned.is_err(), "nobody knows the key, and it is signed");
    assert!(read.amount.rupiah() > 0, "no money at all");
    assert_eq!(Amount::new(read.amount.rupiah()), Ok(read.amount));
    let shown = format!("{read:?}").replace(r"\\", "");
    assert!(!shown.contains(r"\0"), "a NUL in a text: {shown}");
    comes_back(&read);

    read.signature_key = sign(&read.order_id, &read.status_code, &read.gross_amount, &key);
    match read.verify_signature(&key) {
        Ok(()) => {}
        Err(error) => assert_eq!(error, SignatureError::AmbiguousOrderId),
    }
    for other in ["another key", ""] {
        let verdict = read.verify_signature(&SecretString::from(other));
        assert!(verdict.is_err(), "any key does");
    }
    vouches_for_one(&read, &key);
}

fn comes_back(read: &Notification) {
    let written = json!({
        "order_id": read.order_id,
        "status_code": read.status_code,
        "gross_amount": read.amount.to_string(),
        "signature_key": read.signature_key,
        "transaction_status": read.transaction_status,
        "transaction_id": read.transaction_id,
        "fraud_status": read.fraud_status,
        "payment_type": read.payment_type,
        "merchant_id": read.merchant_id,
        "currency": read.currency,
        "transaction_time": read.transaction_time,
        "settlement_time": read.settlement_time,
    });
    let again = Notification::parse(written.to_string().as_bytes());
    assert_eq!(again.as_ref(), Ok(read), "another notification");
}

/// A true signature is good for no other order, status or amount: not even for one that puts the
/// same digits on other sides of the bounds between them.
fn vouches_for_one(signed: &Notification, key: &SecretString) {
    let mut moved = signed.clone();
    moved.order_id = format!("{}{}", signed.order_id, &signed.status_code[..1]);
    moved.status_code = format!("{}{}", &signed.status_code[1..], &signed.gross_amount[..1]);
    signed.gross_amount[1..].clone_into(&mut moved.gross_amount);
    assert!(moved.verify_signature(key).is_err(), "a signature moved");
    let mut dearer = signed.clone();
    dearer.gross_amount = format!("1{}", signed.gross_amount);
    assert!(dearer.verify_signature(key).is_err(), "another amount");
}
