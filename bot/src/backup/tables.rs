//! What a database holds, table by table.

use std::collections::BTreeMap;

use sqlx::{AssertSqlSafe, PgConnection};

/// Tables with rows of their own, named and quoted as PostgreSQL would. Those of extensions are not
/// in a dump.
const TABLES: &str = "
    SELECT format('%I.%I', n.nspname, c.relname)
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind = 'r' AND c.relpersistence <> 't'
      AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
      AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass
                      AND d.objid = c.oid AND d.deptype = 'e')
    ORDER BY 1";

/// Names of all tables.
///
/// # Errors
/// The database's.
pub async fn tables(connection: &mut PgConnection) -> sqlx::Result<Vec<String>> {
    sqlx::query_scalar(TABLES).fetch_all(connection).await
}

/// Rows of each table, as the connection's transaction sees them.
///
/// # Errors
/// The database's.
pub async fn count(connection: &mut PgConnection) -> sqlx::Result<BTreeMap<String, i64>> {
    let mut rows = BTreeMap::new();
    for table in tables(connection).await? {
        // The name has come quoted from PostgreSQL itself.
        let counted = AssertSqlSafe(format!("SELECT count(*) FROM ONLY {table}"));
        let counted = sqlx::query_scalar(counted);
        rows.insert(table, counted.fetch_one(&mut *connection).await?);
    }
    Ok(rows)
}

/// Where the rows found are not those expected.
pub fn differences(expected: &BTreeMap<String, i64>, found: &BTreeMap<String, i64>) -> Vec<String> {
    let missing = expected
        .iter()
        .filter_map(|(table, rows)| match found.get(table) {
            None => Some(format!("{table} is missing")),
            Some(is) if is != rows => Some(format!("{table} has {is} rows instead of {rows}")),
            Some(_) => None,
        });
    let strange = found.keys().filter(|table| !expected.contains_key(*table));
    missing
        .chain(strange.map(|table| format!("{table} is not in the manifest")))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_difference_is_named() {
        let rows = |list: &[(&str, i64)]| {
            let owned = list
                .iter()
                .map(|(table, rows)| ((*table).to_owned(), *rows));
            owned.collect::<BTreeMap<_, _>>()
        };
        let expected = rows(&[("a", 1), ("b", 2), ("c", 3)]);
        assert!(differences(&expected, &expected).is_empty());
        let found = rows(&[("a", 1), ("b", 3), ("d", 0)]);
        assert_eq!(
            differences(&expected, &found),
            [
                "b has 3 rows instead of 2",
                "c is missing",
                "d is not in the manifest"
            ]
        );
    }
}
