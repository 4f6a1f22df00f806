//! The sum over a database's relations, held against the database itself.

use super::Gaps;
use crate::{
    model::{Contents, Index, OidMap, Table},
    render::human_bytes,
};
use serde::Serialize;

/// Bytes of one database by what they belong to. `database_bytes` = all the others together.
#[derive(Clone, Debug, Serialize)]
pub struct Accounting {
    pub database: String,
    pub database_bytes: Option<u64>,
    /// Tables, their indexes and TOAST.
    pub relations_bytes: Option<u64>,
    pub catalogs_bytes: Option<u64>,
    pub large_objects_bytes: Option<u64>,
    pub sequences_bytes: Option<u64>,
    /// What the directories hold beyond the relations: about 150 kB on a healthy server. Negative when estimates are
    /// higher than the truth.
    pub unaccounted_bytes: Option<i64>,
    /// Relations whose size was measured, not estimated.
    pub measured_relations: Option<u64>,
}

impl Accounting {
    pub fn of(contents: &Contents, gaps: &mut Gaps) -> Accounting {
        let database_bytes = gaps
            .take(&contents.database_bytes, &["accounting.database_bytes", "accounting.unaccounted_bytes"])
            .copied();
        let by_relations = [
            "accounting.relations_bytes",
            "accounting.catalogs_bytes",
            "accounting.large_objects_bytes",
            "accounting.unaccounted_bytes",
        ];
        let tables = gaps.take(&contents.tables, &by_relations);
        let indexes = gaps.take(&contents.indexes, &by_relations);
        let sequences = gaps
            .take(&contents.sequences, &["accounting.sequences_bytes", "accounting.unaccounted_bytes"])
            .map(|sequences| sequences.bytes);
        let measured_relations = gaps.take(&contents.exact_sizes, &["accounting.measured_relations"]).copied();
        let sums = tables.zip(indexes).map(|(tables, indexes)| sums(tables, indexes));
        let parts = sums
            .zip(sequences)
            .map(|(sums, sequences)| sums.relations + sums.catalogs + sums.large_objects + sequences);
        Accounting {
            database: contents.database.clone(),
            database_bytes,
            relations_bytes: sums.map(|s| s.relations),
            catalogs_bytes: sums.map(|s| s.catalogs),
            large_objects_bytes: sums.map(|s| s.large_objects),
            sequences_bytes: sequences,
            unaccounted_bytes: database_bytes.zip(parts).map(|(whole, parts)| whole as i64 - parts as i64),
            measured_relations,
        }
    }

    /// One sentence: how the database's bytes divide.
    pub fn sentence(&self) -> String {
        let size = |bytes: Option<u64>| bytes.map_or("?".to_owned(), human_bytes);
        let mut parts =
            vec![format!("tables {}", size(self.relations_bytes)), format!("catalogs {}", size(self.catalogs_bytes))];
        for (name, bytes) in [("large objects", self.large_objects_bytes), ("sequences", self.sequences_bytes)] {
            if bytes != Some(0) {
                parts.push(format!("{name} {}", size(bytes)));
            }
        }
        let rest = match self.unaccounted_bytes {
            Some(bytes) if bytes < 0 => format!("estimates too high by {}", human_bytes(bytes.unsigned_abs())),
            Some(bytes) => format!("unaccounted {}", human_bytes(bytes.unsigned_abs())),
            None => "unaccounted ?".to_owned(),
        };
        parts.push(rest);
        format!("Database {} {}: {}.", self.database, size(self.database_bytes), parts.join(", "))
    }
}

#[derive(Clone, Copy)]
struct Sums {
    relations: u64,
    catalogs: u64,
    large_objects: u64,
}

fn sums(tables: &[Table], indexes: &[Index]) -> Sums {
    let mut index_bytes: OidMap<u64> = OidMap::default();
    for index in indexes {
        *index_bytes.entry(index.table_oid).or_default() += index.size.bytes;
    }
    let mut sums = Sums { relations: 0, catalogs: 0, large_objects: 0 };
    for table in tables {
        let total = table.heap.bytes + table.toast.bytes + index_bytes.get(&table.oid).copied().unwrap_or(0);
        let part = if table.is_large_objects() {
            &mut sums.large_objects
        } else if table.is_catalog() {
            &mut sums.catalogs
        } else {
            &mut sums.relations
        };
        *part += total;
    }
    sums
}
