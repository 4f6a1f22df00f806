use super::ConfigError;
use super::document::Table;
use super::file::ConfigFile;
use crate::cli::filter::parse_window;

/// A duration in seconds, as flags read it. In a file that may come from anybody it may be longer than the usual, which
/// makes verdicts stricter, and not shorter.
pub(super) fn read_duration(
    table: &Table<'_>,
    key: &str,
    file: &ConfigFile,
    default_seconds: u64,
) -> Result<Option<u64>, ConfigError> {
    let Some(text) = table.text(key)? else { return Ok(None) };
    let seconds = parse_window(text.value).map_err(|error| text.error(error))?;
    if !file.trusted && seconds < default_seconds {
        let default_text = match default_seconds {
            seconds if seconds < 86_400 => format!("{} hours", seconds / 3_600),
            seconds => format!("{} days", seconds / 86_400),
        };
        return Err(text
            .error(format!("{key} below {default_text} may not stand in a file found in the working directory"))
            .with_hint("read the file with --config, if you trust it, or use the flag"));
    }
    Ok(Some(seconds))
}
