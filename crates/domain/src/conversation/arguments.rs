//! What follows a command's name, and whether it fits.

use crate::catalog::{CategorySlug, Sku};
use crate::conversation::reading::{address, offered, order_of, product_of, quote_of, top_up};
use crate::conversation::vocabulary::{Found, Typo};
use crate::conversation::words::{self, Word};
use crate::conversation::{Command, CommandName, ParseContext, Parsed, Problem, staff_arguments};
use crate::language::Language;
use crate::money::{AmountError, Quantity};
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
    fn is_exact(&self) -> bool {
        self.found.typo.is_none()
    }

    fn bare(&self, command: Command) -> Option<Parsed> {
        self.is_alone().then_some(Parsed::Command(command))
    }

    fn quoted_product(&self) -> Option<String> {
        self.context.quoted.and_then(product_of).map(str::to_owned)
    }

    fn quoted_order(&self) -> Option<OrderNumber> {
        self.context.quoted.and_then(order_of).cloned()
    }

    /// The option of the last numbered message that a word points at.
    fn option(&self, word: &Word) -> Option<&Command> {
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
        CommandName::Menu => menu(call),
        CommandName::Products => products(call),
        CommandName::Search => Some(search(call)),
        CommandName::Detail => Some(detail(call)),
        CommandName::Buy => Some(buy(call)),
        CommandName::Cart => call.bare(Command::Cart),
        CommandName::Add | CommandName::Reduce | CommandName::Remove => Some(change_cart(call)),
        CommandName::ClearCart => clear_cart(call),
        CommandName::Address => Some(set_address(call)),
        CommandName::Checkout => checkout(call),
        CommandName::Yes | CommandName::No => answer(call),
        CommandName::Orders => orders(call),
        CommandName::CheckPayment => check_payment(call),
        CommandName::Track | CommandName::Cancel => one_order(call),
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
            (is_long && call.is_alone()) || named_method(call).is_some()
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

fn menu(call: &Call<'_>) -> Option<Parsed> {
    match call.found.alias {
        "menu" if call.is_exact() && !call.is_alone() => products(call),
        _ => call.bare(Command::Menu),
    }
}

fn products(call: &Call<'_>) -> Option<Parsed> {
    if let Some(page) = page(call) {
        return Some(Parsed::Command(Command::Products {
            category: None,
            page,
        }));
    }
    let args = call.args();
    let (name, page) = match args {
        [name @ .., last] if !name.is_empty() => match words::menu_number(last) {
            Some(page) if page > 0 => (name, page),
            _ => (args, 1),
        },
        _ => (args, 1),
    };
    let query = words::join(name);
    Some(Parsed::Command(match CategorySlug::parse(&query) {
        Ok(category) => Command::Products {
            category: Some(category),
            page,
        },
        Err(_) => Command::Search {
            query: words::join(args),
            page: 1,
        },
    }))
}

fn search(call: &Call<'_>) -> Parsed {
    let query = words::join(call.args());
    if query.is_empty() {
        return call.malformed(Problem::MissingArgument);
    }
    Parsed::Command(Command::Search { query, page: 1 })
}

fn detail(call: &Call<'_>) -> Parsed {
    let args = call.args();
    let [word] = args else {
        let query = words::join(args);
        let quoted = call
            .quoted_product()
            .and_then(|product| Sku::parse(&product).ok());
        return match (query.is_empty(), quoted) {
            (false, _) => Parsed::Command(Command::Search { query, page: 1 }),
            (true, Some(sku)) => Parsed::Command(Command::Detail { sku }),
            (true, None) => call.malformed(Problem::MissingArgument),
        };
    };
    let option = call.option(word).and_then(product_of).unwrap_or(&word.text);
    Parsed::Command(match Sku::parse(option) {
        Ok(sku) => Command::Detail { sku },
        Err(_) => Command::Search {
            query: option.to_owned(),
            page: 1,
        },
    })
}

fn buy(call: &Call<'_>) -> Parsed {
    if let [word] = call.args()
        && let Ok(number) = OrderNumber::parse(&word.text)
    {
        return Parsed::Command(Command::Order { number });
    }
    match product_and_quantity(call) {
        Ok((product, quantity)) => Parsed::Command(Command::Buy { product, quantity }),
        Err(problem) => call.malformed(problem),
    }
}

fn change_cart(call: &Call<'_>) -> Parsed {
    let is_all = |word: &Word| matches!(word.key.as_str(), "semua" | "keranjang" | "all" | "cart");
    let args = call.args();
    if call.found.name == CommandName::Remove && !args.is_empty() && args.iter().all(is_all) {
        return Parsed::Command(Command::ClearCart);
    }
    let (product, quantity) = match product_and_quantity(call) {
        Ok(both) => both,
        Err(problem) => return call.malformed(problem),
    };
    Parsed::Command(match call.found.name {
        CommandName::Add => Command::Add { product, quantity },
        CommandName::Reduce => Command::Remove {
            product,
            quantity: quantity.or(Some(Quantity::ONE)),
        },
        _ => Command::Remove { product, quantity },
    })
}

/// Finds the product and how many of it in `kopi`, `kopi 2`, `2 kopi`, `KOPI-01 x2`, `kopi 2 pcs`.
/// A number anywhere else is part of a name. A number that is no quantity is a fault, never one
/// unit.
fn product_and_quantity(call: &Call<'_>) -> Result<(String, Option<Quantity>), Problem> {
    let args = without_units(call.args());
    let parse = |number: &str| {
        Quantity::parse(number)
            .map(Some)
            .map_err(Problem::BadQuantity)
    };
    let quoted = || call.quoted_product().ok_or(Problem::MissingArgument);
    let (first, last) = match args.as_slice() {
        [] => return Ok((quoted()?, None)),
        [only] => return one_word(call, only),
        [first, .., last] => (first, last),
    };
    let inner = &args[1..args.len() - 1];
    if mentions_several(&args) {
        return Err(Problem::TwoQuantities);
    }
    match (words::quantity_text(first), words::quantity_text(last)) {
        (Some(_), Some(number)) => {
            let option = call.option(first).and_then(product_of);
            match option {
                Some(product) if inner.is_empty() => Ok((product.to_owned(), parse(number)?)),
                _ => Err(Problem::TwoQuantities),
            }
        }
        (None, Some(number)) => Ok((words::join(&args[..args.len() - 1]), parse(number)?)),
        (Some(number), None) => Ok((words::join(&args[1..]), parse(number)?)),
        (None, None) => Ok((words::join(&args), None)),
    }
}

/// One word alone: a product, an option's number, or a quantity of the quoted product.
fn one_word(call: &Call<'_>, word: &Word) -> Result<(String, Option<Quantity>), Problem> {
    let Some(number) = words::quantity_text(word) else {
        return Ok((word.text.clone(), None));
    };
    if let Some(product) = call.quoted_product() {
        let quantity = Quantity::parse(number).map_err(Problem::BadQuantity)?;
        return Ok((product, Some(quantity)));
    }
    if let Some(product) = call.option(word).and_then(product_of) {
        return Ok((product.to_owned(), None));
    }
    match Quantity::parse(number) {
        // Digits alone may be a product's code, and some codes are digits and dashes.
        Ok(_) if word.text.len() >= 4 => Ok((word.text.clone(), None)),
        Ok(_) => Err(Problem::MissingArgument),
        Err(crate::money::QuantityError::TooLarge | crate::money::QuantityError::NotANumber)
            if Sku::parse(&word.text).is_ok() =>
        {
            Ok((word.text.clone(), None))
        }
        Err(error) => Err(Problem::BadQuantity(error)),
    }
}

/// Drops words that count units behind a number, a lone `x` before one, and list dashes.
fn without_units(args: &[Word]) -> Vec<Word> {
    let is_number = |word: Option<&Word>| word.is_some_and(|w| words::quantity_text(w).is_some());
    let keep = |index: usize, word: &Word| {
        let before = index.checked_sub(1).and_then(|index| args.get(index));
        let after = args.get(index + 1);
        let counts =
            words::is_unit(word) && (is_number(before) || (word.key == "x" && is_number(after)));
        !counts && word.text != "-"
    };
    args.iter()
        .enumerate()
        .filter(|(index, word)| keep(*index, word))
        .map(|(_, w)| w.clone())
        .collect()
}

/// Whether a number stands next to a word that joins two products, as in `kopi 2 dan teh 1`.
fn mentions_several(args: &[Word]) -> bool {
    let joins = |word: &Word| {
        matches!(word.key.as_str(), "dan" | "and" | "sama" | "plus") || word.text == "+"
    };
    let is_number = |word: &Word| words::quantity_text(word).is_some();
    args.windows(2).any(|pair| {
        (is_number(&pair[0]) && joins(&pair[1])) || (joins(&pair[0]) && is_number(&pair[1]))
    })
}

fn clear_cart(call: &Call<'_>) -> Option<Parsed> {
    let is_cart = |word: &Word| matches!(word.key.as_str(), "keranjang" | "cart" | "semua" | "all");
    let fits = call.is_alone() || call.args().iter().all(is_cart);
    fits.then_some(Parsed::Command(Command::ClearCart))
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
    let skipped = rest.len() - rest.trim_start_matches([':', ' ', '\n', '-', '=']).len();
    end + skipped
}

fn named_method(call: &Call<'_>) -> Option<PaymentMethod> {
    PaymentMethod::from_words(&words::join(call.args()))
}

/// `checkout` and `bayar` only ever make a quote, but *bayar* also names a way to pay or an order.
fn checkout(call: &Call<'_>) -> Option<Parsed> {
    if call.is_alone() {
        let command = match call.quoted_order() {
            Some(number) => Command::Order { number },
            None => Command::Checkout,
        };
        return Some(Parsed::Command(command));
    }
    if let Some(method) = named_method(call) {
        let quoted = call.context.quoted.and_then(quote_of);
        let pay = quoted.map(|quote| Command::Pay { quote, method });
        let command = pay
            .or_else(|| offered(method, call.context))
            .unwrap_or(Command::Checkout);
        return Some(Parsed::Command(command));
    }
    let [word] = call.args() else { return None };
    let number = OrderNumber::parse(&word.text).ok()?;
    Some(Parsed::Command(Command::Order { number }))
}

fn answer(call: &Call<'_>) -> Option<Parsed> {
    let quote = call.context.quoted.and_then(quote_of);
    call.bare(match (call.found.name, quote) {
        (CommandName::Yes, Some(quote)) => Command::Quote { quote },
        (CommandName::Yes, None) => Command::Yes,
        (_, Some(quote)) => Command::Decline { quote },
        (_, None) => Command::No,
    })
}

fn orders(call: &Call<'_>) -> Option<Parsed> {
    if let [word] = call.args() {
        let option = call.option(word).and_then(order_of).cloned();
        if let Some(number) = option.or_else(|| OrderNumber::parse(&word.text).ok()) {
            return Some(Parsed::Command(Command::Order { number }));
        }
        if looks_like_an_order(word) {
            return Some(call.malformed(Problem::BadOrderNumber));
        }
    }
    page(call).map(|page| Parsed::Command(Command::Orders { page }))
}

fn check_payment(call: &Call<'_>) -> Option<Parsed> {
    let is_word = matches!(call.found.alias, "cek" | "check" | "status");
    match order(call) {
        Ok(Some(number)) => Some(Parsed::Command(Command::CheckPayment { number })),
        Ok(None) if is_word => Some(call.malformed(Problem::MissingArgument)),
        Ok(None) => Some(Parsed::Command(Command::Orders { page: 1 })),
        Err(_) if call.args().iter().any(looks_like_an_order) => {
            Some(call.malformed(Problem::BadOrderNumber))
        }
        Err(_) if is_word => Some(search(call)),
        Err(_) => None,
    }
}

fn one_order(call: &Call<'_>) -> Option<Parsed> {
    let is_cancel = call.found.name == CommandName::Cancel;
    let number = match order(call) {
        Ok(number) => number,
        Err(_) if call.args().len() == 1 || call.args().iter().any(looks_like_an_order) => {
            return Some(call.malformed(Problem::BadOrderNumber));
        }
        Err(_) => return None,
    };
    let quote = call.context.quoted.and_then(quote_of);
    Some(Parsed::Command(match (is_cancel, quote) {
        (true, Some(quote)) if number.is_none() => Command::Decline { quote },
        (true, _) => Command::Cancel { number },
        (false, _) => Command::Track { number },
    }))
}

/// The order that the arguments, or else the quoted message, name; `Ok(None)` when neither does.
fn order(call: &Call<'_>) -> Result<Option<OrderNumber>, Problem> {
    let is_noise = |word: &&Word| {
        matches!(
            word.key.as_str(),
            "pesanan" | "order" | "pembayaran" | "paket" | "saya" | "my"
        )
    };
    let args: Vec<&Word> = call.args().iter().filter(|word| !is_noise(word)).collect();
    match args.as_slice() {
        [] => Ok(call.quoted_order()),
        [word] => match call.option(word).and_then(order_of) {
            Some(number) => Ok(Some(number.clone())),
            None => OrderNumber::parse(&word.text)
                .map(Some)
                .map_err(|_| Problem::BadOrderNumber),
        },
        _ => Err(Problem::BadOrderNumber),
    }
}

fn looks_like_an_order(word: &Word) -> bool {
    word.text.contains('-') && word.text.contains(|c: char| c.is_ascii_digit())
}

/// Page 1 when nothing follows, or the page that does: `2`, `hal 2`, `page 2`.
fn page(call: &Call<'_>) -> Option<u32> {
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
    if let [rest @ .., word] = args
        && !rest.is_empty()
        && PaymentMethod::from_words(&word.key).is_some()
    {
        args = rest;
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
