//! Scans of indexes during an interval.

use super::{
    HistoryError, Store,
    dialect::binds,
    time::{bytes, micros, timestamp},
};
use crate::facts::history::IndexScans;
use jiff::Timestamp;
use std::collections::HashMap;

/// A sample that read a database's indexes.
struct WindowEdge {
    sample_id: i64,
    collected_at: i64,
}

impl Store {
    /// Returns the scans of every index in the last sample up to `until`, since the last sample up to `since`, or since
    /// the first sample. Empty if no sample contains the database.
    pub async fn index_scans(
        &self,
        cluster_id: i64,
        database: &str,
        since: Timestamp,
        until: Timestamp,
    ) -> Result<Vec<IndexScans>, HistoryError> {
        let (Some(first), Some(last)) = (
            match self.window_edge(cluster_id, database, "<=", "desc", since).await? {
                Some(edge) => Some(edge),
                None => self.window_edge(cluster_id, database, ">", "asc", since).await?,
            },
            self.window_edge(cluster_id, database, "<=", "desc", until).await?,
        ) else {
            return Ok(Vec::new());
        };
        let before = self.scan_totals(cluster_id, database, first.sample_id).await?;
        let mut scans = Vec::new();
        for (relation_id, end) in self.scan_totals(cluster_id, database, last.sample_id).await? {
            if !end.is_present {
                continue;
            }
            // An index that was created later had no scans before.
            let start = before.get(&relation_id).map_or((0, 0), |start| (start.total, start.resets));
            scans.push(IndexScans {
                schema: end.schema,
                table: end.table,
                index: end.index,
                since: timestamp(first.collected_at.max(end.first_seen).min(last.collected_at))?,
                until: timestamp(last.collected_at)?,
                scans: bytes(end.total - start.0),
                resets: bytes(end.resets - start.1),
            });
        }
        scans.sort_unstable_by(|a, b| (&a.schema, &a.index).cmp(&(&b.schema, &b.index)));
        Ok(scans)
    }

    async fn window_edge(
        &self,
        cluster_id: i64,
        database: &str,
        comparison: &'static str,
        order: &'static str,
        time: Timestamp,
    ) -> Result<Option<WindowEdge>, HistoryError> {
        let sql = format!(
            "select s.sample_id, s.collected_at from database_sample c \
               join sample s on s.sample_id = c.sample_id join database d on d.database_id = c.database_id \
              where d.cluster_id = $1 and d.name = $2 and c.indexes_known and s.collected_at {comparison} $3 \
              order by s.sample_id {order} limit 1"
        );
        let rows = self.pool.rows(&sql, binds![cluster_id, database, micros(time)]).await?;
        rows.first().map(|row| Ok(WindowEdge { sample_id: row.int(0)?, collected_at: row.int(1)? })).transpose()
    }

    async fn scan_totals(
        &self,
        cluster_id: i64,
        database: &str,
        sample_id: i64,
    ) -> Result<HashMap<i64, ScanTotals>, HistoryError> {
        let sql = "select r.relation_id, r.schema_name, r.table_name, r.name, r.first_seen, v.is_present, \
                          v.scans_total, v.resets \
                     from relation r join database d on d.database_id = r.database_id \
                     join relation_value v on v.relation_id = r.relation_id \
                    where d.cluster_id = $1 and d.name = $2 and r.kind = 'index' \
                      and v.sample_id = (select max(n.sample_id) from relation_value n \
                                          where n.relation_id = r.relation_id and n.sample_id <= $3)";
        let mut totals = HashMap::new();
        for row in self.pool.rows(sql, binds![cluster_id, database, sample_id]).await? {
            let total = ScanTotals {
                schema: row.text(1)?,
                table: row.text(2)?,
                index: row.text(3)?,
                first_seen: row.int(4)?,
                is_present: row.flag(5)?,
                total: row.int(6)?,
                resets: row.int(7)?,
            };
            totals.insert(row.int(0)?, total);
        }
        Ok(totals)
    }
}

struct ScanTotals {
    schema: String,
    table: String,
    index: String,
    first_seen: i64,
    is_present: bool,
    total: i64,
    resets: i64,
}
