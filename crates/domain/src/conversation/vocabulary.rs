//! The words people use for commands.

use crate::conversation::CommandName;

impl CommandName {
    /// A stable name in snake case, to pick the text that explains the command.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Menu => "menu",
            Self::Products => "products",
            Self::Search => "search",
            Self::Detail => "detail",
            Self::Buy => "buy",
            Self::Cart => "cart",
            Self::Add => "add",
            Self::Reduce => "reduce",
            Self::Remove => "remove",
            Self::ClearCart => "clear_cart",
            Self::Address => "address",
            Self::Checkout => "checkout",
            Self::Yes => "yes",
            Self::No => "no",
            Self::Orders => "orders",
            Self::CheckPayment => "check_payment",
            Self::Track => "track",
            Self::Received => "received",
            Self::Cancel => "cancel",
            Self::Balance => "balance",
            Self::TopUp => "top_up",
            Self::Statement => "statement",
            Self::Language => "language",
            Self::Human => "human",
            Self::CloseHuman => "close_human",
            Self::StopMarketing => "stop_marketing",
            Self::StartMarketing => "start_marketing",
            Self::Stock => "stock",
            Self::AddUnits => "add_units",
            Self::Price => "price",
            Self::Ship => "ship",
            Self::Resend => "resend",
            Self::Complete => "complete",
            Self::HandBack => "hand_back",
            Self::Recap => "recap",
            Self::CloseShop => "close_shop",
            Self::OpenShop => "open_shop",
        }
    }
}

/// How much a mistyped word may still mean a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Typo {
    /// Only the exact word.
    Never,
    /// When nothing else is said.
    Alone,
    /// When what follows can only belong to this command.
    Fitting,
    /// Whatever follows.
    Free,
}

/// A command found at the beginning of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) name: CommandName,
    /// The word or two of the table that was meant.
    pub(super) alias: &'static str,
    /// How many words of the message it took.
    pub(super) taken: usize,
    /// What is allowed to follow when the word was mistyped; `None` when it was exact.
    pub(super) typo: Option<Typo>,
}

/// Commands of every customer, with their names in Indonesian and English.
const CUSTOMER: &[(CommandName, Typo, &[&str])] = &[
    (
        CommandName::Menu,
        Typo::Alone,
        &[
            "menu",
            "halo",
            "hallo",
            "hai",
            "hei",
            "hey",
            "hi",
            "hello",
            "p",
            "mulai",
            "start",
            "home",
            "beranda",
            "toko",
            "shop",
            "permisi",
            "assalamualaikum",
            "pagi",
            "siang",
            "sore",
            "malam",
            "selamat pagi",
            "selamat siang",
            "selamat sore",
            "selamat malam",
            "good morning",
            "good afternoon",
            "good evening",
        ],
    ),
    (
        CommandName::Products,
        Typo::Free,
        &[
            "produk",
            "products",
            "product",
            "katalog",
            "catalog",
            "catalogue",
            "list",
            "daftar",
            "stok",
            "stock",
            "barang",
            "kategori",
            "category",
            "cek stok",
            "daftar produk",
            "lihat produk",
            "list produk",
        ],
    ),
    (
        CommandName::Search,
        Typo::Free,
        &["cari", "search", "find", "carikan"],
    ),
    (
        CommandName::Detail,
        Typo::Free,
        &["detail", "details", "info", "harga", "price"],
    ),
    (
        CommandName::Buy,
        Typo::Fitting,
        &["beli", "buy", "pesan", "pesen", "order"],
    ),
    (
        CommandName::Cart,
        Typo::Alone,
        &[
            "keranjang",
            "cart",
            "basket",
            "lihat keranjang",
            "isi keranjang",
            "view cart",
        ],
    ),
    (
        CommandName::Add,
        Typo::Fitting,
        &["tambah", "add", "tambahkan"],
    ),
    (
        CommandName::Reduce,
        Typo::Fitting,
        &["kurang", "kurangi", "reduce"],
    ),
    (
        CommandName::Remove,
        Typo::Fitting,
        &["hapus", "remove", "delete"],
    ),
    (
        CommandName::ClearCart,
        Typo::Alone,
        &[
            "kosongkan",
            "clear",
            "empty",
            "kosongkan keranjang",
            "clear cart",
            "empty cart",
        ],
    ),
    (CommandName::Address, Typo::Free, &["alamat", "address"]),
    (
        CommandName::Checkout,
        Typo::Alone,
        &["checkout", "check-out", "check out", "bayar", "pay"],
    ),
    (
        CommandName::Yes,
        Typo::Never,
        &[
            "ya",
            "iya",
            "y",
            "yes",
            "yup",
            "ok",
            "oke",
            "okay",
            "setuju",
            "confirm",
            "konfirmasi",
        ],
    ),
    (
        CommandName::No,
        Typo::Never,
        &[
            "tidak",
            "tdk",
            "no",
            "n",
            "nope",
            "gak",
            "ga",
            "nggak",
            "enggak",
            "gak jadi",
            "ga jadi",
            "nggak jadi",
            "enggak jadi",
            "tidak jadi",
        ],
    ),
    (
        CommandName::Orders,
        Typo::Alone,
        &[
            "pesanan",
            "riwayat",
            "orders",
            "history",
            "cek pesanan",
            "my orders",
            "order history",
        ],
    ),
    (
        CommandName::CheckPayment,
        Typo::Fitting,
        &[
            "cek",
            "check",
            "status",
            "cek bayar",
            "cek pembayaran",
            "check payment",
            "sudah bayar",
            "sudah transfer",
            "already paid",
            "cek status",
        ],
    ),
    (
        CommandName::Track,
        Typo::Alone,
        &["lacak", "resi", "track", "tracking", "cek resi"],
    ),
    (
        CommandName::Received,
        Typo::Never,
        &[
            "diterima",
            "sudah terima",
            "sudah diterima",
            "sudah sampai",
            "udah terima",
            "udah diterima",
            "udah sampai",
            "paket sampai",
            "paket diterima",
            "pesanan sampai",
            "pesanan diterima",
            "barang sampai",
            "barang diterima",
            "received",
            "already received",
            "parcel received",
            "package received",
            "order received",
        ],
    ),
    (
        CommandName::Cancel,
        Typo::Alone,
        &["batal", "batalkan", "cancel"],
    ),
    (
        CommandName::Balance,
        Typo::Alone,
        &["saldo", "balance", "cek saldo", "my balance"],
    ),
    (
        CommandName::TopUp,
        Typo::Free,
        &[
            "topup",
            "top-up",
            "top up",
            "deposit",
            "isi saldo",
            "tambah saldo",
        ],
    ),
    (
        CommandName::Statement,
        Typo::Alone,
        &["mutasi", "statement", "ledger"],
    ),
    (
        CommandName::Language,
        Typo::Free,
        &["bahasa", "language", "english", "inggris"],
    ),
    (
        CommandName::Human,
        Typo::Alone,
        &[
            "cs", "admin", "bantuan", "bantu", "agent", "agen", "help", "human", "manusia",
            "operator", "komplain",
        ],
    ),
    (
        CommandName::CloseHuman,
        Typo::Alone,
        &["selesai", "done", "tutup chat", "close chat"],
    ),
    (
        CommandName::StopMarketing,
        Typo::Alone,
        &[
            "berhenti",
            "stop",
            "unsubscribe",
            "stop promo",
            "berhenti langganan",
        ],
    ),
    (
        CommandName::StartMarketing,
        Typo::Alone,
        &["langganan", "subscribe", "berlangganan"],
    ),
];

/// Commands of staff. They go before the customers' where a word is in both tables.
const STAFF: &[(CommandName, Typo, &[&str])] = &[
    (CommandName::Stock, Typo::Fitting, &["stok", "stock"]),
    (
        CommandName::AddUnits,
        Typo::Fitting,
        &["addstok", "addstock", "add stok", "add stock"],
    ),
    (CommandName::Price, Typo::Fitting, &["harga", "price"]),
    (CommandName::Ship, Typo::Fitting, &["kirim", "ship"]),
    (
        CommandName::Resend,
        Typo::Fitting,
        &["kirimulang", "kirim ulang", "resend"],
    ),
    (
        CommandName::Complete,
        Typo::Fitting,
        &[
            "selesaiorder",
            "selesai order",
            "selesai pesanan",
            "completeorder",
            "complete order",
            "complete",
        ],
    ),
    (
        CommandName::HandBack,
        Typo::Never,
        &["selesai", "done", "tutup chat", "close chat"],
    ),
    (
        CommandName::Recap,
        Typo::Alone,
        &["rekap", "recap", "report", "laporan"],
    ),
    (
        CommandName::CloseShop,
        Typo::Never,
        &["tutup", "close", "tutup toko", "close shop"],
    ),
    (
        CommandName::OpenShop,
        Typo::Never,
        &["buka", "open", "buka toko", "open shop"],
    ),
];

/// Finds the command that a message begins with, word for word; two words go before one.
pub(super) fn find_exact(keys: &[&str], is_staff: bool) -> Option<Found> {
    [2, 1]
        .into_iter()
        .filter(|taken| *taken <= keys.len())
        .find_map(|taken| {
            let phrase = keys[..taken].join(" ");
            aliases(is_staff)
                .find(|(_, _, alias)| *alias == phrase)
                .map(|(name, _, alias)| Found {
                    name,
                    alias,
                    taken,
                    typo: None,
                })
        })
}

/// Finds the one command whose name is one edit away from a word: a letter too many, too few, wrong
/// or swapped with its neighbour. `None` when two commands are as near, forgiven or not.
pub(super) fn find_mistyped(key: &str, is_staff: bool) -> Option<Found> {
    if key.chars().count() < MIN_TYPO_CHARS || !key.chars().all(char::is_alphabetic) {
        return None;
    }
    let near = || aliases(is_staff).filter(|(_, _, alias)| is_one_edit_away(key, alias));
    let (name, typo, alias) =
        near().find(|(_, typo, alias)| *typo != Typo::Never && is_forgiven(key, alias))?;
    let is_unique = near().all(|(other, _, _)| other == name);
    is_unique.then_some(Found {
        name,
        alias,
        taken: 1,
        typo: Some(typo),
    })
}

/// Shorter words are never forgiven: too many other words are one edit away.
const MIN_TYPO_CHARS: usize = 4;

fn is_one_edit_away(key: &str, alias: &str) -> bool {
    let fits = !alias.contains(' ') && alias.len().abs_diff(key.chars().count()) <= 1;
    fits && strsim::osa_distance(key, alias) == 1
}

/// Among words of four letters a wrong first letter makes another word: *kari* is no *cari*.
fn is_forgiven(key: &str, alias: &str) -> bool {
    let same_start = key.as_bytes().first() == alias.as_bytes().first();
    alias.len() > MIN_TYPO_CHARS || (alias.len() == MIN_TYPO_CHARS && same_start)
}

/// Every alias open to somebody, staff's first.
fn aliases(is_staff: bool) -> impl Iterator<Item = (CommandName, Typo, &'static str)> {
    let staff = if is_staff { STAFF } else { &[] };
    staff
        .iter()
        .chain(CUSTOMER)
        .flat_map(|(name, typo, aliases)| aliases.iter().map(|alias| (*name, *typo, *alias)))
}

/// Every alias of one word, for tests that mistype them.
#[cfg(test)]
pub(super) fn single_words() -> Vec<&'static str> {
    aliases(true)
        .map(|(_, _, alias)| alias)
        .filter(|alias| !alias.contains(' '))
        .collect()
}
