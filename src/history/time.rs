//! Times and sizes as the store keeps them.

use super::HistoryError;
use crate::units::Lsn;
use jiff::Timestamp;

pub(super) fn micros(time: Timestamp) -> i64 {
    time.as_microsecond()
}

pub(super) fn timestamp(micros: i64) -> Result<Timestamp, HistoryError> {
    Timestamp::from_microsecond(micros).map_err(|_| HistoryError::Inconsistent("a time is out of range"))
}

/// Beyond what a column holds nothing exists: 8 EB.
pub(super) fn size(bytes: u64) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}

pub(super) fn bytes(size: i64) -> u64 {
    u64::try_from(size).unwrap_or(0)
}

/// The bits: positions beyond 2^63 keep their order among themselves, and no cluster gets there.
pub(super) fn position(lsn: Lsn) -> i64 {
    lsn.0.cast_signed()
}

pub(super) fn lsn(position: i64) -> Lsn {
    Lsn(position.cast_unsigned())
}
