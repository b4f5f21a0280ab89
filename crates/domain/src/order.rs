//! The life of an order, as a table.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Where an order stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OrderState {
    /// Being put together; nothing reserved.
    Draft,
    /// Confirmed, stock reserved, money not seen.
    AwaitingPayment,
    /// All of its money is in.
    Paid,
    /// Being packed, or its digital goods are on their way.
    Fulfilling,
    /// Everything was handed over.
    Completed,
    /// Called off before it was paid.
    Cancelled,
    /// Not paid in time.
    Expired,
    /// The money is on its way back.
    Refunding,
    /// The money went back.
    Refunded,
    /// The bank disputes the payment.
    Disputed,
}

/// What happens to an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OrderEvent {
    /// The customer confirmed the quote.
    Confirmed,
    /// All of its money is in.
    Paid,
    /// Packing or delivery began.
    FulfilmentStarted,
    /// Everything was handed over.
    Completed,
    /// Customer or staff called it off.
    Cancelled,
    /// The time to pay ran out.
    Expired,
    /// The shop decided to give the money back.
    RefundStarted,
    /// The money went back.
    Refunded,
    /// The bank disputes the payment.
    Disputed,
}

/// An event that does not happen to an order in this state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an order that is {from} cannot be {event}")]
pub struct InvalidTransition {
    /// The state the order is in.
    pub from: OrderState,
    /// The event that came.
    pub event: OrderEvent,
}

impl OrderState {
    /// Every state, as the database's check lists them.
    pub const ALL: [Self; 10] = [
        Self::Draft,
        Self::AwaitingPayment,
        Self::Paid,
        Self::Fulfilling,
        Self::Completed,
        Self::Cancelled,
        Self::Expired,
        Self::Refunding,
        Self::Refunded,
        Self::Disputed,
    ];

    /// Every move an order can make. Late money is not among them: it goes to the customer's
    /// saldo and leaves the order as it is.
    pub const TRANSITIONS: [(Self, OrderEvent, Self); 13] = [
        (Self::Draft, OrderEvent::Confirmed, Self::AwaitingPayment),
        (Self::AwaitingPayment, OrderEvent::Paid, Self::Paid),
        (Self::AwaitingPayment, OrderEvent::Expired, Self::Expired),
        (
            Self::AwaitingPayment,
            OrderEvent::Cancelled,
            Self::Cancelled,
        ),
        (Self::Paid, OrderEvent::FulfilmentStarted, Self::Fulfilling),
        (Self::Fulfilling, OrderEvent::Completed, Self::Completed),
        (Self::Paid, OrderEvent::RefundStarted, Self::Refunding),
        (Self::Fulfilling, OrderEvent::RefundStarted, Self::Refunding),
        (Self::Refunding, OrderEvent::Refunded, Self::Refunded),
        (Self::Paid, OrderEvent::Disputed, Self::Disputed),
        (Self::Fulfilling, OrderEvent::Disputed, Self::Disputed),
        (Self::Completed, OrderEvent::Disputed, Self::Disputed),
        (Self::Refunding, OrderEvent::Disputed, Self::Disputed),
    ];

    /// The stored name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::AwaitingPayment => "awaiting_payment",
            Self::Paid => "paid",
            Self::Fulfilling => "fulfilling",
            Self::Completed => "completed",
            Self::Cancelled => "cancelled",
            Self::Expired => "expired",
            Self::Refunding => "refunding",
            Self::Refunded => "refunded",
            Self::Disputed => "disputed",
        }
    }

    /// The state with a stored name.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == text)
    }

    /// Whether nothing can happen to the order any more.
    pub fn is_terminal(self) -> bool {
        Self::TRANSITIONS.iter().all(|(from, _, _)| *from != self)
    }

    /// Whether the order's goods are paid for, so that `paid >= total` must hold.
    pub const fn is_paid(self) -> bool {
        matches!(self, Self::Paid | Self::Fulfilling | Self::Completed)
    }

    /// The state after an event.
    ///
    /// # Errors
    /// [`InvalidTransition`] when [`OrderState::TRANSITIONS`] has no such move.
    pub fn transition(self, event: OrderEvent) -> Result<Self, InvalidTransition> {
        Self::TRANSITIONS
            .iter()
            .find(|(from, on, _)| *from == self && *on == event)
            .map(|(_, _, to)| *to)
            .ok_or(InvalidTransition { from: self, event })
    }
}

impl OrderEvent {
    /// Every event.
    pub const ALL: [Self; 9] = [
        Self::Confirmed,
        Self::Paid,
        Self::FulfilmentStarted,
        Self::Completed,
        Self::Cancelled,
        Self::Expired,
        Self::RefundStarted,
        Self::Refunded,
        Self::Disputed,
    ];

    /// The stored name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Confirmed => "confirmed",
            Self::Paid => "paid",
            Self::FulfilmentStarted => "fulfilment_started",
            Self::Completed => "completed",
            Self::Cancelled => "cancelled",
            Self::Expired => "expired",
            Self::RefundStarted => "refund_started",
            Self::Refunded => "refunded",
            Self::Disputed => "disputed",
        }
    }
}

impl fmt::Display for OrderState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for OrderEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
