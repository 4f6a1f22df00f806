//! Numbers and text in charts.

use crate::render::escape_unprintable;

/// Formats a coordinate with one decimal.
pub fn coordinate(value: f64) -> String {
    if value.is_finite() { format!("{value:.1}") } else { "0".to_owned() }
}

/// Width of a letter in the small size, in units, on average and in a wide face.
const CHARACTER_WIDTH: f64 = 6.5;

/// Returns whether the text fits a width.
pub fn fits(text: &str, width: f64) -> bool {
    escape_unprintable(text).chars().count() as f64 * CHARACTER_WIDTH <= width
}

/// Returns as much of the text as fits a width; empty when not even a few letters do.
pub fn truncate_to_fit(text: &str, width: f64) -> String {
    let most = (width / CHARACTER_WIDTH).floor().max(0.0) as usize;
    let text = escape_unprintable(text);
    if text.chars().count() <= most {
        return text.into_owned();
    }
    if most < 4 {
        return String::new();
    }
    text.chars().take(most - 1).chain(['…']).collect()
}
