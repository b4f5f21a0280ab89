//! Whether an object of the API server is as it is wanted.
//!
//! Wanted is a part of the whole: the API server fills in defaults and others add their own. Every
//! field that is wanted must be there with that value; quantities are compared as numbers, lists
//! of named things by name, mounts by the path where they appear, other lists by position and
//! length.

use serde_json::{Map, Value};

/// Steps to a field, such as `spec`, `containers`, `name=bot`, `image`.
pub type Path = Vec<Step>;

/// One step of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// A field of an object.
    Field(String),
    /// An entry of a list, by what tells it from the others.
    Named {
        /// The field that does, `name` or `mountPath`.
        key: &'static str,
        /// Its value.
        name: String,
    },
    /// An entry of a list, by its place.
    At(usize),
}

/// As people read it: `spec.template.spec.containers[bot].image`.
pub fn written(path: &[Step]) -> String {
    let step = |(place, step): (usize, &Step)| match step {
        Step::Field(name) if name.contains(['.', '/']) => format!("[{name}]"),
        Step::Field(name) if place == 0 => name.clone(),
        Step::Field(name) => format!(".{name}"),
        Step::Named { name, .. } => format!("[{name}]"),
        Step::At(place) => format!("[{place}]"),
    };
    path.iter().enumerate().map(step).collect()
}

/// Maps whose values are quantities, and fields that are quantities themselves.
const QUANTITIES: [&str; 7] = [
    "requests",
    "limits",
    "hard",
    "sizeLimit",
    "averageValue",
    "divisor",
    "storage",
];

/// The fields of `live` that are not as `wanted`.
pub fn differences(wanted: &Value, live: &Value) -> Vec<Path> {
    let mut found = Vec::new();
    compare(wanted, live, &mut Vec::new(), false, &mut found);
    found
}

fn compare(wanted: &Value, live: &Value, path: &mut Path, quantity: bool, found: &mut Vec<Path>) {
    match (wanted, live) {
        (Value::Object(wanted), Value::Object(live)) => {
            objects(wanted, live, path, quantity, found);
        }
        (Value::Array(wanted), Value::Array(live)) => lists(wanted, live, path, quantity, found),
        (wanted, live) if is_nothing(wanted) && is_nothing(live) => {}
        (Value::String(wanted), Value::String(live)) if quantity => {
            if wanted != live && !same_quantity(wanted, live) {
                found.push(path.clone());
            }
        }
        (Value::Number(wanted), Value::Number(live)) if wanted.as_f64() == live.as_f64() => {}
        (wanted, live) if wanted == live => {}
        _ => found.push(path.clone()),
    }
}

/// The API server leaves out what is empty.
fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Object(fields) => fields.is_empty(),
        Value::Array(entries) => entries.is_empty(),
        _ => false,
    }
}

fn objects(
    wanted: &Map<String, Value>,
    live: &Map<String, Value>,
    path: &mut Path,
    quantity: bool,
    found: &mut Vec<Path>,
) {
    for (name, value) in wanted {
        let there = live.get(name).unwrap_or(&Value::Null);
        path.push(Step::Field(name.clone()));
        let quantity = quantity || QUANTITIES.contains(&name.as_str());
        compare(value, there, path, quantity, found);
        path.pop();
    }
}

fn lists(wanted: &[Value], live: &[Value], path: &mut Path, quantity: bool, found: &mut Vec<Path>) {
    // Several mounts of one volume have one name.
    let key = if wanted.iter().any(|value| value.get("mountPath").is_some()) {
        "mountPath"
    } else {
        "name"
    };
    let name = |value: &Value| value.get(key).and_then(Value::as_str).map(str::to_owned);
    let named: Option<Vec<String>> = wanted.iter().map(name).collect();
    if let Some(names) = named.filter(|names| !names.is_empty()) {
        for (value, wanted_name) in wanted.iter().zip(names) {
            let there = live.iter().find(|v| name(v).as_ref() == Some(&wanted_name));
            path.push(Step::Named {
                key,
                name: wanted_name,
            });
            compare(value, there.unwrap_or(&Value::Null), path, quantity, found);
            path.pop();
        }
        return;
    }
    if wanted.len() != live.len() {
        found.push(path.clone());
        return;
    }
    for (place, (value, there)) in wanted.iter().zip(live).enumerate() {
        path.push(Step::At(place));
        compare(value, there, path, quantity, found);
        path.pop();
    }
}

/// Whether two quantities are the same number, such as `0.5` and `500m`.
pub fn same_quantity(one: &str, other: &str) -> bool {
    match (nanos(one), nanos(other)) {
        (Some(one), Some(other)) => one == other,
        _ => false,
    }
}

/// A quantity in billionths. `None` when it is none, or has digits beyond that.
pub fn nanos(quantity: &str) -> Option<i128> {
    let end = quantity
        .find(|c: char| !c.is_ascii_digit() && !matches!(c, '.' | '+' | '-'))
        .unwrap_or(quantity.len());
    let (number, suffix) = quantity.split_at(end);
    let (multiplier, divisor): (i128, i128) = match suffix {
        "n" => (1, 1_000_000_000),
        "u" => (1, 1_000_000),
        "m" => (1, 1_000),
        "" => (1, 1),
        "k" => (1_000, 1),
        "M" => (1_000_000, 1),
        "G" => (1_000_000_000, 1),
        "T" => (1_000_000_000_000, 1),
        "P" => (1_000_000_000_000_000, 1),
        "E" => (1_000_000_000_000_000_000, 1),
        "Ki" => (1 << 10, 1),
        "Mi" => (1 << 20, 1),
        "Gi" => (1 << 30, 1),
        "Ti" => (1 << 40, 1),
        "Pi" => (1 << 50, 1),
        "Ei" => (1 << 60, 1),
        exponent => {
            let digits = exponent.strip_prefix(['e', 'E'])?.parse::<i32>().ok()?;
            let power = 10_i128.checked_pow(digits.unsigned_abs())?;
            if digits < 0 { (1, power) } else { (power, 1) }
        }
    };
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if fraction.len() > 9 || (whole.is_empty() && fraction.is_empty()) {
        return None;
    }
    let sign = if whole.starts_with('-') { -1 } else { 1 };
    let whole: i128 = match whole.trim_start_matches(['+', '-']) {
        "" => 0,
        digits => digits.parse().ok()?,
    };
    let fraction: i128 = format!("{fraction:0<9}").parse().ok()?;
    let scaled = whole.checked_mul(1_000_000_000)?.checked_add(fraction)?;
    let scaled = scaled.checked_mul(multiplier)?;
    (scaled % divisor == 0).then_some(sign * scaled / divisor)
}

/// The value that a path leads to.
pub fn at<'a>(object: &'a Value, path: &[Step]) -> &'a Value {
    path.iter().fold(object, |value, step| match step {
        Step::Field(name) => &value[name],
        Step::At(place) => &value[place],
        Step::Named { key, name } => {
            let entries = value.as_array().into_iter().flatten();
            let mut named = entries.filter(|entry| entry[key] == *name);
            named.next().unwrap_or(&Value::Null)
        }
    })
}

/// Who else owns a field, or wrote last where nobody does: the name of a field manager.
pub fn manager_of(live: &Value, path: &[Step], ours: &str) -> Option<String> {
    let entries = live["metadata"]["managedFields"].as_array()?;
    let others = entries.iter().filter(|entry| {
        entry["manager"].as_str() != Some(ours) && entry["subresource"].as_str() != Some("status")
    });
    let owner = |entry: &&Value| owns(&entry["fieldsV1"], path);
    let time = |entry: &&Value| entry["time"].as_str().unwrap_or_default().to_owned();
    let by_field = others.clone().filter(owner).max_by_key(time);
    let last = by_field.or_else(|| others.max_by_key(time))?;
    last["manager"].as_str().map(str::to_owned)
}

fn owns(fields: &Value, path: &[Step]) -> bool {
    let mut at = fields;
    for step in path {
        let key = match step {
            Step::Field(name) => format!("f:{name}"),
            Step::Named { key, name } => {
                let named = at.as_object().and_then(|fields| {
                    let this = format!("\"{key}\":{}", Value::from(name.as_str()));
                    fields
                        .iter()
                        .find(|(key, _)| key.starts_with("k:") && key.contains(&this))
                });
                match named {
                    Some((_, inner)) => {
                        at = inner;
                        continue;
                    }
                    None => return false,
                }
            }
            // A list without names is owned as a whole.
            Step::At(_) => return true,
        };
        match at.get(&key) {
            Some(inner) => at = inner,
            None => return false,
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn paths(wanted: &Value, live: &Value) -> Vec<String> {
        differences(wanted, live)
            .iter()
            .map(|p| written(p))
            .collect()
    }

    #[test]
    fn defaults_and_additions_of_others_are_no_difference() {
        let wanted = json!({"spec": {"containers": [{"name": "bot", "image": "a",
            "resources": {"limits": {"cpu": "0.5", "memory": "1Gi"}}}], "volumes": [], "x": {}}});
        let live = json!({"spec": {"containers": [
            {"name": "sidecar", "image": "s"},
            {"name": "bot", "image": "a", "terminationMessagePath": "/dev/termination-log",
             "resources": {"limits": {"cpu": "500m", "memory": "1024Mi"}}}],
            "restartPolicy": "Always"}});
        assert_eq!(paths(&wanted, &live), Vec::<String>::new());
    }

    #[test]
    fn a_difference_is_named() {
        let wanted = json!({"spec": {"containers": [{"name": "bot", "image": "a"}],
            "ports": [1, 2], "gone": "x"}, "metadata": {"labels": {"a.b/c": "1"}}});
        let live = json!({"spec": {"containers": [{"name": "bot", "image": "b"}],
            "ports": [1]}, "metadata": {"labels": {}}});
        let named = paths(&wanted, &live);
        let expected = [
            "metadata.labels[a.b/c]",
            "spec.containers[bot].image",
            "spec.gone",
            "spec.ports",
        ];
        let mut sorted = named.clone();
        sorted.sort();
        assert_eq!(sorted, expected);
    }

    #[test]
    fn several_mounts_of_one_volume_are_told_apart_by_their_paths() {
        let mounts = json!({"volumeMounts": [
            {"name": "accounts", "mountPath": "/etc/passwd", "subPath": "passwd"},
            {"name": "accounts", "mountPath": "/etc/group", "subPath": "group"},
        ]});
        assert_eq!(differences(&mounts, &mounts), Vec::<Path>::new());
        let mut moved = mounts.clone();
        moved["volumeMounts"][1]["subPath"] = json!("passwd");
        let found = differences(&mounts, &moved);
        assert_eq!(written(&found[0]), "volumeMounts[/etc/group].subPath");
        assert_eq!(at(&moved, &found[0]), "passwd");
    }

    #[test]
    fn text_that_looks_like_a_number_is_text() {
        let wanted = json!({"env": [{"name": "X", "value": "1"}]});
        let live = json!({"env": [{"name": "X", "value": "1000m"}]});
        assert_eq!(paths(&wanted, &live), ["env[X].value"]);
    }

    #[test]
    fn quantities_are_numbers() {
        for (one, other) in [
            ("1", "1000m"),
            ("1Ki", "1024"),
            ("1.5Gi", "1536Mi"),
            ("1e3", "1k"),
        ] {
            assert!(same_quantity(one, other), "{one} {other}");
        }
        for (one, other) in [("1", "1001m"), ("1Ki", "1k"), ("", "0"), ("x", "x1")] {
            assert!(!same_quantity(one, other), "{one} {other}");
        }
    }

    #[test]
    fn the_owner_of_a_changed_field_is_found() {
        let live = json!({"metadata": {"managedFields": [
            {"manager": "warung", "time": "2026-01-03T00:00:00Z", "fieldsV1": {"f:spec": {}}},
            {"manager": "kubectl-edit", "time": "2026-01-01T00:00:00Z", "fieldsV1": {"f:spec":
                {"f:containers": {"k:{\"name\":\"bot\"}": {"f:image": {}}}}}},
            {"manager": "other", "time": "2026-01-02T00:00:00Z", "fieldsV1": {"f:data": {}}},
        ]}});
        let path = [
            Step::Field("spec".into()),
            Step::Field("containers".into()),
            Step::Named {
                key: "name",
                name: "bot".into(),
            },
            Step::Field("image".into()),
        ];
        assert_eq!(
            manager_of(&live, &path, "warung").as_deref(),
            Some("kubectl-edit")
        );
        let gone = [Step::Field("nobody".into())];
        assert_eq!(manager_of(&live, &gone, "warung").as_deref(), Some("other"));
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i32>().prop_map(Value::from),
            "[a-z]{0,4}".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 40, 5, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::hash_map("[a-z]{1,3}", inner, 0..4)
                    .prop_map(|fields| Value::Object(fields.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn everything_is_as_itself(value in any_json()) {
            prop_assert_eq!(differences(&value, &value), Vec::<Path>::new());
        }

        #[test]
        fn quantities_keep_their_value_in_other_units(number in 0_i64..1_000_000) {
            let (plain, milli) = (number.to_string(), format!("{number}000m"));
            let kilo = format!("{number}e-3k");
            prop_assert!(same_quantity(&plain, &milli));
            prop_assert!(!same_quantity(&plain, &kilo));
        }
    }
}
