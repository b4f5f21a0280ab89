//! Commands as ids.

use proptest::prelude::*;

use super::*;

#[test]
fn taps_of_other_versions_are_stale() {
    assert_eq!(
        says("v2|buy|1|kopi"),
        Parsed::StaleTap(DecodeError::OtherVersion)
    );
    assert_eq!(
        says("v1|teleport"),
        Parsed::StaleTap(DecodeError::UnknownCommand)
    );
    assert_eq!(
        says("v1|buy|0.001|kopi"),
        Parsed::StaleTap(DecodeError::Malformed)
    );
    assert_eq!(
        says("v1|pay|short|qris"),
        Parsed::StaleTap(DecodeError::Malformed)
    );
    assert_eq!(
        says("v1|stock|KOPI-01|5"),
        Parsed::StaleTap(DecodeError::Malformed)
    );
    assert_eq!(says("volt|1"), words("volt|1"));
}

fn any_text() -> impl Strategy<Value = String> {
    "[a-zA-Z0-9 |%\n\\PC]{1,40}".prop_filter("a text", |text| !text.is_empty())
}

fn any_command() -> impl Strategy<Value = Command> {
    let nonce = any::<[u8; 16]>().prop_map(QuoteNonce::from_random);
    let method = prop::sample::select(PaymentMethod::ALL.to_vec());
    let code = "[A-Z0-9][A-Z0-9-]{0,31}".prop_map(|text| Sku::parse(&text).unwrap());
    let slug = "[a-z0-9][a-z0-9-]{0,31}".prop_map(|text| CategorySlug::parse(&text).unwrap());
    let units = || prop::option::of((1_u32..=999).prop_map(|n| Quantity::new(n).unwrap()));
    let amount = || (0_i64..=9_000_000_000_000).prop_map(|n| Rupiah::new(n).unwrap());
    let page = 1_u32..;
    let change = prop_oneof![
        (0..=MAX_STOCK).prop_map(StockChange::Set),
        (0..=MAX_STOCK).prop_map(StockChange::Add),
        (0..=MAX_STOCK).prop_map(StockChange::Remove),
    ];
    let pay = (nonce.clone(), method.clone(), any::<bool>());
    prop_oneof![
        Just(Command::Menu),
        (prop::option::of(slug), page.clone())
            .prop_map(|(category, page)| Command::Products { category, page }),
        (any_text(), page.clone()).prop_map(|(query, page)| Command::Search { query, page }),
        code.clone().prop_map(|sku| Command::Detail { sku }),
        (any_text(), units()).prop_map(|(product, quantity)| Command::Buy { product, quantity }),
        (any_text(), units()).prop_map(|(product, quantity)| Command::Add { product, quantity }),
        (any_text(), units()).prop_map(|(product, quantity)| Command::Remove { product, quantity }),
        prop::option::of(any_text()).prop_map(|text| Command::Address { text }),
        nonce.clone().prop_map(|quote| Command::Quote { quote }),
        pay.prop_map(|(quote, method, with_saldo)| Command::Pay {
            quote,
            method,
            with_saldo
        }),
        page.prop_map(|page| Command::Orders { page }),
        Just(Command::Order { number: order() }),
        prop::option::of(Just(order())).prop_map(|number| Command::Cancel { number }),
        prop::option::of(amount()).prop_map(|amount| Command::TopUp { amount }),
        (amount(), method, nonce).prop_map(|(amount, method, nonce)| Command::TopUpWith {
            amount,
            method,
            nonce
        }),
        (code.clone(), prop::option::of(change)).prop_map(|(sku, change)| {
            Command::Staff(StaffCommand::Stock {
                sku: Some(sku),
                change,
            })
        }),
        any::<u32>().prop_map(|id| {
            Command::Staff(StaffCommand::HandBack {
                chat: Chat::Customer(i64::from(id)),
            })
        }),
        Just(Command::Received {
            number: Some(order())
        }),
        Just(Command::Staff(StaffCommand::Complete { number: order() })),
        (code, amount(), prop::option::of(amount())).prop_map(|(sku, price, reseller)| {
            Command::Staff(StaffCommand::Price {
                sku,
                price,
                reseller,
            })
        }),
    ]
}

proptest! {
    #[test]
    fn a_command_survives_its_id(command in any_command()) {
        let id = command.encode();
        prop_assert!(id.chars().count() <= MAX_ID_CHARS, "{id}");
        prop_assert_eq!(Command::decode(&id), Ok(command.clone()));
        let context = ParseContext { is_staff: true, ..ParseContext::default() };
        prop_assert_eq!(parse(&id, &context), Parsed::Command(command));
    }

    #[test]
    fn an_id_never_grows_too_long(text in "\\PC{0,400}|[|%]{0,400}") {
        for command in [
            Command::Search { query: text.clone(), page: u32::MAX },
            Command::Buy { product: text.clone(), quantity: Some(Quantity::MAX) },
            Command::Address { text: Some(text.clone()) },
        ] {
            prop_assert!(command.encode().chars().count() <= MAX_ID_CHARS);
        }
    }

    #[test]
    fn any_text_is_read_without_panic(
        text in "\\PC*|.*|(beli|topup|alamat|stok|addstok|harga|cek|batal)[ :\n][\\PC\\d.,+eE-]*",
        is_staff in any::<bool>(),
    ) {
        let menu = [Command::Detail { sku: sku("KOPI-01") }];
        let awaited = [
            None,
            Some(Awaiting::Address),
            Some(Awaiting::TopUpAmount),
            Some(Awaiting::Quantity { sku: sku("KOPI-01") }),
            Some(Awaiting::SearchWords),
        ];
        for awaiting in &awaited {
            for quoted in [None, Some(&menu[0])] {
                let awaiting = awaiting.as_ref();
                let context =
                    ParseContext { is_staff, awaiting, menu: &menu, quoted, product_words: None };
                let parsed = parse(&text, &context);
                if let Parsed::Command(Command::Staff(_)) = parsed {
                    prop_assert!(is_staff);
                }
            }
        }
    }

    #[test]
    fn decoding_never_panics(id in "(v1\\|)?\\PC*") {
        let _ = Command::decode(&id);
    }
}
