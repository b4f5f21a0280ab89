//! What sending a parcel costs.

use serde::{Deserialize, Serialize};

use crate::money::Rupiah;

/// A shop's shipping rule: one flat fee, free from some amount of goods on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shipping {
    /// The fee of one order with something to ship.
    pub flat_fee: Rupiah,
    /// Orders whose goods cost at least this much ship free.
    pub free_above: Option<Rupiah>,
}

impl Shipping {
    /// The fee for goods of this price, when at least one of them is shipped.
    pub fn fee(&self, subtotal: Rupiah, needs_address: bool) -> Rupiah {
        let free = self.free_above.is_some_and(|amount| subtotal >= amount);
        if needs_address && !free {
            self.flat_fee
        } else {
            Rupiah::ZERO
        }
    }
}
