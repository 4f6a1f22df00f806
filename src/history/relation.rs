//! A table or an index in the snapshot and in the store.

use super::{
    HistoryError,
    counter::Counter,
    dialect::{Bind, Row, binds},
    time::size,
};
use crate::facts::history::SubjectKind;
use crate::facts::{DatabaseSnapshot, Persistence};
use std::collections::HashMap;

/// The key of a relation; its OID is only a hint.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct RelationKey {
    pub(super) kind: SubjectKind,
    pub(super) schema: String,
    pub(super) name: String,
}

/// A relation of the snapshot.
pub(super) struct SeenRelation {
    pub(super) key: RelationKey,
    pub(super) table: String,
    pub(super) oid: u32,
    pub(super) is_valid: bool,
    pub(super) bytes: i64,
    pub(super) scans: i64,
}

/// The relations of a database in a snapshot.
pub(super) struct SeenRelations {
    pub(super) relations: Vec<SeenRelation>,
    tables: bool,
    indexes: bool,
}

impl SeenRelations {
    /// Returns whether a missing relation of this kind does not exist any more.
    pub(super) fn knows(&self, kind: SubjectKind) -> bool {
        match kind {
            SubjectKind::Table => self.tables,
            SubjectKind::Index => self.indexes,
            _ => false,
        }
    }

    /// Temporary tables are omitted. An index has the schema of its table, so without the tables no index is included.
    pub(super) fn from_database(database_snapshot: &DatabaseSnapshot) -> SeenRelations {
        let tables = database_snapshot.tables.known().map_or(&[][..], Vec::as_slice);
        let lasting = || tables.iter().filter(|table| table.persistence != Persistence::Temporary);
        let by_oid: HashMap<u32, _> = lasting().map(|table| (table.oid, table)).collect();
        let indexes = database_snapshot.indexes.known().map_or(&[][..], Vec::as_slice);
        let mut relations: Vec<SeenRelation> = lasting()
            .map(|table| SeenRelation {
                key: RelationKey { kind: SubjectKind::Table, schema: table.schema.clone(), name: table.table.clone() },
                table: table.table.clone(),
                oid: table.oid,
                is_valid: true,
                bytes: size(table.heap.plus(table.toast).bytes),
                scans: 0,
            })
            .collect();
        relations.extend(indexes.iter().filter_map(|index| {
            let table = by_oid.get(&index.table_oid)?;
            Some(SeenRelation {
                key: RelationKey { kind: SubjectKind::Index, schema: table.schema.clone(), name: index.index.clone() },
                table: table.table.clone(),
                oid: index.oid,
                is_valid: index.is_valid,
                bytes: size(index.size.bytes),
                scans: index.idx_scan.max(0),
            })
        }));
        let tables = database_snapshot.tables.known().is_some();
        SeenRelations { relations, tables, indexes: tables && database_snapshot.indexes.known().is_some() }
    }
}

/// A relation as it was last stored.
pub(super) struct RelationState {
    pub(super) relation_id: i64,
    pub(super) kind: SubjectKind,
    pub(super) table: String,
    pub(super) oid: u32,
    pub(super) is_present: bool,
    is_valid: bool,
    bytes: i64,
    pub(super) counter: Counter,
}

impl RelationState {
    pub(super) fn read(row: &Row) -> Result<(RelationKey, RelationState), HistoryError> {
        let kind = parse_kind(&row.text(1)?)?;
        let oid = u32::try_from(row.int(5)?).map_err(|_| HistoryError::Inconsistent("an OID is out of range"))?;
        let state = RelationState {
            relation_id: row.int(0)?,
            kind,
            table: row.text(4)?,
            oid,
            is_present: row.flag(6)?,
            is_valid: row.flag(7)?,
            bytes: row.int(8)?,
            counter: Counter { value: row.int(9)?, total: row.int(10)?, resets: row.int(11)? },
        };
        Ok((RelationKey { kind, schema: row.text(2)?, name: row.text(3)? }, state))
    }

    /// Returns whether it is certainly the same relation. REINDEX CONCURRENTLY gives an index a new OID but keeps its
    /// counter; with a counter of 0 nothing is certain.
    pub(super) fn is_same_relation(&self, now: &SeenRelation, counter: Counter) -> bool {
        let counted_on = self.counter.value > 0 && counter.resets == self.counter.resets;
        self.is_present && (self.oid == now.oid || (self.kind == SubjectKind::Index && counted_on))
    }

    pub(super) fn differs(&self, now: &SeenRelation, counter: Counter) -> bool {
        !self.is_present
            || (self.oid, self.is_valid, self.bytes) != (now.oid, now.is_valid, now.bytes)
            || self.counter != counter
    }

    /// Returns the value of a relation that does not exist any more.
    pub(super) fn gone_value(&self, sample_id: i64) -> Vec<Bind> {
        let Counter { total, resets, .. } = self.counter;
        binds![self.relation_id, sample_id, i64::from(self.oid), false, false, 0_i64, 0_i64, total, resets]
    }
}

pub(super) fn parse_kind(name: &str) -> Result<SubjectKind, HistoryError> {
    [SubjectKind::Table, SubjectKind::Index]
        .into_iter()
        .find(|kind| kind.name() == name)
        .ok_or(HistoryError::Inconsistent("a relation is neither table nor index"))
}
