//! Conversion of times and sizes for the store.

use super::HistoryError;
use crate::units::Lsn;
use jiff::Timestamp;

pub(super) fn micros(time: Timestamp) -> i64 {
    time.as_microsecond()
}

pub(super) fn timestamp(micros: i64) -> Result<Timestamp, HistoryError> {
    Timestamp::from_microsecond(micros).map_err(|_| HistoryError::Inconsistent("a time is out of range"))
}

/// Saturates at the maximum of a column, 8 EB.
pub(super) fn size(bytes: u64) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}

pub(super) fn bytes(size: i64) -> u64 {
    u64::try_from(size).unwrap_or(0)
}

/// Converts the bits unchanged. Positions beyond 2^63 do not occur in practice.
pub(super) fn position(lsn: Lsn) -> i64 {
    lsn.position().cast_signed()
}

pub(super) fn lsn(position: i64) -> Lsn {
    Lsn::new(position.cast_unsigned())
}
