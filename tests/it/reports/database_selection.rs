//! A target with a list of databases: only those are read.

use super::fixture_servers::{DATABASE, NAMES, fixture_servers, role_conninfo};
use super::program::{
    ProgramOutput, array_field, expect_failure, find_element, pgtend_command, report_json, run_command, run_pgtend,
};
use crate::check::nightly_runs::write_config;
use crate::clusters::on_a_major_and_the_newest;
use serde_json::Value;

/// Runs a report that may print on stderr what it does not include.
fn report_json_with_stderr(arguments: &[&str]) -> Value {
    let ProgramOutput { exit, stdout, stderr } = run_pgtend(&[arguments, &["--format", "json"]].concat());
    assert_eq!(exit, 0, "{stderr}");
    serde_json::from_str(&stdout).unwrap_or_else(|error| panic!("{error}: {stdout}"))
}

/// Returns the databases that were read.
fn databases_read(report: &Value) -> Vec<&str> {
    array_field(report, "accounting").iter().map(|row| row["database"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn selection_reads_listed_databases_only() {
    on_a_major_and_the_newest(13, "databases of a target", async |major, _| {
        let cluster = &fixture_servers(major).primary;
        let folder = tempfile::tempdir().unwrap();
        let within = |database: &str| role_conninfo(cluster, "postgres", database).replace('\'', "");
        let somewhere = within("postgres").replace("dbname=postgres", "");
        let stranger = role_conninfo(cluster, "stranger", DATABASE).replace('\'', "");
        let text = format!(
            "[target.gone]\nconninfo = \"{0}\"\ndatabases = [\"aside\", \"no such\", \"closed\"]\n\
             [target.hidden]\nconninfo = \"{stranger}\"\ndatabases = [\"private\"]\n\
             [target.elsewhere]\nconninfo = \"{0}\"\ndatabases = [{1}, \"aside\"]\n\
             [target.first]\nconninfo = \"{somewhere}\"\ndatabases = [\"aside\", \"{DATABASE}\"]\n\
             [target.only]\nconninfo = \"{somewhere}\"\ndatabases = [\"aside\"]\n\
             [target.every]\nconninfo = \"{0}\"\ndatabases = \"all\"\n",
            within("postgres"),
            // A JSON string is also a TOML string.
            Value::from(NAMES[6])
        );
        let config = write_config(folder.path(), &text);
        let of = |target| ["--config", config.as_str(), "--target", target, "--history", "none"];
        let check = |target, more: &[&str]| -> (i32, Value) {
            let arguments = [&["check", "--format", "json", "--only", "invalid-index"], &of(target)[..], more].concat();
            let ProgramOutput { exit, stdout, stderr } = run_pgtend(&arguments);
            (exit, serde_json::from_str(&stdout).unwrap_or_else(|error| panic!("{error}: {stdout}{stderr}")))
        };

        // A listed database that cannot be read is named, whatever the reason.
        let tables = report_json(&[&["tables"], &of("gone")[..]].concat());
        assert_eq!(databases_read(&tables), ["aside"]);
        let why = |report: &Value, name: &str| {
            let gaps = array_field(report, "unavailable").iter();
            let mut gap = gaps.filter(|gap| gap["reason"].as_str().unwrap().contains(&format!("database {name} was")));
            gap.next().unwrap_or_else(|| panic!("no {name} in {report}"))["reason"].as_str().unwrap().to_owned()
        };
        assert!(why(&tables, "no such").ends_with("this database does not exist"), "{tables}");
        let (exit, check_report) = check("gone", &[]);
        assert_eq!((exit, check_report["status"].as_str()), (3, Some("UNKNOWN")), "{check_report}");
        for name in ["no such", "closed"] {
            why(&check_report, name);
        }
        let (exit, check_report) = check("hidden", &[]);
        assert!(exit == 3 && why(&check_report, "private").contains("no CONNECT"), "{check_report}");
        for command in [&["indexes", "verify", "."][..], &["indexes", "migrate", "--dry-run"]] {
            let refused = expect_failure(2, &[command, &of("first")[..]].concat());
            assert!(refused.contains("works on one database, but target \"first\" lists \"aside\" and "), "{refused}");
            let refused = expect_failure(2, &[command, &of("hidden")[..]].concat());
            assert!(refused.contains("works on one database, but target \"hidden\" lists \"private\""), "{refused}");
        }
        let taken = run_command(&mut pgtend_command(&[&["indexes", "verify", "."], &of("only")[..]].concat()));
        assert!(taken.stderr.contains("was written by pgtend"), "a single listed database is connected to: {taken:?}");

        // The database of the conninfo is neither of the two.
        let tables = report_json(&[&["tables"], &of("elsewhere")[..]].concat());
        assert_eq!(tables["server"]["database"], "postgres");
        let mut selected = ["aside", NAMES[6]];
        selected.sort_unstable();
        assert_eq!(databases_read(&tables), selected);
        let (exit, check_report) = check("elsewhere", &[]);
        assert_eq!(exit, 0, "{check_report}");
        let note = find_element(&check_report, "notes", "check", "databases")["message"].to_string();
        assert!(note.contains("the target lists other databases"), "{note}");
        // Without a database in the conninfo, the first one of the list is used.
        let tables = report_json(&[&["tables"], &of("first")[..]].concat());
        assert_eq!(tables["server"]["database"], "aside");
        assert_eq!(databases_read(&tables), ["aside", DATABASE]);
        assert!(array_field(&tables, "tables").iter().all(|table| table["database"].is_string()));
        let indexes = report_json_with_stderr(&[&["indexes"], &of("first")[..]].concat());
        assert_eq!(array_field(&indexes, "observation").len(), 2);
        let snapshot = report_json_with_stderr(&[&["snapshot"], &of("first")[..]].concat());
        assert_eq!(array_field(&snapshot, "database_snapshots").len(), 2);

        // All databases, by the file and by the flag, which overrides the file.
        let every = report_json_with_stderr(&[&["tables"], &of("every")[..]].concat());
        assert!(databases_read(&every).len() > 3 && array_field(&every, "unavailable").len() >= 2, "{every}");
        let flagged = report_json_with_stderr(&[&["tables", "--all-databases"], &of("only")[..]].concat());
        assert_eq!(databases_read(&flagged), databases_read(&every));
        let (exit, check_report) = check("every", &[]);
        assert!(exit == 1 && check_report["findings"].to_string().contains("shop/zoo.invalid_one"), "{check_report}");
        assert!(
            !check_report["notes"].to_string().contains("was skipped"),
            "the closed database was not listed: {check_report}"
        );
        assert!(!check_report["notes"].to_string().contains("\"kind\":\"not read\""), "{check_report}");
        // A fleet reads the same databases.
        let fleet = ["check", "--all-targets", "--config", &config, "--history", "none", "--format", "json"];
        let check_report: Value = serde_json::from_str(&run_pgtend(&fleet).stdout).unwrap();
        let of = |name: &str| find_element(&check_report, "targets", "target", name).to_string();
        assert!(
            of("gone").contains("database no such was skipped")
                && of("only").contains("the target lists other databases")
        );
    })
    .await;
}

#[tokio::test]
async fn selection_sample_holds_listed_databases() {
    on_a_major_and_the_newest(13, "sample of a target's databases", async |major, _| {
        let cluster = &fixture_servers(major).primary;
        let folder = tempfile::tempdir().unwrap();
        let within = role_conninfo(cluster, "postgres", "postgres").replace('\'', "");
        let text = format!("[target.two]\nconninfo = \"{within}\"\ndatabases = [\"aside\", \"{DATABASE}\"]\n");
        let config = write_config(folder.path(), &text);
        let history = folder.path().join("h.db");
        let of = ["--config", &config, "--target", "two", "--history", history.to_str().unwrap()];
        let recorded = run_pgtend(&[&["history", "record"], &of[..]].concat());
        assert_eq!(recorded.exit, 0, "{recorded:?}");
        let indexes = report_json_with_stderr(&[&["indexes"], &of[..]].concat());
        let databases: Vec<&Value> = array_field(&indexes, "observation").iter().map(|row| &row["database"]).collect();
        assert_eq!(databases, ["aside", DATABASE], "{indexes}");
    })
    .await;
}
