//! A time limit for each response of a store's server.

use super::{HistoryError, tunnel::Tunnel};
use futures_util::FutureExt as _;
use sqlx::PgPool;
use std::{panic::AssertUnwindSafe, sync::Arc, time::Duration};

/// Time limit for one response of a store's server. Longer than its lock_timeout.
pub(super) const ANSWER_TIMEOUT: Duration = Duration::from_secs(120);

/// The same for long statements, such as thinning years of samples.
const LONG_TIMEOUT: Duration = Duration::from_secs(3_600);

/// The connections to a store's server, with the time limit of each response.
#[derive(Clone, Debug)]
pub(super) struct StoreServer {
    pub(super) pool: PgPool,
    tunnel: Arc<Tunnel>,
    timeout: Duration,
}

impl StoreServer {
    pub(super) fn new(pool: PgPool, tunnel: Tunnel, timeout: Duration) -> StoreServer {
        StoreServer { pool, tunnel: Arc::new(tunnel), timeout }
    }

    /// Returns warnings about the connection.
    pub(super) fn warnings(&self) -> &[String] {
        &self.tunnel.warnings
    }

    /// Closes all connections.
    pub(super) async fn close(&self) {
        self.pool.close().await;
        self.tunnel.close().await;
    }

    pub(super) fn use_long_timeout(&mut self) {
        self.timeout = LONG_TIMEOUT;
    }

    /// Waits for one response of the driver. After a timeout or a panic every later call fails at once. A panic is
    /// reported on stderr as a bug, and the report continues without the history.
    pub(super) async fn wait<T>(
        &self,
        answer: impl Future<Output = Result<T, sqlx::Error>>,
    ) -> Result<T, HistoryError> {
        match tokio::time::timeout(self.timeout, AssertUnwindSafe(answer).catch_unwind()).await {
            Ok(Ok(answer)) => Ok(answer?),
            Ok(Err(_)) => {
                drop(self.pool.close());
                Err(HistoryError::DriverPanicked)
            }
            Err(_) => {
                // Closed without waiting, which could take as long as the response.
                drop(self.pool.close());
                Err(HistoryError::AnswerTimeout { seconds: self.timeout.as_secs() })
            }
        }
    }
}
