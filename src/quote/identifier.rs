//! SQL identifiers (PostgreSQL 18 manual, 4.1.1 Identifiers and Key Words).

use super::is_unprintable;

/// Key words that cannot be used as names without quotes: the reserved ones and those reserved except for functions and
/// types (PostgreSQL 18 manual, Appendix C "SQL Key Words").
const RESERVED: &[&str] = &[
    "all",
    "analyse",
    "analyze",
    "and",
    "any",
    "array",
    "as",
    "asc",
    "asymmetric",
    "authorization",
    "binary",
    "both",
    "case",
    "cast",
    "check",
    "collate",
    "collation",
    "column",
    "concurrently",
    "constraint",
    "create",
    "cross",
    "current_catalog",
    "current_date",
    "current_role",
    "current_schema",
    "current_time",
    "current_timestamp",
    "current_user",
    "default",
    "deferrable",
    "desc",
    "distinct",
    "do",
    "else",
    "end",
    "except",
    "false",
    "fetch",
    "for",
    "foreign",
    "freeze",
    "from",
    "full",
    "grant",
    "group",
    "having",
    "ilike",
    "in",
    "initially",
    "inner",
    "intersect",
    "into",
    "is",
    "isnull",
    "join",
    "lateral",
    "leading",
    "left",
    "like",
    "limit",
    "localtime",
    "localtimestamp",
    "natural",
    "not",
    "notnull",
    "null",
    "offset",
    "on",
    "only",
    "or",
    "order",
    "outer",
    "overlaps",
    "placing",
    "primary",
    "references",
    "returning",
    "right",
    "select",
    "session_user",
    "similar",
    "some",
    "symmetric",
    "system_user",
    "table",
    "tablesample",
    "then",
    "to",
    "trailing",
    "true",
    "union",
    "unique",
    "user",
    "using",
    "variadic",
    "verbose",
    "when",
    "where",
    "window",
    "with",
];

/// Quotes an identifier for SQL text: without quotes if that names the same object, otherwise `"…"`.
///
/// A name with unprintable characters becomes `U&"…"`, which the server accepts with any setting of
/// `standard_conforming_strings`, so that the text stays on one line and shows the characters. Where the server parses
/// the name itself (`regclass`), use [`regclass_name`].
pub fn quote_identifier(name: &str) -> String {
    if is_bare(name) {
        return name.to_owned();
    }
    if !name.contains(is_unprintable) {
        return double_quoted(name);
    }
    let mut quoted = String::from("U&\"");
    for c in name.chars() {
        match c {
            '"' => quoted.push_str("\"\""),
            '\\' => quoted.push_str("\\\\"),
            c if is_unprintable(c) => quoted.push_str(&format!("\\{:04X}", u32::from(c))),
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

/// Returns `schema.name` as SQL text, each part quoted by [`quote_identifier`].
pub fn qualified(schema: &str, name: &str) -> String {
    format!("{}.{}", quote_identifier(schema), quote_identifier(name))
}

/// Returns `schema.name` for the input of `regclass`, which does not support `U&"…"` (PostgreSQL source,
/// `src/backend/utils/adt/varlena.c`, `SplitIdentifierString`).
pub fn regclass_name(schema: &str, name: &str) -> String {
    let part = |name: &str| if is_bare(name) { name.to_owned() } else { double_quoted(name) };
    format!("{}.{}", part(schema), part(name))
}

/// Returns the statement that grants `privilege` to `role`.
pub fn grant(privilege: &str, role: &str) -> String {
    format!("GRANT {privilege} TO {}", quote_identifier(role))
}

fn is_bare(name: &str) -> bool {
    let is_plain = name.starts_with(|c: char| c.is_ascii_lowercase() || c == '_')
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
    is_plain && RESERVED.binary_search(&name).is_err()
}

fn double_quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifier_is_quoted_where_needed() {
        assert!(RESERVED.is_sorted());
        for (name, quoted) in [
            ("app", "app"),
            ("_x1", "_x1"),
            ("user", "\"user\""),
            ("1x", "\"1x\""),
            ("App", "\"App\""),
            ("a\"b", "\"a\"\"b\""),
            ("ünï", "\"ünï\""),
            ("", "\"\""),
            ("a\nb\\\"", "U&\"a\\000Ab\\\\\"\"\""),
            ("\u{202e}x", "U&\"\\202Ex\""),
        ] {
            assert_eq!(quote_identifier(name), quoted);
        }
        assert_eq!(qualified("public", "Orders"), "public.\"Orders\"");
        assert_eq!(regclass_name("S", "a\nb"), "\"S\".\"a\nb\"");
    }
}
