//! Programs that manage the servers of a cluster.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Traces of programs that manage high availability: connected applications, and roles.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, JsonSchema, Deserialize)]
pub struct ManagerMarks {
    /// Names of connected applications, of those in the rules.
    pub application_names: Vec<String>,
    /// Names of roles, of those in the rules.
    pub roles: Vec<String>,
}

impl ManagerMarks {
    /// Returns the manager and the sign that identifies it.
    ///
    /// Patroni connects as `Patroni`, `Patroni heartbeat` or `Patroni restapi` (its `postgresql/connection.py`);
    /// repmgr sets `fallback_application_name=repmgr`; pg_auto_failover creates the role `pgautofailover_replicator`
    /// and its monitor `pgautofailover_monitor`; CloudNativePG creates `streaming_replica` and connects as
    /// `cnpg_metrics_exporter` or `cnpg-instance-manager`.
    pub fn manager(&self) -> Option<(&'static str, String)> {
        let application = |prefix: &str| {
            let found = self.application_names.iter().find(|name| name.to_lowercase().starts_with(prefix));
            found.map(|name| format!("{name} is connected"))
        };
        let role = |name: &str| self.roles.iter().find(|role| *role == name).map(|role| format!("role {role}"));
        let signs = [
            ("Patroni", application("patroni")),
            ("CloudNativePG", application("cnpg").or_else(|| role("streaming_replica"))),
            ("repmgr", application("repmgr")),
            ("pg_auto_failover", role("pgautofailover_replicator").or_else(|| role("pgautofailover_monitor"))),
            ("stolon", application("stolon")),
        ];
        signs.into_iter().find_map(|(name, sign)| Some((name, sign?)))
    }
}
