//! Guards that can be taken out, one at a time, so that a check must turn red.

use clap::ValueEnum;

/// A guard, named as `make chaos MUTATION=…` takes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Mutation {
    /// The fence lets older tokens pass.
    Fence,
    /// A message may be in the inbox twice.
    Message,
    /// A quote may be confirmed twice.
    Quote,
    /// A lock is freed whoever has it.
    LockNonce,
    /// A lock won with two votes stays on two.
    Fill,
    /// Stock is taken whether or not it is there.
    Stock,
    /// A notification is believed.
    Status,
    /// Messages are sent without a committed claim.
    OutboxClaim,
    /// A silent connection to Redis is kept.
    Watchdog,
    /// PostgreSQL does not count a customer's purchases.
    Count,
}

impl Mutation {
    /// The switch of the bots, if it is theirs.
    pub(crate) fn switch(self) -> Option<&'static str> {
        Some(match self {
            Self::Fence => "fence",
            Self::Message => return None,
            Self::Quote => "quote",
            Self::LockNonce => "lock_nonce",
            Self::Fill => "fill",
            Self::Stock => "stock",
            Self::Status => "status",
            Self::OutboxClaim => "outbox_claim",
            Self::Watchdog => "watchdog",
            Self::Count => "count",
        })
    }

    /// The checks of which one must say no without it; others may as well.
    pub(crate) fn checks(self) -> &'static [&'static str] {
        match self {
            Self::Fence => &["fence-forward", "writes-linearizable"],
            Self::Message => &["inbox-once"],
            Self::Quote => &["quote-once"],
            Self::LockNonce => &["one-holder"],
            Self::Fill | Self::Watchdog => &["three-votes"],
            Self::Stock => &["stock-bounds"],
            Self::Status => &["every-rupiah-once"],
            Self::OutboxClaim => &["replies-once", "bought-is-received"],
            Self::Count => &["pace"],
        }
    }

    /// The constraint that falls with it. What the statements name stays there, but holds nothing.
    pub(crate) fn sql(self) -> Option<&'static str> {
        match self {
            Self::Message => Some(
                "ALTER TABLE inbox DROP CONSTRAINT inbox_once,
                 ADD CONSTRAINT inbox_once UNIQUE (phone_number_id, key, id)",
            ),
            Self::Quote => Some("ALTER TABLE orders DROP CONSTRAINT orders_quote_once"),
            Self::Stock => Some(
                "ALTER TABLE stock_item DROP CONSTRAINT stock_never_negative,
                 DROP CONSTRAINT stock_never_oversold",
            ),
            _ => None,
        }
    }
}

impl Mutation {
    /// As `make chaos MUTATION=…` takes it.
    pub(crate) fn name(self) -> String {
        let value = self.to_possible_value();
        value.map_or_else(String::new, |value| value.get_name().to_owned())
    }
}
