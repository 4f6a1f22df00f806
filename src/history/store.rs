//! Opening a store.

use super::{
    HistoryError, StoreAddress,
    answer_timeout::{ANSWER_TIMEOUT, StoreServer},
    dialect::{Pool, Transaction, binds},
    error::{describe_tunnel_error, error_chain},
    migrations,
    tunnel::Tunnel,
};
use crate::postgres::conninfo::{Conninfo, TargetSessionAttrs};
use sqlx::{
    Connection as _, Executor as _,
    postgres::PgPoolOptions,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};
use std::{
    path::{Path, PathBuf},
    time::Duration,
};

/// Time limit for waiting for other writers.
const BUSY_TIMEOUT: Duration = Duration::from_secs(30);
/// Interval between two attempts on a busy file.
const BUSY_RETRY_DELAY: Duration = Duration::from_millis(10);
/// Time limit of a reader for a busy file, which writers lock only briefly.
const READER_TIMEOUT: Duration = Duration::from_secs(5);
/// Time limit for connecting to a server.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Time for which a connection that has answered counts as alive.
const PING_GRACE_PERIOD: Duration = Duration::from_secs(2);
/// Time limit for closing connections.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(3);
/// The settings of each session of a store: its own schema, because the database may have other users; the formats that
/// sqlx decodes; and timeouts, so that the server ends a dead session and releases its locks.
const SETTINGS: [(&str, &str); 5] = [
    ("search_path", migrations::SEARCH_PATH),
    ("DateStyle", "ISO,MDY"),
    ("TimeZone", "UTC"),
    ("lock_timeout", "30s"),
    ("idle_in_transaction_session_timeout", "60s"),
];

/// The history store: samples, the state of checks and the journal.
#[derive(Clone, Debug)]
pub struct Store {
    pub(super) pool: Pool,
    address: StoreAddress,
}

impl Store {
    /// Opens a store; creates or migrates it if needed.
    pub async fn open(address: &StoreAddress) -> Result<Store, HistoryError> {
        Store::open_with_timeout(address, ANSWER_TIMEOUT).await
    }

    /// The same, with a time limit for each response of a server.
    pub async fn open_with_timeout(address: &StoreAddress, timeout: Duration) -> Result<Store, HistoryError> {
        let pool = match address {
            StoreAddress::File(path) => {
                make_folder(path).map_err(|error| open_failed(address, &error))?;
                open_file(path, true).await.map_err(|error| open_failed(address, &error))?
            }
            StoreAddress::Server(conninfo) => open_server(conninfo, address, timeout).await?,
        };
        let store = Store { pool, address: address.clone() };
        migrations::apply_migrations(&store.pool, &store.address).await?;
        Ok(store)
    }

    /// Opens a store for reading, without creating or changing anything; `None` if it does not exist. `timeout` is the
    /// time limit for connecting to a server.
    pub async fn open_to_read(address: &StoreAddress, timeout: Duration) -> Result<Option<Store>, HistoryError> {
        let pool = match address {
            StoreAddress::File(path) => {
                match open_file_read_only(path).await.map_err(|error| open_failed(address, &error))? {
                    Some(pool) => pool,
                    None => return Ok(None),
                }
            }
            StoreAddress::Server(conninfo) => open_server_read_only(conninfo, address, timeout).await?,
        };
        let store = Store { pool, address: address.clone() };
        let readable = migrations::is_readable(&store.pool, &store.address).await;
        match readable? {
            true => Ok(Some(store)),
            false => {
                store.close().await;
                Ok(None)
            }
        }
    }

    /// Opens a store for writing, without creating or migrating it; `None` if it does not exist.
    pub async fn open_to_add(address: &StoreAddress, timeout: Duration) -> Result<Option<Store>, HistoryError> {
        // Checked by opening it for reading, which creates no files.
        let Some(readable) = Store::open_to_read(address, timeout).await? else { return Ok(None) };
        readable.close().await;
        let pool = match address {
            StoreAddress::File(path) => open_file(path, false).await.map_err(|error| open_failed(address, &error))?,
            StoreAddress::Server(conninfo) => open_server(conninfo, address, ANSWER_TIMEOUT).await?,
        };
        Ok(Some(Store { pool, address: address.clone() }))
    }

    /// Returns the address, without a password.
    pub fn address(&self) -> String {
        self.address.to_string()
    }

    /// Returns the warnings about the connection to its server.
    pub fn warnings(&self) -> &[String] {
        match &self.pool {
            Pool::Sqlite(_) => &[],
            Pool::Postgres(server) => server.warnings(),
        }
    }

    pub(super) async fn begin(&self) -> Result<Transaction, HistoryError> {
        self.pool.begin().await
    }

    /// Closes the store; afterwards all data is in the main file.
    pub async fn close(self) {
        match self.pool {
            Pool::Sqlite(pool) => pool.close().await,
            // All data is committed; only the Terminate message may be lost.
            Pool::Postgres(server) => {
                tokio::time::timeout(CLOSE_TIMEOUT, server.close()).await.ok();
            }
        }
    }

    /// Returns the size of the store in bytes.
    pub async fn bytes(&self) -> Result<u64, HistoryError> {
        let sql = match self.pool {
            Pool::Sqlite(_) => "select page_count * page_size from pragma_page_count(), pragma_page_size()",
            Pool::Postgres(_) => {
                "select cast(sum(pg_catalog.pg_total_relation_size(c.oid)) as bigint) from pg_catalog.pg_class c \
                 where c.relnamespace = 'pgtend'::pg_catalog.regnamespace and c.relkind = 'r'"
            }
        };
        let rows = self.pool.rows(sql, binds![]).await?;
        Ok(rows.first().map(|row| row.int(0)).transpose()?.unwrap_or(0).unsigned_abs())
    }
}

fn open_failed(address: &StoreAddress, error: &dyn std::error::Error) -> HistoryError {
    HistoryError::OpenFailed { store: address.to_string(), reason: error_chain(error), hint: None }
}

fn make_folder(path: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    match path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        Some(folder) if !folder.exists() => std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder),
        _ => Ok(()),
    }
}

async fn open_file(path: &Path, create: bool) -> Result<Pool, sqlx::Error> {
    let options = SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(create)
        .journal_mode(SqliteJournalMode::Wal)
        // An intent must be on disk before the action. One fsync per recording costs little.
        .synchronous(SqliteSynchronous::Full)
        .busy_timeout(BUSY_TIMEOUT);
    let pool =
        || SqlitePoolOptions::new().max_connections(2).acquire_timeout(BUSY_TIMEOUT).connect_with(options.clone());
    // SQLite does not wait when it switches a new file to WAL mode: of several concurrent processes, one succeeds.
    let opened = tokio::time::timeout(BUSY_TIMEOUT, async {
        loop {
            match pool().await {
                Err(sqlx::Error::Database(error)) if is_busy(error.as_ref()) => {
                    tokio::time::sleep(BUSY_RETRY_DELAY).await
                }
                opened => return opened,
            }
        }
    });
    Ok(Pool::Sqlite(opened.await.map_err(|_| sqlx::Error::PoolTimedOut)??))
}

/// SQLITE_BUSY, the lower byte of its extended codes.
fn is_busy(error: &dyn sqlx::error::DatabaseError) -> bool {
    error.code().and_then(|code| code.parse::<u32>().ok()).is_some_and(|code| code & 0xff == 5)
}

/// Opens the file for reading. The file is opened in read-write mode if that is allowed, because only then SQLite
/// removes the files that readers share. In a folder that is not writable, these files cannot be created, and the file
/// is opened as immutable, which is correct on a read-only file system; commits in a WAL file cannot be read then.
async fn open_file_read_only(path: &Path) -> Result<Option<Pool>, std::io::Error> {
    // SQLite's message on a file without permission is less specific.
    match std::fs::File::open(path) {
        Ok(_) => {}
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    }
    let options = SqliteConnectOptions::new().filename(path).pragma("query_only", "on").busy_timeout(READER_TIMEOUT);
    if let Ok(pool) = connect_file(options.clone()).await {
        return Ok(Some(pool));
    }
    let log = PathBuf::from(format!("{}-wal", path.display()));
    let has_log = log.metadata().is_ok_and(|log| log.len() > 0);
    let last = connect_file(options.read_only(true).immutable(!has_log)).await;
    last.map(Some).map_err(|error| std::io::Error::other(error_chain(&error)))
}

async fn connect_file(options: SqliteConnectOptions) -> Result<Pool, sqlx::Error> {
    let pool =
        SqlitePoolOptions::new().max_connections(1).acquire_timeout(READER_TIMEOUT).connect_with(options).await?;
    // Opening alone does not read the file.
    sqlx::query("select count(*) from sqlite_master").fetch_one(&pool).await?;
    Ok(Pool::Sqlite(pool))
}

async fn open_server_read_only(
    conninfo: &Conninfo,
    address: &StoreAddress,
    timeout: Duration,
) -> Result<Pool, HistoryError> {
    const READ_ONLY: (&str, &str) = ("default_transaction_read_only", "on");
    // Not as a startup parameter, which would determine whether the server matches target_session_attrs.
    let is_asked =
        matches!(conninfo.target_session_attrs, TargetSessionAttrs::ReadWrite | TargetSessionAttrs::ReadOnly);
    let at_start = (!is_asked).then_some(READ_ONLY);
    let tunnel = open_tunnel(&conninfo.with_settings(at_start), address, timeout).await?;
    let mut pool = pool_with_grace_period().max_connections(1).acquire_timeout(timeout);
    if is_asked {
        pool = pool.after_connect(|connection, _| {
            Box::pin(async move { connection.execute("set default_transaction_read_only = on").await.map(drop) })
        });
    }
    let pool = pool.connect_lazy_with(tunnel.options());
    Ok(Pool::Postgres(StoreServer::new(pool, tunnel, ANSWER_TIMEOUT)))
}

async fn open_server(conninfo: &Conninfo, address: &StoreAddress, timeout: Duration) -> Result<Pool, HistoryError> {
    let tunnel = open_tunnel(conninfo, address, CONNECT_TIMEOUT).await?;
    let pool =
        pool_with_grace_period().max_connections(2).acquire_timeout(BUSY_TIMEOUT).connect_lazy_with(tunnel.options());
    Ok(Pool::Postgres(StoreServer::new(pool, tunnel, timeout)))
}

/// Connects immediately with the time limit `limit`: the pool would retry.
async fn open_tunnel(conninfo: &Conninfo, address: &StoreAddress, timeout: Duration) -> Result<Tunnel, HistoryError> {
    Tunnel::open(conninfo.with_settings(SETTINGS), timeout).await.map_err(|error| {
        let (reason, hint) = describe_tunnel_error(&error);
        HistoryError::OpenFailed { store: address.to_string(), reason, hint }
    })
}

/// Disables the driver's check of a connection before each use, which costs a round trip.
fn pool_with_grace_period() -> PgPoolOptions {
    PgPoolOptions::new().test_before_acquire(false).before_acquire(|connection, idle| {
        Box::pin(async move { Ok(idle.idle_for < PING_GRACE_PERIOD || connection.ping().await.is_ok()) })
    })
}
