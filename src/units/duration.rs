//! Durations as people type them.

/// Seconds of a duration such as `30s`, `5min`, `2h`, `7d` or `3w`; a bare number has no unit and is none.
pub fn parse_seconds(text: &str) -> Option<u64> {
    let text = text.trim();
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let unit_seconds = match unit.trim() {
        "s" | "sec" | "seconds" => 1,
        "m" | "min" | "minutes" => 60,
        "h" | "hour" | "hours" => 3_600,
        "d" | "day" | "days" => 86_400,
        "w" | "week" | "weeks" => 604_800,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(unit_seconds)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn parse_seconds_requires_a_unit() {
        for text in ["", "5", "min", "-1h", "1.5h", "5 GB", "5MB", "99999999999999999999d"] {
            assert_eq!(parse_seconds(text), None, "{text}");
        }
        for (text, seconds) in [("0s", 0), ("30s", 30), ("5min", 300), ("2 h", 7_200), ("7d", 604_800), ("1w", 604_800)]
        {
            assert_eq!(parse_seconds(text), Some(seconds), "{text}");
        }
    }

    proptest! {
        #[test]
        fn parse_seconds_never_panics(text: String) {
            let _ = parse_seconds(&text);
        }

        #[test]
        fn parse_seconds_is_exact(seconds: u64, days: u64) {
            prop_assert_eq!(parse_seconds(&format!("{seconds}s")), Some(seconds));
            prop_assert_eq!(parse_seconds(&format!("{days}d")), days.checked_mul(86_400));
        }
    }
}
