use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

const KEY: &str = "SB-Mid-server-secret";

fn key() -> SecretString {
    SecretString::from(KEY)
}

/// A settled QRIS payment, as Midtrans posts it.
fn settlement() -> Value {
    let order_id = "WRG-7f3a9cx";
    json!({
        "transaction_type": "on-us",
        "transaction_time": "2026-11-24 10:00:00",
        "transaction_status": "settlement",
        "transaction_id": "3c4f1a2b-0000-4000-8000-000000000001",
        "status_message": "midtrans payment notification",
        "status_code": "200",
        "signature_key": sign(order_id, "200", "50000.00", &key()),
        "settlement_time": "2026-11-24 10:00:20",
        "payment_type": "qris",
        "order_id": order_id,
        "merchant_id": "G141532850",
        "issuer": "gopay",
        "gross_amount": "50000.00",
        "fraud_status": "accept",
        "currency": "IDR",
        "acquirer": "gopay"
    })
}

fn parse(body: &Value) -> Result<Notification, NotificationError> {
    Notification::parse(body.to_string().as_bytes())
}

fn with(field: &str, value: Value) -> Value {
    let mut body = settlement();
    body[field] = value;
    body
}

#[test]
fn a_signed_notification_is_read_and_accepted() {
    let notification = parse(&settlement()).unwrap();
    assert_eq!(notification.verify_signature(&key()), Ok(()));
    assert_eq!(notification.amount.rupiah(), 50_000);
    assert_eq!(notification.transaction_status, "settlement");
    assert_eq!(notification.merchant_id.as_deref(), Some("G141532850"));
}

#[test]
fn the_signature_is_the_documented_sum() {
    // printf '%s' 'WRG-x' '200' '5000.00' 'key' | sha512sum
    let expected = concat!(
        "2777ca55504c1d240207e61439bd910e061ed38653a4c21f7a607e141429ed86",
        "f3aed9176cbb383ed18683bc4b95b2f7184f1bf688b5518645966bc2d50d4929"
    );
    assert_eq!(
        sign("WRG-x", "200", "5000.00", &SecretString::from("key")),
        expected
    );
}

#[test]
fn statuses_are_lower_case_whatever_comes() {
    let notification = parse(&with("transaction_status", json!("PENDING"))).unwrap();
    assert_eq!(notification.transaction_status, "pending");
}

#[test]
fn absent_null_and_unknown_fields_are_well() {
    let mut body = with("fraud_status", Value::Null);
    body.as_object_mut().unwrap().remove("settlement_time");
    body["brand_new"] = json!({"nested": [1]});
    let notification = parse(&body).unwrap();
    assert_eq!(notification.fraud_status, None);
    assert_eq!(notification.settlement_time, None);
}

#[test]
fn what_cannot_be_used_is_refused_by_field() {
    for field in [
        "order_id",
        "status_code",
        "gross_amount",
        "signature_key",
        "transaction_status",
    ] {
        for nothing in [Value::Null, json!("")] {
            assert_eq!(
                parse(&with(field, nothing)),
                Err(NotificationError::Missing(field))
            );
        }
    }
    for code in ["20", "2000", "2O0", "+20", "２００"] {
        assert_eq!(
            parse(&with("status_code", json!(code))),
            Err(NotificationError::Malformed("status_code")),
            "{code}"
        );
    }
    for amount in ["50000", "50000.50", "050000.00", "0.00", "-1.00", "1e3.00"] {
        assert_eq!(
            parse(&with("gross_amount", json!(amount))),
            Err(NotificationError::Malformed("gross_amount")),
            "{amount}"
        );
    }
    assert_eq!(
        parse(&with("gross_amount", json!(50_000))),
        Err(NotificationError::NotJson)
    );
    assert_eq!(
        Notification::parse(b"nonsense"),
        Err(NotificationError::NotJson)
    );
    let nul = parse(&with("transaction_id", json!("\u{0}")));
    assert_eq!(nul, Err(NotificationError::NotJson));
}

#[test]
fn a_changed_amount_code_id_or_key_does_not_verify() {
    for (field, value) in [
        ("gross_amount", "5000.00"),
        ("status_code", "201"),
        ("order_id", "WRG-7f3a9cy"),
    ] {
        let notification = parse(&with(field, json!(value))).unwrap();
        assert_eq!(
            notification.verify_signature(&key()),
            Err(SignatureError::Mismatch),
            "{field}"
        );
    }
    let notification = parse(&settlement()).unwrap();
    let other = SecretString::from("SB-Mid-server-other");
    assert_eq!(
        notification.verify_signature(&other),
        Err(SignatureError::Mismatch)
    );
    let malformed = parse(&with("signature_key", json!("abc"))).unwrap();
    assert_eq!(
        malformed.verify_signature(&key()),
        Err(SignatureError::Malformed)
    );
}

#[test]
fn an_empty_key_signs_nothing() {
    let empty = SecretString::from("");
    let signature = sign("WRG-7f3a9cx", "200", "50000.00", &empty);
    let notification = parse(&with("signature_key", json!(signature))).unwrap();
    assert_eq!(
        notification.verify_signature(&empty),
        Err(SignatureError::Mismatch)
    );
}

/// Why a signature is a filter only: what it does not cover can be edited at will.
#[test]
fn the_status_can_be_edited_under_a_true_signature() {
    let forged = parse(&with("transaction_status", json!("refund"))).unwrap();
    assert_eq!(forged.verify_signature(&key()), Ok(()));
}

/// A pending notification of a big order, split another way, is a settled one of a small order.
#[test]
fn a_signature_split_another_way_is_refused_by_the_last_letter() {
    let pending = sign("A", "201", "2005000.00", &key());
    let settled = sign("A201", "200", "5000.00", &key());
    assert_eq!(pending, settled, "the two are signed alike");

    let mut body = with("order_id", json!("A201"));
    body["gross_amount"] = json!("5000.00");
    body["signature_key"] = json!(pending);
    let forged = parse(&body).unwrap();
    assert_eq!(
        forged.verify_signature(&key()),
        Err(SignatureError::AmbiguousOrderId)
    );
}

proptest! {
    /// Whatever the amount, no split of a signed text that ends the order id in a letter is another
    /// payment than the one that was signed.
    #[test]
    fn only_one_split_ends_in_a_letter(
        order_id in "[A-Za-z0-9_~.-]{0,20}[A-Za-z]",
        code in "[0-9]{3}",
        rupiah in 1_i64..1_000_000_000,
    ) {
        let signed = format!("{order_id}{code}{rupiah}.00");
        let splits = (1..signed.len())
            .filter(|at| OrderId::parse(&signed[..*at]).is_ok())
            .filter(|at| signed[*at..].len() > 3)
            .filter(|at| signed[*at..*at + 3].bytes().all(|byte| byte.is_ascii_digit()))
            .filter(|at| Amount::parse(&signed[*at + 3..]).is_ok())
            .count();
        prop_assert_eq!(splits, 1);
    }

    #[test]
    fn no_body_panics(body in prop::collection::vec(any::<u8>(), 0..256)) {
        let _ = Notification::parse(&body);
    }
}
