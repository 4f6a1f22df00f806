//! The journal: actions of pgtend and their outcomes.

use super::{
    HistoryError, Store,
    dialect::{Row, binds},
    time::{bytes, micros, size, timestamp},
};
use crate::facts::history::{Intent, JournalEntry, JournalOutcome, JournalOutcomeKind, MeasuredQuantity};
use jiff::Timestamp;

const WAL_DIRECTORY: &str = "wal_directory";
const DATABASE: &str = "database";

const JOURNAL_COLUMNS: &str = "journal_id, system_identifier, server, database_name, role_name, kind, subject, statement, seen, \
                       promised_bytes, quantity, quantity_database, before_bytes, begun_at, finished_at, outcome, detail";

impl Store {
    /// Writes the intent of an action; it is on disk when this returns. Returns the key of the journal entry.
    pub async fn write_intent(&self, intent: &Intent) -> Result<i64, HistoryError> {
        let (quantity, quantity_database) = match &intent.quantity {
            Some(MeasuredQuantity::WalDirectory) => (Some(WAL_DIRECTORY), None),
            Some(MeasuredQuantity::Database(name)) => (Some(DATABASE), Some(name.as_str())),
            None => (None, None),
        };
        let sql = "insert into journal_entry (system_identifier, server, database_name, role_name, kind, subject, statement, \
                     seen, promised_bytes, quantity, quantity_database, before_bytes, begun_at) \
                   values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) returning journal_id";
        let binds = binds![
            intent.system_identifier.as_deref(),
            &*intent.server,
            &*intent.database,
            &*intent.role,
            &*intent.kind,
            &*intent.subject,
            &*intent.statement,
            &*intent.seen.to_string(),
            intent.promised_bytes.map(size),
            quantity,
            quantity_database,
            intent.before_bytes.map(size),
            micros(intent.begun_at),
        ];
        let mut tx = self.begin().await?;
        let journal_id = tx.returning_int(sql, binds).await?;
        tx.commit().await?;
        Ok(journal_id)
    }

    /// Writes the outcome of an action.
    ///
    /// # Errors
    ///
    /// [`HistoryError::NoOpenEntry`] if the entry has an outcome already, or does not exist.
    pub async fn write_outcome(&self, journal_id: i64, outcome: &JournalOutcome) -> Result<(), HistoryError> {
        let sql = "update journal_entry set finished_at = $2, outcome = $3, detail = $4 \
                   where journal_id = $1 and outcome is null";
        let binds = binds![journal_id, micros(outcome.finished_at), outcome.outcome.name(), outcome.detail.as_deref()];
        let mut tx = self.begin().await?;
        let written = tx.execute(sql, binds).await?;
        tx.commit().await?;
        if written == 1 { Ok(()) } else { Err(HistoryError::NoOpenEntry(journal_id)) }
    }

    /// Returns the entries without an outcome: pgtend ended before it could write one, or is still executing them.
    pub async fn open_journal_entries(&self) -> Result<Vec<JournalEntry>, HistoryError> {
        let sql = format!("select {JOURNAL_COLUMNS} from journal_entry where outcome is null order by journal_id");
        self.pool.rows(&sql, binds![]).await?.iter().map(decode_entry).collect()
    }

    /// Returns all entries, oldest first, with the sizes that later samples measured.
    pub async fn journal_entries(&self) -> Result<Vec<JournalEntry>, HistoryError> {
        let sql = format!("select {JOURNAL_COLUMNS} from journal_entry order by journal_id");
        let rows = self.pool.rows(&sql, binds![]).await?;
        let mut entries = rows.iter().map(decode_entry).collect::<Result<Vec<_>, _>>()?;
        for entry in &mut entries {
            self.measure_effect(entry).await?;
        }
        Ok(entries)
    }

    /// Compares the first size of the measured quantity after the action with the size before it.
    async fn measure_effect(&self, entry: &mut JournalEntry) -> Result<(), HistoryError> {
        let Intent { system_identifier: Some(identifier), quantity: Some(gauge), before_bytes: Some(before), .. } =
            &entry.intent
        else {
            return Ok(());
        };
        let Some(JournalOutcome { outcome: JournalOutcomeKind::Done, finished_at, .. }) = &entry.outcome else {
            return Ok(());
        };
        let after = match gauge {
            // A checkpoint removes or recycles the WAL that a slot retained.
            MeasuredQuantity::WalDirectory => {
                let sql = "select s.collected_at, s.wal_directory_bytes from sample s \
                             join cluster c on c.cluster_id = s.cluster_id \
                            where c.system_identifier = $1 and c.branch = $2 and s.checkpoint_time > $3 \
                              and s.wal_directory_bytes is not null order by s.sample_id limit 1";
                let branch = self.branch_at(identifier, *finished_at).await?;
                self.pool.rows(sql, binds![&**identifier, branch, micros(*finished_at)]).await?
            }
            MeasuredQuantity::Database(name) => {
                let sql = "select s.collected_at, v.bytes from sample s \
                             join cluster c on c.cluster_id = s.cluster_id \
                             join database d on d.cluster_id = c.cluster_id and d.name = $4 \
                             join database_value v on v.database_id = d.database_id \
                            where c.system_identifier = $1 and c.branch = $2 and s.collected_at > $3 \
                              and s.databases_known and v.bytes is not null \
                              and v.sample_id = (select max(n.sample_id) from database_value n \
                                                  where n.database_id = d.database_id and n.sample_id <= s.sample_id) \
                            order by s.sample_id limit 1";
                let branch = self.branch_at(identifier, *finished_at).await?;
                self.pool.rows(sql, binds![&**identifier, branch, micros(*finished_at), &**name]).await?
            }
        };
        if let Some(row) = after.first() {
            entry.measured_at = Some(timestamp(row.int(0)?)?);
            entry.measured_bytes = Some(size(*before).saturating_sub(row.int(1)?));
        }
        Ok(())
    }

    /// Returns the branch with the last sample before the action, else the one with the first sample after it. Actions
    /// are executed on a primary.
    async fn branch_at(&self, identifier: &str, time: Timestamp) -> Result<i64, HistoryError> {
        let sql = "select c.branch from sample s join cluster c on c.cluster_id = s.cluster_id \
                    where c.system_identifier = $1 and not c.is_standby \
                    order by case when s.collected_at <= $2 then 0 else 1 end, \
                             abs(s.collected_at - $2), c.branch limit 1";
        self.pool.rows(sql, binds![identifier, micros(time)]).await?.first().map_or(Ok(0), |row| row.int(0))
    }
}

fn decode_entry(row: &Row) -> Result<JournalEntry, HistoryError> {
    let quantity = match row.text_or_none(10)?.as_deref() {
        Some(WAL_DIRECTORY) => Some(MeasuredQuantity::WalDirectory),
        Some(DATABASE) => Some(MeasuredQuantity::Database(row.text_or_none(11)?.unwrap_or_default())),
        _ => None,
    };
    let outcome = match (row.text_or_none(15)?, row.int_or_none(14)?) {
        (Some(name), Some(finished_at)) => {
            let outcome = JournalOutcomeKind::ALL.into_iter().find(|kind| kind.name() == name);
            let outcome = outcome.ok_or(HistoryError::Inconsistent("the outcome of an action has an unknown name"))?;
            Some(JournalOutcome { outcome, detail: row.text_or_none(16)?, finished_at: timestamp(finished_at)? })
        }
        _ => None,
    };
    let seen = serde_json::from_str(&row.text(8)?);
    Ok(JournalEntry {
        journal_id: row.int(0)?,
        intent: Intent {
            system_identifier: row.text_or_none(1)?,
            server: row.text(2)?,
            database: row.text(3)?,
            role: row.text(4)?,
            kind: row.text(5)?,
            subject: row.text(6)?,
            statement: row.text(7)?,
            seen: seen.map_err(|_| HistoryError::Inconsistent("the recorded state of an action is not JSON"))?,
            promised_bytes: row.int_or_none(9)?.map(bytes),
            quantity,
            before_bytes: row.int_or_none(12)?.map(bytes),
            begun_at: timestamp(row.int(13)?)?,
        },
        outcome,
        measured_bytes: None,
        measured_at: None,
    })
}
