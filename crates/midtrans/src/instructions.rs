//! How a customer pays: what a charge answers beyond the transaction itself.

use serde::Deserialize;

/// What the customer needs in order to pay.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Instructions {
    /// A QR code: its content, to be drawn, or the address of a picture of it; at least one.
    Qris {
        /// What the code says.
        qr_string: Option<String>,
        /// A picture.
        url: Option<String>,
    },
    /// A virtual account.
    VirtualAccount {
        /// `bca`, `bni`, `bri`, `permata`, …
        bank: String,
        /// The account's number.
        number: String,
    },
    /// A bill at Bank Mandiri.
    MandiriBill {
        /// The biller's code.
        biller_code: String,
        /// The bill's key.
        bill_key: String,
    },
    /// A code to pay with at a shop's till.
    StorePayment {
        /// `indomaret`.
        store: String,
        /// The code.
        code: String,
    },
    /// A page or app to open.
    Deeplink {
        /// Its address.
        url: String,
    },
}

/// The fields instructions are read from. Status answers have those of accounts, bills and tills
/// too, but not those of QR codes.
#[derive(Debug, Deserialize)]
pub(crate) struct Wire {
    payment_type: Option<String>,
    va_numbers: Option<Vec<WireVa>>,
    permata_va_number: Option<String>,
    biller_code: Option<String>,
    bill_key: Option<String>,
    store: Option<String>,
    payment_code: Option<String>,
    qr_string: Option<String>,
    actions: Option<Vec<WireAction>>,
}

#[derive(Debug, Deserialize)]
struct WireVa {
    bank: String,
    va_number: String,
}

#[derive(Debug, Deserialize)]
struct WireAction {
    name: String,
    url: Option<String>,
}

impl Wire {
    /// The instructions, where there are any.
    pub(crate) fn into_instructions(self) -> Option<Instructions> {
        if let Some(number) = self.permata_va_number {
            return Some(Instructions::VirtualAccount {
                bank: "permata".to_owned(),
                number,
            });
        }
        if let Some(account) = self.va_numbers.unwrap_or_default().into_iter().next() {
            let WireVa { bank, va_number } = account;
            return Some(Instructions::VirtualAccount {
                bank,
                number: va_number,
            });
        }
        if let (Some(biller_code), Some(bill_key)) = (self.biller_code, self.bill_key) {
            return Some(Instructions::MandiriBill {
                biller_code,
                bill_key,
            });
        }
        if let Some(code) = self.payment_code {
            let store = self.store.unwrap_or_else(|| "indomaret".to_owned());
            return Some(Instructions::StorePayment { store, code });
        }
        let mut actions = self.actions.unwrap_or_default();
        let mut take = |name: &str| {
            let action = actions.iter_mut().find(|action| action.name == name)?;
            action.url.take()
        };
        if self.payment_type.as_deref() != Some("qris")
            && let Some(url) = take("deeplink-redirect")
        {
            return Some(Instructions::Deeplink { url });
        }
        let url = take("generate-qr-code-v2").or_else(|| take("generate-qr-code"));
        match (self.qr_string, url) {
            (None, None) => None,
            (qr_string, url) => Some(Instructions::Qris { qr_string, url }),
        }
    }
}
