//! Everything the sandbox knows: payments, Snap pages and the book of money that moved.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde::Serialize;
use uuid::Uuid;

use super::method::Method;
use super::payment::{Details, Instrument, Payment, Status};
use super::qr;
use super::snap::Session;

/// How money moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Movement {
    /// A payer paid.
    Settlement,
    /// A payer paid after the payment had ended.
    LateSettlement,
    /// Money went back to the payer.
    Refund,
    /// The bank took a settlement back.
    Reversal,
}

/// One line of the book.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Entry {
    /// When.
    pub at: DateTime<Utc>,
    /// The shop's id.
    pub order_id: String,
    /// Midtrans' id.
    pub transaction_id: String,
    /// How it was paid.
    pub method: Method,
    /// How it moved.
    pub movement: Movement,
    /// Rupiah towards the shop; negative when they leave it.
    pub amount: i64,
}

/// A payment that is about to be made.
#[derive(Clone, Debug)]
pub(super) struct NewPayment {
    pub(super) order_id: String,
    pub(super) method: Method,
    pub(super) amount: i64,
    pub(super) created_at: DateTime<Utc>,
    pub(super) expires_at: DateTime<Utc>,
    pub(super) snap_token: Option<String>,
    pub(super) details: Details,
}

/// The world; guarded by one lock, so that each step is atomic.
#[derive(Debug)]
pub(super) struct World {
    payments: Vec<Payment>,
    by_transaction: HashMap<String, usize>,
    by_order: HashMap<String, Vec<usize>>,
    by_number: HashMap<String, usize>,
    pub(super) sessions: HashMap<String, Session>,
    pub(super) live_session: HashMap<String, String>,
    book: Vec<Entry>,
    /// Draws ids and numbers: new in every run, as the shop's database outlives this world.
    ids: StdRng,
    /// Draws Midtrans' own whims: the same for the same seed.
    whims: StdRng,
    shop_name: String,
    merchant_id: String,
}

impl World {
    pub(super) fn new(seed: u64, shop_name: &str, merchant_id: &str) -> Self {
        Self {
            payments: Vec::new(),
            by_transaction: HashMap::new(),
            by_order: HashMap::new(),
            by_number: HashMap::new(),
            sessions: HashMap::new(),
            live_session: HashMap::new(),
            book: Vec::new(),
            ids: StdRng::seed_from_u64(Uuid::new_v4().as_u64_pair().0),
            whims: StdRng::seed_from_u64(seed),
            shop_name: shop_name.to_owned(),
            merchant_id: merchant_id.to_owned(),
        }
    }

    /// All payments, oldest first.
    pub(super) fn payments(&self) -> &[Payment] {
        &self.payments
    }

    pub(super) fn book(&self) -> &[Entry] {
        &self.book
    }

    /// The payment with this `transaction_id`, or the newest with this `order_id`.
    pub(super) fn find(&self, id: &str) -> Option<&Payment> {
        self.index(id).map(|index| &self.payments[index])
    }

    pub(super) fn find_mut(&mut self, id: &str) -> Option<&mut Payment> {
        self.index(id).map(|index| &mut self.payments[index])
    }

    /// All payments of an order, oldest first.
    pub(super) fn attempts(&self, order_id: &str) -> impl Iterator<Item = &Payment> {
        let indexes = self.by_order.get(order_id).map_or(&[][..], Vec::as_slice);
        indexes.iter().map(|&index| &self.payments[index])
    }

    /// The payment a number or a QR code's text belongs to. Blanks and dashes do not count.
    pub(super) fn find_by_number(&self, text: &str) -> Option<&Payment> {
        let typed: String = text.chars().filter(|c| !matches!(c, ' ' | '-')).collect();
        let index = self
            .by_number
            .get(text.trim())
            .or_else(|| self.by_number.get(&typed))?;
        Some(&self.payments[*index])
    }

    /// Whether a charge may use `order_id`: no payment of it waits or was paid.
    pub(super) fn is_order_id_free(&self, order_id: &str) -> bool {
        self.attempts(order_id)
            .all(|payment| payment.status.frees_order_id())
    }

    pub(super) fn add(&mut self, new: NewPayment) -> Payment {
        let transaction_id = self.uuid();
        let payment = Payment {
            instrument: self.instrument(&new, &transaction_id),
            order_id: new.order_id,
            transaction_id,
            method: new.method,
            amount: new.amount,
            status: Status::Pending,
            created_at: new.created_at,
            expires_at: new.expires_at,
            settled_at: None,
            snap_token: new.snap_token,
            refunds: Vec::new(),
            details: new.details,
        };
        let index = self.payments.len();
        self.by_transaction
            .insert(payment.transaction_id.clone(), index);
        self.by_order
            .entry(payment.order_id.clone())
            .or_default()
            .push(index);
        if let Some(key) = payment.qr_string().or(payment.number()) {
            self.by_number.insert(key.to_owned(), index);
        }
        self.payments.push(payment.clone());
        payment
    }

    pub(super) fn write_down(
        &mut self,
        payment: &Payment,
        movement: Movement,
        amount: i64,
        at: DateTime<Utc>,
    ) {
        self.book.push(Entry {
            at,
            order_id: payment.order_id.clone(),
            transaction_id: payment.transaction_id.clone(),
            method: payment.method,
            movement,
            amount,
        });
    }

    /// A new id in a UUID's form.
    pub(super) fn uuid(&mut self) -> String {
        uuid::Builder::from_random_bytes(self.ids.random())
            .into_uuid()
            .to_string()
    }

    /// A factor between 0.9 and 1.1, in thousandths, by which a retry's interval is jittered.
    pub(super) fn jitter_per_mille(&mut self) -> i32 {
        self.whims.random_range(900..=1100)
    }

    /// A wait between one and five minutes, in seconds, after which a reversal comes.
    pub(super) fn reversal_seconds(&mut self) -> i64 {
        self.whims.random_range(60..=300)
    }

    fn index(&self, id: &str) -> Option<usize> {
        self.by_transaction
            .get(id)
            .or_else(|| self.by_order.get(id)?.last())
            .copied()
    }

    fn instrument(&mut self, new: &NewPayment, transaction_id: &str) -> Instrument {
        let number = |world: &mut Self, prefix, length| world.free_number(prefix, length);
        match new.method {
            Method::Qris | Method::Gopay => Instrument::Qr {
                qr_string: qr::emv(
                    &self.shop_name,
                    &self.merchant_id,
                    new.amount,
                    transaction_id,
                ),
            },
            Method::ShopeePay => Instrument::Deeplink,
            Method::BcaVa => Instrument::VirtualAccount {
                number: number(self, "81259", 16),
            },
            Method::BniVa => Instrument::VirtualAccount {
                number: number(self, "98812", 16),
            },
            Method::BriVa => Instrument::VirtualAccount {
                number: number(self, "81247", 17),
            },
            Method::PermataVa => Instrument::VirtualAccount {
                number: number(self, "85120", 16),
            },
            Method::CimbVa => Instrument::VirtualAccount {
                number: number(self, "93400", 16),
            },
            Method::MandiriBill => Instrument::Bill {
                biller_code: "70012".to_owned(),
                bill_key: number(self, "", 12),
            },
            Method::Indomaret => Instrument::PaymentCode {
                code: number(self, "", 14),
            },
            Method::Alfamart => Instrument::PaymentCode {
                code: number(self, "8", 16),
            },
        }
    }

    fn free_number(&mut self, prefix: &str, length: usize) -> String {
        loop {
            let mut number = prefix.to_owned();
            while number.len() < length {
                number.push(char::from(b'0' + self.ids.random_range(0..10_u8)));
            }
            if !self.by_number.contains_key(&number) {
                return number;
            }
        }
    }
}
