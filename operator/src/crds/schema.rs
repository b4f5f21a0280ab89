//! Parts of the schemas that Rust's types do not say by themselves, and their last polish.

use k8s_openapi::api::core::v1::ResourceRequirements;
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use schemars::{Schema, SchemaGenerator, json_schema};
use serde_json::{Map, Value, json};

/// A quantity as Kubernetes writes it: `500m`, `1.5Gi`, `3`, `1e3`.
const QUANTITY: &str = r"^[0-9]+(\.[0-9]{1,9})?([numkMGTPE]|[KMGTPE]i|[eE][+-]?[0-9]{1,2})?$";
/// Longest quantity, in characters.
const QUANTITY_LENGTH: u32 = 20;
/// Kinds of resources that one container may ask for.
const RESOURCE_KINDS: u32 = 8;

/// Name of an object, as most kinds of Kubernetes want it.
pub(super) const OBJECT_NAME: &str = r"^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$";
/// Key in a Secret.
pub(super) const SECRET_KEY: &str = r"^[A-Za-z0-9._-]+$";
/// Image, with its tag or digest.
pub(super) const IMAGE: &str = r"^[A-Za-z0-9][A-Za-z0-9._:/@-]*$";
/// Five cron fields, or one of the short forms. Days of the week go from 0 to 6, because the
/// controller of `CronJob`s does not take 7.
pub(super) const CRON: &str = concat!(
    r"^(@(hourly|daily|midnight|weekly|monthly)|",
    r"(\*|[0-5]?[0-9](-[0-5]?[0-9])?)(/[0-9]{1,2})?(,(\*|[0-5]?[0-9](-[0-5]?[0-9])?)(/[0-9]{1,2})?)* +",
    r"(\*|([01]?[0-9]|2[0-3])(-([01]?[0-9]|2[0-3]))?)(/[0-9]{1,2})?(,(\*|([01]?[0-9]|2[0-3])(-([01]?[0-9]|2[0-3]))?)(/[0-9]{1,2})?)* +",
    r"(\*|(0?[1-9]|[12][0-9]|3[01])(-(0?[1-9]|[12][0-9]|3[01]))?)(/[0-9]{1,2})?(,(\*|(0?[1-9]|[12][0-9]|3[01])(-(0?[1-9]|[12][0-9]|3[01]))?)(/[0-9]{1,2})?)* +",
    r"(\*|(0?[1-9]|1[0-2]|[A-Za-z]{3})(-(0?[1-9]|1[0-2]|[A-Za-z]{3}))?)(/[0-9]{1,2})?(,(\*|(0?[1-9]|1[0-2]|[A-Za-z]{3})(-(0?[1-9]|1[0-2]|[A-Za-z]{3}))?)(/[0-9]{1,2})?)* +",
    r"(\*|([0-6]|[A-Za-z]{3})(-([0-6]|[A-Za-z]{3}))?)(/[0-9])?(,(\*|([0-6]|[A-Za-z]{3})(-([0-6]|[A-Za-z]{3}))?)(/[0-9])?)*)$",
);

/// What a container asks for and what it may use: of CPU, memory and ephemeral storage.
pub(super) fn requirements(requests: [&str; 3], limits: [&str; 3]) -> ResourceRequirements {
    let amounts = |values: [&str; 3]| {
        let names = ["cpu", "memory", "ephemeral-storage"].map(str::to_owned);
        let values = values.map(|value| Quantity(value.to_owned()));
        Some(names.into_iter().zip(values).collect())
    };
    ResourceRequirements {
        requests: amounts(requests),
        limits: amounts(limits),
        claims: None,
    }
}

/// A list of conditions keyed by `type`, so that several writers may each own theirs.
pub(super) fn conditions(generator: &mut SchemaGenerator) -> Schema {
    let item = generator.subschema_for::<Condition>();
    json_schema!({
        "type": "array",
        "description": "What is true of the object now, one entry for each type of condition. \
            `observedGeneration` says which version of the spec was looked at.",
        "items": item,
        "x-kubernetes-list-type": "map",
        "x-kubernetes-list-map-keys": ["type"],
    })
}

/// The size of a volume.
pub(super) fn storage_size(_: &mut SchemaGenerator) -> Schema {
    let mut schema = quantity("");
    schema.insert(
        "x-kubernetes-validations".to_owned(),
        json!([
            {
                "rule": "quantity(string(self)).isGreaterThan(quantity('0'))",
                "message": "storage.size must be more than nothing, such as 10Gi",
            },
            {
                "rule": "quantity(string(self)).compareTo(quantity(string(oldSelf))) >= 0",
                "message": "storage.size may only grow: a volume cannot be made smaller",
                "reason": "FieldValueForbidden",
            },
        ]),
    );
    schema
}

/// What one bot may use.
pub(super) fn bot_resources(_: &mut SchemaGenerator) -> Schema {
    resources(&[])
}

/// What one PostgreSQL server may use.
pub(super) fn postgres_resources(_: &mut SchemaGenerator) -> Schema {
    resources(&[memory_limit("256Mi")])
}

/// What one Redis node may use.
pub(super) fn redis_resources(_: &mut SchemaGenerator) -> Schema {
    resources(&[memory_limit("64Mi")])
}

/// The settings of a store follow from its memory limit, so there must be a sensible one.
fn memory_limit(least: &str) -> Value {
    json!({
        "rule": format!(
            "has(self.limits) && 'memory' in self.limits && \
             quantity(string(self.limits['memory'])).compareTo(quantity('{least}')) >= 0"
        ),
        "message": format!(
            "resources.limits.memory must be at least {least}: the server's settings follow from it"
        ),
    })
}

fn resources(more: &[Value]) -> Schema {
    let amounts = |description: &str| {
        json!({
            "type": "object",
            "description": description,
            "maxProperties": RESOURCE_KINDS,
            "additionalProperties": quantity("How much, such as `500m` of `cpu` or `256Mi` of `memory`."),
        })
    };
    let mut rules = vec![json!({
        "rule": "!has(self.requests) || !has(self.limits) || self.requests.all(name, \
            !(name in self.limits) || quantity(string(self.requests[name])).compareTo(\
            quantity(string(self.limits[name]))) <= 0)",
        "message": "resources.requests must not exceed resources.limits",
    })];
    rules.extend_from_slice(more);
    json_schema!({
        "type": "object",
        "properties": {
            "requests": amounts("What a node must have free for the pod to start there."),
            "limits": amounts("The most that it may use. Above its memory limit it is killed."),
        },
        "x-kubernetes-validations": rules,
    })
}

/// Labels that pods are chosen by.
pub(super) fn node_labels(_: &mut SchemaGenerator) -> Schema {
    texts(16, 63)
}

/// Annotations, whose values may be whole snippets of configuration.
pub(super) fn annotations(_: &mut SchemaGenerator) -> Schema {
    texts(32, 4096)
}

/// Labels of objects that another program selects.
pub(super) fn object_labels(_: &mut SchemaGenerator) -> Schema {
    let mut schema = texts(32, 63);
    schema.insert(
        "x-kubernetes-validations".to_owned(),
        json!([{
            "rule": "self.all(key, !key.startsWith('app.kubernetes.io/'))",
            "message": "monitoring.labels must not name app.kubernetes.io/…: \
                the operator finds its objects by those",
        }]),
    );
    schema
}

/// A map of so many texts, each of so many characters at most.
fn texts(most: u32, longest: u32) -> Schema {
    json_schema!({
        "type": "object",
        "maxProperties": most,
        "additionalProperties": {"type": "string", "maxLength": longest},
    })
}

fn quantity(description: &str) -> Schema {
    let mut schema = json_schema!({
        "x-kubernetes-int-or-string": true,
        "maxLength": QUANTITY_LENGTH,
        "pattern": QUANTITY,
    });
    if !description.is_empty() {
        schema.insert("description".to_owned(), Value::from(description));
    }
    schema
}

/// The last polish of a definition: what the derive writes that a reader would stumble over.
///
/// - `nullable` goes: an absent field is left out, and the API server drops a `null`.
/// - Whole numbers are written as such (`maximum: 100`, not `100.0`).
/// - A paragraph is one line; whoever shows it wraps it.
pub(super) fn polish(value: &mut Value) {
    match value {
        Value::Object(fields) => polish_object(fields),
        Value::Array(items) => items.iter_mut().for_each(polish),
        Value::Number(number) => {
            #[expect(
                clippy::cast_possible_truncation,
                reason = "bounds are small whole numbers"
            )]
            if let Some(float) = number.as_f64().filter(|_| number.is_f64())
                && float.fract() == 0.0
            {
                *number = (float as i64).into();
            }
        }
        _ => {}
    }
}

fn polish_object(fields: &mut Map<String, Value>) {
    if fields.get("nullable") == Some(&Value::Bool(true)) {
        fields.remove("nullable");
    }
    if let Some(Value::String(text)) = fields.get_mut("description") {
        let paragraphs = text.split("\n\n").map(|text| text.replace('\n', " "));
        *text = paragraphs.collect::<Vec<_>>().join("\n\n");
    }
    fields.values_mut().for_each(polish);
}
