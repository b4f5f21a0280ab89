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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn stored_names_are_read_back() {
        for state in OrderState::ALL {
            assert_eq!(OrderState::parse(state.as_str()), Some(state));
            assert_eq!(serde_json::to_value(state).unwrap(), state.as_str());
        }
        for event in OrderEvent::ALL {
            assert_eq!(serde_json::to_value(event).unwrap(), event.as_str());
        }
        assert_eq!(OrderState::parse("lost"), None);
    }

    #[test]
    fn an_order_goes_from_draft_to_completed() {
        let events = [
            OrderEvent::Confirmed,
            OrderEvent::Paid,
            OrderEvent::FulfilmentStarted,
            OrderEvent::Completed,
        ];
        let end = events
            .into_iter()
            .try_fold(OrderState::Draft, OrderState::transition);
        assert_eq!(end, Ok(OrderState::Completed));
    }

    #[test]
    fn what_is_over_stays_over() {
        let terminal: Vec<_> = OrderState::ALL
            .into_iter()
            .filter(|state| state.is_terminal())
            .collect();
        assert_eq!(
            terminal,
            [
                OrderState::Cancelled,
                OrderState::Expired,
                OrderState::Refunded,
                OrderState::Disputed
            ]
        );
        let late = OrderState::Expired.transition(OrderEvent::Paid);
        let refused = InvalidTransition {
            from: OrderState::Expired,
            event: OrderEvent::Paid,
        };
        assert_eq!(late, Err(refused));
        assert_eq!(
            refused.to_string(),
            "an order that is expired cannot be paid"
        );
    }

    proptest! {
        #[test]
        fn random_events_keep_the_table(
            events in prop::collection::vec(prop::sample::select(OrderEvent::ALL.to_vec()), 0..40),
        ) {
            let mut state = OrderState::Draft;
            let mut was_paid = false;
            for event in events {
                match state.transition(event) {
                    Ok(next) => {
                        prop_assert!(!state.is_terminal());
                        prop_assert!(next != state);
                        was_paid |= event == OrderEvent::Paid;
                        state = next;
                    }
                    Err(refused) => {
                        prop_assert_eq!(refused, InvalidTransition { from: state, event });
                    }
                }
                // Nothing is handed over or given back that was not paid for.
                let needs_money = state.is_paid()
                    || matches!(state, OrderState::Refunding | OrderState::Refunded);
                prop_assert!(was_paid || !needs_money);
            }
        }
    }
}
