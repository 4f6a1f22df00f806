//! The size of the database from its directories. The sizes of its relations must add up to it.
//!
//! The server opens every file for it, which takes 0.2 s for 119,000 relations. A large database is therefore measured
//! over a second connection at the same time.

use super::{fetch, queries::DATABASE_SIZE};
use crate::facts::Fact;
use crate::postgres::{Session, SessionError};
use serde::Deserialize;
use std::time::Duration;

/// Minimum number of tables for a second connection: smaller databases are measured before it would be open.
const MIN_TABLES_FOR_CONNECTION: usize = 5_000;

/// Time limit for another connection. A pooler without a free connection makes the client wait.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);

#[derive(Deserialize)]
struct DatabaseSize {
    bytes: u64,
}

/// Reads the size as part of a round trip, unless it is already known.
pub async fn fetch_unless_known(known: Option<Fact<u64>>, session: &Session) -> Fact<u64> {
    match known {
        Some(known) => known,
        None => fetch::json_row::<DatabaseSize>(session, &DATABASE_SIZE).await.map(|size| size.bytes),
    }
}

/// Reads the size over a second connection if the database has enough tables and the budget has a connection.
pub async fn fetch_concurrently(session: &Session, tables: usize) -> Option<Fact<u64>> {
    if tables < MIN_TABLES_FOR_CONNECTION {
        return None;
    }
    let connect = async {
        let second = session.open_another().await?;
        // Only a result shows that the pooler assigned a server process.
        second.run_round(async {}).await?;
        Ok::<Session, SessionError>(second)
    };
    let second = tokio::time::timeout(CONNECT_TIMEOUT, connect).await.ok()?.ok()?;
    second.run_round(fetch_unless_known(None, &second)).await.ok()
}
