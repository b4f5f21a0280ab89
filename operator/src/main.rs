//! `warung-operator`: run the controllers, or print the custom resource definitions.

use std::io::Write as _;

fn main() -> std::io::Result<()> {
    let mut out = std::io::stdout();
    for (_, text) in warung_operator::crds::files() {
        out.write_all(text.as_bytes())?;
    }
    Ok(())
}
