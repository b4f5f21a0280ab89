//! Buying and filling the cart.

use std::collections::HashSet;

use super::*;

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
    assert_eq!(says("beli teh 1 kopi 2"), asked);
    assert_eq!(says("beli KOPI-01 2 TEH-01 1"), asked);
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
fn portions_are_counted_and_measures_belong_to_names() {
    assert_eq!(
        says("pesan nasi goreng 2 porsi"),
        buy("nasi goreng", Some(2))
    );
    assert_eq!(
        says("mau order kopi susu 2 gelas"),
        buy("kopi susu", Some(2))
    );
    assert_eq!(says("beli kopi=2"), buy("kopi", Some(2)));
    assert_eq!(says("beli kopi:2"), buy("kopi", Some(2)));
    assert_eq!(says("beli beras 5 kg"), buy("beras 5 kg", None));
    assert_eq!(says("beli beras 5 kg 2"), buy("beras 5 kg", Some(2)));
    assert_eq!(says("beli 5 kg beras"), buy("5 kg beras", None));
    assert_eq!(says("beli botol minum 2"), buy("botol minum", Some(2)));
}

#[test]
fn a_malformed_quantity_among_other_words_is_seen() {
    assert_eq!(
        says("beli kopi 0.001 cepat"),
        bad_quantity(QuantityError::Fraction)
    );
    assert_eq!(
        says("beli kopi 1e-9 cepat"),
        bad_quantity(QuantityError::Exponent)
    );
    assert_eq!(
        says("beli kopi -5 cepat"),
        bad_quantity(QuantityError::Negative)
    );
}

#[test]
fn known_goods_with_a_number_are_bought_without_a_command() {
    assert_eq!(says("2 nasi goreng"), words("2 nasi goreng"));
    let known = ["nasi", "goreng", "pulsa", "10000", "10.000"].map(str::to_owned);
    let known = HashSet::from(known);
    let context = ParseContext {
        product_words: Some(&known),
        ..ParseContext::default()
    };
    assert_eq!(
        parse("2 nasi goreng", &context),
        buy("nasi goreng", Some(2))
    );
    assert_eq!(
        parse("nasi goreng 2 ya kak", &context),
        buy("nasi goreng", Some(2))
    );
    assert_eq!(parse("nasi goreng", &context), words("nasi goreng"));
    assert_eq!(parse("2 nasi uduk", &context), words("2 nasi uduk"));
    let fraction = bad_quantity(QuantityError::Fraction);
    assert_eq!(parse("nasi goreng 0.001", &context), fraction);
    assert_eq!(
        parse("beli pulsa 10000", &context),
        buy("pulsa 10000", None)
    );
    assert_eq!(
        parse("beli pulsa 10.000 2", &context),
        buy("pulsa 10.000", Some(2))
    );
    assert_eq!(
        says("beli pulsa 10000"),
        bad_quantity(QuantityError::TooLarge)
    );
}

#[test]
fn goods_are_put_into_and_taken_from_the_cart() {
    let product = "kopi".to_owned();
    let add = Command::Add {
        product: product.clone(),
        quantity: quantity(2),
    };
    assert_eq!(
        says("tambah kopi 2 ke keranjang"),
        Parsed::Command(add.clone())
    );
    assert_eq!(says("add 2 kopi to my cart"), Parsed::Command(add));
    let remove = Command::Remove {
        product,
        quantity: None,
    };
    assert_eq!(says("hapus kopi dari keranjang"), Parsed::Command(remove));
}
