//! Tablespaces, and folders of the cluster as a number of files and bytes.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One row of `pg_tablespace`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema, Deserialize)]
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

/// How many files of a kind lie in the data directory, and their bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema, Deserialize)]
pub struct Files {
    /// Number of files.
    pub files: u64,
    /// Sum of their sizes in bytes.
    pub bytes: u64,
}
