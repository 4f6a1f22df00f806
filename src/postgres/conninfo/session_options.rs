//! Options of a session: channel binding, target_session_attrs, load balancing, TCP keepalives.

use super::ConninfoError;
use super::parameters::Parameters;
use super::value::{positive, read_choice, read_flag, read_integer, read_milliseconds, read_seconds};
use std::time::Duration;

/// `channel_binding`: whether SCRAM must be bound to the TLS channel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ChannelBinding {
    /// Never.
    Disable,
    /// If the server supports it.
    #[default]
    Prefer,
    /// Always; a server without support is refused.
    Require,
}

/// `target_session_attrs`: the required kind of server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TargetSessionAttrs {
    /// Any.
    #[default]
    Any,
    /// A server whose sessions are read-write.
    ReadWrite,
    /// A server whose sessions are read-only.
    ReadOnly,
    /// A server that is not in recovery.
    Primary,
    /// A server that is in recovery.
    Standby,
    /// A standby, or any server if no host is one.
    PreferStandby,
}

/// `load_balance_hosts`: the order in which hosts and addresses are tried.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LoadBalanceHosts {
    /// In the order of the conninfo and of the resolver.
    #[default]
    Disable,
    /// In random order.
    Random,
}

impl ChannelBinding {
    pub(super) fn read(parameters: &Parameters) -> Result<Self, ConninfoError> {
        read_choice(
            parameters,
            "channel_binding",
            &[("disable", Self::Disable), ("prefer", Self::Prefer), ("require", Self::Require)],
        )
    }
}

impl TargetSessionAttrs {
    pub(super) fn read(parameters: &Parameters) -> Result<Self, ConninfoError> {
        read_choice(
            parameters,
            "target_session_attrs",
            &[
                ("any", Self::Any),
                ("read-write", Self::ReadWrite),
                ("read-only", Self::ReadOnly),
                ("primary", Self::Primary),
                ("standby", Self::Standby),
                ("prefer-standby", Self::PreferStandby),
            ],
        )
    }
}

impl LoadBalanceHosts {
    pub(super) fn read(parameters: &Parameters) -> Result<Self, ConninfoError> {
        read_choice(parameters, "load_balance_hosts", &[("disable", Self::Disable), ("random", Self::Random)])
    }
}

/// TCP keepalives; `None` is the default of the system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Keepalives {
    /// `keepalives`.
    pub enabled: bool,
    /// `keepalives_idle`.
    pub idle: Option<Duration>,
    /// `keepalives_interval`.
    pub interval: Option<Duration>,
    /// `keepalives_count`.
    pub count: Option<u32>,
    /// `tcp_user_timeout`: time limit for unacknowledged data.
    pub user_timeout: Option<Duration>,
}

impl Keepalives {
    pub(super) fn read(parameters: &Parameters) -> Result<Self, ConninfoError> {
        Ok(Self {
            enabled: read_flag(parameters, "keepalives", true)?,
            idle: read_seconds(parameters, "keepalives_idle")?,
            interval: read_seconds(parameters, "keepalives_interval")?,
            count: read_integer(parameters, "keepalives_count")?.and_then(positive),
            user_timeout: read_milliseconds(parameters, "tcp_user_timeout")?,
        })
    }
}
