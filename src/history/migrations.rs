//! The store's schema and its migrations.

use super::dialect::{Pool, Row, Transaction, binds};
use super::error::error_chain;
use super::{HistoryError, StoreAddress};
use sqlx::SqlSafeStr as _;
use sqlx::migrate::{Migrate as _, Migration, MigrationType, Migrator};
use std::fmt::Write as _;

/// The schema of the tables on a PostgreSQL server.
pub(super) const SCHEMA: &str = "pgtend";

/// The search path of a store's connections. It contains pg_temp, which the server would otherwise search first: a
/// pooler's server connection may have temporary tables of another client.
pub(super) const SEARCH_PATH: &str = "pgtend,pg_temp";

/// The driver's table of applied migrations.
const MIGRATIONS_TABLE: &str = "_sqlx_migrations";

struct MigrationText {
    version: i64,
    description: &'static str,
    sqlite: &'static str,
    postgres: &'static str,
}

/// One migration, in both dialects.
macro_rules! migration_text {
    ($version:literal, $description:literal, $file:literal) => {
        MigrationText {
            version: $version,
            description: $description,
            sqlite: include_str!(concat!("../../migrations/sqlite/", $file)),
            postgres: include_str!(concat!("../../migrations/postgres/", $file)),
        }
    };
}

const MIGRATIONS: &[MigrationText] = &[
    migration_text!(1, "history", "0001_history.sql"),
    migration_text!(2, "watch", "0002_watch.sql"),
    migration_text!(3, "contents by sample", "0003_contents_by_sample.sql"),
    migration_text!(4, "prediction", "0004_prediction.sql"),
    migration_text!(5, "names", "0005_names.sql"),
];

fn migrator(pool: &Pool) -> Migrator {
    let migrations = MIGRATIONS.iter().map(|text| {
        let sql = match pool {
            Pool::Sqlite(_) => text.sqlite,
            Pool::Postgres(_) => text.postgres,
        };
        Migration::new(text.version, text.description.into(), MigrationType::Simple, sql.into_sql_str(), false)
    });
    Migrator::with_migrations(migrations.collect())
}

/// Returns whether a store can be read: it must not be empty, and reading does not migrate it.
pub(super) async fn is_readable(pool: &Pool, address: &StoreAddress) -> Result<bool, HistoryError> {
    let known = newest_version();
    match applied_version(pool, address).await? {
        0 => Ok(false),
        found if found == known => Ok(true),
        found => Err(HistoryError::OlderSchema { store: address.to_string(), found, known }),
    }
}

fn newest_version() -> i64 {
    MIGRATIONS.iter().map(|text| text.version).max().unwrap_or(0)
}

/// Refuses a newer store; migrates an older one.
pub(super) async fn apply_migrations(pool: &Pool, address: &StoreAddress) -> Result<(), HistoryError> {
    if applied_version(pool, address).await? == newest_version() {
        return Ok(());
    }
    // In one transaction with a lock: of two concurrent first runs, the second finds the schema complete.
    let mut transaction = pool.begin().await?;
    transaction.lock("pgtend migrations").await?;
    // Another role may have created the schema since it was checked.
    let has_schema = match &transaction {
        Transaction::Sqlite(_) => true,
        Transaction::Postgres(..) => check_ownership_within(&mut transaction, address).await?.has_schema,
    };
    let migrator = migrator(pool);
    let done = match &mut transaction {
        Transaction::Sqlite(tx) => migrator.run(&mut **tx).await,
        Transaction::Postgres(tx, server) => {
            // A role without the privilege to create a schema may use an existing one.
            if !has_schema {
                let made = sqlx::query(sqlx::AssertSqlSafe(format!("create schema {SCHEMA}"))).execute(&mut **tx);
                let made = server.wait(async { Ok(made.await) }).await?;
                made.map_err(|error| migration_failed(address, &error))?;
            }
            let exists = tx.ensure_migrations_table(MIGRATIONS_TABLE);
            let made = server.wait(async { Ok(exists.await) }).await?;
            made.map_err(|error| migration_failed(address, &error))?;
            let count = sqlx::raw_sql("select 1 from _sqlx_migrations limit 1").fetch_optional(&mut **tx);
            if server.wait(count).await?.is_none() {
                let combined = sqlx::raw_sql(sqlx::AssertSqlSafe(combined_sql(&migrator))).execute(&mut **tx);
                let made = server.wait(async { Ok(combined.await) }).await?;
                made.map_err(|error| migration_failed(address, &error))?;
                Ok(())
            } else {
                server.wait(async { Ok(migrator.run(&mut **tx).await) }).await?
            }
        }
    };
    done.map_err(|error| migration_failed(address, &error))?;
    transaction.commit().await
}

/// Returns all migrations of a new store with the driver's rows, as one text: single statements would take dozens of
/// round trips.
fn combined_sql(migrator: &Migrator) -> String {
    let mut text = String::new();
    for migration in migrator.iter() {
        let checksum: String = migration.checksum.iter().map(|byte| format!("{byte:02x}")).collect();
        text.push_str(migration.sql.as_str());
        // Writing into a String does not fail.
        let _ = write!(
            text,
            ";\ninsert into {MIGRATIONS_TABLE} (version, description, success, checksum, execution_time) \
             values ({}, '{}', true, decode('{checksum}', 'hex'), 0);\n",
            migration.version, migration.description
        );
    }
    text
}

/// SQLSTATEs of a statement that finds a table or column missing, or already there (PostgreSQL manual, appendix A).
/// SQLite has one code for all of them, SQLITE_ERROR.
const SCHEMA_MISMATCH_CODES: [&str; 5] = ["42P01", "42P07", "42701", "42703", "1"];

/// SQLSTATE insufficient_privilege.
const INSUFFICIENT_PRIVILEGE: &str = "42501";

fn migration_failed(address: &StoreAddress, error: &(dyn std::error::Error + 'static)) -> HistoryError {
    let (store, reason) = (address.to_string(), error_chain(error));
    match error_code(error) {
        // The statements are constant: if one fails like this, the tables are not those of the recorded version.
        Some(code) if SCHEMA_MISMATCH_CODES.contains(&&*code) => HistoryError::HalfMigrated { store, reason },
        Some(code) if code == INSUFFICIENT_PRIVILEGE => HistoryError::SchemaPrivilege { store, reason },
        _ => HistoryError::MigrationFailed { store, reason },
    }
}

/// Returns the error code of the database: an SQLSTATE, or a result code of SQLite.
fn error_code(error: &(dyn std::error::Error + 'static)) -> Option<String> {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(sqlx::Error::Database(error)) = error.downcast_ref() {
            return error.code().map(|code| code.into_owned());
        }
        cause = error.source();
    }
    None
}

/// Returns the highest applied version; 0 for a new store.
///
/// # Errors
///
/// [`HistoryError::NewerSchema`] for a store of a newer version, [`HistoryError::HalfMigrated`] if a migration is missing or
/// did not complete.
async fn applied_version(pool: &Pool, address: &StoreAddress) -> Result<i64, HistoryError> {
    let exists = match pool {
        Pool::Sqlite(_) => {
            query_int(pool, "select count(*) from sqlite_master where name = '_sqlx_migrations'").await? > 0
        }
        Pool::Postgres(_) => check_ownership(pool, address).await?.has_migration_table,
    };
    if !exists {
        return Ok(0);
    }
    let sql = "select coalesce(max(version), 0), count(*), coalesce(sum(case when success then 0 else 1 end), 0) \
                 from _sqlx_migrations";
    let rows = pool.rows(sql, binds![]).await?;
    let row = rows.first().ok_or(HistoryError::Inconsistent("a statement returned no row"))?;
    let (found, count, incomplete, known) = (row.int(0)?, row.int(1)?, row.int(2)?, newest_version());
    if found > known {
        return Err(HistoryError::NewerSchema { store: address.to_string(), found, known });
    }
    if incomplete > 0 || count != found {
        let reason = format!("of {found} migrations, {} are recorded as complete", count - incomplete);
        return Err(HistoryError::HalfMigrated { store: address.to_string(), reason });
    }
    Ok(found)
}

async fn query_int(pool: &Pool, sql: &str) -> Result<i64, HistoryError> {
    pool.rows(sql, binds![]).await?.first().map_or(Ok(0), |row| row.int(0))
}

/// Returns one row; it can be run with `psql -f`.
const OWNERSHIP_SQL: &str = include_str!("ownership.sql");

/// The existing parts of a store on a PostgreSQL server, owned by the connecting role or by superusers.
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

/// Checks a store again in the transaction that migrates it: it may have been created since the first check.
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
    let row = row.ok_or(HistoryError::Inconsistent("a statement returned no row"))?;
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
