use super::ConfigError;
use super::document::Table;
use super::file::ConfigFile;
use crate::postgres::ReadLimits;
use crate::units::parse_bytes;

/// The least limit that can be set, in bytes: below it the first facts of a small server do not fit.
const MIN_LIMIT_BYTES: u64 = 1 << 20;

/// Reads `[limits]`.
///
/// # Errors
/// Returns an error for unknown keys, sizes below 1 MB, and sizes above the defaults in a file that was found in the
/// working directory.
pub(super) fn read_size_limits(table: &Table<'_>, file: &ConfigFile) -> Result<ReadLimits, ConfigError> {
    table.allow_only(&["fact_size", "snapshot_size"])?;
    let defaults = ReadLimits::default();
    let size = |key: &str, usual: u64| {
        let Some(text) = table.text(key)? else { return Ok(usual) };
        let bytes = parse_bytes(text.value).map_err(|error| text.error(error.to_string()))?;
        if bytes < MIN_LIMIT_BYTES {
            return Err(text.error(format!("{key} must be at least 1MB")));
        }
        if !file.trusted && bytes > usual {
            return Err(text
                .error(format!(
                    "{key} above {}GB is not allowed in a file found in the working directory",
                    usual / (1 << 30)
                ))
                .with_hint("read the file with --config, if you trust it"));
        }
        Ok(bytes)
    };
    Ok(ReadLimits {
        fact_bytes: size("fact_size", defaults.fact_bytes)?,
        snapshot_bytes: size("snapshot_size", defaults.snapshot_bytes)?,
    })
}
