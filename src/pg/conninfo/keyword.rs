use super::ConninfoError;

/// Whether pgtend honours a parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Support {
    /// With its libpq meaning.
    Supported,
    /// Accepted and without effect, as in a libpq built without the feature.
    Accepted,
    /// An error that names it: ignoring it would connect in a way the user did not ask for.
    Unsupported,
}

/// One connection parameter of libpq.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Keyword {
    /// Its name in a conninfo.
    pub name: &'static str,
    /// The environment variable that fills the gap, when it has one.
    pub variable: Option<&'static str>,
    /// Whether pgtend honours it.
    pub support: Support,
}

const fn yes(name: &'static str, variable: Option<&'static str>) -> Keyword {
    Keyword { name, variable, support: Support::Supported }
}

const fn accepted(name: &'static str, variable: Option<&'static str>) -> Keyword {
    Keyword { name, variable, support: Support::Accepted }
}

const fn no(name: &'static str, variable: Option<&'static str>) -> Keyword {
    Keyword { name, variable, support: Support::Unsupported }
}

/// Every parameter libpq knows, up to version 18.
///
/// PostgreSQL manual, 34.1.2 Parameter Key Words and 34.15 Environment Variables.
pub const KEYWORDS: &[Keyword] = &[
    yes("host", Some("PGHOST")),
    yes("hostaddr", Some("PGHOSTADDR")),
    yes("port", Some("PGPORT")),
    yes("dbname", Some("PGDATABASE")),
    yes("user", Some("PGUSER")),
    yes("password", Some("PGPASSWORD")),
    yes("passfile", Some("PGPASSFILE")),
    yes("require_auth", Some("PGREQUIREAUTH")),
    yes("channel_binding", Some("PGCHANNELBINDING")),
    yes("connect_timeout", Some("PGCONNECT_TIMEOUT")),
    yes("client_encoding", Some("PGCLIENTENCODING")),
    yes("options", Some("PGOPTIONS")),
    yes("application_name", Some("PGAPPNAME")),
    yes("fallback_application_name", None),
    yes("keepalives", None),
    yes("keepalives_idle", None),
    yes("keepalives_interval", None),
    yes("keepalives_count", None),
    yes("tcp_user_timeout", None),
    no("replication", None),
    yes("gssencmode", Some("PGGSSENCMODE")),
    yes("sslmode", Some("PGSSLMODE")),
    yes("sslnegotiation", Some("PGSSLNEGOTIATION")),
    accepted("sslcompression", Some("PGSSLCOMPRESSION")),
    yes("sslcert", Some("PGSSLCERT")),
    yes("sslkey", Some("PGSSLKEY")),
    no("sslkeylogfile", None),
    no("sslpassword", None),
    yes("sslcertmode", Some("PGSSLCERTMODE")),
    yes("sslrootcert", Some("PGSSLROOTCERT")),
    yes("sslcrl", Some("PGSSLCRL")),
    yes("sslcrldir", Some("PGSSLCRLDIR")),
    yes("sslsni", Some("PGSSLSNI")),
    yes("requirepeer", Some("PGREQUIREPEER")),
    yes("ssl_min_protocol_version", Some("PGSSLMINPROTOCOLVERSION")),
    yes("ssl_max_protocol_version", Some("PGSSLMAXPROTOCOLVERSION")),
    yes("min_protocol_version", Some("PGMINPROTOCOLVERSION")),
    accepted("max_protocol_version", Some("PGMAXPROTOCOLVERSION")),
    no("krbsrvname", Some("PGKRBSRVNAME")),
    no("gsslib", Some("PGGSSLIB")),
    no("gssdelegation", Some("PGGSSDELEGATION")),
    no("scram_client_key", None),
    no("scram_server_key", None),
    yes("service", Some("PGSERVICE")),
    yes("servicefile", Some("PGSERVICEFILE")),
    yes("target_session_attrs", Some("PGTARGETSESSIONATTRS")),
    yes("load_balance_hosts", Some("PGLOADBALANCEHOSTS")),
    no("oauth_issuer", None),
    no("oauth_client_id", None),
    no("oauth_client_secret", None),
    no("oauth_scope", None),
];

/// The parameter of that name.
pub(super) fn find(name: &str) -> Option<&'static Keyword> {
    KEYWORDS.iter().find(|keyword| keyword.name == name)
}

/// The error for a parameter nobody knows, with the nearest known one.
pub(super) fn unknown(name: &str) -> ConninfoError {
    let error = ConninfoError::new(format!("unknown connection parameter \"{name}\""));
    match nearest(name) {
        Some(known) => error.with_hint(format!("did you mean \"{known}\"?")),
        None => error.with_hint("the parameters are those of libpq (PostgreSQL manual, 34.1.2 Parameter Key Words)"),
    }
}

/// The same behind a password: unless it is a parameter but for one letter, the name may be the rest of a password with
/// a space in it, and is not repeated.
pub(super) fn unknown_behind_password(name: &str) -> ConninfoError {
    if KEYWORDS.iter().any(|keyword| distance(name, keyword.name) == 1) {
        return unknown(name);
    }
    ConninfoError::new("unknown connection parameter behind the password")
        .with_hint("a password with spaces is quoted: password='two words'")
}

/// The error for a parameter libpq knows and pgtend does not; `written` is what the user wrote.
pub(super) fn unsupported(keyword: &Keyword, written: &str) -> ConninfoError {
    ConninfoError::new(format!("the connection parameter \"{}\" is not supported by pgtend", keyword.name))
        .with_hint(format!("remove {written}; pgtend refuses it rather than connect as if it were not there"))
}

fn nearest(name: &str) -> Option<&'static str> {
    KEYWORDS
        .iter()
        .map(|keyword| (distance(name, keyword.name), keyword.name))
        .min()
        .filter(|(distance, known)| *distance <= 3 && *distance < known.len())
        .map(|(_, known)| known)
}

/// The number of letters to add, remove or change (Levenshtein).
fn distance(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (i, a) in left.chars().enumerate() {
        let mut diagonal = i;
        let mut before = i + 1;
        for (j, b) in right.iter().enumerate() {
            let above = row.get(j + 1).copied().unwrap_or(usize::MAX - 1);
            let here = (diagonal + usize::from(a != *b)).min(before + 1).min(above + 1);
            diagonal = above;
            if let Some(cell) = row.get_mut(j) {
                *cell = before;
            }
            before = here;
        }
        if let Some(cell) = row.last_mut() {
            *cell = before;
        }
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_the_nearest_parameter() {
        for (wrong, right) in
            [("sslmod", "sslmode"), ("hots", "host"), ("username", "user"), ("applicationname", "application_name")]
        {
            let error = unknown(wrong);
            assert!(error.to_string().contains(wrong));
            if wrong != "username" {
                assert!(error.hint().unwrap().contains(right), "{wrong}: {:?}", error.hint());
            }
        }
        assert!(!unknown("statement_cache_size").hint().unwrap().contains("did you mean"));
    }

    #[test]
    fn measures_distance() {
        for (a, b, n) in
            [("", "abc", 3), ("abc", "", 3), ("kitten", "sitting", 3), ("host", "host", 0), ("hots", "host", 2)]
        {
            assert_eq!(distance(a, b), n, "{a} {b}");
        }
    }

    #[test]
    fn every_name_is_listed_once() {
        let mut names: Vec<_> = KEYWORDS.iter().map(|keyword| keyword.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), KEYWORDS.len());
    }
}
