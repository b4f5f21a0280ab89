//! What customers and staff can say to the shop, by text, button or list, as one type.
//!
//! A button or list row carries [`Command::encode`] as its id; a typed message becomes a command
//! through [`parse`]. Both arrive at the same [`Command`].

use std::collections::HashSet;

use serde::{Deserialize, Serialize};

use crate::catalog::{CategorySlug, Sku};
use crate::identity::ChannelIdentity;
use crate::language::Language;
use crate::money::{AmountError, Quantity, QuantityError, Rupiah};
use crate::order_number::OrderNumber;
use crate::payment::PaymentMethod;
use crate::quote::QuoteNonce;
use crate::tracking::{Courier, Resi};

mod arguments;
mod codec;
mod goods;
mod orders;
mod reading;
mod staff_arguments;
#[cfg(test)]
mod tests;
mod vocabulary;
mod words;

/// One thing a customer or a member of staff asks for. Pages count from 1.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Command {
    /// Home, open orders first.
    Menu,
    /// Products with live stock.
    Products {
        /// Only these; `None` for all.
        category: Option<CategorySlug>,
        /// Which page.
        page: u32,
    },
    /// Products found by words.
    Search {
        /// The words, as written.
        query: String,
        /// Which page.
        page: u32,
    },
    /// One product's picture, price and stock.
    Detail {
        /// Which product.
        sku: Sku,
    },
    /// A quote for one product.
    Buy {
        /// A product code, or words to find the product by.
        product: String,
        /// How many; ask when `None`.
        quantity: Option<Quantity>,
    },
    /// What is in the cart.
    Cart,
    /// More of a product into the cart.
    Add {
        /// A product code, or words to find the product by.
        product: String,
        /// How many; one when `None`.
        quantity: Option<Quantity>,
    },
    /// Less of a product in the cart.
    Remove {
        /// A product code, or words to find the product by.
        product: String,
        /// How many; the whole line when `None`.
        quantity: Option<Quantity>,
    },
    /// An empty cart.
    ClearCart,
    /// Where parcels go.
    Address {
        /// The new address; ask or show when `None`.
        text: Option<String>,
    },
    /// A quote for the cart.
    Checkout,
    /// Confirm a quote, method still to be chosen.
    Quote {
        /// Which quote.
        quote: QuoteNonce,
    },
    /// Confirm a quote and pay in this way.
    Pay {
        /// Which quote.
        quote: QuoteNonce,
        /// How.
        method: PaymentMethod,
        /// Whether saldo pays as much as it can and `method` only the rest.
        with_saldo: bool,
    },
    /// All ways to pay a quote.
    Methods {
        /// Which quote.
        quote: QuoteNonce,
    },
    /// Drop a quote.
    Decline {
        /// Which quote.
        quote: QuoteNonce,
    },
    /// Yes to the open quote; nothing else is ever asked with yes and no.
    Yes,
    /// No to the open quote.
    No,
    /// The customer's orders.
    Orders {
        /// Which page.
        page: u32,
    },
    /// One order.
    Order {
        /// Which order.
        number: OrderNumber,
    },
    /// Look at the provider now whether an order is paid.
    CheckPayment {
        /// Which order.
        number: OrderNumber,
    },
    /// Where a parcel is.
    Track {
        /// Which order; the latest when `None`.
        number: Option<OrderNumber>,
    },
    /// The parcel has arrived.
    Received {
        /// Which order; the one on its way when `None`.
        number: Option<OrderNumber>,
    },
    /// Call off an unpaid order.
    Cancel {
        /// Which order; ask when several are open and this is `None`.
        number: Option<OrderNumber>,
    },
    /// The customer's saldo.
    Balance,
    /// Saldo to be bought.
    TopUp {
        /// How much; ask when `None`.
        amount: Option<Rupiah>,
    },
    /// Saldo to be bought, paid in this way.
    TopUpWith {
        /// How much.
        amount: Rupiah,
        /// How.
        method: PaymentMethod,
        /// Makes the same tap twice one top-up.
        nonce: QuoteNonce,
    },
    /// What happened to the saldo.
    Statement {
        /// Which page.
        page: u32,
    },
    /// The language of replies.
    SetLanguage {
        /// Which language; ask when `None`.
        language: Option<Language>,
    },
    /// A person, please.
    Human,
    /// The bot again, please.
    CloseHuman,
    /// No more marketing.
    StopMarketing,
    /// Marketing is welcome.
    StartMarketing,
    /// For staff only: a caller checks the role again.
    Staff(StaffCommand),
}

/// What staff can do by chat.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StaffCommand {
    /// Show stock, or change it.
    Stock {
        /// Which product; all when `None`.
        sku: Option<Sku>,
        /// The change; only show when `None`.
        change: Option<StockChange>,
    },
    /// New units of a digital product.
    AddUnits {
        /// Which product.
        sku: Sku,
        /// One secret per line, in order, repeats kept.
        secrets: Vec<String>,
    },
    /// A new price.
    Price {
        /// Which product.
        sku: Sku,
        /// What customers pay.
        price: Rupiah,
        /// What resellers pay; unchanged when `None`.
        reseller: Option<Rupiah>,
    },
    /// A parcel went out.
    Ship {
        /// Which order.
        number: OrderNumber,
        /// With whom.
        courier: Courier,
        /// Under which number.
        resi: Resi,
    },
    /// Send an order's receipt or digital goods again.
    Resend {
        /// Which order.
        number: OrderNumber,
    },
    /// An order has reached its customer.
    Complete {
        /// Which order.
        number: OrderNumber,
    },
    /// The bot answers a customer again whom a person has answered.
    HandBack {
        /// Whose chat.
        chat: Chat,
    },
    /// Today's sales.
    Recap,
    /// Take no more orders.
    CloseShop,
    /// Take orders again.
    OpenShop,
}

/// How staff name a customer's chat.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Chat {
    /// By the shop's own number for the customer, which only options carry.
    Customer(i64),
    /// By one of the customer's orders.
    Order(OrderNumber),
    /// By the phone number or user id that WhatsApp shows.
    Identity(ChannelIdentity),
}

/// A change of stock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StockChange {
    /// This many are on hand.
    Set(u32),
    /// This many came in.
    Add(u32),
    /// This many went out.
    Remove(u32),
}

/// The longest id, in characters: inside the 200 of a list row and the 256 of a button (Meta,
/// interactive messages).
pub const MAX_ID_CHARS: usize = 180;

/// The largest stock, or change of stock, that staff can write.
pub const MAX_STOCK: u32 = 1_000_000;

/// What the shop asked last, so that a bare answer is understood.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Awaiting {
    /// Where to send a parcel.
    Address,
    /// Where to send a quote's parcel; the answer confirms the quote, to be paid in this way.
    AddressToPay {
        /// Which quote.
        quote: QuoteNonce,
        /// How.
        method: PaymentMethod,
        /// Whether saldo pays as much as it can and `method` only the rest.
        with_saldo: bool,
    },
    /// How much saldo.
    TopUpAmount,
    /// How many units to buy.
    Quantity {
        /// Of this product.
        sku: Sku,
    },
    /// How many units to put into the cart.
    AddQuantity {
        /// Of this product.
        sku: Sku,
    },
    /// What to search for.
    SearchWords,
}

/// What a message is read against.
#[derive(Clone, Copy, Debug, Default)]
pub struct ParseContext<'a> {
    /// Whether the staff commands are open.
    pub is_staff: bool,
    /// What the shop asked last.
    pub awaiting: Option<&'a Awaiting>,
    /// The options of the last numbered message, first is 1.
    pub menu: &'a [Command],
    /// What the message that the customer replied to was about.
    pub quoted: Option<&'a Command>,
    /// Words of product names in small letters: never taken for a mistyped command.
    pub product_words: Option<&'a HashSet<String>>,
}

/// How a message was understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Parsed {
    /// A command, complete and well formed.
    Command(Command),
    /// A command with something wrong in it. Nothing may be guessed: say what to write.
    Malformed {
        /// Which command.
        command: CommandName,
        /// What is wrong.
        problem: Problem,
    },
    /// A tap on a button that this version does not understand: offer the same thing afresh.
    StaleTap(DecodeError),
    /// A number with no such option in the last numbered message.
    OutOfRange {
        /// The number.
        number: u32,
        /// How many options there were.
        options: usize,
    },
    /// No command: words to search products by, without greetings around them. Empty when the
    /// message had no letters or digits.
    Words(String),
}

/// A command without its arguments, to say which one was meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CommandName {
    /// `menu`
    Menu,
    /// `produk`
    Products,
    /// `cari`
    Search,
    /// `detail`
    Detail,
    /// `beli`
    Buy,
    /// `keranjang`
    Cart,
    /// `tambah`
    Add,
    /// `kurang`
    Reduce,
    /// `hapus`
    Remove,
    /// `kosongkan`
    ClearCart,
    /// `alamat`
    Address,
    /// `checkout`
    Checkout,
    /// `ya`
    Yes,
    /// `tidak`
    No,
    /// `pesanan`
    Orders,
    /// `cek`
    CheckPayment,
    /// `lacak`
    Track,
    /// `sudah terima`
    Received,
    /// `batal`
    Cancel,
    /// `saldo`
    Balance,
    /// `topup`
    TopUp,
    /// `mutasi`
    Statement,
    /// `bahasa`
    Language,
    /// `cs`
    Human,
    /// `selesai`
    CloseHuman,
    /// `berhenti`
    StopMarketing,
    /// `langganan`
    StartMarketing,
    /// `stok`
    Stock,
    /// `addstok`
    AddUnits,
    /// `harga`
    Price,
    /// `kirim`
    Ship,
    /// `kirimulang`
    Resend,
    /// `selesaiorder`
    Complete,
    /// `selesai`, of staff, with whose chat it is
    HandBack,
    /// `rekap`
    Recap,
    /// `tutup`
    CloseShop,
    /// `buka`
    OpenShop,
}

/// Why a text is no id of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// Not an id at all: something a person typed.
    #[error("not an id")]
    NotAnId,
    /// An id of another version of the bot.
    #[error("an id of another version")]
    OtherVersion,
    /// A command this version does not know.
    #[error("an unknown command")]
    UnknownCommand,
    /// A known command whose parts do not fit.
    #[error("a malformed command")]
    Malformed,
}

/// What is wrong in a command.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// Something has to follow the command.
    #[error("something is missing")]
    MissingArgument,
    /// The quantity is none.
    #[error("bad quantity")]
    BadQuantity(#[source] QuantityError),
    /// Two numbers could be the quantity.
    #[error("two quantities")]
    TwoQuantities,
    /// The amount is none.
    #[error("bad amount")]
    BadAmount(#[source] AmountError),
    /// Not like `WRG-241126-7K3QX`.
    #[error("bad order number")]
    BadOrderNumber,
    /// Not a product code.
    #[error("bad product code")]
    BadSku,
    /// Not a language of the shop.
    #[error("bad language")]
    BadLanguage,
    /// Not a courier.
    #[error("bad courier")]
    BadCourier,
    /// Not a tracking number.
    #[error("bad tracking number")]
    BadResi,
    /// Neither an order, nor a phone number, nor a user id.
    #[error("bad chat")]
    BadChat,
    /// Not a stock, or a change of it.
    #[error("bad stock")]
    BadStock,
}

/// Reads a typed message or the id of a tap.
///
/// In this order: an exact id, an answer to the quoted message, a command, a number of the last
/// numbered message, words.
pub fn parse(text: &str, context: &ParseContext<'_>) -> Parsed {
    reading::read(text, context)
}

/// Whether a message says nothing but hello, please or thank you, so that it is no search.
pub fn is_courtesy(text: &str) -> bool {
    reading::is_courtesy(text)
}
