//! Files of one kind, counted.

use serde::{Deserialize, Serialize};

/// How many files of a kind lie in the data directory, and their bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Files {
    pub files: u64,
    pub bytes: u64,
}
