//! Finding products by code or by words, typos forgiven.
//!
//! Steps, each only when those before found nothing: every word stands in the name; the name is
//! very like the words by trigrams (`pg_trgm`); one letter of one word is wrong; the name is
//! somewhat like the words; some of the words stand in it. Each step begins at an index.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use sqlx::{PgPool, types::Json};
use warung_domain::catalog::Sku;

use super::catalog::{Card, Page, ROWS_READ, Unreadable, cached, offset};
use crate::app::App;

/// Similarity (of `word_similarity`) from which a name is very like the words: found fast.
const VERY_ALIKE: &str = "0.6";
/// Similarity below which a name is not like the words at all.
const SOMEWHAT_ALIKE: &str = "0.4";
/// Similarity in percent from which a name surely is what the words mean.
const SURE_PERCENT: u8 = 60;
/// Words of a query that count; more only describe.
const MAX_WORDS: usize = 8;
/// Longest word in which one wrong letter is looked for, in characters.
const MAX_MISTYPED_CHARS: usize = 12;
/// Shortest word that alone may bring up a product, in characters.
const MIN_TELLING_CHARS: usize = 4;
/// Names that are ranked when only a pattern found them; more are all alike.
const RANKED: i64 = 300;

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

    /// The query as the beginning of a code, if it looks like one.
    fn code_prefix(&self) -> Option<String> {
        let looks_like_one = |code: &&String| {
            code.contains('-') || code.bytes().any(|byte| byte.is_ascii_digit()) && code.len() > 2
        };
        let code = self.code.as_ref().filter(looks_like_one)?;
        Some(code.clone())
    }

    /// A regular expression for the words that the only word may have been meant to be.
    fn mistyped(&self) -> Option<String> {
        let [word] = self.words.as_slice() else {
            return None;
        };
        let meant = one_letter_away(word);
        (!meant.is_empty()).then(|| format!("\\m({})\\M", meant.join("|")))
    }

    /// A regular expression for any of several words that tell something.
    fn any_word(&self) -> Option<String> {
        let tells = |word: &&String| {
            word.chars().count() >= MIN_TELLING_CHARS && word.chars().all(char::is_alphanumeric)
        };
        let words: Vec<&str> = self
            .words
            .iter()
            .filter(tells)
            .map(String::as_str)
            .collect();
        let has_several = self.words.len() > 1 && !words.is_empty();
        has_several.then(|| format!("\\m({})", words.join("|")))
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

/// Patterns for words with two neighbouring letters of this one swapped, or one replaced.
fn one_letter_away(word: &str) -> Vec<String> {
    let letters: Vec<char> = word.chars().collect();
    if !(MIN_TELLING_CHARS..=MAX_MISTYPED_CHARS).contains(&letters.len())
        || !letters.iter().all(|letter| letter.is_alphabetic())
    {
        return Vec::new();
    }
    let swapped = (1..letters.len())
        .filter(|&index| letters[index] != letters[index - 1])
        .map(|index| {
            let mut turned = letters.clone();
            turned.swap(index - 1, index);
            turned
        });
    let replaced = (0..letters.len()).map(|index| {
        let mut open = letters.clone();
        // Any one character, in a pattern.
        open[index] = '.';
        open
    });
    swapped
        .chain(replaced)
        .map(|letters| letters.into_iter().collect())
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
            let (found, version) = alike(&pool, query, VERY_ALIKE, offset).await?;
            if found.fit.is_some() {
                return Ok((found, version));
            }
            if let Some(pattern) = query.mistyped() {
                let fit = Fit::Alike(SURE_PERCENT);
                let (found, version) = matching(&pool, query, &pattern, fit, offset).await?;
                if found.fit.is_some() {
                    return Ok((found, version));
                }
            }
            let (found, version) = alike(&pool, query, SOMEWHAT_ALIKE, offset).await?;
            match query.any_word() {
                Some(pattern) if found.fit.is_none() => {
                    matching(&pool, query, &pattern, Fit::Some, offset).await
                }
                _ => Ok((found, version)),
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
                    FROM variant v WHERE v.sku >= $2 AND v.sku < $2 || '~' AND v.active
                    UNION ALL
                    SELECT p.id, NULL,
                           CASE WHEN $3 IN (lower(p.name_id), lower(p.name_en)) THEN 2.5
                                WHEN starts_with(p.search, $3) THEN 1.5
                                WHEN strpos(p.search, ' ' || $3) > 0 THEN 1.2
                                ELSE 1 END
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

/// Names that are at least so like the words.
async fn alike(
    pool: &PgPool,
    query: &Query,
    least: &str,
    offset: i64,
) -> sqlx::Result<(Found, i64)> {
    let mut tx = super::begin(pool).await?;
    // The operator that an index serves takes its threshold from a setting.
    sqlx::query!(
        "SELECT set_config('pg_trgm.word_similarity_threshold', $1, true)",
        least
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
async fn matching(
    pool: &PgPool,
    query: &Query,
    pattern: &str,
    fit: Fit,
    offset: i64,
) -> sqlx::Result<(Found, i64)> {
    let row = sqlx::query!(
        r#"
        SELECT version.version, (
            SELECT coalesce(jsonb_agg(to_jsonb(c) || jsonb_build_object('score', best.score)
                       ORDER BY best.score DESC, c.position, c.id), '[]')
            FROM (
                SELECT p.id, word_similarity($1, p.search) AS score
                FROM (SELECT * FROM product WHERE active AND search ~ $2 LIMIT $5) p
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
        RANKED,
    )
    .fetch_one(pool)
    .await?;
    Ok((found(row.hits.0, |_| fit), row.version))
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
        assert_eq!(code.code_prefix().as_deref(), Some("KOPI-0"));
        assert_eq!(Query::new("kopi").code_prefix(), None);
        assert_eq!(Query::new("5%_").longest(), "%5%");
        assert!(Query::new("?!").words.is_empty());
    }

    #[test]
    fn one_wrong_letter_is_looked_for_in_one_word() {
        assert_eq!(
            one_letter_away("kpoi"),
            ["pkoi", "kopi", "kpio", ".poi", "k.oi", "kp.i", "kpo."]
        );
        assert!(one_letter_away("teh").is_empty());
        assert!(one_letter_away("a+b+c").is_empty());
        assert!(Query::new("kpoi gayo").mistyped().is_none());
        let pattern = Query::new("kpoi").mistyped().unwrap();
        assert!(pattern.starts_with("\\m(pkoi|") && pattern.ends_with(")\\M"));
    }

    #[test]
    fn short_words_tell_nothing_alone() {
        let pattern = |text| Query::new(text).any_word();
        assert_eq!(pattern("kopi yg enak").as_deref(), Some("\\m(kopi|enak)"));
        assert_eq!(pattern("yg a.b.c"), None);
        assert_eq!(pattern("kopi"), None);
    }
}
