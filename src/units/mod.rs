//! Bytes, durations, LSNs, percentages and prices: parsing and printing. Imports nothing of this crate.

mod bytes;
mod duration;
mod lsn;
mod percent;
mod price;

pub use bytes::{ParseBytesError, parse_bytes};
pub use duration::{ParseDurationError, parse_duration, parse_seconds};
pub use lsn::{Lsn, ParseLsnError};
pub use percent::{ParsePercentError, parse_percent};
pub use price::parse_price;
