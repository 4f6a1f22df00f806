//! Sizes of one subject over time.

use super::{SizePoint, Trend, trend::compute_trend};
use schemars::JsonSchema;
use serde::Serialize;

/// Kind of a subject.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SubjectKind {
    /// All databases together.
    Cluster,
    /// The pg_wal directory.
    Wal,
    /// A database.
    Database,
    /// A table with its TOAST relation.
    Table,
    /// An index.
    Index,
}

impl SubjectKind {
    /// Returns the name in JSON.
    pub fn name(self) -> &'static str {
        match self {
            SubjectKind::Cluster => "cluster",
            SubjectKind::Wal => "wal",
            SubjectKind::Database => "database",
            SubjectKind::Table => "table",
            SubjectKind::Index => "index",
        }
    }
}

/// An object with a size.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
pub struct Subject {
    /// What kind of object it is.
    pub kind: SubjectKind,
    /// Its database; `None` for the whole cluster and pg_wal.
    pub database: Option<String>,
    /// Its schema; `None` for a database.
    pub schema: Option<String>,
    /// Its name; `None` for a database.
    pub name: Option<String>,
}

/// The sizes of a subject, oldest first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Growth {
    /// The subject.
    pub subject: Subject,
    /// Its size at each sample, oldest first.
    pub points: Vec<SizePoint>,
}

impl Growth {
    /// Returns its rate; `None` with too few samples.
    pub fn trend(&self) -> Option<Trend> {
        compute_trend(&self.points)
    }
}
