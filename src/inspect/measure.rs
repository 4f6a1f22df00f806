//! Measuring relations: which is decided by [`super::sizes`], here they are asked and the answers entered.

use super::{
    Scope, ask, queries,
    relations::{self, TableRow},
    sizes::{self, BATCH, Doubt},
};
use crate::{
    model::{Fact, Index, Sequences, SizeSource, StoredBytes, Unavailable},
    pg::{Session, SessionError},
};
use futures_util::future::join_all;
use std::collections::HashMap;

/// Relations one server process is asked about with `--exact`, before the next connection takes over: about 85 MB.
const RELATIONS_PER_CONNECTION: usize = 25_000;

/// The relations of a first look that have files, and what is known of their sizes by now.
pub struct Measurement {
    doubts: Vec<Doubt>,
    sizes: HashMap<u32, u64>,
    failure: Option<Unavailable>,
}

/// What one round of questions about sizes brought.
#[derive(Default)]
pub struct Answers {
    sizes: Vec<(u32, u64)>,
    failure: Option<Unavailable>,
}

impl Measurement {
    pub fn of(tables: &[TableRow], indexes: &[Index]) -> Measurement {
        Measurement { doubts: doubts(tables, indexes), sizes: HashMap::new(), failure: None }
    }

    /// What the session at hand is asked first.
    pub fn first_round(&self, scope: &Scope) -> Vec<u32> {
        match scope.exact {
            true => self.doubts.iter().take(RELATIONS_PER_CONNECTION).map(|doubt| doubt.oid).collect(),
            false => sizes::first_round(&self.doubts),
        }
    }

    /// What it is asked in the end, when the parts do not add up to the whole.
    pub fn second_round(&self, scope: &Scope, whole: &Fact<u64>, sequences: &Fact<Sequences>) -> Vec<u32> {
        match (whole.known(), &self.failure) {
            (Some(whole), None) if !scope.exact => {
                let other = sequences.known().map_or(0, |s| s.bytes);
                sizes::second_round(&self.doubts, &self.sizes, *whole, other)
            }
            _ => Vec::new(),
        }
    }

    /// What one server process should not be asked, over further connections.
    pub async fn ask_beside(&mut self, session: &Session, scope: &Scope) -> Result<(), SessionError> {
        if scope.exact {
            let all: Vec<u32> = self.doubts.iter().map(|doubt| doubt.oid).collect();
            for share in all.chunks(RELATIONS_PER_CONNECTION).skip(1) {
                let beside = session.open_beside(None).await?;
                let answers = beside.round(ask(&beside, share)).await?;
                self.learn(answers);
            }
        }
        Ok(())
    }

    pub fn learn(&mut self, answers: Answers) {
        self.sizes.extend(answers.sizes);
        self.failure = answers.failure.or(self.failure.take());
    }

    /// Enters what is known into the rows.
    pub fn enter(&self, tables: &mut [TableRow], indexes: &mut [Index]) {
        enter(tables, indexes, &self.sizes);
    }

    /// How many relations were measured.
    pub fn fact(self) -> Fact<u64> {
        match self.failure {
            Some(why) if self.sizes.is_empty() => Fact::Unavailable(why),
            _ => Fact::Known(self.sizes.len() as u64),
        }
    }
}

/// Every relation that has files.
fn doubts(tables: &[TableRow], indexes: &[Index]) -> Vec<Doubt> {
    let by_oid: HashMap<u32, &TableRow> = tables.iter().map(|row| (row.table.oid, row)).collect();
    let heaps = tables
        .iter()
        .filter(|row| row.table.kind.has_storage())
        .flat_map(|row| [Some(row.heap), row.toast, row.toast_index].into_iter().flatten());
    let of_index = |index: &Index| match by_oid.get(&index.table_oid) {
        Some(table) => relations::index_doubt(index, table),
        None => Doubt { oid: index.oid, table_oid: index.table_oid, estimate: index.size.bytes, doubt: 0 },
    };
    heaps.chain(indexes.iter().filter(|index| !index.is_partitioned).map(of_index)).collect()
}

/// Asked in batches that fail alone.
pub async fn ask(session: &Session, oids: &[u32]) -> Answers {
    let query = &queries::RELATION_SIZES;
    let batches: Vec<Vec<i64>> =
        oids.chunks(BATCH).map(|batch| batch.iter().map(|oid| i64::from(*oid)).collect()).collect();
    let questions = batches.iter().map(|batch| {
        session.read(query, Some(batch), |row| {
            Ok((row.try_get::<_, i64>("oid")? as u32, row.try_get::<_, Option<i64>>("bytes")?))
        })
    });
    let mut answers = Answers::default();
    for answer in join_all(questions).await {
        match answer {
            // A relation dropped between the two looks has no size any more: its estimate stays.
            Ok(rows) => answers
                .sizes
                .extend(rows.into_iter().filter_map(|(oid, bytes)| Some((oid, u64::try_from(bytes?).ok()?)))),
            Err(error) => answers.failure = Some(ask::unavailable(session, query, &error)),
        }
    }
    answers
}

fn enter(tables: &mut [TableRow], indexes: &mut [Index], sizes: &HashMap<u32, u64>) {
    let measured = |doubt: &Doubt| match sizes.get(&doubt.oid) {
        Some(bytes) => StoredBytes { bytes: *bytes, source: SizeSource::Exact },
        None => StoredBytes { bytes: doubt.estimate, source: SizeSource::Estimated },
    };
    for row in tables.iter_mut().filter(|row| row.table.kind.has_storage()) {
        row.table.heap = measured(&row.heap);
        row.table.toast = [&row.toast, &row.toast_index]
            .into_iter()
            .flatten()
            .fold(StoredBytes::NONE, |sum, part| sum.plus(measured(part)));
    }
    for index in indexes {
        if let Some(bytes) = sizes.get(&index.oid) {
            index.size = StoredBytes { bytes: *bytes, source: SizeSource::Exact };
        }
    }
}
