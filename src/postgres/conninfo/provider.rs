use std::fmt;
use std::pin::Pin;

use super::{Origin, Secret};

/// The server that a password is asked for.
#[derive(Clone, Copy, Debug)]
pub struct PasswordRequest<'a> {
    /// The host as the conninfo names it: a name, an address or a socket directory.
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

/// A source of passwords that is asked for each connection, such as a command that prints a login token.
pub trait PasswordProvider: fmt::Debug + Send + Sync {
    /// Returns the password for one connection.
    ///
    /// # Errors
    ///
    /// A message that says why there is no password; it holds no secret.
    fn password<'a>(&'a self, request: PasswordRequest<'a>) -> PasswordFuture<'a>;

    /// Returns what "the password came from …" names.
    fn origin(&self) -> Origin;
}
