//! Waiting for a state: polling until a deadline.

use std::time::{Duration, Instant};

use pg_sandbox::Cluster;

use super::session::query_one_text;

/// No state that a test waits for takes longer, even on a busy machine.
const DEADLINE: Duration = Duration::from_secs(60);
const INTERVAL: Duration = Duration::from_millis(10);

/// Waits until `is_reached` returns true.
///
/// # Panics
///
/// Panics with `what` when the deadline passes first.
pub async fn wait_until(what: &str, mut is_reached: impl AsyncFnMut() -> bool) {
    let deadline = Instant::now() + DEADLINE;
    while !is_reached().await {
        assert!(Instant::now() < deadline, "not within {DEADLINE:?}: {what}");
        tokio::time::sleep(INTERVAL).await;
    }
}

/// Like [`wait_until`], for a test without a runtime.
pub fn wait_until_blocking(what: &str, mut is_reached: impl FnMut() -> bool) {
    let deadline = Instant::now() + DEADLINE;
    while !is_reached() {
        assert!(Instant::now() < deadline, "not within {DEADLINE:?}: {what}");
        std::thread::sleep(INTERVAL);
    }
}

/// Waits until `query` returns true in `database`.
pub async fn wait_until_true_in(cluster: &Cluster, database: &str, query: &str) {
    wait_until(query, async || query_one_text(cluster, database, query).await.as_deref() == Some("t")).await;
}

/// Waits until `database` has no other session. A session reports its statistics before it ends, and a client that
/// disconnects does not wait for that.
pub async fn wait_until_sessions_ended(cluster: &Cluster, database: &str) {
    let ended = "select count(*) = 1 from pg_stat_activity \
                 where datname = current_database() and backend_type = 'client backend'";
    wait_until_true_in(cluster, database, ended).await;
}
