//! Opening a store.

use super::{
    HistoryError, StoreAddress,
    dialect::{Pool, Transaction, binds},
    error::told,
    migrations,
};
use sqlx::{
    Connection as _, PgConnection,
    postgres::{PgConnectOptions, PgPoolOptions},
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};
use std::{path::Path, str::FromStr, time::Duration};

/// How long a writer waits for others.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long a server may take to answer at all.
const CONNECT_LIMIT: Duration = Duration::from_secs(10);

/// What pgtend remembers.
#[derive(Clone, Debug)]
pub struct Store {
    pub(super) pool: Pool,
    address: StoreAddress,
}

impl Store {
    /// Opens a store by its URL or path; makes it, or brings it up to date, when that is needed.
    pub async fn open(url: &str) -> Result<Store, HistoryError> {
        let address = StoreAddress::parse(url)?;
        let pool = match &address {
            StoreAddress::File(path) => {
                make_folder(path).map_err(|error| unopened(&address, &error))?;
                open_file(path, true).await
            }
            StoreAddress::Server(url) => open_server(url, &address).await,
        };
        let store = Store { pool: pool.map_err(|error| unopened(&address, &error))?, address };
        migrations::run(&store.pool, &store.address).await?;
        Ok(store)
    }

    /// Opens a store to read it; `None` where nothing was recorded yet.
    pub async fn open_if_exists(url: &str) -> Result<Option<Store>, HistoryError> {
        match StoreAddress::parse(url)? {
            StoreAddress::File(path) if !path.exists() => Ok(None),
            _ => Store::open(url).await.map(Some),
        }
    }

    /// Its address, without a password.
    pub fn address(&self) -> String {
        self.address.to_string()
    }

    pub(super) async fn begin(&self) -> Result<Transaction, HistoryError> {
        self.pool.begin().await
    }

    /// Closes it; what was recorded is in the file itself afterwards.
    pub async fn close(self) {
        match self.pool {
            Pool::Sqlite(pool) => pool.close().await,
            Pool::Postgres(pool) => pool.close().await,
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

fn unopened(address: &StoreAddress, error: &dyn std::error::Error) -> HistoryError {
    HistoryError::Unopened { store: address.to_string(), reason: address.hide_in(&told(error)) }
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
        .busy_timeout(PATIENCE);
    let pool = SqlitePoolOptions::new().max_connections(2).acquire_timeout(PATIENCE).connect_with(options).await?;
    Ok(Pool::Sqlite(pool))
}

async fn open_server(url: &str, address: &StoreAddress) -> Result<Pool, sqlx::Error> {
    // A schema of its own: the database may be somebody's.
    let mut options =
        PgConnectOptions::from_str(url)?.application_name("pgtend").options([("search_path", migrations::SCHEMA)]);
    if address.password().is_none() {
        // Else the driver would send PGPASSWORD, which was meant for another server.
        options = options.password("");
    }
    // The pool itself would try again for as long as its patience lasts where nobody listens.
    let first = tokio::time::timeout(CONNECT_LIMIT, PgConnection::connect_with(&options));
    first.await.map_err(|_| sqlx::Error::PoolTimedOut)??.close().await?;
    let pool = PgPoolOptions::new().max_connections(2).acquire_timeout(PATIENCE).connect_lazy_with(options);
    Ok(Pool::Postgres(pool))
}
