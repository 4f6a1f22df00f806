//! Names with injection attempts for every kind of object: through every command, in every format, read by third-party
//! parsers.

use std::process::{Command, Stdio};

use pg_sandbox::Cluster;
use serde_json::Value;

use crate::clusters::{
    cluster_options, connect_superuser, is_short_run, newest_installation, on_a_major_and_the_newest_alone,
    print_stderr, query_one_text, query_texts,
};
use crate::reports::fixture_servers::{execute_batch, quote_name, role_conninfo};
use crate::reports::formats::{assert_harmless, cell_separators, strip_code_spans};
use crate::reports::program::{ProgramOutput, array_field, pgtend_command, run_command};

/// Without line breaks, which migrations do not support.
pub const NAMES: [&str; 34] = [
    "'; drop table kept; --",
    "\"; drop table kept; --",
    "%s%n%(x)s 100%",
    "{{7*7}} ${HOME} #{7*7} <%= 7 %>",
    "$$ $x$ $1",
    "*/ select 1 /*",
    "-- x",
    "]]> <!-- x -->",
    "<marquee onstart=alert(1)>x</marquee>",
    "&lt;b&gt; &#60; &amp;",
    "=cmd|' /C calc'!A0",
    "+1+1",
    "-2+3",
    "@SUM(1)",
    "a|b `c` *d* _e_ ~~f~~ [g](javascript:h)",
    "# head",
    "name{x=\"1\"} 2\\",
    "CRITICAL | x=1;2;3;4",
    "back\\slash\\n \\u0041",
    "\u{1b}]0;title\u{7}\u{1b}[31m",
    "\u{9b}31m\u{85}",
    "\t tab",
    "right \u{202e}tfel ot\u{2069} \u{200b}\u{feff}",
    "\u{2028}line\u{2029}",
    "🐘👩\u{200d}👩\u{200d}👧",
    "éééééééééééééééééééééééééééééééx",
    "pgtend:index {}",
    "+goose Down",
    "migrate:down",
    "rollback drop",
    "SQL",
    "\"\"\" ''' end",
    "\\. \\q \\! :x :'y'",
    "?|& ::int ?",
];

/// Returns the name of the index on the table of that name: as a relation in the same schema, it has one more letter.
pub fn index_name(name: &str) -> String {
    let end = (0..=name.len().min(62)).rev().find(|position| name.is_char_boundary(*position)).unwrap_or(0);
    format!("{}i", &name[..end])
}

/// Creates a schema, a table, its columns and an index with the name, and the name as their comment. The table is read
/// once to have statistics.
fn create_objects_named(name: &str) -> String {
    let index = quote_name(&index_name(name));
    let (name, literal) = (quote_name(name), format!("E'{}'", name.replace('\\', "\\\\").replace('\'', "\\'")));
    format!(
        "create schema {name}; create table {name}.{name} ({name} int, other int);
         insert into {name}.{name} select n, n from generate_series(1, 50) n;
         create index {index} on {name}.{name} ({name}); comment on index {name}.{index} is {literal};
         comment on table {name}.{name} is {literal}; select count(*) from {name}.{name} where other > 3;"
    )
}

pub async fn create_hostile_objects(cluster: &Cluster) {
    let client = connect_superuser(cluster, "postgres").await;
    execute_batch(&client, "create database shop").await;
    execute_batch(&client, "create role watcher login; grant pg_monitor to watcher").await;
    execute_batch(&client, "select pg_create_physical_replication_slot('drop_table_kept__', true)").await;
    // From 19 on, names of roles and databases contain no line breaks.
    let refuses_breaks =
        query_one_text(cluster, "postgres", "select current_setting('server_version_num')::int >= 190000");
    let refuses_breaks = refuses_breaks.await.as_deref() == Some("t");
    let is_role = |name: &str| !(refuses_breaks && name.contains(['\n', '\r']));
    for name in NAMES.iter().chain(&NAMES_WITH_BREAKS).filter(|name| is_role(name)) {
        execute_batch(&client, &format!("create role {}", quote_name(name))).await;
    }
    // A database's name is in the head of every report.
    execute_batch(&client, &format!("create database {} owner {}", quote_name(HOSTILE_HEAD), quote_name(NAMES[8])))
        .await;
    let shop = connect_superuser(cluster, "shop").await;
    execute_batch(&shop, "create table kept (id int primary key)").await;
    for name in NAMES.iter().chain(&NAMES_WITH_BREAKS) {
        execute_batch(&shop, &create_objects_named(name)).await;
        if is_role(name) {
            execute_batch(&shop, &format!("alter table {0}.{0} owner to {0}", quote_name(name))).await;
        }
    }
    drop(shop);
    execute_batch(&connect_superuser(cluster, HOSTILE_HEAD).await, &create_objects_named(HOSTILE_HEAD)).await;
}

const NAMES_WITH_BREAKS: [&str; 2] = ["two\nlines\r", "\u{b}\u{c}"];
const HOSTILE_HEAD: &str = "'\"<marquee onstart=x>|\u{1b}[31m\u{202e} $(x) {{y}}";

/// Each uses a snapshot, except for those with their own argument for it.
const COMMAND_RUNS: [&[&str]; 12] = [
    &["overview"],
    &["databases"],
    &["tables"],
    &["indexes"],
    &["slots"],
    &["slots", "why", "drop_table_kept__"],
    &["slots", "drop", "drop_table_kept__", "--dry-run"],
    &["wal"],
    &["audit"],
    &["check", "--hygiene", "--no-notify"],
    &["history", "list"],
    &["history", "growth"],
];
const FORMATS: [&str; 5] = ["table", "json", "csv", "markdown", "html"];

#[tokio::test]
async fn hostile_names_are_text_in_every_format() {
    let settings = cluster_options().with_setting("autovacuum", "off").with_setting("fsync", "off");
    let cases = std::sync::atomic::AtomicUsize::new(0);
    on_a_major_and_the_newest_alone(13, "hostile names", settings, async |major, cluster| {
        create_hostile_objects(&cluster).await;
        let folder = tempfile::tempdir().unwrap();
        let path_in_folder = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
        let (history, file) = (path_in_folder("history.db"), path_in_folder("now.json"));
        // A session with such a name is idle in a transaction, too.
        let mut config: tokio_postgres::Config = role_conninfo(&cluster, "postgres", "shop").parse().unwrap();
        config.application_name(NAMES[14]);
        let (idle, connection) = config.connect(tokio_postgres::NoTls).await.unwrap();
        tokio::spawn(connection);
        idle.batch_execute("begin; select count(*) from kept").await.unwrap();
        let conninfo_of = |database| role_conninfo(&cluster, "postgres", database);
        for (database, more) in [("shop", &[][..]), (HOSTILE_HEAD, &["--all-databases"])] {
            let snapshot =
                [&["snapshot", "--output", &file, "-d", &conninfo_of(database), "--history", "none", "-q"], more];
            let taken = run_command(&mut pgtend_command(&snapshot.concat()));
            assert_eq!((taken.exit, taken.stderr.as_str()), (0, ""), "{taken:?}");
            let recorded =
                run_command(&mut pgtend_command(&["history", "record", "--from", &file, "--history", &history]));
            assert_eq!(recorded.exit, 0, "{recorded:?}");
            assert_harmless("record", &recorded.stdout);
            let pairs = COMMAND_RUNS.iter().enumerate().flat_map(|(row, run)| {
                let formats = FORMATS.iter().enumerate();
                formats.map(move |(column, format)| (row + column, *run, *format))
            });
            // Each major takes every third pair; the newest tests all, except in a short run.
            let takes_all = major == newest_installation().major && !is_short_run();
            for (_, run, format) in
                pairs.filter(|(position, _, _)| takes_all || (position + major as usize).is_multiple_of(3))
            {
                let arguments = run_arguments(run, format, &file, &history, more);
                assert_output(&arguments, format, run, database == "shop");
                cases.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            }
            for format in ["nagios", "prometheus"] {
                let arguments = run_arguments(COMMAND_RUNS[9], format, &file, &history, &[]);
                assert_output(&arguments, format, COMMAND_RUNS[9], database == "shop");
            }
        }
        // The same over a connection: the conninfo itself contains the name.
        let live =
            run_command(&mut pgtend_command(&["overview", "-d", &conninfo_of(HOSTILE_HEAD), "--history", "none"]));
        assert_eq!(live.exit, 0, "{live:?}");
        assert_harmless("live", &(live.stdout + &live.stderr));
        let kept = query_texts(&cluster, "shop", "select to_regclass('public.kept')::text").await;
        assert_eq!(kept[0][0].as_deref(), Some("kept"), "a name was executed");
    })
    .await;
    let cases = cases.load(std::sync::atomic::Ordering::Relaxed);
    print_stderr(&format!("hostile names: {} names, {cases} outputs", NAMES.len() + NAMES_WITH_BREAKS.len() + 1));
}

fn run_arguments(run: &[&str], format: &str, file: &str, history: &str, more: &[&str]) -> Vec<String> {
    let mut arguments = run.to_vec();
    arguments.extend(["--format", format, "--history", history]);
    match run[0] {
        "history" => {}
        "tables" | "indexes" => arguments.extend([&["--from", file, "--limit", "0"], more].concat()),
        _ => arguments.extend(["--from", file]),
    }
    arguments.into_iter().map(str::to_owned).collect()
}

/// Checks one output against the rules of its format.
fn assert_output(arguments: &[String], format: &str, run: &[&str], has_all: bool) {
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let what = format!("{arguments:?}");
    let ProgramOutput { exit, stdout, stderr } = run_command(&mut pgtend_command(&arguments));
    assert!(exit == 0 || run[0] == "check" && exit < 4, "{what}: exit {exit}: {stderr}");
    assert_harmless(&what, &stderr);
    assert_harmless(&what, &stdout);
    match format {
        "json" => {
            let report: Value = serde_json::from_str(&stdout).unwrap_or_else(|error| panic!("{what}: {error}"));
            for name in NAMES.iter().chain(&NAMES_WITH_BREAKS).filter(|_| has_all) {
                let is_there = match run[0] {
                    "tables" => array_field(&report, "tables").iter().any(|table| table["table"] == **name),
                    "indexes" => array_field(&report, "indexes").iter().any(|index| index["index"] == index_name(name)),
                    _ => true,
                };
                assert!(is_there, "{what}: {name:?} is lost");
            }
        }
        "csv" => {
            let mut reader = csv::Reader::from_reader(stdout.as_bytes());
            for record in reader.records() {
                let record = record.unwrap_or_else(|error| panic!("{what}: {error}"));
                let formula = |field: &&str| field.starts_with(['=', '+', '@', '-']) && field.parse::<f64>().is_err();
                assert_eq!(record.iter().find(formula), None, "{what}");
            }
        }
        "markdown" => {
            let mut columns = None;
            for line in stdout.lines() {
                columns = line.starts_with('|').then(|| columns.unwrap_or(cell_separators(line)));
                assert!(columns.is_none_or(|columns| columns == cell_separators(line)), "{what}: {line}");
            }
            let outside = stdout.lines().map(strip_code_spans).collect::<Vec<_>>().join("\n");
            // A character after a backslash is literal.
            let live = outside.replace("\\\\", "").replace("\\<", "").replace("\\]", "");
            assert!(!live.contains("<marquee") && !live.contains("](javascript"), "{what}: {outside}");
        }
        "html" => assert_html(&what, &stdout, has_all && matches!(run[0], "tables" | "indexes")),
        "nagios" => {
            let first = stdout.lines().next().unwrap_or_default();
            assert!(first.matches('|').count() <= 1, "{what}: {first}");
        }
        "prometheus" => assert_metrics(&what, &stdout),
        _ => {}
    }
}

/// Parses with Python's own parser: no element and no attribute comes from a name, and the name is text.
fn assert_html(what: &str, page: &str, has_all: bool) {
    const READ: &str = "
import html.parser, json, sys
class Page(html.parser.HTMLParser):
    tags, attributes, text, links = set(), set(), [], []
    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        for name, value in attrs:
            self.attributes.add(name)
            if name in ('href', 'src'): self.links.append(value)
    handle_startendtag = handle_starttag
    def handle_data(self, data): self.text.append(data)
page = Page(convert_charrefs=True)
page.feed(sys.stdin.read()); page.close()
json.dump([sorted(page.tags), sorted(page.attributes), ''.join(page.text), page.links], sys.stdout)";
    let Some(read) = pipe_through("python3", &["-c", READ], page) else {
        return print_stderr("hostile names: html NOT READ, no python3");
    };
    let read: Value = serde_json::from_str(&read).expect("JSON");
    let texts_at = |position: usize| {
        read[position].as_array().expect("a list").iter().filter_map(Value::as_str).collect::<Vec<_>>()
    };
    assert!(!texts_at(0).contains(&"marquee") && !texts_at(0).contains(&"script"), "{what}: {:?}", texts_at(0));
    assert!(!texts_at(1).iter().any(|name| name.starts_with("on")), "{what}: {:?}", texts_at(1));
    assert!(!texts_at(3).iter().any(|link| link.contains("javascript:")), "{what}: {:?}", texts_at(3));
    let text = read[2].as_str().expect("text");
    let plain = |name: &&&str| has_all && !name.contains(|c: char| c.is_control() || !c.is_ascii());
    for name in NAMES.iter().filter(plain) {
        assert!(text.contains(name), "{what}: {name:?} is lost");
    }
}

/// Parses with promtool.
fn assert_metrics(what: &str, text: &str) {
    let mut checker = Command::new("promtool");
    checker.args(["check", "metrics"]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let Ok(mut child) = checker.spawn() else { return print_stderr("hostile names: metrics NOT READ, no promtool") };
    std::io::Write::write_all(&mut child.stdin.take().expect("a pipe"), text.as_bytes()).expect("it reads");
    let output = child.wait_with_output().expect("it ends");
    // 3: style warnings about names and help; 1: a syntax error.
    assert_ne!(output.status.code(), Some(1), "{what}: {}\n{text}", String::from_utf8_lossy(&output.stderr));
}

/// Pipes a text through a program; `None` if the program is not installed.
fn pipe_through(program: &str, arguments: &[&str], text: &str) -> Option<String> {
    let child = Command::new(program).args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
    let mut child = child.ok()?;
    std::io::Write::write_all(&mut child.stdin.take()?, text.as_bytes()).ok()?;
    let output = child.wait_with_output().ok()?;
    assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stdout));
    Some(String::from_utf8(output.stdout).expect("UTF-8"))
}
