//! Answers to what the shop said before.

use super::*;
use crate::money::AmountError;

#[test]
fn a_number_picks_from_the_last_message() {
    let menu = [
        Command::Menu,
        Command::Detail {
            sku: sku("KOPI-01"),
        },
        Command::Cart,
    ];
    let context = ParseContext {
        menu: &menu,
        ..ParseContext::default()
    };
    for text in [
        "2", "2.", " 2 ", "２", "2️⃣", "#2", "(2)", "no 2", "nomor 2", "pilih 2", "2 ya kak",
    ] {
        assert_eq!(
            parse(text, &context),
            Parsed::Command(menu[1].clone()),
            "{text}"
        );
    }
    assert_eq!(
        parse("4", &context),
        Parsed::OutOfRange {
            number: 4,
            options: 3
        }
    );
    assert_eq!(
        parse("0", &context),
        Parsed::OutOfRange {
            number: 0,
            options: 3
        }
    );
    assert_eq!(parse("2.5", &context), words("2.5"));
    assert_eq!(parse("٢", &context), words("٢"));
    assert_eq!(
        says("1"),
        Parsed::OutOfRange {
            number: 1,
            options: 0
        }
    );
    assert_eq!(parse("beli 2", &context), buy("KOPI-01", None));
    assert_eq!(parse("beli 2 3", &context), buy("KOPI-01", Some(3)));
}

#[test]
fn ways_to_pay_are_picked_by_name_where_offered() {
    let quote = NONCE;
    let qris = Command::Pay {
        quote,
        method: PaymentMethod::Qris,
        with_saldo: false,
    };
    let mixed = Command::Pay {
        quote,
        method: PaymentMethod::Qris,
        with_saldo: true,
    };
    let saldo = Command::Pay {
        quote,
        method: PaymentMethod::Saldo,
        with_saldo: false,
    };
    let menu = [
        mixed,
        qris.clone(),
        saldo.clone(),
        Command::Decline { quote },
    ];
    let context = ParseContext {
        menu: &menu,
        ..ParseContext::default()
    };
    assert_eq!(parse("QRIS", &context), Parsed::Command(qris.clone()));
    assert_eq!(parse("bayar pakai qris", &context), Parsed::Command(qris));
    assert_eq!(parse("pakai saldo", &context), Parsed::Command(saldo));
    assert_eq!(parse("saldo", &context), Parsed::Command(Command::Balance));
    assert_eq!(parse("bca", &context), words("bca"));
    assert_eq!(says("qris"), words("qris"));
}

#[test]
fn a_reply_is_read_against_the_quoted_message() {
    let detail = Command::Detail {
        sku: sku("KOPI-01"),
    };
    let context = ParseContext {
        quoted: Some(&detail),
        ..ParseContext::default()
    };
    assert_eq!(parse("2", &context), buy("KOPI-01", Some(2)));
    assert_eq!(parse("2 pcs", &context), buy("KOPI-01", Some(2)));
    assert_eq!(parse("beli", &context), buy("KOPI-01", None));
    assert_eq!(parse("beli 3", &context), buy("KOPI-01", Some(3)));
    assert_eq!(
        parse("0.001", &context),
        bad_quantity(QuantityError::Fraction)
    );
    assert_eq!(
        parse("beli 0.001", &context),
        bad_quantity(QuantityError::Fraction)
    );

    let quote = Command::Methods { quote: NONCE };
    let context = ParseContext {
        quoted: Some(&quote),
        ..ParseContext::default()
    };
    assert_eq!(
        parse("ya", &context),
        Parsed::Command(Command::Quote { quote: NONCE })
    );
    assert_eq!(
        parse("tidak", &context),
        Parsed::Command(Command::Decline { quote: NONCE })
    );
    let pay = Command::Pay {
        quote: NONCE,
        method: PaymentMethod::VaBca,
        with_saldo: false,
    };
    assert_eq!(parse("BCA", &context), Parsed::Command(pay));

    let about = Command::Order { number: order() };
    let context = ParseContext {
        quoted: Some(&about),
        ..ParseContext::default()
    };
    let cancel = Command::Cancel {
        number: Some(order()),
    };
    assert_eq!(parse("batal", &context), Parsed::Command(cancel));
    let track = Command::Track {
        number: Some(order()),
    };
    assert_eq!(parse("lacak", &context), Parsed::Command(track));
}

#[test]
fn an_answer_is_read_against_the_question() {
    let answer = |awaiting: &Awaiting, text: &str| {
        parse(
            text,
            &ParseContext {
                awaiting: Some(awaiting),
                ..ParseContext::default()
            },
        )
    };
    let many = Awaiting::Quantity {
        sku: sku("KOPI-01"),
    };
    assert_eq!(answer(&many, "3"), buy("KOPI-01", Some(3)));
    assert_eq!(answer(&many, "3 pcs ya"), buy("KOPI-01", Some(3)));
    assert_eq!(answer(&many, "1e-9"), bad_quantity(QuantityError::Exponent));
    assert_eq!(
        answer(&many, "batal"),
        Parsed::Command(Command::Cancel { number: None })
    );

    let amount = |rupiah| {
        Parsed::Command(Command::TopUp {
            amount: Rupiah::new(rupiah),
        })
    };
    assert_eq!(answer(&Awaiting::TopUpAmount, "50rb"), amount(50_000));
    assert_eq!(
        answer(&Awaiting::TopUpAmount, "Rp 1,5 jt"),
        amount(1_500_000)
    );
    let problem = Problem::BadAmount(AmountError::Fraction);
    let malformed = Parsed::Malformed {
        command: CommandName::TopUp,
        problem,
    };
    assert_eq!(answer(&Awaiting::TopUpAmount, "0.001"), malformed);

    let home = "Jl. Melati No. 5\nRT 01/02, Bandung";
    let address = Parsed::Command(Command::Address {
        text: Some(home.to_owned()),
    });
    assert_eq!(answer(&Awaiting::Address, home), address);
    assert_eq!(
        answer(&Awaiting::Address, &format!("alamat: {home}")),
        address
    );
    assert_eq!(
        answer(&Awaiting::Address, "menu"),
        Parsed::Command(Command::Menu)
    );
    assert_eq!(says(&format!("Alamat:{home}")), address);
    assert_eq!(
        says("alamat toko di mana?"),
        Parsed::Command(Command::Address { text: None })
    );
}
