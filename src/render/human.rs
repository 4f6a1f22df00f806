//! Formats numbers for people. Sizes are in PostgreSQL's units: 1 kB is 1024 bytes.

use humansize::{FormatSizeOptions, Kilo, format_size};

/// Formats a size with at most three digits: `258 GB`, `1.5 MB`, `8 kB`.
pub fn bytes(bytes: u64) -> String {
    let precise = FormatSizeOptions::from(humansize::DECIMAL).kilo(Kilo::Binary).decimal_zeroes(0);
    let mut scaled = bytes as f64;
    while scaled >= 1_024.0 {
        scaled /= 1_024.0;
    }
    match bytes {
        0..1_024 => format_size(bytes, precise.decimal_places(0)),
        // The next unit reads better than 1024 of this one.
        _ if scaled >= 1_023.5 => format_size(bytes.next_power_of_two(), precise),
        _ => format_size(bytes, precise.decimal_places(if scaled < 9.95 { 1 } else { 0 })),
    }
}

/// Formats a growth rate: `+1.5 MB/d`, `-20 kB/d`, `0/d`.
pub fn bytes_per_day(rate: f64) -> String {
    let sign = match rate {
        r if r >= 0.5 => "+",
        r if r <= -0.5 => "-",
        _ => return "0/d".to_owned(),
    };
    format!("{sign}{}/d", bytes(rate.abs().round() as u64))
}

/// Formats a number of things: "1 scan", "2 scans", "2 indexes".
pub fn format_counted(count: u64, what: &str) -> String {
    let plural = if what.ends_with('x') { "es" } else { "s" };
    format!("{} {what}{}", self::count(count), if count == 1 { "" } else { plural })
}

/// Formats a number with thousands separators: `1,234,567`.
pub fn count(count: u64) -> String {
    let digits = count.to_string();
    let mut grouped = String::with_capacity(digits.len() + digits.len() / 3);
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// Formats seconds by their two largest units: `3 d 4 h`, `12 min`, `40 s`.
pub fn duration(seconds: u64) -> String {
    const UNITS: [(u64, &str); 4] = [(86_400, "d"), (3_600, "h"), (60, "min"), (1, "s")];
    let Some(first) = UNITS.iter().position(|(unit, _)| seconds >= *unit) else { return "0 s".to_owned() };
    let (unit, name) = UNITS[first];
    let large = format!("{} {name}", seconds / unit);
    match UNITS.get(first + 1) {
        Some((next, next_name)) if first < 2 && seconds % unit >= *next => {
            format!("{large} {} {next_name}", seconds % unit / next)
        }
        _ => large,
    }
}

/// Formats a share of 0 to 1: `25 %`. Shares that would round to 0 or 100 are marked as below or above.
pub fn percent(share: f64) -> String {
    match share * 100.0 {
        p if p > 0.0 && p < 0.5 => "<1 %".to_owned(),
        p if p > 99.5 && p < 100.0 => ">99 %".to_owned(),
        p => format!("{p:.0} %"),
    }
}

/// Formats a ratio: `86 times`, `1.5 times`.
pub fn format_ratio(ratio: f64) -> String {
    if ratio < 9.95 { format!("{ratio:.1} times") } else { format!("{} times", count(ratio.round() as u64)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_in_postgres_units() {
        for (size, text) in [
            (0, "0 B"),
            (1_023, "1023 B"),
            (1_024, "1 kB"),
            (8_192, "8 kB"),
            (1_536, "1.5 kB"),
            (277_025_390_592, "258 GB"),
            (10 << 20, "10 MB"),
            ((10 << 20) - 1, "10 MB"),
            ((1 << 20) - 1, "1 MB"),
            ((1 << 30) - (600 << 10), "1023 MB"),
            ((1 << 30) - (500 << 10), "1 GB"),
            (u64::MAX, "16 EB"),
        ] {
            assert_eq!(bytes(size), text, "{size}");
        }
    }

    #[test]
    fn rates_have_a_sign() {
        let rates = [1_572_864.0, -20_480.0, 0.2, -0.2].map(bytes_per_day);
        assert_eq!(rates, ["+1.5 MB/d", "-20 kB/d", "0/d", "0/d"]);
    }

    #[test]
    fn counts_durations_shares() {
        assert_eq!([count(0), count(999), count(1_000), count(1_234_567)], ["0", "999", "1,000", "1,234,567"]);
        assert_eq!(
            [0, 59, 60, 3_600, 3_660, 90_000, 86_400 * 40].map(duration),
            ["0 s", "59 s", "1 min", "1 h", "1 h 1 min", "1 d 1 h", "40 d"]
        );
        assert_eq!([0.0, 0.001, 0.25, 0.999, 1.0].map(percent), ["0 %", "<1 %", "25 %", ">99 %", "100 %"]);
        assert_eq!([1.5, 86.2].map(format_ratio), ["1.5 times", "86 times"]);
        assert_eq!([1, 1_200].map(|count| format_counted(count, "index")), ["1 index", "1,200 indexes"]);
    }
}
