//! `warung-operator`: run the controllers, or print the custom resource definitions.

fn main() {}
