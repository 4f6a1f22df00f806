//! No query finds an object by a name outside pg_catalog: a role that may create objects could supply one.
//!
//! Relations are `pg_catalog.…`, CTEs of the same query, or subqueries; functions are unqualified (search_path is
//! pg_catalog, and functions are never looked up in pg_temp) or `pg_catalog.…`. [`EXECUTES_TEXT`] lists the files that
//! execute a text.

/// Files that build a query from a template: its names come from columns of the catalog. The reason states why no other
/// role can replace the object between the lookup and the execution.
const EXECUTES_TEXT: [(&str, &str); 4] = [
    ("wal_statements.sql", "members of an extension that only trusted roles can replace (foreign_object)"),
    ("heap_tuples.sql", "members of an extension that only trusted roles can replace (foreign_object)"),
    ("btree_pages.sql", "members of an extension that only trusted roles can replace (foreign_object)"),
    ("toast_samples.sql", "TOAST relations: only the server creates and names relations in their schemas"),
];

/// Files that check whether an extension is trusted, all by the same text.
const CHECKS_EXTENSION: [&str; 4] = ["wal_statements.sql", "pgstattuple.sql", "heap_tuples.sql", "btree_pages.sql"];

/// Functions of pg_catalog that execute a text, or read a relation by its name.
const EXECUTING_FUNCTIONS: [&str; 13] = [
    "query_to_xml",
    "query_to_xmlschema",
    "query_to_xml_and_xmlschema",
    "table_to_xml",
    "table_to_xml_and_xmlschema",
    "schema_to_xml",
    "database_to_xml",
    "cursor_to_xml",
    "ts_stat",
    "ts_rewrite",
    "currtid2",
    "nextval",
    "setval",
];

/// Casts and functions that look up an object by its name.
const LOOKUP_TYPES: [&str; 6] = ["regclass", "regproc", "regprocedure", "regtype", "regoper", "regoperator"];

/// Columns whose values a template may take.
const CATALOG_COLUMNS: [&str; 6] = ["nspname", "relname", "name", "oid", "blocks", "null"];

/// Keywords that end a list of relations.
const CLAUSES: [&str; 13] = [
    "where",
    "group",
    "order",
    "having",
    "limit",
    "offset",
    "window",
    "union",
    "except",
    "intersect",
    "select",
    "for",
    "fetch",
];

/// Returns where the query at `path` looks up an object by a name outside pg_catalog.
pub fn lookup_violations(path: &str, sql: &str) -> Vec<String> {
    let file = path.strip_prefix("queries/").unwrap_or(path);
    let executes = EXECUTES_TEXT.iter().any(|(name, _)| *name == file);
    let mut reasons = check_tokens(&sql_tokens(sql), executes);
    if CHECKS_EXTENSION.contains(&file) && trust_check(sql).is_none() {
        reasons.push("does not check whether the extension is trusted".to_owned());
    }
    reasons.into_iter().map(|reason| format!("{path}: {reason}")).collect()
}

/// Returns the files whose check of an extension differs from that of the first.
pub fn different_checks(texts: &[(String, String)]) -> Vec<String> {
    let of = |name: &&str| texts.iter().find(|(path, _)| path.ends_with(*name)).and_then(|(_, sql)| trust_check(sql));
    let first = of(&CHECKS_EXTENSION[0]);
    CHECKS_EXTENSION.iter().filter(|name| of(name) != first).map(|name| (*name).to_owned()).collect()
}

/// Returns the text from the CTE `session` to the end of `foreign_object`, without the extension's name.
fn trust_check(sql: &str) -> Option<String> {
    let from = sql.find("session as materialized")?;
    let end = from + sql[from..].find("limit 1")?;
    let text = sql[from..end].split_whitespace().collect::<Vec<_>>().join(" ");
    Some(text.replace("'pg_stat_statements'", "'X'").replace("'pgstattuple'", "'X'"))
}

fn check_tokens(tokens: &[String], executes: bool) -> Vec<String> {
    let text = |position: usize| tokens.get(position).map_or("", String::as_str);
    let ctes: Vec<&str> = (0..tokens.len())
        .filter(|&position| text(position + 1) == "as" && is_cte_body(text(position + 2), text(position + 3)))
        .map(text)
        .collect();
    let mut reasons = Vec::new();
    // One entry per open parenthesis: the word before it, and whether a list of relations continues in it.
    let mut levels = vec![("", false)];
    let mut wants_relation = false;
    for position in 0..tokens.len() {
        let word = text(position);
        let before = if position == 0 { "" } else { text(position - 1) };
        if wants_relation && word != "lateral" {
            wants_relation = false;
            let qualified = text(position + 1) == ".";
            let known = word == "(" || word.starts_with('\'') || text(position + 1) == "(" || ctes.contains(&word);
            let is_made = executes && (qualified && word == "%I" && text(position + 2) == "%I" || word == "%s");
            if !is_made && !(if qualified { word == "pg_catalog" } else { known }) {
                let rest = if qualified { [".", text(position + 2)].concat() } else { String::new() };
                reasons.push(format!("reads {word}{rest} by its name"));
            }
        }
        let last = levels.len() - 1;
        match word {
            "(" => levels.push((if is_name(before) { before } else { "" }, false)),
            ")" if last > 0 => drop(levels.pop()),
            "from"
                if before != "distinct" && !["extract", "substring", "trim", "overlay"].contains(&levels[last].0) =>
            {
                levels[last].1 = true;
                wants_relation = true;
            }
            "join" => wants_relation = true,
            "," if levels[last].1 => wants_relation = true,
            _ if CLAUSES.contains(&word) => levels[last].1 = false,
            _ => {}
        }
        if is_name(word)
            && text(position + 1) == "."
            && is_name(text(position + 2))
            && text(position + 3) == "("
            && word != "pg_catalog"
        {
            reasons.push(format!("calls {word}.{} by its name", text(position + 2)));
        }
        if word.starts_with("to_reg") && text(position + 1) == "(" {
            reasons.push(format!("{word}() looks up a name"));
        }
        let is_lookup = LOOKUP_TYPES.contains(&word) && (before == "::" || before == ".");
        if is_lookup {
            let value = if before == "." { position.checked_sub(4) } else { position.checked_sub(2) }.map_or("", text);
            if !(value.starts_with("'pg_catalog.") || value.ends_with("oid")) {
                reasons.push(format!("{value}::{word} looks up a name"));
            }
        }
        if EXECUTING_FUNCTIONS.contains(&word) && text(position + 1) == "(" {
            if !executes {
                reasons.push(format!("{word} executes a text or finds a relation by its name"));
            }
            reasons.extend(template_values(&tokens[position..]));
        }
        // The text of a literal of such a file may be executed.
        if executes && is_literal(word) && word.to_lowercase().contains("select ") {
            reasons.extend(check_tokens(&self::sql_tokens(literal_text(word).replace("''", "'").as_str()), true));
        }
    }
    reasons
}

/// Returns values in the templates of an executed text that are not columns of the catalog.
fn template_values(call: &[String]) -> Vec<String> {
    let mut depth = 0_usize;
    let mut reasons = Vec::new();
    for (position, word) in call.iter().enumerate().skip(1) {
        match word.as_str() {
            "(" => depth += 1,
            ")" => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            break;
        }
        let next = call.get(position + 1).map_or("", String::as_str);
        let keyword = ["format", "case", "when", "then", "else", "end", "is", "not", "null", "false", "true", "text"];
        let is_column = call[position - 1] == "." && CATALOG_COLUMNS.contains(&word.as_str());
        if is_name(word) && next != "." && !is_column && !keyword.contains(&word.as_str()) {
            reasons.push(format!("{word} becomes part of an executed text"));
        }
    }
    reasons
}

fn is_cte_body(first: &str, second: &str) -> bool {
    first == "(" || (first == "materialized" && second == "(")
}

fn is_name(word: &str) -> bool {
    word.starts_with(|letter: char| letter.is_alphabetic() || letter == '_')
}

fn is_literal(word: &str) -> bool {
    word.starts_with('\'') || (word.starts_with('$') && word.len() > 2)
}

/// Returns the text of a literal.
fn literal_text(literal: &str) -> &str {
    let tag = literal.strip_prefix('$').and_then(|rest| rest.find('$'));
    let mark = tag.map_or(1, |end| end + 2);
    literal.get(mark..literal.len().saturating_sub(mark)).unwrap_or_default()
}

/// Returns words in lower case, complete literals, `::`, `%I` and `%s`, and other marks, without comments.
fn sql_tokens(sql: &str) -> Vec<String> {
    let mut tokens = Vec::new();
    let mut rest = sql;
    while let Some(letter) = rest.chars().next() {
        let length = match letter {
            '-' if rest.starts_with("--") => {
                rest = &rest[rest.find('\n').unwrap_or(rest.len())..];
                continue;
            }
            '\'' => literal_length(rest),
            '$' if rest.starts_with("$text$") => rest[6..].find("$text$").map_or(rest.len(), |end| end + 12),
            ':' if rest.starts_with("::") => 2,
            '%' if rest.starts_with("%I") || rest.starts_with("%s") => 2,
            _ if letter.is_alphanumeric() || letter == '_' => {
                rest.find(|letter: char| !letter.is_alphanumeric() && letter != '_').unwrap_or(rest.len())
            }
            _ => letter.len_utf8(),
        };
        let (word, after) = rest.split_at(length);
        if !word.trim().is_empty() {
            let is_exact = is_literal(word) || word.starts_with('%');
            tokens.push(if is_exact { word.to_owned() } else { word.to_lowercase() });
        }
        rest = after;
    }
    tokens
}

/// Returns the length in bytes of the literal at the beginning of `text`; a doubled quote is part of it.
fn literal_length(text: &str) -> usize {
    let mut position = 1;
    while let Some(end) = text[position..].find('\'') {
        position += end + 1;
        if !text[position..].starts_with('\'') {
            return position;
        }
        position += 1;
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lookups_by_unqualified_name_are_found() {
        for (sql, reason) in [
            ("select 1 from public.t", "reads public.t by its name"),
            ("select 1 from t", "reads t by its name"),
            ("select 1 from pg_catalog.pg_class c, t", "reads t by its name"),
            ("select 1 from pg_catalog.pg_class c join lateral v on true", "reads v by its name"),
            ("with a as (select 1) select 1 from a left join b on true", "reads b by its name"),
            ("select (select count(*) from t where x)", "reads t by its name"),
            ("select x.f(1)", "calls x.f by its name"),
            ("select to_regclass('t')", "to_regclass() looks up a name"),
            ("select 't'::regclass", "'t'::regclass looks up a name"),
            ("select c.relname::pg_catalog.regclass", "relname::regclass looks up a name"),
            ("select query_to_xml('select 1', true, true, '')", "query_to_xml executes a text"),
            ("select table_to_xml(c.oid, true, true, '') from pg_catalog.pg_class c", "table_to_xml executes a text"),
        ] {
            let found = lookup_violations("queries/x.sql", sql).join("; ");
            assert!(found.contains(reason), "{sql}: {found:?}");
        }
        for (sql, reason) in [
            ("select query_to_xml(format('select 1 from %I.%I', n.nspname, x), false)", "x becomes part"),
            ("select query_to_xml(format('select 1 from %I.t x', n.nspname), false)", "reads %I.t by its name"),
            ("select query_to_xml('select f(x) from public.t', false, false, '')", "reads public.t by its name"),
            ("select query_to_xml(format('select 1 from %I', s.setting), false)", "setting becomes part"),
        ] {
            let found = lookup_violations("queries/toast_samples.sql", sql).join("; ");
            assert!(found.contains(reason), "{sql}: {found:?}");
        }
        assert!(
            lookup_violations("queries/pgstattuple.sql", "select 1")
                .join("")
                .contains("whether the extension is trusted")
        );
    }

    #[test]
    fn lookups_of_catalog_and_cte_are_allowed() {
        for sql in [
            "with a as materialized (select 1), b as (select from a, pg_catalog.pg_class c) select from b -- from t",
            "select from unnest($1::int8[]) a(oid), lateral (select 1) x join pg_catalog.pg_class c on c.oid in (1, 2)",
            "select extract(epoch from x.y), substring(a from '<(.*)>'), a is distinct from b, 'from t', c.oid::regclass",
            "select 'pg_catalog.pg_class'::regclass, pg_catalog.count(*) from pg_catalog.pg_class group by a, b",
        ] {
            assert_eq!(lookup_violations("queries/x.sql", sql), [""; 0], "{sql}");
        }
        let template =
            "select query_to_xml(format('select ''%%s'' from %I.%I x', n.nspname, c.relname), false, true, '')";
        assert_eq!(lookup_violations("queries/toast_samples.sql", template), [""; 0]);
    }
}
