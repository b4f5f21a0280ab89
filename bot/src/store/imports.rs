//! Taking over a catalogue: reads what the shop has, and writes a plan with a statement a table.

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use warung_domain::{
    catalog::{ProductKind, Sku},
    money::Rupiah,
};

use super::catalog::unexpected;
use crate::import::{
    Catalogue, CategoryRow, Picture, Row,
    plan::{Existing, Plan, Product, Products},
};

/// Lets only one import run at a time until the transaction ends.
pub async fn lock(connection: &mut PgConnection) -> sqlx::Result<()> {
    sqlx::query!("SELECT pg_advisory_xact_lock(hashtextextended('import of products', 0))")
        .fetch_one(connection)
        .await?;
    Ok(())
}

/// The variants that a catalogue names, as the shop has them. Their stock stays locked, in the
/// order of their codes, until the transaction ends.
pub async fn existing(connection: &mut PgConnection, rows: &[Row]) -> sqlx::Result<Vec<Existing>> {
    let skus: Vec<String> = rows.iter().map(|row| row.sku.to_string()).collect();
    let rows = sqlx::query!(
        r#"
        SELECT v.sku, v.product_id, c.slug, p.name_id, p.name_en, v.label_id, v.label_en,
               p.description_id, p.description_en, p.kind, p.image, v.price, v.reseller_price,
               v.weight_grams, v.active AND p.active AS "active!", s.on_hand, s.reserved
        FROM variant v
        JOIN product p ON p.id = v.product_id
        JOIN category c ON c.id = p.category_id
        JOIN stock_item s ON s.variant_id = v.id
        WHERE v.sku = ANY($1)
        ORDER BY v.sku
        FOR UPDATE OF s
        "#,
        &skus,
    )
    .fetch_all(connection)
    .await?;
    rows.into_iter()
        .map(|row| {
            let rupiah =
                |amount| Rupiah::new(amount).ok_or_else(|| unexpected("price", row.product_id));
            Ok(Existing {
                sku: Sku::parse(&row.sku).map_err(|_| unexpected("sku", row.product_id))?,
                product_id: row.product_id,
                category: row.slug,
                name_id: row.name_id,
                name_en: row.name_en,
                label_id: row.label_id,
                label_en: row.label_en,
                description_id: row.description_id,
                description_en: row.description_en,
                kind: kind(&row.kind, row.product_id)?,
                image: row.image,
                price: rupiah(row.price)?,
                reseller_price: rupiah(row.reseller_price)?,
                weight_grams: row.weight_grams,
                active: row.active,
                on_hand: row.on_hand,
                reserved: row.reserved,
            })
        })
        .collect()
}

/// The shop's products that have a category and name of the catalogue.
pub async fn products(connection: &mut PgConnection, rows: &[Row]) -> sqlx::Result<Products> {
    let slugs: Vec<String> = rows.iter().map(|row| row.category.to_string()).collect();
    let names: Vec<String> = rows.iter().map(|row| row.name_id.clone()).collect();
    let rows = sqlx::query!(
        "SELECT DISTINCT p.id, p.kind, c.slug, p.name_id
         FROM UNNEST($1::text[], $2::text[]) AS wanted (slug, name_id)
         JOIN category c ON c.slug = wanted.slug
         JOIN product p ON p.category_id = c.id AND p.name_id = wanted.name_id",
        &slugs,
        &names,
    )
    .fetch_all(connection)
    .await?;
    rows.into_iter()
        .map(|row| Ok(((row.slug, row.name_id), (row.id, kind(&row.kind, row.id)?))))
        .collect()
}

fn kind(stored: &str, id: i64) -> sqlx::Result<ProductKind> {
    ProductKind::parse(stored).ok_or_else(|| unexpected("product.kind", id))
}

/// Writes what a plan says. The stock of all rows that the shop has must be locked by
/// [`existing`].
pub async fn apply(
    connection: &mut PgConnection,
    catalogue: &Catalogue,
    plan: &Plan,
    actor: &str,
    now: DateTime<Utc>,
) -> sqlx::Result<()> {
    categories(connection, &catalogue.categories, &plan.products).await?;
    pictures(connection, &catalogue.pictures).await?;
    let ids = write_products(connection, &plan.products).await?;
    write_variants(connection, &catalogue.rows, &plan.products, &ids).await?;
    set_stock(connection, catalogue, plan, actor, now).await?;
    retire_empty(connection).await
}

/// Categories as named; those that only products name are called by their short name.
async fn categories(
    connection: &mut PgConnection,
    named: &[CategoryRow],
    products: &[Product],
) -> sqlx::Result<()> {
    let column = |text: fn(&CategoryRow) -> &str| -> Vec<String> {
        named.iter().map(|row| text(row).to_owned()).collect()
    };
    sqlx::query!(
        "INSERT INTO category (slug, name_id, name_en, emoji, position)
         SELECT slug, name_id, name_en, emoji, place::int
         FROM UNNEST($1::text[], $2::text[], $3::text[], $4::text[]) WITH ORDINALITY
              AS named (slug, name_id, name_en, emoji, place)
         ON CONFLICT (slug) DO UPDATE
         SET name_id = excluded.name_id, name_en = excluded.name_en, emoji = excluded.emoji,
             position = excluded.position
         WHERE (category.name_id, category.name_en, category.emoji, category.position)
            <> (excluded.name_id, excluded.name_en, excluded.emoji, excluded.position)",
        &column(|row| row.slug.as_str()),
        &column(|row| &row.name_id),
        &column(|row| &row.name_en),
        &column(|row| &row.emoji),
    )
    .execute(&mut *connection)
    .await?;
    let slugs: Vec<String> = products.iter().map(|p| p.category.to_string()).collect();
    sqlx::query!(
        "INSERT INTO category (slug, name_id, name_en, position)
         SELECT slug, initcap(replace(slug, '-', ' ')), initcap(replace(slug, '-', ' ')),
                (SELECT coalesce(max(position), 0) FROM category) + min(place)::int
         FROM UNNEST($1::text[]) WITH ORDINALITY AS used (slug, place)
         GROUP BY slug
         ON CONFLICT (slug) DO NOTHING",
        &slugs,
    )
    .execute(connection)
    .await?;
    Ok(())
}

async fn pictures(
    connection: &mut PgConnection,
    pictures: &BTreeMap<String, Picture>,
) -> sqlx::Result<()> {
    for (digest, picture) in pictures {
        sqlx::query!(
            "INSERT INTO media (sha256, mime, bytes) VALUES ($1, $2, $3)
             ON CONFLICT (sha256) DO NOTHING",
            digest,
            picture.mime,
            picture.bytes,
        )
        .execute(&mut *connection)
        .await?;
    }
    Ok(())
}

/// Changes and makes products; returns the row id of each, in their order.
async fn write_products(
    connection: &mut PgConnection,
    products: &[Product],
) -> sqlx::Result<Vec<i64>> {
    let (known, new): (Vec<&Product>, Vec<&Product>) =
        products.iter().partition(|product| product.id.is_some());
    let columns = Columns::of(&known);
    sqlx::query!(
        "UPDATE product p
         SET category_id = c.id, name_id = w.name_id, name_en = w.name_en,
             description_id = w.description_id, description_en = w.description_en,
             image = w.image, active = true
         FROM UNNEST($1::bigint[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[],
                     $7::text[])
              AS w (id, slug, name_id, name_en, description_id, description_en, image)
         JOIN category c ON c.slug = w.slug
         WHERE p.id = w.id
           AND (p.category_id, p.name_id, p.name_en, p.description_id, p.description_en, p.image,
                p.active)
               IS DISTINCT FROM
               (c.id, w.name_id, w.name_en, w.description_id, w.description_en, w.image, true)",
        &columns.ids,
        &columns.slugs,
        &columns.names_id,
        &columns.names_en,
        &columns.descriptions_id,
        &columns.descriptions_en,
        &columns.images as &[Option<String>],
    )
    .execute(&mut *connection)
    .await?;
    let columns = Columns::of(&new);
    let rows = sqlx::query!(
        "INSERT INTO product (category_id, name_id, name_en, description_id, description_en, image,
                              kind, position)
         SELECT c.id, w.name_id, w.name_en, w.description_id, w.description_en, w.image, w.kind,
                (SELECT coalesce(max(position), 0) FROM product) + w.place::int
         FROM UNNEST($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[],
                     $7::text[]) WITH ORDINALITY
              AS w (slug, name_id, name_en, description_id, description_en, image, kind, place)
         JOIN category c ON c.slug = w.slug
         RETURNING id, category_id, name_id, (SELECT slug FROM category WHERE id = category_id)",
        &columns.slugs,
        &columns.names_id,
        &columns.names_en,
        &columns.descriptions_id,
        &columns.descriptions_en,
        &columns.images as &[Option<String>],
        &columns.kinds,
    )
    .fetch_all(connection)
    .await?;
    let made: HashMap<(Option<String>, String), i64> = rows
        .into_iter()
        .map(|row| ((row.slug, row.name_id), row.id))
        .collect();
    products
        .iter()
        .map(|product| {
            let key = (Some(product.category.to_string()), product.name_id.clone());
            let id = product.id.or_else(|| made.get(&key).copied());
            id.ok_or(sqlx::Error::RowNotFound)
        })
        .collect()
}

/// Products as columns of an array each.
#[derive(Default)]
struct Columns {
    ids: Vec<i64>,
    slugs: Vec<String>,
    names_id: Vec<String>,
    names_en: Vec<String>,
    descriptions_id: Vec<String>,
    descriptions_en: Vec<String>,
    images: Vec<Option<String>>,
    kinds: Vec<String>,
}

impl Columns {
    fn of(products: &[&Product]) -> Self {
        let mut columns = Self::default();
        for product in products {
            columns.ids.extend(product.id);
            columns.slugs.push(product.category.to_string());
            columns.names_id.push(product.name_id.clone());
            columns.names_en.push(product.name_en.clone());
            columns.descriptions_id.push(product.description_id.clone());
            columns.descriptions_en.push(product.description_en.clone());
            columns.images.push(product.image.clone());
            columns.kinds.push(product.kind.as_str().to_owned());
        }
        columns
    }
}

async fn write_variants(
    connection: &mut PgConnection,
    rows: &[Row],
    products: &[Product],
    ids: &[i64],
) -> sqlx::Result<()> {
    let mut product_ids = vec![0; rows.len()];
    let mut places = vec![0; rows.len()];
    for (product, id) in products.iter().zip(ids) {
        for (place, &index) in (1..).zip(&product.variants) {
            product_ids[index] = *id;
            places[index] = place;
        }
    }
    let text = |field: fn(&Row) -> &str| -> Vec<String> {
        rows.iter().map(|row| field(row).to_owned()).collect()
    };
    let prices: Vec<i64> = rows.iter().map(|row| row.price.get()).collect();
    let resellers: Vec<i64> = rows.iter().map(|row| row.reseller_price.get()).collect();
    let weights: Vec<i32> = rows.iter().map(|row| row.weight_grams).collect();
    sqlx::query!(
        "INSERT INTO variant (product_id, sku, label_id, label_en, price, reseller_price,
                              weight_grams, position)
         SELECT * FROM UNNEST($1::bigint[], $2::text[], $3::text[], $4::text[], $5::bigint[],
                              $6::bigint[], $7::int[], $8::int[])
         ON CONFLICT (sku) DO UPDATE
         SET product_id = excluded.product_id, label_id = excluded.label_id,
             label_en = excluded.label_en, price = excluded.price,
             reseller_price = excluded.reseller_price, weight_grams = excluded.weight_grams,
             active = true
         WHERE (variant.product_id, variant.label_id, variant.label_en, variant.price,
                variant.reseller_price, variant.weight_grams, variant.active)
            <> (excluded.product_id, excluded.label_id, excluded.label_en, excluded.price,
                excluded.reseller_price, excluded.weight_grams, true)",
        &product_ids,
        &text(|row| row.sku.as_str()),
        &text(|row| &row.label_id),
        &text(|row| &row.label_en),
        &prices,
        &resellers,
        &weights,
        &places,
    )
    .execute(&mut *connection)
    .await?;
    sqlx::query!(
        "INSERT INTO stock_item (variant_id)
         SELECT id FROM variant WHERE sku = ANY($1)
         ON CONFLICT (variant_id) DO NOTHING",
        &text(|row| row.sku.as_str()),
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Sets what is on hand by movements.
async fn set_stock(
    connection: &mut PgConnection,
    catalogue: &Catalogue,
    plan: &Plan,
    actor: &str,
    now: DateTime<Utc>,
) -> sqlx::Result<()> {
    let rows = || catalogue.rows.iter().zip(&plan.stocks);
    let given = || rows().filter_map(|(row, stock)| Some((&row.sku, (*stock)?)));
    let skus: Vec<String> = given().map(|(sku, _)| sku.to_string()).collect();
    let stocks: Vec<i32> = given().map(|(_, stock)| stock).collect();
    sqlx::query!(
        "WITH wanted AS (
             SELECT v.id, w.stock, w.stock - s.on_hand AS delta
             FROM UNNEST($1::text[], $2::int[]) AS w (sku, stock)
             JOIN variant v ON v.sku = w.sku
             JOIN stock_item s ON s.variant_id = v.id
             WHERE w.stock <> s.on_hand
         ), moved AS (
             INSERT INTO stock_movement (variant_id, delta, reason, actor, at)
             SELECT id, delta, 'import', $3, $4 FROM wanted
         )
         UPDATE stock_item s SET on_hand = wanted.stock FROM wanted WHERE s.variant_id = wanted.id",
        &skus,
        &stocks,
        actor,
        now,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Takes products off sale whose last variant went to another product.
async fn retire_empty(connection: &mut PgConnection) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE product p SET active = false
         WHERE p.active AND NOT EXISTS (SELECT FROM variant v WHERE v.product_id = p.id)"
    )
    .execute(connection)
    .await?;
    Ok(())
}
