//! Options of clusters.

use std::path::PathBuf;

/// Options of a throwaway cluster.
#[derive(Debug, Clone)]
pub struct ClusterOptions {
    /// The parent folder; default `/tmp`. Every user must be able to enter it. It must be short, because
    /// the path of a Unix-domain socket is limited to 107 bytes (103 on macOS), and without spaces, because
    /// it is part of connection strings.
    pub parent: PathBuf,
    /// A folder of freshly initialised data directories, so that only the first cluster of an installation
    /// waits for initdb. Clusters from one template share a system identifier. `None`: each cluster runs
    /// initdb.
    pub templates: Option<PathBuf>,
    /// A folder that [`super::Cluster::save_copy`] has filled; the cluster is created from it instead of by
    /// initdb. The installation must have the same major.
    pub origin: Option<PathBuf>,
    /// Settings for postgresql.conf; they override the defaults.
    pub settings: Vec<(String, String)>,
    /// The content of pg_hba.conf. Default: trust on the socket, which only the owner of the folder can
    /// reach, and the cluster's random password on 127.0.0.1, which every user can reach.
    pub hba: Option<String>,
    /// Additional arguments of initdb, such as `--wal-segsize=1`.
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
    /// Adds a setting.
    #[must_use]
    pub fn with_setting(mut self, name: &str, value: &str) -> Self {
        self.settings.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Uses templates in `folder`.
    #[must_use]
    pub fn with_templates(mut self, folder: impl Into<PathBuf>) -> Self {
        self.templates = Some(folder.into());
        self
    }
}

/// Options of a standby.
#[derive(Debug, Clone, Default)]
pub struct StandbyOptions {
    /// The physical slot on the primary that the standby uses. The caller creates it: this crate runs no SQL.
    pub primary_slot_name: Option<String>,
    /// The setting `hot_standby_feedback`.
    pub hot_standby_feedback: bool,
    /// Additional settings to those of the primary.
    pub settings: Vec<(String, String)>,
}

/// Settings for a small and fast server. A crash of the machine may lose the cluster.
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

/// Returns the settings file: the defaults, then those of the caller; the last value of a name applies.
pub(super) fn format_configuration(settings: &[(String, String)]) -> String {
    let defaults = DEFAULT_SETTINGS.iter().copied();
    let given = settings.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    defaults.chain(given).map(|(name, value)| format!("{name} = {}\n", quote_setting(value))).collect()
}

/// Quotes a value for postgresql.conf, where a backslash starts an escape.
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
