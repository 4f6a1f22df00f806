use super::ConfigError;
use super::document::Table;
use super::file::ConfigFile;
use crate::analysis::index::IndexLimits;
use crate::units::parse_bytes;

/// `[indexes]`
#[derive(Debug, Default)]
pub(super) struct Limits {
    min_observation_seconds: Option<u64>,
    min_reclaim_bytes: Option<u64>,
}

impl Limits {
    pub(super) fn read(table: &Table<'_>, file: &ConfigFile) -> Result<Self, ConfigError> {
        table.allow_only(&["min_observation", "min_reclaim"])?;
        let defaults = IndexLimits::default();
        let reclaim = table.text("min_reclaim")?;
        let reclaim = reclaim.map(|text| {
            let bytes = parse_bytes(text.value).map_err(|error| text.error(error.to_string()))?;
            if !file.trusted && bytes < defaults.min_reclaim_bytes {
                return Err(text
                    .error("min_reclaim below 1MB is not allowed in a file found in the working directory")
                    .with_hint("read the file with --config, if you trust it, or use the flag"));
            }
            Ok(bytes)
        });
        Ok(Self {
            min_observation_seconds: table.duration("min_observation", file, defaults.min_observation_seconds)?,
            min_reclaim_bytes: reclaim.transpose()?,
        })
    }

    pub(super) fn limits(&self) -> IndexLimits {
        let defaults = IndexLimits::default();
        IndexLimits {
            min_observation_seconds: self.min_observation_seconds.unwrap_or(defaults.min_observation_seconds),
            min_reclaim_bytes: self.min_reclaim_bytes.unwrap_or(defaults.min_reclaim_bytes),
            ..defaults
        }
    }
}
