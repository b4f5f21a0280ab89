//! Every row of the payment table, and the machine under random reports.

use proptest::prelude::*;

use super::*;
use crate::provider::FraudStatus;

fn rupiah(amount: i64) -> Rupiah {
    Rupiah::new(amount).unwrap()
}

fn attempt(state: PaymentState, purpose: Purpose) -> Attempt {
    Attempt {
        provider_order_id: ProviderOrderId::parse("WRG-241126-7K3QX-abcdefgh").unwrap(),
        merchant_id: "G123".to_owned(),
        state,
        purpose,
        method: PaymentMethod::Qris,
        amount: rupiah(71_000),
        expires_at: at(900),
    }
}

fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(seconds, 0).unwrap()
}

fn report(status: &str) -> ProviderReport {
    ProviderReport {
        order_id: "WRG-241126-7K3QX-abcdefgh".to_owned(),
        merchant_id: Some("G123".to_owned()),
        status: ProviderStatus::parse(status),
        fraud: Some(FraudStatus::Accept),
        gross_amount: Some(rupiah(71_000)),
        currency: Some("IDR".to_owned()),
        payment_type: Some("qris".to_owned()),
        bank: None,
        store: None,
        observed_at: at(60),
    }
}

fn missing(observed_at: DateTime<Utc>) -> ProviderReport {
    ProviderReport {
        status: ProviderStatus::Missing,
        observed_at,
        ..report("pending")
    }
}

fn order(state: PaymentState, order: OrderState) -> Attempt {
    attempt(
        state,
        Purpose::Order {
            state: order,
            due: rupiah(71_000),
        },
    )
}

fn awaiting(state: PaymentState) -> Attempt {
    order(state, OrderState::AwaitingPayment)
}

#[test]
fn money_for_a_waiting_order_settles_it() {
    for state in [
        PaymentState::Creating,
        PaymentState::Unknown,
        PaymentState::Pending,
    ] {
        let verdict = decide(&awaiting(state), &report("settlement"));
        assert_eq!(verdict, Verdict::Settle { hold_until: None }, "{state}");
    }
    let again = decide(&awaiting(PaymentState::Settled), &report("settlement"));
    assert_eq!(again, Verdict::Nothing);
}

#[test]
fn late_money_goes_to_saldo() {
    for (state, why) in [
        (OrderState::Expired, LateMoney::OrderExpired),
        (OrderState::Cancelled, LateMoney::OrderCancelled),
        (OrderState::Paid, LateMoney::AlreadyPaid),
        (OrderState::Completed, LateMoney::AlreadyPaid),
        (OrderState::Refunded, LateMoney::AlreadyPaid),
        (OrderState::Draft, LateMoney::NeverConfirmed),
    ] {
        for attempt in [
            PaymentState::Pending,
            PaymentState::Expired,
            PaymentState::Cancelled,
        ] {
            let verdict = decide(&order(attempt, state), &report("settlement"));
            assert_eq!(
                verdict,
                Verdict::CreditSaldo {
                    why,
                    hold_until: None
                },
                "{state}"
            );
        }
    }
    // An attempt that ended while its order still waits pays the order.
    let verdict = decide(&awaiting(PaymentState::Expired), &report("settlement"));
    assert_eq!(verdict, Verdict::Settle { hold_until: None });
}

#[test]
fn money_for_an_order_that_waits_for_another_amount_goes_to_saldo() {
    // Part of the order is to be paid from saldo now, and the older attempt settles after all.
    let state = OrderState::AwaitingPayment;
    let purpose = Purpose::Order {
        state,
        due: rupiah(50_000),
    };
    let verdict = decide(
        &attempt(PaymentState::Expired, purpose),
        &report("settlement"),
    );
    let why = LateMoney::OtherAmountDue;
    assert_eq!(
        verdict,
        Verdict::CreditSaldo {
            why,
            hold_until: None
        }
    );
}

#[test]
fn a_top_up_is_credited_once() {
    let verdict = |state| decide(&attempt(state, Purpose::TopUp), &report("settlement"));
    assert_eq!(
        verdict(PaymentState::Pending),
        Verdict::TopUp { hold_until: None }
    );
    assert_eq!(
        verdict(PaymentState::Expired),
        Verdict::TopUp { hold_until: None }
    );
    assert_eq!(verdict(PaymentState::Settled), Verdict::Nothing);
}

#[test]
fn reversible_money_is_held_for_ten_minutes() {
    let hold_until = Some(at(660));
    let paid = |payment_type: &str, bank: Option<&str>, store: Option<&str>| ProviderReport {
        payment_type: Some(payment_type.to_owned()),
        bank: bank.map(str::to_owned),
        store: store.map(str::to_owned),
        ..report("settlement")
    };
    let snap = Attempt {
        method: PaymentMethod::Snap,
        ..awaiting(PaymentState::Pending)
    };
    for seen in [
        paid("bank_transfer", Some("permata"), None),
        paid("echannel", None, None),
        paid("cstore", None, Some("indomaret")),
        ProviderReport {
            payment_type: None,
            ..report("settlement")
        },
    ] {
        assert_eq!(
            decide(&snap, &seen),
            Verdict::Settle { hold_until },
            "{seen:?}"
        );
    }
    for seen in [
        paid("bank_transfer", Some("bca"), None),
        paid("gopay", None, None),
    ] {
        assert_eq!(
            decide(&snap, &seen),
            Verdict::Settle { hold_until: None },
            "{seen:?}"
        );
    }
    let late = order(PaymentState::Expired, OrderState::Expired);
    let verdict = decide(&late, &paid("echannel", None, None));
    assert_eq!(
        verdict,
        Verdict::CreditSaldo {
            why: LateMoney::OrderExpired,
            hold_until
        }
    );
    let top_up = attempt(PaymentState::Pending, Purpose::TopUp);
    assert_eq!(
        decide(&top_up, &paid("echannel", None, None)),
        Verdict::TopUp { hold_until }
    );
}

#[test]
fn a_mismatch_goes_to_suspense() {
    let pending = awaiting(PaymentState::Pending);
    let wrong_amount = ProviderReport {
        gross_amount: Some(rupiah(1)),
        ..report("settlement")
    };
    let mismatch = Mismatch::Amount(Some(rupiah(1)));
    let received = Some(rupiah(1));
    let suspense = Verdict::Suspense {
        mismatch: mismatch.clone(),
        received,
    };
    assert_eq!(decide(&pending, &wrong_amount), suspense);
    let unpaid = ProviderReport {
        status: ProviderStatus::Pending,
        ..wrong_amount.clone()
    };
    let frozen = Verdict::Suspense {
        mismatch: mismatch.clone(),
        received: None,
    };
    assert_eq!(decide(&pending, &unpaid), frozen);
    let settled = awaiting(PaymentState::Settled);
    let alert = Verdict::Ignore(Alert::Contradiction(mismatch));
    assert_eq!(decide(&settled, &wrong_amount), alert);

    let unreadable = ProviderReport {
        gross_amount: None,
        ..report("settlement")
    };
    let mismatch = Mismatch::Amount(None);
    assert_eq!(
        decide(&pending, &unreadable),
        Verdict::Suspense {
            mismatch,
            received: None
        }
    );

    for (seen, mismatch) in [
        (
            ProviderReport {
                order_id: "OTHER".to_owned(),
                ..report("settlement")
            },
            Mismatch::OrderId,
        ),
        (
            ProviderReport {
                merchant_id: Some("G9".to_owned()),
                ..report("settlement")
            },
            Mismatch::Merchant,
        ),
        (
            ProviderReport {
                currency: Some("USD".to_owned()),
                ..report("settlement")
            },
            Mismatch::Currency("USD".to_owned()),
        ),
    ] {
        assert_eq!(
            decide(&pending, &seen),
            Verdict::Suspense {
                mismatch,
                received: None
            }
        );
    }
}

#[test]
fn an_unpaid_attempt_ends_as_reported() {
    for (status, to) in [
        ("deny", PaymentState::Failed),
        ("failure", PaymentState::Failed),
        ("expire", PaymentState::Expired),
        ("cancel", PaymentState::Cancelled),
    ] {
        let verdict = decide(&awaiting(PaymentState::Pending), &report(status));
        assert_eq!(verdict, Verdict::Move(to), "{status}");
        let again = decide(&awaiting(PaymentState::Failed), &report(status));
        assert_eq!(again, Verdict::Nothing, "{status}");
    }
    let verdict = decide(&awaiting(PaymentState::Unknown), &report("PENDING"));
    assert_eq!(verdict, Verdict::Move(PaymentState::Pending));
    let verdict = decide(&awaiting(PaymentState::Expired), &report("pending"));
    assert_eq!(verdict, Verdict::Nothing);
}

#[test]
fn settled_money_does_not_go_back_to_waiting() {
    let settled = order(PaymentState::Settled, OrderState::Paid);
    for status in ["pending", "expire", "cancel", "failure", "authorize"] {
        let to = ProviderStatus::parse(status);
        let alert = Alert::WentBack {
            from: PaymentState::Settled,
            to,
        };
        assert_eq!(
            decide(&settled, &report(status)),
            Verdict::Ignore(alert),
            "{status}"
        );
    }
    let alert = Alert::WentBack {
        from: PaymentState::Settled,
        to: ProviderStatus::Missing,
    };
    assert_eq!(decide(&settled, &missing(at(60))), Verdict::Ignore(alert));
}

#[test]
fn settled_money_may_be_taken_back() {
    let settled = order(PaymentState::Settled, OrderState::Fulfilling);
    assert_eq!(decide(&settled, &report("deny")), Verdict::Reverse);
    let card = ProviderReport {
        payment_type: Some("credit_card".to_owned()),
        ..report("cancel")
    };
    assert_eq!(decide(&settled, &card), Verdict::Reverse);
    let refunded = Verdict::Refund(PaymentState::Refunded);
    assert_eq!(decide(&settled, &report("refund")), refunded);
    let partly = Verdict::Refund(PaymentState::PartiallyRefunded);
    assert_eq!(decide(&settled, &report("partial_refund")), partly);
    let charged = decide(&settled, &report("chargeback"));
    assert_eq!(charged, Verdict::ChargeBack { partial: false });
    let charged = decide(&settled, &report("partial_chargeback"));
    assert_eq!(charged, Verdict::ChargeBack { partial: true });

    let reversed = order(PaymentState::Reversed, OrderState::Fulfilling);
    assert_eq!(decide(&reversed, &report("deny")), Verdict::Nothing);
    assert!(matches!(
        decide(&reversed, &report("settlement")),
        Verdict::Ignore(_)
    ));
    let refunded = order(PaymentState::Refunded, OrderState::Refunded);
    assert_eq!(decide(&refunded, &report("refund")), Verdict::Nothing);
    let unseen = decide(&awaiting(PaymentState::Pending), &report("refund"));
    assert_eq!(
        unseen,
        Verdict::Ignore(Alert::UnseenMoney(ProviderStatus::Refund))
    );
}

#[test]
fn a_fraud_check_is_not_paid() {
    let challenged = ProviderReport {
        fraud: Some(FraudStatus::Challenge),
        ..report("capture")
    };
    let verdict = decide(&awaiting(PaymentState::Unknown), &challenged);
    assert_eq!(verdict, Verdict::Move(PaymentState::Pending));
    let verdict = decide(&awaiting(PaymentState::Pending), &challenged);
    assert_eq!(verdict, Verdict::Ignore(Alert::Challenged));
    let accepted = ProviderReport {
        fraud: None,
        ..report("capture")
    };
    let verdict = decide(&awaiting(PaymentState::Pending), &accepted);
    assert_eq!(verdict, Verdict::Settle { hold_until: None });
}

#[test]
fn an_unknown_status_changes_nothing() {
    let verdict = decide(&awaiting(PaymentState::Pending), &report("teleported"));
    assert_eq!(
        verdict,
        Verdict::Ignore(Alert::UnknownStatus("teleported".to_owned()))
    );
}

#[test]
fn a_charge_that_never_arrived_is_made_again_until_it_expires() {
    for state in [PaymentState::Creating, PaymentState::Unknown] {
        assert_eq!(
            decide(&awaiting(state), &missing(at(60))),
            Verdict::ChargeAgain
        );
    }
    assert_eq!(
        decide(&awaiting(PaymentState::Pending), &missing(at(60))),
        Verdict::Nothing
    );
    let expired = Verdict::Move(PaymentState::Expired);
    assert_eq!(
        decide(&awaiting(PaymentState::Pending), &missing(at(900))),
        expired
    );
    assert_eq!(
        decide(&awaiting(PaymentState::Unknown), &missing(at(900))),
        expired
    );
    assert_eq!(
        decide(&awaiting(PaymentState::Expired), &missing(at(901))),
        Verdict::Nothing
    );
}

/// What a flow stores after a verdict.
fn stored(verdict: &Verdict) -> Option<PaymentState> {
    match verdict {
        Verdict::Move(to) | Verdict::Refund(to) => Some(*to),
        Verdict::Settle { .. }
        | Verdict::TopUp { .. }
        | Verdict::CreditSaldo { .. }
        | Verdict::Suspense {
            received: Some(_), ..
        } => Some(PaymentState::Settled),
        Verdict::Reverse => Some(PaymentState::Reversed),
        Verdict::ChargeBack { .. } => Some(PaymentState::ChargedBack),
        Verdict::Suspense { received: None, .. }
        | Verdict::Nothing
        | Verdict::ChargeAgain
        | Verdict::Ignore(_) => None,
    }
}

proptest! {
    #[test]
    fn whatever_arrives_money_is_credited_once_and_states_keep_the_table(
        seen in prop::collection::vec(
            (
                prop::sample::select(vec![
                    "pending", "settlement", "capture", "deny", "cancel", "expire", "refund",
                    "partial_refund", "chargeback", "authorize", "failure", "new",
                ]),
                prop::sample::select(vec![71_000, 71_000, 71_000, 1]),
                any::<bool>(),
            ),
            0..30,
        ),
        order_state in prop::sample::select(OrderState::ALL.to_vec()),
    ) {
        let mut current = order(PaymentState::Creating, order_state);
        let mut credits = 0;
        for (status, amount, is_card) in seen {
            let payment_type = if is_card { "credit_card" } else { "qris" };
            let seen = ProviderReport {
                gross_amount: Some(rupiah(amount)),
                payment_type: Some(payment_type.to_owned()),
                ..report(status)
            };
            let verdict = decide(&current, &seen);
            credits += u32::from(matches!(
                verdict,
                Verdict::Settle { .. }
                    | Verdict::TopUp { .. }
                    | Verdict::CreditSaldo { .. }
                    | Verdict::Suspense { received: Some(_), .. }
            ));
            if let Some(to) = stored(&verdict) {
                let moved = current.state.transition(to);
                prop_assert_eq!(moved, Ok(to), "{} after {:?}", current.state, verdict);
                current.state = to;
            }
            prop_assert!(credits <= 1);
            prop_assert_eq!(current.state.has_credit(), credits == 1);
            // The same report again credits nothing.
            let again = decide(&current, &seen);
            let repeats = matches!(again, Verdict::Settle { .. } | Verdict::CreditSaldo { .. });
            prop_assert!(!repeats, "{again:?}");
        }
    }
}
