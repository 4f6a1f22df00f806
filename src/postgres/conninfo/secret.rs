use std::fmt;

use super::Origin;
use crate::redact;

/// A password. `Debug` hides it, and the redactor replaces it in every message.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Returns a password that is replaced by another one within minutes, such as a login token.
    pub fn short_lived(text: String) -> Self {
        redact::register_short_lived(&text);
        Self(text)
    }

    /// Returns the password itself: for the wire only.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        redact::register(&text);
        Self(text)
    }
}

impl From<&str> for Secret {
    fn from(text: &str) -> Self {
        text.to_owned().into()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// A text that may hold a password among other things, such as a conninfo or the URL of a store. `Debug` hides it; the
/// redactor knows the password only once the text was parsed.
#[derive(Clone, PartialEq, Eq)]
pub struct Sensitive(String);

impl Sensitive {
    /// Returns the text.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl From<String> for Sensitive {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl From<&str> for Sensitive {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl fmt::Debug for Sensitive {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sensitive(…)")
    }
}

/// A password and where it was found, for "password came from /home/x/.pgpass line 3".
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Password {
    /// The password.
    pub secret: Secret,
    /// Where it was found.
    pub origin: Origin,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_hides_the_password() {
        let password = Password { secret: "hunter2".into(), origin: Origin::Prompt };
        assert!(!format!("{password:?} {password:#?} {:?}", Sensitive::from("hunter2")).contains("hunter2"));
    }

    #[test]
    fn secret_registers_itself() {
        for secret in [Secret::from("registered-by-secret-1"), Secret::short_lived("registered-by-secret-2".to_owned())]
        {
            assert_eq!(redact::foreign(&format!("got {}!", secret.expose())), "got …!");
        }
    }
}
