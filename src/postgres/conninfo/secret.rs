use super::Origin;
use crate::redact;
use std::fmt;
use std::pin::Pin;

/// A password. `Debug` hides it, and the redactor replaces it in every message.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Returns a password that is replaced by another one within minutes, such as a login token.
    pub fn short_lived(text: String) -> Self {
        redact::register_short_lived(&text);
        Self(text)
    }

    /// Returns the password itself, only for sending it.
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

/// A text that may contain a password, such as a conninfo or the URL of a store. `Debug` hides it; the password is
/// registered for redaction when the text is parsed.
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

/// A password with its origin, for "password came from /home/x/.pgpass line 3".
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Password {
    /// The password.
    pub secret: Secret,
    /// Its origin.
    pub origin: Origin,
}

/// The server that a password is requested for.
#[derive(Clone, Copy, Debug)]
pub struct PasswordRequest<'a> {
    /// The host of the conninfo: a name, an address or a socket directory.
    pub host: &'a str,
    /// The TCP port, or the number in the name of the Unix socket.
    pub port: u16,
    /// The role.
    pub user: &'a str,
    /// The database.
    pub dbname: &'a str,
}

/// The password for one connection, or why there is none.
pub type PasswordFuture<'a> = Pin<Box<dyn Future<Output = Result<Secret, String>> + Send + 'a>>;

/// A source of passwords that is called for each connection, such as a command that prints a login token.
pub trait PasswordProvider: fmt::Debug + Send + Sync {
    /// Returns the password for one connection.
    ///
    /// # Errors
    ///
    /// A message with the reason; it contains no secret.
    fn password<'a>(&'a self, request: PasswordRequest<'a>) -> PasswordFuture<'a>;

    /// Returns the origin for "the password came from …".
    fn origin(&self) -> Origin;
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
