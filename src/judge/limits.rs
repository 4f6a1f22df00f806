//! The limits of checks: numbers with units, as a configuration writes them.

use super::{Answer, Evidence};
use crate::model::{Measure, parse_bytes, parse_seconds};
use std::fmt;

/// A value as a configuration file holds it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Written<'a> {
    Text(&'a str),
    Integer(i64),
    Flag(bool),
    Other,
}

/// Why a limit could not be set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Misfit {
    UnknownKey,
    /// The value is of another kind; this says what it should be.
    Not(&'static str),
}

/// One limit of a check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    pub name: &'static str,
    /// As it is written.
    pub default: String,
    pub meaning: &'static str,
}

/// A number with its unit.
pub trait Quantity: Sized + fmt::Display {
    fn read(written: &Written<'_>) -> Result<Self, Misfit>;
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Bytes(pub u64);

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Seconds(pub u64);

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Count(pub u64);

/// Of a hundred.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub struct Percent(pub f64);

pub const KB: u64 = 1 << 10;
pub const MB: u64 = 1 << 20;
pub const GB: u64 = 1 << 30;
pub const MINUTE: u64 = 60;
pub const HOUR: u64 = 3_600;
pub const DAY: u64 = 86_400;

impl Quantity for Bytes {
    fn read(written: &Written<'_>) -> Result<Self, Misfit> {
        let wrong = Misfit::Not("a size with its unit, as in \"10GB\"");
        match written {
            Written::Text(text) if text.trim().ends_with(['B', 'b']) => parse_bytes(text).map(Bytes).map_err(|_| wrong),
            _ => Err(wrong),
        }
    }
}

impl Quantity for Seconds {
    fn read(written: &Written<'_>) -> Result<Self, Misfit> {
        let wrong = Misfit::Not("a duration with its unit, as in \"5min\", \"2h\" or \"7d\"");
        match written {
            Written::Text(text) => parse_seconds(text).map(Seconds).ok_or(wrong),
            _ => Err(wrong),
        }
    }
}

impl Quantity for Count {
    fn read(written: &Written<'_>) -> Result<Self, Misfit> {
        match written {
            Written::Integer(count) => u64::try_from(*count).ok(),
            _ => None,
        }
        .map(Count)
        .ok_or(Misfit::Not("a count, as in 500"))
    }
}

impl Quantity for Percent {
    fn read(written: &Written<'_>) -> Result<Self, Misfit> {
        let wrong = Misfit::Not("a share with its sign, as in \"80%\"");
        let Written::Text(text) = written else { return Err(wrong) };
        let share: Option<f64> = text.trim().strip_suffix('%').and_then(|number| number.trim().parse().ok());
        share.filter(|share| (0.0..=1_000.0).contains(share)).map(Percent).ok_or(wrong)
    }
}

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let units = [(GB, "GB"), (MB, "MB"), (KB, "kB")];
        let unit = units.iter().find(|(each, _)| self.0 >= *each && self.0.is_multiple_of(*each));
        match unit {
            Some((each, unit)) => write!(f, "\"{}{unit}\"", self.0 / each),
            None => write!(f, "\"{}B\"", self.0),
        }
    }
}

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let units = [(DAY, "d"), (HOUR, "h"), (MINUTE, "min")];
        let unit = units.iter().find(|(each, _)| self.0 >= *each && self.0.is_multiple_of(*each));
        match unit {
            Some((each, unit)) => write!(f, "\"{}{unit}\"", self.0 / each),
            None => write!(f, "\"{}s\"", self.0),
        }
    }
}

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl fmt::Display for Percent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}%\"", self.0)
    }
}

impl From<Bytes> for Measure {
    fn from(bytes: Bytes) -> Measure {
        Measure::Bytes(bytes.0)
    }
}

impl From<Seconds> for Measure {
    fn from(seconds: Seconds) -> Measure {
        Measure::Seconds(seconds.0)
    }
}

impl From<Count> for Measure {
    fn from(count: Count) -> Measure {
        Measure::Count(count.0)
    }
}

impl From<Percent> for Measure {
    fn from(share: Percent) -> Measure {
        Measure::Percent(share.0)
    }
}

/// A check with its limits set: what judges.
pub trait Rule: fmt::Debug {
    /// Its limits, as they are set now.
    fn keys(&self) -> Vec<Key>;

    fn set(&mut self, key: &str, written: &Written<'_>) -> Result<(), Misfit>;

    fn judge(&self, evidence: &Evidence<'_>) -> Answer;
}

/// A check's `Limits`: the struct, its defaults, and how a configuration sets them. The module's `judge` does the rest.
macro_rules! limits {
    ($($(#[doc = $doc:literal])+ $name:ident: $kind:ident = $default:expr;)*) => {
        #[derive(Clone, Debug, PartialEq)]
        pub struct Limits {
            $($(#[doc = $doc])+ pub $name: $crate::judge::limits::$kind,)*
        }

        impl Default for Limits {
            fn default() -> Limits {
                Limits { $($name: $crate::judge::limits::$kind($default),)* }
            }
        }

        impl $crate::judge::limits::Rule for Limits {
            fn keys(&self) -> Vec<$crate::judge::limits::Key> {
                vec![$($crate::judge::limits::Key {
                    name: stringify!($name),
                    default: self.$name.to_string(),
                    meaning: concat!($($doc),+),
                },)*]
            }

            #[allow(unused_variables)]
            fn set(
                &mut self,
                key: &str,
                written: &$crate::judge::limits::Written<'_>,
            ) -> Result<(), $crate::judge::limits::Misfit> {
                match key {
                    $(stringify!($name) => {
                        self.$name = $crate::judge::limits::Quantity::read(written)?;
                        Ok(())
                    })*
                    _ => Err($crate::judge::limits::Misfit::UnknownKey),
                }
            }

            fn judge(&self, evidence: &$crate::judge::Evidence<'_>) -> $crate::judge::Answer {
                judge(evidence, self).unwrap_or_else(|answer| *answer)
            }
        }
    };
}
pub(super) use limits;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_value_of_another_unit_is_refused() {
        let texts = ["", "10", "10GB", "5min", "80%", "-1GB", "x"];
        let taken = |read: &dyn Fn(&Written<'_>) -> bool| -> Vec<&str> {
            texts.iter().filter(|text| read(&Written::Text(text))).copied().collect()
        };
        assert_eq!(taken(&|it| Bytes::read(it).is_ok()), ["10GB"]);
        assert_eq!(taken(&|it| Seconds::read(it).is_ok()), ["5min"]);
        assert_eq!(taken(&|it| Percent::read(it).is_ok()), ["80%"]);
        assert!(taken(&|it| Count::read(it).is_ok()).is_empty());
        assert_eq!(Count::read(&Written::Integer(500)), Ok(Count(500)));
        for written in [Written::Integer(-1), Written::Flag(true), Written::Other] {
            assert!(Count::read(&written).is_err() && Bytes::read(&written).is_err());
            assert!(Seconds::read(&written).is_err() && Percent::read(&written).is_err());
        }
    }

    proptest! {
        #[test]
        fn what_is_written_out_is_read_back(value in 0_u64..1 << 60) {
            let text = |shown: String| shown.trim_matches('"').to_owned();
            prop_assert_eq!(Bytes::read(&Written::Text(&text(Bytes(value).to_string()))), Ok(Bytes(value)));
            prop_assert_eq!(Seconds::read(&Written::Text(&text(Seconds(value).to_string()))), Ok(Seconds(value)));
        }
    }
}
