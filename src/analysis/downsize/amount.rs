//! Bytes that are known within an interval.

use crate::analysis::copy_size::Forecast;
use schemars::JsonSchema;
use serde::Serialize;

/// Size in bytes with an interval that should contain the true value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Amount {
    /// Expected size in bytes.
    pub bytes: u64,
    /// Lower bound in bytes; at most `bytes`.
    pub low_bytes: u64,
    /// Upper bound in bytes; at least `bytes`.
    pub high_bytes: u64,
}

impl Amount {
    /// Returns an amount without uncertainty: all three values are `bytes`.
    pub const fn exact(bytes: u64) -> Amount {
        Amount { bytes, low_bytes: bytes, high_bytes: bytes }
    }

    /// Returns an amount whose bounds enclose `bytes`, even if an estimate gave them in the wrong order.
    pub fn from_bounds(low: u64, bytes: u64, high: u64) -> Amount {
        Amount { bytes, low_bytes: low.min(bytes), high_bytes: high.max(bytes) }
    }

    /// Returns the sum. The bounds are added separately and saturate.
    #[must_use]
    pub fn plus(self, other: Amount) -> Amount {
        Amount {
            bytes: self.bytes.saturating_add(other.bytes),
            low_bytes: self.low_bytes.saturating_add(other.low_bytes),
            high_bytes: self.high_bytes.saturating_add(other.high_bytes),
        }
    }

    /// Subtracts what is reclaimed. The lower bound assumes the most reclaimed, the upper bound the least.
    #[must_use]
    pub fn minus(self, other: Amount) -> Amount {
        Amount::from_bounds(
            self.low_bytes.saturating_sub(other.high_bytes),
            self.bytes.saturating_sub(other.bytes),
            self.high_bytes.saturating_sub(other.low_bytes),
        )
    }

    /// Applies `f` to the value and to both bounds, and puts the bounds in order.
    #[must_use]
    pub fn map(self, f: impl Fn(u64) -> u64) -> Amount {
        Amount::from_bounds(f(self.low_bytes), f(self.bytes), f(self.high_bytes))
    }

    /// Returns the larger value and the larger bounds of both amounts.
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
