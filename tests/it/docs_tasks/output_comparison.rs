//! Compares shown output with current output: numbers may differ, and `…` stands for omitted text.

const SIZE_UNITS: [&str; 5] = ["bytes", "kB", "MB", "GB", "TB"];
const TIME_UNITS: [&str; 12] =
    ["ms", "s", "min", "h", "d", "second", "seconds", "minutes", "hour", "hours", "day", "days"];

/// Whether the words shown are the words written, in their order; `…` stands for any number of them. Line breaks are
/// ignored because they depend on the width of numbers.
pub fn is_same_output(shown: &[String], written: &str) -> bool {
    let (shown, written) = (without_numbers(&shown.join("\n")), without_numbers(written));
    let mut pieces: Vec<&str> = shown.split('…').map(str::trim).collect();
    let (Some(last), first) = (pieces.pop(), pieces.first().copied()) else { return false };
    let Some(first) = first else { return last == written };
    let Some(mut rest) = written.strip_prefix(first) else { return false };
    for piece in &pieces[1..] {
        let Some(position) = rest.find(piece) else { return false };
        rest = &rest[position + piece.len()..];
    }
    rest.ends_with(last)
}

/// Returns a text without what differs between runs: numbers, their units, the width of columns and lines.
fn without_numbers(text: &str) -> String {
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut plain = String::new();
    let mut rest = text.as_str();
    while let Some(first) = rest.chars().next() {
        let after_word = plain.ends_with(|c: char| c.is_alphanumeric() || c == '_');
        if first.is_ascii_digit() && !after_word {
            rest = &rest[number_length(rest)..];
            plain.truncate(plain.trim_end_matches('~').len());
            plain.push('0');
            let unit: &str = rest.trim_start_matches(' ');
            let unit = &unit[..unit.find(|c: char| !c.is_alphabetic()).unwrap_or(unit.len())];
            for (units, name) in [(&SIZE_UNITS[..], " size"), (&TIME_UNITS[..], " span")] {
                if units.contains(&unit) {
                    plain.push_str(name);
                    rest = &rest.trim_start_matches(' ')[unit.len()..];
                }
            }
            // A time span has as many parts as it needs.
            if let Some(begin) = plain.strip_suffix("0 span 0 span") {
                plain = format!("{begin}0 span");
            }
        } else {
            // Rules are as long as the widest cell.
            let repeats = matches!(first, '─' | '═' | '-') && plain.ends_with(first);
            if !repeats {
                plain.push(first);
            }
            rest = &rest[first.len_utf8()..];
        }
    }
    plain.trim().to_owned()
}

/// Returns the length in bytes of the number at the beginning: a date and an LSN are numbers, too.
fn number_length(text: &str) -> usize {
    let bytes = text.as_bytes();
    let is_part = |position: usize| {
        bytes.get(position).is_some_and(|byte| matches!(byte, b'0'..=b'9' | b'A'..=b'F' | b'T' | b'Z'))
    };
    let joins = |position: usize| matches!(bytes[position], b'.' | b',' | b':' | b'/' | b'-') && is_part(position + 1);
    (1..bytes.len()).find(|&position| !is_part(position) && !joins(position)).unwrap_or(bytes.len())
}

#[test]
fn output_differs_in_words_not_numbers() {
    let same = |shown: &str, written: &str| {
        let shown: Vec<String> = shown.lines().map(str::to_owned).collect();
        super::output_comparison::is_same_output(&shown, written)
    };
    // Differences come first.
    assert!(!same("db1 is full", "db2 is full"));
    assert!(!same("one", "one\ntwo"));
    assert!(!same("one\ntwo", "one"));
    assert!(!same("one\n…\nthree", "one\ntwo"));
    assert!(!same("holds 12 MB", "keeps 12 MB"));
    assert!(!same("critical …", "warning: 3"));
    assert!(!same("12 MB", "12 rows"));
    assert!(!same("shop", "-"));
    assert!(same("one\n…\nfour", "one\ntwo\nthree\nfour\n"));
    assert!(same("…\nfour", "four"));
    assert!(same(
        "never scanned in 8 min; not all standbys\n  were read",
        "never scanned in 1 h 8 min; not all\n  standbys were read"
    ));
    assert!(!same("…\nfour", "four five"));
    assert!(!same("one\n…\ntwo\n…", "two one"));
    assert!(!same("one …one", "one"));
    assert!(same("2 slots …", "3 slots hold 12 MB"));
    assert!(same("a   340 MB  ~8 kB", "a  1.2 GB 12 kB"));
    assert!(same("at 0/1A2B3C, 2026-11-21 14:00", "at 12/FF00, 2025-01-01 03:07"));
    assert!(same("for 3 minutes", "for 59 seconds"));
    assert!(same("full in 2 h 3 min.", "full in 12 d."));
    assert!(same("────\n", "──────────"));
}
