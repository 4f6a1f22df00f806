//! The state that `check` saves for its next run, and the lease of a target.

use super::{
    HistoryError, Store,
    dialect::binds,
    time::{micros, timestamp},
};
use crate::facts::history::{CheckState, Counters, KnownFinding, NotifiedFinding};
use crate::facts::{Class, Level};
use jiff::Timestamp;

impl Store {
    /// Takes the lease of a target until `until`. Returns the end of the lease if another run holds it.
    pub async fn claim(
        &self,
        target_key: &str,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Result<(), Timestamp>, HistoryError> {
        let mut tx = self.begin().await?;
        let sql = "insert into check_state (target_key, claimed_until) values ($1, $2) \
                   on conflict (target_key) do update set claimed_until = excluded.claimed_until \
                   where check_state.claimed_until <= $3";
        let taken = tx.execute(sql, binds![target_key, micros(until), micros(now)]).await?;
        let rows = tx.rows("select claimed_until from check_state where target_key = $1", binds![target_key]).await?;
        tx.commit().await?;
        match (taken, rows.first()) {
            (0, Some(row)) => Ok(Err(timestamp(row.int(0)?)?)),
            _ => Ok(Ok(())),
        }
    }

    /// Releases the lease that was taken until `until`; leaves the lease of another run.
    pub async fn release(&self, target_key: &str, until: Timestamp) -> Result<(), HistoryError> {
        let mut tx = self.begin().await?;
        let sql = "update check_state set claimed_until = 0 where target_key = $1 and claimed_until = $2";
        tx.execute(sql, binds![target_key, micros(until)]).await?;
        tx.commit().await
    }

    /// Returns the state that the previous run saved.
    pub async fn check_state(&self, target_key: &str) -> Result<CheckState, HistoryError> {
        let mut state = CheckState::default();
        let sql = "select checked_at, counters from check_state where target_key = $1";
        if let Some(row) = self.pool.rows(sql, binds![target_key]).await?.first() {
            state.checked_at = row.int_or_none(0)?.map(timestamp).transpose()?;
            // Counters in the format of an older version are ignored.
            state.counters = row.text_or_none(1)?.and_then(|text| serde_json::from_str::<Counters>(&text).ok());
        }
        let sql = "select finding_id, check_name, class, subject, level, message, since from finding \
                   where target_key = $1 order by finding_id";
        for row in self.pool.rows(sql, binds![target_key]).await? {
            state.findings.push(KnownFinding {
                finding_id: row.text(0)?,
                check: row.text(1)?,
                class: if row.text(2)? == Class::Hygiene.name() { Class::Hygiene } else { Class::Alert },
                subject: row.text(3)?,
                level: parse_level(&row.text(4)?)?,
                message: serde_json::from_str(&row.text(5)?)
                    .map_err(|_| HistoryError::Inconsistent("a finding's message cannot be read"))?,
                since: timestamp(row.int(6)?)?,
                notified: None,
            });
        }
        let sql = "select finding_id, recipient, notified_at, level from notified_finding where target_key = $1 \
             order by finding_id, recipient";
        for row in self.pool.rows(sql, binds![target_key]).await? {
            state.notified.push(NotifiedFinding {
                finding_id: row.text(0)?,
                recipient: row.text(1)?,
                at: timestamp(row.int(2)?)?,
                level: parse_level(&row.text(3)?)?,
            });
        }
        Ok(state)
    }

    /// Saves the state of a run in place of the previous one.
    pub async fn save_check_state(&self, target_key: &str, state: &CheckState) -> Result<(), HistoryError> {
        let mut tx = self.begin().await?;
        let counters = state.counters.as_ref().and_then(|counters| serde_json::to_string(counters).ok());
        let sql = "insert into check_state (target_key, checked_at, counters, claimed_until) values ($1, $2, $3, 0) \
                   on conflict (target_key) do update set checked_at = excluded.checked_at, counters = excluded.counters";
        tx.execute(sql, binds![target_key, state.checked_at.map(micros), counters.as_deref()]).await?;
        tx.execute("delete from notified_finding where target_key = $1", binds![target_key]).await?;
        tx.execute("delete from finding where target_key = $1", binds![target_key]).await?;
        let findings = state.findings.iter().map(|known_finding| {
            let message = serde_json::to_string(&known_finding.message).unwrap_or_else(|_| "[]".to_owned());
            binds![
                target_key,
                &*known_finding.finding_id,
                &*known_finding.check,
                known_finding.class.name(),
                &*known_finding.subject,
                known_finding.level.name(),
                &*message,
                micros(known_finding.since),
            ]
        });
        let into = "finding (target_key, finding_id, check_name, class, subject, level, message, since)";
        tx.insert(into, findings, "").await?;
        let notified = state.notified.iter().map(|notified| {
            binds![target_key, &*notified.finding_id, &*notified.recipient, micros(notified.at), notified.level.name()]
        });
        tx.insert("notified_finding (target_key, finding_id, recipient, notified_at, level)", notified, "").await?;
        tx.commit().await
    }
}

fn parse_level(name: &str) -> Result<Level, HistoryError> {
    Level::from_name(name).ok_or(HistoryError::Inconsistent("a finding has an unknown level"))
}

#[cfg(test)]
mod tests {
    use super::{super::StoreAddress, *};

    #[tokio::test]
    async fn claim_is_released_only_by_its_owner() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&StoreAddress::File(folder.path().join("h.db"))).await.unwrap();
        let time_at = |second: i64| Timestamp::from_second(second).unwrap();
        assert_eq!(store.claim("here", time_at(1), time_at(100)).await.unwrap(), Ok(()));
        // A run that was interrupted during its request releases a lease that it may not hold.
        store.release("here", time_at(101)).await.unwrap();
        assert_eq!(store.claim("here", time_at(2), time_at(102)).await.unwrap(), Err(time_at(100)));
        store.release("here", time_at(100)).await.unwrap();
        assert_eq!(store.claim("here", time_at(3), time_at(103)).await.unwrap(), Ok(()));
        store.close().await;
    }
}
