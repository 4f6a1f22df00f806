//! The wire: conninfo, TLS, session, queries, errors. The only user of tokio-postgres.

mod connect;
pub mod conninfo;
mod query;
mod row;
mod session;

pub use connect::{Canceller, ConnectError, Connected, Endpoint, connect};
pub use query::Query;
pub use row::{Json, Row, RowError, Text};
pub use session::{OLDEST_MAJOR, QueryError, Session, SessionError};
pub use tokio_postgres::error::SqlState;
