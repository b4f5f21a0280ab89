use std::collections::HashMap;

use super::{
    plan::{Change, Existing, plan},
    *,
};

const HEADING: &str = "sku,category,name_id,name_en,description_id,description_en,price,\
                       reseller_price,stock,kind,weight_grams,image\n";
const KOPI: &str = "KOPI-01,kopi,Kopi Gayo,Gayo Coffee,,,85000,77000,40,physical,250,\n";

/// Reads a catalogue from memory.
fn read(rows: &str) -> Result<Catalogue, Vec<String>> {
    read_bytes(format!("{HEADING}{rows}").as_bytes())
}

fn read_bytes(bytes: &[u8]) -> Result<Catalogue, Vec<String>> {
    let mut faults = Vec::new();
    let mut album = Album::beside(Path::new(env!("CARGO_MANIFEST_DIR")));
    let rows = parse(bytes, "products.csv", &mut album, &mut faults);
    if faults.is_empty() {
        Ok(Catalogue {
            rows,
            categories: Vec::new(),
            pictures: album.into_pictures(),
        })
    } else {
        Err(faults.iter().map(Fault::to_string).collect())
    }
}

fn existing(row: &Row) -> Existing {
    Existing {
        sku: row.sku.clone(),
        product_id: 1,
        category: row.category.to_string(),
        name_id: row.name_id.clone(),
        name_en: row.name_en.clone(),
        label_id: row.label_id.clone(),
        label_en: row.label_en.clone(),
        description_id: row.description_id.clone(),
        description_en: row.description_en.clone(),
        kind: row.kind,
        image: row.image.clone(),
        price: row.price,
        reseller_price: row.reseller_price,
        weight_grams: row.weight_grams,
        active: true,
        on_hand: 40,
        reserved: 0,
    }
}

#[test]
fn every_fault_is_named_by_row_and_column_in_one_go() {
    let faults = read(
        "KOPI 01,Kopi & Teh,,Gayo,,,85.000,90000,-1,fisik,0.5,../secret.png\n\
         KOPI-02,kopi,Kopi|,Coffee,,,0,,1,physical,,none.png\n\
         KOPI-03,kopi,Kopi,Coffee,,,10,11,,physical,,Cargo.toml\n\
         DIGI-01,digital,E-Book,E-Book,,,35000,,5,digital,,\n\
         short,row\n\
         KOPI-05,kopi,Kopi Lima,Coffee Five,,,10,10,1,physical,1,\n\
         kopi-05,kopi,Kopi Lima Lagi,Coffee Five Again,,,10,10,1,physical,1,\n",
    )
    .unwrap_err();
    let whole = "must be whole rupiah from 1 to 20000000000, like 85000";
    let expected = [
        "row 2, column sku: must be 1 to 32 letters, digits and dashes".to_owned(),
        "row 2, column category: must be 1 to 32 small letters, digits and dashes".to_owned(),
        "row 2, column name_id: must not be empty".to_owned(),
        format!("row 2, column price: {whole}"),
        "row 2, column kind: must be physical or digital".to_owned(),
        "row 2, column stock: must be a whole number from 0 to 1000000".to_owned(),
        "row 2, column weight_grams: must be a whole number from 0 to 1000000".to_owned(),
        "row 2, column image: must be a path inside the file's directory".to_owned(),
        "row 3, column name_id: has nothing behind its |".to_owned(),
        format!("row 3, column price: {whole}"),
        "row 3, column image: cannot be read: No such file or directory (os error 2)".to_owned(),
        "row 4, column image: is neither PNG nor JPEG".to_owned(),
        "row 4, column reseller_price: must not be above the price".to_owned(),
        "row 5, column stock: must be empty: the stock of a digital product are its units"
            .to_owned(),
        "row 6: has 2 fields, but the heading has 12".to_owned(),
    ];
    for (fault, expected) in faults.iter().zip(&expected) {
        assert_eq!(fault, &format!("products.csv {expected}"));
    }
    assert!(faults.contains(&"products.csv row 8, column sku: stands in row 7 already".to_owned()));
}

#[test]
fn a_heading_is_checked_column_by_column() {
    let faults = read_bytes(b"sku,sku,harga\nKOPI-01,KOPI-01,1\n").unwrap_err();
    assert!(faults.contains(&"products.csv row 1, column sku: stands twice in the heading".into()));
    assert!(faults.contains(&"products.csv row 1, column harga: is no column of this file".into()));
    assert!(faults.contains(&"products.csv row 1, column price: is missing in the heading".into()));
    let faults = read_bytes(b"sku;category;price\n").unwrap_err();
    assert_eq!(
        faults,
        ["products.csv row 1: the columns must be separated by commas, not semicolons"]
    );
    // Spreadsheets put a mark before UTF-8 text, and blank rows behind it.
    let with_mark = format!("\u{feff}{HEADING}{KOPI},,,,,,,,,,,\n");
    assert_eq!(read_bytes(with_mark.as_bytes()).unwrap().rows.len(), 1);
}

#[test]
fn a_row_has_the_number_that_a_spreadsheet_gives_it() {
    let wrong = "kopi 1,kopi,Kopi,Coffee,,,1,,1,physical,,";
    for end in ["\n", "\r\n", "\r"] {
        let heading = HEADING.trim_end();
        let lines = [
            "",
            heading,
            "",
            "",
            &KOPI.trim_end().replace(",,,", ",\"Enak\n\nsekali\",,"),
            "",
            wrong,
        ];
        let faults = read_bytes(lines.join(end).as_bytes()).unwrap_err();
        let rows: Vec<&str> = faults.iter().filter_map(|f| f.split(',').next()).collect();
        assert_eq!(rows, ["products.csv row 7"], "{end:?}");
    }
    let faults = read_bytes(b"\xef\xbb\xbf\nsku\n").unwrap_err();
    assert!(faults[0].starts_with("products.csv row 2, column category"));
}

#[test]
fn text_that_is_not_utf8_is_a_fault_of_its_field_alone() {
    let mut bytes = HEADING.as_bytes().to_vec();
    bytes.extend(b"KOPI-01,kopi,Kopi \xff,Coffee,,,x,,1,physical,,\n");
    let faults = read_bytes(&bytes).unwrap_err();
    assert_eq!(faults.len(), 2, "{faults:?}");
    assert!(faults[0].contains("column name_id: is not UTF-8 text"));
    assert!(faults[1].contains("column price"));
}

#[test]
fn long_texts_are_refused_and_counted_in_characters() {
    let (name, text) = ("é".repeat(61), "x".repeat(701));
    let faults = read(&format!("A,kopi,{name},A,{text},,1,1,1,physical,,\n")).unwrap_err();
    assert!(faults[0].ends_with("name_id: has 61 characters, at most 60 fit"));
    assert!(faults[1].ends_with("description_id: has 701 characters, at most 700 fit"));
}

#[test]
fn rows_of_one_name_are_variants_of_one_product() {
    let catalogue = read(
        "GAYO-250,kopi,Kopi Gayo|250 g,Gayo Coffee|250 g,Enak,Nice,85000,,4,physical,,\n\
         GAYO-1000,kopi,Kopi Gayo|1 kg,Gayo Coffee|1 kg,,,300000,,4,physical,,\n\
         TEH,kopi,Teh,Tea,,,18000,,4,physical,,\n",
    )
    .unwrap();
    assert_eq!(catalogue.rows[1].label_en, "1 kg");
    assert_eq!(catalogue.rows[0].reseller_price, catalogue.rows[0].price);
    let plan = plan(&catalogue, "products.csv", &[], &HashMap::new(), false).unwrap();
    assert_eq!(plan.products.len(), 2);
    assert_eq!(plan.products[0].variants, [0, 1]);
    assert_eq!(plan.products[0].description_en, "Nice");
    assert_eq!(plan.changes, vec![Change::New; 3]);

    let faults = read(
        "A,kopi,Kopi Gayo|250 g,Gayo Coffee|250 g,Enak,,1,,4,physical,,\n\
         B,kopi,Kopi Gayo|250 g,Coffee|250 g,Lezat,,1,,,digital,,\n\
         C,kopi,Teh,Tea,,,1,,4,physical,,\n\
         D,kopi,Teh,Tea,,,1,,4,physical,,\n",
    )
    .unwrap_err();
    let columns: Vec<&str> = faults
        .iter()
        .filter_map(|fault| fault.split("column ").nth(1)?.split(':').next())
        .collect();
    assert_eq!(
        columns,
        ["name_en", "kind", "description_id", "name_id", "name_id"]
    );
}

#[test]
fn a_plan_says_what_would_change() {
    let catalogue = read(KOPI).unwrap();
    let row = &catalogue.rows[0];
    let no_products = HashMap::new();
    let same = plan(&catalogue, "f", &[existing(row)], &no_products, true).unwrap();
    assert_eq!(same.changes, [Change::Unchanged]);
    assert_eq!(same.products[0].id, Some(1));

    let old = Existing {
        price: Rupiah::new(80_000).unwrap(),
        on_hand: 38,
        name_id: "Kopi Aceh".to_owned(),
        active: false,
        ..existing(row)
    };
    let kept = plan(
        &catalogue,
        "f",
        std::slice::from_ref(&old),
        &no_products,
        false,
    )
    .unwrap();
    assert_eq!((kept.stocks, kept.stocks_kept), (vec![None], 1));
    let Change::Changed(columns) = &kept.changes[0] else {
        panic!("{:?}", kept.changes);
    };
    assert!(!columns.iter().any(|column| column.starts_with("stock")));

    let changed = plan(&catalogue, "f", &[old], &no_products, true).unwrap();
    assert_eq!((changed.stocks, changed.stocks_kept), (vec![Some(40)], 0));
    assert_eq!(
        changed.changes,
        [Change::Changed(vec![
            "name_id Kopi Aceh → Kopi Gayo".to_owned(),
            "price 80000 → 85000".to_owned(),
            "stock 38 → 40".to_owned(),
            "for sale again".to_owned(),
        ])]
    );
}

#[test]
fn a_plan_refuses_what_the_shop_s_orders_forbid() {
    let catalogue = read(KOPI).unwrap();
    let row = &catalogue.rows[0];
    let faults = |old: Existing| {
        let faults = plan(&catalogue, "f", &[old], &HashMap::new(), true).unwrap_err();
        faults[0].to_string()
    };
    let reserved = Existing {
        reserved: 41,
        on_hand: 50,
        ..existing(row)
    };
    assert_eq!(
        faults(reserved),
        "f row 2, column stock: open orders hold 41 of it"
    );
    let digital = Existing {
        kind: ProductKind::Digital,
        ..existing(row)
    };
    assert_eq!(
        faults(digital),
        "f row 2, column kind: cannot change: the shop has it as digital"
    );
    let without_stock = read(&KOPI.replace(",40,", ",,")).unwrap();
    let new = plan(&without_stock, "f", &[], &HashMap::new(), false).unwrap_err();
    assert_eq!(
        new[0].to_string(),
        "f row 2, column stock: is needed for a new product"
    );
    let kept = plan(&without_stock, "f", &[existing(row)], &HashMap::new(), true).unwrap();
    assert_eq!(kept.changes, [Change::Unchanged]);
}

#[test]
fn names_of_a_physical_and_a_digital_product_are_not_swapped() {
    let catalogue = read(KOPI).unwrap();
    let row = &catalogue.rows[0];
    let old = Existing {
        name_id: "E-Book".to_owned(),
        ..existing(row)
    };
    let taken = (row.category.to_string(), row.name_id.clone());
    let products = HashMap::from([(taken, (2, ProductKind::Digital))]);
    let faults = plan(&catalogue, "f", &[old], &products, false).unwrap_err();
    assert_eq!(
        faults[0].to_string(),
        "f row 2, column name_id: the shop has a digital product of this name"
    );
}

#[test]
fn the_demo_shop_s_catalogue_is_without_fault() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../demo/products.csv");
    let catalogue = super::read(&file).unwrap();
    assert_eq!((catalogue.rows.len(), catalogue.categories.len()), (30, 6));
    assert_eq!(catalogue.pictures.len(), 30);
}
