//! Names with injection attempts in the migrations of every tool: as the parser of its language reads them, and as a
//! server executes them up and down.

use std::fmt::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use pg_sandbox::Cluster;
use pgtend::actions::index_migration::tools::Framework;

use super::hostile_names::{NAMES, create_hostile_objects, index_name};
use crate::clusters::{print_stderr, query_texts, sample_cases, wait_until_true_in};
use crate::migrations::program::{LIMIT_OPTIONS, files_below, newest_cluster};
use crate::reports::fixture_servers::{quote_name, role_conninfo};
use crate::reports::formats::assert_harmless;
use crate::reports::program::{pgtend_command, run_command};

/// Programs in the tools' languages that print the texts that each file passes to its tool, as one JSON list.
const PYTHON: &str = "
import ast, json, sys
texts = []
for path in sys.argv[1:]:
    source = open(path, encoding='utf-8').read()
    compile(source, path, 'exec')
    texts += [n.value for n in ast.walk(ast.parse(source)) if isinstance(n, ast.Constant) and isinstance(n.value, str)]
json.dump(texts, sys.stdout)";
const RUBY: &str = "
require 'json'
$texts = []
module ActiveRecord; class Migration
  def self.[](release) self end
  def self.current_version() 1 end
  def self.disable_ddl_transaction!() end
  def execute(sql) $texts << sql.chomp end
end; end
ARGV.each do |path|
  before = ActiveRecord::Migration.subclasses
  load path
  (ActiveRecord::Migration.subclasses - before).each { |it| it.new.up; it.new.down }
end
puts JSON.generate($texts)";
const NODE: &str = "
const texts = [];
const tool = { raw: async sql => texts.push(sql.replaceAll('\\\\?', '?')), sql: sql => texts.push(sql), noTransaction() {} };
(async () => {
  for (const path of process.argv.slice(1)) {
    const it = require(path);
    await it.up(tool); await it.down(tool);
  }
  console.log(JSON.stringify(texts));
})();";

/// Returns the texts that a tool's files pass to the server, if a parser is available; `None` for plain SQL.
fn migration_texts(framework: Framework, paths: &[String]) -> Option<Vec<String>> {
    let (program, script) = match framework {
        Framework::Django | Framework::Alembic => ("python3", ["-c", PYTHON]),
        Framework::Rails => ("ruby", ["-e", RUBY]),
        Framework::Knex | Framework::NodePgMigrate => ("node", ["-e", NODE]),
        _ => return None,
    };
    let paths: Vec<&str> = paths.iter().map(String::as_str).collect();
    let Ok(output) = Command::new(program).args(script).args(&paths).output() else {
        print_stderr(&format!("hostile names: {} NOT READ, no {program}", framework.name()));
        return Some(Vec::new());
    };
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{}: {stderr}", framework.name());
    Some(
        serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|error| panic!("{}: {error}: {stderr}", framework.name())),
    )
}

#[tokio::test]
async fn hostile_names_are_quoted_in_migrations() {
    let cluster = newest_cluster();
    create_hostile_objects(&cluster).await;
    read_and_wait_until_counted(&cluster).await;
    let comments = "select c.relname, obj_description(c.oid) from pg_class c where relkind = 'i' and \
                    relnamespace::regnamespace::text !~ '^pg_' order by 1";
    let before = query_texts(&cluster, "shop", comments).await;
    let mut summary = String::new();
    for framework in sample_cases("hostile names in migrations", Framework::ALL, 20) {
        let folder = tempfile::tempdir().unwrap();
        let (written, refused) = write_migrations(&cluster, framework, folder.path());
        assert!(refused.len() <= 3, "{}: refuses {refused:?}", framework.name());
        let paths: Vec<String> = files_below(folder.path())
            .into_iter()
            .filter(|path| path.is_file())
            .map(|path| path.to_str().unwrap().to_owned())
            .collect();
        for path in &paths {
            let text = std::fs::read_to_string(path).unwrap();
            // Liquibase's rollback is a statement in a marked comment: names are unchanged there.
            let is_comment = |line: &&str| {
                let line = line.trim_start();
                line.starts_with(['-', '#', '/']) && !line.starts_with("--rollback ")
            };
            let comments: Vec<&str> = text.lines().filter(is_comment).collect();
            assert_harmless(path, &comments.join("\n"));
        }
        if let Some(texts) = migration_texts(framework, &paths) {
            for raw in written.iter().filter(|_| !texts.is_empty()) {
                // Alembic replaces two percent signs by one.
                let as_printed = |name: &str| match framework {
                    // Written as U&"…", which every tool passes on unchanged.
                    _ if name.chars().any(pgtend::quote::is_unprintable) => pgtend::quote::quote_identifier(name),
                    Framework::Alembic => quote_name(&name.replace('%', "%%")),
                    _ => quote_name(name),
                };
                let (index, name) = (as_printed(&index_name(raw)), as_printed(raw));
                let drop_statement = format!("DROP INDEX CONCURRENTLY IF EXISTS {name}.{index}");
                let create_statement = format!(" {index} ON {name}.{name}");
                assert!(texts.contains(&drop_statement), "{}: {drop_statement} is lost: {texts:#?}", framework.name());
                // The up migration of an index is the server's own definition, which contains unprintable characters
                // unchanged.
                let plain = |name: &str| match framework {
                    Framework::Alembic => quote_name(&name.replace('%', "%%")),
                    _ => quote_name(name),
                };
                let server = format!("{} ON {}", plain(&index_name(raw)), plain(raw));
                let is_there = texts.iter().any(|text| text.contains(&create_statement) || text.contains(&server));
                assert!(is_there, "{}: {create_statement} is lost: {texts:#?}", framework.name());
            }
        } else if !run_up_and_down(&cluster, framework, &paths) {
            print_stderr(&format!("hostile names: {} NOT RUN, no psql", framework.name()));
        }
        let after = query_texts(&cluster, "shop", comments).await;
        assert_eq!(before, after, "{}: up and down", framework.name());
        let _ = write!(summary, " {} {}", framework.name(), written.len());
    }
    let kept = query_texts(&cluster, "shop", "select to_regclass('public.kept')::text").await;
    assert_eq!(kept[0][0].as_deref(), Some("kept"), "a name was executed");
    print_stderr(&format!("hostile names in migrations:{summary}"));
}

/// Reads every table, and waits until the statistics show it.
async fn read_and_wait_until_counted(cluster: &Cluster) {
    let read = "select count(*) = 0 from pg_stat_user_tables where seq_scan < 1 and relname <> 'kept'";
    wait_until_true_in(cluster, "shop", read).await;
}

/// Writes migrations for all names that the tool supports. The tool must name the others and write nothing until they
/// are excluded.
fn write_migrations(cluster: &Cluster, framework: Framework, folder: &Path) -> (Vec<&'static str>, Vec<&'static str>) {
    let conninfo = role_conninfo(cluster, "postgres", "shop");
    // Characters that may end a line are refused for all tools.
    let ends_lines = |c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}');
    let mut names: Vec<&str> = NAMES.into_iter().filter(|name| !name.contains(ends_lines)).collect();
    let mut refused = Vec::new();
    loop {
        let named: Vec<String> = names.iter().map(|name| format!("{name}.{}", index_name(name))).collect();
        let named: Vec<&str> = named.iter().map(String::as_str).collect();
        let fixed =
            ["indexes", "migrate", "-d", &conninfo, "--framework", framework.name(), "--yes", "--history", "none"];
        let output = ["--output", folder.to_str().unwrap()];
        let answer =
            run_command(&mut pgtend_command(&[&fixed[..], &output, &LIMIT_OPTIONS[..], &["--"], &named].concat()));
        assert_harmless(framework.name(), &(answer.stdout.clone() + &answer.stderr));
        if answer.exit == 0 {
            return (names, refused);
        }
        assert_eq!((answer.exit, files_below(folder).len()), (4, 0), "{}: {answer:?}", framework.name());
        // A statement that is quoted as a whole has its own quotes escaped.
        let stderr = answer.stderr.replace("\\\"", "\"").replace("\\\\", "\\");
        let is_named = |name: &str| {
            let index = index_name(name);
            stderr.contains(&format!("{name}.{index}")) || stderr.contains(&quote_name(&index))
        };
        let position = names.iter().position(|name| is_named(name));
        let position =
            position.unwrap_or_else(|| panic!("{}: refuses none of the names: {}", framework.name(), answer.stderr));
        refused.push(names.remove(position));
    }
}

/// Splits a file into up and down as the tool would.
fn split_up_and_down(framework: Framework, text: &str) -> Option<(String, String)> {
    let split_at = |mark: &str| text.split_once(mark).map(|(there, back)| (there.to_owned(), format!("--{back}")));
    match framework {
        Framework::Goose => split_at("\n-- +goose Down"),
        Framework::Dbmate => split_at("\n-- migrate:down"),
        Framework::Liquibase => {
            let (down_lines, up_lines): (Vec<&str>, Vec<&str>) =
                text.lines().partition(|line| line.starts_with("--rollback "));
            let down_lines: Vec<&str> =
                down_lines.iter().rev().map(|line| line.trim_start_matches("--rollback ")).collect();
            Some((up_lines.join("\n"), down_lines.join("\n")))
        }
        _ => None,
    }
}

/// Runs all up migrations, then all down migrations in reverse order; the tools' own marks are comments to psql.
fn run_up_and_down(cluster: &Cluster, framework: Framework, paths: &[String]) -> bool {
    let (mut there, mut back) = (Vec::new(), Vec::new());
    for path in paths.iter().filter(|path| path.ends_with(".sql")) {
        let text = std::fs::read_to_string(path).unwrap();
        let name = path.rsplit('/').next().unwrap_or_default();
        if let Some(ways) = split_up_and_down(framework, &text) {
            there.push((path, ways.0));
            back.push((path, ways.1));
        } else if name.ends_with("down.sql") || framework == Framework::Flyway && name.starts_with('U') {
            back.push((path, text));
        } else {
            there.push((path, text));
        }
    }
    assert_eq!(there.len(), back.len(), "{}: as many down migrations as up migrations", framework.name());
    let conninfo = role_conninfo(cluster, "postgres", "shop");
    for (path, text) in there.into_iter().chain(back.into_iter().rev()) {
        let mut shell = Command::new("psql");
        shell.args(["-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", &conninfo]);
        shell.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
        let Ok(mut child) = shell.spawn() else { return false };
        std::io::Write::write_all(&mut child.stdin.take().expect("a pipe"), text.as_bytes()).expect("it reads");
        let output = child.wait_with_output().expect("it ends");
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{}: {path}: {stderr}", framework.name());
    }
    true
}
