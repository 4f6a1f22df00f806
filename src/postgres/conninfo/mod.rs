//! Resolving connection parameters as libpq does.
//!
//! [`resolve()`] takes options, a target of the configuration, and the environment, and returns a
//! complete [`Conninfo`]: hosts with ports, user, database, password, TLS parameters. It reads only
//! the service file and the password file; the environment is passed in as an [`Environment`].
//!
//! PostgreSQL manual, 34.1 Database Connection Control Functions, 34.15 Environment Variables,
//! 34.16 The Password File, 34.17 The Connection Service File.

mod config_conninfo;
mod database_url;
mod environment;
mod error;
mod host;
mod keyvalue;
mod keyword;
mod origin;
mod parameters;
mod passfile;
mod printed;
mod require_auth;
mod resolve;
mod secret;
mod service;
mod session_options;
mod tls;
mod uri;
mod value;
mod working_directory;

pub use crate::quote::is_connection_string;
pub use config_conninfo::ConfigConninfo;
pub use environment::{ConnectionFlags, ConnectionRequest, Environment, Target, XdgFolder};
pub use error::ConninfoError;
pub use host::{Host, HostAddress};
pub use keyword::{KEYWORDS, Keyword, Support};
pub use origin::{Origin, Source};
pub use printed::printed;
pub use require_auth::{AuthMethod, RequireAuth};
pub use resolve::{Resolved, resolve, resolve_text};
pub use secret::{Password, PasswordFuture, PasswordProvider, PasswordRequest, Secret, Sensitive};
pub use session_options::Keepalives;
pub use session_options::{ChannelBinding, LoadBalanceHosts, TargetSessionAttrs};
pub use tls::{ProtocolVersion, RevocationSource, RootCert, SslCertMode, SslMode, SslNegotiation, TlsParameters};
pub use working_directory::REFUSED_PARAMETERS;

use super::ReadLimits;
use std::sync::Arc;
use std::time::Duration;

use passfile::{PasswordFile, PasswordFileSource};

/// Default connect timeout per address.
///
/// libpq has no timeout by default, but unattended reports need one.
pub const DEFAULT_CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// A resolved connection request, except for host names.
#[derive(Clone, Debug)]
pub struct Conninfo {
    /// The servers to try, in order; never empty.
    pub hosts: Vec<Host>,
    /// The role.
    pub user: String,
    /// The database.
    pub dbname: String,
    /// Time limit per address; `None` for no limit.
    pub connect_timeout: Option<Duration>,
    /// Command-line options for the server. Sent only if the user has set them, because poolers reject them.
    pub options: Option<String>,
    /// The name in `pg_stat_activity`.
    pub application_name: String,
    /// TCP keepalives and `tcp_user_timeout`.
    pub keepalives: Keepalives,
    /// Parameters of encryption and certificates.
    pub tls: TlsParameters,
    /// Whether SCRAM must be bound to the TLS channel.
    pub channel_binding: ChannelBinding,
    /// Allowed authentication methods; `None` for all.
    pub require_auth: Option<RequireAuth>,
    /// Required kind of server.
    pub target_session_attrs: TargetSessionAttrs,
    /// Whether hosts are tried in a random order.
    pub load_balance_hosts: LoadBalanceHosts,
    /// The operating-system user that must own the server behind a Unix socket.
    pub requirepeer: Option<String>,
    /// Memory limits for the server's answers.
    pub limits: ReadLimits,
    /// The password provider, called for each connection; has precedence over the passwords of `hosts`.
    pub password_provider: Option<Arc<dyn PasswordProvider>>,
    /// Whether the server is from a file in the working directory; it gets no password of the environment.
    pub is_from_working_directory: bool,
    /// The password file, for [`Conninfo::with_dbname`].
    passfile: Option<PasswordFileSource>,
    /// The directory that is `localhost` in the password file.
    socket_directory: Option<String>,
}

impl Conninfo {
    /// Returns the same request with a password for every host, as from a prompt.
    #[must_use]
    pub fn with_password(&self, password: impl Into<Secret>) -> Self {
        let password = Password { secret: password.into(), origin: Origin::Prompt };
        let mut changed = self.clone();
        for host in &mut changed.hosts {
            host.password = Some(password.clone());
        }
        changed.password_provider = None;
        changed
    }

    /// Returns the same request with settings for the start of the session, after those of the user: the last one
    /// applies.
    ///
    /// Names and values must not contain white space or backslashes, at which the server splits.
    #[must_use]
    pub fn with_settings<'a>(&self, settings: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let mut changed = self.clone();
        let extra = settings.into_iter().map(|(name, value)| format!("-c {name}={value}"));
        let options: Vec<String> = changed.options.take().into_iter().chain(extra).collect();
        changed.options = Some(options.join(" ")).filter(|options| !options.is_empty());
        changed
    }

    /// Returns the same request with other memory limits.
    #[must_use]
    pub fn with_limits(mut self, limits: ReadLimits) -> Self {
        self.limits = limits;
        self
    }

    /// Returns a key that is equal for two requests with the same servers, role and options. It contains no password.
    pub fn server_key(&self) -> String {
        let hosts: Vec<(&HostAddress, u16)> = self.hosts.iter().map(|host| (&host.address, host.port)).collect();
        format!("{hosts:?} {:?} {:?} {:?}", self.user, self.options, self.target_session_attrs)
    }

    /// Returns the same request for another database of the same servers.
    ///
    /// The password file is read again, because it may have another password for this database.
    #[must_use]
    pub fn with_dbname(&self, dbname: impl Into<String>) -> Self {
        let mut changed = self.clone();
        changed.dbname = dbname.into();
        let Some(PasswordFileSource { path, hosts }) = &changed.passfile else { return changed };
        let Ok(Some(file)) = PasswordFile::read(path) else { return changed };
        for host in &mut changed.hosts {
            let from_file = host.password.as_ref().is_none_or(|password| password.origin.is_password_file());
            if from_file {
                host.password = file.password(
                    *hosts,
                    &host.password_key(self.socket_directory.as_deref(), *hosts),
                    host.port,
                    &changed.dbname,
                    &changed.user,
                );
            }
        }
        changed
    }
}
