use std::fmt;

use super::parameters::{Parameters, split_known};
use super::{ConninfoError, Origin, Secret, Sensitive, Source};
use crate::quote::quote_conninfo_value;

/// A conninfo of the configuration, parsed but not resolved.
#[derive(Clone)]
pub struct ConfigConninfo {
    pairs: Vec<(String, String)>,
}

impl ConfigConninfo {
    /// Parses a URI or a `key=value` conninfo, with the checks of a connection.
    pub fn read(text: &str, target: &str) -> Result<Self, ConninfoError> {
        let pairs = split_known(text)?;
        let origin = Origin::Source(Source::Target(target.to_owned()));
        Parameters::default().set_all(pairs.clone(), &origin)?;
        Ok(Self { pairs })
    }

    /// Returns whether the parameter is set and not empty.
    pub fn has_parameter(&self, name: &str) -> bool {
        self.pairs.iter().any(|(key, value)| key == name && !value.is_empty())
    }

    /// Returns the conninfo with a password, as `key=value` text.
    #[must_use]
    pub fn with_password(mut self, password: &Secret) -> Self {
        self.pairs.push(("password".to_owned(), password.expose().to_owned()));
        self
    }

    /// Returns the conninfo with a default database, unless it sets one, or a service that may set one.
    #[must_use]
    pub fn with_default_dbname(mut self, name: &str) -> Self {
        if !self.has_parameter("dbname") && !self.has_parameter("service") {
            self.pairs.push(("dbname".to_owned(), name.to_owned()));
        }
        self
    }

    /// Returns the conninfo with another database.
    #[must_use]
    pub fn with_dbname(mut self, name: &str) -> Self {
        self.pairs.retain(|(key, _)| key != "dbname");
        self.pairs.push(("dbname".to_owned(), name.to_owned()));
        self
    }

    /// Returns the conninfo as `key=value` text.
    pub fn conninfo(&self) -> Sensitive {
        let pairs: Vec<String> =
            self.pairs.iter().map(|(key, value)| format!("{key}={}", quote_conninfo_value(value))).collect();
        pairs.join(" ").into()
    }
}

// Implemented manually: a value may be the password.
impl fmt::Debug for ConfigConninfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.pairs.iter().map(|(key, _)| key)).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn config_conninfo_rejects_bad_input() {
        for text in [
            "host",
            "hots=x",
            "postgres://u@h:x/",
            "sslpassword=ter2",
            "password=hun tertwothree-ter2=x",
            "u:hunter2=x",
            "postgresql://:?/hunter2=x@h/d",
            "postgresql://:?/hunter2@h/d?==",
        ] {
            let error = ConfigConninfo::read(text, "prod").unwrap_err();
            assert!(!format!("{error} {error:?}").contains("ter2"), "{error:?}");
        }
    }

    #[test]
    fn config_conninfo_has_parameter() {
        for (text, given) in [
            ("host=h", false),
            ("password=", false),
            ("password= user=x", true),
            ("password='' password=x", true),
            ("password=x password=''", true),
            ("postgres://u@h/d", false),
            ("postgres://u:@h/d", false),
            ("postgres://u:p@h/d", true),
            ("postgres://h/d?pass%77ord=p", true),
        ] {
            assert_eq!(ConfigConninfo::read(text, "prod").unwrap().has_parameter("password"), given, "{text}");
        }
    }

    #[test]
    fn config_conninfo_hides_added_password() {
        for text in ["host=h user=u", "postgres://u@h", "postgres://u@h/?", "postgresql:///?host=h&user=u"] {
            let written = ConfigConninfo::read(text, "prod").unwrap().with_password(&r"a'b\c d&e".into());
            let again = split_known(written.conninfo().expose()).unwrap();
            for (key, value) in [("host", "h"), ("user", "u"), ("password", r"a'b\c d&e")] {
                assert!(again.contains(&(key.to_owned(), value.to_owned())), "{text}: no {key}");
            }
            assert!(!format!("{written:?} {:?}", written.conninfo()).contains("a'b"));
        }
    }
}
