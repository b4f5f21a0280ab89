//! What the shop sells, and the money its customers begin with.

use std::fmt::Write as _;
use std::path::Path;

use anyhow::Result;
use sqlx::{Connection, PgConnection};
use warung_testkit::bot::Shop;

/// Vouchers, of which each unit is a code of its own.
pub(crate) const VOUCHERS: usize = 8;
/// Codes of each but the last.
const CODES: usize = 2_000;
/// Something to be sent, of which there is little.
pub(crate) const PARCEL: &str = "CHAOS-KOPI";
const PARCELS: usize = 25;
/// Something to be sent that, as the last voucher, nobody wants before the rush and more want then
/// than there are.
pub(crate) const LAST_PARCEL: &str = "CHAOS-TEH";
const LAST: usize = 8;
/// What every code begins with.
const CODE: &str = "KODE-";
/// Rupiah of a customer with plenty, and of one who must pay the rest in another way.
const PLENTY: i64 = 2_000_000;
const LITTLE: i64 = 4_000;

/// The SKU of a voucher; the last one sells out.
pub(crate) fn voucher(index: usize) -> String {
    format!("CHAOS-{:02}", index % VOUCHERS)
}

/// Loads products and codes.
pub(crate) async fn load(shop: &Shop, program: &Path, directory: &Path) -> Result<()> {
    let mut rows = String::new();
    for index in 0..VOUCHERS {
        let sku = voucher(index);
        writeln!(
            rows,
            "{sku},digital,Voucher {sku},Voucher {sku},Uji,Test,10000,9000,0,digital,0,"
        )?;
    }
    for (sku, count) in [(PARCEL, PARCELS), (LAST_PARCEL, LAST)] {
        writeln!(
            rows,
            "{sku},{sku},Paket {sku},Parcel {sku},Uji,Test,45000,40000,{count},physical,200,"
        )?;
    }
    shop.import(program, directory, &rows).await?;
    for index in 0..VOUCHERS {
        let sku = voucher(index);
        let count = if index + 1 == VOUCHERS { LAST } else { CODES };
        let codes: Vec<String> = (0..count).map(|n| format!("{CODE}{sku}-{n:05}")).collect();
        shop.add_units(program, directory, &sku, &codes).await?;
    }
    Ok(())
}

/// The codes in a message, each with its SKU.
pub(crate) fn codes_in(text: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for (at, _) in text.match_indices(CODE) {
        let code: String = text[at..]
            .chars()
            .take_while(|c| c.is_ascii_alphanumeric() || *c == '-')
            .collect();
        if let Some((sku, _)) = code.trim_start_matches(CODE).rsplit_once('-') {
            found.push((sku.to_owned(), code.clone()));
        }
    }
    found
}

/// Gives the customers saldo by an opening transaction in the ledger: every third little, the
/// others plenty.
pub(crate) async fn fund(database: &mut PgConnection) -> Result<()> {
    const STEPS: [&str; 3] = [
        "INSERT INTO ledger_account (code, kind, customer_id, bounded)
         SELECT 'saldo:' || id, 'liability', id, true FROM customer
         ON CONFLICT (customer_id) DO NOTHING",
        "WITH gift AS (
             SELECT id AS account_id, gen_random_uuid() AS txn_id, version,
                    CASE WHEN customer_id % 3 = 0 THEN $1 ELSE $2 END AS amount
             FROM ledger_account WHERE customer_id IS NOT NULL AND posted = 0
         ), txn AS (
             INSERT INTO ledger_txn (id, kind, source_type, source_id, actor, event_at)
             SELECT txn_id, 'opening', 'chaos', account_id::text, 'chaos', now() FROM gift
             RETURNING id
         )
         INSERT INTO ledger_entry
                (txn_id, line, account_id, amount, account_version, balance_after)
         SELECT txn.id, 1, account_id, amount, version + 1, amount
         FROM gift JOIN txn ON txn.id = gift.txn_id
         UNION ALL
         SELECT txn.id, 2, (SELECT id FROM ledger_account WHERE code = 'adjustment'), -amount,
                NULL, NULL
         FROM gift JOIN txn ON txn.id = gift.txn_id",
        "UPDATE ledger_account a SET posted = e.amount, version = a.version + 1
         FROM ledger_entry e JOIN ledger_txn t ON t.id = e.txn_id
         WHERE t.source_type = 'chaos' AND e.account_id = a.id AND a.customer_id IS NOT NULL
           AND a.posted = 0",
    ];
    let mut transaction = database.begin().await?;
    for (index, step) in STEPS.into_iter().enumerate() {
        let query = sqlx::query(step);
        let query = if index == 1 {
            query.bind(LITTLE).bind(PLENTY)
        } else {
            query
        };
        query.execute(&mut *transaction).await?;
    }
    Ok(transaction.commit().await?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_found_in_a_receipt() {
        let text = "Kode:\\nKODE-CHAOS-03-00017\\n*KODE-CHAOS-03-00018*, terima kasih";
        let found = codes_in(text);
        assert_eq!(found.len(), 2);
        assert_eq!(
            found[1],
            ("CHAOS-03".to_owned(), "KODE-CHAOS-03-00018".to_owned())
        );
    }
}
