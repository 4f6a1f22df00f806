//! `DATABASE_URL`, written for an ORM more often than for libpq.

use super::keyword;
use super::parameters::{Parameters, split_conninfo};
use super::{ConninfoError, Origin, Source, SslMode, uri};

/// Parses the parameters; those that only an ORM supports are ignored with a warning.
pub(super) fn read_database_url(text: &str, warnings: &mut Vec<String>) -> Result<Parameters, ConninfoError> {
    let origin = Origin::Source(Source::DatabaseUrl);
    let pairs = split_pairs(text.trim()).map_err(|error| error.in_source("DATABASE_URL"))?;
    let mut parameters = Parameters::default();
    let mut ignored = Vec::new();
    // Before an "@", a name may be part of a password that contains "?".
    let last_at = pairs.iter().rposition(|(name, value)| name.contains('@') || value.contains('@'));
    let is_quotable =
        |name: &str, position: usize| keyword::is_quotable_name(name) && last_at.is_none_or(|last| last < position);
    for (position, (name, value)) in pairs.into_iter().enumerate() {
        match keyword::find_keyword(&name) {
            Some(keyword) => {
                parameters.set(keyword, value, origin.clone()).map_err(|error| error.in_source("DATABASE_URL"))?;
            }
            // The name of sslmode in asyncpg and others.
            None if name == "ssl" && SslMode::parse(&value).is_some() => {
                parameters.set_all(vec![("sslmode".into(), value)], &origin)?;
            }
            None if is_quotable(&name, position) => ignored.push(format!("\"{name}\"")),
            None => ignored.push("an unreadable parameter name".to_owned()),
        }
    }
    if !ignored.is_empty() {
        warnings.push(format!("DATABASE_URL: ignored {}, which libpq does not support", ignored.join(", ")));
    }
    Ok(parameters)
}

fn split_pairs(text: &str) -> Result<Vec<(String, String)>, ConninfoError> {
    let Some((scheme, rest)) = text.split_once("://") else { return split_conninfo(text) };
    if uri::strip_scheme(text).is_some() || !is_scheme(scheme) {
        return split_conninfo(text);
    }
    let dialect = scheme.split('+').next().unwrap_or_default().to_ascii_lowercase();
    match dialect.as_str() {
        "postgresql" | "postgres" | "postgis" | "postgresql2" | "pgsql" | "jdbc:postgresql" => uri::parse_uri(rest),
        _ => Err(ConninfoError::new(format!("the scheme \"{scheme}\" is not one of PostgreSQL"))
            .with_hint("specify the server with -h, --target or PGHOST; then DATABASE_URL is not read")),
    }
}

fn is_scheme(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.' | ':' | '_'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn database_url_rejects_other_schemes() {
        for text in [
            "mysql://u:hunter2@h/db",
            "sqlite:///x.db",
            "postgresql+psycopg://u:hun@ter2@h/db",
            "hunter2",
            "postgres://h/db?sslpassword=x",
        ] {
            let error = read_database_url(text, &mut Vec::new()).err().expect(text);
            assert!(error.to_string().starts_with("DATABASE_URL: "), "{error}");
            assert!(error.hint().is_some(), "{text}");
            assert!(!format!("{error:?}").contains("ter2"), "{error:?}");
        }
    }

    #[test]
    fn database_url_accepts_orm_forms() {
        for (text, warning) in [
            ("postgresql+psycopg://u@h:1/db", None),
            ("postgresql+asyncpg://u@h:1/db?ssl=require", None),
            ("postgis://u@h:1/db", None),
            ("jdbc:postgresql://h:1/db?user=u", None),
            ("postgres://u@h:1/db?schema=app&pgbouncer=true", Some("\"schema\", \"pgbouncer\"")),
            (
                "postgres://u@h:1/db?connection_limit=5&pool_timeout=1&sslmode=require",
                Some("\"connection_limit\", \"pool_timeout\""),
            ),
            ("postgres://u@h:1/db?schema=app&hun/ter2=x", Some("\"schema\", an unreadable parameter name")),
            ("postgres://u@h:1/db?hunter2=x@h", Some("ignored an unreadable parameter name")),
            ("host=h port=1 dbname=db user=u", None),
        ] {
            let mut warnings = Vec::new();
            let parameters = read_database_url(text, &mut warnings).expect(text);
            for (name, value) in [("host", "h"), ("port", "1"), ("dbname", "db"), ("user", "u")] {
                assert_eq!(parameters.text(name), Some(value), "{text}");
            }
            assert_eq!(parameters.text("sslmode").is_some(), text.contains("require"), "{text}");
            match warning {
                Some(part) => {
                    assert!(warnings.concat().contains(part) && !warnings.concat().contains("ter2"), "{warnings:?}");
                }
                None => assert!(warnings.is_empty(), "{warnings:?}"),
            }
        }
    }

    proptest! {
        #[test]
        fn database_url_never_panics(text in ".*") {
            let _ = read_database_url(&text, &mut Vec::new());
        }
    }
}
