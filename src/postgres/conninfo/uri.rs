//! `postgresql://user@host:5432/dbname?sslmode=require` (PostgreSQL manual, 34.1.1.2 Connection URIs).
//!
//! No message quotes the text: a password that was not percent-encoded can be in any part of it.

use super::{ConninfoError, keyword};

pub(super) const PERCENT_ENCODING_HINT: &str = "in a URI, special characters of the password are percent-encoded: @ is %40, / is %2F, : is %3A, ? is %3F, # is %23, % is %25";

/// Returns the text after `postgresql://` or `postgres://`.
pub(super) fn strip_scheme(text: &str) -> Option<&str> {
    text.strip_prefix("postgresql://").or_else(|| text.strip_prefix("postgres://"))
}

/// Splits the text after the scheme into parameters.
pub(super) fn parse_uri(rest: &str) -> Result<Vec<(String, String)>, ConninfoError> {
    let mut pairs = Vec::new();
    let authority_end = rest.find('/').unwrap_or(rest.len());
    let mut rest = rest;
    let userinfo_end = rest.get(..authority_end).and_then(|authority| authority.find('@'));
    if let Some(position) = userinfo_end {
        let userinfo = rest.get(..position).unwrap_or_default();
        rest = rest.get(position + 1..).unwrap_or_default();
        let (user, password) = userinfo.split_once(':').unwrap_or((userinfo, ""));
        push_decoded(&mut pairs, "user", user)?;
        push_decoded(&mut pairs, "password", password)?;
    }

    let (hosts, rest) = parse_hosts(rest)?;
    let (path, query) = match rest.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (rest, None),
    };
    let stray_at = |part: &str| part.contains('@');
    if hosts.iter().any(|(host, port)| stray_at(host) || stray_at(port)) || (userinfo_end.is_none() && stray_at(path)) {
        return Err(ConninfoError::new("unexpected \"@\" in the URI").with_hint(PERCENT_ENCODING_HINT));
    }
    if hosts.iter().any(|(_, port)| !port.is_empty() && !port.bytes().all(|b| b.is_ascii_digit())) {
        return Err(ConninfoError::new("the port in the URI is not a number").with_hint(PERCENT_ENCODING_HINT));
    }
    let list = |part: fn(&(&str, &str)) -> String| hosts.iter().map(part).collect::<Vec<_>>().join(",");
    push_decoded(&mut pairs, "host", &list(|(host, _)| (*host).to_owned()))?;
    push_decoded(&mut pairs, "port", &list(|(_, port)| (*port).to_owned()))?;
    push_decoded(&mut pairs, "dbname", path.strip_prefix('/').unwrap_or(path))?;

    let mut remaining = query.unwrap_or_default();
    while !remaining.is_empty() {
        let from_here = remaining;
        let (parameter, after) = remaining.split_once('&').unwrap_or((remaining, ""));
        remaining = after;
        if parameter.is_empty() {
            continue;
        }
        let Some((key, value)) = parameter.split_once('=') else {
            return Err(
                ConninfoError::new("a query parameter of the URI has no \"=\"").with_hint(PERCENT_ENCODING_HINT)
            );
        };
        if value.contains('=') {
            // If an "@" follows, this may be a password that contains "?".
            let shown = match keyword::is_quotable_name(key) && !from_here.contains('@') {
                true => format!("the query parameter \"{key}\""),
                false => "a query parameter with an unreadable parameter name".to_owned(),
            };
            return Err(ConninfoError::new(format!("{shown} of the URI has more than one \"=\""))
                .with_hint("\"=\" inside a value is percent-encoded as %3D"));
        }
        match (percent_decode(key)?, percent_decode(value)?) {
            // For compatibility with JDBC, as libpq does.
            (key, value) if key == "ssl" && value == "true" => pairs.push(("sslmode".into(), "require".into())),
            pair => pairs.push(pair),
        }
    }
    Ok(pairs)
}

type HostAndPort<'a> = (&'a str, &'a str);

fn parse_hosts(mut rest: &str) -> Result<(Vec<HostAndPort<'_>>, &str), ConninfoError> {
    let mut hosts = Vec::new();
    loop {
        let (host, after) = match rest.strip_prefix('[') {
            Some(bracketed) => bracketed.split_once(']').ok_or_else(|| {
                ConninfoError::new("no matching \"]\" in the IPv6 address of the URI")
                    .with_hint("an IPv6 address is written [::1]")
            })?,
            None => split_before(rest, &[':', '/', '?', ',']),
        };
        if rest.starts_with("[]") || !(after.is_empty() || after.starts_with([':', '/', '?', ','])) {
            return Err(
                ConninfoError::new("malformed IPv6 address in the URI").with_hint("an IPv6 address is written [::1]")
            );
        }
        let (port, after) = match after.strip_prefix(':') {
            Some(after) => split_before(after, &['/', '?', ',']),
            None => ("", after),
        };
        hosts.push((host, port));
        match after.strip_prefix(',') {
            Some(next) => rest = next,
            None => return Ok((hosts, after)),
        }
    }
}

fn split_before<'a>(text: &'a str, stops: &[char]) -> (&'a str, &'a str) {
    text.split_at(text.find(stops).unwrap_or(text.len()))
}

fn push_decoded(pairs: &mut Vec<(String, String)>, key: &str, encoded: &str) -> Result<(), ConninfoError> {
    if !encoded.is_empty() {
        pairs.push((key.to_owned(), percent_decode(encoded)?));
    }
    Ok(())
}

fn percent_decode(text: &str) -> Result<String, ConninfoError> {
    let invalid = || ConninfoError::new("invalid percent-encoding in the URI").with_hint(PERCENT_ENCODING_HINT);
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let mut digit = || rest.next().and_then(|b| char::from(b).to_digit(16)).and_then(|d| u8::try_from(d).ok());
        match (digit(), digit()) {
            (Some(high), Some(low)) if high | low != 0 => bytes.push(high << 4 | low),
            _ => return Err(invalid()),
        }
    }
    String::from_utf8(bytes).map_err(|_| invalid())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read_uri(text: &str) -> Result<String, ConninfoError> {
        let pairs = parse_uri(strip_scheme(text).expect("a scheme"))?;
        Ok(pairs.iter().map(|(k, v)| format!("{k}={v}")).collect::<Vec<_>>().join(" "))
    }

    #[test]
    fn uri_errors_quote_no_password() {
        for text in [
            "postgres://u:sec@ret@host/db",
            "postgres://u:sec/ret@host/db",
            "postgres://u:123/ret@host/db",
            "postgres://u:ret%@host/db",
            "postgres://u:ret%zz@host/db",
            "postgres://u:ret%00@host/db",
            "postgres://u:ret%ff@host/db",
            "postgres://u:ret:more@host:secret/db",
            "postgres://[::1",
            "postgres://[]/db",
            "postgres://[::1]x/db",
            "postgres://host/db?ret",
            "postgres://host/db?sslmode=a=ret",
            "postgresql://:?/secret@h/d?==",
            "postgresql://:?/sec==&ret@h/d",
            "postgresql://:/?sec==&x=ret@h/d",
            "postgresql://:?/sec%2Fret==x",
        ] {
            let error = read_uri(text).expect_err(text);
            let shown = format!("{error} {error:?}");
            assert!(!shown.contains("ret") && !shown.contains("sec"), "{text}: {shown}");
            assert!(error.hint().is_some(), "{text}");
        }
    }

    #[test]
    fn uri_reads_what_libpq_reads() {
        for (text, parameters) in [
            ("postgresql://", ""),
            ("postgresql:///", ""),
            ("postgresql://localhost", "host=localhost"),
            ("postgresql://localhost:5433", "host=localhost port=5433"),
            ("postgresql://localhost/mydb", "host=localhost dbname=mydb"),
            ("postgresql://user@localhost", "user=user host=localhost"),
            ("postgres://user:s%40cret@localhost/db", "user=user password=s@cret host=localhost dbname=db"),
            ("postgres://user:a?b:c@localhost/db", "user=user password=a?b:c host=localhost dbname=db"),
            (
                "postgresql://h1:123,h2:456/db?target_session_attrs=any",
                "host=h1,h2 port=123,456 dbname=db target_session_attrs=any",
            ),
            ("postgresql://h1,h2/db", "host=h1,h2 port=, dbname=db"),
            ("postgresql://[2001:db8::1234]/db", "host=2001:db8::1234 dbname=db"),
            ("postgresql://[::1]:5433,h2?a=b", "host=::1,h2 port=5433, a=b"),
            ("postgresql://%2Fvar%2Flib%2Fpg/db", "host=/var/lib/pg dbname=db"),
            ("postgresql:///db?host=/tmp&port=6543", "dbname=db host=/tmp port=6543"),
            ("postgresql://host/db?ssl=true", "host=host dbname=db sslmode=require"),
            ("postgresql://host/db?ssl=false", "host=host dbname=db ssl=false"),
            ("postgresql://host/?user=me@azure", "host=host user=me@azure"),
            ("postgresql://@host", "host=host"),
            ("postgresql://:pw@host", "password=pw host=host"),
            ("postgresql://host/a%20b/c", "host=host dbname=a b/c"),
        ] {
            assert_eq!(read_uri(text).expect(text), parameters, "{text}");
        }
    }

    proptest! {
        #[test]
        fn uri_never_panics(text in ".*") {
            let _ = parse_uri(&text);
        }

        #[test]
        fn uri_percent_encoding_roundtrips(password in "[^\0]+") {
            let encoded: String = password.bytes().map(|b| format!("%{b:02X}")).collect();
            let pairs = parse_uri(&format!("u:{encoded}@h/d")).unwrap();
            prop_assert!(pairs.contains(&("password".to_owned(), password)));
        }
    }
}
