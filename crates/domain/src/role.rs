//! Who somebody is to the shop.

use serde::{Deserialize, Serialize};

/// What a person may do and what prices they see.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Buys at the shop's price.
    #[default]
    Customer,
    /// Buys at the reseller price where a product has one.
    Reseller,
    /// Works in the shop: stock, shipping.
    Staff,
    /// Also changes prices and money.
    Admin,
    /// Owns the shop.
    Owner,
}

impl Role {
    /// Every role, as stored.
    pub const ALL: [Self; 5] = [
        Self::Customer,
        Self::Reseller,
        Self::Staff,
        Self::Admin,
        Self::Owner,
    ];

    /// The stored name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Customer => "customer",
            Self::Reseller => "reseller",
            Self::Staff => "staff",
            Self::Admin => "admin",
            Self::Owner => "owner",
        }
    }

    /// The role with a stored name.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.as_str() == text)
    }

    /// Whether the staff commands are open to this role.
    pub const fn is_staff(self) -> bool {
        matches!(self, Self::Staff | Self::Admin | Self::Owner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stored_names_are_read_back() {
        for role in Role::ALL {
            assert_eq!(Role::parse(role.as_str()), Some(role));
            assert_eq!(serde_json::to_value(role).unwrap(), role.as_str());
        }
        assert_eq!(Role::parse("god"), None);
        let staff: Vec<_> = Role::ALL
            .into_iter()
            .filter(|role| role.is_staff())
            .collect();
        assert_eq!(staff, [Role::Staff, Role::Admin, Role::Owner]);
    }
}
