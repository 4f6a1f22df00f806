//! Numbers and words inside of pictures.

use crate::render::visible;

/// A coordinate with one decimal.
pub fn at(value: f64) -> String {
    if value.is_finite() { format!("{value:.1}") } else { "0".to_owned() }
}

/// Units a letter of the small size takes, on average and in a wide face.
const LETTER: f64 = 6.5;

/// Whether the text fits a width.
pub fn fits(text: &str, width: f64) -> bool {
    visible(text).chars().count() as f64 * LETTER <= width
}

/// The text cut to what fits a width; nothing where not even a few letters do.
pub fn fitting(text: &str, width: f64) -> String {
    let most = (width / LETTER).floor().max(0.0) as usize;
    let text = visible(text);
    if text.chars().count() <= most {
        return text.into_owned();
    }
    if most < 4 {
        return String::new();
    }
    text.chars().take(most - 1).chain(['…']).collect()
}
