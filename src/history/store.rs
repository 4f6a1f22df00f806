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

/// How long a writer waits for others.
const BUSY_TIMEOUT: Duration = Duration::from_secs(30);
/// Between two tries at a file that is busy.
const BUSY_RETRY_DELAY: Duration = Duration::from_millis(10);
/// How long a reader waits for a file; writers hold it for moments.
const READER_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a server may take to answer at all.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// For how long a connection that answered is taken to live.
const PING_GRACE_PERIOD: Duration = Duration::from_secs(2);
/// How long saying goodbye may take.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(3);
/// What each session of a store starts with: a schema of its own, since the database may have other users; the formats that
/// sqlx decodes; and limits for a server whose connection to us is dead, so that it ends the wait for a lock and releases
/// its own.
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
    /// Opens a store; makes it, or brings it up to date, when that is needed.
    pub async fn open(address: &StoreAddress) -> Result<Store, HistoryError> {
        Store::open_with_timeout(address, ANSWER_TIMEOUT).await
    }

    /// The same where each answer of a server may take no longer than `limit`.
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

    /// Opens a store to read it, without making or changing anything; `None` where nothing was recorded yet. Gives up
    /// on a server after `patience`.
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

    /// Opens a store to add to it, as it is: neither made nor brought up to date. `None` where nothing was recorded yet.
    pub async fn open_to_add(address: &StoreAddress, timeout: Duration) -> Result<Option<Store>, HistoryError> {
        // Whether it is one is looked up without a trace.
        let Some(readable) = Store::open_to_read(address, timeout).await? else { return Ok(None) };
        readable.close().await;
        let pool = match address {
            StoreAddress::File(path) => open_file(path, false).await.map_err(|error| open_failed(address, &error))?,
            StoreAddress::Server(conninfo) => open_server(conninfo, address, ANSWER_TIMEOUT).await?,
        };
        Ok(Some(Store { pool, address: address.clone() }))
    }

    /// Its address, without a password.
    pub fn address(&self) -> String {
        self.address.to_string()
    }

    /// What the user should know about the connection to its server.
    pub fn warnings(&self) -> &[String] {
        match &self.pool {
            Pool::Sqlite(_) => &[],
            Pool::Postgres(server) => server.warnings(),
        }
    }

    pub(super) async fn begin(&self) -> Result<Transaction, HistoryError> {
        self.pool.begin().await
    }

    /// Closes it; what was recorded is in the file itself afterwards.
    pub async fn close(self) {
        match self.pool {
            Pool::Sqlite(pool) => pool.close().await,
            // What was recorded was committed: a server that hears nothing any more misses only the goodbye.
            Pool::Postgres(server) => {
                tokio::time::timeout(CLOSE_TIMEOUT, server.close()).await.ok();
            }
        }
    }

    /// Bytes the store takes.
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
        // An intent must be on disk before the deed; a commit a recording is no price.
        .synchronous(SqliteSynchronous::Full)
        .busy_timeout(BUSY_TIMEOUT);
    let pool =
        || SqlitePoolOptions::new().max_connections(2).acquire_timeout(BUSY_TIMEOUT).connect_with(options.clone());
    // SQLite waits for nobody as it turns a new file to WAL: of several that come first, one succeeds.
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

/// SQLITE_BUSY, of which the lower byte is told by every extended code.
fn is_busy(error: &dyn sqlx::error::DatabaseError) -> bool {
    error.code().and_then(|code| code.parse::<u32>().ok()).is_some_and(|code| code & 0xff == 5)
}

/// The file as it is, which is never written; opened for writing all the same where that is allowed, since only then
/// SQLite takes away the files beside it again that readers share. Where the folder cannot be written these cannot be
/// made, and the file is read as one that nobody changes, which is true of a read-only file system. Unless there are
/// commits in its log: they cannot be read there.
async fn open_file_read_only(path: &Path) -> Result<Option<Pool>, std::io::Error> {
    // Its own words on what it may not open say less.
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
    // Opening alone reads nothing.
    sqlx::query("select count(*) from sqlite_master").fetch_one(&pool).await?;
    Ok(Pool::Sqlite(pool))
}

async fn open_server_read_only(
    conninfo: &Conninfo,
    address: &StoreAddress,
    timeout: Duration,
) -> Result<Pool, HistoryError> {
    const READ_ONLY: (&str, &str) = ("default_transaction_read_only", "on");
    // Set at connection start it would decide what a server answers to these two.
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

/// Connects at once, so that a server that does not answer is given up on after `limit`: the pool would try again.
async fn open_tunnel(conninfo: &Conninfo, address: &StoreAddress, timeout: Duration) -> Result<Tunnel, HistoryError> {
    Tunnel::open(conninfo.with_settings(SETTINGS), timeout).await.map_err(|error| {
        let (reason, hint) = describe_tunnel_error(&error);
        HistoryError::OpenFailed { store: address.to_string(), reason, hint }
    })
}

/// The driver would ask a connection before each use whether it still lives, which is a round trip each time.
fn pool_with_grace_period() -> PgPoolOptions {
    PgPoolOptions::new().test_before_acquire(false).before_acquire(|connection, idle| {
        Box::pin(async move { Ok(idle.idle_for < PING_GRACE_PERIOD || connection.ping().await.is_ok()) })
    })
}
