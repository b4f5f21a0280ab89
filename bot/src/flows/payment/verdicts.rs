//! What each verdict of the domain does to a payment, its order and the books.

use anyhow::{Context as _, Result};
use chrono::{DateTime, TimeDelta, Utc};
use sqlx::PgConnection;
use warung_domain::{
    money::Rupiah,
    order::OrderEvent,
    payment::PaymentState,
    provider::ProviderStatus,
    settlement::{Alert, LateMoney, Mismatch, Verdict},
};

use super::{
    books,
    case::{Case, PROVIDER},
    midtrans::Report,
    tell,
};
use crate::{
    flows::fulfilment,
    store::{orders, payments::CreditedTo},
};

/// When refunds that their bank has not confirmed yet are looked at again.
const REFUND_LOOK: TimeDelta = TimeDelta::hours(1);

impl Case<'_> {
    /// Does what the domain decided.
    pub(super) async fn carry_out(
        &mut self,
        connection: &mut PgConnection,
        verdict: Verdict,
        report: &Report,
    ) -> Result<()> {
        match verdict {
            // What it means that there is no payment yet, the plan says.
            Verdict::ChargeAgain => Ok(()),
            Verdict::Nothing => self.release_hold(connection, &report.seen.status).await,
            Verdict::Move(PaymentState::Pending) => {
                let reason = "waits to be paid";
                self.move_to(connection, PaymentState::Pending, PROVIDER, reason)
                    .await
            }
            Verdict::Move(to) => self.over(connection, to, said(&report.seen.status)).await,
            Verdict::Settle { hold_until } => self.settle(connection, hold_until).await,
            Verdict::TopUp { hold_until } => self.credit_saldo(connection, None, hold_until).await,
            Verdict::CreditSaldo { why, hold_until } => {
                self.credit_saldo(connection, Some(why), hold_until).await
            }
            Verdict::Suspense { mismatch, received } => {
                self.suspend(connection, &mismatch, received).await?;
                if received.is_none() && is_end(&report.seen.status) {
                    self.end(connection).await?;
                }
                Ok(())
            }
            Verdict::Reverse => {
                self.reverse(connection, PaymentState::Reversed, report)
                    .await
            }
            Verdict::ChargeBack { partial: false } => {
                self.reverse(connection, PaymentState::ChargedBack, report)
                    .await
            }
            Verdict::ChargeBack { partial: true } => self.partly_charged_back(connection).await,
            Verdict::Refund(to) => self.refund(connection, to, report).await,
            Verdict::Ignore(alert) => {
                self.alert(&alert);
                Ok(())
            }
        }
    }

    /// The money is in and pays the order.
    async fn settle(
        &mut self,
        connection: &mut PgConnection,
        hold_until: Option<DateTime<Utc>>,
    ) -> Result<()> {
        let mut order = self.order.take().context("the order of a settlement")?;
        let txn = books::purchase(self, connection, &order).await?;
        self.attempt.hold_until = hold_until;
        self.credit(connection, txn, CreditedTo::Order, "paid")
            .await?;
        let by = self.attempt.method.as_str();
        let app = self.app;
        fulfilment::paid(app, connection, &mut order, by, hold_until, self.now).await?;
        self.order = Some(order);
        self.rest();
        Ok(())
    }

    /// The money is in and becomes saldo: of a top-up, or because its order does not wait for it.
    /// Where the bank may take it back, it is only noted until the hold is over.
    async fn credit_saldo(
        &mut self,
        connection: &mut PgConnection,
        late: Option<LateMoney>,
        hold_until: Option<DateTime<Utc>>,
    ) -> Result<()> {
        let hold_until = self.attempt.hold_until.or(hold_until);
        if let Some(hold_until) = hold_until.filter(|hold_until| *hold_until > self.now) {
            let is_new = self.attempt.hold_until.is_none();
            self.attempt.hold_until = Some(hold_until);
            self.rest();
            if is_new {
                tell::held(self, connection, hold_until).await?;
            }
            return Ok(());
        }
        let txn = books::saldo(self, connection).await?;
        let reason = late.map_or("topped up", why);
        self.credit(connection, txn, CreditedTo::Saldo, reason)
            .await?;
        self.rest();
        match late {
            None => tell::topped_up(self, connection).await,
            Some(_) => tell::late(self, connection).await,
        }
    }

    /// The report contradicts what was asked for.
    async fn suspend(
        &mut self,
        connection: &mut PgConnection,
        mismatch: &Mismatch,
        received: Option<Rupiah>,
    ) -> Result<()> {
        tracing::error!(payment.id = %self.attempt.id, ?mismatch, ?received,
            "a payment is not as it was asked for: a person must look at it");
        self.count_alert("mismatch");
        if let Some(received) = received {
            let txn = books::suspense(self, connection, received.get()).await?;
            self.credit(
                connection,
                txn,
                CreditedTo::Suspense,
                "not as it was asked for",
            )
            .await?;
            self.rest();
            tell::under_review(self, connection).await?;
        }
        tell::staff_mismatch(self, connection).await
    }

    /// The money was taken back, wholly: by a reversal or by the payer's bank.
    async fn reverse(
        &mut self,
        connection: &mut PgConnection,
        to: PaymentState,
        report: &Report,
    ) -> Result<()> {
        let debt = books::take_back(self, connection, &report.refunds).await?;
        self.move_to(connection, to, PROVIDER, "the bank took the money back")
            .await?;
        self.attempt.hold_until = None;
        self.dispute(connection).await?;
        self.rest();
        tell::taken_back(self, connection).await?;
        tell::staff_taken_back(self, connection, debt).await
    }

    /// A part was taken back; how much of it, Midtrans' dashboard alone says.
    async fn partly_charged_back(&mut self, connection: &mut PgConnection) -> Result<()> {
        let reason = "the bank took a part back";
        self.move_to(connection, PaymentState::ChargedBack, PROVIDER, reason)
            .await?;
        self.dispute(connection).await?;
        self.rest();
        tell::staff_partly_taken_back(self, connection).await
    }

    /// Stops what was not handed over yet.
    async fn dispute(&mut self, connection: &mut PgConnection) -> Result<()> {
        let Some(order) = &mut self.order else {
            return Ok(());
        };
        let was_paid_by_this =
            (self.attempt.credit).is_some_and(|credit| credit.to == CreditedTo::Order);
        if !was_paid_by_this || order.state.transition(OrderEvent::Disputed).is_err() {
            return Ok(());
        }
        order.deliver_after = None;
        let reason = "the bank took its money back";
        let event = OrderEvent::Disputed;
        orders::transition(connection, order, event, PROVIDER, reason, self.now).await?;
        Ok(())
    }

    /// Money went back to the customer, by a refund that somebody made at Midtrans. Only refunds
    /// that their bank has confirmed are final and booked, each once; the attempt is refunded when
    /// they sum to its amount.
    async fn refund(
        &mut self,
        connection: &mut PgConnection,
        to: PaymentState,
        report: &Report,
    ) -> Result<()> {
        let booked = books::refunds(self, connection, &report.refunds).await?;
        let confirmed = books::confirmed(&report.refunds);
        let is_whole = confirmed >= self.attempt.amount.get();
        if to == PaymentState::Refunded && !is_whole {
            self.attempt.act_at = Some(self.now + REFUND_LOOK);
        }
        if booked > 0 {
            let to = if is_whole {
                PaymentState::Refunded
            } else {
                PaymentState::PartiallyRefunded
            };
            self.move_to(connection, to, PROVIDER, "money went back")
                .await?;
            self.note_refund(connection, booked).await?;
        }
        Ok(())
    }

    async fn note_refund(&mut self, connection: &mut PgConnection, booked: i64) -> Result<()> {
        let paid_by_this =
            (self.attempt.credit).is_some_and(|credit| credit.to == CreditedTo::Order);
        let Some(order) = self.order.as_mut().filter(|_| paid_by_this) else {
            return Ok(());
        };
        let refunded = (order.refunded.get() + booked).min(order.paid.get());
        order.refunded = Rupiah::try_from(refunded)?;
        let steps = [
            (OrderEvent::RefundStarted, "refunded at Midtrans"),
            (OrderEvent::Refunded, "the bank confirmed it"),
        ];
        let is_whole = order.refunded == order.paid;
        let moves = if is_whole && order.state.transition(steps[0].0).is_ok() {
            &steps[..]
        } else {
            &[]
        };
        orders::advance(connection, order, moves, PROVIDER, self.now).await?;
        Ok(())
    }

    /// A hold whose money did not stay: there is nothing to credit any more.
    async fn release_hold(
        &mut self,
        connection: &mut PgConnection,
        status: &ProviderStatus,
    ) -> Result<()> {
        if is_end(status)
            && self.attempt.credit.is_none()
            && self.attempt.hold_until.take().is_some()
        {
            self.rest();
            tell::taken_back(self, connection).await?;
        }
        Ok(())
    }

    fn alert(&self, alert: &Alert) {
        tracing::error!(payment.id = %self.attempt.id, ?alert,
            "Midtrans says what cannot be: a person must look at it");
        self.count_alert(match alert {
            Alert::WentBack { .. } => "went_back",
            Alert::Contradiction(_) => "contradiction",
            Alert::UnseenMoney(_) => "unseen_money",
            Alert::Challenged => "challenged",
            Alert::UnknownStatus(_) => "unknown_status",
        });
    }

    fn count_alert(&self, kind: &str) {
        self.app
            .metrics
            .payment_alerts
            .with_label_values(&[kind])
            .inc();
    }
}

/// Whether no money can come any more in the ordinary way.
fn is_end(status: &ProviderStatus) -> bool {
    matches!(
        status,
        ProviderStatus::Deny
            | ProviderStatus::Cancel
            | ProviderStatus::Expire
            | ProviderStatus::Failure
    )
}

fn said(status: &ProviderStatus) -> &'static str {
    match status {
        ProviderStatus::Deny => "the payment was refused",
        ProviderStatus::Failure => "the payment failed",
        ProviderStatus::Cancel => "called off",
        ProviderStatus::Expire | ProviderStatus::Missing => "not paid in time",
        _ => "Midtrans says so",
    }
}

fn why(late: LateMoney) -> &'static str {
    match late {
        LateMoney::OrderExpired => "paid after the order had expired",
        LateMoney::OrderCancelled => "paid after the order was cancelled",
        LateMoney::AlreadyPaid => "the order was paid already",
        LateMoney::NeverConfirmed => "the order was never confirmed",
        LateMoney::OtherAmountDue => "the order waits for another amount",
    }
}
