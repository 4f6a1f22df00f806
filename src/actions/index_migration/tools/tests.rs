//! Reads the written files as each tool reads them, by its documented grammar, with arbitrary statements.

use super::{Framework, Migration, MigrationError, MigrationFolder, NewFile};
use crate::actions::index_migration::plan::Statement;
use proptest::prelude::*;

fn step(sql: &str, runs_alone: bool) -> Statement {
    Statement { sql: sql.to_owned(), non_transactional: runs_alone, is_precaution: false }
}

fn files_for(framework: Framework, migration: &Migration) -> Result<Vec<NewFile>, MigrationError> {
    let now = "2026-01-31T23:59:58Z".parse().unwrap();
    framework.migration_files(&MigrationFolder::default(), std::slice::from_ref(migration), now)
}

/// Statements of each file: up and down.
type UpDownStatements = Vec<(Vec<String>, Vec<String>)>;

fn line_statements(text: &str) -> Vec<String> {
    let is_sql = |line: &&str| !line.starts_with("--") && !line.starts_with('\\') && !line.is_empty();
    text.lines().filter(is_sql).map(|line| line.strip_suffix(';').expect("its end").to_owned()).collect()
}

/// Files in pairs, whose names end in `.up.sql` and `.down.sql` (golang-migrate: `^([0-9]+)_(.*)\.(down|up)\.(.*)$`).
fn read_up_down_pairs(files: &[NewFile]) -> UpDownStatements {
    let of = |pair: &[NewFile]| {
        let [up, down] = pair else { panic!("no pair") };
        let names = [up, down].map(|file| file.path.to_str().unwrap().to_owned());
        let (stem, same) = (names[0].strip_suffix(".up.sql").unwrap(), names[1].strip_suffix(".down.sql").unwrap());
        let (version, name) = stem.split_once('_').unwrap();
        assert!(stem == same && version.bytes().all(|c| c.is_ascii_digit()) && !name.is_empty());
        assert!(!up.text.is_empty() && !down.text.is_empty());
        (line_statements(&up.text), line_statements(&down.text))
    };
    files.chunks(2).map(of).collect()
}

/// goose (`internal/sqlparser/parser.go`): annotations are comments at the beginning of a line; other comments are left
/// out; a statement ends with a line whose last word before a comment ends in a semicolon, or between its marks.
fn read_goose(text: &str) -> (Vec<String>, Vec<String>) {
    let (mut up, mut down) = (Vec::new(), Vec::new());
    let mut is_down = None;
    let mut inside = false;
    let mut buffer = String::new();
    let mut alone = false;
    for line in text.lines() {
        if let Some(comment) = line.strip_prefix("--") {
            match comment.trim() {
                "+goose NO TRANSACTION" => alone = true,
                "+goose Up" => is_down = Some(false),
                "+goose Down" => is_down = Some(true),
                "+goose StatementBegin" => inside = true,
                "+goose StatementEnd" => {
                    inside = false;
                    let to = if is_down == Some(true) { &mut down } else { &mut up };
                    to.push(std::mem::take(&mut buffer));
                }
                other => assert!(!other.starts_with("+goose"), "{other}"),
            }
            continue;
        }
        if line.is_empty() && buffer.is_empty() {
            continue;
        }
        buffer.push_str(line);
        let before_comment = line.split_whitespace().take_while(|word| !word.starts_with("--")).last();
        if !inside && before_comment.is_some_and(|word| word.ends_with(';')) {
            let to = if is_down.expect("a section") { &mut down } else { &mut up };
            to.push(std::mem::take(&mut buffer));
        }
    }
    assert!(alone && buffer.is_empty() && !inside, "{text}");
    let bare = |statements: Vec<String>| {
        statements.into_iter().map(|sql| sql.strip_suffix(';').expect("its end").to_owned()).collect()
    };
    (bare(up), bare(down))
}

/// dbmate (`pkg/dbmate/migration.go`): two blocks, each begun by its mark at the beginning of a line.
fn read_dbmate(files: &[NewFile]) -> UpDownStatements {
    let of = |file: &NewFile| {
        let marks = |mark: &str| file.text.lines().filter(|line| line.starts_with(mark)).count();
        assert_eq!((marks("-- migrate:up"), marks("-- migrate:down")), (1, 1), "{}", file.text);
        let (up, down) = file.text.split_once("\n-- migrate:down").unwrap();
        let (_, up) = up.split_once("-- migrate:up").unwrap();
        let body = |text: &str| line_statements(text.split_once('\n').unwrap().1);
        (body(up), body(down))
    };
    files.iter().map(of).collect()
}

/// Liquibase: changesets, each with one line of rollback. The rollback runs from the last changeset to the first.
fn read_liquibase(text: &str) -> UpDownStatements {
    assert!(text.starts_with("--liquibase formatted sql\n"));
    text.split("\n--changeset ")
        .skip(1)
        .map(|changeset| {
            let lines: Vec<&str> = changeset.lines().collect();
            let [options, up, down] = lines[..] else { panic!("{changeset}") };
            assert!(options.contains("splitStatements:false"));
            let bare = |sql: &str| vec![sql.strip_suffix(';').unwrap().to_owned()];
            (bare(up), bare(down.strip_prefix("--rollback ").unwrap()))
        })
        .collect()
}

/// Returns the string at the beginning of a text. Python and JavaScript support all escapes of JSON.
fn read_string(text: &str) -> String {
    let mut stream = serde_json::Deserializer::from_str(text).into_iter::<String>();
    stream.next().expect("a string").expect("a whole one")
}

/// Returns all strings after `mark`, of the up part and of the down part.
fn read_calls(text: &str, divider: &str, mark: &str) -> (Vec<String>, Vec<String>) {
    let code: String = text
        .lines()
        .filter(|line| !line.starts_with('#') && !line.starts_with("//"))
        .map(|line| format!("{line}\n"))
        .collect();
    let (up, down) = code.split_once(divider).expect("two ways");
    let of = |part: &str| {
        let lines = part.lines().filter_map(|line| line.trim_start().strip_prefix(mark));
        lines.filter(|rest| rest.starts_with('"')).map(read_string).collect::<Vec<_>>()
    };
    (of(up), of(down))
}

/// Ruby: the text of each heredoc without its indentation.
fn read_ruby(text: &str) -> (Vec<String>, Vec<String>) {
    let (up, down) = text.split_once("\n  def down\n").unwrap();
    let of = |part: &str| {
        let documents = part.split("execute <<~'SQL'\n").skip(1);
        documents
            .map(|rest| rest.split_once("\n    SQL\n").unwrap().0.strip_prefix("      ").unwrap().to_owned())
            .collect()
    };
    (of(up), of(down))
}

/// SQL with names and literals that contain the marks of the tools.
fn any_sql() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        4 => "[ -~]{0,12}",
        2 => "\\PC{0,6}",
        1 => prop::sample::select(vec![
            "-- migrate:down", "-- +goose Down", "--rollback ", "${x}", "#{y}", "%(z)s", ":name", "a;b", "; --", "\\", "\"", "'",
            "SQL", "$$", "//", "/*", "?", "`",
        ]).prop_map(str::to_owned),
    ];
    proptest::collection::vec(piece, 1..5).prop_map(|pieces| {
        let inside: String = pieces
            .concat()
            .chars()
            .filter(|c| !c.is_control() && !matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}'))
            .collect();
        format!("DROP INDEX \"{inside}\"")
    })
}

proptest! {
    #[test]
    fn frameworks_roundtrip_any_statement(up in any_sql(), first in any_sql(), second in any_sql(), index in any::<String>(), header in any::<String>()) {
        let migration = Migration {
            index,
            header: vec!["Written".to_owned(), format!("About {header}")],
            up: step(&up, true),
            down: vec![step(&first, true), step(&second, false)],
        };
        let whole = (vec![up.clone()], vec![first.clone(), second.clone()]);
        let nothing = "SELECT 1".to_owned();
        let parts = vec![(vec![nothing], vec![second.clone()]), (vec![up.clone()], vec![first.clone()])];
        for framework in Framework::ALL {
            let files = match files_for(framework, &migration) {
                Ok(files) => files,
                Err(MigrationError::Inexpressible { .. }) => {
                    // The tool is refused only if it cannot express the statements.
                    let statements = format!("{up}{first}{second}");
                    let must_be = match framework {
                        Framework::Liquibase => statements.contains("${"),
                        Framework::Knex => statements.contains("\\?"),
                        _ => false,
                    };
                    prop_assert!(must_be);
                    continue;
                }
                Err(other) => panic!("{other}"),
            };
            let text = &files[0].text;
            let read: UpDownStatements = match framework {
                Framework::Sql => read_up_down_pairs(&files),
                Framework::Sqlx | Framework::GolangMigrate => read_up_down_pairs(&files),
                Framework::Goose => vec![read_goose(text)],
                Framework::Dbmate => read_dbmate(&files),
                Framework::Liquibase => read_liquibase(text),
                Framework::Flyway => {
                    prop_assert!(files[1].text.contains("executeInTransaction=false"));
                    vec![(line_statements(text), line_statements(&files[2].text))]
                }
                Framework::Diesel => {
                    let of = |name: &str| files.iter().filter(|file| file.path.ends_with(name)).map(|file| line_statements(&file.text)).collect::<Vec<_>>();
                    of("up.sql").into_iter().zip(of("down.sql")).collect()
                }
                Framework::Rails => vec![read_ruby(text)],
                Framework::Django => vec![read_calls(text, "reverse_sql=", "")],
                Framework::Alembic => {
                    let (up, down) = read_calls(text, "\ndef downgrade", "op.execute(DDL(");
                    let undo = |statements: Vec<String>| {
                        statements.into_iter().map(|sql| sql.replace("%%", "%")).collect()
                    };
                    vec![(undo(up), undo(down))]
                }
                Framework::Knex => {
                    let (up, down) = read_calls(text, "\nexports.down", "await knex.raw(");
                    let undo = |statements: Vec<String>| {
                        statements.into_iter().map(|sql| sql.replace("\\?", "?")).collect()
                    };
                    vec![(undo(up), undo(down))]
                }
                Framework::NodePgMigrate => vec![read_calls(text, "\nexports.down", "pgm.sql(")],
            };
            let expected = match framework {
                Framework::Sqlx | Framework::GolangMigrate | Framework::Dbmate | Framework::Diesel | Framework::Liquibase => &parts,
                _ => &vec![whole.clone()],
            };
            prop_assert_eq!(&read, expected, "{:?}: {}", framework, text);
        }
    }
}

#[test]
fn sqlx_no_transaction_is_first_line() {
    let migration = Migration {
        index: "a".to_owned(),
        header: vec!["Written".to_owned()],
        up: step("DROP INDEX CONCURRENTLY a", true),
        down: vec![step("CREATE INDEX CONCURRENTLY a ON t (x)", true), step("ANALYZE t", false)],
    };
    let files = files_for(Framework::Sqlx, &migration).unwrap();
    let marked: Vec<bool> = files.iter().map(|file| file.text.starts_with("-- no-transaction\n")).collect();
    // The step of the rollback that restores properties runs in a transaction, up and down.
    assert_eq!(marked, [false, false, true, true]);
    let files = files_for(Framework::Diesel, &migration).unwrap();
    let settings: Vec<&str> =
        files.iter().filter(|file| file.path.ends_with("metadata.toml")).map(|file| file.text.as_str()).collect();
    assert_eq!(settings, ["run_in_transaction = false\n"]);
}

#[test]
fn frameworks_keep_version_style() {
    let now = "2026-01-31T23:59:58Z".parse().unwrap();
    let migration = Migration {
        index: "users_idx".to_owned(),
        header: Vec::new(),
        up: step("DROP INDEX CONCURRENTLY a", true),
        down: vec![step("CREATE INDEX CONCURRENTLY a ON t (x)", true)],
    };
    let first = |framework: Framework, names: &[&str]| {
        let folder = MigrationFolder {
            names: names.iter().map(|name| (*name).to_owned()).collect(),
            ..MigrationFolder::default()
        };
        framework
            .migration_files(&folder, std::slice::from_ref(&migration), now)
            .map(|files| files[0].path.display().to_string())
    };
    for (framework, names, expected) in [
        (Framework::Sqlx, &["0001_a.up.sql", "0001_a.down.sql"][..], "0002_drop_users_idx.up.sql"),
        (Framework::Sqlx, &["20250101000000_a.sql"], "20260131235958_drop_users_idx.sql"),
        (Framework::GolangMigrate, &["000007_a.up.sql"], "000008_drop_users_idx.up.sql"),
        (Framework::Goose, &["00003_a.sql", "00010_b.sql"], "00011_drop_users_idx.sql"),
        (Framework::Flyway, &["V2_1__a.sql"], "V2_2__drop_users_idx.sql"),
        (Framework::Diesel, &["2025-01-01-000000_a"], "2026-01-31-235958_drop_users_idx/up.sql"),
        (Framework::Diesel, &["00000000000000_diesel_initial_setup"], "2026-01-31-235958_drop_users_idx/up.sql"),
        (Framework::NodePgMigrate, &["1700000000000_a.mjs"], "1769903998000_drop_users_idx.mjs"),
        (Framework::Knex, &["20250101000000_a.ts"], "20260131235958_drop_users_idx.ts"),
        (Framework::Goose, &["00003_drop_users_idx.sql"], "00004_drop_users_idx_2.sql"),
    ] {
        assert_eq!(first(framework, names).unwrap(), expected, "{names:?}");
    }
    let mixed = first(Framework::Sqlx, &["1_a.sql", "2_b.up.sql", "2_b.down.sql"]).unwrap_err();
    assert!(mixed.to_string().contains("mixes two kinds"), "{mixed}");
}
