//! What is for sale, read through the two-tier cache: every value carries the catalogue version of
//! the snapshot it was read in, so that no cache serves what a change has overtaken.
//!
//! Stock is not part of cached values. It is read as it is, one query a page; buying never relies
//! on what was shown.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use sqlx::{PgConnection, PgPool, types::Json};
use warung_domain::{
    catalog::{CategorySlug, ProductKind, Sku, price_for},
    language::Language,
    money::Rupiah,
    role::Role,
};

use crate::app::App;

/// The tag of everything a customer can browse: the cache's, and the row of `catalog_version`.
const TAG: &str = "produk";
/// Rows of a page that has a next one; the tenth row of a list leads there.
pub const PAGE_ROWS: usize = 9;
/// The last page anybody sees: who has turned so many pages is better served by a search.
pub const MAX_PAGE: u32 = 200;
/// Products whose words are kept apart from commands.
const VOCABULARY_PRODUCTS: i64 = 2000;

/// A category with something for sale in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Category {
    /// Its short name.
    pub slug: CategorySlug,
    /// Indonesian name.
    pub name_id: String,
    /// English name.
    pub name_en: String,
    /// Shown before the name; may be empty.
    pub emoji: String,
    /// Products for sale.
    pub products: u32,
}

/// A product as a list shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Card {
    /// Row id of the product.
    pub id: i64,
    /// Indonesian name.
    pub name_id: String,
    /// English name.
    pub name_en: String,
    /// Shipped or sent in the chat.
    pub kind: ProductKind,
    /// Code of the first variant.
    pub sku: Sku,
    /// The lowest price of a variant.
    pub price: Rupiah,
    /// The lowest price of a variant for resellers.
    pub reseller_price: Rupiah,
    /// Row ids of the variants for sale.
    pub variant_ids: Vec<i64>,
}

/// One page of cards.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Page {
    /// At most ten.
    pub cards: Vec<Card>,
    /// Whether there are more.
    pub more: bool,
}

/// A product with everything its own message shows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Product {
    /// Row id.
    pub id: i64,
    /// Indonesian name.
    pub name_id: String,
    /// English name.
    pub name_en: String,
    /// Indonesian description; may be empty.
    pub description_id: String,
    /// English description; may be empty.
    pub description_en: String,
    /// Shipped or sent in the chat.
    pub kind: ProductKind,
    /// Digest of the picture.
    pub image: Option<String>,
    /// The category.
    pub category: CategorySlug,
    /// What of it is for sale, in order; at least one.
    pub variants: Vec<Variant>,
}

/// One form in which a product is sold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Variant {
    /// Row id.
    pub id: i64,
    /// Its code.
    pub sku: Sku,
    /// What tells it from the others, in Indonesian; may be empty.
    pub label_id: String,
    /// The same in English.
    pub label_en: String,
    /// Price of one.
    pub price: Rupiah,
    /// Price of one for resellers.
    pub reseller_price: Rupiah,
}

/// A variant as it is sold this moment: never from a cache.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    /// Row id.
    pub variant_id: i64,
    /// Its code.
    pub sku: Sku,
    /// Indonesian name, with the variant's label.
    pub name_id: String,
    /// English name, with the variant's label.
    pub name_en: String,
    /// Shipped or sent in the chat.
    pub kind: ProductKind,
    /// Price of one.
    pub price: Rupiah,
    /// Price of one for resellers.
    pub reseller_price: Rupiah,
    /// How many nobody has bought or reserved.
    pub available: u32,
}

/// The catalogue could not be read.
#[derive(Debug, thiserror::Error)]
#[error("the catalogue cannot be read")]
pub struct Unreadable(#[source] Arc<sqlx::Error>);

/// The one of two texts that is in a language; the other where it is empty.
pub fn in_language<'a>(language: Language, indonesian: &'a str, english: &'a str) -> &'a str {
    match language {
        Language::En if !english.is_empty() => english,
        Language::Id if indonesian.is_empty() => english,
        _ => indonesian,
    }
}

impl Category {
    /// Its name in a language.
    pub fn name(&self, language: Language) -> &str {
        in_language(language, &self.name_id, &self.name_en)
    }

    /// How many pages it has, at least one.
    pub fn pages(&self) -> u32 {
        pages(self.products)
    }
}

impl Card {
    /// Its name in a language.
    pub fn name(&self, language: Language) -> &str {
        in_language(language, &self.name_id, &self.name_en)
    }

    /// What somebody pays for its cheapest variant.
    pub fn price_for(&self, role: Role) -> Rupiah {
        price_for(role, self.price, Some(self.reseller_price))
    }
}

impl Product {
    /// Its name in a language.
    pub fn name(&self, language: Language) -> &str {
        in_language(language, &self.name_id, &self.name_en)
    }

    /// Its description in a language; may be empty.
    pub fn description(&self, language: Language) -> &str {
        in_language(language, &self.description_id, &self.description_en)
    }
}

impl Variant {
    /// What tells it from the others, in a language; may be empty.
    pub fn label(&self, language: Language) -> &str {
        in_language(language, &self.label_id, &self.label_en)
    }

    /// What somebody pays for one.
    pub fn price_for(&self, role: Role) -> Rupiah {
        price_for(role, self.price, Some(self.reseller_price))
    }
}

impl Offer {
    /// Its name in a language.
    pub fn name(&self, language: Language) -> &str {
        in_language(language, &self.name_id, &self.name_en)
    }

    /// What somebody pays for one.
    pub fn price_for(&self, role: Role) -> Rupiah {
        price_for(role, self.price, Some(self.reseller_price))
    }
}

impl Page {
    /// One page of rows that were read one beyond a full list: ten that are the last ten fit a
    /// list, of more the first nine are shown.
    pub(super) fn of(mut cards: Vec<Card>) -> Self {
        let more = cards.len() > PAGE_ROWS + 1;
        if more {
            cards.truncate(PAGE_ROWS);
        }
        Self { cards, more }
    }
}

/// Rows read for one page: one more than a list has, to know whether there is a next page.
pub(super) const ROWS_READ: i64 = 11;

/// How many rows stand before a page, counted from 1.
pub(super) fn offset(page: u32) -> i64 {
    let before = page.clamp(1, MAX_PAGE) - 1;
    i64::from(before) * 9
}

/// How many pages so many products fill: the last one may hold ten.
fn pages(products: u32) -> u32 {
    products.saturating_sub(1).div_ceil(9).clamp(1, MAX_PAGE)
}

/// Reads a value of the catalogue through the cache. The loader returns the value and the version
/// read with it.
pub(super) async fn cached<T, F, Fut>(app: &App, key: &str, loader: F) -> Result<Arc<T>, Unreadable>
where
    T: Serialize + DeserializeOwned + Send + Sync + 'static,
    F: Fn(PgPool) -> Fut,
    Fut: Future<Output = sqlx::Result<(T, i64)>>,
{
    let load = || {
        let loading = loader(app.pool.clone());
        async {
            let (value, version) = loading.await?;
            Ok::<_, sqlx::Error>((value, u64::try_from(version).unwrap_or_default()))
        }
    };
    let cache = app.coordination.cache();
    cache.get_or_load(TAG, key, load).await.map_err(Unreadable)
}

/// Categories that have something for sale, in the shop's order.
pub async fn categories(app: &App) -> Result<Arc<Vec<Category>>, Unreadable> {
    cached(app, "categories", |pool| async move {
        let row = sqlx::query!(
            r#"
            SELECT version.version, (
                SELECT coalesce(jsonb_agg(to_jsonb(c) ORDER BY c.position, c.slug), '[]')
                FROM (
                    SELECT c.slug, c.name_id, c.name_en, c.emoji, c.position, counted.products
                    FROM category c
                    JOIN (SELECT p.category_id, count(*) AS products FROM product p
                          WHERE p.active GROUP BY p.category_id) counted
                    ON counted.category_id = c.id
                ) c
            ) AS "categories!: Json<Vec<Category>>"
            FROM catalog_version version WHERE version.tag = 'produk'
            "#
        )
        .fetch_one(&pool)
        .await?;
        Ok((row.categories.0, row.version))
    })
    .await
}

/// A page of one category, in the shop's order. Empty for an unknown category.
pub async fn products(
    app: &App,
    category: &CategorySlug,
    page: u32,
) -> Result<Arc<Page>, Unreadable> {
    let (slug, offset) = (category.as_str(), offset(page));
    cached(app, &format!("list:{slug}:{offset}"), |pool| async move {
        let row = sqlx::query!(
            r#"
            SELECT version.version, (
                SELECT coalesce(jsonb_agg(to_jsonb(c) ORDER BY c.position, c.id), '[]')
                FROM (
                    SELECT * FROM product_card
                    WHERE category_id = (SELECT id FROM category WHERE slug = $1)
                    ORDER BY position, id LIMIT $2 OFFSET $3
                ) c
            ) AS "cards!: Json<Vec<Card>>"
            FROM catalog_version version WHERE version.tag = 'produk'
            "#,
            slug,
            ROWS_READ,
            offset,
        )
        .fetch_one(&pool)
        .await?;
        Ok((Page::of(row.cards.0), row.version))
    })
    .await
}

/// The product that has a code, if it is for sale.
pub async fn product(app: &App, sku: &Sku) -> Result<Arc<Option<Product>>, Unreadable> {
    let sku = sku.as_str();
    cached(app, &format!("detail:{sku}"), |pool| async move {
        let row = sqlx::query!(
            r#"
            SELECT version.version, (
                SELECT jsonb_build_object(
                    'id', p.id, 'name_id', p.name_id, 'name_en', p.name_en,
                    'description_id', p.description_id, 'description_en', p.description_en,
                    'kind', p.kind, 'image', p.image, 'category', c.slug,
                    'variants', (SELECT jsonb_agg(to_jsonb(v) ORDER BY v.position, v.id)
                                 FROM variant v WHERE v.product_id = p.id AND v.active))
                FROM product p JOIN category c ON c.id = p.category_id
                WHERE p.active AND p.id =
                    (SELECT v.product_id FROM variant v WHERE v.sku = $1 AND v.active)
            ) AS "product: Json<Product>"
            FROM catalog_version version WHERE version.tag = 'produk'
            "#,
            sku,
        )
        .fetch_one(&pool)
        .await?;
        Ok((row.product.map(|product| product.0), row.version))
    })
    .await
}

/// Words of product names in small letters, so that none is taken for a mistyped command. Of a very
/// large catalogue, those of its first products.
pub async fn vocabulary(app: &App) -> Result<Arc<HashSet<String>>, Unreadable> {
    cached(app, "vocabulary", |pool| async move {
        let row = sqlx::query!(
            r#"
            SELECT version.version, (
                SELECT array_agg(DISTINCT word)
                FROM (SELECT search FROM product WHERE active
                      ORDER BY id LIMIT $1) p,
                     regexp_split_to_table(p.search, '[^[:alnum:]]+') AS word
                WHERE length(word) > 2
            ) AS words
            FROM catalog_version version WHERE version.tag = 'produk'
            "#,
            VOCABULARY_PRODUCTS,
        )
        .fetch_one(&pool)
        .await?;
        let words = row.words.unwrap_or_default();
        Ok((words.into_iter().collect(), row.version))
    })
    .await
}

/// How many of each variant nobody has bought or reserved, as of now.
pub async fn stock(
    connection: &mut PgConnection,
    variant_ids: &[i64],
) -> sqlx::Result<HashMap<i64, u32>> {
    let rows = sqlx::query!(
        r#"SELECT variant_id, on_hand - reserved AS "available!" FROM stock_item
           WHERE variant_id = ANY($1)"#,
        variant_ids,
    )
    .fetch_all(connection)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| (row.variant_id, u32::try_from(row.available).unwrap_or(0)))
        .collect())
}

/// Variants as they are sold this moment, in the order of their codes; those that are not for sale
/// are left out.
pub async fn offers(connection: &mut PgConnection, skus: &[Sku]) -> sqlx::Result<Vec<Offer>> {
    let skus: Vec<String> = skus.iter().map(Sku::to_string).collect();
    let rows = sqlx::query!(
        r#"
        SELECT v.id, v.sku, v.label_id, v.label_en, v.price, v.reseller_price,
               p.name_id, p.name_en, p.kind, s.on_hand - s.reserved AS "available!"
        FROM variant v
        JOIN product p ON p.id = v.product_id
        JOIN stock_item s ON s.variant_id = v.id
        WHERE v.sku = ANY($1) AND v.active AND p.active
        ORDER BY v.sku
        "#,
        &skus,
    )
    .fetch_all(connection)
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok(Offer {
                variant_id: row.id,
                sku: Sku::parse(&row.sku).map_err(|_| unexpected("variant.sku", row.id))?,
                name_id: full_name(&row.name_id, &row.label_id),
                name_en: full_name(&row.name_en, &row.label_en),
                kind: ProductKind::parse(&row.kind)
                    .ok_or_else(|| unexpected("product.kind", row.id))?,
                price: Rupiah::new(row.price).ok_or_else(|| unexpected("price", row.id))?,
                reseller_price: Rupiah::new(row.reseller_price)
                    .ok_or_else(|| unexpected("reseller_price", row.id))?,
                available: u32::try_from(row.available).unwrap_or(0),
            })
        })
        .collect()
}

/// A product's name with what tells the variant from others.
pub fn full_name(name: &str, label: &str) -> String {
    if label.is_empty() {
        name.to_owned()
    } else {
        format!("{name} ({label})")
    }
}

/// A column that holds what the migrations forbid.
pub(super) fn unexpected(column: &str, id: i64) -> sqlx::Error {
    sqlx::Error::Decode(format!("{column} of row {id}").into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn card(id: i64) -> Card {
        Card {
            id,
            name_id: "Kopi".to_owned(),
            name_en: String::new(),
            kind: ProductKind::Physical,
            sku: Sku::parse("KOPI-01").unwrap(),
            price: Rupiah::new(12_000).unwrap(),
            reseller_price: Rupiah::new(11_000).unwrap(),
            variant_ids: vec![id],
        }
    }

    #[test]
    fn ten_products_fill_one_list_and_eleven_make_two() {
        let page = |products| Page::of((0..products).map(card).collect());
        assert_eq!((page(10).cards.len(), page(10).more), (10, false));
        assert_eq!((page(11).cards.len(), page(11).more), (9, true));
        assert_eq!([pages(0), pages(1), pages(10), pages(11)], [1, 1, 1, 2]);
        // Nine and ten: the second page still fits.
        assert_eq!([pages(19), pages(20)], [2, 3]);
        assert_eq!((offset(0), offset(1), offset(3)), (0, 0, 18));
        assert_eq!(offset(u32::MAX), 9 * 199);
    }

    #[test]
    fn a_text_missing_in_one_language_is_told_in_the_other() {
        assert_eq!(card(1).name(Language::En), "Kopi");
        assert_eq!(in_language(Language::Id, "", "Coffee"), "Coffee");
        assert_eq!(in_language(Language::En, "Kopi", "Coffee"), "Coffee");
    }
}
