//! Rows written per database.

use serde::{Deserialize, Serialize};

/// Rows inserted, updated and deleted in a database since its statistics began (`pg_stat_database`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DatabaseWrites {
    /// `pg_stat_database.datname`.
    pub database: String,
    /// Sum of `tup_inserted`, `tup_updated` and `tup_deleted`.
    pub rows_written: u64,
}
