use super::ConfigError;
use super::document::Table;
use super::file::ConfigFile;
use crate::analysis::slot;

/// `[slots]`
#[derive(Debug, Default)]
pub(super) struct Slots {
    stale_after_seconds: Option<u64>,
    stale_after_physical_seconds: Option<u64>,
    pub(super) droppable: Vec<String>,
}

impl Slots {
    pub(super) fn read(table: &Table<'_>, file: &ConfigFile) -> Result<Self, ConfigError> {
        table.allow_only(&["stale_after", "stale_after_physical", "droppable"])?;
        let defaults = slot::Limits::default();
        let droppable = table.texts("droppable")?;
        // It is a consent, which only the user can give.
        if let (Some(first), false) = (droppable.first(), file.trusted) {
            return Err(first
                .error("droppable is not allowed in a file found in the working directory")
                .with_hint("read the file with --config, if you trust it, or specify the slots on the command line"));
        }
        Ok(Self {
            stale_after_seconds: table.duration("stale_after", file, defaults.stale_after_seconds)?,
            stale_after_physical_seconds: table.duration(
                "stale_after_physical",
                file,
                defaults.stale_after_physical_seconds,
            )?,
            droppable: droppable.iter().map(|text| text.value.to_owned()).collect(),
        })
    }

    pub(super) fn limits(&self) -> slot::Limits {
        let defaults = slot::Limits::default();
        slot::Limits {
            stale_after_seconds: self.stale_after_seconds.unwrap_or(defaults.stale_after_seconds),
            stale_after_physical_seconds: self
                .stale_after_physical_seconds
                .unwrap_or(defaults.stale_after_physical_seconds),
            ..defaults
        }
    }
}
