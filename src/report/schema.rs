//! JSON Schemas of what commands write as JSON, generated from the types.

use super::*;
use crate::facts::{SNAPSHOT_COMMAND, Snapshot};
use schemars::generate::SchemaSettings;
use schemars::transform::transform_subschemas;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::{Value, json};

/// Returns the schemas, each with the value that `command` has in the documents.
pub fn json_schemas() -> Vec<(&'static str, Schema)> {
    vec![
        document_schema(OverviewReport::COMMAND, &[assessed::<OverviewReport>]),
        document_schema(DatabasesReport::COMMAND, &[plain::<DatabasesReport>]),
        document_schema(TablesReport::COMMAND, &[assessed::<TablesReport>]),
        document_schema(IndexesReport::COMMAND, &[assessed::<IndexesReport<'_>>]),
        document_schema(CleanupReport::COMMAND, &[plain::<CleanupReport>, plain::<MaintenanceReport>]),
        document_schema(VerifyReport::COMMAND, &[plain::<VerifyReport>]),
        document_schema(SlotsReport::COMMAND, &[assessed::<SlotsReport>]),
        document_schema(SlotDetailReport::COMMAND, &[plain::<SlotDetailReport>]),
        document_schema(SlotDropReport::COMMAND, &[plain::<SlotDropReport>]),
        document_schema(WalReport::COMMAND, &[assessed::<WalReport>]),
        document_schema(CheckReport::COMMAND, &[Envelope::<CheckReport>::json_schema, FleetReport::json_schema]),
        document_schema(AuditReport::COMMAND, &[assessed::<AuditReport>]),
        document_schema(RecordReport::COMMAND, &[plain::<RecordReport>]),
        document_schema(SamplesReport::COMMAND, &[plain::<SamplesReport>]),
        document_schema(GrowthReport::COMMAND, &[plain::<GrowthReport>]),
        document_schema(JournalReport::COMMAND, &[plain::<JournalReport>]),
        document_schema(PruneReport::COMMAND, &[plain::<PruneReport>]),
        document_schema(SNAPSHOT_COMMAND, &[snapshot_file]),
    ]
}

/// Schema of one form of a document; its definitions go to the generator.
type Form = fn(&mut SchemaGenerator) -> Schema;

/// A report with the findings of the checks that concern it.
fn assessed<R: Report + JsonSchema>(generator: &mut SchemaGenerator) -> Schema {
    let mut schema = Envelope::<R>::json_schema(generator);
    if let Some(findings) = schema.pointer_mut("/properties/findings") {
        let items = generator.subschema_for::<finding::FindingLine>();
        let description = "Findings of the checks that concern the report.";
        *findings = json!({ "description": description, "type": "array", "items": items });
    }
    if let Some(Value::Array(required)) = schema.get_mut("required") {
        required.push("findings".into());
    }
    schema
}

/// A report without findings of checks.
fn plain<R: Report + JsonSchema>(generator: &mut SchemaGenerator) -> Schema {
    let mut schema = Envelope::<R>::json_schema(generator);
    if let Some(Value::Object(properties)) = schema.get_mut("properties") {
        properties.remove("findings");
    }
    schema
}

/// A snapshot file. A file of an earlier version lacks the facts that were added since.
fn snapshot_file(generator: &mut SchemaGenerator) -> Schema {
    let mut schema = Snapshot::json_schema(generator);
    make_defaults_optional(&mut schema);
    for definition in generator.definitions_mut().values_mut() {
        if let Ok(definition) = definition.try_into() {
            make_defaults_optional(definition);
        }
    }
    schema
}

fn make_defaults_optional(schema: &mut Schema) {
    let has_default = |schema: &Schema, name: &str| {
        schema.pointer(&format!("/properties/{name}")).is_some_and(|property| property.get("default").is_some())
    };
    let defaults = schema.clone();
    if let Some(Value::Array(required)) = schema.get_mut("required") {
        required.retain(|name| !name.as_str().is_some_and(|name| has_default(&defaults, name)));
    }
    transform_subschemas(&mut make_defaults_optional, schema);
}

/// Returns the schema of the documents of a command, which have one of these forms.
fn document_schema(command: &'static str, forms: &[Form]) -> (&'static str, Schema) {
    let mut generator = SchemaSettings::draft2020_12().for_serialize().into_generator();
    let mut forms: Vec<Schema> = forms.iter().map(|form| form(&mut generator)).collect();
    let mut schema = match forms.len() {
        1 => forms.remove(0),
        _ => json_schema!({ "anyOf": forms }),
    };
    schema.insert("$schema".to_owned(), json!(generator.settings().meta_schema));
    schema.insert("title".to_owned(), ["pgtend", command].join(" ").into());
    schema.insert("$defs".to_owned(), Value::Object(generator.take_definitions(false)));
    refuse_null_if_optional(&mut schema);
    clean_annotations(&mut schema);
    refuse_unknown_keys(&mut schema, false);
    (command, schema)
}

/// An optional key is omitted; it is never null.
fn refuse_null_if_optional(schema: &mut Schema) {
    let required = schema.get("required").and_then(Value::as_array).cloned().unwrap_or_default();
    if let Some(Value::Object(properties)) = schema.get_mut("properties") {
        let optional = properties.iter_mut().filter(|(name, property)| {
            property.get("default").is_none() && !required.iter().any(|key| key == name.as_str())
        });
        for (_, property) in optional {
            remove_null(property);
        }
    }
    transform_subschemas(&mut refuse_null_if_optional, schema);
}

fn remove_null(property: &mut Value) {
    if let Some(Value::Array(types)) = property.get_mut("type") {
        types.retain(|kind| kind != "null");
        if let [only] = &types[..] {
            property["type"] = only.clone();
        }
    }
    if let Some(Value::Array(schemas)) = property.get_mut("anyOf") {
        schemas.retain(|schema| *schema != json!({ "type": "null" }));
        if let [Value::Object(only)] = &schemas[..] {
            let only = only.clone();
            if let Value::Object(fields) = property {
                fields.remove("anyOf");
                fields.extend(only);
            }
        }
    }
}

/// Removes defaults, which concern readers of snapshots, and formats of numbers, which JSON Schema does not define.
/// Descriptions are Rust documentation: links and `None` get the form that they have in JSON.
fn clean_annotations(schema: &mut Schema) {
    schema.remove("default");
    if schema.get("format").is_some_and(|format| format != "date-time") {
        schema.remove("format");
    }
    if let Some(Value::String(text)) = schema.get_mut("description") {
        *text = text.replace("[`", "`").replace("`]", "`").replace("`None`", "null").replace('\n', " ");
    }
    transform_subschemas(&mut clean_annotations, schema);
}

/// Refuses keys that no part of the schema names. `is_part`: the schema describes the same object as one around it, which
/// has keys of its own.
fn refuse_unknown_keys(schema: &mut Schema, is_part: bool) {
    let has = |key: &str| schema.get(key).is_some();
    let is_combined = has("allOf") || has("properties") && (has("anyOf") || has("oneOf") || has("$ref"));
    let is_open = has("properties") && !has("additionalProperties");
    if is_combined && !is_part {
        schema.insert("unevaluatedProperties".to_owned(), false.into());
    } else if is_open && !is_part {
        schema.insert("additionalProperties".to_owned(), false.into());
    }
    let parts = ["allOf", "anyOf", "oneOf"].map(|key| (key, schema.remove(key)));
    transform_subschemas(&mut |subschema: &mut Schema| refuse_unknown_keys(subschema, false), schema);
    for (key, value) in parts {
        let Some(Value::Array(mut schemas)) = value else { continue };
        let subschemas = schemas.iter_mut().filter_map(|schema| <&mut Schema>::try_from(schema).ok());
        subschemas.for_each(|subschema| refuse_unknown_keys(subschema, is_part || is_combined));
        schema.insert(key.to_owned(), Value::Array(schemas));
    }
}
