//! The facts on which verdicts on indexes rest: those the first look brings, and the texts and statistics that are
//! asked only where two indexes of one table could be related.

use super::{ask, first_look::FirstLook, queries};
use crate::{
    model::{Correlation, FIRST_OWN_OID, Fact, ForeignKey, Index, IndexFacts, IndexKeys, IndexTexts, OperatorClass},
    pg::{Session, Text},
};
use serde::Deserialize;
use std::collections::BTreeMap;

#[derive(Deserialize)]
struct OperatorClassRow {
    oid: u32,
    #[serde(flatten)]
    class: OperatorClass,
}

#[derive(Deserialize)]
struct RoleRow {
    role: String,
}

/// What the first round trip brings.
pub async fn first_look(s: &Session, wanted: bool) -> IndexFacts {
    use queries::*;
    let (keys, operator_classes, nulls_not_distinct, foreign_keys, dependents, builds, uncounted_roles) = tokio::join!(biased;
        ask::when(wanted, &INDEX_KEYS, ask::rows(s, &INDEX_KEYS, |row| {
            let keys = IndexKeys {
                operator_classes: row.try_get("operator_classes")?,
                collations: row.try_get("collations")?,
                options: row.try_get("options")?,
                storage: row.try_get::<_, Option<Vec<Text>>>("storage")?.unwrap_or_default().into_iter().map(|text| text.0).collect(),
            };
            Ok((row.try_get::<_, i64>("oid")? as u32, keys))
        })),
        ask::when(wanted, &OPERATOR_CLASSES, ask::many::<OperatorClassRow>(s, &OPERATOR_CLASSES)),
        ask::when(wanted, &NULLS_NOT_DISTINCT, ask::rows(s, &NULLS_NOT_DISTINCT, |row| Ok(row.try_get::<_, i64>("oid")? as u32))),
        ask::when(wanted, &FOREIGN_KEYS, ask::rows(s, &FOREIGN_KEYS, |row| {
            Ok(ForeignKey {
                constraint_name: row.try_get::<_, Text>("constraint_name")?.0,
                table_oid: row.try_get::<_, i64>("table_oid")? as u32,
                column_numbers: row.try_get("column_numbers")?,
                target_index_oid: row.try_get::<_, i64>("target_index_oid")? as u32,
            })
        })),
        ask::when(wanted, &INDEX_DEPENDENTS, ask::many(s, &INDEX_DEPENDENTS)),
        ask::when(wanted, &INDEX_BUILDS, ask::rows(s, &INDEX_BUILDS, |row| Ok(row.try_get::<_, i64>("table_oid")? as u32))),
        ask::when(wanted, &UNCOUNTED_ROLES, ask::many::<RoleRow>(s, &UNCOUNTED_ROLES)),
    );
    IndexFacts {
        keys: keys.map(|keys| keys.into_iter().collect()),
        operator_classes: operator_classes.map(|rows| rows.into_iter().map(|row| (row.oid, row.class)).collect()),
        nulls_not_distinct: nulls_not_distinct.map(|oids| oids.into_iter().collect()),
        foreign_keys,
        dependents,
        builds: builds.map(|oids| oids.into_iter().collect()),
        uncounted_roles: uncounted_roles.map(|rows| rows.into_iter().map(|row| row.role).collect()),
        texts: Fact::not_asked(INDEX_TEXTS.fact),
        correlations: Fact::not_asked(COLUMN_CORRELATIONS.fact),
    }
}

/// Of which indexes the texts, and of which tables the statistics matter.
#[derive(Default)]
pub struct Wanted {
    pub indexes: Vec<i64>,
    pub tables: Vec<i64>,
}

impl Wanted {
    pub fn is_empty(&self) -> bool {
        self.indexes.is_empty() && self.tables.is_empty()
    }

    /// Texts where another index of the table could be told apart by them alone; statistics where an index of one
    /// column begins another one.
    pub fn of(first: &FirstLook) -> Wanted {
        let Fact::Known(indexes) = &first.indexes else {
            return Wanted::default();
        };
        let mut of_table: BTreeMap<u32, Vec<&Index>> = BTreeMap::new();
        for index in indexes.iter().filter(|index| index.oid >= FIRST_OWN_OID) {
            of_table.entry(index.table_oid).or_default().push(index);
        }
        let mut wanted = Wanted::default();
        for (table, family) in of_table.iter().filter(|(_, family)| family.len() > 1) {
            let begins = |a: &Index, b: &Index| {
                a.oid != b.oid
                    && a.key_columns_count == 1
                    && b.key_columns_count > 1
                    && a.column_numbers.first() == b.column_numbers.first()
                    && a.column_numbers.first() != Some(&0)
            };
            let among = |a: &&&Index| family.iter().any(|b| first.index_facts.texts_decide(a, b));
            wanted.indexes.extend(family.iter().filter(among).map(|index| i64::from(index.oid)));
            if family.iter().any(|a| family.iter().any(|b| begins(a, b))) {
                wanted.tables.push(i64::from(*table));
            }
        }
        wanted
    }
}

/// Asks for them; to be joined with what else a round trip asks.
pub async fn second_look(
    session: &Session,
    wanted: &Wanted,
) -> (Fact<BTreeMap<u32, IndexTexts>>, Fact<Vec<Correlation>>) {
    let (texts, statistics) = (&queries::INDEX_TEXTS, &queries::COLUMN_CORRELATIONS);
    let read_texts = async {
        if wanted.indexes.is_empty() {
            return Ok(Vec::new());
        }
        let decode = |text: Option<Text>| text.map(|text| text.0);
        session
            .read(texts, Some(&wanted.indexes), |row| {
                let all = IndexTexts {
                    expressions: row
                        .try_get::<_, Vec<Option<Text>>>("expressions")?
                        .into_iter()
                        .map(|text| decode(text).unwrap_or_default())
                        .collect(),
                    predicate: decode(row.try_get("predicate")?),
                    parameters: row.try_get::<_, Vec<Option<Text>>>("parameters")?.into_iter().map(decode).collect(),
                };
                Ok((row.try_get::<_, i64>("oid")? as u32, all))
            })
            .await
    };
    let read_statistics = async {
        if wanted.tables.is_empty() {
            return Ok(Vec::new());
        }
        session
            .read(statistics, Some(&wanted.tables), |row| {
                Ok(Correlation {
                    table_oid: row.try_get::<_, i64>("table_oid")? as u32,
                    number: row.try_get("number")?,
                    correlation: row.try_get("correlation")?,
                })
            })
            .await
    };
    let (answer, correlations) = tokio::join!(biased; read_texts, read_statistics);
    let answer = match answer {
        Ok(rows) => Fact::Known(rows.into_iter().collect()),
        Err(error) => Fact::Unavailable(ask::unavailable(session, texts, &error)),
    };
    let correlations = match correlations {
        Ok(mut rows) => {
            rows.sort_unstable_by_key(|row| (row.table_oid, row.number));
            Fact::Known(rows)
        }
        Err(error) => Fact::Unavailable(ask::unavailable(session, statistics, &error)),
    };
    (answer, correlations)
}
