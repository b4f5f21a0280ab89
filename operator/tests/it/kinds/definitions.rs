//! `crds/` holds what the types say, and every field is explained.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::Value;
use warung_operator::conditions::{ConditionType, Reason};
use warung_operator::crds;

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(name)
}

/// `make crds` writes the files, by this test.
#[test]
fn the_files_say_what_the_types_say() {
    let plain = crds::files();
    let chart = plain.iter().map(|(name, text)| (name.clone(), kept(text)));
    holds("crds", &plain);
    holds("charts/warung-crds/templates", &chart.collect::<Vec<_>>());
}

/// As the chart has it: Helm leaves it alone when the chart is uninstalled.
fn kept(text: &str) -> String {
    assert!(!text.contains("{{"), "Helm would read this as a template");
    let at = "metadata:\n";
    let keep = "metadata:\n  annotations:\n    helm.sh/resource-policy: keep\n";
    text.replacen(at, keep, 1)
}

/// A folder holds just these files; with `UPDATE` set they are written.
fn holds(name: &str, files: &[(String, String)]) {
    let folder = folder(name);
    let update = std::env::var_os("UPDATE").is_some();
    for (file, text) in files {
        let path = folder.join(file);
        if update {
            std::fs::write(&path, text).expect("the folder can be written");
        }
        let written = std::fs::read_to_string(&path).unwrap_or_default();
        let same = written == *text;
        assert!(
            same,
            "{name}/{file} is not what the types say: run `make crds`"
        );
    }
    let found = std::fs::read_dir(&folder)
        .expect("the folder is there")
        .count();
    assert_eq!(found, files.len(), "a file of {name} has no type");
}

#[test]
fn every_field_is_explained_and_bounded() {
    for definition in crds::definitions() {
        let value = serde_json::to_value(&definition).expect("JSON");
        let root = &value["spec"]["versions"][0]["schema"]["openAPIV3Schema"];
        let mut faults = Vec::new();
        look(root, &definition.spec.names.kind, &mut faults);
        assert!(faults.is_empty(), "{}", faults.join("\n"));
    }
}

/// Walks a schema: a field without a description, a text of the spec without an end, a `null`.
fn look(schema: &Value, path: &str, faults: &mut Vec<String>) {
    if schema["nullable"] == true {
        faults.push(format!("{path} may be null"));
    }
    if let Some(fields) = schema["properties"].as_object() {
        for (name, field) in fields {
            let path = format!("{path}.{name}");
            if field["description"].as_str().unwrap_or_default().len() < 9 {
                faults.push(format!("{path} is not explained"));
            }
            look(field, &path, faults);
        }
    }
    let in_spec = path.contains(".spec");
    let bounded = |name: &str| !schema[name].is_null() || !in_spec;
    match schema["type"].as_str() {
        Some("string") if schema["enum"].is_null() && !bounded("maxLength") => {
            faults.push(format!("{path} has no maxLength"));
        }
        Some("array") => {
            if !bounded("maxItems") {
                faults.push(format!("{path} has no maxItems"));
            }
            look(&schema["items"], &format!("{path}[]"), faults);
        }
        Some("object") if schema["additionalProperties"].is_object() => {
            if !bounded("maxProperties") {
                faults.push(format!("{path} has no maxProperties"));
            }
            look(
                &schema["additionalProperties"],
                &format!("{path}{{}}"),
                faults,
            );
        }
        _ => {}
    }
}

#[test]
fn every_condition_and_reason_is_in_the_manual() {
    let path = folder("docs/conditions.md");
    let manual = std::fs::read_to_string(path).expect("docs/conditions.md");
    let (types, reasons) = manual.split_once("## Reasons").expect("a table of reasons");
    let words = |text: &str| -> BTreeMap<String, String> {
        let rows = text.lines().filter_map(|line| line.strip_prefix("| `"));
        rows.map(|row| {
            let (word, rest) = row.split_once("` | ").expect("two cells");
            let (about, _) = rest.split_once(" | ").expect("three cells");
            (word.to_owned(), about.to_owned())
        })
        .collect()
    };
    // Both ways: what the operator never says is in no table.
    let said = |all: Vec<(&str, &str)>| -> BTreeMap<String, String> {
        let pairs = all.into_iter();
        pairs
            .map(|(word, about)| (word.to_owned(), about.to_owned()))
            .collect()
    };
    let kinds = ConditionType::ALL.iter();
    let kinds = said(kinds.map(|k| (k.as_str(), k.describe())).collect());
    assert_eq!(words(types), kinds, "types in docs/conditions.md");
    let all = Reason::ALL.iter();
    let all = said(all.map(|r| (r.as_str(), r.describe())).collect());
    assert_eq!(words(reasons), all, "reasons in docs/conditions.md");
}
