//! Numbers and words inside of pictures.

use crate::render::visible;

/// A coordinate with one decimal.
pub fn at(value: f64) -> String {
    if value.is_finite() { format!("{value:.1}") } else { "0".to_owned() }
}

/// The text cut to what fits a width, at about seven units a letter; nothing where not even a few letters do.
pub fn fitting(text: &str, width: f64) -> String {
    let most = (width / 7.0).floor().max(0.0) as usize;
    let text = visible(text);
    if text.chars().count() <= most {
        return text.into_owned();
    }
    if most < 4 {
        return String::new();
    }
    text.chars().take(most - 1).chain(['…']).collect()
}
