//! A read-only session: short transactions, pipelined facts, one savepoint per fact.

mod read_fact;

use super::{
    Canceller, ConnectError, Connected, Endpoint, ExceededLimit, Meter, budget::ReadBudget, conninfo::Conninfo,
};
use crate::redact;
use std::{
    future::Future,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};
use tokio_postgres::{Client, error::SqlState};

/// The oldest supported major version.
pub const OLDEST_MAJOR: u32 = 13;

/// Time limit for one round trip; the timeouts on the server are much lower.
const ROUND_TIMEOUT: Duration = Duration::from_secs(120);

/// The same for round trips that read whole relations.
const LONG_ROUND_TIMEOUT: Duration = Duration::from_secs(4 * 3_600);

/// SQLSTATE too_many_connections: the limit of the role, the database or the server is reached.
const TOO_MANY_CONNECTIONS: &str = "53300";

/// Time limit for the end of a server process after its client has disconnected, in milliseconds.
const TOO_MANY_CONNECTIONS_WAITS_MS: [u64; 5] = [20, 60, 180, 540, 1_000];

/// The settings of every read-only transaction. SET LOCAL, so that a pooler's server connection does not keep them; the
/// savepoint is last, so that the settings survive the failure of a fact. A hundred thousand relations are joined in
/// memory, because the disk may be full, and without parallel workers. `search_path` contains pg_temp last: otherwise
/// the server searches it first for relations and types (never for functions and operators), and a pooler's server
/// connection may have temporary objects of another client.
const BEGIN_READ_ONLY: &str = "\
begin transaction isolation level read committed read only; \
set local statement_timeout = '30s'; \
set local lock_timeout = '200ms'; \
set local idle_in_transaction_session_timeout = '60s'; \
set local search_path = pg_catalog, pg_temp; \
set local datestyle = 'ISO'; \
set local intervalstyle = 'postgres'; \
set local timezone = 'UTC'; \
set local bytea_output = 'hex'; \
set local standard_conforming_strings = on; \
set local extra_float_digits = 3; \
set local quote_all_identifiers = off; \
set local jit = off; \
set local work_mem = '16MB'; \
set local max_parallel_workers_per_gather = 0; ";

/// A database with the encoding SQL_ASCII may have names that are not UTF-8, which the server refuses to send to a
/// UTF-8 client. With this setting it sends the bytes, which [`super::Text`] decodes.
const SET_CLIENT_ENCODING: &str = "select set_config('client_encoding', 'SQL_ASCII', true) \
    where current_setting('server_encoding') = 'SQL_ASCII'; ";

/// From 14: the server cancels the query of a disconnected client, on platforms that can detect it.
const SET_CONNECTION_CHECK: &str =
    "select set_config('client_connection_check_interval', '2s', true) where version() ~ 'linux'; ";

/// From 15: statistics are read one by one instead of being copied into the backend's memory.
const SET_STATS_FETCH_CONSISTENCY: &str = "set local stats_fetch_consistency = 'none'; ";

/// A connection to one database of an inspected server.
pub struct Session {
    client: Client,
    /// The request narrowed to the address of this session.
    conninfo: Arc<Conninfo>,
    canceller: Canceller,
    endpoint: Endpoint,
    version_num: u32,
    user: String,
    last_answer: Mutex<Instant>,
    meter: Arc<Meter>,
    budget: Arc<ReadBudget>,
    warnings: Vec<String>,
}

/// Why a session could not be opened, or ended.
#[derive(Debug, thiserror::Error)]
pub enum SessionError {
    /// The server was not reached, or refused the connection.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// The server is older than [`OLDEST_MAJOR`].
    #[error("pgtend needs PostgreSQL {OLDEST_MAJOR} or newer; this server is {version}")]
    TooOld {
        /// The text of `server_version`.
        version: String,
    },
    /// The connection ended.
    #[error("the connection to {endpoint} was lost: {reason}")]
    Lost {
        /// The server's address.
        endpoint: String,
        /// The error.
        reason: String,
    },
    /// The server refused `BEGIN READ ONLY`.
    #[error("{endpoint} refused a read-only transaction: {reason}")]
    Refused {
        /// The server's address.
        endpoint: String,
        /// The server's message.
        reason: String,
    },
    /// The server did not answer in time.
    #[error("{endpoint} did not answer within {} s", limit.as_secs())]
    Timeout {
        /// The server's address.
        endpoint: String,
        /// The time limit.
        limit: Duration,
    },
}

/// Why one fact could not be read.
#[derive(Debug, thiserror::Error)]
pub enum QueryError {
    /// The server is older than this major version.
    #[error("needs PostgreSQL {0} or newer")]
    NeedsVersion(u32),
    /// The server raised an error.
    #[error("{message}")]
    Refused {
        /// SQLSTATE of the error.
        sqlstate: SqlState,
        /// The server's message, redacted.
        message: String,
    },
    /// The result exceeds a limit.
    #[error("{0}")]
    TooLarge(ExceededLimit),
    /// The result could not be read, or the connection was lost; the reason.
    #[error("{0}")]
    Failed(String),
}

impl Session {
    /// Connects, and checks the version of the server. The session has its own snapshot limits.
    pub async fn open(conninfo: Arc<Conninfo>) -> Result<Session, SessionError> {
        let budget = Arc::new(ReadBudget::new(conninfo.limits));
        Session::open_with_budget(conninfo, budget).await
    }

    async fn open_with_budget(conninfo: Arc<Conninfo>, budget: Arc<ReadBudget>) -> Result<Session, SessionError> {
        let Connected { client, canceller, meter, warnings, endpoint, pinned, server_version, server_version_num, .. } =
            // Boxed: with TLS and all its fallbacks the future is large for the stack.
            Box::pin(super::connect(&conninfo)).await?;
        if server_version_num < OLDEST_MAJOR * 10_000 {
            return Err(SessionError::TooOld { version: server_version });
        }
        Ok(Session {
            client,
            user: conninfo.user.clone(),
            conninfo: Arc::new(pinned),
            canceller,
            endpoint,
            version_num: server_version_num,
            last_answer: Mutex::new(Instant::now()),
            meter,
            budget,
            warnings,
        })
    }

    /// The same after other sessions of this run: the server may still count sessions that were just closed, so the
    /// connection is retried for a short time after too_many_connections (SQLSTATE 53300).
    pub async fn open_with_retry(conninfo: &Arc<Conninfo>) -> Result<Session, SessionError> {
        Session::open_with_retry_and_budget(conninfo, &Arc::new(ReadBudget::new(conninfo.limits))).await
    }

    async fn open_with_retry_and_budget(
        conninfo: &Arc<Conninfo>,
        budget: &Arc<ReadBudget>,
    ) -> Result<Session, SessionError> {
        let mut waits = TOO_MANY_CONNECTIONS_WAITS_MS.iter();
        loop {
            match (Session::open_with_budget(Arc::clone(conninfo), Arc::clone(budget)).await, waits.next()) {
                (Err(SessionError::Connect(error)), Some(wait)) if error.sqlstate() == Some(TOO_MANY_CONNECTIONS) => {
                    tokio::time::sleep(Duration::from_millis(*wait)).await;
                }
                (outcome, _) => return outcome,
            }
        }
    }

    /// Opens another connection to this session's address, for the same snapshot.
    pub async fn open_another(&self) -> Result<Session, SessionError> {
        Session::open_with_budget(Arc::clone(&self.conninfo), Arc::clone(&self.budget)).await
    }

    /// Opens a session to the same address, to the same or another database, with retries.
    pub async fn open_for_database(&self, database: Option<&str>) -> Result<Session, SessionError> {
        match database {
            None => Session::open_with_retry_and_budget(&self.conninfo, &self.budget).await,
            Some(name) => {
                Session::open_with_retry_and_budget(&Arc::new(self.conninfo.with_dbname(name)), &self.budget).await
            }
        }
    }

    /// Returns the warnings about the connection.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// Returns the number of bytes that the server has sent on this connection.
    pub fn received_bytes(&self) -> u64 {
        self.meter.received()
    }

    pub(super) fn meter(&self) -> &Meter {
        &self.meter
    }

    /// Returns the server's major version, e.g. 17.
    pub fn major(&self) -> u32 {
        self.version_num / 10_000
    }

    /// Returns the role of the session.
    pub fn user(&self) -> &str {
        &self.user
    }

    /// Returns the database of the session, as it was requested.
    pub fn dbname(&self) -> &str {
        &self.conninfo.dbname
    }

    /// Returns the request narrowed to the address that was reached.
    pub fn conninfo(&self) -> &Conninfo {
        &self.conninfo
    }

    /// Returns the address of the server.
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    pub(super) fn client(&self) -> &Client {
        &self.client
    }

    /// Returns the canceller of the session's statements.
    pub fn canceller(&self) -> &Canceller {
        &self.canceller
    }

    /// Executes one round trip: `questions` (futures of [`Session::read`], joined in order) in a read-only transaction.
    pub async fn run_round<T>(&self, facts: impl Future<Output = T>) -> Result<T, SessionError> {
        self.run_round_within(ROUND_TIMEOUT, "", facts).await
    }

    /// Executes one round trip of long queries, at most ten minutes each.
    pub async fn run_long_round<T>(&self, facts: impl Future<Output = T>) -> Result<T, SessionError> {
        self.run_round_within(LONG_ROUND_TIMEOUT, "set local statement_timeout = '10min'; ", facts).await
    }

    async fn run_round_within<T>(
        &self,
        limit: Duration,
        settings: &str,
        facts: impl Future<Output = T>,
    ) -> Result<T, SessionError> {
        let mut begin = format!("{BEGIN_READ_ONLY}{settings}");
        begin.push_str(SET_CLIENT_ENCODING);
        if self.major() >= 14 {
            begin.push_str(SET_CONNECTION_CHECK);
        }
        if self.major() >= 15 {
            begin.push_str(SET_STATS_FETCH_CONSISTENCY);
        }
        begin.push_str("savepoint fact");
        if let Ok(mut last) = self.last_answer.lock() {
            *last = Instant::now();
        }
        self.meter.allow(self.budget.round_bytes());
        let pipeline = async {
            tokio::join!(biased; self.client.batch_execute(&begin), facts, self.client.batch_execute("commit"))
        };
        let (begun, answers, ended) = match tokio::time::timeout(limit, pipeline).await {
            Ok(done) => done,
            Err(_) => {
                // An error is ignored: the server does not answer anyway.
                self.canceller.cancel().await.ok();
                self.meter.abort("no answer in time");
                return Err(SessionError::Timeout { endpoint: self.endpoint.to_string(), limit });
            }
        };
        match begun.and(ended) {
            Ok(()) => Ok(answers),
            Err(error) => {
                let (endpoint, reason) = (self.endpoint.to_string(), self.error_reason(&error));
                let lost = self.client.is_closed() || error.as_db_error().is_none();
                Err(if lost {
                    SessionError::Lost { endpoint, reason }
                } else {
                    SessionError::Refused { endpoint, reason }
                })
            }
        }
    }

    /// Returns the text of an error: why this side ended the connection, else the driver's error.
    pub(super) fn error_reason(&self, error: &tokio_postgres::Error) -> String {
        match self.meter.breach() {
            Some(breach) if error.as_db_error().is_none() => breach.to_string(),
            _ => error_chain_text(error),
        }
    }
}

impl Drop for Session {
    /// Ends the connection even if the server continues to send; the driver alone would read until the server stops.
    fn drop(&mut self) {
        self.meter.allow(MAX_BYTES_AFTER_DROP);
    }
}

/// Number of bytes that are still read from a connection after its session was dropped.
const MAX_BYTES_AFTER_DROP: u64 = 1 << 20;

/// Returns the driver's error with its causes: its own text contains only the kind of error.
pub(super) fn error_chain_text(error: &tokio_postgres::Error) -> String {
    let mut text = match error.as_db_error() {
        Some(answer) => return redact::foreign(answer.message()).into_owned(),
        None => error.to_string(),
    };
    let mut cause = std::error::Error::source(error);
    while let Some(inner) = cause {
        text = format!("{text}: {inner}");
        cause = inner.source();
    }
    redact::foreign(&text).into_owned()
}
