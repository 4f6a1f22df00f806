//! Sizes in PostgreSQL's units.

/// The error for a text that is not a size.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{0:?} is not a size: write a number and a unit, e.g. 10MB (units: B, kB, MB, GB, TB, PB; kB = 1024)")]
pub struct ParseBytesError(String);

/// Parses a size to bytes, such as `10MB`, `1.5 GB` or `8192`; kB = 1024, units in any case, as `pg_size_bytes` reads
/// them (PostgreSQL manual, 9.28.7 "Database Object Management Functions").
pub fn parse_bytes(text: &str) -> Result<u64, ParseBytesError> {
    let invalid = || ParseBytesError(text.to_owned());
    let trimmed = text.trim();
    let digits = trimmed.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(trimmed.len());
    let (number, unit) = trimmed.split_at(digits);
    let exponent = match unit.trim().to_ascii_lowercase().as_str() {
        "" | "b" | "bytes" => 0,
        "kb" => 1,
        "mb" => 2,
        "gb" => 3,
        "tb" => 4,
        "pb" => 5,
        _ => return Err(invalid()),
    };
    let factor = 1024_u64.pow(exponent);
    if let Ok(whole) = number.parse::<u64>() {
        return whole.checked_mul(factor).ok_or_else(invalid);
    }
    let value = number.parse::<f64>().map_err(|_| invalid())? * factor as f64;
    // 2^63: larger sizes do not occur.
    if value.is_finite() && value < 9_223_372_036_854_775_808.0 { Ok(value.round() as u64) } else { Err(invalid()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn parse_bytes_rejects_non_sizes() {
        for text in ["", "MB", "-1MB", "1 XB", "1..5MB", "99999999999 PB", "1e3MB", "NaN", "ten"] {
            assert_eq!(parse_bytes(text), Err(ParseBytesError(text.to_owned())), "{text}");
        }
    }

    #[test]
    fn parse_bytes_accepts_postgres_units() {
        for (text, bytes) in
            [("0", 0), ("8192", 8192), ("10kB", 10_240), ("10 MB", 10 << 20), ("1.5GB", 3 << 29), ("2tb", 2 << 40)]
        {
            assert_eq!(parse_bytes(text), Ok(bytes), "{text}");
        }
    }

    proptest! {
        #[test]
        fn parse_bytes_never_panics(text: String) {
            let _ = parse_bytes(&text);
        }

        #[test]
        fn parse_bytes_whole_numbers_are_exact(number: u64, exponent in 0_u32..6, space in " {0,2}") {
            let unit = ["B", "kB", "MB", "GB", "TB", "PB"][exponent as usize];
            let bytes = number.checked_mul(1024_u64.pow(exponent));
            prop_assert_eq!(parse_bytes(&format!("{number}{space}{unit}")).ok(), bytes);
        }
    }
}
