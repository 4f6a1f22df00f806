//! The rules for the text of a query.

/// Returns the violations of the query at `path`. `registry` is the source that includes the queries.
pub fn query_violations(path: &str, sql: &str, registry: &str) -> Vec<String> {
    let name = path.strip_prefix("queries/").unwrap_or(path);
    let mut reasons = Vec::new();
    let first = sql.lines().next().unwrap_or_default();
    if first.strip_prefix("-- ").is_none_or(|text| text.trim().is_empty() || text.starts_with("needs:")) {
        reasons.push("its first line does not describe the fact".to_owned());
    }
    if !name.ends_with(".sql") {
        reasons.push("is not a query".to_owned());
    }
    if !registry.contains(&format!("\"{name}\"")) {
        reasons.push("is not used: src/collect/queries.rs does not include it".to_owned());
    }
    let words = sql_words(sql);
    let text = |position: Option<usize>| position.and_then(|position| words.get(position)).map_or("", String::as_str);
    for (position, word) in words.iter().enumerate() {
        let (before, after) = (text(position.checked_sub(1)), text(Some(position + 1)));
        if word == "pg_size_pretty" {
            reasons.push("returns a size as text (pg_size_pretty)".to_owned());
        }
        let qualified = word == "pg_catalog" || before == ".";
        // Neither a cast to a type nor a column name is a relation.
        let relation = after != "(" && before != "as" && before != "::";
        if word.starts_with("pg_") && !qualified && relation {
            reasons.push(format!("{word} without pg_catalog."));
        }
        if word.starts_with("'pg_") && !word.starts_with("'pg_catalog.") && after == "::" {
            let cast = text(Some(position + 2));
            if cast == "regclass" || cast == "regproc" || cast == "regprocedure" || cast == "regtype" {
                reasons.push(format!("{word}::{cast} without pg_catalog."));
            }
        }
    }
    reasons.into_iter().map(|why| format!("{path}: {why}")).collect()
}

/// Returns words in lower case, literals with their quotes, `::` and other marks, without comments.
fn sql_words(sql: &str) -> Vec<String> {
    let code: String = sql.lines().map(|line| format!("{}\n", line.split("--").next().unwrap_or_default())).collect();
    let mut words = Vec::new();
    let mut rest = code.as_str();
    while let Some(letter) = rest.chars().next() {
        let length = match letter {
            '\'' => rest[1..].find('\'').map_or(rest.len(), |end| end + 2),
            ':' if rest.starts_with("::") => 2,
            _ if letter.is_alphanumeric() || letter == '_' => {
                rest.find(|letter: char| !letter.is_alphanumeric() && letter != '_').unwrap_or(rest.len())
            }
            _ => letter.len_utf8(),
        };
        let (word, after) = rest.split_at(length);
        if !word.trim().is_empty() {
            words.push(word.to_lowercase());
        }
        rest = after;
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    const REGISTRY: &str = "X = \"x\" { 13 => \"x.sql\" }";

    fn violation_reasons(path: &str, sql: &str) -> String {
        query_violations(path, sql, REGISTRY).join("; ")
    }

    #[test]
    fn query_violations_are_found() {
        for (sql, why) in [
            ("select 1", "first line"),
            ("--\nselect 1", "first line"),
            ("-- needs: pg_monitor\nselect 1", "first line"),
            ("-- X.\nselect 1 from pg_class c", "pg_class without"),
            ("-- X.\nselect 1 from pg_catalog.pg_class c, PG_INDEX i", "pg_index without"),
            ("-- X.\nselect 1 from pg_catalog.pg_class c join\n pg_namespace n on true", "pg_namespace without"),
            ("-- X.\nselect 1 where x = 'pg_class'::regclass", "'pg_class'::regclass without"),
            ("-- X.\nselect pg_size_pretty(1)", "pg_size_pretty"),
            ("-- X.\nselect pg_catalog.pg_size_pretty(1)", "pg_size_pretty"),
        ] {
            let reasons = violation_reasons("queries/x.sql", sql);
            assert!(reasons.contains(why), "{sql}: {reasons:?}");
        }
        assert!(violation_reasons("queries/y.sql", "-- Y.\nselect 1").contains("is not used"));
        assert!(violation_reasons("queries/x.txt", "-- X.\n").contains("is not a query"));
    }

    #[test]
    fn query_rules_allow_valid_queries() {
        for sql in [
            "-- The pg_class of it: never pg_size_pretty.\nselect 1 from pg_catalog.pg_class c -- from pg_index",
            "-- X.\nselect f.size from pg_ls_waldir() f where f.name <> 'pg_class'",
            "-- X.\nselect 'pg_catalog.pg_class'::regclass, '0/0'::pg_lsn, 1 as pg_wal",
        ] {
            assert_eq!(violation_reasons("queries/x.sql", sql), "", "{sql}");
        }
    }
}
