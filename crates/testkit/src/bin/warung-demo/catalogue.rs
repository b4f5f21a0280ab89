//! Loading the demo's catalogue through the bot's own commands.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use sha2::{Digest, Sha256};
use warung_testkit::bot::Shop;

use crate::terminal::Terminal;

/// The shop's settings: shipping costs Rp 12,000, and nothing from Rp 250,000 on.
const SETTINGS: [(&str, &str); 3] = [
    ("shop.name", "Toko Sari"),
    ("shipping.flat_fee", "12000"),
    ("shipping.free_above", "250000"),
];

/// Loads products, digital units and settings, unless this very catalogue has been loaded into
/// this database before: stock that was sold since must not come back.
pub(crate) async fn load(
    shop: &Shop,
    bot: &Path,
    catalogue: &Path,
    loaded: &Path,
    terminal: &Terminal,
) -> Result<()> {
    let files = Files::in_directory(catalogue)?;
    let digest = files.digest()?;
    if fs::read_to_string(loaded).is_ok_and(|known| known == digest) {
        terminal.done("catalogue of the last run kept");
        return Ok(());
    }
    let products = files.products.to_string_lossy();
    shop.administer(bot, &["products", "import", &products, "--apply"])
        .await?;
    for (sku, file) in &files.units {
        shop.administer(
            bot,
            &["products", "add-units", sku, &file.to_string_lossy()],
        )
        .await?;
    }
    for (key, value) in SETTINGS {
        shop.administer(bot, &["settings", "set", key, value])
            .await?;
    }
    fs::write(loaded, digest)?;
    terminal.done(&format!("catalogue loaded: {} products", files.count()?));
    Ok(())
}

#[derive(Debug)]
struct Files {
    products: PathBuf,
    /// SKU and the file of its units, in order of SKU.
    units: Vec<(String, PathBuf)>,
}

impl Files {
    fn in_directory(directory: &Path) -> Result<Self> {
        let folder = directory.join("units");
        let entries =
            fs::read_dir(&folder).with_context(|| format!("read {}", folder.display()))?;
        let mut units = Vec::new();
        for entry in entries {
            let path = entry?.path();
            if let Some(sku) = path.file_stem().and_then(|stem| stem.to_str()) {
                units.push((sku.to_owned(), path.clone()));
            }
        }
        units.sort();
        Ok(Self {
            products: directory.join("products.csv"),
            units,
        })
    }

    fn digest(&self) -> Result<String> {
        let mut hash = Sha256::new();
        let units = self.units.iter().map(|(_, path)| path);
        for path in std::iter::once(&self.products).chain(units) {
            let bytes = fs::read(path).with_context(|| format!("read {}", path.display()))?;
            hash.update(bytes.len().to_le_bytes());
            hash.update(bytes);
        }
        hash.update(format!("{SETTINGS:?}"));
        Ok(hex::encode(hash.finalize()))
    }

    /// Rows of the file without its heading.
    fn count(&self) -> Result<usize> {
        let text = fs::read_to_string(&self.products)?;
        Ok(text
            .lines()
            .filter(|line| !line.is_empty())
            .count()
            .saturating_sub(1))
    }
}
