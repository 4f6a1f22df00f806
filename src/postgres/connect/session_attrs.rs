//! `target_session_attrs`: checking the kind of the server.

use super::problem::Problem;
use super::startup;
use super::wire::Wire;
use crate::postgres::conninfo::TargetSessionAttrs;

/// What the server reports about itself at connection start, from 14 on.
pub(super) struct ReportedState {
    pub(super) in_hot_standby: Option<bool>,
    pub(super) default_transaction_read_only: Option<bool>,
}

/// Checks the session by its reported parameters, before 14 with a query.
pub(super) async fn check_session_attrs(
    wire: &mut Wire,
    reported: &ReportedState,
    wanted: TargetSessionAttrs,
) -> Result<(), Problem> {
    use TargetSessionAttrs::{Any, PreferStandby, Primary, ReadOnly, ReadWrite, Standby};
    let refusal = match wanted {
        Any | PreferStandby => None,
        ReadWrite => is_read_only(wire, reported).await?.then_some("session is read-only"),
        ReadOnly => (!is_read_only(wire, reported).await?).then_some("session is not read-only"),
        Primary => is_standby(wire, reported).await?.then_some("server is in hot standby mode"),
        Standby => (!is_standby(wire, reported).await?).then_some("server is not in hot standby mode"),
    };
    refusal.map_or(Ok(()), |refusal| Err(Problem::WrongRole(refusal)))
}

async fn is_read_only(wire: &mut Wire, reported: &ReportedState) -> Result<bool, Problem> {
    match (reported.default_transaction_read_only, reported.in_hot_standby) {
        (Some(read_only), Some(standby)) => Ok(read_only || standby),
        _ => query_equals(wire, "show transaction_read_only", "on").await,
    }
}

async fn is_standby(wire: &mut Wire, reported: &ReportedState) -> Result<bool, Problem> {
    match reported.in_hot_standby {
        Some(standby) => Ok(standby),
        None => query_equals(wire, "select pg_catalog.pg_is_in_recovery()", "t").await,
    }
}

async fn query_equals(wire: &mut Wire, query: &str, expected: &str) -> Result<bool, Problem> {
    Ok(startup::query_first_value(wire, query).await?.as_deref() == Some(expected.as_bytes()))
}
