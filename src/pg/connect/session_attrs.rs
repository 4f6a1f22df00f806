//! `target_session_attrs`: is this the kind of server that was asked for?

use tokio_postgres::{Client, SimpleQueryMessage};

use super::problem::Problem;
use crate::pg::conninfo::TargetSessionAttrs;

/// What the server reports about itself at connection start, from 14 on.
pub(super) struct Reported {
    pub(super) in_hot_standby: Option<bool>,
    pub(super) default_transaction_read_only: Option<bool>,
}

/// Checks the session, by what was reported and, before 14, by asking.
pub(super) async fn check(client: &Client, reported: &Reported, wanted: TargetSessionAttrs) -> Result<(), Problem> {
    use TargetSessionAttrs::{Any, PreferStandby, Primary, ReadOnly, ReadWrite, Standby};
    let refusal = match wanted {
        Any | PreferStandby => None,
        ReadWrite => is_read_only(client, reported).await?.then_some("session is read-only"),
        ReadOnly => (!is_read_only(client, reported).await?).then_some("session is not read-only"),
        Primary => is_standby(client, reported).await?.then_some("server is in hot standby mode"),
        Standby => (!is_standby(client, reported).await?).then_some("server is not in hot standby mode"),
    };
    refusal.map_or(Ok(()), |refusal| Err(Problem::WrongRole(refusal)))
}

async fn is_read_only(client: &Client, reported: &Reported) -> Result<bool, Problem> {
    match (reported.default_transaction_read_only, reported.in_hot_standby) {
        (Some(read_only), Some(standby)) => Ok(read_only || standby),
        _ => ask(client, "show transaction_read_only", "on").await,
    }
}

async fn is_standby(client: &Client, reported: &Reported) -> Result<bool, Problem> {
    match reported.in_hot_standby {
        Some(standby) => Ok(standby),
        None => ask(client, "select pg_catalog.pg_is_in_recovery()", "t").await,
    }
}

async fn ask(client: &Client, question: &str, yes: &str) -> Result<bool, Problem> {
    let answer = client.simple_query(question).await?;
    Ok(answer.iter().any(|message| matches!(message, SimpleQueryMessage::Row(row) if row.get(0) == Some(yes))))
}
