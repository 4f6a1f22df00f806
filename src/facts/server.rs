//! The server and the connected role.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The newest major that this build was tested on.
pub const NEWEST_KNOWN_MAJOR: u32 = 19;

/// Properties of the server and of the connected role.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema, Deserialize)]
pub struct Server {
    /// `server_version_num`, as 170010.
    pub version_num: u32,
    /// The text of `version()`.
    pub version: String,
    /// The database connected to.
    pub database: String,
    /// The connected role (`current_user`).
    pub role: String,
    /// `pg_roles.rolsuper` of the connected role.
    pub role_is_superuser: bool,
    /// Whether it is a superuser or has the REPLICATION attribute.
    pub role_may_replicate: bool,
    /// Has the privileges of `pg_monitor`.
    pub role_is_monitor: bool,
    /// `pg_is_in_recovery()`.
    pub in_recovery: bool,
    /// `pg_postmaster_start_time()`; a crash restart does not change it.
    pub started_at: Timestamp,
    /// The server's clock when the snapshot was taken.
    pub requested_at: Timestamp,
    /// `block_size`, in bytes.
    pub block_size_bytes: u64,
    /// `wal_segment_size`, in bytes.
    pub wal_segment_bytes: u64,
}

impl Server {
    /// Returns the version as text, such as `17.10` or `19rc1`.
    pub fn version_text(&self) -> String {
        self.pre_release()
            .map_or_else(|| format!("{}.{}", self.version_num / 10_000, self.version_num % 10_000), ToOwned::to_owned)
    }

    /// Returns the name of a pre-release, such as `19rc1`; `None` for a release. `server_version_num` is the same for both.
    pub fn pre_release(&self) -> Option<&str> {
        let name = self.version.strip_prefix("PostgreSQL ")?.split_whitespace().next()?;
        let stage = name.strip_prefix(&self.major().to_string())?;
        let is_stage = |prefix: &str| {
            stage.strip_prefix(prefix).is_some_and(|number| number.bytes().all(|byte| byte.is_ascii_digit()))
        };
        ["alpha", "beta", "rc", "devel"].into_iter().any(is_stage).then_some(name)
    }

    /// Returns why a server is newer than this build knows; `None` for a known major.
    pub fn newer_than_known(&self) -> Option<String> {
        (self.major() > NEWEST_KNOWN_MAJOR).then(|| {
            format!(
                "PostgreSQL {} is newer than this pgtend knows (up to {NEWEST_KNOWN_MAJOR}): new features and changed \
                 behaviour are not considered",
                self.major()
            )
        })
    }

    /// Returns a `server_version_num` as text; of the first release of a major the major only, because a pre-release has the
    /// same number.
    pub fn number_text(version_num: u32) -> String {
        match (version_num / 10_000, version_num % 10_000) {
            (major, 0) => major.to_string(),
            (major, minor) => format!("{major}.{minor}"),
        }
    }

    /// Returns the major version, as 17.
    pub fn major(&self) -> u32 {
        self.version_num / 10_000
    }
}

/// Rights of the connected role that actions need.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema, Deserialize)]
pub struct RoleRights {
    /// Superuser, the REPLICATION attribute (a membership does not inherit it), or `rds_replication` where that is.
    pub may_drop_slots: bool,
    /// Superuser or, from 15, `pg_checkpoint`.
    pub may_checkpoint: bool,
}
