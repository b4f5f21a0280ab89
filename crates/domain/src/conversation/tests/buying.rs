//! Buying and filling the cart.

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
