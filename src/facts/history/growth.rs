//! What grew: one subject's sizes over time.

use super::{SizePoint, Trend, trend::compute_trend};
use serde::Serialize;

/// The kind of thing that has a size.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SubjectKind {
    /// All databases together.
    Cluster,
    /// The pg_wal directory.
    Wal,
    Database,
    Table,
    Index,
}

impl SubjectKind {
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

/// Something that has a size.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Subject {
    pub kind: SubjectKind,
    pub database: Option<String>,
    pub schema: Option<String>,
    pub name: Option<String>,
}

/// The sizes of a subject, oldest first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Growth {
    pub subject: Subject,
    pub points: Vec<SizePoint>,
}

impl Growth {
    /// Its rate; `None` with too few samples to tell one.
    pub fn trend(&self) -> Option<Trend> {
        compute_trend(&self.points)
    }
}
