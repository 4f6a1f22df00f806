//! Bytes that are known within an interval.

use crate::facts::copy_size::Forecast;
use serde::Serialize;

/// So many bytes, and between which they should lie.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Amount {
    pub bytes: u64,
    pub low_bytes: u64,
    pub high_bytes: u64,
}

impl Amount {
    pub const fn exact(bytes: u64) -> Amount {
        Amount { bytes, low_bytes: bytes, high_bytes: bytes }
    }

    /// In order, whatever the estimates said.
    pub fn from_bounds(low: u64, bytes: u64, high: u64) -> Amount {
        Amount { bytes, low_bytes: low.min(bytes), high_bytes: high.max(bytes) }
    }

    #[must_use]
    pub fn plus(self, other: Amount) -> Amount {
        Amount {
            bytes: self.bytes.saturating_add(other.bytes),
            low_bytes: self.low_bytes.saturating_add(other.low_bytes),
            high_bytes: self.high_bytes.saturating_add(other.high_bytes),
        }
    }

    /// Without what is reclaimed: the least is left where most is reclaimed.
    #[must_use]
    pub fn minus(self, other: Amount) -> Amount {
        Amount::from_bounds(
            self.low_bytes.saturating_sub(other.high_bytes),
            self.bytes.saturating_sub(other.bytes),
            self.high_bytes.saturating_sub(other.low_bytes),
        )
    }

    #[must_use]
    pub fn map(self, f: impl Fn(u64) -> u64) -> Amount {
        Amount::from_bounds(f(self.low_bytes), f(self.bytes), f(self.high_bytes))
    }

    #[must_use]
    pub fn larger(self, other: Amount) -> Amount {
        Amount {
            bytes: self.bytes.max(other.bytes),
            low_bytes: self.low_bytes.max(other.low_bytes),
            high_bytes: self.high_bytes.max(other.high_bytes),
        }
    }
}

impl From<Forecast> for Amount {
    fn from(forecast: Forecast) -> Amount {
        Amount::from_bounds(forecast.low_bytes, forecast.bytes, forecast.high_bytes)
    }
}
