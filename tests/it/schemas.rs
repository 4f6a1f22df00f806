//! `docs/schema`: generated from the types, and valid for every report that a test makes.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use jsonschema::Validator;
use pgtend::report::json_schemas;
use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Value, json};

use crate::check::nightly_runs::write_config;
use crate::clusters::{create_database, execute_sql, newest_installation, shared_cluster};
use crate::reports::program::{REPORT_NAMES, array_field, path_text, pgtend_command, run_command, run_pgtend};

static VALIDATORS: LazyLock<BTreeMap<&str, Validator>> = LazyLock::new(|| {
    let compile = |schema: Value| {
        jsonschema::options().should_validate_formats(true).build(&schema).unwrap_or_else(|error| panic!("{error}"))
    };
    json_schemas().into_iter().map(|(command, schema)| (command, compile(schema.to_value()))).collect()
});

fn validator(command: &str) -> &'static Validator {
    VALIDATORS.get(command).unwrap_or_else(|| panic!("`pgtend {command}` has no schema: src/report/schema.rs"))
}

/// Validates a document against the schema of its command.
#[track_caller]
pub fn assert_valid(command: &str, document: &Value) {
    let errors = validator(command).iter_errors(document);
    let errors: Vec<String> = errors.map(|error| format!("{}: {error:.300}", error.instance_path())).collect();
    assert!(errors.is_empty(), "`pgtend {command}` does not match docs/schema:\n{}", errors.join("\n"));
}

/// Validates what a run wrote to stdout if that is a JSON document. No object of it has a key twice.
#[track_caller]
pub fn assert_output_is_valid(stdout: &[u8]) {
    if stdout.first() != Some(&b'{') {
        return;
    }
    let Ok(document) = serde_json::from_slice::<Value>(stdout) else { return };
    if let Some(command) = document["command"].as_str() {
        assert_valid(command, &document);
        let has_unique_keys = serde_json::from_slice::<UniqueKeys>(stdout);
        assert!(has_unique_keys.is_ok(), "`pgtend {command}`: {has_unique_keys:?}");
    }
}

/// JSON in which no object has a key twice.
#[derive(Debug)]
struct UniqueKeys;

impl<'de> Deserialize<'de> for UniqueKeys {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<UniqueKeys, D::Error> {
        deserializer.deserialize_any(UniqueKeys)
    }
}

impl<'de> Visitor<'de> for UniqueKeys {
    type Value = UniqueKeys;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("JSON")
    }

    fn visit_bool<E>(self, _: bool) -> Result<UniqueKeys, E> {
        Ok(self)
    }

    fn visit_i64<E>(self, _: i64) -> Result<UniqueKeys, E> {
        Ok(self)
    }

    fn visit_u64<E>(self, _: u64) -> Result<UniqueKeys, E> {
        Ok(self)
    }

    fn visit_f64<E>(self, _: f64) -> Result<UniqueKeys, E> {
        Ok(self)
    }

    fn visit_str<E>(self, _: &str) -> Result<UniqueKeys, E> {
        Ok(self)
    }

    fn visit_unit<E>(self) -> Result<UniqueKeys, E> {
        Ok(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<UniqueKeys, A::Error> {
        while elements.next_element::<UniqueKeys>()?.is_some() {}
        Ok(self)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<UniqueKeys, A::Error> {
        let mut keys = BTreeSet::new();
        while let Some((key, UniqueKeys)) = fields.next_entry::<String, UniqueKeys>()? {
            if let Some(key) = keys.replace(key) {
                return Err(A::Error::custom(format!("the key {key} twice")));
            }
        }
        Ok(self)
    }
}

fn schema_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/schema")
}

fn file_name(command: &str) -> String {
    format!("{}.json", command.replace(' ', "-"))
}

fn recorded_snapshots() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/fixtures");
    let mut files: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "json"));
    files.sort();
    assert!(files.len() >= 4, "{files:?}");
    files
}

#[test]
fn schemas_are_current() {
    let folder = schema_folder();
    let page = fs::read_to_string(folder.join("README.md")).unwrap();
    let mut names = BTreeSet::new();
    for (command, schema) in json_schemas() {
        let name = file_name(command);
        let text = format!("{:#}\n", schema.as_value());
        if std::env::var_os("UPDATE_DOCS").is_some() {
            fs::write(folder.join(&name), &text).unwrap();
        }
        let written = fs::read_to_string(folder.join(&name)).unwrap_or_default();
        assert!(written == text, "docs/schema/{name} is not current: run UPDATE_DOCS=1 cargo test schemas");
        assert!(page.contains(&format!("({name})")), "docs/schema/README.md does not name {name}");
        names.insert(name);
    }
    let files = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let others: Vec<String> = files.filter(|name| name != "README.md" && !names.contains(name)).collect();
    assert!(others.is_empty(), "docs/schema has files of no command: {others:?}");
}

#[test]
fn schemas_are_valid_schemas() {
    for (command, schema) in json_schemas() {
        jsonschema::draft202012::meta::validate(schema.as_value()).unwrap_or_else(|error| panic!("{command}: {error}"));
    }
}

#[test]
fn schemas_describe_recorded_snapshots() {
    for file in recorded_snapshots() {
        assert_valid("snapshot", &serde_json::from_str(&fs::read_to_string(file).unwrap()).unwrap());
    }
}

/// Runs a command, whose output is validated, and notes the command in its document.
fn run_json(arguments: &[&str], commands: &mut BTreeSet<String>) -> Value {
    let answer = run_pgtend(&[arguments, &["--format", "json"]].concat());
    let document: Value =
        serde_json::from_str(&answer.stdout).unwrap_or_else(|error| panic!("{arguments:?}: {error}: {answer:?}"));
    commands.insert(document["command"].as_str().expect("a command").to_owned());
    document
}

/// Every report that can be made of a snapshot file, and of a history with that snapshot.
fn run_all_from(file: &str, store: &str, commands: &mut BTreeSet<String>) {
    let mut run = |arguments: &[&str]| run_json(&[arguments, &["--from", file]].concat(), commands);
    for report in REPORT_NAMES {
        run(&[report]);
        run(&[report, "--all-databases"]);
    }
    run(&["snapshot"]);
    run(&["check", "--hygiene"]);
    run(&["audit", "--growth", "0"]);
    run(&["audit", "--target-size", "10GB", "--allocated", "200GB", "--price", "0.1", "--method", "dump"]);
    let slots = run(&["slots"]);
    for slot in array_field(&slots, "slots") {
        let name = slot["slot_name"].as_str().expect("a name");
        run(&["slots", "why", name]);
        // In the other snapshots, the role may not drop slots.
        if file.ends_with("disaster.json") {
            run(&["slots", "drop", name, "--dry-run", "--allow-unproven"]);
        }
    }
    run(&["history", "record", "--history", store]);
    for report in ["list", "growth", "journal", "prune"] {
        run_json(&["history", report, "--history", store], commands);
    }
}

/// The reports of a server that has a duplicate index, and those that need a server.
async fn run_on_server(folder: &str, commands: &mut BTreeSet<String>) {
    let cluster = shared_cluster(newest_installation().major);
    let database = create_database(cluster).await;
    let sql = "create table t (a int, b int); create index t_a on t (a); create index t_a2 on t (a)";
    execute_sql(cluster, &database, sql).await;
    let conninfo = format!("{} dbname={database}", cluster.conninfo());
    let mut run =
        |arguments: &[&str]| run_json(&[arguments, &["--history", "none", "-d", &conninfo]].concat(), commands);
    let plan = run(&["indexes", "migrate", "--min-reclaim", "0", "--framework", "sql", "--output", folder, "--yes"]);
    assert_eq!(plan["migration"]["indexes"].as_array().map(Vec::len), Some(1), "{plan}");
    run(&["indexes", "migrate", "--maintenance", "--output", folder, "--dry-run"]);
    let verified = run(&["indexes", "verify", folder]);
    assert_eq!(verified["verification"]["indexes"].as_array().map(Vec::len), Some(1), "{verified}");
    for report in REPORT_NAMES.iter().chain(&["audit", "check"]) {
        run(&[report]);
    }
    run(&["snapshot"]);
}

#[tokio::test]
async fn schemas_describe_every_report() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let migrations = path("migrations");
    let mut commands = BTreeSet::new();
    for (number, file) in recorded_snapshots().iter().enumerate() {
        run_all_from(path_text(file), &path(&format!("{number}.db")), &mut commands);
    }
    let nowhere = "[target.a]\nconninfo = \"host=/nonexistent user=x dbname=x\"\n";
    let targets = format!("{nowhere}{}", nowhere.replace(".a]", ".b]"));
    let config = write_config(folder.path(), &targets);
    run_json(&["check", "--all-targets", "--config", &config, "--history", "none"], &mut commands);

    run_on_server(&migrations, &mut commands).await;
    let described: BTreeSet<String> = json_schemas().into_iter().map(|(command, _)| command.to_owned()).collect();
    assert_eq!(commands, described, "documents, and commands with a schema");
}

/// JSON pointers of all values below `value`.
fn pointers(value: &Value, pointer: &str, found: &mut Vec<String>) {
    found.push(pointer.to_owned());
    match value {
        Value::Object(fields) => {
            fields.iter().for_each(|(key, field)| pointers(field, &format!("{pointer}/{}", escape(key)), found));
        }
        Value::Array(elements) => {
            elements.iter().enumerate().for_each(|(n, element)| pointers(element, &format!("{pointer}/{n}"), found));
        }
        _ => {}
    }
}

fn escape(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

#[test]
fn schemas_refuse_duplicate_keys() {
    assert!(serde_json::from_str::<UniqueKeys>(r#"{"a": [{"b": 1.5}, {"b": -1}], "b": null}"#).is_ok());
    let error = serde_json::from_str::<UniqueKeys>(r#"{"a": [{"b": 1, "c": "", "b": true}]}"#).unwrap_err();
    assert!(error.to_string().starts_with("the key b twice"), "{error}");
}

#[test]
fn schemas_refuse_changed_reports() {
    let file = recorded_snapshots().into_iter().find(|path| path.ends_with("disaster.json")).unwrap();
    for report in ["overview", "databases", "slots", "wal", "check"] {
        let arguments = [report, "--from", path_text(&file), "--format", "json"];
        let answer = run_command(&mut pgtend_command(&arguments));
        let document: Value = serde_json::from_str(&answer.stdout).unwrap();
        let validator = validator(report);
        let is_valid = |pointer: &str, change: &dyn Fn(&mut Value)| {
            let mut changed = document.clone();
            change(changed.pointer_mut(pointer).unwrap());
            validator.is_valid(&changed)
        };
        for key in document.as_object().unwrap().keys() {
            let remove = |value: &mut Value| drop(value.as_object_mut().unwrap().remove(key));
            assert!(!is_valid("", &remove), "{report} is valid without {key}");
        }
        let mut found = Vec::new();
        pointers(&document, "", &mut found);
        for pointer in found {
            let has_another_type = is_valid(&pointer, &|value| *value = json!([[true]]));
            assert!(!has_another_type, "{report}: {pointer} may be of any type");
            if document.pointer(&pointer).is_some_and(Value::is_object) {
                let has_another_key = is_valid(&pointer, &|value| value["no_such_key"] = Value::Null);
                assert!(!has_another_key, "{report}: {pointer} may have any key");
            }
        }
    }
}
