//! What follows a command's name, and whether it fits.

use crate::catalog::Sku;
use crate::conversation::reading::{address, order_of, product_of, top_up};
use crate::conversation::vocabulary::{Found, Typo};
use crate::conversation::words::{self, Word};
use crate::conversation::{
    Command, CommandName, ParseContext, Parsed, Problem, goods, orders, staff_arguments,
};
use crate::language::Language;
use crate::money::AmountError;
use crate::order_number::OrderNumber;
use crate::payment::PaymentMethod;

/// A command's name with what follows it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Call<'a> {
    pub(super) found: Found,
    pub(super) args: &'a [Word],
    /// The whole message as it came.
    pub(super) message: &'a str,
    pub(super) context: &'a ParseContext<'a>,
}

impl Call<'_> {
    pub(super) fn malformed(&self, problem: Problem) -> Parsed {
        Parsed::Malformed {
            command: self.found.name,
            problem,
        }
    }

    /// The words that say something.
    pub(super) fn args(&self) -> &[Word] {
        words::without_particles(self.args)
    }

    pub(super) fn is_alone(&self) -> bool {
        words::are_idle(self.args)
    }

    /// Whether the name was written as in the table.
    pub(super) fn is_exact(&self) -> bool {
        self.found.typo.is_none()
    }

    pub(super) fn bare(&self, command: Command) -> Option<Parsed> {
        self.is_alone().then_some(Parsed::Command(command))
    }

    pub(super) fn quoted_product(&self) -> Option<String> {
        self.context.quoted.and_then(product_of).map(str::to_owned)
    }

    pub(super) fn quoted_order(&self) -> Option<OrderNumber> {
        self.context.quoted.and_then(order_of).cloned()
    }

    /// The option of the last numbered message that a word points at.
    pub(super) fn option(&self, word: &Word) -> Option<&Command> {
        let index = usize::try_from(words::menu_number(word)?)
            .ok()?
            .checked_sub(1)?;
        self.context.menu.get(index)
    }
}

/// Reads the arguments; `None` when they do not fit, so that the message is something else.
pub(super) fn read(call: &Call<'_>) -> Option<Parsed> {
    if !typo_is_forgiven(call) {
        return None;
    }
    match call.found.name {
        CommandName::Menu => goods::menu(call),
        CommandName::Products => Some(goods::products(call)),
        CommandName::Search => Some(goods::search(call)),
        CommandName::Detail => Some(goods::detail(call)),
        CommandName::Buy => Some(goods::buy(call)),
        CommandName::Cart => call.bare(Command::Cart),
        CommandName::Add | CommandName::Reduce | CommandName::Remove => {
            Some(goods::change_cart(call))
        }
        CommandName::ClearCart => goods::clear_cart(call),
        CommandName::Address => Some(set_address(call)),
        CommandName::Checkout => orders::checkout(call),
        CommandName::Yes | CommandName::No => orders::answer(call),
        CommandName::Orders => orders::orders(call),
        CommandName::CheckPayment => orders::check_payment(call),
        CommandName::Track | CommandName::Cancel => orders::one_order(call),
        CommandName::Received => orders::received(call),
        CommandName::Balance => call.bare(Command::Balance),
        CommandName::TopUp => amount(call),
        CommandName::Statement => {
            page(call).map(|page| Parsed::Command(Command::Statement { page }))
        }
        CommandName::Language => language(call),
        CommandName::Human => Some(Parsed::Command(Command::Human)),
        CommandName::CloseHuman => call.bare(Command::CloseHuman),
        CommandName::StopMarketing => call.bare(Command::StopMarketing),
        CommandName::StartMarketing => call.bare(Command::StartMarketing),
        CommandName::Stock
        | CommandName::AddUnits
        | CommandName::Price
        | CommandName::Ship
        | CommandName::Resend
        | CommandName::Complete
        | CommandName::HandBack
        | CommandName::Recap
        | CommandName::CloseShop
        | CommandName::OpenShop => staff_arguments::read(call),
    }
}

/// Whether a mistyped name may be taken for the command, given what follows. Names of money
/// effect are near everyday goods (*bayam* to *bayar*, *bantal* to *batal*), so for them what
/// follows must belong to the command.
fn typo_is_forgiven(call: &Call<'_>) -> bool {
    /// A name this long has no everyday word next to it.
    const SAFE_CHARS: usize = 6;
    let Some(typo) = call.found.typo else {
        return true;
    };
    let is_long = call.found.alias.len() >= SAFE_CHARS;
    let has_order = call
        .args
        .iter()
        .any(|word| OrderNumber::parse(&word.text).is_ok());
    match (typo, call.found.name) {
        (Typo::Never, _) => false,
        (Typo::Free, _) => true,
        (Typo::Alone, CommandName::Cancel | CommandName::StopMarketing) => {
            has_order || (is_long && call.is_alone())
        }
        (Typo::Alone, CommandName::Checkout) => {
            (is_long && call.is_alone()) || orders::named_method(call).is_some()
        }
        (Typo::Alone, _) => has_order || call.is_alone(),
        (Typo::Fitting, CommandName::Add | CommandName::Reduce | CommandName::Remove)
            if is_long =>
        {
            true
        }
        (Typo::Fitting, CommandName::CheckPayment) => has_order,
        (Typo::Fitting, _) => call.args().iter().any(|word| names_goods(call, word)),
    }
}

/// Whether a word is a quantity, a product code with a digit or a dash, or part of a known
/// product's name.
fn names_goods(call: &Call<'_>, word: &Word) -> bool {
    let is_code = || word.text.contains(|c: char| c.is_ascii_digit() || c == '-');
    let is_known = || {
        call.context
            .product_words
            .is_some_and(|known| known.contains(&word.key))
    };
    words::quantity_text(word).is_some()
        || (is_code() && Sku::parse(&word.text).is_ok())
        || is_known()
}

/// What follows is the address, lines kept; a question about an address sets none.
fn set_address(call: &Call<'_>) -> Parsed {
    let start = first_argument_start(call);
    let text = Some(address(&call.message[start..]));
    let sets = |text: &String| !call.is_alone() && !text.is_empty() && !text.ends_with('?');
    Parsed::Command(Command::Address {
        text: text.filter(sets),
    })
}

/// Where in the message the text behind the command's name begins, in bytes.
fn first_argument_start(call: &Call<'_>) -> usize {
    let before = words::split(call.message);
    let index = before.len() - call.args.len();
    let end = index
        .checked_sub(1)
        .and_then(|index| before.get(index))
        .map_or(0, |word| word.after);
    let rest = &call.message[end..];
    let skipped = rest.len()
        - rest
            .trim_start_matches([':', '：', ' ', '\n', '-', '='])
            .len();
    end + skipped
}

/// Page 1 when nothing follows, or the page that does: `2`, `hal 2`, `page 2`.
pub(super) fn page(call: &Call<'_>) -> Option<u32> {
    if call.is_alone() {
        return Some(1);
    }
    let number = match call.args() {
        [word] => words::menu_number(word),
        [label, word] if matches!(label.key.as_str(), "hal" | "halaman" | "page") => {
            words::menu_number(word)
        }
        _ => None,
    };
    number.filter(|page| *page > 0)
}

/// An amount, with or without the word *saldo* before it and a way to pay behind it.
fn amount(call: &Call<'_>) -> Option<Parsed> {
    let mut args = call.args();
    if let [word, rest @ ..] = args
        && matches!(word.key.as_str(), "saldo" | "balance" | "sebesar")
    {
        args = rest;
    }
    // A way to pay takes up to three words: `pakai va bca`.
    for words in (1..=3.min(args.len().saturating_sub(1))).rev() {
        let (rest, method) = args.split_at(args.len() - words);
        if PaymentMethod::from_words(&words::join(method)).is_some() {
            args = rest;
            break;
        }
    }
    if words::are_idle(args) {
        return Some(Parsed::Command(Command::TopUp { amount: None }));
    }
    let text = words::join(args);
    if text.chars().any(char::is_numeric) {
        return Some(top_up(&text));
    }
    let problem = Problem::BadAmount(AmountError::NotANumber);
    call.is_exact().then(|| call.malformed(problem))
}

fn language(call: &Call<'_>) -> Option<Parsed> {
    let set = |language| Some(Parsed::Command(Command::SetLanguage { language }));
    match (call.found.alias, call.is_alone()) {
        ("english" | "inggris", true) => set(Some(Language::En)),
        ("english" | "inggris", false) => None,
        (_, true) => set(None),
        (_, false) => match Language::parse(&words::join(call.args())) {
            Some(language) => set(Some(language)),
            None => call
                .is_exact()
                .then(|| call.malformed(Problem::BadLanguage)),
        },
    }
}
