//! `warung-operator`: run the controllers, or print the custom resource definitions.

fn main() {
    for definition in warung_operator::crds::definitions() {
        println!("---\n{}", serde_saphyr::to_string(&definition).unwrap());
    }
}
