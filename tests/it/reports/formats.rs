//! Every format of every report, with names that could break it.

use pgtend::render::{Document, Style, render_terminal};
use unicode_width::UnicodeWidthStr;

use super::fixture_servers::{DATABASE, NAMES, ROLES, fixture_servers, role_conninfo};
use super::program::{REPORT_NAMES, array_field, pgtend_command, report_json, run_command, run_pgtend};
use crate::clusters::on_a_major_and_the_newest;

/// Renders a report in a format for a screen of so many columns.
fn render_report(arguments: &[&str], columns: &str) -> String {
    let answer = run_command(pgtend_command(arguments).env("COLUMNS", columns));
    assert!(answer.exit == 0 && answer.stderr.is_empty(), "{arguments:?}: {answer:?}");
    answer.stdout
}

/// Control characters, and characters that hide or reorder the text around them (Unicode 9, UAX #9).
fn is_unsafe(c: char) -> bool {
    let reorders = matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}' | '\u{61c}');
    c.is_control() || reorders || matches!(c, '\u{200b}' | '\u{2028}' | '\u{2029}' | '\u{feff}')
}

#[track_caller]
pub fn assert_harmless(what: &str, text: &str) {
    let unsafe_ones: Vec<char> = text.chars().filter(|c| *c != '\n' && is_unsafe(*c)).collect();
    assert!(unsafe_ones.is_empty(), "{what}: {unsafe_ones:?}");
}

#[tokio::test]
async fn formats_table_fits_the_screen() {
    on_a_major_and_the_newest(13, "width of tables", async |major, _| {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("snapshot.json");
        let file = file.to_str().unwrap();
        for role in ROLES {
            let conninfo = role_conninfo(&fixture_servers(major).primary, role, DATABASE);
            let options: &[&str] = if role == "stranger" { &["--all-databases"] } else { &[] };
            render_report(&[&["snapshot", "--output", file, "-d", &conninfo], options].concat(), "80");
            for report in REPORT_NAMES {
                let more: &[&str] = match report {
                    "tables" | "indexes" => &["--limit", "0"],
                    _ => &[],
                };
                let arguments = [&[report, "--from", file], more, options].concat();
                for columns in ["80", "120"] {
                    let text = render_report(&arguments, columns);
                    let what = format!("{report} as {role} at {columns} columns on {major}");
                    assert_harmless(&what, &text);
                    for line in text.lines() {
                        assert!(line.width() <= columns.parse().unwrap(), "{what}: {}: {line}", line.width());
                        assert_eq!(line.trim_end(), line, "{what}: spaces at the end");
                    }
                }
            }
        }
    })
    .await;
}

#[test]
fn formats_long_words_fit_the_screen() {
    let mut document = Document::default();
    document.line(format!("invalid in database shop: {}, other", "\u{1b}".repeat(63)));
    let text = render_terminal(&document, Style { color: false, width: Some(80) });
    for line in text.lines() {
        assert!(line.width() <= 80, "{}: {line}", line.width());
    }
}

#[tokio::test]
async fn formats_overview_fits_one_screen() {
    on_a_major_and_the_newest(13, "height of the overview", async |major, _| {
        for cluster in [&fixture_servers(major).primary, &fixture_servers(major).standby] {
            let text = render_report(&["overview", "-d", &role_conninfo(cluster, "postgres", DATABASE)], "80");
            assert!(text.lines().count() <= 24, "{} lines:\n{text}", text.lines().count());
        }
    })
    .await;
}

#[tokio::test]
async fn formats_csv_has_one_record_per_element() {
    on_a_major_and_the_newest(13, "CSV records", async |major, _| {
        let conninfo = role_conninfo(&fixture_servers(major).primary, "postgres", DATABASE);
        for (report, key) in
            [("databases", "database"), ("tables", "table"), ("indexes", "index"), ("slots", "slot_name")]
        {
            let text = render_report(&[report, "--format", "csv", "-d", &conninfo], "80");
            assert_harmless(report, &text);
            let mut reader = csv::Reader::from_reader(text.as_bytes());
            let header = reader.headers().unwrap().clone();
            assert!(header.iter().any(|name| name == key), "{report}: {header:?}");
            // The reader refuses records of another length.
            let records: Vec<csv::StringRecord> = reader.records().map(|record| record.unwrap()).collect();
            let elements = report_json(&[report, "-d", &conninfo]);
            let expected =
                array_field(&elements, report).iter().filter(|element| element["persistence"] != "temporary").count();
            let temporary = |record: &&csv::StringRecord| record.iter().any(|field| field.contains("pg_temp_"));
            assert_eq!(records.iter().filter(|record| !temporary(record)).count(), expected, "{report} on {major}");
            let column =
                header.iter().position(|name| name == "total_bytes" || name == "size_bytes" || name == "bytes");
            if let Some(place) = column {
                assert!(records.iter().all(|record| record[place].is_empty() || record[place].parse::<u64>().is_ok()));
            }
        }
        for report in ["wal", "overview"] {
            let text = render_report(&[report, "--format", "csv", "-d", &conninfo], "80");
            let records: Result<Vec<_>, _> = csv::Reader::from_reader(text.as_bytes()).records().collect();
            assert!(records.unwrap().len() > 1, "{report}: {text}");
        }
    })
    .await;
}

#[tokio::test]
async fn formats_markdown_escapes_names() {
    on_a_major_and_the_newest(13, "Markdown cells and code spans", async |major, _| {
        let conninfo = role_conninfo(&fixture_servers(major).primary, "postgres", DATABASE);
        for report in REPORT_NAMES {
            let text = render_report(&[report, "--format", "markdown", "-d", &conninfo], "80");
            assert_harmless(report, &text);
            let mut columns = None;
            for line in text.lines() {
                let bars = cell_separators(line);
                if !line.starts_with('|') {
                    columns = None;
                    continue;
                }
                assert_eq!(bars, *columns.get_or_insert(bars), "{report} on {major}: {line}");
                assert!(line.ends_with('|'), "{report}: {line}");
            }
            let outside = text.lines().map(strip_code_spans).collect::<Vec<_>>().join("\n");
            assert!(!outside.contains("<script>"), "{report} on {major}: {outside}");
        }
    })
    .await;
}

/// Counts the bars that end a cell: a bar after a backslash does not.
pub fn cell_separators(line: &str) -> usize {
    line.replace("\\\\", "").replace("\\|", "").matches('|').count()
}

/// Returns the line without its code spans: a run of backticks, and the text up to the next run of the same length.
pub fn strip_code_spans(line: &str) -> String {
    let mut out = String::new();
    let mut rest = line;
    while let Some(position) = rest.find('`') {
        let fence: String = rest[position..].chars().take_while(|c| *c == '`').collect();
        out.push_str(&rest[..position]);
        let inside = &rest[position + fence.len()..];
        let end = inside
            .match_indices(&fence)
            .find(|(end, _)| !inside[end + fence.len()..].starts_with('`') && !inside[..*end].ends_with('`'));
        rest = match end {
            Some((end, _)) => &inside[end + fence.len()..],
            None => inside,
        };
    }
    out + rest
}

#[tokio::test]
async fn formats_json_keeps_names_and_is_safe() {
    on_a_major_and_the_newest(13, "JSON escapes", async |major, _| {
        let conninfo = role_conninfo(&fixture_servers(major).primary, "postgres", DATABASE);
        let answer = run_pgtend(&["tables", "--format", "json", "-d", &conninfo]);
        assert_harmless("json", &answer.stdout);
        assert_eq!(answer.stdout.lines().count(), 1, "one line for machines");
        let report: serde_json::Value = serde_json::from_str(&answer.stdout).unwrap();
        for name in NAMES {
            let found =
                array_field(&report, "tables").iter().any(|table| table["schema"] == name && table["table"] == name);
            assert!(found, "{name:?} on {major}");
        }
    })
    .await;
}

#[tokio::test]
async fn formats_colour_follows_the_terminal() {
    on_a_major_and_the_newest(13, "colour", async |major, _| {
        let conninfo = role_conninfo(&fixture_servers(major).primary, "postgres", DATABASE);
        let colour = |arguments: &[&str], no_color: &str| {
            let mut command = pgtend_command(&[&["indexes", "-d", &conninfo], arguments].concat());
            let text = run_command(command.env("NO_COLOR", no_color).env("COLUMNS", "80")).stdout;
            // Without the colours, the text is as harmless and as narrow as without colour.
            let mut plain = String::new();
            let mut parts = text.split("\u{1b}[");
            plain.push_str(parts.next().unwrap());
            for part in parts {
                let (code, rest) = part.split_once('m').expect("a colour ends with m");
                assert!(code.chars().all(|c| c.is_ascii_digit() || c == ';'), "{code:?}");
                plain.push_str(rest);
            }
            assert_harmless("coloured", &plain);
            assert!(plain.lines().all(|line| line.width() <= 80));
            text.contains('\u{1b}')
        };
        assert!(!colour(&[], ""), "a pipe is not a terminal");
        assert!(!colour(&[], "1"));
        assert!(!colour(&["--color", "never"], ""));
        assert!(colour(&["--color", "always"], ""));
        assert!(colour(&["--color", "always"], "1"), "the command line overrides the environment");
    })
    .await;
}
