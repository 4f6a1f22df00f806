//! The address of a store: a file, or a database on a server.

use super::HistoryError;
use crate::postgres::conninfo::{Conninfo, Environment, Host, HostAddress, Secret, Source, resolve_text};
use crate::redact::passwords_in;
use std::{fmt, path::PathBuf};

/// The environment variables that complete a store's conninfo: paths of files, and requirements on the security of the
/// connection. All others describe the inspected server: its host, database, role, password and client certificate.
const VARIABLES: [&str; 18] = [
    "PGPASSFILE",
    "PGSERVICEFILE",
    "PGSYSCONFDIR",
    "PGCONNECT_TIMEOUT",
    "PGREQUIREAUTH",
    "PGCHANNELBINDING",
    "PGGSSENCMODE",
    "PGSSLMODE",
    "PGREQUIRESSL",
    "PGSSLNEGOTIATION",
    "PGSSLROOTCERT",
    "PGSSLCRL",
    "PGSSLCRLDIR",
    "PGSSLSNI",
    "PGSSLMINPROTOCOLVERSION",
    "PGSSLMAXPROTOCOLVERSION",
    "PGMINPROTOCOLVERSION",
    "PGMAXPROTOCOLVERSION",
];

/// A store as the user specified it. Neither `Debug` nor an error shows a password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoreName {
    /// A SQLite file.
    File(PathBuf),
    /// A `postgresql://` URI or a `key=value` conninfo, not resolved yet.
    Server(Secret),
}

/// The resolved address of a store. Neither `Display` nor `Debug` shows a password.
#[derive(Clone)]
pub enum StoreAddress {
    /// A SQLite file.
    File(PathBuf),
    /// A server. It must be connected directly: a transaction-mode pooler mixes prepared statements of several clients.
    Server(Box<Conninfo>),
}

impl StoreName {
    /// Parses a path, `sqlite:PATH`, `sqlite://PATH`, `postgresql://…` or `key=value …`.
    ///
    /// # Errors
    ///
    /// The path is empty, or the URL is that of another database system.
    pub fn parse(text: &str) -> Result<StoreName, HistoryError> {
        if text.starts_with("postgresql://") || text.starts_with("postgres://") || is_conninfo(text) {
            return Ok(StoreName::Server(text.into()));
        }
        if let Some((scheme, _)) = text.split_once("://").filter(|(scheme, _)| *scheme != "sqlite") {
            return Err(HistoryError::InvalidAddress(format!(
                "{}://…",
                if scheme.contains(':') { "" } else { scheme }
            )));
        }
        // A mistyped URI, or a value that only the configuration supports: as a path it could create a file whose name
        // contains a password.
        if let Some(scheme) = ["postgresql:", "postgres:", "env:"].into_iter().find(|scheme| text.starts_with(scheme)) {
            return Err(HistoryError::InvalidAddress(format!("{scheme}…")));
        }
        let path = text.strip_prefix("sqlite://").or_else(|| text.strip_prefix("sqlite:")).unwrap_or(text);
        // As in `u:PASSWORD@host/db` or `db1 password=…`. Such a path must begin with `./` or `/`.
        if !path.starts_with(['.', '/']) && !passwords_in(path).is_empty() {
            return Err(HistoryError::InvalidAddress("…".to_owned()));
        }
        if path.is_empty() || path.starts_with(':') {
            return Err(HistoryError::InvalidAddress(text.to_owned()));
        }
        Ok(StoreName::File(path.into()))
    }

    /// Returns whether the text contains a password.
    pub fn has_password(&self) -> bool {
        matches!(self, StoreName::Server(text) if !passwords_in(text.expose()).is_empty())
    }

    /// Resolves the address, and returns warnings about the files that were read for it.
    ///
    /// # Errors
    ///
    /// The conninfo is invalid, or has a parameter that pgtend does not support.
    pub fn resolve(self, environment: &Environment) -> Result<(StoreAddress, Vec<String>), HistoryError> {
        let text = match self {
            StoreName::File(path) => return Ok((StoreAddress::File(path), Vec::new())),
            StoreName::Server(text) => text,
        };
        let mut environment = environment.clone();
        environment.vars.retain(|name, _| VARIABLES.contains(&name.as_str()));
        let resolved = resolve_text(&text, Source::History, &environment)?;
        Ok((StoreAddress::Server(Box::new(resolved.conninfo)), resolved.warnings))
    }
}

/// A URI of host, port, database and role.
impl fmt::Display for StoreAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StoreAddress::File(path) => {
                let text = path.display().to_string();
                write!(f, "{text:?}")
            }
            StoreAddress::Server(conninfo) => {
                let hosts: Vec<String> = conninfo.hosts.iter().map(format_host).collect();
                write!(
                    f,
                    "postgresql://{}@{}/{}",
                    percent_encode(&conninfo.user),
                    hosts.join(","),
                    percent_encode(&conninfo.dbname)
                )
            }
        }
    }
}

impl fmt::Debug for StoreAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StoreAddress({self})")
    }
}

fn format_host(host: &Host) -> String {
    let name = match &host.address {
        HostAddress::Socket(directory) => percent_encode(&directory.display().to_string()),
        HostAddress::Tcp { host: Some(name), .. } if name.contains(':') => format!("[{name}]"),
        HostAddress::Tcp { host: Some(name), .. } => percent_encode(name),
        HostAddress::Tcp { hostaddr: Some(address), .. } if address.is_ipv6() => format!("[{address}]"),
        HostAddress::Tcp { hostaddr: Some(address), .. } => address.to_string(),
        HostAddress::Tcp { host: None, hostaddr: None } => "localhost".to_owned(),
    };
    format!("{name}:{}", host.port)
}

/// Percent-encodes a part of a URI.
fn percent_encode(text: &str) -> String {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._~".contains(byte);
    text.bytes().map(|byte| if plain(&byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

/// Returns whether the text begins like `host=db1 dbname=…`, also with a misspelled keyword: as a path it could create
/// a file whose name contains a password.
fn is_conninfo(text: &str) -> bool {
    let word = text.split_once('=').map_or("", |(word, _)| word.trim());
    !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn environment(vars: &[(&str, &str)]) -> Environment {
        Environment {
            vars: vars.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
            home: Some("/nonexistent".into()),
            os_user: Some("ada".into()),
        }
    }

    fn resolve_address(text: &str, vars: &[(&str, &str)]) -> Result<StoreAddress, HistoryError> {
        StoreName::parse(text)?.resolve(&environment(vars)).map(|(address, _)| address)
    }

    #[test]
    fn store_name_rejects_other_databases() {
        for text in [
            "u:hunter2@db:5432/d",
            "postgresql//u:hunter2@db/d",
            "db1 password=hunter2",
            "postgres:/app:hunter2@db/d",
            "postgresql:app:hunter2@db",
            "env:NOPE",
            "",
            "sqlite:",
            "mysql://u:hunter2@h/d",
            "jdbc:postgresql://hunter2",
            "sqlite::memory:",
        ] {
            let error = resolve_address(text, &[]).unwrap_err().to_string();
            assert!(
                error.contains("is not the address of a history store") && !error.contains("hunter2"),
                "{text}: {error}"
            );
        }
    }

    #[test]
    fn store_name_rejects_unknown_parameters() {
        for (text, name) in [
            ("hots=db1 password=hunter2", "hots"),
            ("host=db1 password=hunter2 statement_timeout=1", "after the password"),
            ("postgresql://app:hunter2@db/d?sslmod=require", "sslmod"),
            ("postgresql://app:hunter2@db/d?statement_cache_capacity=1", "statement_cache_capacity"),
            ("postgresql://app:hunter2@db/d?gssencmode=require", "gssencmode=require"),
            ("postgresql://app:hunter2@db/d?sslpassword=x", "sslpassword"),
            ("postgresql://app:hunter2@db/d?replication=database", "replication"),
            ("postgresql://app:hunter2@db/d?sslmode=sometimes", "sslmode"),
            ("postgresql://app:hunter2@db/d?channel_binding=maybe", "channel_binding"),
            ("postgresql://app:hunter2@db/d?client_encoding=LATIN1", "client_encoding"),
            ("postgresql://app:hun@ter2@db/d", "@"),
            ("service=nowhere password=hunter2", "nowhere"),
        ] {
            let error = resolve_address(text, &[]).unwrap_err();
            let output = format!("{error} {error:?} {:?}", error.hint());
            assert!(error.to_string().starts_with("history store: "), "{text}: {error}");
            assert!(error.to_string().contains(name), "{text}: {error}");
            assert!(!output.contains("ter2"), "{text}: {output}");
        }
    }

    #[test]
    fn store_address_hides_passwords() {
        for text in [
            "postgresql://app:hunter2@db/pgtend",
            "postgres://app:hunter2@db:5432/pgtend?sslmode=require",
            "postgresql://app@db/pgtend?sslmode=require&password=hunter2",
            "postgresql:///pgtend?password=hunter2&host=db",
            "host=db user=app password=hunter2 dbname=pgtend",
        ] {
            let name = StoreName::parse(text).unwrap();
            assert!(name.has_password() && !format!("{name:?}").contains("hunter2"), "{text}");
            let address = resolve_address(text, &[]).unwrap();
            assert!(!format!("{address} {address:?}").contains("hunter2"), "{address}");
            assert!(!crate::redact::foreign("cannot use hunter2").contains("hunter2"));
        }
        let plain = StoreName::parse("postgresql://app@db/pgtend").unwrap();
        assert!(!plain.has_password());
    }

    #[test]
    fn store_name_accepts_file_forms() {
        for text in ["/x/history.db", "sqlite:/x/history.db", "sqlite:///x/history.db"] {
            assert_eq!(StoreName::parse(text).unwrap(), StoreName::File("/x/history.db".into()));
        }
        for text in ["./a=b.db", "A=b.db", "/x/a=b.db", "sqlite:a=b.db"] {
            assert!(matches!(StoreName::parse(text), Ok(StoreName::File(_))), "{text}");
        }
    }

    #[test]
    fn store_address_displays_as_uri() {
        for (text, shown) in [
            ("postgresql://app@db/pgtend?sslmode=require", "postgresql://app@db:5432/pgtend"),
            ("host=db1,db2 port=5433,5434 user='a b' dbname=s", "postgresql://a%20b@db1:5433,db2:5434/s"),
            ("host=/run/pg user=app", "postgresql://app@%2Frun%2Fpg:5432/app"),
            ("hostaddr=::1 dbname=s", "postgresql://ada@[::1]:5432/s"),
        ] {
            let address = resolve_address(text, &[]).unwrap().to_string();
            assert_eq!(address, shown, "{text}");
            assert_eq!(resolve_address(&address, &[]).unwrap().to_string(), shown);
        }
    }

    #[test]
    fn store_reads_only_safe_environment_variables() {
        let vars = [
            ("PGHOST", "other"),
            ("PGPORT", "1"),
            ("PGUSER", "other"),
            ("PGDATABASE", "other"),
            ("PGPASSWORD", "hunter2"),
            ("PGSERVICE", "other"),
            ("PGOPTIONS", "-c role=other"),
            ("PGSSLCERT", "/nonexistent"),
            ("PGTARGETSESSIONATTRS", "standby"),
            ("DATABASE_URL", "postgresql://other"),
            ("PGSSLMODE", "verify-full"),
            ("PGCHANNELBINDING", "require"),
        ];
        let StoreAddress::Server(conninfo) = resolve_address("host=db", &vars).unwrap() else { panic!("a server") };
        let plain = format!("{conninfo:?}");
        assert!(!plain.contains("other") && !plain.contains("/nonexistent\""), "{plain}");
        assert_eq!((conninfo.user.as_str(), conninfo.hosts[0].port), ("ada", 5432));
        assert!(conninfo.hosts[0].password.is_none() && conninfo.options.is_none());
        assert_eq!(conninfo.tls.mode, crate::postgres::conninfo::SslMode::VerifyFull);
        assert_eq!(conninfo.channel_binding, crate::postgres::conninfo::ChannelBinding::Require);
    }

    #[test]
    fn store_reads_pgpass_and_service_files() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let token = "t".repeat(2048);
        std::fs::write(path("pgpass"), format!("db:5432:pgtend:app:s3 kr&t\ndb:*:*:iam:{token}\n")).unwrap();
        std::fs::set_permissions(path("pgpass"), std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
        std::fs::write(path("services"), "[store]\nhost=db\nuser=app\ndbname=pgtend\nsslmode=require\n").unwrap();
        let (pgpass, services) = (path("pgpass").display().to_string(), path("services").display().to_string());
        let vars = [("PGPASSFILE", pgpass.as_str()), ("PGSERVICEFILE", &services), ("PGPASSWORD", "another")];
        let password = |text: &str| {
            let StoreAddress::Server(conninfo) = resolve_address(text, &vars).unwrap() else { panic!("a server") };
            conninfo.hosts[0].password.as_ref().map(|password| password.secret.expose().to_owned())
        };
        for text in [
            "postgresql://app@db/pgtend",
            "host=db user=app dbname=pgtend",
            "service=store",
            "postgresql://?service=store",
        ] {
            assert_eq!(password(text).as_deref(), Some("s3 kr&t"), "{text}");
        }
        assert_eq!(password("postgresql://app:own@db/pgtend").as_deref(), Some("own"));
        assert_eq!(password("postgresql://iam@db/x"), Some(token));
        assert_eq!(password("postgresql://app@other/pgtend"), None);
    }

    #[test]
    fn store_errors_hide_passwords_with_question_marks() {
        for text in [
            "postgresql://:?/hunter2@h/d?==",
            "postgresql://:?/hunter2=x@h/d",
            "postgresql://:/?hunter2=x&y@h/d",
            "postgresql://:/?sslmode=hunter2@h/d",
            "postgresql://:/?connect_timeout=hunter2@h/d",
            "postgresql://:/?require_auth=hunter2,x@h/d",
            "postgresql://:/?port=hunter2,x@h/d",
            "postgresql://:/?hostaddr=hunter2@h/d",
            "postgresql://:/?service=hunter2@h/d",
            "postgresql://:/?ssl_min_protocol_version=hunter2@h/d",
            "u:hunter2=x@h",
        ] {
            let error = resolve_address(text, &[]).map(|address| address.to_string()).expect_err(text);
            assert!(!format!("{error} {error:?} {:?}", error.hint()).contains("hunter2"), "{text}: {error}");
        }
    }

    proptest! {
        #[test]
        fn store_name_parse_never_panics(text: String) {
            let _ = resolve_address(&text, &[]).map(|address| address.to_string());
        }

        #[test]
        fn store_errors_hide_passwords(
            user in "[^:@/?]{0,9}", before in "[ -~]{0,9}", after in "[ -~]{0,9}", rest in "[^@]{0,30}", key in "[a-z]{0,4}",
        ) {
            for text in [
                format!("postgresql://{user}:{before}hunter2{after}@h/d?{rest}"),
                format!("postgres://{user}@h/d?{key}={key}&password={}hunter2{after}", before.replace('&', "")),
                format!("host=h {key}= password='{}hunter2{after}'", before.replace('\'', "")),
            ] {
                match resolve_address(&text, &[]) {
                    Ok(address) => prop_assert!(!address.to_string().contains("hunter2"), "{}", address),
                    Err(error) => prop_assert!(!format!("{error} {:?}", error.hint()).contains("hunter2"), "{text}: {error}"),
                }
            }
        }
    }
}
