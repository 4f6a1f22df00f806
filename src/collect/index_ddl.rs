//! The DDL of indexes.

use super::{CollectError, fetch, queries};
use crate::facts::{Fact, IndexDdl};
use crate::postgres::{Row, RowError, Session, Text};

/// Reads the DDL of the given indexes and of those attached to them, each before its children. It never waits for a
/// lock: locked and dropped indexes are missing in the result.
pub async fn read_index_ddl(session: &Session, oids: &[u32]) -> Result<Fact<Vec<IndexDdl>>, CollectError> {
    let query = &queries::INDEX_DDL;
    let oids: Vec<i64> = oids.iter().map(|oid| i64::from(*oid)).collect();
    let rows = session.run_round(Box::pin(session.read(query, Some(&oids), decode_index_ddl))).await?;
    Ok(match rows {
        Ok(rows) => Fact::Known(rows),
        Err(error) => Fact::Unavailable(fetch::unavailable_fact(session, query, &error)),
    })
}

fn decode_index_ddl(row: &Row) -> Result<IndexDdl, RowError> {
    let text = |name: &str| Ok::<String, RowError>(row.try_get::<_, Text>(name)?.0);
    let optional =
        |name: &str| Ok::<Option<String>, RowError>(row.try_get::<_, Option<Text>>(name)?.map(|text| text.0));
    let columns: Vec<i64> = row.try_get("statistics_columns")?;
    let targets: Vec<i64> = row.try_get("statistics_targets")?;
    Ok(IndexDdl {
        oid: row.try_get::<_, i64>("oid")? as u32,
        parent_oid: row.try_get::<_, Option<i64>>("parent_oid")?.map(|oid| oid as u32),
        schema: text("schema")?,
        index: text("index")?,
        table: text("table")?,
        is_partitioned: row.try_get("is_partitioned")?,
        is_expression: row.try_get("is_expression")?,
        is_valid: row.try_get("is_valid")?,
        is_clustered: row.try_get("is_clustered")?,
        is_replica_identity: row.try_get("is_replica_identity")?,
        // Null if the index was dropped after it was listed.
        definition: optional("definition")?.unwrap_or_default(),
        predicate: optional("predicate")?,
        tablespace: optional("tablespace")?,
        comment: optional("comment")?,
        statistics: columns.into_iter().zip(targets).collect(),
        extensions: row.try_get::<_, Vec<Text>>("extensions")?.into_iter().map(|text| text.0).collect(),
        constraint_name: optional("constraint_name")?,
    })
}
