//! Commands by their names.

use std::collections::HashSet;

use proptest::prelude::*;

use super::*;
use crate::conversation::vocabulary;

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
fn a_greeting_and_a_wish_around_a_command_change_nothing() {
    for text in [
        "hello, I want to see the menu",
        "halo kak mau lihat menu",
        "Hi! Can I see your menu please?",
        "permisi, minta menu dong",
    ] {
        assert_eq!(says(text), Parsed::Command(Command::Menu), "{text}");
    }
    let all = Command::Products {
        category: None,
        page: 1,
    };
    for text in ["halo kak, mau lihat katalog", "hello, show me the products"] {
        assert_eq!(says(text), Parsed::Command(all.clone()), "{text}");
    }
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
    assert_eq!(parse("bali kopi", &context), words("bali kopi"));
    assert_eq!(parse("bali kopi 2", &context), buy("bali kopi", Some(2)));
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
    assert_eq!(says("halo kak, ada kopi?"), words("kopi"));
    assert_eq!(says("🙏🙏"), words(""));
    assert_eq!(says(""), words(""));
}

#[test]
fn money_amounts_are_named_in_commands() {
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
}

#[test]
fn orders_are_named_in_commands() {
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
fn staff_change_stock() {
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
}

#[test]
fn staff_add_units_prices_and_parcels() {
    let command = |command| Parsed::Command(Command::Staff(command));
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
}

#[test]
fn staff_commands_are_for_staff() {
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
    let close = Parsed::Command(Command::Staff(StaffCommand::CloseShop));
    assert_eq!(staff_says(&id), close);
}

#[test]
fn questions_and_requests_are_understood_without_their_manners() {
    let page = 1;
    for (text, command) in [
        ("lihat menu dong", Command::Menu),
        (
            "produk apa saja?",
            Command::Products {
                category: None,
                page,
            },
        ),
        ("saldo saya berapa kak?", Command::Balance),
        ("ganti alamat", Command::Address { text: None }),
        ("change language", Command::SetLanguage { language: None }),
        ("track my package", Command::Track { number: None }),
        ("cancel my order please", Command::Cancel { number: None }),
        (
            "info produk",
            Command::Products {
                category: None,
                page,
            },
        ),
        (
            "KOPI-01",
            Command::Detail {
                sku: sku("KOPI-01"),
            },
        ),
    ] {
        assert_eq!(says(text), Parsed::Command(command), "{text}");
    }
    assert_eq!(says("berapa harga kopi susu kak?"), words("kopi susu"));
    assert_eq!(says("do you have iced coffee"), words("iced coffee"));
    for text in [
        "terima kasih",
        "Makasih banyak kak 🙏",
        "thank you very much!",
        "halo kak",
    ] {
        assert!(is_courtesy(text), "{text}");
    }
    for text in ["", "terima kasih kopi", "ya beli", "🙏"] {
        assert!(!is_courtesy(text), "{text}");
    }
}

/// One edit of a word: a letter left out, doubled, swapped with the next or written as another.
fn edited(word: &str, kind: usize, index: usize, other: char) -> String {
    let mut letters: Vec<char> = word.chars().collect();
    let index = index % letters.len();
    match kind {
        0 => drop(letters.remove(index)),
        1 => letters.insert(index, other),
        2 if index + 1 < letters.len() => letters.swap(index, index + 1),
        _ => letters[index] = other,
    }
    letters.into_iter().collect()
}

fn name_of(word: &str) -> Option<CommandName> {
    vocabulary::find_exact(&[word], true).map(|found| found.name)
}

proptest! {
    #[test]
    fn an_edit_never_makes_another_command(
        alias in prop::sample::select(vocabulary::single_words()),
        kind in 0_usize..4,
        index in 0_usize..20,
        other in prop::char::range('a', 'z'),
    ) {
        let word = edited(alias, kind, index, other);
        let found = vocabulary::find_mistyped(&word, true);
        let meant = name_of(alias);
        if let Some(found) = found && name_of(&word).is_none() {
            prop_assert_eq!(Some(found.name), meant, "{} from {}", word, alias);
        }
        // Nothing that gives or takes money by itself comes of a mistyped word.
        if name_of(&word).is_none() {
            let parsed = says(&word);
            let acts = matches!(
                parsed,
                Parsed::Command(
                    Command::Yes | Command::Pay { .. } | Command::Quote { .. } | Command::Buy { .. }
                )
            );
            prop_assert!(!acts, "{word}: {parsed:?}");
        }
    }
}

#[test]
fn a_parcel_that_arrived_is_told_from_the_question_whether_it_has() {
    let received = |number| Parsed::Command(Command::Received { number });
    for text in [
        "sudah terima",
        "Sudah diterima kak",
        "paketnya sudah sampai",
        "sudah sampai barangnya",
        "received",
        "Order received!",
    ] {
        let expected = if text.starts_with("paketnya") {
            words("paketnya sudah sampai")
        } else {
            received(None)
        };
        assert_eq!(says(text), expected, "{text}");
    }
    assert_eq!(
        says("sudah terima pesanan WRG-241126-7K3QX"),
        received(Some(order()))
    );
    for text in [
        "sudah sampai?",
        "sudah sampai mana paketnya kak",
        "sudah sampai belum",
    ] {
        assert_eq!(
            says(text),
            Parsed::Command(Command::Track { number: None }),
            "{text}"
        );
    }
    let thanks = says("terima kasih");
    assert!(!matches!(thanks, Parsed::Command(Command::Received { .. })));
}

#[test]
fn staff_end_orders_and_hand_chats_back_to_the_bot() {
    let staff = |command| Parsed::Command(Command::Staff(command));
    let complete = StaffCommand::Complete { number: order() };
    for text in [
        "selesaiorder wrg-241126-7k3qx",
        "selesai order WRG-241126-7K3QX",
        "complete order WRG-241126-7K3QX",
    ] {
        assert_eq!(staff_says(text), staff(complete.clone()), "{text}");
    }
    let hand_back = |chat| staff(StaffCommand::HandBack { chat });
    let identity = |text: &str| Chat::Identity(ChannelIdentity::parse(text).unwrap());
    assert_eq!(
        staff_says("selesai WRG-241126-7K3QX"),
        hand_back(Chat::Order(order()))
    );
    for text in [
        "selesai 6281234567890",
        "selesai 0812-3456-7890",
        "done +62 812 3456 7890",
    ] {
        assert_eq!(
            staff_says(text),
            hand_back(identity("6281234567890")),
            "{text}"
        );
    }
    assert_eq!(
        staff_says("selesai ID.A1b2C3"),
        hand_back(identity("ID.A1b2C3"))
    );
    // What is nearly a user id must not become somebody's number.
    for text in [
        "selesai ID.628123-4567890",
        "selesai id.6281234567890",
        "selesai nanti",
    ] {
        let malformed = Parsed::Malformed {
            command: CommandName::HandBack,
            problem: Problem::BadChat,
        };
        assert_eq!(staff_says(text), malformed, "{text}");
    }
    let own = Parsed::Command(Command::CloseHuman);
    assert_eq!(staff_says("selesai"), own);
    let about = Command::Staff(StaffCommand::HandBack {
        chat: Chat::Customer(7),
    });
    let context = ParseContext {
        is_staff: true,
        quoted: Some(&about),
        ..ParseContext::default()
    };
    assert_eq!(parse("selesai", &context), Parsed::Command(about.clone()));
    let context = ParseContext {
        is_staff: false,
        ..context
    };
    assert_eq!(parse("selesai", &context), own);
}

#[test]
fn what_cannot_be_seen_changes_no_word() {
    let home = Parsed::Command(Command::Address {
        text: Some("Jl. Mawar 5".to_owned()),
    });
    for message in [
        "alamat:Jl. Mawar 5",
        "alamat\u{200b}:Jl. Mawar 5",
        "\u{2068}alamat\u{2069}：Jl. Mawar 5",
    ] {
        assert_eq!(says(message), home, "{message:?}");
    }
    assert_eq!(says("beli kopi\u{200b}=2"), says("beli kopi=2"));
}
