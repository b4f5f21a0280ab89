//! Amounts on the wire: whole rupiah, written `"10000.00"` by Midtrans.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Most digits of an amount; more than any method takes, and far from the ends of an `i64`.
const DIGITS: usize = 15;

/// A positive amount in whole rupiah.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "i64", into = "i64")]
pub struct Amount(i64);

/// Not an amount Midtrans writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a positive amount in whole rupiah")]
pub struct AmountError;

impl Amount {
    /// An amount of 1 to 999,999,999,999,999 rupiah.
    pub fn new(rupiah: i64) -> Result<Self, AmountError> {
        if (1..10_i64.pow(15)).contains(&rupiah) {
            Ok(Self(rupiah))
        } else {
            Err(AmountError)
        }
    }

    /// Reads exactly `^[1-9]\d*\.00$`: no sign, no leading zero, no other decimals, no separators.
    pub fn parse(text: &str) -> Result<Self, AmountError> {
        let digits = text.strip_suffix(".00").ok_or(AmountError)?;
        let strict = digits.bytes().all(|byte| byte.is_ascii_digit()) && !digits.starts_with('0');
        if !strict || digits.len() > DIGITS {
            return Err(AmountError);
        }
        Self::new(digits.parse().map_err(|_| AmountError)?)
    }

    /// The amount in rupiah.
    pub fn rupiah(self) -> i64 {
        self.0
    }
}

/// As Midtrans writes it: `10000.00`.
impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.00", self.0)
    }
}

impl TryFrom<i64> for Amount {
    type Error = AmountError;

    fn try_from(rupiah: i64) -> Result<Self, Self::Error> {
        Self::new(rupiah)
    }
}

impl From<Amount> for i64 {
    fn from(amount: Amount) -> Self {
        amount.0
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn only_whole_rupiah_as_midtrans_writes_them_are_read() {
        assert_eq!(Amount::parse("10000.00").map(Amount::rupiah), Ok(10_000));
        for wrong in [
            "10000",
            "10000.0",
            "10000.50",
            "010000.00",
            "0.00",
            "-5.00",
            "+5.00",
            "1e4.00",
            " 1.00",
            "1.00 ",
            "1,000.00",
            ".00",
            "",
            "１.00",
            "9999999999999999.00",
            "99999999999999999999.00",
        ] {
            assert_eq!(Amount::parse(wrong), Err(AmountError), "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(rupiah in 1..10_i64.pow(15)) {
            let amount = Amount::new(rupiah).unwrap();
            prop_assert_eq!(Amount::parse(&amount.to_string()), Ok(amount));
        }

        #[test]
        fn no_text_panics(text in "\\PC*") {
            let _ = Amount::parse(&text);
        }
    }
}
