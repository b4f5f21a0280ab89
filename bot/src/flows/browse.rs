//! Looking at what is for sale.

pub(crate) mod cards;
mod detail;
mod meant;

use anyhow::Result;
use warung_domain::{
    catalog::{CategorySlug, Sku},
    conversation::{Command, ParseContext, Parsed, is_courtesy, parse},
    money::Quantity,
};
use warung_whatsapp::{
    limits::LIST_ROWS,
    reply::{Choice, Reply},
};

pub(crate) use self::meant::{Meant, meant};
use crate::{
    flows::{checkout, layout::paragraphs},
    store::{
        catalog::{self, Category, PAGE_ROWS, Page},
        search::{self, Fit, Found},
    },
    worker::turn::{Answer, Turn},
};

/// Similarity in percent from which words that are no command are taken for a product.
const LEAST_PERCENT: u8 = 40;
/// Most words of a message of which only some must stand in a product's name.
const MAX_CHANCE_WORDS: usize = 4;
/// Messages in a row that are not understood, after which a person is offered.
const MISSES_BEFORE_HUMAN: u8 = 2;

/// The categories, or the products of one. A category that does not exist may be named by its
/// name, or is searched for as words.
pub async fn products(
    turn: &mut Turn<'_>,
    category: Option<CategorySlug>,
    page: u32,
) -> Result<Answer> {
    let categories = catalog::categories(turn.app).await?;
    let named = category
        .as_ref()
        .map(|slug| named_category(&categories, slug));
    match (named, categories.as_slice()) {
        (Some(Some(category)), _) | (None, [category]) => of_category(turn, category, page).await,
        (Some(None), _) => {
            let words = category.map(|slug| slug.as_str().replace('-', " "));
            search(turn, &words.unwrap_or_default(), page).await
        }
        (None, []) => Ok(Answer::view(Reply {
            body: turn.say("browse-nothing-yet", &[]),
            choices: vec![turn.choice(&Command::Human, turn.say("button-human", &[]))],
            ..Reply::default()
        })),
        (None, categories) => Ok(all_categories(turn, categories, page)),
    }
}

/// The category with a short name, or the one whose name has the same words in it.
fn named_category<'c>(categories: &'c [Category], slug: &CategorySlug) -> Option<&'c Category> {
    let words: Vec<&str> = slug.as_str().split('-').collect();
    let is_named = |category: &&Category| {
        let name = format!("{} {}", category.name_id, category.name_en).to_lowercase();
        let has = |word: &&str| {
            name.split(|c: char| !c.is_alphanumeric())
                .any(|w| w == *word)
        };
        words.iter().all(has)
    };
    categories
        .iter()
        .find(|category| category.slug == *slug)
        .or_else(|| categories.iter().find(is_named))
}

fn all_categories(turn: &Turn<'_>, categories: &[Category], page: u32) -> Answer {
    let pages: Vec<&[Category]> = if categories.len() <= PAGE_ROWS + 1 {
        vec![categories]
    } else {
        categories.chunks(PAGE_ROWS).collect()
    };
    let page = usize::try_from(page).unwrap_or(1).clamp(1, pages.len());
    let mut choices: Vec<Choice> = pages[page - 1]
        .iter()
        .map(|category| category_choice(turn, category))
        .collect();
    if page < pages.len() {
        let next = Command::Products {
            category: None,
            page: u32::try_from(page + 1).unwrap_or(1),
        };
        choices.push(turn.choice(&next, turn.say("button-more", &[])));
    }
    Answer::view(Reply {
        body: turn.say("browse-categories", &[]),
        choices,
        list_label: Some(turn.say("browse-label-categories", &[])),
        ..Reply::default()
    })
}

/// A category as a row.
pub(crate) fn category_choice(turn: &Turn<'_>, category: &Category) -> Choice {
    let command = Command::Products {
        category: Some(category.slug.clone()),
        page: 1,
    };
    let count = category.products.to_string();
    turn.choice(&command, category_title(turn, category))
        .described(turn.say("browse-category-count", &[("count", count.into())]))
}

fn category_title(turn: &Turn<'_>, category: &Category) -> String {
    let name = category.name(turn.customer.spoken());
    format!("{} {name}", category.emoji).trim().to_owned()
}

async fn of_category(turn: &Turn<'_>, category: &Category, page: u32) -> Result<Answer> {
    let page = page.clamp(1, category.pages());
    let products = catalog::products(turn.app, &category.slug, page).await?;
    let mut body = turn.say(
        "browse-category",
        &[("name", category_title(turn, category).into())],
    );
    if category.pages() > 1 {
        let at = [
            ("page", page.to_string().into()),
            ("pages", category.pages().to_string().into()),
        ];
        body = format!("{body} {}", turn.say("browse-page", &at));
    }
    let next = Command::Products {
        category: Some(category.slug.clone()),
        page: page + 1,
    };
    list(turn, body, &products, &next).await
}

/// A list of products, each leading to its detail, the tenth row to the next page.
async fn list(turn: &Turn<'_>, body: String, page: &Page, next: &Command) -> Result<Answer> {
    let detail = |card: &catalog::Card| Command::Detail {
        sku: card.sku.clone(),
    };
    let mut choices = cards::rows(turn, page, detail).await?;
    if page.more {
        choices.push(turn.choice(next, turn.say("button-more", &[])));
    }
    Ok(Answer::view(Reply {
        body: format!("{body}\n{}", turn.say("browse-choose", &[])),
        choices,
        list_label: Some(turn.say("browse-label-products", &[])),
        ..Reply::default()
    }))
}

/// Products found by words.
pub async fn search(turn: &mut Turn<'_>, query: &str, page: u32) -> Result<Answer> {
    let page = page.clamp(1, catalog::MAX_PAGE);
    let found = search::find(turn.app, query, page).await?;
    if page == 1
        && let Some(card) = found.clear()
    {
        let sku = card.sku.clone();
        return detail(turn, &sku).await;
    }
    if found.page.cards.is_empty() {
        return Ok(no_match(turn, query));
    }
    results(turn, query, page, &found).await
}

async fn results(turn: &Turn<'_>, query: &str, page: u32, found: &Found) -> Result<Answer> {
    let body = match found.fit {
        Some(Fit::Exact | Fit::Words) => turn.say("browse-found", &[("words", query.into())]),
        _ => turn.say("browse-found-alike", &[("words", query.into())]),
    };
    let next = Command::Search {
        query: query.to_owned(),
        page: page + 1,
    };
    let mut answer = list(turn, body, &found.page, &next).await?;
    // More than three options are a list, whose rows have room for names and prices.
    if answer.reply.choices.len() + 2 <= LIST_ROWS {
        answer.reply.choices.extend(browsing(turn));
    }
    Ok(answer)
}

/// One product.
pub async fn detail(turn: &mut Turn<'_>, sku: &Sku) -> Result<Answer> {
    if let Some(answer) = detail::detail(turn, sku).await? {
        return Ok(answer);
    }
    let found = search::find(turn.app, sku.as_str(), 1).await?;
    if found.page.cards.is_empty() {
        return Ok(no_match(turn, sku.as_str()));
    }
    results(turn, sku.as_str(), 1, &found).await
}

/// Words that are no command: perhaps a product.
pub async fn words(turn: &mut Turn<'_>, words: &str) -> Result<Answer> {
    if is_courtesy(words) {
        return Ok(Answer::view(Reply {
            body: turn.say("browse-courtesy", &[]),
            choices: browsing(turn),
            ..Reply::default()
        }));
    }
    let found = search::find(turn.app, words, 1).await?;
    if !matches!(found.fit, Some(Fit::Exact | Fit::Words))
        && let Some((product, quantity)) = counted(words)
        && is_product(&product, &*search::find(turn.app, &product, 1).await?)
    {
        turn.conversation.misses = 0;
        return checkout::buy(turn, &product, Some(quantity)).await;
    }
    if !is_product(words, &found) {
        return Ok(missed(turn));
    }
    turn.conversation.misses = 0;
    if let Some(card) = found.clear() {
        let sku = card.sku.clone();
        return detail(turn, &sku).await;
    }
    results(turn, words, 1, &found).await
}

/// Whether words that are no command mean what a search found for them.
fn is_product(words: &str, found: &Found) -> bool {
    match found.fit {
        Some(Fit::Exact | Fit::Words) => true,
        Some(Fit::Alike(percent)) => percent >= LEAST_PERCENT,
        Some(Fit::Some) => words.split_whitespace().count() <= MAX_CHANCE_WORDS,
        None => false,
    }
}

/// A product and how many of it, as in `2 kopi gayo`.
fn counted(words: &str) -> Option<(String, Quantity)> {
    let as_purchase = format!("beli {words}");
    match parse(&as_purchase, &ParseContext::default()) {
        Parsed::Command(Command::Buy {
            product,
            quantity: Some(quantity),
        }) => Some((product, quantity)),
        _ => None,
    }
}

/// What is said when nothing was understood; after the second time a person is offered.
fn missed(turn: &mut Turn<'_>) -> Answer {
    turn.conversation.misses = turn.conversation.misses.saturating_add(1);
    let mut choices = browsing(turn);
    let body = if turn.conversation.misses >= MISSES_BEFORE_HUMAN {
        choices.push(turn.choice(&Command::Human, turn.say("button-human", &[])));
        turn.say("browse-missed-again", &[])
    } else {
        paragraphs([
            turn.say("browse-missed", &[]),
            turn.say("browse-examples", &[]),
        ])
    };
    Answer::view(Reply {
        body,
        choices,
        ..Reply::default()
    })
}

/// No product is like the words.
pub(crate) fn no_match(turn: &Turn<'_>, words: &str) -> Answer {
    let mut choices = browsing(turn);
    choices.push(turn.choice(&Command::Human, turn.say("button-human", &[])));
    Answer::view(Reply {
        body: turn.say("browse-no-match", &[("words", words.into())]),
        choices,
        ..Reply::default()
    })
}

/// A product that was just shown is not for sale any more.
pub(crate) fn sale_ended(turn: &Turn<'_>) -> Answer {
    Answer::view(Reply {
        body: turn.say("browse-sale-ended", &[]),
        choices: browsing(turn),
        ..Reply::default()
    })
}

/// The two ways on from anywhere.
pub(crate) fn browsing(turn: &Turn<'_>) -> Vec<Choice> {
    let products = Command::Products {
        category: None,
        page: 1,
    };
    vec![
        turn.choice(&products, turn.say("button-products", &[])),
        turn.choice(&Command::Menu, turn.say("button-menu", &[])),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn category(slug: &str, name_id: &str, name_en: &str) -> Category {
        Category {
            slug: CategorySlug::parse(slug).unwrap(),
            name_id: name_id.to_owned(),
            name_en: name_en.to_owned(),
            emoji: String::new(),
            products: 1,
        }
    }

    #[test]
    fn a_number_beside_words_counts_them() {
        let counted = |words| counted(words).map(|(product, count)| (product, count.get()));
        assert_eq!(counted("2 kopi gayo"), Some(("kopi gayo".to_owned(), 2)));
        assert_eq!(counted("teh 3 pcs"), Some(("teh".to_owned(), 3)));
        assert_eq!(counted("kopi gayo"), None);
        assert_eq!(counted("beras 5 kg"), None);
        assert_eq!(counted("kopi 0.5"), None);
    }

    #[test]
    fn a_category_is_known_by_its_short_name_or_the_words_of_its_names() {
        let categories = [
            category("kopi", "Kopi & Teh", "Coffee & Tea"),
            category("rumah", "Rumah Tangga", "Household"),
            category("teh", "Daun", "Leaves"),
        ];
        let named = |text| {
            let slug = CategorySlug::parse(text).unwrap();
            named_category(&categories, &slug).map(|category| category.slug.to_string())
        };
        assert_eq!(named("coffee").as_deref(), Some("kopi"));
        assert_eq!(named("rumah tangga").as_deref(), Some("rumah"));
        assert_eq!(
            named("teh").as_deref(),
            Some("teh"),
            "short names come first"
        );
        assert_eq!(named("kado"), None);
    }
}
