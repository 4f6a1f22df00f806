//! Sum over a database's relations, compared with the size of the database.

use super::Gaps;
use crate::facts::{DatabaseSnapshot, Index, OidMap, Table, Unavailable};
use crate::render::human_bytes;
use schemars::JsonSchema;
use serde::Serialize;

/// Bytes of one database by what they belong to. `database_bytes` is the sum of all other parts.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Accounting {
    /// Name of the database.
    pub database: String,
    /// `pg_database_size`; `None` when the role may not read it.
    pub database_bytes: Option<u64>,
    /// Tables with their indexes and TOAST; `None` when the relations could not be read, as for the other parts.
    pub relations_bytes: Option<u64>,
    /// Tables of the system catalogs with their indexes and TOAST.
    pub catalogs_bytes: Option<u64>,
    /// `pg_largeobject` with its index.
    pub large_objects_bytes: Option<u64>,
    /// Sequences.
    pub sequences_bytes: Option<u64>,
    /// Bytes in the database's directories that no relation accounts for: about 150 kB on a healthy server. Negative
    /// when estimates exceed the true sizes.
    pub unaccounted_bytes: Option<i64>,
    /// Number of relations with a measured size. The others are estimated.
    pub measured_relations: Option<u64>,
}

impl Accounting {
    /// Computes the sums. `all_databases` says whether the report has a list of databases, which decides the paths of
    /// gaps.
    pub fn new(db: &DatabaseSnapshot, all_databases: bool, gaps: &mut Gaps) -> Accounting {
        let subjects = if all_databases { vec![db.database.clone()] } else { Vec::new() };
        let list = if all_databases { "accounting[]" } else { "accounting" };
        let mut note = |why: Option<&Unavailable>, fields: &[&str]| {
            if let Some(why) = why {
                let fields: Vec<String> = fields.iter().map(|field| format!("{list}.{field}")).collect();
                let fields: Vec<&str> = fields.iter().map(String::as_str).collect();
                gaps.note(why, &fields, subjects.clone());
            }
        };
        let by_relations = ["relations_bytes", "catalogs_bytes", "large_objects_bytes", "unaccounted_bytes"];
        note(db.database_bytes.as_result().err(), &["database_bytes", "unaccounted_bytes"]);
        note(db.tables.as_result().err(), &by_relations);
        note(db.indexes.as_result().err(), &by_relations);
        note(db.sequences.as_result().err(), &["sequences_bytes", "unaccounted_bytes"]);
        note(db.exact_sizes.as_result().err(), &["measured_relations"]);
        let database_bytes = db.database_bytes.known().copied();
        let (tables, indexes) = (db.tables.known(), db.indexes.known());
        let sequences = db.sequences.known().map(|sequences| sequences.bytes);
        let measured_relations = db.exact_sizes.known().copied();
        let sums = tables.zip(indexes).map(|(tables, indexes)| sum_relations(tables, indexes));
        let parts = sums
            .zip(sequences)
            .map(|(sums, sequences)| sums.relations + sums.catalogs + sums.large_objects + sequences);
        Accounting {
            database: db.database.clone(),
            database_bytes,
            relations_bytes: sums.map(|s| s.relations),
            catalogs_bytes: sums.map(|s| s.catalogs),
            large_objects_bytes: sums.map(|s| s.large_objects),
            sequences_bytes: sequences,
            unaccounted_bytes: database_bytes.zip(parts).map(|(whole, parts)| whole as i64 - parts as i64),
            measured_relations,
        }
    }

    /// Describes in one sentence how the bytes are divided.
    pub fn describe(&self) -> String {
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
struct RelationSums {
    relations: u64,
    catalogs: u64,
    large_objects: u64,
}

fn sum_relations(tables: &[Table], indexes: &[Index]) -> RelationSums {
    let mut index_bytes: OidMap<u64> = OidMap::default();
    for index in indexes {
        *index_bytes.entry(index.table_oid).or_default() += index.size.bytes;
    }
    let mut sums = RelationSums { relations: 0, catalogs: 0, large_objects: 0 };
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
