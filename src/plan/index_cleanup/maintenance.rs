//! What is wrong with indexes on one server alone: rests of failed builds, and bloat.

use crate::model::{Contents, Index, IndexFinding, IndexVerdict, Table, Verdict};
use crate::plan::{Consent, Plan};
use std::collections::HashMap;

/// One index to be mended.
#[derive(Clone, Debug, PartialEq)]
pub struct Chore {
    pub oid: u32,
    pub schema: String,
    pub table: String,
    pub index: String,
    pub bytes: u64,
    pub repair: Repair,
    /// Bytes a rebuild would free; of rests all of it.
    pub frees: u64,
    /// A line each; filled by whoever has the words.
    pub why: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Repair {
    Drop,
    Rebuild,
}

/// From which share of an index, and from how many bytes, a rebuild is worth its reading and writing (fact sheet on
/// indexes, D: a third of air is the usual state of an index on random keys).
pub const WORTH_A_REBUILD: (f64, u64) = (0.5, 100 << 20);

/// Rests judged `drop`, or `review` where they are named; and indexes with so much air that a rebuild pays. The largest
/// gain first.
pub fn chores(
    contents: &Contents,
    verdicts: &[IndexVerdict],
    is_wanted: impl Fn(&Table, &Index) -> Wish,
) -> Vec<Chore> {
    let tables: HashMap<u32, &Table> =
        contents.tables.known().into_iter().flatten().map(|table| (table.oid, table)).collect();
    let verdict_on: HashMap<u32, &IndexVerdict> = verdicts.iter().map(|verdict| (verdict.oid, verdict)).collect();
    let mut chores = Vec::new();
    for index in contents.indexes.known().into_iter().flatten() {
        let (Some(table), Some(verdict)) = (tables.get(&index.table_oid), verdict_on.get(&index.oid)) else { continue };
        let wish = is_wanted(table, index);
        if wish == Wish::Not || table.is_catalog() || index.is_partitioned {
            continue;
        }
        let is_rest = verdict.findings.contains(&IndexFinding::InvalidIndex);
        let may_go = verdict.verdict == Verdict::Drop || verdict.verdict == Verdict::Review && wish == Wish::ByName;
        let bloat = contents.index_bloat(index, table).ok().flatten();
        let (repair, frees) = match bloat {
            _ if is_rest && may_go => (Repair::Drop, index.size.bytes),
            Some(bloat) if index.is_valid && is_worth(bloat.bytes, index.size.bytes) => (Repair::Rebuild, bloat.bytes),
            _ => continue,
        };
        // REINDEX CONCURRENTLY refuses them (PostgreSQL manual, REINDEX).
        if repair == Repair::Rebuild && index.is_exclusion {
            continue;
        }
        chores.push(Chore {
            oid: index.oid,
            schema: table.schema.clone(),
            table: table.table.clone(),
            index: index.index.clone(),
            bytes: index.size.bytes,
            repair,
            frees,
            why: Vec::new(),
        });
    }
    chores.sort_by(|a, b| b.frees.cmp(&a.frees).then(a.oid.cmp(&b.oid)));
    chores
}

/// All that a script mends.
#[derive(Clone, Debug)]
pub struct Maintenance {
    pub chores: Vec<Chore>,
}

impl Plan for Maintenance {
    type Unconfirmed = &'static str;

    /// One script for all of it.
    fn covered_by(self, _: &Consent) -> Result<Maintenance, &'static str> {
        if self.chores.is_empty() { Err("no index needs maintenance") } else { Ok(self) }
    }
}

/// What somebody said of an index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wish {
    Not,
    Any,
    ByName,
}

fn is_worth(bloat: u64, whole: u64) -> bool {
    bloat >= WORTH_A_REBUILD.1 && bloat as f64 >= WORTH_A_REBUILD.0 * whole as f64
}
