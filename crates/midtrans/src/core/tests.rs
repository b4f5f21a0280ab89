use chrono::DateTime;
use insta::{assert_debug_snapshot, assert_snapshot};
use reqwest::StatusCode;
use serde_json::json;

use super::*;

fn charge(method: Method) -> ChargeRequest {
    ChargeRequest {
        order_id: OrderId::parse("WRG-7f3a9cx").unwrap(),
        amount: Amount::new(45_000).unwrap(),
        method,
        items: Vec::new(),
        customer: None,
        expiry: None,
    }
}

fn answer(http: u16, body: &serde_json::Value) -> Answer {
    let http = StatusCode::from_u16(http).unwrap();
    Answer::new(http, None, body.to_string().into_bytes())
}

/// A pending transaction with the fields every method has, and more.
fn pending(more: &serde_json::Value) -> serde_json::Value {
    let mut body = json!({
        "status_code": "201",
        "status_message": "Success, transaction is created",
        "transaction_id": "3c4f1a2b-0000-4000-8000-000000000001",
        "order_id": "WRG-7f3a9cx",
        "merchant_id": "G141532850",
        "gross_amount": "45000.00",
        "currency": "IDR",
        "transaction_time": "2026-11-24 10:00:00",
        "transaction_status": "pending",
        "fraud_status": "accept",
        "expiry_time": "2026-11-24 10:15:00"
    });
    body.as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    body
}

#[test]
fn a_charge_tells_items_customer_and_expiry() {
    let item = |name: &str, price, quantity| Item {
        id: "KOPI|1".to_owned(),
        name: name.to_owned(),
        price,
        quantity,
    };
    let request = ChargeRequest {
        items: vec![
            item(
                "Kopi Arabika Gayo Wine Process Natural Anaerob 250 gram biji",
                25_000,
                2,
            ),
            item("Potongan", -5_000, 1),
        ],
        customer: Some(Customer {
            first_name: Some("Sari Kusumaningtyas Wulandari Putri".to_owned()),
            phone: Some("6281234567890".to_owned()),
        }),
        expiry: Some(Expiry {
            from: DateTime::from_timestamp(1_764_000_000, 0).unwrap(),
            minutes: 15,
        }),
        ..charge(Method::Qris)
    };
    let body = serde_json::to_string_pretty(&charge_body(&request).unwrap()).unwrap();
    assert_snapshot!(body, @r#"
    {
      "payment_type": "qris",
      "transaction_details": {
        "order_id": "WRG-7f3a9cx",
        "gross_amount": 45000
      },
      "item_details": [
        {
          "id": "KOPI 1",
          "price": 25000,
          "quantity": 2,
          "name": "Kopi Arabika Gayo Wine Process Natural Anaerob 250"
        },
        {
          "id": "KOPI 1",
          "price": -5000,
          "quantity": 1,
          "name": "Potongan"
        }
      ],
      "customer_details": {
        "first_name": "Sari Kusumaningtyas Wulandari",
        "phone": "+6281234567890"
      },
      "custom_expiry": {
        "order_time": "2025-11-24 23:00:00 +0700",
        "expiry_duration": 15,
        "unit": "minute"
      },
      "qris": {
        "acquirer": "gopay"
      }
    }
    "#);
}

#[test]
fn each_method_has_its_own_field() {
    let own_field = |method| {
        let body = serde_json::to_value(charge_body(&charge(method)).unwrap()).unwrap();
        let mut fields = body.as_object().unwrap().clone();
        fields.remove("transaction_details");
        serde_json::Value::Object(fields)
    };
    let bank = |bank| json!({"payment_type": "bank_transfer", "bank_transfer": {"bank": bank}});
    assert_eq!(own_field(Method::VaBca), bank("bca"));
    assert_eq!(own_field(Method::VaBni), bank("bni"));
    assert_eq!(own_field(Method::VaBri), bank("bri"));
    assert_eq!(own_field(Method::VaPermata), bank("permata"));
    assert_eq!(
        own_field(Method::MandiriBill {
            info1: "Pesanan Anda".to_owned(),
            info2: "WRG-7f3a9cx".to_owned()
        }),
        json!({"payment_type": "echannel",
               "echannel": {"bill_info1": "Pesanan An", "bill_info2": "WRG-7f3a9cx"}})
    );
    assert_eq!(
        own_field(Method::Indomaret {
            message: "Toko Sari".to_owned()
        }),
        json!({"payment_type": "cstore", "cstore": {"store": "indomaret", "message": "Toko Sari"}})
    );
    assert_eq!(
        own_field(Method::Gopay { callback_url: None }),
        json!({"payment_type": "gopay", "gopay": {"enable_callback": false}})
    );
    assert_eq!(
        own_field(Method::ShopeePay {
            callback_url: "https://example.com/".to_owned()
        }),
        json!({"payment_type": "shopeepay", "shopeepay": {"callback_url": "https://example.com/"}})
    );
}

#[test]
fn a_charge_whose_items_do_not_sum_is_not_sent() {
    let mut request = charge(Method::Qris);
    request.items = vec![Item {
        id: "KOPI-1".to_owned(),
        name: "Kopi".to_owned(),
        price: 25_000,
        quantity: 2,
    }];
    let error = charge_body(&request).err();
    assert_eq!(
        error,
        Some(InvalidRequest::Sum {
            sum: 50_000,
            amount: 45_000
        })
    );
}

#[test]
fn permata_and_indomaret_take_no_idempotency_key() {
    assert!(Method::Qris.takes_idempotency_key());
    assert!(Method::VaBca.takes_idempotency_key());
    assert!(!Method::VaPermata.takes_idempotency_key());
    assert!(
        !Method::Indomaret {
            message: String::new()
        }
        .takes_idempotency_key()
    );
}

#[test]
fn a_qris_charge_is_read() {
    let body = pending(&json!({
        "payment_type": "qris",
        "qr_string": "00020101021226620014COM.GO-JEK.WWW",
        "acquirer": "gopay",
        "actions": [{"name": "generate-qr-code", "method": "GET",
                     "url": "https://example.com/v2/qris/1/qr-code"}]
    }));
    assert_debug_snapshot!(read_charge(answer(200, &body)).unwrap(), @r#"
    Charged {
        transaction: TransactionStatus {
            order_id: "WRG-7f3a9cx",
            transaction_id: Some(
                "3c4f1a2b-0000-4000-8000-000000000001",
            ),
            merchant_id: Some(
                "G141532850",
            ),
            gross_amount: 45000,
            currency: Some(
                "IDR",
            ),
            transaction_status: "pending",
            fraud_status: Some(
                "accept",
            ),
            payment_type: Some(
                "qris",
            ),
            transaction_time: Some(
                2026-11-24T03:00:00Z,
            ),
            settlement_time: None,
            expiry_time: Some(
                2026-11-24T03:15:00Z,
            ),
            refunds: [],
        },
        instructions: Qris {
            qr_string: Some(
                "00020101021226620014COM.GO-JEK.WWW",
            ),
            url: Some(
                "https://example.com/v2/qris/1/qr-code",
            ),
        },
    }
    "#);
}

#[test]
fn every_method_tells_how_to_pay_in_its_own_way() {
    let instructions =
        |more: serde_json::Value| read_charge(answer(200, &pending(&more))).map(|c| c.instructions);
    let account = |bank: &str| Instructions::VirtualAccount {
        bank: bank.to_owned(),
        number: "812785002530231".to_owned(),
    };
    assert_eq!(
        instructions(json!({"payment_type": "bank_transfer",
            "va_numbers": [{"bank": "bca", "va_number": "812785002530231"}]})),
        Ok(account("bca"))
    );
    assert_eq!(
        instructions(json!({"payment_type": "bank_transfer",
            "permata_va_number": "812785002530231"})),
        Ok(account("permata"))
    );
    assert_eq!(
        instructions(json!({"payment_type": "echannel", "biller_code": "70012",
            "bill_key": "990000000260"})),
        Ok(Instructions::MandiriBill {
            biller_code: "70012".to_owned(),
            bill_key: "990000000260".to_owned()
        })
    );
    assert_eq!(
        instructions(json!({"payment_type": "cstore", "store": "indomaret",
            "payment_code": "25709650945026"})),
        Ok(Instructions::StorePayment {
            store: "indomaret".to_owned(),
            code: "25709650945026".to_owned()
        })
    );
    assert_eq!(
        instructions(json!({"payment_type": "gopay", "actions": [
            {"name": "generate-qr-code", "url": "https://example.com/qr"},
            {"name": "deeplink-redirect", "url": "gojek://gopay"}]})),
        Ok(Instructions::Deeplink {
            url: "gojek://gopay".to_owned()
        })
    );
    assert!(matches!(
        instructions(json!({"payment_type": "qris"})),
        Err(CallError::Unknown(_))
    ));
}

#[test]
fn a_charge_that_did_not_come_about_says_why() {
    let code = |code: &str| read_charge(answer(200, &json!({"status_code": code}))).unwrap_err();
    assert_eq!(code("406"), CallError::Duplicate);
    assert_eq!(code("429"), CallError::RateLimited { retry_after: None });
    assert!(matches!(
        code("402"),
        CallError::Rejected {
            status_code: 402,
            ..
        }
    ));
    assert!(matches!(code("505"), CallError::Unknown(_)));
    let denied = pending(&json!({"status_code": "202", "transaction_status": "deny"}));
    assert!(matches!(
        read_charge(answer(200, &denied)),
        Err(CallError::Rejected {
            status_code: 202,
            ..
        })
    ));
    let in_flight = read_charge(answer(202, &json!({})));
    assert!(
        matches!(in_flight, Err(CallError::Unknown(_))),
        "{in_flight:?}"
    );
}

#[test]
fn a_status_is_read_whatever_its_code_says() {
    for (code, state) in [
        ("200", "settlement"),
        ("201", "PENDING"),
        ("202", "deny"),
        ("407", "expire"),
    ] {
        let body = pending(&json!({"status_code": code, "transaction_status": state}));
        let status = read_status(answer(200, &body)).unwrap().transaction;
        assert_eq!(status.transaction_status, state.to_lowercase());
        assert_eq!(status.gross_amount, 45_000);
    }
    let missing = json!({"status_code": "404", "status_message": "Transaction doesn't exist."});
    assert_eq!(
        read_status(answer(200, &missing)).unwrap_err(),
        CallError::NotFound
    );
    let wrong_key = json!({"status_code": "401", "status_message": "Unknown Merchant"});
    assert_eq!(
        read_status(answer(401, &wrong_key)).unwrap_err(),
        CallError::Unauthorized
    );
}

#[test]
fn a_status_tells_again_how_to_pay_to_an_account() {
    let body = pending(&json!({"payment_type": "bank_transfer",
        "va_numbers": [{"bank": "bni", "va_number": "8578"}], "payment_amounts": []}));
    let status = read_status(answer(200, &body)).unwrap();
    assert_eq!(
        status.instructions,
        Some(Instructions::VirtualAccount {
            bank: "bni".to_owned(),
            number: "8578".to_owned()
        })
    );
}

#[test]
fn a_status_with_an_odd_amount_is_not_believed() {
    for amount in ["45000.50", "45000", "-1.00"] {
        let body = pending(&json!({"gross_amount": amount}));
        let result = read_status(answer(200, &body));
        assert!(
            matches!(result, Err(CallError::Unknown(_))),
            "{amount}: {result:?}"
        );
    }
}

#[test]
fn a_status_lists_what_was_paid_back() {
    let body = pending(&json!({
        "status_code": "200", "transaction_status": "partial_refund", "refund_amount": "5000.00",
        "refunds": [{"refund_chargeback_id": 1, "refund_key": "r-1", "refund_amount": "5000.00",
                     "reason": "rusak", "created_at": "2026-11-24 11:00:00",
                     "bank_confirmed_at": "2026-11-24 11:05:00"}]
    }));
    let refunds = read_status(answer(200, &body)).unwrap().transaction.refunds;
    assert_debug_snapshot!(refunds, @r#"
    [
        Refund {
            refund_key: Some(
                "r-1",
            ),
            amount: 5000,
            reason: Some(
                "rusak",
            ),
            created_at: Some(
                2026-11-24T04:00:00Z,
            ),
            bank_confirmed_at: Some(
                2026-11-24T04:05:00Z,
            ),
        },
    ]
    "#);
}

#[test]
fn cancel_and_expire_have_codes_of_success_of_their_own() {
    let cancelled = pending(&json!({"status_code": "200", "transaction_status": "cancel"}));
    assert!(read_change(answer(200, &cancelled), &[200]).is_ok());
    let expired = pending(&json!({"status_code": "407", "transaction_status": "expire"}));
    assert!(read_change(answer(200, &expired), &[407, 200]).is_ok());
    let settled = json!({"status_code": "412",
        "status_message": "Transaction status cannot be updated."});
    assert_eq!(
        read_change(answer(200, &settled), &[200]).unwrap_err(),
        CallError::CannotModify
    );
    let denied = pending(&json!({"status_code": "202", "transaction_status": "settlement"}));
    assert!(matches!(
        read_change(answer(200, &denied), &[200, 201]),
        Err(CallError::Rejected {
            status_code: 202,
            ..
        })
    ));
}

#[test]
fn a_refund_key_is_checked_before_it_is_sent() {
    let refund = |key: &str| RefundRequest {
        refund_key: key.to_owned(),
        amount: Amount::new(5_000).unwrap(),
        reason: "barang\nrusak".to_owned(),
    };
    let good = refund("r-1_A");
    let body = serde_json::to_value(refund_body(&good).unwrap()).unwrap();
    assert_eq!(
        body,
        json!({"refund_key": "r-1_A", "amount": 5_000, "reason": "barang rusak"})
    );
    for key in ["", "a b", "a/b", "é"] {
        assert_eq!(
            refund_body(&refund(key)).err(),
            Some(InvalidRequest::RefundKey),
            "{key}"
        );
    }
}
