//! Names made to be obeyed, as everything on a server that has a name: through every command, in every format, read by parsers
//! that nobody here wrote.

use std::process::{Command, Stdio};

use pgtend::sandbox::Cluster;
use serde_json::Value;

use crate::clusters::{connect, on_a_major_and_the_newest_alone, options, query_texts, say};
use crate::reports::formats::{assert_harmless, bars, without_code};
use crate::reports::program::{Answer, answer, list, pgtend};
use crate::reports::zoo::{batch, conninfo, quoted};

/// No line break in these: a migration may hold them.
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

/// The index on the table of that name: a relation, too, so it has one letter more.
pub fn index_of(name: &str) -> String {
    let end = (0..=name.len().min(62)).rev().find(|at| name.is_char_boundary(*at)).unwrap_or(0);
    format!("{}i", &name[..end])
}

/// As a schema, a table, its columns, an index, with the name as its comment; read once, as nobody knows of a table
/// that nobody reads.
fn of_name(name: &str) -> String {
    let index = quoted(&index_of(name));
    let (name, literal) = (quoted(name), format!("E'{}'", name.replace('\\', "\\\\").replace('\'', "\\'")));
    format!(
        "create schema {name}; create table {name}.{name} ({name} int, other int);
         insert into {name}.{name} select n, n from generate_series(1, 50) n;
         create index {index} on {name}.{name} ({name}); comment on index {name}.{index} is {literal};
         comment on table {name}.{name} is {literal}; select count(*) from {name}.{name} where other > 3;"
    )
}

pub async fn prepare(cluster: &Cluster) {
    let client = connect(cluster, "postgres").await;
    batch(&client, "create database shop").await;
    batch(&client, "create role watcher login; grant pg_monitor to watcher").await;
    batch(&client, "select pg_create_physical_replication_slot('drop_table_kept__', true)").await;
    for name in NAMES.iter().chain(&BREAKS) {
        batch(&client, &format!("create role {}", quoted(name))).await;
    }
    // A database's name is in every report's head.
    batch(&client, &format!("create database {} owner {}", quoted(HEAD), quoted(NAMES[8]))).await;
    let shop = connect(cluster, "shop").await;
    batch(&shop, "create table kept (id int primary key)").await;
    for name in NAMES.iter().chain(&BREAKS) {
        batch(&shop, &of_name(name)).await;
        batch(&shop, &format!("alter table {0}.{0} owner to {0}", quoted(name))).await;
    }
    drop(shop);
    batch(&connect(cluster, HEAD).await, &of_name(HEAD)).await;
}

const BREAKS: [&str; 2] = ["two\nlines\r", "\u{b}\u{c}"];
const HEAD: &str = "'\"<marquee onstart=x>|\u{1b}[31m\u{202e} $(x) {{y}}";

/// Each takes a snapshot, but for those that have their own word on it.
const RUNS: [&[&str]; 12] = [
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
async fn no_name_is_obeyed_or_lost_in_any_command_and_format() {
    let settings = options().set("autovacuum", "off").set("fsync", "off");
    let cases = std::sync::atomic::AtomicUsize::new(0);
    on_a_major_and_the_newest_alone(13, "hostile names", settings, async |major, cluster| {
        prepare(&cluster).await;
        let folder = tempfile::tempdir().unwrap();
        let place = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
        let (history, file) = (place("history.db"), place("now.json"));
        // Somebody idles in a transaction under such a name, too.
        let mut config: tokio_postgres::Config = conninfo(&cluster, "postgres", "shop").parse().unwrap();
        config.application_name(NAMES[14]);
        let (idle, connection) = config.connect(tokio_postgres::NoTls).await.unwrap();
        tokio::spawn(connection);
        idle.batch_execute("begin; select count(*) from kept").await.unwrap();
        let of = |database| conninfo(&cluster, "postgres", database);
        for (database, more) in [("shop", &[][..]), (HEAD, &["--all-databases"])] {
            let snapshot = [&["snapshot", "--output", &file, "-d", &of(database), "--history", "none", "-q"], more];
            let taken = answer(&mut pgtend(&snapshot.concat()));
            assert_eq!((taken.exit, taken.stderr.as_str()), (0, ""), "{taken:?}");
            let recorded = answer(&mut pgtend(&["history", "record", "--from", &file, "--history", &history]));
            assert_eq!(recorded.exit, 0, "{recorded:?}");
            assert_harmless("record", &recorded.stdout);
            let pairs = RUNS.iter().enumerate().flat_map(|(row, run)| {
                let formats = FORMATS.iter().enumerate();
                formats.map(move |(column, format)| (row + column, *run, *format))
            });
            // Each major takes every third of them; the newest all.
            let is_newest = crate::clusters::majors().keys().max() == Some(&major);
            for (_, run, format) in pairs.filter(|(at, _, _)| is_newest || (at + major as usize).is_multiple_of(3)) {
                let arguments = arguments(run, format, &file, &history, more);
                shown(&arguments, format, run, database == "shop");
                cases.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            }
            for format in ["nagios", "prometheus"] {
                let arguments = arguments(RUNS[9], format, &file, &history, &[]);
                shown(&arguments, format, RUNS[9], database == "shop");
            }
        }
        // The same by way of a connection: the conninfo itself holds the name.
        let live = answer(&mut pgtend(&["overview", "-d", &of(HEAD), "--history", "none"]));
        assert_eq!(live.exit, 0, "{live:?}");
        assert_harmless("live", &(live.stdout + &live.stderr));
        let kept = query_texts(&cluster, "shop", "select to_regclass('public.kept')::text").await;
        assert_eq!(kept[0][0].as_deref(), Some("kept"), "a name was obeyed");
    })
    .await;
    let cases = cases.load(std::sync::atomic::Ordering::Relaxed);
    say(&format!("hostile names: {} names, {cases} outputs", NAMES.len() + BREAKS.len() + 1));
}

fn arguments(run: &[&str], format: &str, file: &str, history: &str, more: &[&str]) -> Vec<String> {
    let mut all = run.to_vec();
    all.extend(["--format", format, "--history", history]);
    match run[0] {
        "history" => {}
        "tables" | "indexes" => all.extend([&["--from", file, "--limit", "0"], more].concat()),
        _ => all.extend(["--from", file]),
    }
    all.into_iter().map(str::to_owned).collect()
}

/// One output, held to what its format promises.
fn shown(arguments: &[String], format: &str, run: &[&str], has_all: bool) {
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let what = format!("{arguments:?}");
    let Answer { exit, stdout, stderr } = answer(&mut pgtend(&arguments));
    assert!(exit == 0 || run[0] == "check" && exit < 4, "{what}: exit {exit}: {stderr}");
    assert_harmless(&what, &stderr);
    assert_harmless(&what, &stdout);
    match format {
        "json" => {
            let report: Value = serde_json::from_str(&stdout).unwrap_or_else(|error| panic!("{what}: {error}"));
            for name in NAMES.iter().chain(&BREAKS).filter(|_| has_all) {
                let is_there = match run[0] {
                    "tables" => list(&report, "tables").iter().any(|one| one["table"] == **name),
                    "indexes" => list(&report, "indexes").iter().any(|one| one["index"] == index_of(name)),
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
                columns = line.starts_with('|').then(|| columns.unwrap_or(bars(line)));
                assert!(columns.is_none_or(|columns| columns == bars(line)), "{what}: {line}");
            }
            let outside = stdout.lines().map(without_code).collect::<Vec<_>>().join("\n");
            // What stands behind a backslash is itself.
            let live = outside.replace("\\\\", "").replace("\\<", "").replace("\\]", "");
            assert!(!live.contains("<marquee") && !live.contains("](javascript"), "{what}: {outside}");
        }
        "html" => html(&what, &stdout, has_all && matches!(run[0], "tables" | "indexes")),
        "nagios" => {
            let first = stdout.lines().next().unwrap_or_default();
            assert!(first.matches('|').count() <= 1, "{what}: {first}");
        }
        "prometheus" => metrics(&what, &stdout),
        _ => {}
    }
}

/// As Python's own parser reads it: no element and no attribute that a name brought along, and the name as text.
fn html(what: &str, page: &str, has_all: bool) {
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
    let Some(read) = fed("python3", &["-c", READ], page) else {
        return say("hostile names: html NOT READ, no python3");
    };
    let read: Value = serde_json::from_str(&read).expect("JSON");
    let of = |at: usize| read[at].as_array().expect("a list").iter().filter_map(Value::as_str).collect::<Vec<_>>();
    assert!(!of(0).contains(&"marquee") && !of(0).contains(&"script"), "{what}: {:?}", of(0));
    assert!(!of(1).iter().any(|name| name.starts_with("on")), "{what}: {:?}", of(1));
    assert!(!of(3).iter().any(|link| link.contains("javascript:")), "{what}: {:?}", of(3));
    let text = read[2].as_str().expect("text");
    let plain = |name: &&&str| has_all && !name.contains(|c: char| c.is_control() || !c.is_ascii());
    for name in NAMES.iter().filter(plain) {
        assert!(text.contains(name), "{what}: {name:?} is lost");
    }
}

/// As promtool reads them.
fn metrics(what: &str, text: &str) {
    let mut checker = Command::new("promtool");
    checker.args(["check", "metrics"]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let Ok(mut child) = checker.spawn() else { return say("hostile names: metrics NOT READ, no promtool") };
    std::io::Write::write_all(&mut child.stdin.take().expect("a pipe"), text.as_bytes()).expect("it reads");
    let output = child.wait_with_output().expect("it ends");
    // 3: names or helps it would have otherwise; 1: what it cannot read.
    assert_ne!(output.status.code(), Some(1), "{what}: {}\n{text}", String::from_utf8_lossy(&output.stderr));
}

/// What a program makes of a text; `None` where there is no such program.
fn fed(program: &str, arguments: &[&str], text: &str) -> Option<String> {
    let child = Command::new(program).args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
    let mut child = child.ok()?;
    std::io::Write::write_all(&mut child.stdin.take()?, text.as_bytes()).ok()?;
    let output = child.wait_with_output().ok()?;
    assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stdout));
    Some(String::from_utf8(output.stdout).expect("UTF-8"))
}
