//! A size that is predicted, and how sure one may be of it.

use serde::{Deserialize, Serialize};

/// What a prediction rests on; less certain comes later.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Basis {
    /// Every page was read, or the size is fixed by what it is.
    Measured,
    /// The statistics of the last ANALYZE, or a sample of blocks.
    Statistics,
    /// The state of what it belongs to: nothing tells of it itself.
    Proportion,
    /// Nothing is known of it: it is taken to stay as large as it is.
    Unknown,
}

/// Bytes after a copy that writes every row and every index anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Forecast {
    pub bytes: u64,
    /// It should lie between these.
    pub low_bytes: u64,
    pub high_bytes: u64,
    pub basis: Basis,
}

impl Forecast {
    pub const ZERO: Forecast = Forecast::exactly(0);

    pub const fn exactly(bytes: u64) -> Forecast {
        Forecast { bytes, low_bytes: bytes, high_bytes: bytes, basis: Basis::Measured }
    }

    /// What is taken to stay as it is, for nothing says how full it is.
    pub fn unchanged(bytes: u64) -> Forecast {
        Forecast { bytes, low_bytes: 0, high_bytes: bytes, basis: Basis::Unknown }
    }

    /// `bytes`, and so many shares of it less or more.
    pub fn with_spread(bytes: u64, less: f64, more: f64, basis: Basis) -> Forecast {
        Forecast {
            bytes,
            low_bytes: (bytes as f64 * (1.0 - less)).max(0.0) as u64,
            high_bytes: (bytes as f64 * (1.0 + more)) as u64,
            basis,
        }
    }

    /// Both together.
    #[must_use]
    pub fn plus(self, other: Forecast) -> Forecast {
        Forecast {
            bytes: self.bytes + other.bytes,
            low_bytes: self.low_bytes + other.low_bytes,
            high_bytes: self.high_bytes + other.high_bytes,
            basis: self.basis.max(other.basis),
        }
    }

    /// Not more than it takes now: what is written anew packs no worse than what grew.
    #[must_use]
    pub fn capped_at(self, now: u64) -> Forecast {
        Forecast {
            bytes: self.bytes.min(now),
            low_bytes: self.low_bytes.min(now),
            high_bytes: self.high_bytes.min(now),
            ..self
        }
    }

    /// The interval reaches from one to the other as well.
    #[must_use]
    pub fn widened_to(self, low_bytes: u64, high_bytes: u64) -> Forecast {
        Forecast { low_bytes: self.low_bytes.min(low_bytes), high_bytes: self.high_bytes.max(high_bytes), ..self }
    }
}
