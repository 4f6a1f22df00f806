use std::collections::BTreeMap;

use super::keyword::{self, Keyword, Support};
use super::{ConninfoError, Origin, keyvalue, uri};
use crate::quote::is_connection_string;
use crate::redact::{self, passwords_in};

/// One parameter as it was written. No `Debug`: it may be the password.
#[derive(Clone)]
pub(super) struct ParameterValue {
    pub(super) text: String,
    pub(super) origin: Origin,
}

/// The collected parameters; the first value of a parameter applies.
#[derive(Clone, Default)]
pub(super) struct Parameters {
    values: BTreeMap<&'static str, ParameterValue>,
}

impl Parameters {
    /// Returns the value, unless it is empty: in libpq, an empty value counts as not set.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(|value| value.text.as_str()).filter(|text| !text.is_empty())
    }

    /// Returns all parameters that are not empty, by name.
    pub(super) fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.values.iter().map(|(name, value)| (*name, value.text.as_str())).filter(|(_, text)| !text.is_empty())
    }

    pub(super) fn origin(&self, name: &str) -> Option<&Origin> {
        self.values.get(name).map(|value| &value.origin)
    }

    pub(super) fn remove(&mut self, name: &str) {
        self.values.remove(name);
    }

    /// Sets a parameter, replacing a previous value; refuses parameters that pgtend does not support.
    pub(super) fn set(&mut self, keyword: &'static Keyword, text: String, origin: Origin) -> Result<(), ConninfoError> {
        let written = || match &origin {
            Origin::Environment(variable) => (*variable).to_owned(),
            origin => format!("\"{}\" from {origin}", keyword.name),
        };
        if keyword.support == Support::Unsupported && !text.is_empty() {
            return Err(keyword::unsupported_keyword_error(keyword, &written()));
        }
        if is_shown_in_messages(keyword, &text) && !passwords_in(&text).is_empty() {
            let message = format!("{} is a connection string with a password", written());
            let hint = "specify a connection string with -d (--dbname), in DATABASE_URL, or in a target's conninfo";
            return Err(ConninfoError::new(message).with_hint(hint));
        }
        if keyword.name == "password" {
            redact::register(&text);
        }
        self.values.insert(keyword.name, ParameterValue { text, origin });
        Ok(())
    }

    /// Sets a parameter only if it is not set.
    pub(super) fn set_if_absent(
        &mut self,
        keyword: &'static Keyword,
        text: String,
        origin: Origin,
    ) -> Result<(), ConninfoError> {
        if self.values.contains_key(keyword.name) {
            return Ok(());
        }
        self.set(keyword, text, origin)
    }

    /// Sets every pair; an unknown name is an error.
    pub(super) fn set_all(&mut self, pairs: Vec<(String, String)>, origin: &Origin) -> Result<(), ConninfoError> {
        let mut after_password = false;
        for (name, text) in pairs {
            let keyword = keyword::find_keyword(&name).ok_or_else(|| {
                if after_password {
                    keyword::unknown_after_password_error(&name)
                } else {
                    keyword::unknown_keyword_error(&name)
                }
            })?;
            after_password = keyword.name == "password";
            self.set(keyword, text, origin.clone())?;
        }
        Ok(())
    }
}

/// Returns whether a password in this parameter would appear in messages about the server. Options, paths and similar
/// values are not shown; a role or an application name may look like a part of a URL.
fn is_shown_in_messages(keyword: &Keyword, text: &str) -> bool {
    match keyword.name {
        "host" | "hostaddr" | "port" | "dbname" | "service" => true,
        "user" | "application_name" => is_connection_string(text),
        _ => false,
    }
}

/// Splits a URI or a `key=value` conninfo; every name must be known.
///
/// # Errors
///
/// Fails, without showing the name, if an apparent parameter of a URI may be the end of a password that contains `?`
/// and `@`.
pub(super) fn split_known(text: &str) -> Result<Vec<(String, String)>, ConninfoError> {
    let pairs = split_conninfo(text)?;
    let is_uri = uri::strip_scheme(text).is_some();
    let first_unknown = pairs.iter().position(|(name, _)| keyword::find_keyword(name).is_none());
    let after_unknown = first_unknown.filter(|_| is_uri).and_then(|position| pairs.get(position..)).unwrap_or_default();
    if after_unknown.iter().any(|(name, value)| name.contains('@') || value.contains('@')) {
        return Err(ConninfoError::new("unknown connection parameter before an \"@\" of the URI")
            .with_hint(uri::PERCENT_ENCODING_HINT));
    }
    Ok(pairs)
}

/// Splits a URI or a `key=value` conninfo.
pub(super) fn split_conninfo(text: &str) -> Result<Vec<(String, String)>, ConninfoError> {
    match uri::strip_scheme(text) {
        Some(rest) => uri::parse_uri(rest),
        None => keyvalue::parse_keyvalue(text),
    }
}
