use super::ConfigError;
use super::document::Table;
use super::file::File;
use crate::commands::filter::parse_window;

/// A duration in seconds, as flags read it. In a file that may come from anybody it may be longer than the usual, which
/// makes judgement stricter, and not shorter.
pub(super) fn duration(
    table: &Table<'_>,
    key: &str,
    file: &File,
    usual_seconds: u64,
) -> Result<Option<u64>, ConfigError> {
    let Some(text) = table.text(key)? else { return Ok(None) };
    let seconds = parse_window(text.value).map_err(|error| text.error(error))?;
    if !file.trusted && seconds < usual_seconds {
        let usual = match usual_seconds {
            seconds if seconds < 86_400 => format!("{} hours", seconds / 3_600),
            seconds => format!("{} days", seconds / 86_400),
        };
        return Err(text
            .error(format!("{key} below {usual} may not stand in a file found in the working directory"))
            .with_hint("read the file with --config, if you trust it, or use the flag"));
    }
    Ok(Some(seconds))
}
