//! Files of one kind, counted.

use serde::{Deserialize, Serialize};

/// How many files of a kind lie in the data directory, and their bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Files {
    /// Number of files.
    pub files: u64,
    /// Sum of their sizes in bytes.
    pub bytes: u64,
}
