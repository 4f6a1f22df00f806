//! What the role that connected may change.

use serde::{Deserialize, Serialize};

/// Rights of the connected role that actions need.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoleRights {
    /// Superuser, the REPLICATION attribute (a membership does not inherit it), or `rds_replication` where that is.
    pub may_drop_slots: bool,
    /// Superuser or, from 15, `pg_checkpoint`.
    pub may_checkpoint: bool,
}
