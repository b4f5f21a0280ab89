use chrono::DateTime;
use insta::assert_snapshot;
use reqwest::StatusCode;
use serde_json::json;

use super::*;

fn answer(http: u16, body: &serde_json::Value) -> Answer {
    let http = StatusCode::from_u16(http).unwrap();
    Answer::new(http, None, body.to_string().into_bytes())
}

#[test]
fn a_page_is_asked_for_with_all_it_needs() {
    let request = SnapRequest {
        order_id: OrderId::parse("WRG-7f3a9cx").unwrap(),
        amount: Amount::new(45_000).unwrap(),
        items: vec![Item {
            id: "KOPI-1".to_owned(),
            name: "Kopi".to_owned(),
            price: 45_000,
            quantity: 1,
        }],
        customer: Some(Customer {
            first_name: Some("Sari".to_owned()),
            phone: None,
        }),
        enabled_payments: vec!["other_qris".to_owned(), "bca_va".to_owned()],
        expiry: Some(Expiry {
            from: DateTime::from_timestamp(1_764_000_000, 0).unwrap(),
            minutes: 60,
        }),
        finish_url: Some("https://example.com/done".to_owned()),
    };
    let body = serde_json::to_string_pretty(&page_body(&request).unwrap()).unwrap();
    assert_snapshot!(body, @r#"
    {
      "transaction_details": {
        "order_id": "WRG-7f3a9cx",
        "gross_amount": 45000
      },
      "item_details": [
        {
          "id": "KOPI-1",
          "price": 45000,
          "quantity": 1,
          "name": "Kopi"
        }
      ],
      "customer_details": {
        "first_name": "Sari"
      },
      "enabled_payments": [
        "other_qris",
        "bca_va"
      ],
      "expiry": {
        "start_time": "2025-11-24 23:00:00 +0700",
        "unit": "minutes",
        "duration": 60
      },
      "page_expiry": {
        "unit": "minutes",
        "duration": 60
      },
      "callbacks": {
        "finish": "https://example.com/done"
      }
    }
    "#);
}

#[test]
fn the_least_page_is_order_and_amount() {
    let request = SnapRequest {
        order_id: OrderId::parse("WRG-7f3a9cx").unwrap(),
        amount: Amount::new(1).unwrap(),
        items: Vec::new(),
        customer: None,
        enabled_payments: Vec::new(),
        expiry: None,
        finish_url: None,
    };
    let body = serde_json::to_value(page_body(&request).unwrap()).unwrap();
    let details = json!({"order_id": "WRG-7f3a9cx", "gross_amount": 1});
    assert_eq!(body, json!({"transaction_details": details}));
}

#[test]
fn a_page_is_its_token_and_address() {
    let body = json!({"token": "66e4fa55-fdac-4ef9-91b5-733b97d1b862",
                      "redirect_url": "https://example.com/snap/v2/vtweb/66e4fa55"});
    let page = read_page(answer(201, &body)).unwrap();
    assert_eq!(page.token, "66e4fa55-fdac-4ef9-91b5-733b97d1b862");
    assert!(matches!(
        read_page(answer(201, &json!({}))),
        Err(CallError::Unknown(_))
    ));
}

#[test]
fn a_used_order_id_is_a_duplicate_in_either_language() {
    for message in [
        "transaction_details.order_id has already been taken",
        "transaction_details.order_id sudah digunakan",
    ] {
        let body = json!({"error_messages": [message]});
        assert_eq!(
            read_page(answer(400, &body)),
            Err(CallError::Duplicate),
            "{message}"
        );
    }
    let body = json!({"error_messages": ["transaction_details.gross_amount is required"]});
    assert!(matches!(
        read_page(answer(400, &body)),
        Err(CallError::Rejected {
            status_code: 400,
            ..
        })
    ));
    let body = json!({"error_messages": ["Access denied due to unauthorized transaction"]});
    assert_eq!(read_page(answer(401, &body)), Err(CallError::Unauthorized));
    let body = json!({"error_messages": ["internal server error"]});
    assert!(matches!(
        read_page(answer(500, &body)),
        Err(CallError::Unknown(_))
    ));
}

#[test]
fn a_page_is_closed_once_and_not_under_a_payment() {
    let says = |words: &str| json!({"error_messages": [words]});
    let closed = json!({"canceled_at": "2026-11-24T03:00:00.000Z"});
    assert_eq!(read_cancel(answer(200, &closed)), Ok(()));
    assert_eq!(
        read_cancel(answer(400, &says("token already canceled"))),
        Ok(())
    );
    assert_eq!(
        read_cancel(answer(400, &says("Transaction is on progress"))),
        Err(CallError::CannotModify)
    );
    assert_eq!(
        read_cancel(answer(404, &says("token not found"))),
        Err(CallError::NotFound)
    );
    assert!(matches!(
        read_cancel(answer(502, &json!({}))),
        Err(CallError::Unknown(_))
    ));
}
