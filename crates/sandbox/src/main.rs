//! The program `warung-sandbox`.

fn main() {}
