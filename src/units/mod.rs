//! Bytes, durations, LSNs and prices: how they are written and read. Imports nothing of this crate.

mod bytes;
mod duration;
mod lsn;
mod price;

pub use bytes::{ParseBytesError, parse_bytes};
pub use duration::{ParseDurationError, parse_duration, parse_seconds};
pub use lsn::{Lsn, ParseLsnError};
pub use price::parse_price;
