//! A target that lists its databases: those are read, and no other.

use super::program::{Answer, answer, element, json, list, pgtend, refusal, run};
use super::zoo::{DATABASE, NAMES, conninfo, zoo};
use crate::check::nights::configuration;
use crate::clusters::on_a_major_and_the_newest;
use serde_json::Value;

/// A report that may say on stderr what it does not show.
fn report(arguments: &[&str]) -> Value {
    let Answer { exit, stdout, stderr } = run(&[arguments, &["--format", "json"]].concat());
    assert_eq!(exit, 0, "{stderr}");
    serde_json::from_str(&stdout).unwrap_or_else(|error| panic!("{error}: {stdout}"))
}

/// Which databases were read from inside.
fn read(report: &Value) -> Vec<&str> {
    list(report, "accounting").iter().map(|one| one["database"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn those_listed_are_read_and_no_other() {
    on_a_major_and_the_newest(13, "databases that a target lists", async |major, _| {
        let cluster = &zoo(major).primary;
        let folder = tempfile::tempdir().unwrap();
        let within = |database: &str| conninfo(cluster, "postgres", database).replace('\'', "");
        let somewhere = within("postgres").replace("dbname=postgres", "");
        let stranger = conninfo(cluster, "stranger", DATABASE).replace('\'', "");
        let text = format!(
            "[target.gone]\nconninfo = \"{0}\"\ndatabases = [\"aside\", \"no such\", \"closed\"]\n\
             [target.hidden]\nconninfo = \"{stranger}\"\ndatabases = [\"private\"]\n\
             [target.elsewhere]\nconninfo = \"{0}\"\ndatabases = [{1}, \"aside\"]\n\
             [target.first]\nconninfo = \"{somewhere}\"\ndatabases = [\"aside\", \"{DATABASE}\"]\n\
             [target.only]\nconninfo = \"{somewhere}\"\ndatabases = [\"aside\"]\n\
             [target.every]\nconninfo = \"{0}\"\ndatabases = \"all\"\n",
            within("postgres"),
            // TOML writes it as JSON does.
            Value::from(NAMES[6])
        );
        let config = configuration(folder.path(), &text);
        let of = |target| ["--config", config.as_str(), "--target", target, "--history", "none"];
        let check = |target, more: &[&str]| -> (i32, Value) {
            let arguments = [&["check", "--format", "json", "--only", "invalid-index"], &of(target)[..], more].concat();
            let Answer { exit, stdout, stderr } = run(&arguments);
            (exit, serde_json::from_str(&stdout).unwrap_or_else(|error| panic!("{error}: {stdout}{stderr}")))
        };

        // What is listed and cannot be read is named, whatever the reason: someone counts on it.
        let tables = json(&[&["tables"], &of("gone")[..]].concat());
        assert_eq!(read(&tables), ["aside"]);
        let why = |report: &Value, name: &str| {
            let gaps = list(report, "unavailable").iter();
            let mut gap = gaps.filter(|gap| gap["reason"].as_str().unwrap().contains(&format!("database {name} was")));
            gap.next().unwrap_or_else(|| panic!("no {name} in {report}"))["reason"].as_str().unwrap().to_owned()
        };
        assert!(why(&tables, "no such").ends_with("there is no database of that name"), "{tables}");
        let (exit, night) = check("gone", &[]);
        assert_eq!((exit, night["status"].as_str()), (3, Some("UNKNOWN")), "{night}");
        for name in ["no such", "closed"] {
            why(&night, name);
        }
        let (exit, night) = check("hidden", &[]);
        assert!(exit == 3 && why(&night, "private").contains("no CONNECT"), "{night}");
        for command in [&["indexes", "verify", "."][..], &["indexes", "migrate", "--dry-run"]] {
            let refused = refusal(2, &[command, &of("first")[..]].concat());
            assert!(refused.contains("is for one database, and target \"first\" lists \"aside\" and "), "{refused}");
            let refused = refusal(2, &[command, &of("hidden")[..]].concat());
            assert!(refused.contains("is for one database, and target \"hidden\" lists \"private\""), "{refused}");
        }
        let taken = answer(&mut pgtend(&[&["indexes", "verify", "."], &of("only")[..]].concat()));
        assert!(taken.stderr.contains("was written by pgtend"), "one that is listed alone is connected to: {taken:?}");

        // The database that is connected to is none of the two.
        let tables = json(&[&["tables"], &of("elsewhere")[..]].concat());
        assert_eq!(tables["server"]["database"], "postgres");
        let mut both = ["aside", NAMES[6]];
        both.sort_unstable();
        assert_eq!(read(&tables), both);
        let (exit, night) = check("elsewhere", &[]);
        assert_eq!(exit, 0, "{night}");
        let note = element(&night, "notes", "check", "databases")["message"].to_string();
        assert!(note.contains("not looked into: ") && note.contains("the target lists others"), "{note}");
        // Without one of its own, a conninfo leads to the first.
        let tables = json(&[&["tables"], &of("first")[..]].concat());
        assert_eq!(tables["server"]["database"], "aside");
        assert_eq!(read(&tables), ["aside", DATABASE]);
        assert!(list(&tables, "tables").iter().all(|one| one["database"].is_string()));
        let indexes = report(&[&["indexes"], &of("first")[..]].concat());
        assert_eq!(list(&indexes, "observation").len(), 2);
        let snapshot = report(&[&["snapshot"], &of("first")[..]].concat());
        assert_eq!(list(&snapshot, "contents").len(), 2);

        // All of them, by the file and by the flag, which wins over the file.
        let every = report(&[&["tables"], &of("every")[..]].concat());
        assert!(read(&every).len() > 3 && list(&every, "unavailable").len() >= 2, "{every}");
        let flagged = report(&[&["tables", "--all-databases"], &of("only")[..]].concat());
        assert_eq!(read(&flagged), read(&every));
        let (exit, night) = check("every", &[]);
        assert!(exit == 1 && night["findings"].to_string().contains("shop/zoo.invalid_one"), "{night}");
        assert!(!night["notes"].to_string().contains("cannot tell"), "nobody listed the closed one: {night}");
        assert!(!night["notes"].to_string().contains("not looked into"), "{night}");
        // So does a fleet.
        let fleet = ["check", "--all-targets", "--config", &config, "--history", "none", "--format", "json"];
        let night: Value = serde_json::from_str(&run(&fleet).stdout).unwrap();
        let of = |name: &str| element(&night, "targets", "target", name).to_string();
        assert!(of("gone").contains("database no such was skipped") && of("only").contains("the target lists others"));
    })
    .await;
}

#[tokio::test]
async fn a_sample_holds_those_listed() {
    on_a_major_and_the_newest(13, "a sample of the databases that a target lists", async |major, _| {
        let cluster = &zoo(major).primary;
        let folder = tempfile::tempdir().unwrap();
        let within = conninfo(cluster, "postgres", "postgres").replace('\'', "");
        let text = format!("[target.two]\nconninfo = \"{within}\"\ndatabases = [\"aside\", \"{DATABASE}\"]\n");
        let config = configuration(folder.path(), &text);
        let history = folder.path().join("h.db");
        let of = ["--config", &config, "--target", "two", "--history", history.to_str().unwrap()];
        let recorded = run(&[&["history", "record"], &of[..]].concat());
        assert_eq!(recorded.exit, 0, "{recorded:?}");
        let indexes = report(&[&["indexes"], &of[..]].concat());
        let databases: Vec<&Value> = list(&indexes, "observation").iter().map(|one| &one["database"]).collect();
        assert_eq!(databases, ["aside", DATABASE], "{indexes}");
    })
    .await;
}
