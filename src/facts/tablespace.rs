//! The tablespaces of a cluster.

use serde::{Deserialize, Serialize};

/// One row of `pg_tablespace`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tablespace {
    /// `pg_tablespace.spcname`.
    pub tablespace: String,
    /// Role that owns the tablespace.
    pub owner: String,
    /// Its directory; `None` for the two inside the data directory.
    pub location: Option<String>,
    /// `pg_tablespace_size`; `None` where the role may not know it.
    pub bytes: Option<u64>,
}
