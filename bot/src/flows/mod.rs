//! What the shop does: one file a use case. A flow reads and changes what it must inside the
//! turn's transaction and returns an answer; it never sends anything itself.

pub mod backlog;
pub mod browse;
pub mod cart;
pub mod checkout;
pub mod fulfilment;
pub mod handoff;
pub mod home;
pub mod identity;
pub(crate) mod layout;
pub mod orders;
pub mod payment;
pub mod preferences;
pub mod purchase;
pub mod saldo;
pub mod staff;
pub mod unclear;

use anyhow::Result;
use warung_domain::conversation::Command;

use crate::{
    reading::Reading,
    worker::turn::{Answer, Turn},
};

/// Answers one message, or stays silent.
pub async fn handle(turn: &mut Turn<'_>, reading: Reading) -> Result<Option<Answer>> {
    if let Reading::System(system) = &reading {
        identity::changed(turn, system).await?;
        return Ok(None);
    }
    if handoff::is_muted(turn, &reading) {
        return Ok(None);
    }
    let answer = match reading {
        Reading::Command(command) => {
            turn.conversation.misses = 0;
            return command_answer(turn, command).await;
        }
        Reading::Malformed { command, problem } => unclear::malformed(turn, command, &problem),
        Reading::StaleTap => unclear::stale_tap(turn),
        Reading::OutOfRange { options } => unclear::out_of_range(turn, options),
        Reading::AddressToPay {
            address,
            quote,
            wish,
        } => {
            turn.conversation.misses = 0;
            turn.conversation.awaiting = None;
            return purchase::pay_to(turn, &address, &quote, wish).await;
        }
        Reading::Words(words) => browse::words(turn, &words).await?,
        Reading::CatalogOrder(items) => cart::from_catalog(turn, &items).await?,
        Reading::Place(place) => checkout::address(turn, Some(&place)).await?,
        Reading::Unreadable => return Ok(unclear::unreadable(turn)),
        Reading::System(_) | Reading::Nothing => return Ok(None),
    };
    Ok(Some(answer))
}

async fn command_answer(turn: &mut Turn<'_>, command: Command) -> Result<Option<Answer>> {
    // What was asked before is answered, or has been passed over.
    let awaiting = turn.conversation.awaiting.take();
    let answer = match command {
        Command::Menu => home::menu(turn).await,
        Command::Products { category, page } => browse::products(turn, category, page).await,
        Command::Search { query, page } => browse::search(turn, &query, page).await,
        Command::Detail { sku } => browse::detail(turn, &sku).await,
        Command::Buy { product, quantity } => checkout::buy(turn, &product, quantity).await,
        Command::Cart => cart::show(turn).await,
        Command::Add { product, quantity } => cart::add(turn, &product, quantity).await,
        Command::Remove { product, quantity } => cart::remove(turn, &product, quantity).await,
        Command::ClearCart => cart::clear(turn).await,
        Command::Address { text } => checkout::address(turn, text.as_deref()).await,
        Command::Checkout => checkout::cart(turn).await,
        Command::Methods { quote } => checkout::methods(turn, &quote).await,
        Command::Decline { quote } => checkout::decline(turn, Some(&quote)).await,
        Command::No => checkout::decline(turn, None).await,
        Command::Quote { quote } => return purchase::confirm(turn, &quote).await,
        Command::Pay {
            quote,
            method,
            with_saldo,
        } => return purchase::pay(turn, &quote, purchase::Wish { method, with_saldo }).await,
        Command::Yes => return purchase::yes(turn).await,
        Command::Orders { page } => orders::list(turn, page).await,
        Command::Order { number } => orders::show(turn, &number).await,
        Command::CheckPayment { number } => orders::check_payment(turn, &number).await,
        Command::Track { number } => orders::track(turn, number.as_ref()).await,
        Command::Received { number } => orders::received(turn, number.as_ref()).await,
        Command::Cancel { number } => orders::cancel(turn, number.as_ref()).await,
        Command::Balance => saldo::balance(turn).await,
        Command::TopUp { amount } => Ok(saldo::top_up(turn, amount)),
        Command::TopUpWith {
            amount,
            method,
            nonce,
        } => return saldo::top_up_with(turn, amount, method, &nonce).await,
        Command::Statement { page } => saldo::statement(turn, page).await,
        Command::SetLanguage { language } => preferences::language(turn, language).await,
        Command::StopMarketing => preferences::marketing(turn, false).await,
        Command::StartMarketing => preferences::marketing(turn, true).await,
        Command::Human => handoff::ask(turn).await,
        Command::CloseHuman => Ok(handoff::close(turn)),
        Command::Staff(command) => {
            turn.conversation.awaiting = awaiting;
            staff::run(turn, command).await
        }
    };
    answer.map(Some)
}
