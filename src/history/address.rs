//! Where a store is: a file, or a database on a server.

use super::HistoryError;
use std::path::PathBuf;

/// The address of a store. Its `Display` shows no password.
#[derive(Clone, PartialEq, Eq)]
pub enum StoreAddress {
    File(PathBuf),
    /// A `postgresql://` URL, direct to the server: a transaction-mode pooler mixes sqlx's statements up.
    Server(String),
}

impl StoreAddress {
    /// Reads a path, `sqlite:PATH`, `sqlite://PATH` or `postgresql://…`.
    pub fn parse(text: &str) -> Result<StoreAddress, HistoryError> {
        if text.starts_with("postgresql://") || text.starts_with("postgres://") {
            return Ok(StoreAddress::Server(text.to_owned()));
        }
        if is_conninfo(text) {
            return Err(HistoryError::Conninfo);
        }
        let path = text.strip_prefix("sqlite://").or_else(|| text.strip_prefix("sqlite:")).unwrap_or(text);
        let refused = path.is_empty() || path.contains("://") || path.starts_with(':');
        if refused { Err(HistoryError::NoStore(without_password(text))) } else { Ok(StoreAddress::File(path.into())) }
    }

    /// Whether the URL itself holds a password.
    pub fn has_password(&self) -> bool {
        self.password().is_some()
    }

    /// The password in it, as the URL writes it.
    pub(super) fn password(&self) -> Option<&str> {
        match self {
            StoreAddress::File(_) => None,
            StoreAddress::Server(url) => passwords(url).into_iter().map(|range| &url[range]).find(|it| !it.is_empty()),
        }
    }

    /// A driver's message, which may quote what it was given.
    pub(super) fn hide_in(&self, message: &str) -> String {
        self.password().map_or_else(|| message.to_owned(), |password| message.replace(password, "…"))
    }
}

impl std::fmt::Display for StoreAddress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            StoreAddress::File(path) => write!(f, "{:?}", path.display().to_string()),
            StoreAddress::Server(url) => f.write_str(&without_password(url)),
        }
    }
}

// By hand: the URL may hold a password.
impl std::fmt::Debug for StoreAddress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "StoreAddress({self})")
    }
}

/// Whether it is `host=db1 dbname=…`, as everywhere else: taken for a path it would be a file whose name is the password.
fn is_conninfo(text: &str) -> bool {
    const KEYS: [&str; 8] = ["host", "hostaddr", "port", "user", "password", "dbname", "service", "sslmode"];
    let key = text.split_once('=').map(|(key, _)| key.trim());
    key.is_some_and(|key| KEYS.contains(&key))
}

fn without_password(url: &str) -> String {
    let mut shown = url.to_owned();
    for range in passwords(url).into_iter().rev() {
        shown.replace_range(range, "…");
    }
    shown
}

/// Where passwords stand in a URL: before the last `@` of the authority, and as parameters. In order, none in another.
fn passwords(url: &str) -> Vec<std::ops::Range<usize>> {
    let authority = url.find("://").map_or(0, |at| at + 3);
    // A password may hold `@`, `/`, `?` or `&` that should have been escaped; better too much hidden than too little.
    let end = url[authority..].rfind('@').map_or(authority, |at| authority + at);
    let colon = url[authority..end].find(':').map(|colon| authority + colon + 1);
    let mut found: Vec<std::ops::Range<usize>> = colon.map(|colon| colon..end).into_iter().collect();
    for (at, _) in url.match_indices(['?', '&']) {
        let parameter = &url[at + 1..];
        let parameter = parameter.split('&').next().unwrap_or(parameter);
        let name = parameter.split('=').next().unwrap_or_default();
        if name.contains("password") && parameter.len() > name.len() {
            found.push(at + 1 + name.len() + 1..at + 1 + parameter.len());
        }
    }
    found.sort_by_key(|range| range.start);
    found.into_iter().fold(Vec::new(), |mut apart: Vec<std::ops::Range<usize>>, range| {
        match apart.last_mut().filter(|last| range.start <= last.end) {
            Some(last) => last.end = last.end.max(range.end),
            None => apart.push(range),
        }
        apart
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_names_no_store_is_refused() {
        let conninfo = "host=db1 user=app password=hunter2 dbname=pgtend";
        for text in ["", "sqlite:", "mysql://u:hunter2@h/d", "sqlite::memory:", conninfo, " password = hunter2"] {
            let error = StoreAddress::parse(text).unwrap_err().to_string();
            assert!(error.contains("is no history store") && !error.contains("hunter2"), "{text}: {error}");
        }
    }

    #[test]
    fn no_form_of_password_shows() {
        for url in [
            "postgresql://app:hunter2@db/pgtend",
            "postgres://app:hunter2@db:5432/pgtend?sslmode=require",
            "postgresql://app@db/pgtend?sslmode=require&password=hunter2",
            "postgresql://app:hun/hunter2?@db/pgtend",
            "postgresql:///pgtend?password=hunter2&host=db",
            "postgresql://db/pgtend?password=@hunter2",
            "postgresql://app@db:5432/pgtend?sslmode=require&password=x@hunter2@&host=db",
            "postgresql://app:x@db/pgtend?password=hunter2@y",
        ] {
            let address = StoreAddress::parse(url).unwrap();
            assert!(!format!("{address} {address:?}").contains("hunter2"), "{address}");
            assert!(address.password().is_some(), "{url}");
        }
        let plain = StoreAddress::parse("postgresql://app@db/pgtend").unwrap();
        assert_eq!((plain.password(), plain.to_string().as_str()), (None, "postgresql://app@db/pgtend"));
        let keyed = StoreAddress::parse("postgresql://app:hunter2@db/pgtend").unwrap();
        assert_eq!(keyed.hide_in("cannot use hunter2"), "cannot use …");
    }

    #[test]
    fn files_in_all_spellings() {
        for text in ["/x/history.db", "sqlite:/x/history.db", "sqlite:///x/history.db"] {
            assert_eq!(StoreAddress::parse(text).unwrap(), StoreAddress::File("/x/history.db".into()));
        }
    }

    proptest! {
        #[test]
        fn any_text_is_an_address_or_refused(text: String) {
            let _ = StoreAddress::parse(&text).map(|address| address.to_string());
        }

        #[test]
        fn no_password_shows_whatever_stands_around_it(
            user in "[^:@/?]{0,9}", before in "[ -~]{0,9}", after in "[ -~]{0,9}", rest in "[^@]{0,30}", key in "[a-z]{0,4}",
        ) {
            for url in [
                format!("postgresql://{user}:{before}hunter2{after}@h/d?{rest}"),
                format!("postgres://{user}@h/d?{key}={key}&password={}hunter2{after}", before.replace('&', "")),
            ] {
                let address = StoreAddress::parse(&url).unwrap();
                prop_assert!(!address.to_string().contains("hunter2"), "{}", address);
                let debug = format!("{address:?}");
                prop_assert!(!debug.contains("hunter2"), "{}", debug);
            }
        }
    }
}
