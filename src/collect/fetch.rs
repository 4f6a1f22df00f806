//! Converts the result of a query to a fact: the value, or the reason and the hint.

use crate::facts::{Fact, Unavailable};
use crate::postgres::{Json, Query, QueryError, Row, RowError, Session, SqlState};
use crate::quote::grant;
use futures_util::future::LocalBoxFuture;
use serde::de::DeserializeOwned;

/// Reads all rows of a fact and decodes them with `decode`.
pub async fn rows<T>(session: &Session, query: &Query, decode: impl Fn(&Row) -> Result<T, RowError>) -> Fact<Vec<T>> {
    match session.read(query, None, decode).await {
        Ok(rows) => Fact::Known(rows),
        Err(error) => Fact::Unavailable(unavailable_fact(session, query, &error)),
    }
}

/// Like [`rows`], but decodes columns by position.
pub async fn columns<T>(
    session: &Session,
    query: &Query,
    names: &[&str],
    decode: impl Fn(&Row) -> Result<T, RowError>,
) -> Fact<Vec<T>> {
    match session.read_columns(query, None, names, decode).await {
        Ok(rows) => Fact::Known(rows),
        Err(error) => Fact::Unavailable(unavailable_fact(session, query, &error)),
    }
}

/// Reads all rows of a fact that is sent as `jsonb`.
pub async fn json_rows<T: DeserializeOwned>(session: &Session, query: &Query) -> Fact<Vec<T>> {
    rows(session, query, |row| row.try_get::<_, Json<T>>(0).map(|json| json.0)).await
}

/// Reads the single row of a fact that is sent as `jsonb`.
pub async fn json_row<T: DeserializeOwned>(session: &Session, query: &Query) -> Fact<T> {
    match json_rows(session, query).await {
        Fact::Known(rows) => match rows.into_iter().next() {
            Some(row) => Fact::Known(row),
            None => Fact::Unavailable(Unavailable::new(query.fact, "the query returned no row")),
        },
        Fact::Unavailable(why) => Fact::Unavailable(why),
    }
}

/// Reads a fact only if the report needs it. The future is boxed, because a snapshot joins dozens of them, which would
/// otherwise be moved on the stack.
pub fn fact_if<'a, T: 'a>(
    wanted: bool,
    query: &'a Query,
    fact: impl Future<Output = Fact<T>> + 'a,
) -> LocalBoxFuture<'a, Fact<T>> {
    Box::pin(async move { if wanted { fact.await } else { Fact::not_requested(query.fact) } })
}

/// Returns the reason and the hint for a failed query.
pub fn unavailable_fact(session: &Session, query: &Query, error: &QueryError) -> Unavailable {
    let sqlstate = match error {
        QueryError::NeedsVersion(major) => return Unavailable::needs_version(query.fact, *major),
        QueryError::Refused { sqlstate, .. } => Some(sqlstate),
        QueryError::TooLarge(limit) => {
            let hint = format!("increase {} in [limits] of the configuration, or read less", limit.setting);
            return Unavailable::new(query.fact, error.to_string()).with_hint(Some(hint));
        }
        QueryError::Failed(_) => None,
    };
    let hint = match sqlstate {
        // A query without a required role is readable by default. If it fails, the privilege was revoked, and no
        // predefined role restores it.
        Some(&SqlState::INSUFFICIENT_PRIVILEGE) => query.needs().map(|role| grant(role, session.user())),
        Some(&SqlState::LOCK_NOT_AVAILABLE) => {
            Some("another session holds a conflicting lock; try again later".to_owned())
        }
        Some(&SqlState::QUERY_CANCELED) => {
            Some("the query exceeded its time limit; try again when the server is less busy".to_owned())
        }
        _ => None,
    };
    Unavailable::new(query.fact, error.to_string()).with_hint(hint)
}

/// Sends all queries together and binds each result to its name. The futures are polled in order.
macro_rules! join_facts {
    ($($answer:ident = $question:expr;)+) => {
        let ($($answer,)+) = tokio::join!(biased; $($question),+);
    };
}
pub(super) use join_facts;
