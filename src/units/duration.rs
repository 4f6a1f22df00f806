//! Durations of options and of the configuration.

use std::time::Duration;

/// Why a text is not a duration.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum ParseDurationError {
    /// A number without a unit.
    #[error("\"{0}\" has no unit: write {0}d for days or {0}s for seconds")]
    MissingUnit(String),
    /// Anything else that is not a number with a unit.
    #[error("{0:?} is not a duration: write a number and a unit, e.g. 30s, 30min, 6h, 95d or 6w")]
    Invalid(String),
}

/// Parses a duration such as `500ms`, `30s`, `30min`, `6h`, `95d`, `95 days` or `6w`. A unit is required; `0` may stand
/// alone.
///
/// The number is whole. The short units are those of PostgreSQL (manual, 20.1.1 "Parameter Names and Values"), and `w`.
///
/// # Errors
///
/// Returns an error for any other text, and if the duration exceeds 2^64 seconds.
pub fn parse_duration(text: &str) -> Result<Duration, ParseDurationError> {
    let invalid = || ParseDurationError::Invalid(text.to_owned());
    let trimmed = text.trim();
    let digits = trimmed.find(|c: char| !c.is_ascii_digit()).unwrap_or(trimmed.len());
    let (number_text, unit) = trimmed.split_at(digits);
    let number: u64 = number_text.parse().map_err(|_| invalid())?;
    let unit_seconds = match unit.trim_start() {
        "ms" => return Ok(Duration::from_millis(number)),
        "s" | "sec" | "secs" | "second" | "seconds" => 1,
        "min" | "mins" | "minute" | "minutes" => 60,
        "h" | "hour" | "hours" => 3_600,
        "d" | "day" | "days" => 86_400,
        "w" | "week" | "weeks" => 604_800,
        "" if number == 0 => 0,
        "" => return Err(ParseDurationError::MissingUnit(number_text.to_owned())),
        _ => return Err(invalid()),
    };
    number.checked_mul(unit_seconds).map(Duration::from_secs).ok_or_else(invalid)
}

/// Parses a duration of whole seconds: the same texts as [`parse_duration`].
///
/// # Errors
///
/// As [`parse_duration`], and for milliseconds that are not whole seconds.
pub fn parse_seconds(text: &str) -> Result<u64, ParseDurationError> {
    match parse_duration(text)? {
        duration if duration.subsec_nanos() == 0 => Ok(duration.as_secs()),
        _ => Err(ParseDurationError::Invalid(text.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn duration_without_unit_names_units() {
        for text in ["180", " 180 "] {
            let error = parse_seconds(text).unwrap_err();
            assert_eq!(error.to_string(), "\"180\" has no unit: write 180d for days or 180s for seconds");
        }
    }

    #[test]
    fn duration_rejects_other_texts() {
        for text in ["", "d", "days", "min", "-1d", "+1d", "1.5h", "1h30min", "5 GB", "5MB", "5m", "5D", "soon", "１d"]
        {
            assert_eq!(parse_duration(text), Err(ParseDurationError::Invalid(text.to_owned())), "{text}");
        }
        assert!(parse_duration("99999999999999999999d").is_err() && parse_duration("18446744073709551615w").is_err());
        assert_eq!(parse_seconds("1500ms"), Err(ParseDurationError::Invalid("1500ms".to_owned())));
    }

    #[test]
    fn duration_accepts_documented_forms() {
        for (text, seconds) in [
            ("0", 0),
            ("0s", 0),
            ("2000ms", 2),
            ("30s", 30),
            ("30min", 1_800),
            ("6h", 21_600),
            ("2 h", 7_200),
            ("95d", 95 * 86_400),
            ("95 days", 95 * 86_400),
            (" 1 day ", 86_400),
            ("6w", 6 * 604_800),
        ] {
            assert_eq!(parse_seconds(text), Ok(seconds), "{text}");
        }
        assert_eq!(parse_duration("50ms"), Ok(Duration::from_millis(50)));
    }

    proptest! {
        #[test]
        fn duration_parser_never_panics(text: String, digits in "[-+.0-9eE]{1,40}( ?[a-z]{0,8})") {
            for text in [text, digits] {
                let _ = (parse_duration(&text), parse_seconds(&text));
            }
        }

        #[test]
        fn duration_parser_is_exact(number: u64, space in " {0,2}") {
            let units = [("s", 1), ("min", 60), ("h", 3_600), ("d", 86_400), ("days", 86_400), ("w", 604_800)];
            for (unit, seconds) in units {
                let parsed = parse_seconds(&format!("{number}{space}{unit}"));
                prop_assert_eq!(parsed.ok(), number.checked_mul(seconds), "{}", unit);
            }
            prop_assert_eq!(parse_duration(&format!("{number}ms")), Ok(Duration::from_millis(number)));
        }

        #[test]
        fn duration_requires_a_unit(number in 1_u64..) {
            prop_assert_eq!(parse_duration(&number.to_string()), Err(ParseDurationError::MissingUnit(number.to_string())));
        }
    }
}
