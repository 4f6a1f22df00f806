//! One SQL text for both dialects: columns are text, bigint and bool, parameters `$1`.

use super::{HistoryError, answer_timeout::StoreServer};
use futures_util::TryStreamExt as _;
use sqlx::{
    AssertSqlSafe, Postgres, Row as _, Sqlite, SqlitePool,
    postgres::{PgArguments, PgRow},
    sqlite::{SqliteArguments, SqliteRow},
};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Connections to a store.
#[derive(Clone, Debug)]
pub(super) enum Pool {
    Sqlite(SqlitePool),
    Postgres(StoreServer),
}

/// A transaction; dropped without a commit, it is rolled back.
pub(super) enum Transaction {
    Sqlite(sqlx::Transaction<'static, Sqlite>),
    Postgres(sqlx::Transaction<'static, Postgres>, StoreServer),
}

/// A parameter.
#[derive(Clone, Debug)]
pub(super) enum Bind {
    Int(Option<i64>),
    Text(Option<String>),
    Flag(bool),
}

impl From<i64> for Bind {
    fn from(value: i64) -> Bind {
        Bind::Int(Some(value))
    }
}

impl From<Option<i64>> for Bind {
    fn from(value: Option<i64>) -> Bind {
        Bind::Int(value)
    }
}

impl From<&str> for Bind {
    fn from(value: &str) -> Bind {
        Bind::Text(Some(value.to_owned()))
    }
}

impl From<Option<&str>> for Bind {
    fn from(value: Option<&str>) -> Bind {
        Bind::Text(value.map(str::to_owned))
    }
}

impl From<bool> for Bind {
    fn from(value: bool) -> Bind {
        Bind::Flag(value)
    }
}

/// Parameters of mixed types.
macro_rules! binds {
    ($($value:expr),* $(,)?) => { vec![$($crate::history::dialect::Bind::from($value)),*] };
}
pub(super) use binds;

/// A row of an answer.
pub(super) enum Row {
    Sqlite(SqliteRow),
    Postgres(PgRow),
}

macro_rules! get {
    ($row:expr, $column:expr) => {
        match $row {
            Row::Sqlite(row) => row.try_get($column).map_err(HistoryError::from),
            Row::Postgres(row) => match catch_unwind(AssertUnwindSafe(|| row.try_get($column))) {
                Ok(value) => value.map_err(HistoryError::from),
                Err(_) => Err(HistoryError::DriverPanicked),
            },
        }
    };
}

impl Row {
    pub(super) fn int(&self, index: usize) -> Result<i64, HistoryError> {
        get!(self, index)
    }

    pub(super) fn int_or_none(&self, index: usize) -> Result<Option<i64>, HistoryError> {
        get!(self, index)
    }

    pub(super) fn text(&self, index: usize) -> Result<String, HistoryError> {
        get!(self, index)
    }

    pub(super) fn text_or_none(&self, index: usize) -> Result<Option<String>, HistoryError> {
        get!(self, index)
    }

    pub(super) fn flag(&self, index: usize) -> Result<bool, HistoryError> {
        get!(self, index)
    }
}

type SqliteQuery = sqlx::query::Query<'static, Sqlite, SqliteArguments>;
type PgQuery = sqlx::query::Query<'static, Postgres, PgArguments>;

fn sqlite(sql: &str, binds: Vec<Bind>) -> SqliteQuery {
    binds.into_iter().fold(sqlx::query(AssertSqlSafe(sql.to_owned())), |query, bind| match bind {
        Bind::Int(value) => query.bind(value),
        Bind::Text(value) => query.bind(value),
        Bind::Flag(value) => query.bind(value),
    })
}

fn postgres(sql: &str, binds: Vec<Bind>) -> PgQuery {
    binds.into_iter().fold(sqlx::query(AssertSqlSafe(sql.to_owned())), |query, bind| match bind {
        Bind::Int(value) => query.bind(value),
        Bind::Text(value) => query.bind(value),
        Bind::Flag(value) => query.bind(value),
    })
}

impl Pool {
    /// Begins a read-write transaction. In SQLite it waits for other writers here, not at its first write.
    pub(super) async fn begin(&self) -> Result<Transaction, HistoryError> {
        Ok(match self {
            Pool::Sqlite(pool) => Transaction::Sqlite(pool.begin_with("begin immediate").await?),
            Pool::Postgres(server) => Transaction::Postgres(server.wait(server.pool.begin()).await?, server.clone()),
        })
    }

    pub(super) async fn rows(&self, sql: &str, binds: Vec<Bind>) -> Result<Vec<Row>, HistoryError> {
        Ok(match self {
            Pool::Sqlite(pool) => {
                sqlite(sql, binds).fetch_all(pool).await?.into_iter().map(Row::Sqlite).collect::<Vec<_>>()
            }
            Pool::Postgres(server) => {
                let rows = server.wait(postgres(sql, binds).fetch_all(&server.pool)).await?;
                rows.into_iter().map(Row::Postgres).collect()
            }
        })
    }
}

impl Pool {
    /// Begins a read-only transaction; in SQLite it waits for no other transaction.
    pub(super) async fn begin_reading(&self) -> Result<Transaction, HistoryError> {
        Ok(match self {
            Pool::Sqlite(pool) => Transaction::Sqlite(pool.begin().await?),
            Pool::Postgres(server) => Transaction::Postgres(server.wait(server.pool.begin()).await?, server.clone()),
        })
    }

    /// Passes on the rows one by one, as in a transaction.
    pub(super) async fn for_each_row(
        &self,
        sql: &str,
        binds: Vec<Bind>,
        take: impl FnMut(&Row) -> Result<(), HistoryError>,
    ) -> Result<(), HistoryError> {
        self.begin_reading().await?.for_each_row(sql, binds, take).await
    }
}

impl Transaction {
    pub(super) async fn execute(&mut self, sql: &str, binds: Vec<Bind>) -> Result<u64, HistoryError> {
        Ok(match self {
            Transaction::Sqlite(tx) => sqlite(sql, binds).execute(&mut **tx).await?.rows_affected(),
            Transaction::Postgres(tx, server) => {
                server.wait(postgres(sql, binds).execute(&mut **tx)).await?.rows_affected()
            }
        })
    }

    pub(super) async fn rows(&mut self, sql: &str, binds: Vec<Bind>) -> Result<Vec<Row>, HistoryError> {
        Ok(match self {
            Transaction::Sqlite(tx) => {
                sqlite(sql, binds).fetch_all(&mut **tx).await?.into_iter().map(Row::Sqlite).collect::<Vec<_>>()
            }
            Transaction::Postgres(tx, server) => {
                let rows = server.wait(postgres(sql, binds).fetch_all(&mut **tx)).await?;
                rows.into_iter().map(Row::Postgres).collect()
            }
        })
    }

    /// Passes on the rows one by one: 100,000 rows of the driver take ten times the memory of the decoded values.
    pub(super) async fn for_each_row(
        &mut self,
        sql: &str,
        binds: Vec<Bind>,
        mut take: impl FnMut(&Row) -> Result<(), HistoryError>,
    ) -> Result<(), HistoryError> {
        match self {
            Transaction::Sqlite(tx) => {
                let mut rows = sqlite(sql, binds).fetch(&mut **tx);
                while let Some(row) = rows.try_next().await? {
                    take(&Row::Sqlite(row))?;
                }
            }
            Transaction::Postgres(tx, server) => {
                let mut rows = postgres(sql, binds).fetch(&mut **tx);
                while let Some(row) = server.wait(rows.try_next()).await? {
                    take(&Row::Postgres(row))?;
                }
            }
        }
        Ok(())
    }

    /// Returns the first column of the only row, as of `insert … returning`.
    pub(super) async fn returning_int(&mut self, sql: &str, binds: Vec<Bind>) -> Result<i64, HistoryError> {
        self.rows(sql, binds).await?.first().ok_or(HistoryError::Inconsistent("a statement returned no row"))?.int(0)
    }

    /// Inserts rows, with as many per statement as the limit on parameters allows, to save round trips. Returns the
    /// rows of the `returning` clause in `after`.
    pub(super) async fn insert(
        &mut self,
        into: &str,
        rows: impl ExactSizeIterator<Item = Vec<Bind>>,
        after: &str,
    ) -> Result<Vec<Row>, HistoryError> {
        const PARAMETERS: usize = 6_000;
        // SQLite searches all named parameters for each `$1`, which takes quadratic time.
        let numbered = matches!(self, Transaction::Postgres(..));
        let placeholder = |number: usize| if numbered { format!("${number}") } else { "?".to_owned() };
        let mut rows = rows.peekable();
        let mut returned = Vec::new();
        while let Some(first) = rows.peek() {
            let width = first.len();
            let most = (PARAMETERS / width.max(1)).min(rows.len());
            let tuples: Vec<String> = (0..most)
                .map(|row| {
                    let placeholders: Vec<String> =
                        (1..=width).map(|column| placeholder(row * width + column)).collect();
                    format!("({})", placeholders.join(","))
                })
                .collect();
            let sql = format!("insert into {into} values {} {after}", tuples.join(","));
            let binds = rows.by_ref().take(most).flatten().collect();
            returned.extend(self.rows(&sql, binds).await?);
        }
        Ok(returned)
    }

    /// Announces a long statement, which gets a longer time limit.
    pub(super) fn use_long_timeout(&mut self) {
        if let Transaction::Postgres(_, server) = self {
            server.use_long_timeout();
        }
    }

    /// Serializes writers of the same cluster. SQLite allows only one writer at a time anyway.
    pub(super) async fn lock(&mut self, name: &str) -> Result<(), HistoryError> {
        if matches!(self, Transaction::Postgres(..)) {
            self.execute("select pg_advisory_xact_lock(hashtextextended($1, 20615))", binds![name]).await?;
        }
        Ok(())
    }

    pub(super) async fn commit(self) -> Result<(), HistoryError> {
        match self {
            Transaction::Sqlite(tx) => tx.commit().await?,
            Transaction::Postgres(tx, server) => server.wait(tx.commit()).await?,
        }
        Ok(())
    }
}
