//! The size of the database by its directories, which the sizes of its relations must add up to.
//!
//! The server opens every file for that, which takes 0.2 s for 119,000 relations. So a large database is measured over
//! a second connection at the same time.

use super::{fetch, queries::DATABASE_SIZE};
use crate::facts::Fact;
use crate::postgres::{Session, SessionError};
use serde::Deserialize;
use std::time::Duration;

/// A database of fewer tables is measured before another connection is open.
const MIN_TABLES_FOR_CONNECTION: usize = 5_000;

/// Time limit for another connection. A pooler without a free connection makes the client wait.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);

#[derive(Deserialize)]
struct DatabaseSize {
    bytes: u64,
}

/// Reads the size as part of a round trip, unless it is known already.
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
        // Only an answer shows that a process of the server stands behind it.
        second.run_round(async {}).await?;
        Ok::<Session, SessionError>(second)
    };
    let second = tokio::time::timeout(CONNECT_TIMEOUT, connect).await.ok()?.ok()?;
    second.run_round(fetch_unless_known(None, &second)).await.ok()
}
