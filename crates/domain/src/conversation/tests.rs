//! Stories of what people write and how it is understood.

use std::collections::HashSet;

use proptest::prelude::*;

use super::*;
use crate::money::{AmountError, QuantityError};

const NONCE: QuoteNonce = QuoteNonce::from_random([7; 16]);

fn sku(text: &str) -> Sku {
    Sku::parse(text).unwrap()
}

fn quantity(units: u32) -> Option<Quantity> {
    Some(Quantity::new(units).unwrap())
}

fn order() -> OrderNumber {
    OrderNumber::parse("WRG-241126-7K3QX").unwrap()
}

fn says(text: &str) -> Parsed {
    parse(text, &ParseContext::default())
}

fn staff_says(text: &str) -> Parsed {
    parse(
        text,
        &ParseContext {
            is_staff: true,
            ..ParseContext::default()
        },
    )
}

fn buy(product: &str, units: Option<u32>) -> Parsed {
    let quantity = units.and_then(quantity);
    Parsed::Command(Command::Buy {
        product: product.to_owned(),
        quantity,
    })
}

fn words(text: &str) -> Parsed {
    Parsed::Words(text.to_owned())
}

fn bad_quantity(error: QuantityError) -> Parsed {
    Parsed::Malformed {
        command: CommandName::Buy,
        problem: Problem::BadQuantity(error),
    }
}

#[test]
fn every_bare_command_is_known_in_both_languages() {
    let page = 1;
    let all = Command::Products {
        category: None,
        page,
    };
    let table: &[(Command, &[&str])] = &[
        (
            Command::Menu,
            &["menu", "halo", "hai", "mulai", "p", "start", "hi", "hello"],
        ),
        (
            all,
            &["produk", "katalog", "list", "products", "catalog", "stok"],
        ),
        (Command::Cart, &["keranjang", "cart"]),
        (
            Command::ClearCart,
            &["kosongkan", "clear", "hapus semua", "empty cart"],
        ),
        (
            Command::Checkout,
            &["checkout", "bayar", "pay", "check out"],
        ),
        (Command::Address { text: None }, &["alamat", "address"]),
        (Command::Yes, &["ya", "yes", "ok", "iya", "Y"]),
        (Command::No, &["tidak", "no", "gak jadi"]),
        (Command::Orders { page }, &["pesanan", "riwayat", "orders"]),
        (Command::Track { number: None }, &["lacak", "resi", "track"]),
        (Command::Cancel { number: None }, &["batal", "cancel"]),
        (Command::Balance, &["saldo", "balance", "cek saldo"]),
        (
            Command::TopUp { amount: None },
            &["topup", "deposit", "top up", "isi saldo"],
        ),
        (Command::Statement { page }, &["mutasi", "statement"]),
        (
            Command::SetLanguage { language: None },
            &["bahasa", "language"],
        ),
        (Command::Human, &["cs", "admin", "bantuan", "agent", "help"]),
        (Command::StopMarketing, &["berhenti", "stop"]),
        (Command::StartMarketing, &["langganan", "subscribe"]),
    ];
    for (command, texts) in table {
        for text in *texts {
            let understood = Parsed::Command(command.clone());
            assert_eq!(says(text), understood, "{text}");
            assert_eq!(says(&text.to_uppercase()), understood, "{text} in capitals");
            for prefix in ["/", ".", "!", "#", "✨ ", "*"] {
                assert_eq!(
                    says(&format!("{prefix}{text}")),
                    understood,
                    "{prefix}{text}"
                );
            }
            assert_eq!(
                says(&format!(" {text} !! 🙏")),
                understood,
                "{text} with decoration"
            );
            assert_eq!(says(&format!("{text} kak")), understood, "{text} kak");
        }
    }
}

#[test]
fn buying_is_understood_with_the_number_before_or_behind() {
    assert_eq!(says("beli kopi 2"), buy("kopi", Some(2)));
    assert_eq!(says("beli 2 kopi"), buy("kopi", Some(2)));
    assert_eq!(says("Beli kopi susu"), buy("kopi susu", None));
    assert_eq!(says("beli KOPI-01 x2"), buy("KOPI-01", Some(2)));
    assert_eq!(says("beli KOPI-01 2x"), buy("KOPI-01", Some(2)));
    assert_eq!(says("beli kopi x 2"), buy("kopi", Some(2)));
    assert_eq!(says("beli 2 x kopi"), buy("kopi", Some(2)));
    assert_eq!(says("beli kopi - 2"), buy("kopi", Some(2)));
    assert_eq!(says("beli 2 pcs kopi susu"), buy("kopi susu", Some(2)));
    assert_eq!(says("beli kopi 2pcs ya kak"), buy("kopi", Some(2)));
    assert_eq!(says("beli kopi 2 buah"), buy("kopi", Some(2)));
    assert_eq!(says("buy coffee ２"), buy("coffee", Some(2)));
    assert_eq!(says("pesan kopi (2)"), buy("kopi", Some(2)));
    assert_eq!(says("halo kak, mau beli kopi 2 dong"), buy("kopi", Some(2)));
    assert_eq!(
        says("i want to buy coffee 3, please!"),
        buy("coffee", Some(3))
    );
    assert_eq!(says("/order kopi-01"), buy("kopi-01", None));
}

#[test]
fn numbers_in_a_product_s_name_are_no_quantity() {
    assert_eq!(says("beli gula 500g"), buy("gula 500g", None));
    assert_eq!(says("beli aqua 600ml 3"), buy("aqua 600ml", Some(3)));
    assert_eq!(says("beli kopi 3in1"), buy("kopi 3in1", None));
    assert_eq!(says("beli jus 100%"), buy("jus 100%", None));
    assert_eq!(says("beli KOPI-01"), buy("KOPI-01", None));
    assert_eq!(says("beli 899123"), buy("899123", None));
    assert_eq!(says("beli 12-34"), buy("12-34", None));
}

#[test]
fn a_malformed_quantity_is_never_one_unit() {
    for (number, error) in [
        ("0.001", QuantityError::Fraction),
        ("1e-9", QuantityError::Exponent),
        ("-1e-9", QuantityError::Negative),
        ("1.5", QuantityError::Fraction),
        ("0,5", QuantityError::Fraction),
        (".5", QuantityError::Fraction),
        ("1/2", QuantityError::Fraction),
        ("½", QuantityError::Fraction),
        ("-5", QuantityError::Negative),
        ("−5", QuantityError::Negative),
        ("0", QuantityError::Zero),
        ("000", QuantityError::Zero),
        ("1000", QuantityError::TooLarge),
        ("99999999999999999999", QuantityError::TooLarge),
        ("١", QuantityError::ForeignDigits),
        ("+2", QuantityError::NotANumber),
        ("0.001pcs", QuantityError::Fraction),
        ("x0.001", QuantityError::Fraction),
    ] {
        assert_eq!(
            says(&format!("beli kopi {number}")),
            bad_quantity(error),
            "kopi {number}"
        );
        assert_eq!(
            says(&format!("beli {number} kopi")),
            bad_quantity(error),
            "{number} kopi"
        );
        assert_eq!(
            says(&format!("belii kopi {number}")),
            bad_quantity(error),
            "belii {number}"
        );
    }
    for number in ["0.001", "1e-9", "-5"] {
        assert!(
            matches!(says(&format!("beli {number}")), Parsed::Malformed { .. }),
            "{number}"
        );
        let parsed = says(&format!("tambah kopi {number}"));
        assert!(
            matches!(
                parsed,
                Parsed::Malformed {
                    command: CommandName::Add,
                    ..
                }
            ),
            "{number}"
        );
    }
}

#[test]
fn two_numbers_or_two_products_are_asked_about() {
    let asked = Parsed::Malformed {
        command: CommandName::Buy,
        problem: Problem::TwoQuantities,
    };
    assert_eq!(says("beli 2 kopi 3"), asked);
    assert_eq!(says("beli kopi 2 dan teh 3"), asked);
    assert_eq!(says("beli 2 kopi + 1 teh"), asked);
    assert_eq!(says("beli 2 3"), asked);
    let missing = Parsed::Malformed {
        command: CommandName::Buy,
        problem: Problem::MissingArgument,
    };
    assert_eq!(says("beli"), missing);
    assert_eq!(says("beli 2"), missing);
}

#[test]
fn the_cart_is_changed_by_words() {
    let add = |product: &str, units| {
        Parsed::Command(Command::Add {
            product: product.to_owned(),
            quantity: units,
        })
    };
    let remove = |product: &str, units| {
        Parsed::Command(Command::Remove {
            product: product.to_owned(),
            quantity: units,
        })
    };
    assert_eq!(says("tambah kopi susu 3"), add("kopi susu", quantity(3)));
    assert_eq!(says("add KOPI-01"), add("KOPI-01", None));
    assert_eq!(says("kurang kopi"), remove("kopi", quantity(1)));
    assert_eq!(says("kurang kopi 2"), remove("kopi", quantity(2)));
    assert_eq!(says("hapus kopi"), remove("kopi", None));
    assert_eq!(says("remove kopi 2"), remove("kopi", quantity(2)));
}

#[test]
fn products_are_listed_searched_and_shown() {
    let products = |category: Option<&str>, page| {
        Parsed::Command(Command::Products {
            category: category.map(|slug| CategorySlug::parse(slug).unwrap()),
            page,
        })
    };
    let search = |query: &str| {
        Parsed::Command(Command::Search {
            query: query.to_owned(),
            page: 1,
        })
    };
    assert_eq!(says("produk minuman"), products(Some("minuman"), 1));
    assert_eq!(says("produk minuman 2"), products(Some("minuman"), 2));
    assert_eq!(says("produk hal 3"), products(None, 3));
    assert_eq!(says("menu minuman"), products(Some("minuman"), 1));
    assert_eq!(says("produk kopi & teh"), products(Some("kopi-teh"), 1));
    assert_eq!(says("cari kopi susu"), search("kopi susu"));
    assert_eq!(says("search Iced Coffee"), search("Iced Coffee"));
    assert_eq!(says("cek kopi"), search("kopi"));
    assert_eq!(
        says("detail kopi-01"),
        Parsed::Command(Command::Detail {
            sku: sku("KOPI-01")
        })
    );
    assert_eq!(says("detail kopi susu"), search("kopi susu"));
}

#[test]
fn one_typo_is_forgiven() {
    let product = |text: &str| text.to_owned();
    for (text, command) in [
        ("meun", Command::Menu),
        ("menuu", Command::Menu),
        (
            "prodk",
            Command::Products {
                category: None,
                page: 1,
            },
        ),
        (
            "katalok",
            Command::Products {
                category: None,
                page: 1,
            },
        ),
        (
            "crai kopi",
            Command::Search {
                query: product("kopi"),
                page: 1,
            },
        ),
        ("kernjang", Command::Cart),
        ("chekout", Command::Checkout),
        ("salod", Command::Balance),
        (
            "tpup 50rb",
            Command::TopUp {
                amount: Rupiah::new(50_000),
            },
        ),
        ("pesanna", Command::Orders { page: 1 }),
        ("lcak", Command::Track { number: None }),
        ("mutsai", Command::Statement { page: 1 }),
        (
            "bahsa en",
            Command::SetLanguage {
                language: Some(Language::En),
            },
        ),
        ("bantaun", Command::Human),
        ("cancle", Command::Cancel { number: None }),
        (
            "btal WRG-241126-7K3QX",
            Command::Cancel {
                number: Some(order()),
            },
        ),
        (
            "blei kopi 2",
            Command::Buy {
                product: product("kopi"),
                quantity: quantity(2),
            },
        ),
        (
            "tambh kopi",
            Command::Add {
                product: product("kopi"),
                quantity: None,
            },
        ),
    ] {
        assert_eq!(says(text), Parsed::Command(command), "{text}");
    }
}

#[test]
fn goods_are_not_taken_for_mistyped_commands() {
    for text in [
        "bantal",
        "bayam",
        "beku",
        "bali kopi",
        "kari ayam",
        "ordes",
        "pesnan",
        "yaa",
        "pasan meja",
    ] {
        assert_eq!(says(text), words(text), "{text}");
    }
    assert_eq!(staff_says("buku"), words("buku"));
    let known = HashSet::from(["bali".to_owned(), "card".to_owned(), "kopi".to_owned()]);
    let context = ParseContext {
        product_words: Some(&known),
        ..ParseContext::default()
    };
    assert_eq!(parse("bali kopi 2", &context), words("bali kopi 2"));
    assert_eq!(parse("card", &context), words("card"));
    assert_eq!(parse("blei kopi", &context), buy("kopi", None));
}

#[test]
fn commands_inside_other_sentences_do_nothing() {
    for text in [
        "jangan beli kopi",
        "ya tidak",
        "ok batal",
        "bayar utang saya",
        "saldo siapa",
    ] {
        assert!(
            matches!(says(text), Parsed::Words(_)),
            "{text}: {:?}",
            says(text)
        );
    }
    assert_eq!(says("halo kak, ada kopi?"), words("ada kopi"));
    assert_eq!(says("🙏🙏"), words(""));
    assert_eq!(says(""), words(""));
}

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
    };
    let saldo = Command::Pay {
        quote,
        method: PaymentMethod::Saldo,
    };
    let menu = [qris.clone(), saldo.clone(), Command::Decline { quote }];
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

#[test]
fn money_amounts_and_orders_are_named_in_commands() {
    let top_up = |rupiah| {
        Parsed::Command(Command::TopUp {
            amount: Rupiah::new(rupiah),
        })
    };
    for text in [
        "topup 50rb",
        "topup 50 ribu",
        "top up 50.000",
        "deposit Rp 50.000",
        "isi saldo 50k",
    ] {
        assert_eq!(says(text), top_up(50_000), "{text}");
    }
    assert_eq!(says("topup 50rb qris"), top_up(50_000));
    assert!(matches!(says("topup -5"), Parsed::Malformed { .. }));
    assert!(matches!(says("topup 1e9"), Parsed::Malformed { .. }));
    assert!(matches!(says("topup banyak"), Parsed::Malformed { .. }));
    let number = order();
    for (text, command) in [
        (
            "wrg-241126-7k3qx",
            Command::Order {
                number: number.clone(),
            },
        ),
        (
            "pesanan #WRG-241126-7K3QX",
            Command::Order {
                number: number.clone(),
            },
        ),
        (
            "order wrg-241126-7k3qx",
            Command::Order {
                number: number.clone(),
            },
        ),
        (
            "bayar WRG-241126-7K3QX",
            Command::Order {
                number: number.clone(),
            },
        ),
        (
            "cek WRG-241126-7K3QX",
            Command::CheckPayment {
                number: number.clone(),
            },
        ),
        (
            "sudah bayar WRG-241126-7K3QX",
            Command::CheckPayment {
                number: number.clone(),
            },
        ),
        (
            "lacak WRG-241126-7K3QX",
            Command::Track {
                number: Some(number.clone()),
            },
        ),
        (
            "batal pesanan WRG-241126-7K3QX",
            Command::Cancel {
                number: Some(number.clone()),
            },
        ),
    ] {
        assert_eq!(says(text), Parsed::Command(command), "{text}");
    }
    let problem = Problem::BadOrderNumber;
    let malformed = Parsed::Malformed {
        command: CommandName::Track,
        problem,
    };
    assert_eq!(says("lacak WRG-1"), malformed);
}

#[test]
fn staff_commands_are_for_staff() {
    let command = |command| Parsed::Command(Command::Staff(command));
    let stock = |change| {
        command(StaffCommand::Stock {
            sku: Some(sku("KOPI-01")),
            change,
        })
    };
    assert_eq!(staff_says("stok kopi-01"), stock(None));
    assert_eq!(
        staff_says("stok kopi-01 50"),
        stock(Some(StockChange::Set(50)))
    );
    assert_eq!(
        staff_says("stok kopi-01 +5"),
        stock(Some(StockChange::Add(5)))
    );
    assert_eq!(
        staff_says("stok kopi-01 + 5"),
        stock(Some(StockChange::Add(5)))
    );
    assert_eq!(
        staff_says("stok kopi-01 -3"),
        stock(Some(StockChange::Remove(3)))
    );
    assert_eq!(
        staff_says("stok kopi-01 - 3"),
        stock(Some(StockChange::Remove(3)))
    );
    assert_eq!(
        staff_says("addstok kopi-01 20"),
        stock(Some(StockChange::Add(20)))
    );
    let malformed = |problem| Parsed::Malformed {
        command: CommandName::Stock,
        problem,
    };
    assert_eq!(staff_says("stok kopi-01 0.5"), malformed(Problem::BadStock));
    assert_eq!(staff_says("stok kopi_01 5"), malformed(Problem::BadSku));
    let secrets = vec![
        "AAAA|%-1 b".to_owned(),
        "-x-".to_owned(),
        "AAAA|%-1 b".to_owned(),
    ];
    let units = StaffCommand::AddUnits {
        sku: sku("PULSA-10"),
        secrets,
    };
    let text = "Addstok pulsa-10\r\nAAAA|%-1 b\r\n\r\n -x- \r\nAAAA|%-1 b";
    assert_eq!(staff_says(text), command(units));
    let price = StaffCommand::Price {
        sku: sku("KOPI-01"),
        price: Rupiah::new(25_000).unwrap(),
        reseller: Rupiah::new(22_000),
    };
    assert_eq!(staff_says("harga kopi-01 25.000 22rb"), command(price));
    let ship = StaffCommand::Ship {
        number: order(),
        courier: Courier::parse("J&T").unwrap(),
        resi: Resi::parse("JP0123456789").unwrap(),
    };
    assert_eq!(
        staff_says("kirim wrg-241126-7k3qx j&t jp0123456789"),
        command(ship)
    );
    let resend = StaffCommand::Resend { number: order() };
    assert_eq!(
        staff_says("kirim ulang WRG-241126-7K3QX"),
        command(resend.clone())
    );
    assert_eq!(staff_says("kirimulang WRG-241126-7K3QX"), command(resend));
    assert_eq!(staff_says("rekap"), command(StaffCommand::Recap));
    assert_eq!(staff_says("tutup"), command(StaffCommand::CloseShop));
    assert_eq!(staff_says("buka toko"), command(StaffCommand::OpenShop));

    for text in [
        "addstok kopi-01\nsecret",
        "kirim x y z",
        "rekap",
        "tutup",
        "buka",
    ] {
        assert!(matches!(says(text), Parsed::Words(_)), "{text}");
    }
    let id = Command::Staff(StaffCommand::CloseShop).encode();
    assert_eq!(says(&id), words(""));
    assert_eq!(staff_says(&id), command(StaffCommand::CloseShop));
}

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
    let pay = (nonce.clone(), method.clone());
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
        pay.prop_map(|(quote, method)| Command::Pay { quote, method }),
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
