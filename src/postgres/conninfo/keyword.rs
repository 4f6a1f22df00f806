use super::ConninfoError;

/// Whether pgtend supports a parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Support {
    /// With its libpq meaning.
    Supported,
    /// Accepted without effect, as in a libpq built without the feature.
    Accepted,
    /// An error: ignoring it would change the meaning of the request.
    Unsupported,
}

/// One connection parameter of libpq.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Keyword {
    /// Its name in a conninfo.
    pub name: &'static str,
    /// The environment variable of its default, if it has one.
    pub variable: Option<&'static str>,
    /// Whether pgtend supports it.
    pub support: Support,
}

const fn supported(name: &'static str, variable: Option<&'static str>) -> Keyword {
    Keyword { name, variable, support: Support::Supported }
}

const fn accepted(name: &'static str, variable: Option<&'static str>) -> Keyword {
    Keyword { name, variable, support: Support::Accepted }
}

const fn unsupported_keyword(name: &'static str, variable: Option<&'static str>) -> Keyword {
    Keyword { name, variable, support: Support::Unsupported }
}

/// All parameters of libpq, up to version 18.
///
/// PostgreSQL manual, 34.1.2 Parameter Key Words and 34.15 Environment Variables.
pub const KEYWORDS: &[Keyword] = &[
    supported("host", Some("PGHOST")),
    supported("hostaddr", Some("PGHOSTADDR")),
    supported("port", Some("PGPORT")),
    supported("dbname", Some("PGDATABASE")),
    supported("user", Some("PGUSER")),
    supported("password", Some("PGPASSWORD")),
    supported("passfile", Some("PGPASSFILE")),
    supported("require_auth", Some("PGREQUIREAUTH")),
    supported("channel_binding", Some("PGCHANNELBINDING")),
    supported("connect_timeout", Some("PGCONNECT_TIMEOUT")),
    supported("client_encoding", Some("PGCLIENTENCODING")),
    supported("options", Some("PGOPTIONS")),
    supported("application_name", Some("PGAPPNAME")),
    supported("fallback_application_name", None),
    supported("keepalives", None),
    supported("keepalives_idle", None),
    supported("keepalives_interval", None),
    supported("keepalives_count", None),
    supported("tcp_user_timeout", None),
    unsupported_keyword("replication", None),
    supported("gssencmode", Some("PGGSSENCMODE")),
    supported("sslmode", Some("PGSSLMODE")),
    supported("sslnegotiation", Some("PGSSLNEGOTIATION")),
    accepted("sslcompression", Some("PGSSLCOMPRESSION")),
    supported("sslcert", Some("PGSSLCERT")),
    supported("sslkey", Some("PGSSLKEY")),
    unsupported_keyword("sslkeylogfile", None),
    unsupported_keyword("sslpassword", None),
    supported("sslcertmode", Some("PGSSLCERTMODE")),
    supported("sslrootcert", Some("PGSSLROOTCERT")),
    supported("sslcrl", Some("PGSSLCRL")),
    supported("sslcrldir", Some("PGSSLCRLDIR")),
    supported("sslsni", Some("PGSSLSNI")),
    supported("requirepeer", Some("PGREQUIREPEER")),
    supported("ssl_min_protocol_version", Some("PGSSLMINPROTOCOLVERSION")),
    supported("ssl_max_protocol_version", Some("PGSSLMAXPROTOCOLVERSION")),
    supported("min_protocol_version", Some("PGMINPROTOCOLVERSION")),
    accepted("max_protocol_version", Some("PGMAXPROTOCOLVERSION")),
    unsupported_keyword("krbsrvname", Some("PGKRBSRVNAME")),
    unsupported_keyword("gsslib", Some("PGGSSLIB")),
    unsupported_keyword("gssdelegation", Some("PGGSSDELEGATION")),
    unsupported_keyword("scram_client_key", None),
    unsupported_keyword("scram_server_key", None),
    supported("service", Some("PGSERVICE")),
    supported("servicefile", Some("PGSERVICEFILE")),
    supported("target_session_attrs", Some("PGTARGETSESSIONATTRS")),
    supported("load_balance_hosts", Some("PGLOADBALANCEHOSTS")),
    unsupported_keyword("oauth_issuer", None),
    unsupported_keyword("oauth_client_id", None),
    unsupported_keyword("oauth_client_secret", None),
    unsupported_keyword("oauth_scope", None),
];

/// Returns the parameter with this name.
pub(super) fn find_keyword(name: &str) -> Option<&'static Keyword> {
    KEYWORDS.iter().find(|keyword| keyword.name == name)
}

/// Returns whether a parameter's name may be quoted in a message: with other characters it may be part of a password.
pub(super) fn is_quotable_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte))
}

/// Returns the error for an unknown parameter, with the nearest known one.
pub(super) fn unknown_keyword_error(name: &str) -> ConninfoError {
    let error = match is_quotable_name(name) {
        true => ConninfoError::new(format!("unknown connection parameter \"{name}\"")),
        false => ConninfoError::new("an unreadable parameter name in the connection parameters"),
    };
    match nearest_keyword(name) {
        Some(known) => error.with_hint(format!("did you mean \"{known}\"?")),
        None => error.with_hint("see \"Parameter Key Words\" in the chapter on libpq of the PostgreSQL manual"),
    }
}

/// The same after a password: unless the name differs from a parameter by one letter only, it may be the rest of a
/// password that contains a space, and is not shown.
pub(super) fn unknown_after_password_error(name: &str) -> ConninfoError {
    if KEYWORDS.iter().any(|keyword| edit_distance(name, keyword.name) == 1) {
        return unknown_keyword_error(name);
    }
    ConninfoError::new("unknown connection parameter after the password")
        .with_hint("a password with spaces is quoted: password='two words'")
}

/// Returns the error for a parameter of libpq that pgtend does not support; `written` is the user's spelling.
pub(super) fn unsupported_keyword_error(keyword: &Keyword, written: &str) -> ConninfoError {
    ConninfoError::new(format!("the connection parameter \"{}\" is not supported by pgtend", keyword.name))
        .with_hint(format!("remove {written}; pgtend does not ignore parameters of libpq"))
}

fn nearest_keyword(name: &str) -> Option<&'static str> {
    KEYWORDS
        .iter()
        .map(|keyword| (edit_distance(name, keyword.name), keyword.name))
        .min()
        .filter(|(distance, known)| *distance <= 3 && *distance < known.len())
        .map(|(_, known)| known)
}

/// Returns the Levenshtein distance.
fn edit_distance(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (i, a) in left.chars().enumerate() {
        let mut diagonal = i;
        let mut previous = i + 1;
        for (j, b) in right.iter().enumerate() {
            let above = row.get(j + 1).copied().unwrap_or(usize::MAX - 1);
            let current = (diagonal + usize::from(a != *b)).min(previous + 1).min(above + 1);
            diagonal = above;
            if let Some(cell) = row.get_mut(j) {
                *cell = previous;
            }
            previous = current;
        }
        if let Some(cell) = row.last_mut() {
            *cell = previous;
        }
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_keyword_suggests_nearest() {
        for (wrong, right) in
            [("sslmod", "sslmode"), ("hots", "host"), ("username", "user"), ("applicationname", "application_name")]
        {
            let error = unknown_keyword_error(wrong);
            assert!(error.to_string().contains(wrong));
            if wrong != "username" {
                assert!(error.hint().unwrap().contains(right), "{wrong}: {:?}", error.hint());
            }
        }
        for unreadable in ["/hunter2@h/d?", "u:hunter2", "hunter 2", "hunter2\u{e9}", ""] {
            let error = unknown_keyword_error(unreadable);
            assert_eq!(error.to_string(), "an unreadable parameter name in the connection parameters");
            assert!(!error.hint().unwrap().contains("hunter"), "{unreadable}");
        }
        assert!(!unknown_keyword_error("statement_cache_size").hint().unwrap().contains("did you mean"));
    }

    #[test]
    fn edit_distance_examples() {
        for (a, b, n) in
            [("", "abc", 3), ("abc", "", 3), ("kitten", "sitting", 3), ("host", "host", 0), ("hots", "host", 2)]
        {
            assert_eq!(edit_distance(a, b), n, "{a} {b}");
        }
    }

    #[test]
    fn keywords_are_unique() {
        let mut names: Vec<_> = KEYWORDS.iter().map(|keyword| keyword.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), KEYWORDS.len());
    }
}
