//! The identity of a server and of one start of it.

use super::{ControlFile, Server};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The server instance and address behind a session (`queries/server_instance.sql`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema, Deserialize)]
pub struct ServerInstance {
    /// On a primary the timeline that WAL is written on. In recovery the timeline of what the WAL receiver last flushed;
    /// `None` without a receiver, or where the role may not see it.
    pub timeline_id: Option<u32>,
    /// `None` without the privileges of `pg_read_all_settings`.
    pub data_directory: Option<String>,
    /// `inet_server_addr()`; `None` on a Unix socket. Behind a pooler the address of the server, not of the pooler.
    pub server_addr: Option<String>,
    /// `inet_server_port()`; `None` on a Unix socket.
    pub server_port: Option<u16>,
}

/// Which server a session reached, and as which role. `None` is a value that could not be read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema, Deserialize)]
pub struct ServerIdentity {
    /// `server_version_num`, as 170010.
    pub version_num: u32,
    /// `pg_control_system().system_identifier`, as text.
    pub system_identifier: Option<String>,
    /// `pg_is_in_recovery()`.
    pub in_recovery: bool,
    /// `pg_postmaster_start_time()`. A crash after which the server restarts its own processes does not change it.
    pub started_at: Timestamp,
    /// On a primary the timeline that WAL is written on: the control file has it only after the next checkpoint. In
    /// recovery the newest of what the WAL receiver flushed and what the control file has.
    pub timeline_id: Option<u32>,
    /// The setting `data_directory`.
    pub data_directory: Option<String>,
    /// `None` on a Unix socket, too.
    pub server_addr: Option<String>,
    /// `inet_server_port()`; `None` on a Unix socket.
    pub server_port: Option<u16>,
    /// The connected role (`current_user`).
    pub role: String,
}

impl ServerIdentity {
    /// Combines the facts of one snapshot.
    pub fn new(server: &Server, control: Option<&ControlFile>, instance: Option<&ServerInstance>) -> ServerIdentity {
        let timeline_id = instance.and_then(|instance| instance.timeline_id);
        let in_control = control.map(|control| control.timeline_id);
        ServerIdentity {
            version_num: server.version_num,
            system_identifier: control.map(|control| control.system_identifier.clone()),
            in_recovery: server.in_recovery,
            started_at: server.started_at,
            timeline_id: if server.in_recovery { timeline_id.max(in_control) } else { timeline_id },
            data_directory: instance.and_then(|instance| instance.data_directory.clone()),
            server_addr: instance.and_then(|instance| instance.server_addr.clone()),
            server_port: instance.and_then(|instance| instance.server_port),
            role: server.role.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn identity_timeline(in_recovery: bool, control: Option<u32>, instance: Option<Option<u32>>) -> Option<u32> {
        let server = serde_json::from_value(json!({
            "version_num": 170_004, "version": "", "database": "shop", "role": "dba", "role_is_superuser": false,
            "role_may_replicate": true, "role_is_monitor": true, "in_recovery": in_recovery,
            "started_at": "2026-01-01T00:00:00Z", "requested_at": "2026-11-01T00:00:00Z", "block_size_bytes": 8192,
            "wal_segment_bytes": 16_777_216,
        }))
        .unwrap();
        let control = control.map(|timeline| ControlFile {
            system_identifier: "7".to_owned(),
            timeline_id: timeline,
            redo_lsn: crate::units::Lsn::new(1),
            checkpoint_lsn: crate::units::Lsn::new(1),
            checkpoint_time: "2026-10-31T23:00:00Z".parse().unwrap(),
        });
        let instance = instance.map(|timeline_id| ServerInstance {
            timeline_id,
            data_directory: None,
            server_addr: None,
            server_port: None,
        });
        ServerIdentity::new(&server, control.as_ref(), instance.as_ref()).timeline_id
    }

    #[test]
    fn timeline_of_primary_ignores_control_file() {
        assert_eq!(identity_timeline(false, Some(1), Some(Some(2))), Some(2), "promoted, no checkpoint yet");
        assert_eq!(identity_timeline(false, Some(1), None), None);
    }

    #[test]
    fn timeline_in_recovery_is_the_newest_known() {
        for (control, instance, expected) in [
            (Some(1), Some(Some(2)), Some(2)),
            (Some(2), Some(Some(1)), Some(2)),
            (Some(1), Some(None), Some(1)),
            (Some(1), None, Some(1)),
            (None, Some(Some(2)), Some(2)),
            (None, None, None),
        ] {
            assert_eq!(identity_timeline(true, control, instance), expected, "{control:?} {instance:?}");
        }
    }
}
