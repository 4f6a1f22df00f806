//! The wire: conninfo, TLS, session, queries, errors. The only user of tokio-postgres.

mod connect;
pub mod conninfo;
mod tls;

pub use connect::{Attempt, Canceller, ConnectError, Connected, Endpoint, Failure, Problem, TlsSetupError, connect};
pub use tls::CertificateProblem;
