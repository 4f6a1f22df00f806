//! Percentages of the configuration.

/// The error for a text that is not a percentage.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
#[error("{0:?} is not a percentage: write a number, e.g. 80% or 80")]
pub struct ParsePercentError(String);

/// Parses a percentage such as `80%`, `12.5 %` or `80`. The number is not negative and has no exponent.
///
/// # Errors
///
/// Returns an error for any other text.
pub fn parse_percent(text: &str) -> Result<f64, ParsePercentError> {
    let invalid = || ParsePercentError(text.to_owned());
    let trimmed = text.trim();
    let number = trimmed.strip_suffix('%').unwrap_or(trimmed).trim_end();
    if !number.chars().all(|c| c.is_ascii_digit() || c == '.') {
        return Err(invalid());
    }
    number.parse::<f64>().ok().filter(|percent| percent.is_finite()).ok_or_else(invalid)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn parse_percent_accepts_numbers_with_or_without_sign() {
        for (text, percent) in [("80%", 80.0), (" 12.5 % ", 12.5), ("80", 80.0), ("0%", 0.0), ("1000%", 1_000.0)] {
            assert_eq!(parse_percent(text), Ok(percent), "{text}");
        }
    }

    #[test]
    fn parse_percent_rejects_other_texts() {
        for text in ["", "%", "80%%", "%80", "-1%", "+80", "8e1", "nan", "inf%", "1.2.3", "80 percent", "8 0"] {
            assert_eq!(parse_percent(text), Err(ParsePercentError(text.to_owned())), "{text}");
        }
    }

    proptest! {
        #[test]
        fn parse_percent_never_panics(text: String, typed in 0.0..1e6_f64) {
            let _ = parse_percent(&text);
            prop_assert_eq!(parse_percent(&format!("{typed}%")), Ok(typed));
        }
    }
}
