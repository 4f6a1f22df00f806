//! `require_auth`: allowed authentication methods.

use super::ConninfoError;
use super::parameters::Parameters;
use super::value::quoted_value;

/// An authentication method of `require_auth`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuthMethod {
    /// A clear-text password.
    Password,
    /// A password hashed with MD5.
    Md5,
    /// Kerberos through GSSAPI.
    Gss,
    /// Windows SSPI.
    Sspi,
    /// SCRAM-SHA-256, with or without channel binding.
    ScramSha256,
    /// An OAuth bearer token.
    OAuth,
}

const METHODS: [(&str, AuthMethod); 6] = [
    ("password", AuthMethod::Password),
    ("md5", AuthMethod::Md5),
    ("gss", AuthMethod::Gss),
    ("sspi", AuthMethod::Sspi),
    ("scram-sha-256", AuthMethod::ScramSha256),
    ("oauth", AuthMethod::OAuth),
];

/// A value of `require_auth` (PostgreSQL 18 manual, 34.1.2 Parameter Key Words).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequireAuth {
    written: String,
    listed: Vec<AuthMethod>,
    negated: bool,
    needs_authentication: bool,
}

const METHODS_HINT: &str = "allowed methods: password, md5, gss, sspi, scram-sha-256, oauth and none";

impl RequireAuth {
    pub(super) fn read(parameters: &Parameters) -> Result<Option<Self>, ConninfoError> {
        parameters.text("require_auth").map(Self::parse).transpose()
    }

    fn parse(written: &str) -> Result<Self, ConninfoError> {
        if written.contains('@') {
            return Err(ConninfoError::new(format!("invalid require_auth value: {}", quoted_value(written)))
                .with_hint(METHODS_HINT));
        }
        let negated = written.starts_with('!');
        let mut listed = Vec::new();
        let mut names_none = false;
        for entry in written.split(',') {
            let (is_negative, name) = entry.strip_prefix('!').map_or((false, entry), |name| (true, name));
            if is_negative != negated {
                return Err(ConninfoError::new(if is_negative {
                    format!("negative require_auth method \"{name}\" cannot be mixed with non-negative methods")
                } else {
                    format!("require_auth method \"{name}\" cannot be mixed with negative methods")
                }));
            }
            let is_duplicate = if name == "none" {
                std::mem::replace(&mut names_none, true)
            } else {
                let (_, method) = METHODS.iter().find(|(known, _)| *known == name).ok_or_else(|| {
                    ConninfoError::new(format!("invalid require_auth value: \"{name}\"")).with_hint(METHODS_HINT)
                })?;
                let is_duplicate = listed.contains(method);
                listed.push(*method);
                is_duplicate
            };
            if is_duplicate {
                return Err(ConninfoError::new(format!("require_auth method \"{entry}\" is specified more than once")));
            }
        }
        // "!none" requires an exchange, "none" allows a server without one; otherwise a positive list requires one.
        Ok(Self { written: written.to_owned(), listed, negated, needs_authentication: negated == names_none })
    }

    /// The value as the user wrote it.
    pub fn as_written(&self) -> &str {
        &self.written
    }

    /// Returns whether the server may request this method.
    pub fn allows(&self, method: AuthMethod) -> bool {
        self.listed.contains(&method) != self.negated
    }

    /// Returns whether a server that accepts the client without any exchange is refused.
    pub fn needs_authentication(&self) -> bool {
        self.needs_authentication
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn require_auth_rejects_what_libpq_rejects() {
        for (text, message) in [
            ("scram", "invalid require_auth value: \"scram\""),
            ("md5,", "invalid require_auth value: \"\""),
            ("md5, password", "invalid require_auth value: \" password\""),
            ("!", "invalid require_auth value: \"\""),
            ("md5,!password", "negative require_auth method \"password\" cannot be mixed with non-negative methods"),
            ("!md5,password", "require_auth method \"password\" cannot be mixed with negative methods"),
            ("md5,md5", "require_auth method \"md5\" is specified more than once"),
            ("!none,!none", "require_auth method \"!none\" is specified more than once"),
        ] {
            assert_eq!(RequireAuth::parse(text).unwrap_err().to_string(), message, "{text}");
        }
    }

    #[test]
    fn require_auth_lists_allow_or_exclude() {
        for (text, allowed, needs_authentication) in [
            ("scram-sha-256", "scram-sha-256", true),
            ("password,md5", "password md5", true),
            ("none", "", false),
            ("scram-sha-256,none", "scram-sha-256", false),
            ("!password,!md5", "gss sspi scram-sha-256 oauth", false),
            ("!password,!none", "md5 gss sspi scram-sha-256 oauth", true),
            ("!none", "password md5 gss sspi scram-sha-256 oauth", true),
        ] {
            let required = RequireAuth::parse(text).unwrap();
            let names: Vec<_> =
                METHODS.iter().filter(|(_, method)| required.allows(*method)).map(|(name, _)| *name).collect();
            assert_eq!(names.join(" "), allowed, "{text}");
            assert_eq!(required.needs_authentication(), needs_authentication, "{text}");
        }
    }
}
