//! Which legs make a posting.

use proptest::prelude::*;

use super::*;

#[test]
fn legs_on_one_account_are_added_up() {
    let legs = [
        (Account::Sales, 300),
        (Account::Saldo(7), -500),
        (Account::Sales, 200),
        (Account::Clearing, 0),
    ];
    let columns = Legs::new(&legs, None).unwrap();
    assert_eq!(columns.amounts, [-500, 500]);
    assert_eq!(columns.customers, [Some(7), None]);
    assert_eq!(columns.codes, [None, Some("sales")]);
    assert_eq!((columns.lines, columns.bounded), (vec![1, 2], 1));
}

#[test]
fn what_does_not_balance_is_refused() {
    for legs in [
        &[(Account::Sales, 1)][..],
        &[(Account::Sales, 0), (Account::Clearing, 0)],
        &[(Account::Sales, i64::MAX), (Account::Clearing, i64::MAX)],
        &[(Account::Sales, i64::MAX), (Account::Sales, 1)],
        &[(Account::Sales, 5), (Account::Sales, -5)],
    ] {
        assert!(matches!(
            Legs::new(legs, None),
            Err(LedgerError::Unbalanced)
        ));
    }
    assert!(Legs::new(&[], None).is_err());
}

#[test]
fn a_hold_is_a_leg_of_its_own() {
    let held = Held {
        txn: Uuid::nil(),
        account: 42,
        amount: 300,
    };
    let legs = [(Account::Clearing, -200), (Account::Sales, 500)];
    let columns = Legs::new(&legs, Some(&held)).unwrap();
    assert_eq!(columns.held_on, [Some(42), None, None]);
    assert_eq!(columns.amounts, [-300, -200, 500]);
    let twice = [(Account::Saldo(1), -200), (Account::Sales, 500)];
    assert!(Legs::new(&twice, Some(&held)).is_err());
}

proptest! {
    #[test]
    fn only_balanced_legs_pass(
        legs in prop::collection::vec((0_usize..5, -1_000_i64..1_000), 0..8),
    ) {
        let accounts = [
            Account::Saldo(1),
            Account::Clearing,
            Account::Sales,
            Account::Suspense,
            Account::Adjustment,
        ];
        let legs: Vec<(Account, i64)> =
            legs.into_iter().map(|(index, amount)| (accounts[index], amount)).collect();
        let sum: i64 = legs.iter().map(|(_, amount)| amount).sum();
        if let Ok(columns) = Legs::new(&legs, None) {
            prop_assert_eq!(sum, 0);
            prop_assert_eq!(columns.amounts.iter().sum::<i64>(), 0);
            prop_assert!(columns.amounts.iter().all(|amount| *amount != 0));
        } else {
            let moved = accounts
                .iter()
                .filter(|account| {
                    let of = legs.iter().filter(|(on, _)| on == *account);
                    of.map(|(_, amount)| amount).sum::<i64>() != 0
                })
                .count();
            prop_assert!(sum != 0 || moved < 2);
        }
    }
}
