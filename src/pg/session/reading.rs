//! Reading one fact: row by row, against its limit.

use std::time::{Duration, Instant};

use futures_util::{TryStreamExt, pin_mut};
use tokio_postgres::types::Type;

use super::{QueryError, Session};
use crate::pg::{ExceededLimit, Query, Row, RowError};
use crate::redact;

/// A fact that is not kept is cancelled once so much of it was discarded, in bytes. A smaller rest is quicker to read, and
/// a cancel request that comes late would hit the next fact.
const CANCEL_AFTER: u64 = 4 << 20;

/// What a fact that is not kept may go on sending before the connection is given up, in bytes.
const MOST_DISCARDED: u64 = 256 << 20;

/// The same as a time.
const DISCARD_LIMIT: Duration = Duration::from_secs(20);

/// What a row takes beside its values, in bytes: type, length and number of columns.
const ROW_OVERHEAD: u64 = 7;

impl Session {
    /// One fact, a row at a time, so that a hundred thousand rows are never held as sent. `oids` fills `$1`.
    pub async fn read<T>(
        &self,
        query: &Query,
        oids: Option<&[i64]>,
        decode: impl Fn(&Row) -> Result<T, RowError>,
    ) -> Result<Vec<T>, QueryError> {
        self.read_columns(query, oids, &[], decode).await
    }

    /// The same where rows are decoded by place: the columns must have these names, in this order.
    pub async fn read_columns<T>(
        &self,
        query: &Query,
        oids: Option<&[i64]>,
        names: &[&str],
        decode: impl Fn(&Row) -> Result<T, RowError>,
    ) -> Result<Vec<T>, QueryError> {
        let sql = query.sql_for(self.major()).map_err(QueryError::NeedsVersion)?;
        // Boxed for the same reason: a look joins some twenty-five of them.
        let (rows, back) = Box::pin(async {
            tokio::join!(biased;
                self.rows(query.fact, sql, oids, names, decode),
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
        let rows = rows.and_then(|rows| back.map(|()| rows).map_err(Unread::Driver));
        rows.map_err(|unread| match unread {
            Unread::Misplaced => QueryError::Failed("the answer has other columns than expected".to_owned()),
            Unread::TooLarge(limit) => QueryError::TooLarge(limit),
            Unread::Driver(error) => match error.as_db_error() {
                Some(answer) => QueryError::Refused {
                    sqlstate: answer.code().clone(),
                    message: redact::foreign(answer.message()).into_owned(),
                },
                None => QueryError::Failed(self.reason(&error)),
            },
        })
    }

    async fn rows<T>(
        &self,
        fact: &str,
        sql: &str,
        oids: Option<&[i64]>,
        names: &[&str],
        decode: impl Fn(&Row) -> Result<T, RowError>,
    ) -> Result<Vec<T>, Unread> {
        let stream = self.client.query_typed_raw(sql, oids.map(|oids| (oids, Type::INT8_ARRAY))).await;
        let stream = stream.map_err(Unread::Driver)?;
        pin_mut!(stream);
        let mut decoded = Vec::new();
        let (mut unread, mut kept) = (None, 0_u64);
        let mut discarding: Option<Discarding> = None;
        // The stream is drained even after a row that is not kept: the answers behind it wait for that.
        loop {
            let row = match stream.try_next().await {
                Ok(Some(row)) => row,
                Ok(None) => break,
                // An answer to our own cancel request, where there was one.
                Err(error) => return Err(unread.unwrap_or(Unread::Driver(error))),
            };
            let sent = row.raw_size_bytes() as u64 + ROW_OVERHEAD;
            if let Some(discarding) = &mut discarding {
                discarding.go_on(self, fact, sent);
                continue;
            }
            let in_place = || row.columns().iter().map(|column| column.name()).eq(names.iter().copied());
            kept = kept.saturating_add(sent + size_of::<T>() as u64);
            let taken = if decoded.is_empty() && !names.is_empty() && !in_place() {
                Err(Unread::Misplaced)
            } else if let Some(limit) = self.budget.exceeded_by(kept) {
                Err(Unread::TooLarge(limit))
            } else {
                decode(&row).map_err(Unread::Driver)
            };
            match taken {
                Ok(value) => decoded.push(value),
                Err(why) => {
                    decoded = Vec::new();
                    unread = Some(why);
                    discarding = Some(Discarding::new());
                }
            }
        }
        match unread {
            Some(unread) => Err(unread),
            None => {
                self.budget.keep(kept);
                Ok(decoded)
            }
        }
    }
}

/// The rest of a fact that is not kept: it is larger than its limit, or cannot be decoded.
struct Discarding {
    since: Instant,
    bytes: u64,
    cancelled: bool,
}

impl Discarding {
    fn new() -> Self {
        Self { since: Instant::now(), bytes: 0, cancelled: false }
    }

    /// Counts a row. A rest that is large is cancelled; a server that goes on all the same loses the connection.
    fn go_on(&mut self, session: &Session, fact: &str, sent: u64) {
        self.bytes = self.bytes.saturating_add(sent);
        if self.bytes > CANCEL_AFTER && !std::mem::replace(&mut self.cancelled, true) {
            let canceller = session.canceller.clone();
            // Beside the reading: the server takes no notice of it while it waits for us to read.
            tokio::spawn(async move { canceller.cancel().await });
        }
        if self.bytes > MOST_DISCARDED || self.since.elapsed() > DISCARD_LIMIT {
            session.meter.give_up(format!("the server did not stop sending the fact \"{fact}\" when it was cancelled"));
        }
    }
}

/// Why the rows of a fact are not there.
enum Unread {
    /// The columns are not those the query promises.
    Misplaced,
    /// They exceed a limit.
    TooLarge(ExceededLimit),
    /// The server or the driver says no.
    Driver(RowError),
}
