//! Values of table cells.

use crate::units::Lsn;
use jiff::Timestamp;

/// One value by what it measures. Each format writes it in its own way.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// There is no value.
    None,
    /// The value could not be read.
    Unknown,
    /// Text, which may wrap.
    Text(String),
    /// A name.
    Name(String),
    /// The name of a relation. A terminal leaves out a schema that all rows of the table share.
    Relation {
        /// Its schema.
        schema: String,
        /// Its name.
        name: String,
    },
    /// The name of an index. A terminal adds the schema if it differs among the rows; files have it with the table.
    Index {
        /// Its schema.
        schema: String,
        /// Its name.
        name: String,
    },
    /// Text whose middle may be left out where space is short, such as a query.
    Excerpt(String),
    /// A size in bytes.
    Bytes(u64),
    /// A size in bytes, estimated from the catalog.
    EstimatedBytes(u64),
    /// A number of things.
    Count(u64),
    /// A WAL position.
    Lsn(Lsn),
    /// A point in time.
    Time(Timestamp),
    /// A duration in seconds.
    Duration(u64),
    /// Yes or no.
    Flag(bool),
    /// A growth rate in bytes per day; negative when something shrinks.
    BytesPerDay(f64),
    /// A share, 0 to 1.
    Share(f64),
}

/// Meaning of a value for the reader, shown by colour where the format has colours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tone {
    /// No particular meaning.
    #[default]
    Plain,
    /// Less important.
    Faint,
    /// As it should be.
    Good,
    /// Needs attention.
    Warning,
    /// Needs action.
    Bad,
}

/// A value with its meaning.
#[derive(Clone, Debug, PartialEq)]
pub struct Cell {
    /// The value.
    pub value: Value,
    /// Its meaning.
    pub tone: Tone,
}

impl Cell {
    /// Returns a cell without a particular meaning.
    pub fn new(value: Value) -> Cell {
        let tone = if matches!(value, Value::Unknown) { Tone::Faint } else { Tone::Plain };
        Cell { value, tone }
    }

    /// Returns a cell with text.
    pub fn text(text: impl Into<String>) -> Cell {
        Cell::new(Value::Text(text.into()))
    }

    /// Returns a cell with a name.
    pub fn name(name: impl Into<String>) -> Cell {
        Cell::new(Value::Name(name.into()))
    }

    /// Returns a cell with the name of a relation.
    pub fn relation(schema: impl Into<String>, name: impl Into<String>) -> Cell {
        Cell::new(Value::Relation { schema: schema.into(), name: name.into() })
    }

    /// Returns a cell with the name of an index.
    pub fn index(schema: impl Into<String>, name: impl Into<String>) -> Cell {
        Cell::new(Value::Index { schema: schema.into(), name: name.into() })
    }

    /// Returns a cell with a size in bytes.
    pub fn bytes(bytes: u64) -> Cell {
        Cell::new(Value::Bytes(bytes))
    }

    /// Returns a cell with a number of things.
    pub fn count(count: u64) -> Cell {
        Cell::new(Value::Count(count))
    }

    /// Returns a cell with yes or no.
    pub fn flag(flag: bool) -> Cell {
        Cell::new(Value::Flag(flag))
    }

    /// Returns a cell with a value, or [`Value::None`] without one.
    pub fn or_none<T>(value: Option<T>, make: impl FnOnce(T) -> Value) -> Cell {
        Cell::new(value.map_or(Value::None, make))
    }

    /// Returns a cell with a value, or [`Value::Unknown`] without one.
    pub fn or_unknown<T>(value: Option<T>, make: impl FnOnce(T) -> Value) -> Cell {
        Cell::new(value.map_or(Value::Unknown, make))
    }

    /// Sets the meaning.
    #[must_use]
    pub fn with_tone(mut self, tone: Tone) -> Cell {
        self.tone = tone;
        self
    }
}
