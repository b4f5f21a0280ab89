//! Messages that are not understood: what is wrong, and an example that works.

use warung_domain::{
    conversation::{Command, CommandName, Problem, StaffCommand},
    language::Language,
    money::{AmountError, QuantityError, Rupiah},
    payment::PaymentMethod,
};
use warung_whatsapp::reply::{Choice, Reply};

use crate::{
    messages::{Args, Texts},
    worker::turn::{Answer, Turn},
};

/// Top-ups offered where an amount was not understood, in rupiah.
const OFFERED_TOP_UPS: [i64; 3] = [50_000, 100_000, 200_000];

/// A command with something wrong in it: nothing is guessed.
pub fn malformed(turn: &mut Turn<'_>, command: CommandName, problem: &Problem) -> Answer {
    let body = help(&turn.app.texts, turn.customer.spoken(), command, problem);
    Answer::view(Reply {
        body,
        choices: next_steps(turn, command),
        ..Reply::default()
    })
}

/// A tap on something that is gone: the menu leads back.
pub fn stale_tap(turn: &mut Turn<'_>) -> Answer {
    Answer::view(Reply {
        body: turn.say("unclear-stale", &[]),
        choices: home(turn),
        ..Reply::default()
    })
}

/// A number that the last message did not offer: the same options once more, numbered as before.
pub fn out_of_range(turn: &mut Turn<'_>, options: usize) -> Answer {
    let shown = turn.conversation.menu.clone();
    if options == 0 || shown.is_empty() {
        return Answer::view(Reply {
            body: turn.say("unclear-no-options", &[]),
            choices: home(turn),
            ..Reply::default()
        });
    }
    let body = if options == 1 {
        turn.say("unclear-one-option", &[])
    } else {
        let last = options.to_string();
        turn.say("unclear-out-of-range", &[("last", last.into())])
    };
    let choices = shown
        .iter()
        .map(|command| turn.choice(command, title(turn, command)));
    Answer::view(Reply {
        body,
        choices: choices.collect(),
        ..Reply::default()
    })
}

/// A kind of message that the bot cannot read: told once in a conversation, then passed over.
pub fn unreadable(turn: &mut Turn<'_>) -> Option<Answer> {
    if turn.conversation.told_unreadable {
        return None;
    }
    turn.conversation.told_unreadable = true;
    let mut choices = home(turn);
    choices.push(turn.choice(&Command::Human, turn.say("option-human", &[])));
    Some(Answer::view(Reply {
        body: turn.say("unclear-unreadable", &[]),
        choices,
        ..Reply::default()
    }))
}

/// The ways on that always exist.
pub(super) fn home(turn: &Turn<'_>) -> Vec<Choice> {
    vec![
        turn.choice(&Command::Menu, turn.say("option-menu", &[])),
        turn.choice(&all_products(), turn.say("option-products", &[])),
    ]
}

fn all_products() -> Command {
    Command::Products {
        category: None,
        page: 1,
    }
}

/// What somebody who meant `command` may want to tap instead.
fn next_steps(turn: &Turn<'_>, command: CommandName) -> Vec<Choice> {
    let offer = |commands: &[Command]| {
        let choices = commands
            .iter()
            .map(|command| turn.choice(command, title(turn, command)));
        choices.collect()
    };
    let orders = Command::Orders { page: 1 };
    match command {
        CommandName::Remove | CommandName::Reduce => offer(&[Command::Cart, Command::Menu]),
        CommandName::Orders
        | CommandName::CheckPayment
        | CommandName::Track
        | CommandName::Received
        | CommandName::Cancel => offer(&[orders, Command::Human, Command::Menu]),
        CommandName::TopUp => {
            let amounts = OFFERED_TOP_UPS.map(|amount| Command::TopUp {
                amount: Rupiah::new(amount),
            });
            offer(&amounts)
        }
        CommandName::Language => offer(&Language::ALL.map(|language| Command::SetLanguage {
            language: Some(language),
        })),
        CommandName::Stock
        | CommandName::AddUnits
        | CommandName::Price
        | CommandName::Ship
        | CommandName::Resend
        | CommandName::Complete
        | CommandName::HandBack
        | CommandName::Recap
        | CommandName::CloseShop
        | CommandName::OpenShop => Vec::new(),
        _ => offer(&[all_products(), Command::Menu]),
    }
}

/// The body: the problem, then how to write it.
fn help(texts: &Texts, language: Language, command: CommandName, problem: &Problem) -> String {
    let say = |key: &'static str, args: &Args<'_>| texts.get(language, key, args);
    let problem = match problem {
        Problem::MissingArgument => say("problem-missing", &[]),
        Problem::BadQuantity(error) => quantity_problem(say, *error),
        Problem::TwoQuantities => say("problem-two-quantities", &[]),
        Problem::BadAmount(error) => amount_problem(say, *error),
        Problem::BadOrderNumber => say("problem-order-number", &[]),
        Problem::BadSku => say("problem-sku", &[]),
        Problem::BadLanguage => say("problem-language", &[]),
        Problem::BadCourier => say("problem-courier", &[]),
        Problem::BadResi => say("problem-resi", &[]),
        Problem::BadChat => say("problem-chat", &[]),
        Problem::BadStock => say("problem-stock", &[]),
    };
    format!("{problem}\n\n{}", example(say, command))
}

fn quantity_problem(
    say: impl Fn(&'static str, &Args<'_>) -> String,
    error: QuantityError,
) -> String {
    match error {
        QuantityError::Empty | QuantityError::NotANumber => say("problem-quantity", &[]),
        QuantityError::ForeignDigits => say("problem-quantity-digits", &[]),
        QuantityError::Exponent | QuantityError::Fraction => say("problem-quantity-whole", &[]),
        QuantityError::Negative | QuantityError::Zero => say("problem-quantity-least", &[]),
        QuantityError::TooLarge => say("problem-quantity-most", &[]),
    }
}

fn amount_problem(say: impl Fn(&'static str, &Args<'_>) -> String, error: AmountError) -> String {
    match error {
        AmountError::Empty | AmountError::NotANumber => say("problem-amount", &[]),
        AmountError::Fraction => say("problem-amount-whole", &[]),
        AmountError::Negative | AmountError::Zero => say("problem-amount-least", &[]),
        AmountError::Ambiguous => say("problem-amount-ambiguous", &[]),
        AmountError::TooLarge => say("problem-amount-most", &[]),
    }
}

/// One sentence with an example that works as it stands.
fn example(say: impl Fn(&'static str, &Args<'_>) -> String, command: CommandName) -> String {
    match command {
        CommandName::Menu
        | CommandName::Yes
        | CommandName::No
        | CommandName::Balance
        | CommandName::Statement
        | CommandName::Human
        | CommandName::CloseHuman
        | CommandName::StopMarketing
        | CommandName::StartMarketing => say("example-menu", &[]),
        CommandName::Products => say("example-products", &[]),
        CommandName::Search => say("example-search", &[]),
        CommandName::Detail => say("example-detail", &[]),
        CommandName::Buy => say("example-buy", &[]),
        CommandName::Add => say("example-add", &[]),
        CommandName::Reduce => say("example-reduce", &[]),
        CommandName::Remove => say("example-remove", &[]),
        CommandName::Cart | CommandName::ClearCart => say("example-cart", &[]),
        CommandName::Address => say("example-address", &[]),
        CommandName::Checkout => say("example-checkout", &[]),
        CommandName::Orders => say("example-orders", &[]),
        CommandName::CheckPayment => say("example-check-payment", &[]),
        CommandName::Track => say("example-track", &[]),
        CommandName::Received => say("example-received", &[]),
        CommandName::Cancel => say("example-cancel", &[]),
        CommandName::TopUp => say("example-top-up", &[]),
        CommandName::Language => say("example-language", &[]),
        CommandName::Stock => say("example-stock", &[]),
        CommandName::AddUnits => say("example-add-units", &[]),
        CommandName::Price => say("example-price", &[]),
        CommandName::Ship => say("example-ship", &[]),
        CommandName::Resend => say("example-resend", &[]),
        CommandName::Complete => say("example-complete", &[]),
        CommandName::HandBack => say("example-hand-back", &[]),
        CommandName::Recap | CommandName::CloseShop | CommandName::OpenShop => {
            say("example-staff", &[])
        }
    }
}

/// A short name for an option whose own title is not at hand any more.
fn title(turn: &Turn<'_>, command: &Command) -> String {
    let say = |key: &'static str| turn.app.texts.get(turn.customer.spoken(), key, &[]);
    match command {
        Command::Menu => say("option-menu"),
        Command::Products { category, page } => match category {
            Some(slug) => paged(slug.as_str(), *page),
            None => paged(&say("option-products"), *page),
        },
        Command::Search { query, page } => paged(&format!("🔎 {query}"), *page),
        Command::Detail { sku } => sku.to_string(),
        Command::Buy { product, quantity } => match quantity {
            Some(quantity) => format!("🛒 {product} × {quantity}"),
            None => format!("🛒 {product}"),
        },
        Command::Add { product, .. } => format!("➕ {product}"),
        Command::Remove { product, .. } => format!("➖ {product}"),
        Command::Cart => say("option-cart"),
        Command::ClearCart => say("option-clear-cart"),
        Command::Address { .. } => say("option-address"),
        Command::Checkout => say("option-checkout"),
        Command::Quote { .. } | Command::Yes => say("option-yes"),
        Command::Decline { .. } | Command::No => say("option-no"),
        Command::Methods { .. } => say("option-methods"),
        Command::Pay { method, .. } | Command::TopUpWith { method, .. } => {
            method_name(*method).to_owned()
        }
        Command::Orders { page } => paged(&say("option-orders"), *page),
        Command::Order { number } => number.to_string(),
        Command::CheckPayment { .. } => say("option-check-payment"),
        Command::Track { .. } => say("option-track"),
        Command::Received { .. } => say("option-received"),
        Command::Cancel { .. } => say("option-cancel"),
        Command::Balance => say("option-balance"),
        Command::TopUp { amount } => match amount {
            Some(amount) => amount.to_string(),
            None => say("option-top-up"),
        },
        Command::Statement { page } => paged(&say("option-statement"), *page),
        Command::SetLanguage { language } => match language {
            Some(language) => language_name(*language).to_owned(),
            None => say("option-language"),
        },
        Command::Human => say("option-human"),
        Command::CloseHuman => say("option-close-human"),
        Command::StopMarketing => say("option-stop-marketing"),
        Command::StartMarketing => say("option-start-marketing"),
        Command::Staff(StaffCommand::HandBack { .. }) => say("option-hand-back"),
        Command::Staff(_) => say("option-staff"),
    }
}

fn paged(name: &str, page: u32) -> String {
    if page > 1 {
        format!("{name} ({page})")
    } else {
        name.to_owned()
    }
}

/// A language's own name.
pub(super) const fn language_name(language: Language) -> &'static str {
    match language {
        Language::Id => "Bahasa Indonesia",
        Language::En => "English",
    }
}

/// The same in both languages: they are brands.
pub(super) const fn method_name(method: PaymentMethod) -> &'static str {
    match method {
        PaymentMethod::Qris => "QRIS",
        PaymentMethod::VaBca => "VA BCA",
        PaymentMethod::VaBni => "VA BNI",
        PaymentMethod::VaBri => "VA BRI",
        PaymentMethod::VaPermata => "VA Permata",
        PaymentMethod::MandiriBill => "Mandiri Bill",
        PaymentMethod::Indomaret => "Indomaret",
        PaymentMethod::Snap => "Midtrans",
        PaymentMethod::Saldo => "Saldo",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COMMANDS: [CommandName; 37] = [
        CommandName::Menu,
        CommandName::Products,
        CommandName::Search,
        CommandName::Detail,
        CommandName::Buy,
        CommandName::Cart,
        CommandName::Add,
        CommandName::Reduce,
        CommandName::Remove,
        CommandName::ClearCart,
        CommandName::Address,
        CommandName::Checkout,
        CommandName::Yes,
        CommandName::No,
        CommandName::Orders,
        CommandName::CheckPayment,
        CommandName::Track,
        CommandName::Received,
        CommandName::Cancel,
        CommandName::Balance,
        CommandName::TopUp,
        CommandName::Statement,
        CommandName::Language,
        CommandName::Human,
        CommandName::CloseHuman,
        CommandName::StopMarketing,
        CommandName::StartMarketing,
        CommandName::Stock,
        CommandName::AddUnits,
        CommandName::Price,
        CommandName::Ship,
        CommandName::Resend,
        CommandName::Complete,
        CommandName::HandBack,
        CommandName::Recap,
        CommandName::CloseShop,
        CommandName::OpenShop,
    ];

    fn problems() -> Vec<Problem> {
        let quantities = [
            QuantityError::Empty,
            QuantityError::NotANumber,
            QuantityError::ForeignDigits,
            QuantityError::Exponent,
            QuantityError::Fraction,
            QuantityError::Negative,
            QuantityError::Zero,
            QuantityError::TooLarge,
        ];
        let amounts = [
            AmountError::Empty,
            AmountError::NotANumber,
            AmountError::Negative,
            AmountError::Fraction,
            AmountError::Ambiguous,
            AmountError::Zero,
            AmountError::TooLarge,
        ];
        [
            Problem::MissingArgument,
            Problem::TwoQuantities,
            Problem::BadOrderNumber,
            Problem::BadSku,
            Problem::BadLanguage,
            Problem::BadCourier,
            Problem::BadResi,
            Problem::BadChat,
            Problem::BadStock,
        ]
        .into_iter()
        .chain(quantities.map(Problem::BadQuantity))
        .chain(amounts.map(Problem::BadAmount))
        .collect()
    }

    #[test]
    fn every_command_with_every_problem_is_explained_with_an_example_in_both_languages() {
        let texts = Texts::built_in().unwrap();
        for language in Language::ALL {
            for command in COMMANDS {
                for problem in problems() {
                    let text = help(&texts, language, command, &problem);
                    // A text that is missing shows as its key.
                    assert!(
                        !text.contains("problem-"),
                        "{command:?} {problem:?}: {text}"
                    );
                    assert!(
                        !text.contains("example-"),
                        "{command:?} {problem:?}: {text}"
                    );
                    assert!(
                        text.matches('*').count() >= 2,
                        "{command:?} {problem:?}: {text}"
                    );
                    assert!(text.chars().count() <= 1024);
                }
            }
        }
    }

    #[test]
    fn parts_of_a_unit_are_answered_with_whole_numbers() {
        let texts = Texts::built_in().unwrap();
        for text in ["0.001", "1e-9"] {
            let error = warung_domain::money::Quantity::parse(text).unwrap_err();
            for (language, word) in [(Language::Id, "bulat"), (Language::En, "whole")] {
                let problem = Problem::BadQuantity(error);
                let help = help(&texts, language, CommandName::Buy, &problem);
                assert!(help.contains(word) && help.contains("999"), "{help}");
            }
        }
    }
}
