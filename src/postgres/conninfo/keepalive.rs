use std::time::Duration;

use super::ConninfoError;
use super::parameters::Parameters;
use super::value::{positive, read_flag, read_integer, read_milliseconds, read_seconds};

/// TCP keepalives; what is `None` is left to the system.
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
    /// `tcp_user_timeout`: how long data may stay unacknowledged.
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
