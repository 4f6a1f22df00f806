//! A predicted size with its interval.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Basis of a prediction, the most certain first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Basis {
    /// Every page was read, or the relation has a fixed size.
    Measured,
    /// The statistics of the last ANALYZE, or a sample of blocks.
    Statistics,
    /// The bloat of its table, because no fact describes the relation itself.
    Proportion,
    /// None: the relation is expected to keep its size.
    Unknown,
}

/// Bytes after a copy that rewrites every row and every index.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema, Deserialize)]
pub struct Forecast {
    /// The likely size.
    pub bytes: u64,
    /// The lower bound of the interval.
    pub low_bytes: u64,
    /// The upper bound of the interval.
    pub high_bytes: u64,
    /// Basis of the prediction.
    pub basis: Basis,
}

impl Forecast {
    /// No bytes.
    pub const ZERO: Forecast = Forecast::exactly(0);

    /// Returns a known size.
    pub const fn exactly(bytes: u64) -> Forecast {
        Forecast { bytes, low_bytes: bytes, high_bytes: bytes, basis: Basis::Measured }
    }

    /// Returns the forecast of a relation whose density is unknown: at most its present size.
    pub fn unchanged(bytes: u64) -> Forecast {
        Forecast { bytes, low_bytes: 0, high_bytes: bytes, basis: Basis::Unknown }
    }

    /// Returns `bytes` with an interval of these shares below and above.
    pub fn with_spread(bytes: u64, less: f64, more: f64, basis: Basis) -> Forecast {
        Forecast {
            bytes,
            low_bytes: (bytes as f64 * (1.0 - less)).max(0.0) as u64,
            high_bytes: (bytes as f64 * (1.0 + more)) as u64,
            basis,
        }
    }

    /// Returns the sum.
    #[must_use]
    pub fn plus(self, other: Forecast) -> Forecast {
        Forecast {
            bytes: self.bytes + other.bytes,
            low_bytes: self.low_bytes + other.low_bytes,
            high_bytes: self.high_bytes + other.high_bytes,
            basis: self.basis.max(other.basis),
        }
    }

    /// Returns the forecast limited to the present size: a rewritten relation is packed at least as densely.
    #[must_use]
    pub fn capped_at(self, now: u64) -> Forecast {
        Forecast {
            bytes: self.bytes.min(now),
            low_bytes: self.low_bytes.min(now),
            high_bytes: self.high_bytes.min(now),
            ..self
        }
    }

    /// Returns the forecast with an interval that contains both bounds.
    #[must_use]
    pub fn widened_to(self, low_bytes: u64, high_bytes: u64) -> Forecast {
        Forecast { low_bytes: self.low_bytes.min(low_bytes), high_bytes: self.high_bytes.max(high_bytes), ..self }
    }
}
