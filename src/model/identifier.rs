//! Names as SQL writes them.

/// Words that a name must be quoted to use: the reserved ones and those reserved except for functions and types
/// (PostgreSQL 18 manual, Appendix C "SQL Key Words").
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

/// The name as SQL must write it: bare where that names the same thing, quoted otherwise.
pub fn quote_identifier(name: &str) -> String {
    let plain = name.starts_with(|c: char| c.is_ascii_lowercase() || c == '_')
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
    if plain && RESERVED.binary_search(&name).is_err() {
        name.to_owned()
    } else {
        format!("\"{}\"", name.replace('"', "\"\""))
    }
}

/// A text as SQL writes it, where `standard_conforming_strings` is on.
pub fn quote_literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// A word as a shell must read it: bare where that is the same word, between apostrophes otherwise.
pub fn quote_shell(word: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-./:@%+,=".contains(&byte);
    if !word.is_empty() && word.bytes().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}

/// The statement that lets `role` read what the predefined role `what` may read.
pub fn grant(what: &str, role: &str) -> String {
    format!("GRANT {what} TO {}", quote_identifier(role))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_becomes_a_command_of_the_shell() {
        for (name, written) in [
            ("shop", "shop"),
            ("shop.orders", "shop.orders"),
            ("my db", "'my db'"),
            ("x; rm -rf ~", "'x; rm -rf ~'"),
            ("it's", "'it'\\''s'"),
            ("$(id)", "'$(id)'"),
            ("\"A\".b", "'\"A\".b'"),
            ("", "''"),
        ] {
            assert_eq!(quote_shell(name), written);
        }
    }

    #[test]
    fn only_names_that_need_quotes_get_them() {
        assert!(RESERVED.is_sorted());
        for (name, written) in [
            ("app", "app"),
            ("_x1", "_x1"),
            ("user", "\"user\""),
            ("1x", "\"1x\""),
            ("App", "\"App\""),
            ("a\"b", "\"a\"\"b\""),
            ("ünï", "\"ünï\""),
            ("", "\"\""),
        ] {
            assert_eq!(quote_identifier(name), written);
        }
    }
}
