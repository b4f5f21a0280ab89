//! Every range, length, pattern and list of words of every spec refuses what lies outside it. The
//! wrong values are made from the definitions, so that no bound can be forgotten.

use serde_json::{Value, json};
use warung_operator::crds;

use super::manifests::{backup, restore, set, shop};
use super::rules::{Answer, create};
use crate::cluster::{client, server};

/// A field, a value that is wrong there, and what the server must say.
struct Wrong {
    path: String,
    value: Value,
    says: &'static str,
}

#[tokio::test]
async fn whatever_lies_outside_a_bound_is_refused_by_name() {
    let server = server().await;
    let client = client(&server.kubeconfig()).await;
    let mut asked = 0;
    for definition in crds::definitions() {
        let whole = serde_json::to_value(&definition).expect("JSON");
        let root = &whole["spec"]["versions"][0]["schema"]["openAPIV3Schema"];
        let mut wrongs = Vec::new();
        collect(&root["properties"]["spec"], "", &mut wrongs);
        for wrong in wrongs {
            let mut manifest = match definition.spec.names.kind.as_str() {
                "WhatsAppShop" => shop(),
                "ShopBackup" => backup(),
                _ => restore(),
            };
            set(&mut manifest, &wrong.path, wrong.value.clone());
            let field = format!("spec.{}", wrong.path);
            let answer = create(&client, "default", &manifest).await;
            let Answer::Refused(message) = answer else {
                panic!("{field} takes {}", wrong.value);
            };
            let told = message.contains(&field) && message.contains(wrong.says);
            assert!(told, "{field} ({}): {message}", wrong.says);
            asked += 1;
        }
    }
    assert!(asked > 150, "only {asked} bounds were tried");
}

/// Wrong values for a schema and all below it.
fn collect(schema: &Value, path: &str, wrongs: &mut Vec<Wrong>) {
    if !path.is_empty() {
        of_one_field(schema, path, wrongs);
    }
    for (name, field) in schema["properties"].as_object().into_iter().flatten() {
        let below = if path.is_empty() {
            name.clone()
        } else {
            format!("{path}.{name}")
        };
        collect(field, &below, wrongs);
    }
}

fn of_one_field(schema: &Value, path: &str, wrongs: &mut Vec<Wrong>) {
    let mut wrong = |value: Value, says: &'static str| {
        wrongs.push(Wrong {
            path: path.to_owned(),
            value,
            says,
        });
    };
    let number = |name: &str| {
        let bound = schema[name].as_f64()?;
        format!("{bound:.0}").parse::<i64>().ok()
    };
    if let Some(least) = number("minimum") {
        wrong(json!(least - 1), "should be greater than or equal to");
    }
    if let Some(most) = number("maximum") {
        wrong(json!(most + 1), "should be less than or equal to");
    }
    if let Some(longest) = number("maxLength") {
        let text = "a".repeat(usize::try_from(longest).expect("a length") + 1);
        wrong(json!(text), "Too long");
    }
    if number("minLength").is_some_and(|least| least > 0) {
        wrong(json!(""), "should be at least");
    }
    if schema["pattern"].is_string() {
        let least = number("minLength").unwrap_or_default().max(2);
        let text = "\u{7}".repeat(usize::try_from(least).expect("a length"));
        wrong(json!(text), "should match");
    }
    if schema["enum"].is_array() {
        wrong(json!("nonsense"), "Unsupported value");
    }
    if let Some(most) = number("maxItems") {
        let item = match schema["items"]["type"].as_str() {
            Some("object") => json!({"name": "x"}),
            _ => json!("12345"),
        };
        let many = usize::try_from(most).expect("a length") + 1;
        wrong(json!(vec![item; many]), "Too many");
    }
    if number("minItems").is_some_and(|least| least > 0) {
        wrong(json!([]), "should have at least");
    }
    if let Some(most) = number("maxProperties") {
        let many = (0..=most).map(|n| (format!("k{n}"), json!("1")));
        wrong(Value::Object(many.collect()), "Too many");
    }
    if schema["type"] == "boolean" {
        wrong(json!("maybe"), "must be of type boolean");
    }
}
