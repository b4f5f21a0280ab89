//! Who pays how much of an order: pure.

use chrono::TimeDelta;
use warung_domain::{
    money::Rupiah,
    payment::{Limits, PaymentMethod},
};

use crate::store::stock::Short;

/// How a customer wants to pay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wish {
    /// The way.
    pub method: PaymentMethod,
    /// Whether saldo pays as much as it can and `method` only the rest.
    pub with_saldo: bool,
}

/// Who pays how much of an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Plan {
    /// Saldo all of it, at once.
    Saldo,
    /// Midtrans `rest`, and saldo (held until then) what is left.
    Midtrans {
        method: PaymentMethod,
        saldo_part: Rupiah,
        rest: Rupiah,
    },
}

/// Why a purchase did not happen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Refused {
    /// As many purchases as the window takes were made; the next one is possible after this.
    TooMany(TimeDelta),
    /// Less is left than wanted.
    OutOfStock(Vec<Short>),
    /// Saldo lacks this much.
    Saldo { missing: Rupiah },
    /// The method does not take this amount.
    Amount {
        method: PaymentMethod,
        limits: Limits,
    },
}

/// Who pays what, if the wish can be fulfilled. Of a mixed payment saldo pays as much as it can
/// while the method still takes the rest.
pub(super) fn plan(wish: Wish, total: Rupiah, spendable: Rupiah) -> Result<Plan, Refused> {
    let Wish { method, with_saldo } = wish;
    let by_saldo = with_saldo || method == PaymentMethod::Saldo;
    if by_saldo && spendable >= total {
        return Ok(Plan::Saldo);
    }
    if method == PaymentMethod::Saldo {
        let missing = total.checked_sub(spendable).unwrap_or_default();
        return Err(Refused::Saldo { missing });
    }
    let limits = method.limits();
    let saldo_part = if with_saldo {
        spendable.min(total.checked_sub(limits.least).unwrap_or_default())
    } else {
        Rupiah::ZERO
    };
    let rest = total.checked_sub(saldo_part).unwrap_or_default();
    if limits.contains(rest) {
        Ok(Plan::Midtrans {
            method,
            saldo_part,
            rest,
        })
    } else {
        Err(Refused::Amount { method, limits })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn rupiah(amount: i64) -> Rupiah {
        Rupiah::new(amount).unwrap()
    }

    fn wish(method: PaymentMethod, with_saldo: bool) -> Wish {
        Wish { method, with_saldo }
    }

    #[test]
    fn saldo_pays_all_or_says_what_is_missing() {
        let saldo = wish(PaymentMethod::Saldo, false);
        assert_eq!(plan(saldo, rupiah(50_000), rupiah(50_000)), Ok(Plan::Saldo));
        let missing = rupiah(1);
        let refused = Err(Refused::Saldo { missing });
        assert_eq!(plan(saldo, rupiah(50_000), rupiah(49_999)), refused);
        let mixed = wish(PaymentMethod::Qris, true);
        assert_eq!(plan(mixed, rupiah(50_000), rupiah(60_000)), Ok(Plan::Saldo));
    }

    #[test]
    fn saldo_leaves_what_the_method_needs_at_least() {
        let mixed = wish(PaymentMethod::VaBca, true);
        let planned = plan(mixed, rupiah(50_000), rupiah(45_000));
        let expected = Plan::Midtrans {
            method: PaymentMethod::VaBca,
            saldo_part: rupiah(40_000),
            rest: rupiah(10_000),
        };
        assert_eq!(planned, Ok(expected));
        let too_small = plan(mixed, rupiah(9_000), rupiah(5_000));
        assert!(matches!(too_small, Err(Refused::Amount { .. })));
    }

    #[test]
    fn a_method_pays_only_what_it_takes() {
        let qris = wish(PaymentMethod::Qris, false);
        assert!(plan(qris, rupiah(10_000_000), Rupiah::ZERO).is_ok());
        assert!(plan(qris, rupiah(10_000_001), rupiah(90_000_000)).is_err());
        let mixed = wish(PaymentMethod::Qris, true);
        assert!(plan(mixed, rupiah(10_000_001), rupiah(1)).is_ok());
    }

    proptest! {
        #[test]
        fn parts_add_up_and_saldo_is_never_overdrawn(
            method in prop::sample::select(PaymentMethod::ALL.to_vec()),
            with_saldo in any::<bool>(),
            total in 1_i64..30_000_000,
            spendable in 0_i64..30_000_000,
        ) {
            let wish = Wish { method, with_saldo };
            match plan(wish, rupiah(total), rupiah(spendable)) {
                Ok(Plan::Saldo) => prop_assert!(spendable >= total),
                Ok(Plan::Midtrans { saldo_part, rest, .. }) => {
                    prop_assert_eq!(saldo_part.get() + rest.get(), total);
                    prop_assert!(saldo_part.get() <= spendable);
                    prop_assert!(method.limits().contains(rest));
                    prop_assert!(with_saldo || saldo_part.is_zero());
                }
                Err(Refused::Saldo { missing }) => {
                    prop_assert_eq!(spendable + missing.get(), total);
                }
                Err(refused) => {
                    let is_amount = matches!(refused, Refused::Amount { .. });
                    prop_assert!(is_amount);
                }
            }
        }
    }
}
