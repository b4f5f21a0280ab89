//! How a quote can be paid, and what the ways are called.

use warung_domain::{
    conversation::Command, money::Rupiah, payment::PaymentMethod, quote::QuoteNonce,
};
use warung_whatsapp::{limits::LIST_ROWS, reply::Choice};

use crate::worker::turn::Turn;

/// The ways to pay an amount.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Ways {
    /// The whole amount in one way, saldo first where it is enough.
    pub(crate) whole: Vec<PaymentMethod>,
    /// What saldo pays when a way pays the rest, and the ways that can pay it.
    pub(crate) rest: Option<(Rupiah, Vec<PaymentMethod>)>,
}

impl Ways {
    /// The ways among `offered` that take `total`, for somebody with `saldo`.
    pub(crate) fn of(offered: &[PaymentMethod], total: Rupiah, saldo: Rupiah) -> Self {
        let takes = |amount: Rupiah| {
            let others = offered
                .iter()
                .filter(|method| **method != PaymentMethod::Saldo);
            others
                .copied()
                .filter(move |method| method.limits().contains(amount))
        };
        let has_saldo = offered.contains(&PaymentMethod::Saldo);
        let mut whole = Vec::new();
        if has_saldo && saldo >= total {
            whole.push(PaymentMethod::Saldo);
        }
        whole.extend(takes(total));
        let rest = total
            .checked_sub(saldo)
            .filter(|rest| has_saldo && !saldo.is_zero() && !rest.is_zero());
        let rest = rest
            .map(|rest| (rest, takes(rest).collect::<Vec<_>>()))
            .filter(|(_, methods)| !methods.is_empty());
        Self { whole, rest }
    }

    /// All of them, as the method and whether saldo pays first.
    pub(crate) fn all(&self) -> Vec<(PaymentMethod, bool)> {
        let whole = self.whole.iter().map(|method| (*method, false));
        let rest = self.rest.iter().flat_map(|(_, methods)| methods);
        whole.chain(rest.map(|method| (*method, true))).collect()
    }

    /// Those that fit one list beside a row that drops the quote, and whether there are more. Where
    /// there are, a row must lead to them; the first way that saldo helps is always among them.
    pub(crate) fn first(&self) -> (Vec<(PaymentMethod, bool)>, bool) {
        let all = self.all();
        if all.len() < LIST_ROWS {
            return (all, false);
        }
        let room = LIST_ROWS - 2;
        let (mut whole, mut helped): (Vec<_>, Vec<_>) =
            all.into_iter().partition(|(_, with_saldo)| !with_saldo);
        whole.truncate(room - usize::from(!helped.is_empty()));
        helped.truncate(room - whole.len());
        whole.extend(helped);
        (whole, true)
    }
}

/// A way to pay a quote as an option.
pub(super) fn choice(
    turn: &Turn<'_>,
    quote: QuoteNonce,
    (method, with_saldo): (PaymentMethod, bool),
    ways: &Ways,
) -> Choice {
    let pay = Command::Pay {
        quote,
        method,
        with_saldo,
    };
    let name = method_name(turn, method);
    let Some((rest, _)) = ways.rest.as_ref().filter(|_| with_saldo) else {
        return turn.choice(&pay, name);
    };
    let title = turn.say("ways-saldo-and", &[("method", name.clone().into())]);
    let described = turn.say(
        "ways-rest",
        &[("rest", rest.to_string().into()), ("method", name.into())],
    );
    turn.choice(&pay, title).described(described)
}

/// What a way to pay is called.
pub(crate) fn method_name(turn: &Turn<'_>, method: PaymentMethod) -> String {
    match method {
        PaymentMethod::Qris => turn.say("method-qris", &[]),
        PaymentMethod::VaBca => turn.say("method-va-bca", &[]),
        PaymentMethod::VaBni => turn.say("method-va-bni", &[]),
        PaymentMethod::VaBri => turn.say("method-va-bri", &[]),
        PaymentMethod::VaPermata => turn.say("method-va-permata", &[]),
        PaymentMethod::MandiriBill => turn.say("method-mandiri", &[]),
        PaymentMethod::Indomaret => turn.say("method-indomaret", &[]),
        PaymentMethod::Snap => turn.say("method-snap", &[]),
        PaymentMethod::Saldo => turn.say("method-saldo", &[]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use PaymentMethod::{Qris, Saldo, Snap, VaBca};

    fn rupiah(amount: i64) -> Rupiah {
        Rupiah::new(amount).unwrap()
    }

    #[test]
    fn only_ways_that_take_the_amount_are_offered() {
        let offered = [Qris, VaBca, Snap, Saldo];
        let small = Ways::of(&offered, rupiah(9_000), Rupiah::ZERO);
        assert_eq!(small.whole, [Qris, Snap]);
        assert_eq!(small.rest, None);
        let large = Ways::of(&offered, rupiah(20_000_000), Rupiah::ZERO);
        assert_eq!(large.whole, [VaBca, Snap]);
    }

    #[test]
    fn saldo_pays_all_or_helps_or_is_left_out() {
        let offered = [Qris, VaBca, Saldo];
        let enough = Ways::of(&offered, rupiah(50_000), rupiah(50_000));
        assert_eq!(enough.whole, [Saldo, Qris, VaBca]);
        assert_eq!(enough.rest, None);
        let some = Ways::of(&offered, rupiah(50_000), rupiah(45_000));
        // What is left is too little for a virtual account.
        assert_eq!(some.rest, Some((rupiah(5_000), vec![Qris])));
        assert_eq!(some.all(), [(Qris, false), (VaBca, false), (Qris, true)]);
        let without = Ways::of(&[Qris], rupiah(50_000), rupiah(60_000));
        assert_eq!((without.whole, without.rest), (vec![Qris], None));
    }

    #[test]
    fn one_list_always_holds_a_way_that_saldo_helps() {
        let offered = PaymentMethod::ALL;
        let ways = Ways::of(&offered, rupiah(100_000), rupiah(1_000));
        assert_eq!(ways.all().len(), 16);
        let (first, more) = ways.first();
        assert!(more);
        assert_eq!(first.len(), 8);
        assert_eq!(first.last(), Some(&(Qris, true)));
        let few = Ways::of(&offered, rupiah(100_000), Rupiah::ZERO);
        assert_eq!(few.first(), (few.all(), false));
    }
}
