//! What the nightly check leaves behind, and who is at it.

use super::{
    HistoryError, Store,
    dialect::binds,
    time::{micros, timestamp},
};
use crate::model::{
    Class, Level,
    past::{Counters, KnownFinding, Night, Told},
};
use jiff::Timestamp;

impl Store {
    /// Takes a place for one run until `until`; answers with the time until which another has it.
    pub async fn claim(
        &self,
        place: &str,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Result<(), Timestamp>, HistoryError> {
        let mut tx = self.begin().await?;
        let sql = "insert into watched (place, claimed_until) values ($1, $2) \
                   on conflict (place) do update set claimed_until = excluded.claimed_until \
                   where watched.claimed_until <= $3";
        let taken = tx.execute(sql, binds![place, micros(until), micros(now)]).await?;
        let rows = tx.rows("select claimed_until from watched where place = $1", binds![place]).await?;
        tx.commit().await?;
        match (taken, rows.first()) {
            (0, Some(row)) => Ok(Err(timestamp(row.int(0)?)?)),
            _ => Ok(Ok(())),
        }
    }

    /// Gives back what was taken until `until`; of another's nothing.
    pub async fn release(&self, place: &str, until: Timestamp) -> Result<(), HistoryError> {
        let mut tx = self.begin().await?;
        let sql = "update watched set claimed_until = 0 where place = $1 and claimed_until = $2";
        tx.execute(sql, binds![place, micros(until)]).await?;
        tx.commit().await
    }

    /// What the night before left.
    pub async fn night(&self, place: &str) -> Result<Night, HistoryError> {
        let mut night = Night::default();
        let sql = "select checked_at, counters from watched where place = $1";
        if let Some(row) = self.pool.rows(sql, binds![place]).await?.first() {
            night.checked_at = row.int_or_none(0)?.map(timestamp).transpose()?;
            // One that an older pgtend wrote otherwise is none.
            night.counters = row.text_or_none(1)?.and_then(|text| serde_json::from_str::<Counters>(&text).ok());
        }
        let sql = "select finding_id, check_name, class, subject, level, message, since from finding \
                   where place = $1 order by finding_id";
        for row in self.pool.rows(sql, binds![place]).await? {
            night.findings.push(KnownFinding {
                finding_id: row.text(0)?,
                check: row.text(1)?,
                class: if row.text(2)? == Class::Hygiene.name() { Class::Hygiene } else { Class::Alert },
                subject: row.text(3)?,
                level: level(&row.text(4)?)?,
                message: serde_json::from_str(&row.text(5)?)
                    .map_err(|_| HistoryError::Inconsistent("a finding's message cannot be read"))?,
                since: timestamp(row.int(6)?)?,
                told: None,
            });
        }
        let sql =
            "select finding_id, recipient, told_at, level from told where place = $1 order by finding_id, recipient";
        for row in self.pool.rows(sql, binds![place]).await? {
            night.told.push(Told {
                finding_id: row.text(0)?,
                recipient: row.text(1)?,
                at: timestamp(row.int(2)?)?,
                level: level(&row.text(3)?)?,
            });
        }
        Ok(night)
    }

    /// Leaves a night behind, in the place of the one before.
    pub async fn leave(&self, place: &str, night: &Night) -> Result<(), HistoryError> {
        let mut tx = self.begin().await?;
        let counters = night.counters.as_ref().and_then(|counters| serde_json::to_string(counters).ok());
        let sql = "insert into watched (place, checked_at, counters, claimed_until) values ($1, $2, $3, 0) \
                   on conflict (place) do update set checked_at = excluded.checked_at, counters = excluded.counters";
        tx.execute(sql, binds![place, night.checked_at.map(micros), counters.as_deref()]).await?;
        tx.execute("delete from told where place = $1", binds![place]).await?;
        tx.execute("delete from finding where place = $1", binds![place]).await?;
        let findings = night.findings.iter().map(|one| {
            let message = serde_json::to_string(&one.message).unwrap_or_else(|_| "[]".to_owned());
            binds![
                place,
                &*one.finding_id,
                &*one.check,
                one.class.name(),
                &*one.subject,
                one.level.name(),
                &*message,
                micros(one.since),
            ]
        });
        let into = "finding (place, finding_id, check_name, class, subject, level, message, since)";
        tx.insert(into, findings, "").await?;
        let told = night
            .told
            .iter()
            .map(|one| binds![place, &*one.finding_id, &*one.recipient, micros(one.at), one.level.name()]);
        tx.insert("told (place, finding_id, recipient, told_at, level)", told, "").await?;
        tx.commit().await
    }
}

fn level(name: &str) -> Result<Level, HistoryError> {
    Level::named(name).ok_or(HistoryError::Inconsistent("a finding has a level that is none"))
}

#[cfg(test)]
mod tests {
    use super::{super::StoreAddress, *};

    #[tokio::test]
    async fn a_place_is_given_back_by_whoever_has_it() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&StoreAddress::File(folder.path().join("h.db"))).await.unwrap();
        let at = |second: i64| Timestamp::from_second(second).unwrap();
        assert_eq!(store.claim("here", at(1), at(100)).await.unwrap(), Ok(()));
        // One that was interrupted while it asked does not know whether it has the place.
        store.release("here", at(101)).await.unwrap();
        assert_eq!(store.claim("here", at(2), at(102)).await.unwrap(), Err(at(100)));
        store.release("here", at(100)).await.unwrap();
        assert_eq!(store.claim("here", at(3), at(103)).await.unwrap(), Ok(()));
        store.close().await;
    }
}
