//! A locked attempt and what is heard about it: the one place where a payment changes.

use anyhow::{Context as _, Result};
use chrono::{DateTime, TimeDelta, Utc};
use sqlx::PgConnection;
use warung_domain::{
    order::{OrderEvent, OrderState},
    payment::PaymentState,
    provider::{ProviderOrderId, ProviderStatus},
    settlement::{self, Alert, LateMoney, Mismatch, Verdict, decide},
};
use warung_midtrans::snap::SnapPage;

use super::{
    books, instructions,
    midtrans::{Call, Heard, Report},
    plan::{self, Asked, Then},
    tell,
};
use crate::{
    app::App,
    flows::fulfilment,
    store::{
        orders::{self, Order},
        payments::{self, Attempt, Credit, CreditedTo, Instructions, Purpose},
    },
};

/// Who moves a payment that nobody else does.
const PROVIDER: &str = "midtrans";
/// When refunds that their bank has not confirmed yet are looked at again.
const REFUND_LOOK: TimeDelta = TimeDelta::hours(1);

/// An attempt under its lock, with its order under its own.
pub(super) struct Case<'a> {
    pub(super) app: &'a App,
    pub(super) attempt: Attempt,
    pub(super) order: Option<Order>,
    pub(super) now: DateTime<Utc>,
    /// Whether how to pay was learnt just now.
    pub(super) news: bool,
}

/// What follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    /// Another call.
    Ask(Call),
    /// Nothing until the attempt is due again.
    LetGo,
}

impl Case<'_> {
    /// Applies what was heard.
    pub(super) async fn hear(
        &mut self,
        connection: &mut PgConnection,
        heard: Heard,
        asked: Asked,
    ) -> Result<Next> {
        match heard {
            Heard::Report(report) => return self.report(connection, &report, asked).await,
            Heard::Page(page) => self.page(connection, page).await?,
            Heard::PageClosed | Heard::NothingToAsk => self.end(connection).await?,
            Heard::Refused(reason) => {
                tracing::error!(payment.id = %self.attempt.id, reason, "Midtrans refused a charge");
                self.over(connection, PaymentState::Failed, "refused by Midtrans")
                    .await?;
            }
            Heard::ReadIt => return Ok(Next::Ask(Call::Status)),
            Heard::Silence { sent, wait } => {
                self.silence(connection, sent).await?;
                let wait = wait.and_then(|wait| TimeDelta::from_std(wait).ok());
                self.again_later(wait.unwrap_or_default());
                return Ok(Next::LetGo);
            }
        }
        self.rest();
        Ok(Next::LetGo)
    }

    async fn report(
        &mut self,
        connection: &mut PgConnection,
        report: &Report,
        asked: Asked,
    ) -> Result<Next> {
        let status = &report.seen.status;
        if plan::has_page_to_close(&self.attempt, status, asked, self.now) {
            return Ok(Next::Ask(Call::ClosePage));
        }
        self.note(report);
        let verdict = decide(&self.as_decided()?, &report.seen);
        self.rest();
        self.carry_out(connection, verdict, report).await?;
        match plan::after(&self.attempt, status, asked, self.now) {
            Then::Ask(call) => return Ok(Next::Ask(call)),
            Then::End => {
                self.end(connection).await?;
                self.rest();
            }
            Then::Stuck => self.again_later(TimeDelta::zero()),
            Then::Rest if self.news && self.is_payable() => {
                instructions::send(self, connection).await?;
            }
            Then::Rest => {}
        }
        Ok(Next::LetGo)
    }

    /// Whether the customer can still pay and has not.
    fn is_payable(&self) -> bool {
        self.attempt.state.is_live() && self.attempt.hold_until.is_none()
    }

    fn note(&mut self, report: &Report) {
        let attempt = &mut self.attempt;
        attempt.polls += 1;
        attempt.checked_at = Some(self.now);
        attempt.provider_status = Some(report.seen.status.as_str().to_owned());
        attempt.fraud_status = (report.seen.fraud.as_ref()).map(|fraud| fraud.as_str().to_owned());
        if report.transaction_id.is_some() {
            attempt.provider_txn_id.clone_from(&report.transaction_id);
        }
        if attempt.instructions.is_none() && report.instructions.is_some() {
            attempt.instructions.clone_from(&report.instructions);
            self.news = true;
        }
    }

    /// The attempt in the words of the decision.
    fn as_decided(&self) -> Result<settlement::Attempt> {
        let attempt = &self.attempt;
        let purpose = match &self.order {
            Some(order) => settlement::Purpose::Order {
                state: order.state,
                due: order.due(),
            },
            None => settlement::Purpose::TopUp,
        };
        Ok(settlement::Attempt {
            provider_order_id: ProviderOrderId::parse(&attempt.provider_order_id)?,
            merchant_id: self.app.config.midtrans.merchant_id.clone(),
            state: attempt.state,
            purpose,
            method: attempt.method,
            amount: attempt.amount,
            expires_at: attempt.expires_at,
        })
    }

    async fn carry_out(
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
                self.suspend(connection, &mismatch, received.map(|money| money.get()))
                    .await
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
        received: Option<i64>,
    ) -> Result<()> {
        tracing::error!(payment.id = %self.attempt.id, ?mismatch, received,
            "a payment is not as it was asked for: a person must look at it");
        self.count_alert("mismatch");
        if let Some(received) = received {
            let txn = books::suspense(self, connection, received).await?;
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
    /// that their bank has confirmed are final and booked, each once.
    async fn refund(
        &mut self,
        connection: &mut PgConnection,
        to: PaymentState,
        report: &Report,
    ) -> Result<()> {
        let booked = books::refunds(self, connection, &report.refunds).await?;
        let all_confirmed =
            (report.refunds.iter()).all(|refund| refund.bank_confirmed_at.is_some());
        if !all_confirmed {
            self.attempt.act_at = Some(self.now + REFUND_LOOK);
        }
        let is_whole = to == PaymentState::Refunded && all_confirmed;
        if booked > 0 || is_whole {
            let to = if is_whole {
                to
            } else {
                PaymentState::PartiallyRefunded
            };
            self.move_to(connection, to, PROVIDER, "money went back")
                .await?;
            self.note_refund(connection, booked, is_whole).await?;
        }
        Ok(())
    }

    async fn note_refund(
        &mut self,
        connection: &mut PgConnection,
        booked: i64,
        is_whole: bool,
    ) -> Result<()> {
        let paid_by_this =
            (self.attempt.credit).is_some_and(|credit| credit.to == CreditedTo::Order);
        let Some(order) = self.order.as_mut().filter(|_| paid_by_this) else {
            return Ok(());
        };
        let refunded = (order.refunded.get() + booked).min(order.paid.get());
        order.refunded = warung_domain::money::Rupiah::try_from(refunded)?;
        let whole_order = order.refunded == order.paid;
        let steps = [
            (OrderEvent::RefundStarted, "refunded at Midtrans"),
            (OrderEvent::Refunded, "the bank confirmed it"),
        ];
        let moves = if is_whole && whole_order && order.state.transition(steps[0].0).is_ok() {
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
        let gone = matches!(
            status,
            ProviderStatus::Deny
                | ProviderStatus::Cancel
                | ProviderStatus::Expire
                | ProviderStatus::Failure
        );
        if gone && self.attempt.credit.is_none() && self.attempt.hold_until.take().is_some() {
            self.rest();
            tell::taken_back(self, connection).await?;
        }
        Ok(())
    }

    async fn page(&mut self, connection: &mut PgConnection, page: SnapPage) -> Result<()> {
        self.attempt.instructions = Some(Instructions::Link {
            url: page.redirect_url,
            token: page.token,
        });
        if self.attempt.state != PaymentState::Pending {
            let reason = "waits to be paid";
            self.move_to(connection, PaymentState::Pending, PROVIDER, reason)
                .await?;
        }
        instructions::send(self, connection).await
    }

    /// Nothing was heard.
    async fn silence(&mut self, connection: &mut PgConnection, sent: bool) -> Result<()> {
        if sent && self.attempt.state == PaymentState::Creating {
            let reason = "Midtrans did not answer";
            self.move_to(connection, PaymentState::Unknown, "system", reason)
                .await?;
        }
        let is_unmade = self.attempt.state.is_live() && self.attempt.instructions.is_none();
        if is_unmade && self.now - self.attempt.created_at >= plan::SLOW_CHARGE {
            tell::wait(self, connection).await?;
        }
        Ok(())
    }

    /// Nobody can pay any more, and nobody has.
    async fn end(&mut self, connection: &mut PgConnection) -> Result<()> {
        if !self.attempt.state.is_live() {
            return Ok(());
        }
        if self.now >= self.attempt.expires_at {
            self.over(connection, PaymentState::Expired, "not paid in time")
                .await
        } else {
            self.over(connection, PaymentState::Cancelled, "called off")
                .await
        }
    }

    /// The attempt ends without money, and with it its order.
    async fn over(
        &mut self,
        connection: &mut PgConnection,
        to: PaymentState,
        reason: &str,
    ) -> Result<()> {
        let actor = match to {
            PaymentState::Cancelled
                if self.attempt.cancel_requested && self.now < self.attempt.expires_at =>
            {
                "customer"
            }
            _ => PROVIDER,
        };
        let had_money = self.attempt.hold_until.take().is_some();
        self.move_to(connection, to, actor, reason).await?;
        self.rest();
        if let Purpose::TopUp(_) = self.attempt.purpose {
            return if had_money {
                tell::taken_back(self, connection).await
            } else {
                tell::top_up_over(self, connection).await
            };
        }
        let Some(mut order) = self.order.take() else {
            return Ok(());
        };
        if order.state == OrderState::AwaitingPayment {
            let late = order.expires_at.is_some_and(|until| until <= self.now);
            let event = if late || to == PaymentState::Expired {
                OrderEvent::Expired
            } else {
                OrderEvent::Cancelled
            };
            let (app, now) = (self.app, self.now);
            if event == OrderEvent::Expired || self.attempt.cancel_requested {
                fulfilment::close(app, connection, &mut order, event, actor, reason, now).await?;
            } else {
                fulfilment::end(app, connection, &mut order, event, actor, reason, now).await?;
                self.order = Some(order);
                return tell::not_made(self, connection).await;
            }
        }
        self.order = Some(order);
        Ok(())
    }

    async fn credit(
        &mut self,
        connection: &mut PgConnection,
        txn: uuid::Uuid,
        to: CreditedTo,
        reason: &str,
    ) -> Result<()> {
        self.attempt.credit = Some(Credit { txn, to });
        self.move_to(connection, PaymentState::Settled, PROVIDER, reason)
            .await
    }

    async fn move_to(
        &mut self,
        connection: &mut PgConnection,
        to: PaymentState,
        actor: &str,
        reason: &str,
    ) -> Result<()> {
        let attempt = &mut self.attempt;
        payments::transition(connection, attempt, to, actor, reason, self.now).await?;
        tracing::info!(payment.id = %attempt.id, payment.state = %to, reason, "a payment moved");
        Ok(())
    }

    /// All went well: the next look is due when the schedule says.
    fn rest(&mut self) {
        self.attempt.failures = 0;
        self.attempt.act_at = plan::next_look(&self.attempt, self.now);
    }

    /// Nothing came of it: try again, later each time.
    fn again_later(&mut self, at_least: TimeDelta) {
        self.attempt.failures = self.attempt.failures.saturating_add(1);
        let pause = plan::backoff(self.attempt.failures).max(at_least);
        self.attempt.act_at = Some(self.now + pause);
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
