//! What kind of cluster.

use std::path::PathBuf;

/// How a throwaway cluster is made.
#[derive(Debug, Clone)]
pub struct ClusterOptions {
    /// The folder to make it in. Must be one that every user can enter, and short: the path of a Unix
    /// socket is limited to 107 bytes, 103 on macOS; and without spaces, as it is part of connection
    /// strings. `/tmp` unless said otherwise.
    pub parent: PathBuf,
    /// A folder to keep freshly initialised data directories in, so that only the first cluster of an
    /// installation waits for initdb. Clusters from one template share a system identifier. None: every
    /// cluster gets its own initdb.
    pub templates: Option<PathBuf>,
    /// A folder that [`super::Cluster::save_copy`] filled, to start from a copy of instead of initdb's work. The
    /// installation must be of the same major.
    pub origin: Option<PathBuf>,
    /// Settings for postgresql.conf; they override the defaults.
    pub settings: Vec<(String, String)>,
    /// The content of pg_hba.conf. Unless given: trust on the socket, which only the owner of the
    /// folder can reach, and the cluster's random password on 127.0.0.1, where everyone can knock.
    pub hba: Option<String>,
    /// More arguments for initdb, such as `--wal-segsize=1`.
    pub initdb: Vec<String>,
}

impl Default for ClusterOptions {
    fn default() -> Self {
        Self {
            parent: PathBuf::from("/tmp"),
            templates: None,
            origin: None,
            settings: Vec::new(),
            hba: None,
            initdb: Vec::new(),
        }
    }
}

impl ClusterOptions {
    /// With one more setting.
    #[must_use]
    pub fn with_setting(mut self, name: &str, value: &str) -> Self {
        self.settings.push((name.to_owned(), value.to_owned()));
        self
    }

    /// With data directories kept in `folder`.
    #[must_use]
    pub fn with_templates(mut self, folder: impl Into<PathBuf>) -> Self {
        self.templates = Some(folder.into());
        self
    }
}

/// How a standby is made.
#[derive(Debug, Clone, Default)]
pub struct StandbyOptions {
    /// The physical slot on the primary that it uses. The caller creates it: this crate runs no SQL.
    pub primary_slot_name: Option<String>,
    /// Whether it tells the primary which rows it still needs.
    pub hot_standby_feedback: bool,
    /// Settings beyond those of the primary.
    pub settings: Vec<(String, String)>,
}

/// Small and quick, nothing of it safe: a crash of the machine may cost the cluster, which nobody needs.
const DEFAULT_SETTINGS: &[(&str, &str)] = &[
    ("shared_buffers", "16MB"),
    ("fsync", "off"),
    ("max_connections", "50"),
    ("wal_level", "logical"),
    ("max_replication_slots", "20"),
    ("max_wal_senders", "20"),
    ("huge_pages", "off"),
    ("timezone", "UTC"),
    ("log_timezone", "UTC"),
    ("lc_messages", "C"),
    ("logging_collector", "off"),
    ("log_destination", "stderr"),
    ("wal_retrieve_retry_interval", "200ms"),
    ("wal_receiver_status_interval", "1s"),
];

/// A file of settings: the defaults, then those given; the last of a name counts.
pub(super) fn format_configuration(settings: &[(String, String)]) -> String {
    let defaults = DEFAULT_SETTINGS.iter().copied();
    let given = settings.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    defaults.chain(given).map(|(name, value)| format!("{name} = {}\n", quote_setting(value))).collect()
}

/// A value as postgresql.conf reads it, where a backslash escapes.
fn quote_setting(value: &str) -> String {
    format!("'{}'", value.replace('\\', r"\\").replace('\'', "''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quote_setting_escapes() {
        assert_eq!(quote_setting("it's C:\\"), r"'it''s C:\\'");
    }

    #[test]
    fn configuration_last_setting_wins() {
        let options = ClusterOptions::default().with_setting("fsync", "on");
        assert!(format_configuration(&options.settings).ends_with("fsync = 'on'\n"));
    }
}
