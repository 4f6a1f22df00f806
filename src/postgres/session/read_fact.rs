//! Reading one fact row by row, with its limit.

use std::time::{Duration, Instant};

use futures_util::{TryStreamExt, pin_mut};
use tokio_postgres::types::Type;

use super::{QueryError, Session};
use crate::postgres::{ExceededLimit, Query, Row, RowError};
use crate::redact;

/// Number of discarded bytes after which the query of a fact is cancelled. Reading a smaller rest is faster, and a late
/// cancel request would cancel the next fact.
const CANCEL_AFTER_BYTES: u64 = 4 << 20;

/// Number of discarded bytes after the cancel request after which the connection is closed.
const MAX_DISCARDED_BYTES: u64 = 256 << 20;

/// Time after the cancel request after which the connection is closed.
const DISCARD_TIMEOUT: Duration = Duration::from_secs(20);

/// Overhead of a row, in bytes: type, length and number of columns.
const ROW_OVERHEAD: u64 = 7;

impl Session {
    /// Reads one fact row by row, so that a hundred thousand rows are never buffered as received. `oids` is `$1`.
    pub async fn read<T>(
        &self,
        query: &Query,
        oids: Option<&[i64]>,
        decode: impl Fn(&Row) -> Result<T, RowError>,
    ) -> Result<Vec<T>, QueryError> {
        self.read_columns(query, oids, &[], decode).await
    }

    /// The same for rows that are decoded by position: the columns must have these names, in this order.
    pub async fn read_columns<T>(
        &self,
        query: &Query,
        oids: Option<&[i64]>,
        names: &[&str],
        decode: impl Fn(&Row) -> Result<T, RowError>,
    ) -> Result<Vec<T>, QueryError> {
        let sql = query.sql_for(self.major()).map_err(QueryError::NeedsVersion)?;
        // Boxed, because a collection joins about twenty-five of these futures.
        let (rows, rollback) = Box::pin(async {
            tokio::join!(biased;
                self.read_rows(query.fact, sql, oids, names, decode),
                self.client.batch_execute("rollback to savepoint fact")
            )
        })
        .await;
        let now = Instant::now();
        if let Ok(mut last) = self.last_answer.lock() {
            let took = now.duration_since(*last);
            *last = now;
            let (count, outcome) = rows.as_ref().map_or((0, "not read"), |rows| (rows.len(), "read"));
            tracing::info!("{} {outcome}: {count} rows in {:.1} ms", query.fact, took.as_secs_f64() * 1e3);
        }
        let rows = rows.and_then(|rows| rollback.map(|()| rows).map_err(ReadError::Driver));
        rows.map_err(|unread| match unread {
            ReadError::UnexpectedColumns => QueryError::Failed("the result has unexpected columns".to_owned()),
            ReadError::TooLarge(limit) => QueryError::TooLarge(limit),
            ReadError::Driver(error) => match error.as_db_error() {
                Some(answer) => QueryError::Refused {
                    sqlstate: answer.code().clone(),
                    message: redact::foreign(answer.message()).into_owned(),
                },
                None => QueryError::Failed(self.error_reason(&error)),
            },
        })
    }

    async fn read_rows<T>(
        &self,
        fact: &str,
        sql: &str,
        oids: Option<&[i64]>,
        names: &[&str],
        decode: impl Fn(&Row) -> Result<T, RowError>,
    ) -> Result<Vec<T>, ReadError> {
        let stream = self.client.query_typed_raw(sql, oids.map(|oids| (oids, Type::INT8_ARRAY))).await;
        let stream = stream.map_err(ReadError::Driver)?;
        pin_mut!(stream);
        let mut decoded = Vec::new();
        let (mut error, mut kept) = (None, 0_u64);
        let mut discarding: Option<DiscardedRows> = None;
        // The stream is read to its end even if rows are discarded: the results of the next facts follow it.
        loop {
            let row = match stream.try_next().await {
                Ok(Some(row)) => row,
                Ok(None) => break,
                // The answer to the cancel request, if one was sent.
                Err(driver_error) => return Err(error.unwrap_or(ReadError::Driver(driver_error))),
            };
            let sent = row.raw_size_bytes() as u64 + ROW_OVERHEAD;
            if let Some(discarding) = &mut discarding {
                discarding.discard_row(self, fact, sent);
                continue;
            }
            let has_expected_columns = || row.columns().iter().map(|column| column.name()).eq(names.iter().copied());
            kept = kept.saturating_add(sent + size_of::<T>() as u64);
            let decoded_row = if decoded.is_empty() && !names.is_empty() && !has_expected_columns() {
                Err(ReadError::UnexpectedColumns)
            } else if let Some(limit) = self.budget.exceeded_by(kept) {
                Err(ReadError::TooLarge(limit))
            } else {
                decode(&row).map_err(ReadError::Driver)
            };
            match decoded_row {
                Ok(value) => decoded.push(value),
                Err(why) => {
                    decoded = Vec::new();
                    error = Some(why);
                    discarding = Some(DiscardedRows::new());
                }
            }
        }
        match error {
            Some(unread) => Err(unread),
            None => {
                self.budget.add_kept(kept);
                Ok(decoded)
            }
        }
    }
}

/// The discarded rest of a fact that exceeds its limit or cannot be decoded.
struct DiscardedRows {
    since: Instant,
    bytes: u64,
    cancelled: bool,
}

impl DiscardedRows {
    fn new() -> Self {
        Self { since: Instant::now(), bytes: 0, cancelled: false }
    }

    /// Counts a discarded row. If many follow, the query is cancelled; if the server continues nevertheless, the
    /// connection is closed.
    fn discard_row(&mut self, session: &Session, fact: &str, sent: u64) {
        self.bytes = self.bytes.saturating_add(sent);
        if self.bytes > CANCEL_AFTER_BYTES && !std::mem::replace(&mut self.cancelled, true) {
            let canceller = session.canceller.clone();
            // Concurrently with reading: the server does not handle it while it waits for the client to read.
            tokio::spawn(async move { canceller.cancel().await });
        }
        if self.bytes > MAX_DISCARDED_BYTES || self.since.elapsed() > DISCARD_TIMEOUT {
            session.meter.abort(format!("the server did not stop sending the fact \"{fact}\" after a cancel request"));
        }
    }
}

/// Why the rows of a fact could not be read.
enum ReadError {
    /// The columns are not the expected ones.
    UnexpectedColumns,
    /// The rows exceed a limit.
    TooLarge(ExceededLimit),
    /// An error of the server or the driver.
    Driver(RowError),
}
