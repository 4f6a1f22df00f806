//! What stands in a table: values, not prose.

use crate::units::Lsn;
use jiff::Timestamp;

/// One value, by what it measures; each format writes it its own way.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// There is none.
    None,
    /// It could not be read.
    Unknown,
    Text(String),
    /// A name; it may be shortened in the middle where space is short.
    Name(String),
    Bytes(u64),
    /// Bytes by the catalog's estimate.
    EstimatedBytes(u64),
    Count(u64),
    Lsn(Lsn),
    Time(Timestamp),
    /// Seconds.
    Duration(u64),
    Flag(bool),
    /// Bytes a day; negative where something shrinks.
    BytesPerDay(f64),
    /// A share of one: 0.25 is a quarter.
    Share(f64),
}

/// What a value means to the reader; shown as colour where there is colour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tone {
    #[default]
    Plain,
    Faint,
    Good,
    Warning,
    Bad,
}

/// A value and its meaning.
#[derive(Clone, Debug, PartialEq)]
pub struct Cell {
    pub value: Value,
    pub tone: Tone,
}

impl Cell {
    pub fn new(value: Value) -> Cell {
        let tone = if matches!(value, Value::Unknown) { Tone::Faint } else { Tone::Plain };
        Cell { value, tone }
    }

    pub fn text(text: impl Into<String>) -> Cell {
        Cell::new(Value::Text(text.into()))
    }

    pub fn name(name: impl Into<String>) -> Cell {
        Cell::new(Value::Name(name.into()))
    }

    pub fn bytes(bytes: u64) -> Cell {
        Cell::new(Value::Bytes(bytes))
    }

    pub fn count(count: u64) -> Cell {
        Cell::new(Value::Count(count))
    }

    pub fn flag(flag: bool) -> Cell {
        Cell::new(Value::Flag(flag))
    }

    /// A value that may be missing because there is none.
    pub fn or_none<T>(value: Option<T>, make: impl FnOnce(T) -> Value) -> Cell {
        Cell::new(value.map_or(Value::None, make))
    }

    /// A value that may be missing because it could not be read.
    pub fn or_unknown<T>(value: Option<T>, make: impl FnOnce(T) -> Value) -> Cell {
        Cell::new(value.map_or(Value::Unknown, make))
    }

    #[must_use]
    pub fn with_tone(mut self, tone: Tone) -> Cell {
        self.tone = tone;
        self
    }
}
