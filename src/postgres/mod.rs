//! The wire: conninfo, TLS, session, queries, errors. The only user of tokio-postgres.

mod bounded_file;
mod budget;
mod connect;
pub mod conninfo;
mod limits;
mod query;
mod row;
mod script;
mod session;
mod tls;
mod write_session;

pub use bounded_file::{MAX_SETTINGS_FILE, read_bounded, read_connection_file, read_settings_file};
pub use budget::ExceededLimit;
pub use connect::{
    Attempt, Breach, Canceller, ConnectError, ConnectFailure, Connected, Endpoint, Meter, Problem, ScramError,
    ServerError, ServerStream, Stage, TlsSetupError, connect, connect_stream,
};
pub use limits::ReadLimits;
pub use query::Query;
pub(crate) use row::columns;
pub use row::{BorrowedText, Json, Oid, Row, RowError, Text};
pub use script::{ScriptError, ScriptSession};
pub use session::{OLDEST_MAJOR, QueryError, Session, SessionError};
pub use tls::CertificateProblem;
pub use tokio_postgres::error::SqlState;
pub use write_session::{ExecuteError, WriteSession};
