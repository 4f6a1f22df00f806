//! How large the database is as its directories tell it: the truth that its relations must add up to.
//!
//! The server looks at every file for that: of 119,000 relations a fifth of a second, in which it could as well send
//! what else it was asked.

use super::{fetch, queries::DATABASE_SIZE};
use crate::facts::Fact;
use crate::postgres::{Session, SessionError};
use serde::Deserialize;
use std::time::Duration;

/// A database of fewer tables is measured before another connection is there.
const MIN_TABLES_FOR_CONNECTION: usize = 5_000;

/// How long another connection may take. A pooler that has none left makes one wait for the one that asks.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);

#[derive(Deserialize)]
struct DatabaseSize {
    bytes: u64,
}

/// Part of a round, unless it is known already.
pub async fn fetch_unless_known(known: Option<Fact<u64>>, session: &Session) -> Fact<u64> {
    match known {
        Some(known) => known,
        None => fetch::json_row::<DatabaseSize>(session, &DATABASE_SIZE).await.map(|size| size.bytes),
    }
}

/// Over a connection beside this one, where a database of so many tables makes it worth one and there is one to be had.
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
