//! A look beside the newest sample: at the same server, at the same time, into other databases.
//!
//! A fleet's targets are often databases of one cluster. Each as a sample of its own would write, and make every reader
//! read, the cluster as often as it has databases; and of two that overtake one another the first look would be lost.

use super::{
    HistoryError, databases,
    dialect::{Transaction, binds},
    identity::{Line, Mark},
    record::Writing,
    relations,
};
use crate::model::{Contents, Snapshot};

/// The newest sample of the server's line, and what of the look it lacks.
pub(super) struct Beside<'a> {
    writing: Writing,
    cluster_id: i64,
    contents: Vec<&'a Contents>,
}

/// How many relations were seen, and how many changed.
pub(super) type Counts = (u64, u64);

/// The line whose newest sample is of the same process, taken at the same time: what is counted in a database is then
/// told to be of the sample's time.
pub(super) fn line_beside<'a>(lines: &'a [Line], look: &Mark) -> Option<&'a Line> {
    lines.iter().find(|line| line.newest.is_beside(look))
}

/// The sample that a look completes: where all of it is new there, or where the look came too late for one of its own.
pub(super) async fn beside<'a>(
    tx: &mut Transaction,
    lines: &[Line],
    look: &Mark,
    snapshot: &'a Snapshot,
) -> Result<Option<Beside<'a>>, HistoryError> {
    let Some(line) = line_beside(lines, look) else { return Ok(None) };
    let sql = "select sample_id, slots_known, databases_known from sample where cluster_id = $1 \
               order by sample_id desc limit 1";
    let rows = tx.rows(sql, binds![line.cluster_id]).await?;
    let Some(row) = rows.first() else { return Ok(None) };
    let (sample_id, slots_known, databases_known) = (row.int(0)?, row.flag(1)?, row.flag(2)?);
    let mut contents = Vec::new();
    for one in &snapshot.contents {
        if is_new(tx, line.cluster_id, sample_id, &one.database, look.collected_at).await? {
            contents.push(one);
        }
    }
    let is_late = look.collected_at < line.newest.collected_at;
    let knows_more = (snapshot.slots.known().is_some() && !slots_known)
        || (snapshot.databases.known().is_some() && !databases_known);
    let completes = contents.len() == snapshot.contents.len() && !knows_more;
    if contents.is_empty() || !(is_late || completes) {
        return Ok(None);
    }
    let writing = Writing { cluster_id: line.cluster_id, sample_id, collected_at: line.newest.collected_at };
    Ok(Some(Beside { writing, cluster_id: line.cluster_id, contents }))
}

/// Whether neither the sample nor one since the look has read the database.
async fn is_new(
    tx: &mut Transaction,
    cluster_id: i64,
    sample_id: i64,
    database: &str,
    collected_at: i64,
) -> Result<bool, HistoryError> {
    let sql = "select c.sample_id, s.collected_at from database d \
                 join contents_sample c on c.database_id = d.database_id \
                 join sample s on s.sample_id = c.sample_id \
                where d.cluster_id = $1 and d.name = $2 order by c.sample_id desc limit 1";
    match tx.rows(sql, binds![cluster_id, database]).await?.first() {
        Some(last) => Ok(last.int(0)? < sample_id && last.int(1)? < collected_at),
        None => Ok(true),
    }
}

impl Beside<'_> {
    pub(super) fn cluster_id(&self) -> i64 {
        self.cluster_id
    }

    /// Adds what the sample lacks.
    pub(super) async fn write(&self, tx: &mut Transaction, look: &Mark) -> Result<Counts, HistoryError> {
        let mut counts = (0, 0);
        for contents in &self.contents {
            let database_id = databases::present(tx, &self.writing, contents).await?;
            let written = relations::write(tx, &self.writing, database_id, contents, look.timeline_id).await?;
            counts = (counts.0 + written.seen, counts.1 + written.changed);
        }
        Ok(counts)
    }
}
