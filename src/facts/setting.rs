//! Server settings.

use crate::units::parse_bytes;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One row of `pg_settings`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema, Deserialize)]
pub struct Setting {
    /// `pg_settings.name`.
    pub name: String,
    /// `pg_settings.setting`: the value in `unit`.
    pub setting: String,
    /// The unit `setting` counts in: `kB`, `8kB`, `MB`, `B`, `ms`, `s`, `min`.
    pub unit: Option<String>,
    /// `pg_settings.source`: `default`, `configuration file`, …
    pub source: String,
    /// `pg_settings.pending_restart`: a changed value waits for a restart.
    pub pending_restart: bool,
}

impl Setting {
    /// Returns the value in bytes if the setting is a size; `None` for negative values, which mean "off".
    fn bytes(&self) -> Option<u64> {
        let count: u64 = self.setting.parse().ok()?;
        let unit = self.unit.as_deref().unwrap_or("B");
        let letters = unit.find(|c: char| c.is_ascii_alphabetic())?;
        let multiple: u64 = if letters == 0 { 1 } else { unit[..letters].parse().ok()? };
        let unit_bytes = parse_bytes(&format!("1{}", &unit[letters..])).ok()?;
        count.checked_mul(multiple)?.checked_mul(unit_bytes)
    }
}

/// The settings that a role can see. A missing one is hidden from the role or unknown to the server version.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, JsonSchema, Deserialize)]
#[serde(transparent)]
pub struct Settings(pub Vec<Setting>);

impl Settings {
    /// Returns the setting of this name; `None` if it is hidden from the role or unknown to the server.
    pub fn get(&self, name: &str) -> Option<&Setting> {
        self.0.iter().find(|s| s.name == name)
    }

    /// Returns a size setting in bytes; `None` when hidden, unknown, or negative ("off").
    pub fn bytes(&self, name: &str) -> Option<u64> {
        self.get(name)?.bytes()
    }

    /// Returns whether a setting is on; settings with more than two values count as on unless `off`.
    pub fn is_on(&self, name: &str) -> Option<bool> {
        self.get(name).map(|s| s.setting != "off")
    }

    /// Returns whether an archive command or library is set. An empty command, shown as `(disabled)` if archive_mode is
    /// off, archives nothing. `None` when hidden.
    pub fn has_archive_command(&self) -> Option<bool> {
        let is_set = |name| self.text(name).is_some_and(|text| text != "(disabled)");
        self.get("archive_command").map(|_| is_set("archive_command") || is_set("archive_library"))
    }

    /// Returns whether this server archives WAL: with `on`, a standby does not (PostgreSQL manual, 19.5.3 "Archiving").
    /// `None` when hidden.
    pub fn archives(&self, in_recovery: bool) -> Option<bool> {
        self.get("archive_mode").map(|mode| mode.setting == "always" || mode.setting == "on" && !in_recovery)
    }

    /// Returns the value; `None` when hidden, unknown or empty.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.get(name).map(|s| s.setting.as_str()).filter(|s| !s.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn setting_bytes(setting: &str, unit: Option<&str>) -> Option<u64> {
        Setting {
            name: "x".into(),
            setting: setting.into(),
            unit: unit.map(Into::into),
            source: "default".into(),
            pending_restart: false,
        }
        .bytes()
    }

    #[test]
    fn setting_bytes_uses_pg_settings_units() {
        assert_eq!(setting_bytes("-1", Some("MB")), None);
        assert_eq!(setting_bytes("max", None), None);
        assert_eq!(setting_bytes("1024", Some("MB")), Some(1 << 30));
        assert_eq!(setting_bytes("16384", Some("8kB")), Some(128 << 20));
        assert_eq!(setting_bytes("16777216", Some("B")), Some(16 << 20));
        assert_eq!(setting_bytes("64", None), Some(64));
    }

    #[test]
    fn archiving_distinguishes_hidden_from_off() {
        let settings = |values: &[(&str, &str)]| {
            let new_setting = |(name, setting): &(&str, &str)| Setting {
                name: (*name).into(),
                setting: (*setting).into(),
                unit: None,
                source: "default".into(),
                pending_restart: false,
            };
            Settings(values.iter().map(new_setting).collect())
        };
        assert_eq!(settings(&[]).has_archive_command(), None);
        assert_eq!(settings(&[("archive_command", "")]).has_archive_command(), Some(false));
        assert_eq!(settings(&[("archive_command", "(disabled)")]).has_archive_command(), Some(false));
        let library = [("archive_command", ""), ("archive_library", "basic_archive")];
        assert_eq!(settings(&library).has_archive_command(), Some(true));
        let archives = |mode: &str, in_recovery| settings(&[("archive_mode", mode)]).archives(in_recovery);
        assert_eq!(
            [archives("on", false), archives("on", true), archives("always", true)].map(Option::unwrap),
            [true, false, true]
        );
        assert_eq!((archives("off", false), settings(&[]).archives(false)), (Some(false), None));
    }
}
