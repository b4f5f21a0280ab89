use insta::assert_snapshot;

use super::*;

#[test]
fn a_message_serialises_to_the_body_of_the_call_and_back() {
    let message = OutgoingMessage::new(
        Recipient::wa_id("6281234567890").unwrap(),
        Content::text("Halo, Bu Sari"),
    )
    .quoting("wamid.A")
    .with_callback_data(CallbackData::from(17));
    let wire = serde_json::to_string_pretty(&message).unwrap();
    assert_snapshot!(wire, @r#"
    {
      "messaging_product": "whatsapp",
      "recipient_type": "individual",
      "to": "6281234567890",
      "context": {
        "message_id": "wamid.A"
      },
      "biz_opaque_callback_data": "17",
      "type": "text",
      "text": {
        "preview_url": false,
        "body": "Halo, Bu Sari"
      }
    }
    "#);
    assert_eq!(
        serde_json::from_str::<OutgoingMessage>(&wire).unwrap(),
        message
    );
}

#[test]
fn a_user_id_goes_where_user_ids_go() {
    let message = OutgoingMessage::new(
        Recipient::user_id("ID.2026x").unwrap(),
        Content::Template {
            template: Template::with_body("paid", "id", ["Rp50.000".to_owned()]),
        },
    );
    let wire = serde_json::to_string_pretty(&message).unwrap();
    assert_snapshot!(wire, @r#"
    {
      "messaging_product": "whatsapp",
      "recipient_type": "individual",
      "recipient": "ID.2026x",
      "type": "template",
      "template": {
        "name": "paid",
        "language": {
          "code": "id"
        },
        "components": [
          {
            "type": "body",
            "parameters": [
              {
                "type": "text",
                "text": "Rp50.000"
              }
            ]
          }
        ]
      }
    }
    "#);
    assert_eq!(
        serde_json::from_str::<OutgoingMessage>(&wire).unwrap(),
        message
    );
}

#[test]
fn a_user_id_is_never_taken_for_a_number_nor_a_number_for_a_user_id() {
    for number in ["62812", "6281234567890"] {
        assert!(Recipient::wa_id(number).is_ok(), "{number}");
        assert!(Recipient::user_id(number).is_err(), "{number}");
    }
    for id in ["ID.6281234567890", "ID.ENT.6281234567890"] {
        assert!(Recipient::user_id(id).is_ok(), "{id}");
        assert!(Recipient::wa_id(id).is_err(), "{id}");
    }
    for neither in [
        "",
        "+628123",
        "62 812",
        "id.a",
        "ID.",
        "ID.a.b",
        "ID.ENT.",
        "６２８１２３４",
    ] {
        assert!(Recipient::wa_id(neither).is_err(), "{neither}");
        assert!(Recipient::user_id(neither).is_err(), "{neither}");
    }
}

#[test]
fn debug_forms_show_no_customer() {
    let recipient = Recipient::wa_id("6281234567890").unwrap();
    let message = OutgoingMessage::new(recipient, Content::text("Halo"));
    assert!(!format!("{message:?}").contains("6281234567890"));
}

#[test]
fn callback_data_has_its_limit() {
    assert!(CallbackData::parse("x".repeat(512)).is_ok());
    assert_eq!(CallbackData::parse("x".repeat(513)), Err(CallbackDataError));
    assert_eq!(CallbackData::parse(""), Err(CallbackDataError));
    assert!(serde_json::from_str::<CallbackData>(r#""""#).is_err());
}

#[test]
fn a_receipt_may_show_that_an_answer_is_coming() {
    let receipt = |typing| serde_json::to_value(ReadReceipt::new("wamid.A", typing)).unwrap();
    let mut expected = serde_json::json!({
        "messaging_product": "whatsapp", "status": "read", "message_id": "wamid.A"
    });
    assert_eq!(receipt(false), expected);
    expected["typing_indicator"] = serde_json::json!({"type": "text"});
    assert_eq!(receipt(true), expected);
}
