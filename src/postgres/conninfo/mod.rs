//! Where the server is and how to reach it, as libpq would work it out.
//!
//! [`resolve()`] takes what the user gave (flags, a target of the configuration, the environment) and
//! returns a [`Conninfo`] in which every gap is filled: hosts with ports, user, database, password,
//! TLS parameters. It reads the service file and the password file, nothing else; the environment
//! is handed down as an [`Environment`].
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
/// libpq has no timeout by default; a report that cron runs needs one.
pub const DEFAULT_CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// A fully resolved connection request: only host names are left to resolve.
#[derive(Clone, Debug)]
pub struct Conninfo {
    /// The servers to try, in order; never empty.
    pub hosts: Vec<Host>,
    /// The role.
    pub user: String,
    /// The database.
    pub dbname: String,
    /// How long one address may take; `None` waits for ever.
    pub connect_timeout: Option<Duration>,
    /// Command-line options for the server; sent only when the user set them, poolers refuse them.
    pub options: Option<String>,
    /// What `pg_stat_activity` shows.
    pub application_name: String,
    /// TCP keepalives and `tcp_user_timeout`.
    pub keepalives: Keepalives,
    /// Everything about encryption and certificates.
    pub tls: TlsParameters,
    /// Whether SCRAM must be bound to the TLS channel.
    pub channel_binding: ChannelBinding,
    /// Which authentication methods the server may use; `None` allows all.
    pub require_auth: Option<RequireAuth>,
    /// Which kind of server will do.
    pub target_session_attrs: TargetSessionAttrs,
    /// Whether hosts are tried in a random order.
    pub load_balance_hosts: LoadBalanceHosts,
    /// The operating-system user that must own the server behind a Unix socket.
    pub requirepeer: Option<String>,
    /// How much of the server's answers is kept.
    pub limits: ReadLimits,
    /// What is asked for the password of each connection; comes before the passwords of `hosts`.
    pub password_provider: Option<Arc<dyn PasswordProvider>>,
    /// Whether a file of the working directory names the server: it gets no password of the environment.
    pub is_from_working_directory: bool,
    /// The password file, for [`Conninfo::with_dbname`].
    passfile: Option<PasswordFileSource>,
    /// The directory that counts as `localhost` in the password file.
    socket_directory: Option<String>,
}

impl Conninfo {
    /// The same request with a password for every host: what a prompt answers.
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

    /// The same request with settings that the session starts with, after those of the user: the last one wins.
    ///
    /// Names and values must not hold white space or backslashes, which the server would split at.
    #[must_use]
    pub fn with_settings<'a>(&self, settings: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let mut changed = self.clone();
        let extra = settings.into_iter().map(|(name, value)| format!("-c {name}={value}"));
        let options: Vec<String> = changed.options.take().into_iter().chain(extra).collect();
        changed.options = Some(options.join(" ")).filter(|options| !options.is_empty());
        changed
    }

    /// The same request with other limits on what is kept.
    #[must_use]
    pub fn with_limits(mut self, limits: ReadLimits) -> Self {
        self.limits = limits;
        self
    }

    /// Equal where two requests lead to the same servers, as the same role and under the same options. No password is
    /// in it.
    pub fn server_key(&self) -> String {
        let hosts: Vec<(&HostAddress, u16)> = self.hosts.iter().map(|host| (&host.address, host.port)).collect();
        format!("{hosts:?} {:?} {:?} {:?}", self.user, self.options, self.target_session_attrs)
    }

    /// The same request for another database of the same servers.
    ///
    /// The password file may name another password for it, so it is asked again.
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
