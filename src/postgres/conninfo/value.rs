//! Typed values of parameters.

use std::time::Duration;

use super::ConninfoError;
use super::parameters::Parameters;

/// Quotes a value for a message. A value with an "@" may be part of a URI's password that contains "?", and is not
/// shown.
pub(super) fn quoted_value(text: &str) -> String {
    if text.contains('@') { "(not shown)".to_owned() } else { format!("\"{text}\"") }
}

/// Parses an integer, with libpq's error message.
pub(super) fn read_integer(parameters: &Parameters, name: &str) -> Result<Option<i32>, ConninfoError> {
    parameters
        .text(name)
        .map(|text| {
            text.trim().parse().map_err(|_| {
                let value = quoted_value(text);
                ConninfoError::new(format!("invalid integer value {value} for connection option \"{name}\""))
            })
        })
        .transpose()
}

/// Parses `0` or `1`; `default` if absent.
pub(super) fn read_flag(parameters: &Parameters, name: &str, default: bool) -> Result<bool, ConninfoError> {
    Ok(read_integer(parameters, name)?.map_or(default, |number| number != 0))
}

/// Parses a positive number of seconds; zero and less are the default of the system.
pub(super) fn read_seconds(parameters: &Parameters, name: &str) -> Result<Option<Duration>, ConninfoError> {
    Ok(read_integer(parameters, name)?.and_then(positive).map(|seconds| Duration::from_secs(seconds.into())))
}

/// Parses a positive number of milliseconds; zero and less are the default of the system.
pub(super) fn read_milliseconds(parameters: &Parameters, name: &str) -> Result<Option<Duration>, ConninfoError> {
    Ok(read_integer(parameters, name)?.and_then(positive).map(|ms| Duration::from_millis(ms.into())))
}

/// Parses a positive count; zero and less are the default of the system.
pub(super) fn positive(number: i32) -> Option<u32> {
    u32::try_from(number).ok().filter(|number| *number > 0)
}

/// Parses one of the listed values; `T::default()` if absent.
pub(super) fn read_choice<T: Copy + Default>(
    parameters: &Parameters,
    name: &str,
    known: &[(&str, T)],
) -> Result<T, ConninfoError> {
    let Some(text) = parameters.text(name) else { return Ok(T::default()) };
    known.iter().find(|(spelling, _)| *spelling == text).map(|(_, value)| *value).ok_or_else(|| {
        let spellings: Vec<&str> = known.iter().map(|(spelling, _)| *spelling).collect();
        ConninfoError::new(format!("invalid {name} value: {}", quoted_value(text)))
            .with_hint(format!("allowed values: {}", spellings.join(", ")))
    })
}
