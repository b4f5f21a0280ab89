//! A locked attempt and what is heard about it: the one place where a payment changes.

use anyhow::Result;
use chrono::{DateTime, TimeDelta, Utc};
use sqlx::PgConnection;
use warung_domain::{
    order::{OrderEvent, OrderState},
    payment::PaymentState,
    provider::ProviderOrderId,
    settlement::{self, decide},
};
use warung_midtrans::snap::SnapPage;

use super::{
    instructions,
    midtrans::{Call, Heard, Report},
    plan::{self, Asked, Page, Then},
    tell,
};
use crate::{
    app::App,
    flows::fulfilment,
    store::{
        orders::Order,
        payments::{self, Attempt, Credit, CreditedTo, Instructions, Purpose},
    },
};

/// Who moves a payment that nobody else does.
pub(super) const PROVIDER: &str = "midtrans";

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
        asked: &Asked,
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
                self.silence(connection, asked.may_have_charged(sent))
                    .await?;
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
        asked: &Asked,
    ) -> Result<Next> {
        let status = &report.seen.status;
        self.note(report);
        match plan::page(&self.attempt, status, asked, self.now) {
            Some(Page::MustClose) => return Ok(Next::Ask(Call::ClosePage)),
            Some(Page::Open) => {
                self.rest();
                return Ok(Next::LetGo);
            }
            None => {}
        }
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
    async fn silence(
        &mut self,
        connection: &mut PgConnection,
        may_have_charged: bool,
    ) -> Result<()> {
        if may_have_charged && self.attempt.state == PaymentState::Creating {
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
    pub(super) async fn end(&mut self, connection: &mut PgConnection) -> Result<()> {
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
    pub(super) async fn over(
        &mut self,
        connection: &mut PgConnection,
        to: PaymentState,
        reason: &str,
    ) -> Result<()> {
        // The end of an order asks for a call-off too; then it is the time that ran out.
        let was_called_off = self.attempt.cancel_requested && self.now < self.attempt.expires_at;
        let actor = match to {
            PaymentState::Cancelled if was_called_off => "customer",
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

    pub(super) async fn credit(
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

    pub(super) async fn move_to(
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
    pub(super) fn rest(&mut self) {
        self.attempt.failures = 0;
        self.attempt.act_at = plan::next_look(&self.attempt, self.now);
    }

    /// Nothing came of it: try again, later each time.
    pub(super) fn again_later(&mut self, at_least: TimeDelta) {
        self.attempt.failures = self.attempt.failures.saturating_add(1);
        let pause = plan::backoff(self.attempt.failures).max(at_least);
        self.attempt.act_at = Some(self.now + pause);
    }
}
