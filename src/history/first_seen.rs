//! First-seen times of relations.

use super::{HistoryError, Store, dialect::binds, relation::parse_kind, time::timestamp};
use crate::facts::history::RelationFirstSeen;
use std::collections::HashMap;

impl Store {
    /// Returns all tables and indexes that samples of a database have contained.
    pub async fn relations_first_seen(
        &self,
        cluster_id: i64,
        database: &str,
    ) -> Result<Vec<RelationFirstSeen>, HistoryError> {
        let invalid = self.invalid_since(cluster_id, database).await?;
        let sql = "select r.relation_id, r.kind, r.schema_name, r.table_name, r.name, r.oid, r.first_seen, \
                          r.certain_since, r.is_present, r.is_valid \
                     from relation r join database d on d.database_id = r.database_id \
                    where d.cluster_id = $1 and d.name = $2 order by r.schema_name, r.name, r.kind";
        let rows = self.pool.rows(sql, binds![cluster_id, database]).await?;
        let mut relations = Vec::with_capacity(rows.len());
        for row in rows {
            let (is_present, is_valid) = (row.flag(8)?, row.flag(9)?);
            let since = invalid.get(&row.int(0)?).copied().filter(|_| is_present && !is_valid);
            relations.push(RelationFirstSeen {
                kind: parse_kind(&row.text(1)?)?,
                schema: row.text(2)?,
                table: row.text(3)?,
                name: row.text(4)?,
                oid: u32::try_from(row.int(5)?).map_err(|_| HistoryError::Inconsistent("an OID is out of range"))?,
                first_seen: timestamp(row.int(6)?)?,
                certain_since: timestamp(row.int(7)?)?,
                is_present,
                invalid_since: since.map(timestamp).transpose()?,
            });
        }
        Ok(relations)
    }

    /// Returns the time of the first sample after the last one in which an index was valid or absent.
    pub(super) async fn invalid_since(
        &self,
        cluster_id: i64,
        database: &str,
    ) -> Result<HashMap<i64, i64>, HistoryError> {
        let sql = "select v.relation_id, min(s.collected_at) from relation_value v \
                     join sample s on s.sample_id = v.sample_id \
                     join relation r on r.relation_id = v.relation_id \
                     join database d on d.database_id = r.database_id \
                    where d.cluster_id = $1 and d.name = $2 and r.is_present and not r.is_valid and not v.is_valid \
                      and v.is_present \
                      and not exists (select 1 from relation_value n where n.relation_id = v.relation_id \
                                       and n.sample_id > v.sample_id and (n.is_valid or not n.is_present)) \
                    group by v.relation_id";
        let rows = self.pool.rows(sql, binds![cluster_id, database]).await?;
        rows.iter().map(|row| Ok((row.int(0)?, row.int(1)?))).collect()
    }
}
