//! What counts as money and as a quantity.

use proptest::prelude::*;

use super::*;

fn rupiah(amount: i64) -> Rupiah {
    Rupiah::new(amount).unwrap()
}

#[test]
fn amounts_are_read_as_people_write_them() {
    for (text, amount) in [
        ("50000", 50_000),
        ("50.000", 50_000),
        ("50,000", 50_000),
        ("50.000,00", 50_000),
        ("50,000.00", 50_000),
        ("Rp50.000", 50_000),
        ("Rp 50.000,-", 50_000),
        ("rp. 50.000", 50_000),
        ("IDR 50000", 50_000),
        ("50rb", 50_000),
        ("50 ribu", 50_000),
        ("50K", 50_000),
        ("1jt", 1_000_000),
        ("1,5jt", 1_500_000),
        ("1.25 juta", 1_250_000),
        ("2,5rb", 2_500),
        ("1.234.567", 1_234_567),
        ("999", 999),
        ("9.000.000.000.000", 9_000_000_000_000),
    ] {
        assert_eq!(Rupiah::parse(text), Ok(rupiah(amount)), "{text}");
    }
}

#[test]
fn what_is_no_amount_is_refused_with_its_reason() {
    for (text, error) in [
        ("", AmountError::Empty),
        ("Rp", AmountError::Empty),
        ("banyak", AmountError::NotANumber),
        ("1e-9", AmountError::NotANumber),
        ("1e9", AmountError::NotANumber),
        ("١٠٠٠", AmountError::NotANumber),
        ("50 000", AmountError::NotANumber),
        ("+50000", AmountError::NotANumber),
        ("50rbrb", AmountError::NotANumber),
        ("rb", AmountError::NotANumber),
        ("-5", AmountError::Negative),
        ("Rp -5", AmountError::Negative),
        ("0.001", AmountError::Fraction),
        ("0,5", AmountError::Fraction),
        ("1.5", AmountError::Fraction),
        ("50.00", AmountError::Fraction),
        ("1.234.56", AmountError::Fraction),
        ("1.234,56", AmountError::Fraction),
        ("1.500rb", AmountError::Ambiguous),
        ("0", AmountError::Zero),
        ("0rb", AmountError::Zero),
        ("9.000.000.000.001", AmountError::TooLarge),
        ("99999999999999999999", AmountError::TooLarge),
        ("99999999999999jt", AmountError::TooLarge),
    ] {
        assert_eq!(Rupiah::parse(text), Err(error), "{text}");
    }
}

#[test]
fn amounts_are_written_with_dots() {
    for (amount, text) in [
        (0, "Rp0"),
        (999, "Rp999"),
        (1_000, "Rp1.000"),
        (12_000, "Rp12.000"),
        (123_456_789, "Rp123.456.789"),
    ] {
        assert_eq!(rupiah(amount).to_string(), text);
    }
    assert_eq!(format!("{:>9}", rupiah(1_000)), "  Rp1.000");
}

#[test]
fn stored_numbers_are_checked_too() {
    assert_eq!(Rupiah::new(-1), None);
    assert_eq!(Rupiah::new(9_000_000_000_001), None);
    assert!(serde_json::from_str::<Rupiah>("-1").is_err());
    assert!(serde_json::from_str::<Quantity>("0").is_err());
    assert_eq!(serde_json::to_string(&rupiah(500)).unwrap(), "500");
}

#[test]
fn quantities_are_digits_and_nothing_else() {
    assert_eq!(Quantity::parse(" 12 ").map(Quantity::get), Ok(12));
    assert_eq!(Quantity::parse("007").map(Quantity::get), Ok(7));
    for (text, error) in [
        ("", QuantityError::Empty),
        ("dua", QuantityError::NotANumber),
        ("2kg", QuantityError::NotANumber),
        ("+2", QuantityError::NotANumber),
        ("-", QuantityError::NotANumber),
        ("1 2", QuantityError::NotANumber),
        ("١", QuantityError::ForeignDigits),
        ("２", QuantityError::ForeignDigits),
        ("1e-9", QuantityError::Exponent),
        ("1E9", QuantityError::Exponent),
        ("0.001", QuantityError::Fraction),
        ("1,5", QuantityError::Fraction),
        ("½", QuantityError::Fraction),
        ("1/2", QuantityError::Fraction),
        ("-5", QuantityError::Negative),
        ("-0.5", QuantityError::Negative),
        ("0", QuantityError::Zero),
        ("1000", QuantityError::TooLarge),
    ] {
        assert_eq!(Quantity::parse(text), Err(error), "{text}");
    }
}

proptest! {
    #[test]
    fn sums_are_exact_or_refused(a in 0_i64..=9_000_000_000_000, b in 0_i64..=9_000_000_000_000) {
        let in_range = |n: i64| Rupiah::new(n);
        prop_assert_eq!(rupiah(a).checked_add(rupiah(b)), in_range(a + b));
        prop_assert_eq!(rupiah(a).checked_sub(rupiah(b)), in_range(a - b));
        let sum = Rupiah::checked_sum([rupiah(a), rupiah(b)]);
        prop_assert_eq!(sum, in_range(a + b));
    }

    #[test]
    fn products_are_exact_or_refused(a in 0_i64..=9_000_000_000_000, n in 1_u32..=999) {
        let quantity = Quantity::new(n).unwrap();
        prop_assert_eq!(rupiah(a).checked_mul(quantity), Rupiah::new(a * i64::from(n)));
    }

    #[test]
    fn a_written_amount_is_read_back(a in 1_i64..=9_000_000_000_000) {
        prop_assert_eq!(Rupiah::parse(&rupiah(a).to_string()), Ok(rupiah(a)));
    }

    #[test]
    fn any_text_is_read_without_panic(text in "\\PC*|[0-9.,eErpbtjk -]{0,30}") {
        if let Ok(amount) = Rupiah::parse(&text) {
            prop_assert!(amount > Rupiah::ZERO);
        }
        if let Ok(quantity) = Quantity::parse(&text) {
            prop_assert!(text.trim().bytes().all(|byte| byte.is_ascii_digit()));
            prop_assert!((1..=999).contains(&quantity.get()));
        }
    }
}
