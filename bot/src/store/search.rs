//! Finding products by code or by words, typos forgiven.
//!
//! Three steps, each only when the one before found nothing: every word stands in the name; the
//! name is like the words by trigrams (pg_trgm); two neighbouring letters were swapped, or only
//! some of the words stand in it. Each step begins at an index.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use sqlx::{PgPool, types::Json};
use warung_domain::catalog::Sku;

use super::catalog::{Card, Page, ROWS_READ, Unreadable, cached, offset};
use crate::app::App;

/// Similarity (of `word_similarity`) below which a name is not like the words at all.
const LEAST_SIMILARITY: &str = "0.35";
/// Similarity in percent from which a name surely is what the words mean.
const SURE_PERCENT: u8 = 60;
/// Words of a query that count; more only describe.
const MAX_WORDS: usize = 8;
/// Longest word in which swapped letters are looked for, in characters.
const MAX_SWAPPED_CHARS: usize = 12;
/// Shortest word that alone may bring up a product, in characters.
const MIN_TELLING_CHARS: usize = 4;

/// How well the best product fits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Fit {
    /// The query is a product's code, or a product's whole name.
    Exact,
    /// All words stand in it.
    Words,
    /// It is like the words; the number is their similarity in percent.
    Alike(u8),
    /// Some of the words stand in it.
    Some,
}

/// What a search found, best first.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Found {
    /// One page of it.
    pub page: Page,
    /// How well the first product fits; none when nothing was found.
    pub fit: Option<Fit>,
}

impl Found {
    /// Whether what was found surely is what was meant, be it one product or several.
    pub fn is_sure(&self) -> bool {
        match self.fit {
            Some(Fit::Exact | Fit::Words) => true,
            Some(Fit::Alike(percent)) => percent >= SURE_PERCENT,
            Some(Fit::Some) | None => false,
        }
    }

    /// The one product that was meant, where there is no doubt.
    pub fn clear(&self) -> Option<&Card> {
        let [first, rest @ ..] = self.page.cards.as_slice() else {
            return None;
        };
        let is_alone = rest.is_empty() || self.fit == Some(Fit::Exact);
        (is_alone && self.is_sure()).then_some(first)
    }
}

/// A query taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Query {
    /// In small letters, single blanks.
    text: String,
    words: Vec<String>,
    /// The query as a product code.
    code: Option<String>,
}

impl Query {
    fn new(text: &str) -> Self {
        let text = text.to_lowercase();
        let words: Vec<String> = text
            .split(|c: char| !c.is_alphanumeric() && c != '-' && c != '.' && c != ',')
            .map(|word| word.trim_matches(|c: char| !c.is_alphanumeric()))
            .filter(|word| !word.is_empty())
            .take(MAX_WORDS)
            .map(str::to_owned)
            .collect();
        let text = words.join(" ");
        let code = Sku::parse(&text).ok().map(String::from);
        Self { text, words, code }
    }

    /// The pattern of the longest word, where an index search begins.
    fn longest(&self) -> String {
        let longest = self.words.iter().max_by_key(|word| word.chars().count());
        longest.map(|word| contains(word)).unwrap_or_default()
    }

    /// Patterns of the words that a name must contain. Numbers are not among them.
    fn contained(&self) -> Vec<String> {
        let words = self.words.iter().filter(|word| !is_number(word));
        words.map(|word| contains(word)).collect()
    }

    /// Regular expressions for the numbers: 2 must not find 250, but 250 may find 250g.
    fn numbers(&self) -> Vec<String> {
        let numbers = self.words.iter().filter(|word| is_number(word));
        numbers
            .map(|number| format!("\\m{number}(?![0-9])"))
            .collect()
    }

    /// A pattern of the query as the beginning of a code, if it looks like one.
    fn code_prefix(&self) -> Option<String> {
        let looks_like_one = |code: &&String| {
            code.contains('-') || code.bytes().any(|byte| byte.is_ascii_digit()) && code.len() > 2
        };
        let code = self.code.as_ref().filter(looks_like_one)?;
        Some(format!("{code}%"))
    }

    /// A regular expression for words that become `self` when two neighbouring letters swap, and
    /// for the telling words alone. None when there is nothing to look for.
    fn loose(&self) -> Option<String> {
        let mut alternatives: Vec<String> = match self.words.as_slice() {
            [word] => swapped(word),
            words => words
                .iter()
                .filter(|word| word.chars().count() >= MIN_TELLING_CHARS)
                .cloned()
                .collect(),
        };
        alternatives.retain(|word| word.chars().all(char::is_alphanumeric));
        (!alternatives.is_empty()).then(|| format!("\\m({})", alternatives.join("|")))
    }
}

fn is_number(word: &str) -> bool {
    word.bytes().all(|byte| byte.is_ascii_digit())
}

/// A LIKE pattern for texts that contain a word.
fn contains(word: &str) -> String {
    let escaped = word
        .replace('\\', "\\\\")
        .replace('%', "\\%")
        .replace('_', "\\_");
    format!("%{escaped}%")
}

/// A word with each pair of neighbouring letters swapped.
fn swapped(word: &str) -> Vec<String> {
    let letters: Vec<char> = word.chars().collect();
    if !(MIN_TELLING_CHARS..=MAX_SWAPPED_CHARS).contains(&letters.len()) {
        return Vec::new();
    }
    (1..letters.len())
        .filter(|&index| letters[index] != letters[index - 1])
        .map(|index| {
            let mut turned = letters.clone();
            turned.swap(index - 1, index);
            turned.into_iter().collect()
        })
        .collect()
}

/// Products that a text may mean, best first.
pub async fn find(app: &App, text: &str, page: u32) -> Result<Arc<Found>, Unreadable> {
    let query = Query::new(text);
    if query.words.is_empty() {
        return Ok(Arc::new(Found::default()));
    }
    let offset = offset(page);
    let key = format!("search:{offset}:{}", query.text);
    cached(app, &key, |pool| {
        let query = &query;
        async move {
            let (found, version) = by_words(&pool, query, offset).await?;
            if found.fit.is_some() {
                return Ok((found, version));
            }
            let (found, version) = alike(&pool, query, offset).await?;
            if found.fit.is_some() {
                return Ok((found, version));
            }
            match query.loose() {
                Some(pattern) => loosely(&pool, query, &pattern, offset).await,
                None => Ok((found, version)),
            }
        }
    })
    .await
}

/// A card with how well it fits.
#[derive(Debug, Deserialize)]
struct Hit {
    #[serde(flatten)]
    card: Card,
    score: f32,
}

/// Makes a page of hits; `fit` rates the best one's score.
fn found(hits: Vec<Hit>, fit: impl Fn(f32) -> Fit) -> Found {
    Found {
        fit: hits.first().map(|hit| fit(hit.score)),
        page: Page::of(hits.into_iter().map(|hit| hit.card).collect()),
    }
}

/// Codes, beginnings of codes, and names with all the words in them.
async fn by_words(pool: &PgPool, query: &Query, offset: i64) -> sqlx::Result<(Found, i64)> {
    let row = sqlx::query!(
        r#"
        SELECT version.version, (
            SELECT coalesce(jsonb_agg(to_jsonb(c) || jsonb_build_object(
                       'score', best.score, 'sku', coalesce(best.sku, c.sku))
                       ORDER BY best.score DESC, c.position, c.id), '[]')
            FROM (
                SELECT hit.id, max(hit.score) AS score, min(hit.sku) AS sku
                FROM (
                    SELECT v.product_id AS id, v.sku, 3::real AS score
                    FROM variant v WHERE v.sku = $1 AND v.active
                    UNION ALL
                    SELECT v.product_id, v.sku, 2::real
                    FROM variant v WHERE v.sku LIKE $2 AND v.active
                    UNION ALL
                    SELECT p.id, NULL, CASE WHEN $3 IN (lower(p.name_id), lower(p.name_en))
                                            THEN 2.5 ELSE word_similarity($3, p.search) END
                    FROM product p
                    WHERE p.active AND p.search LIKE $4 AND p.search LIKE ALL ($5::text[])
                      AND p.search ~ ALL ($6::text[])
                ) hit
                JOIN product p ON p.id = hit.id
                GROUP BY hit.id, p.position
                ORDER BY max(hit.score) DESC, p.position, hit.id LIMIT $7 OFFSET $8
            ) best
            JOIN product_card c ON c.id = best.id
        ) AS "hits!: Json<Vec<Hit>>"
        FROM catalog_version version WHERE version.tag = 'produk'
        "#,
        query.code,
        query.code_prefix(),
        query.text,
        query.longest(),
        &query.contained(),
        &query.numbers(),
        ROWS_READ,
        offset,
    )
    .fetch_one(pool)
    .await?;
    let fit = |score| if score > 2.1 { Fit::Exact } else { Fit::Words };
    Ok((found(row.hits.0, fit), row.version))
}

/// Names that are like the words.
async fn alike(pool: &PgPool, query: &Query, offset: i64) -> sqlx::Result<(Found, i64)> {
    let mut tx = pool.begin().await?;
    // The operator that an index serves takes its threshold from a setting.
    sqlx::query!(
        "SELECT set_config('pg_trgm.word_similarity_threshold', $1, true)",
        LEAST_SIMILARITY
    )
    .fetch_one(&mut *tx)
    .await?;
    let row = sqlx::query!(
        r#"
        SELECT version.version, (
            SELECT coalesce(jsonb_agg(to_jsonb(c) || jsonb_build_object('score', best.score)
                       ORDER BY best.score DESC, c.position, c.id), '[]')
            FROM (
                SELECT p.id, word_similarity($1, p.search) AS score
                FROM product p WHERE p.active AND $1 <% p.search
                ORDER BY score DESC, p.position, p.id LIMIT $2 OFFSET $3
            ) best
            JOIN product_card c ON c.id = best.id
        ) AS "hits!: Json<Vec<Hit>>"
        FROM catalog_version version WHERE version.tag = 'produk'
        "#,
        query.text,
        ROWS_READ,
        offset,
    )
    .fetch_one(&mut *tx)
    .await?;
    tx.commit().await?;
    Ok((
        found(row.hits.0, |score| Fit::Alike(percent(score))),
        row.version,
    ))
}

/// Names with a word that matches `pattern`, those most like the whole query first.
async fn loosely(
    pool: &PgPool,
    query: &Query,
    pattern: &str,
    offset: i64,
) -> sqlx::Result<(Found, i64)> {
    let row = sqlx::query!(
        r#"
        SELECT version.version, (
            SELECT coalesce(jsonb_agg(to_jsonb(c) || jsonb_build_object('score', best.score)
                       ORDER BY best.score DESC, c.position, c.id), '[]')
            FROM (
                SELECT p.id, word_similarity($1, p.search) AS score
                FROM product p WHERE p.active AND p.search ~ $2
                ORDER BY score DESC, p.position, p.id LIMIT $3 OFFSET $4
            ) best
            JOIN product_card c ON c.id = best.id
        ) AS "hits!: Json<Vec<Hit>>"
        FROM catalog_version version WHERE version.tag = 'produk'
        "#,
        query.text,
        pattern,
        ROWS_READ,
        offset,
    )
    .fetch_one(pool)
    .await?;
    let is_swapped = query.words.len() == 1;
    let fit = |_| {
        if is_swapped {
            Fit::Alike(60)
        } else {
            Fit::Some
        }
    };
    Ok((found(row.hits.0, fit), row.version))
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a similarity lies between 0 and 1"
)]
fn percent(similarity: f32) -> u8 {
    (similarity.clamp(0.0, 1.0) * 100.0).round() as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_is_taken_apart() {
        let query = Query::new("  Kopi, GAYO 250 g! ");
        assert_eq!(query.words, ["kopi", "gayo", "250", "g"]);
        assert_eq!(query.longest(), "%gayo%");
        assert_eq!(query.contained(), ["%kopi%", "%gayo%", "%g%"]);
        assert_eq!(query.numbers(), ["\\m250(?![0-9])"]);
        assert_eq!(query.code, None);
        let code = Query::new("kopi-0");
        assert_eq!(code.code_prefix().as_deref(), Some("KOPI-0%"));
        assert_eq!(Query::new("kopi").code_prefix(), None);
        assert_eq!(Query::new("5%_").longest(), "%5%");
        assert!(Query::new("?!").words.is_empty());
    }

    #[test]
    fn swapped_letters_are_swapped_back() {
        assert_eq!(swapped("kpoi"), ["pkoi", "kopi", "kpio"]);
        assert!(swapped("abc").is_empty());
        let pattern = Query::new("kpoi").loose().unwrap();
        assert_eq!(pattern, "\\m(pkoi|kopi|kpio)");
        // Short words tell nothing, and signs would be read as part of the pattern.
        assert_eq!(Query::new("yg a.b.c").loose(), None);
        assert_eq!(
            Query::new("kopi yg enak").loose().as_deref(),
            Some("\\m(kopi|enak)")
        );
    }
}
