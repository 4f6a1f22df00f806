//! Charts of several reports: storage by database, table and part, and the parts of `pg_wal`.

use crate::analysis::copy_size::{Basis, DatabaseForecast, RelationPart};
use crate::analysis::wal::{Cause, Retention, SharedBy, wal_shares};
use crate::facts::{DatabaseSnapshot, Snapshot, Table};
use crate::render::{Chart, Node, NodeKind, Picture, Share};
use std::collections::HashMap;

/// Maximum number of tables per database, and of databases, that are drawn separately.
const MAX_TABLES: usize = 60;
const MAX_DATABASES: usize = 20;

/// Returns databases, their tables, and the heap, indexes and TOAST of these, with bloat where a forecast has it.
pub(super) fn storage_chart(snapshot: &Snapshot, forecasts: &[(&str, &DatabaseForecast<'_>)]) -> Option<Chart> {
    let databases = snapshot.databases.known()?;
    let mut nodes: Vec<Node> = databases
        .iter()
        .filter_map(|database| {
            let bytes = database.bytes?;
            let forecast = forecasts.iter().find(|(name, _)| *name == database.database).map(|(_, forecast)| *forecast);
            let db = snapshot
                .database_snapshots
                .iter()
                .find(|database_snapshot| database_snapshot.database == database.database);
            let mut children = db.map_or(Vec::new(), |contents| table_nodes(contents, forecast));
            let tables_bytes: u64 = children.iter().map(|node| node.bytes).sum();
            if !children.is_empty() && bytes > tables_bytes {
                children.push(leaf_node("catalogs and other", bytes - tables_bytes, 0, NodeKind::Other));
            }
            Some(Node { name: database.database.clone(), bytes, bloat_bytes: 0, kind: NodeKind::Database, children })
        })
        .collect();
    nodes.sort_by(|a, b| b.bytes.cmp(&a.bytes).then_with(|| a.name.cmp(&b.name)));
    if nodes.len() > MAX_DATABASES {
        let rest: u64 = nodes.drain(MAX_DATABASES..).map(|node| node.bytes).sum();
        nodes.push(leaf_node("other databases", rest, 0, NodeKind::Other));
    }
    let about = match forecasts.is_empty() {
        true => {
            "Area is size: databases, their largest tables, and the heap, the indexes and the TOAST table of each table."
        }
        false => {
            "Area is size: databases, their largest tables, and the heap, the indexes and the TOAST table of each table. Hatched areas are bloat."
        }
    };
    Some(Chart {
        title: "Disk usage by database".to_owned(),
        about: about.to_owned(),
        picture: Picture::Treemap(nodes),
    })
}

fn leaf_node(name: &str, bytes: u64, bloat_bytes: u64, kind: NodeKind) -> Node {
    Node { name: name.to_owned(), bytes, bloat_bytes, kind, children: Vec::new() }
}

/// Returns the largest tables, and the rest as one node.
fn table_nodes(db: &DatabaseSnapshot, forecast: Option<&DatabaseForecast<'_>>) -> Vec<Node> {
    let (Some(tables), Some(indexes)) = (db.tables.known(), db.indexes.known()) else { return Vec::new() };
    let mut of_indexes: HashMap<u32, u64> = HashMap::new();
    for index in indexes {
        *of_indexes.entry(index.table_oid).or_default() += index.size.bytes;
    }
    // Sums of heap, TOAST and indexes.
    let mut bloat: HashMap<(u32, RelationPart), u64> = HashMap::new();
    for relation in forecast
        .into_iter()
        .flat_map(|database_forecast| &database_forecast.relations)
        .filter(|copied_relation| copied_relation.after.basis != Basis::Unknown)
    {
        let bytes = relation.now_bytes.saturating_sub(relation.after.bytes);
        *bloat.entry((relation.table.oid, relation.part)).or_default() += bytes;
    }
    let mut sizes: Vec<_> = tables
        .iter()
        .filter(|table| !table.is_catalog())
        .map(|table| {
            let indexes = of_indexes.get(&table.oid).copied().unwrap_or(0);
            (table.heap.bytes + table.toast.bytes + indexes, indexes, table)
        })
        .filter(|(bytes, ..)| *bytes > 0)
        .collect();
    sizes.sort_by(|a, b| b.0.cmp(&a.0).then(a.2.oid.cmp(&b.2.oid)));
    let of_rest = |of: &dyn Fn(&(u64, u64, &Table)) -> u64| sizes.iter().skip(MAX_TABLES).map(of).sum::<u64>();
    let rest = part_nodes([
        ("heap", of_rest(&|(.., table)| table.heap.bytes), 0, NodeKind::Heap),
        ("indexes", of_rest(&|(_, indexes, _)| *indexes), 0, NodeKind::Index),
        ("TOAST", of_rest(&|(.., table)| table.toast.bytes), 0, NodeKind::Toast),
    ]);
    let count = sizes.len().saturating_sub(MAX_TABLES);
    let mut nodes: Vec<Node> = sizes
        .into_iter()
        .take(MAX_TABLES)
        .map(|(bytes, indexes, table)| {
            let bloat_of = |part: RelationPart| bloat.get(&(table.oid, part)).copied().unwrap_or(0);
            let children = part_nodes([
                ("heap", table.heap.bytes, bloat_of(RelationPart::Heap), NodeKind::Heap),
                ("indexes", indexes, bloat_of(RelationPart::Index), NodeKind::Index),
                ("TOAST", table.toast.bytes, bloat_of(RelationPart::Toast), NodeKind::Toast),
            ]);
            let bloat_bytes = children.iter().map(|node| node.bloat_bytes).sum();
            let name = format!("{}.{}", table.schema, table.table);
            Node { name, bytes, bloat_bytes, kind: NodeKind::Table, children }
        })
        .collect();
    if !rest.is_empty() {
        let (name, bytes) = (format!("{count} smaller tables"), rest.iter().map(|node| node.bytes).sum());
        nodes.push(Node { name, bytes, bloat_bytes: 0, kind: NodeKind::Table, children: rest });
    }
    nodes
}

/// Returns the parts that are not empty.
fn part_nodes(parts: [(&str, u64, u64, NodeKind); 3]) -> Vec<Node> {
    let present = parts.into_iter().filter(|(_, bytes, ..)| *bytes > 0);
    present.map(|(name, bytes, bloat, kind)| leaf_node(name, bytes, bloat, kind)).collect()
}

/// Returns the parts of `pg_wal`, with the binding holder highlighted.
pub(super) fn wal_chart(snapshot: &Snapshot) -> Option<Chart> {
    let partial = Retention::from_known_facts(snapshot).ok()?;
    let shares = wal_shares(&partial, snapshot.wal_directory.known());
    let shares: Vec<Share> = shares
        .into_iter()
        .filter_map(|share| {
            let label = match share.by {
                SharedBy::Holder(Cause::Slot) => "slot",
                SharedBy::Holder(Cause::Archiver) => "archiver",
                SharedBy::Holder(Cause::WalKeepSize) => "wal_keep_size",
                SharedBy::Holder(Cause::Checkpoint) => "last checkpoint",
                SharedBy::Holder(Cause::Summarizer) => "WAL summarizer",
                SharedBy::RemovableAtCheckpoint => "removable at the next checkpoint",
                SharedBy::Recycled => "recycled for future WAL",
                SharedBy::OtherFiles => "other files",
                SharedBy::Unexplained => "unexplained",
            };
            let name = share.name.map_or(label.to_owned(), |name| format!("{label} {name}"));
            Some(Share { name, bytes: share.bytes?, marked: share.binding == Some(true) })
                .filter(|share| share.bytes > 0)
        })
        .collect();
    let about = "The parts add up to the size of pg_wal. The binding holder is marked.".to_owned();
    (!shares.is_empty()).then(|| Chart {
        title: "What retains pg_wal".to_owned(),
        about,
        picture: Picture::Shares(shares),
    })
}
