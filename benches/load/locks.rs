//! The locks of a report's sessions, sampled from another session.

use tokio_postgres::Client;

/// The largest number of concurrent locks, and the strongest lock.
#[derive(Default)]
pub struct Locks {
    pub max_count: i64,
    pub strongest: Option<String>,
}

/// Without locks that cannot conflict: the virtual transaction id of each transaction, and the lock on its database
/// that each connecting session takes for a moment (`InitPostgres`).
const HELD_LOCKS: &str = "select count(*), max(case l.mode when 'AccessShareLock' then 1 when 'RowShareLock' then 2 else 3 end), \
     string_agg(distinct l.mode, ', ') from pg_locks l join pg_stat_activity a using (pid) \
     where a.application_name = 'pgtend' and l.locktype <> 'virtualxid' and not (l.locktype = 'object' and l.classid = 'pg_catalog.pg_database'::regclass)";

impl Locks {
    pub async fn sample_locks(&mut self, client: &Client) {
        let row = client.query_one(HELD_LOCKS, &[]).await.expect("locks");
        let (count, modes): (i64, Option<String>) = (row.get(0), row.get(2));
        self.max_count = self.max_count.max(count);
        let is_stronger = row.get::<_, Option<i32>>(1) > Some(1);
        if let Some(modes) = modes
            && (is_stronger || self.strongest.is_none())
        {
            self.strongest = Some(modes);
        }
    }

    pub fn takes_only_select_locks(&self) -> bool {
        self.strongest.as_deref().is_none_or(|modes| modes == "AccessShareLock")
    }
}
