//! Limits of checks: numbers with units, as a configuration writes them.

use super::{CheckOutcome, Evidence};
use crate::facts::Measure;
use crate::units::{parse_bytes, parse_percent, parse_seconds};
use std::fmt;

/// A value of the configuration file.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum ConfigValue<'a> {
    /// A string.
    Text(&'a str),
    /// An integer.
    Integer(i64),
    /// A boolean.
    Flag(bool),
    /// A value of another type.
    Other,
}

/// Why a limit could not be set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ThresholdError {
    /// The check has no limit of this name.
    UnknownKey,
    /// The value has the wrong type or format; the text describes the expected one.
    Expected(&'static str),
}

/// One limit of a check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Threshold {
    /// Key in the configuration.
    pub name: &'static str,
    /// Present value as the configuration writes it.
    pub default: String,
    /// Condition that the limit belongs to.
    pub description: &'static str,
}

/// A number with its unit.
pub trait Quantity: Sized + fmt::Display {
    /// Parses a value of the configuration.
    ///
    /// # Errors
    ///
    /// [`ThresholdError::Expected`] when the value has another type or format.
    fn from_config(value: &ConfigValue<'_>) -> Result<Self, ThresholdError>;
}

/// A size in bytes; in a configuration text such as `10GB`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Bytes(pub u64);

/// A duration in seconds; in a configuration text such as `30d`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Seconds(pub u64);

/// A number of objects or events.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Count(pub u64);

/// A percentage; 100 is the whole.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub struct Percent(pub f64);

/// Bytes per kB, as PostgreSQL counts.
pub const KB: u64 = 1 << 10;
/// Bytes per MB, as PostgreSQL counts.
pub const MB: u64 = 1 << 20;
/// Bytes per GB, as PostgreSQL counts.
pub const GB: u64 = 1 << 30;
/// Seconds per minute.
pub const MINUTE: u64 = 60;
/// Seconds per hour.
pub const HOUR: u64 = 3_600;
/// Seconds per day.
pub const DAY: u64 = 86_400;

impl Quantity for Bytes {
    fn from_config(value: &ConfigValue<'_>) -> Result<Self, ThresholdError> {
        let wrong = ThresholdError::Expected("a size with its unit, as in \"10GB\"");
        match value {
            ConfigValue::Text(text) if text.trim().ends_with(['B', 'b']) => {
                parse_bytes(text).map(Bytes).map_err(|_| wrong)
            }
            _ => Err(wrong),
        }
    }
}

impl Quantity for Seconds {
    fn from_config(value: &ConfigValue<'_>) -> Result<Self, ThresholdError> {
        let wrong = ThresholdError::Expected("a duration with its unit, as in \"5min\", \"2h\" or \"7d\"");
        match value {
            ConfigValue::Text(text) => parse_seconds(text).map(Seconds).map_err(|_| wrong),
            _ => Err(wrong),
        }
    }
}

impl Quantity for Count {
    fn from_config(value: &ConfigValue<'_>) -> Result<Self, ThresholdError> {
        match value {
            ConfigValue::Integer(count) => u64::try_from(*count).ok(),
            _ => None,
        }
        .map(Count)
        .ok_or(ThresholdError::Expected("a count, as in 500"))
    }
}

impl Quantity for Percent {
    fn from_config(value: &ConfigValue<'_>) -> Result<Self, ThresholdError> {
        let wrong = ThresholdError::Expected("a percentage, as in \"80%\"");
        match value {
            ConfigValue::Text(text) if text.trim().ends_with('%') => {
                parse_percent(text).ok().filter(|percent| *percent <= 1_000.0).map(Percent).ok_or(wrong)
            }
            _ => Err(wrong),
        }
    }
}

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let units = [(GB, "GB"), (MB, "MB"), (KB, "kB")];
        let unit = units.iter().find(|(size, _)| self.0 >= *size && self.0.is_multiple_of(*size));
        match unit {
            Some((size, unit)) => write!(f, "\"{}{unit}\"", self.0 / size),
            None => write!(f, "\"{}B\"", self.0),
        }
    }
}

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let units = [(DAY, "d"), (HOUR, "h"), (MINUTE, "min")];
        let unit = units.iter().find(|(length, _)| self.0 >= *length && self.0.is_multiple_of(*length));
        match unit {
            Some((length, unit)) => write!(f, "\"{}{unit}\"", self.0 / length),
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

/// The rule of a check, with its limits.
pub trait Rule: fmt::Debug {
    /// Returns the limits with their present values.
    fn thresholds(&self) -> Vec<Threshold>;

    /// Returns the value of a limit; `None` when the check has no limit of this name.
    fn limit(&self, key: &str) -> Option<Measure>;
    /// Sets a limit from the configuration.
    ///
    /// # Errors
    ///
    /// The check has no limit of this name, or the value is not valid for it.
    fn set(&mut self, key: &str, value: &ConfigValue<'_>) -> Result<(), ThresholdError>;

    /// Evaluates the rule.
    fn evaluate(&self, evidence: &Evidence<'_>) -> CheckOutcome;
}

/// Declares a check's `Limits`: struct, defaults, and how a configuration sets them. The module's `evaluate` is the
/// rule.
macro_rules! limits {
    ($($(#[doc = $doc:literal])+ $name:ident: $kind:ident = $default:expr;)*) => {
        #[derive(Clone, Debug, PartialEq)]
        pub struct Limits {
            $($(#[doc = $doc])+ pub $name: $crate::checks::thresholds::$kind,)*
        }

        impl Default for Limits {
            fn default() -> Limits {
                Limits { $($name: $crate::checks::thresholds::$kind($default),)* }
            }
        }

        impl $crate::checks::thresholds::Rule for Limits {
            fn thresholds(&self) -> Vec<$crate::checks::thresholds::Threshold> {
                vec![$($crate::checks::thresholds::Threshold {
                    name: stringify!($name),
                    default: self.$name.to_string(),
                    description: concat!($($doc),+),
                },)*]
            }

            fn limit(&self, key: &str) -> Option<$crate::facts::Measure> {
                match key {
                    $(stringify!($name) => Some(self.$name.into()),)*
                    _ => None,
                }
            }

            #[allow(unused_variables)]
            fn set(
                &mut self,
                key: &str,
                value: &$crate::checks::thresholds::ConfigValue<'_>,
            ) -> Result<(), $crate::checks::thresholds::ThresholdError> {
                match key {
                    $(stringify!($name) => {
                        self.$name = $crate::checks::thresholds::Quantity::from_config(value)?;
                        Ok(())
                    })*
                    _ => Err($crate::checks::thresholds::ThresholdError::UnknownKey),
                }
            }

            fn evaluate(&self, evidence: &$crate::checks::Evidence<'_>) -> $crate::checks::CheckOutcome {
                evaluate(evidence, self).unwrap_or_else(|outcome| *outcome)
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
    fn threshold_rejects_other_unit() {
        let texts = ["", "10", "10GB", "5min", "80%", "-1GB", "x"];
        let taken = |read: &dyn Fn(&ConfigValue<'_>) -> bool| -> Vec<&str> {
            texts.iter().filter(|text| read(&ConfigValue::Text(text))).copied().collect()
        };
        assert_eq!(taken(&|value| Bytes::from_config(value).is_ok()), ["10GB"]);
        assert_eq!(taken(&|value| Seconds::from_config(value).is_ok()), ["5min"]);
        assert_eq!(taken(&|value| Percent::from_config(value).is_ok()), ["80%"]);
        assert!(taken(&|value| Count::from_config(value).is_ok()).is_empty());
        assert_eq!(Count::from_config(&ConfigValue::Integer(500)), Ok(Count(500)));
        for written in [ConfigValue::Integer(-1), ConfigValue::Flag(true), ConfigValue::Other] {
            assert!(Count::from_config(&written).is_err() && Bytes::from_config(&written).is_err());
            assert!(Seconds::from_config(&written).is_err() && Percent::from_config(&written).is_err());
        }
    }

    proptest! {
        #[test]
        fn threshold_display_round_trips(value in 0_u64..1 << 60) {
            let text = |shown: String| shown.trim_matches('"').to_owned();
            prop_assert_eq!(Bytes::from_config(&ConfigValue::Text(&text(Bytes(value).to_string()))), Ok(Bytes(value)));
            prop_assert_eq!(Seconds::from_config(&ConfigValue::Text(&text(Seconds(value).to_string()))), Ok(Seconds(value)));
        }
    }
}
