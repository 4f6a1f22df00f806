//! Who owns the store's schema on a Postgres server. Code of another role would run with the rights of the role that opens
//! the store: as a view, a function, a trigger.
//!
//! Checked: the owners of the schema and of every relation, function, operator and type in it, and of every function that a
//! trigger, default, constraint, policy, rule or index of these relations calls. Not checked: functions that these call in
//! turn, and what a role that was granted CREATE on the schema or TRIGGER on a table adds after the store was opened.

use super::{
    HistoryError, StoreAddress,
    dialect::{Pool, Row, Transaction, binds},
};

/// Answers one row; runnable with `psql -f`.
const OWNERSHIP_SQL: &str = include_str!("ownership.sql");

/// What exists of a store on a Postgres server; all of it is owned by the connecting role or by superusers.
pub(super) struct OwnedObjects {
    pub has_schema: bool,
    pub has_migration_table: bool,
}

/// Checks a store before it is read.
///
/// # Errors
///
/// [`HistoryError::UntrustedOwner`] when another role owns the schema or an object in it.
pub(super) async fn check_ownership(pool: &Pool, address: &StoreAddress) -> Result<OwnedObjects, HistoryError> {
    owned_objects(pool.rows(OWNERSHIP_SQL, binds![]).await?.first(), address)
}

/// Checks a store again in the transaction that brings it up to date: it may have been created since.
///
/// # Errors
///
/// As [`check_ownership`].
pub(super) async fn check_ownership_within(
    transaction: &mut Transaction,
    address: &StoreAddress,
) -> Result<OwnedObjects, HistoryError> {
    owned_objects(transaction.rows(OWNERSHIP_SQL, binds![]).await?.first(), address)
}

fn owned_objects(row: Option<&Row>, address: &StoreAddress) -> Result<OwnedObjects, HistoryError> {
    let row = row.ok_or(HistoryError::Inconsistent("a statement answered no row"))?;
    if let Some(object) = row.text_or_none(2)? {
        return Err(HistoryError::UntrustedOwner {
            store: address.to_string(),
            object,
            owner: row.text_or_none(3)?.unwrap_or_default(),
            remedy: row.text_or_none(4)?.unwrap_or_default(),
        });
    }
    Ok(OwnedObjects { has_schema: row.int(0)? > 0, has_migration_table: row.int(1)? > 0 })
}
