//! The history store: samples of clusters, and the journal of actions. The only user of sqlx.
//!
//! A [`Store`] is a SQLite file or a schema on a PostgreSQL server; both use the same SQL. This module does not read
//! the clock: the time of a sample is that of its snapshot.

mod address;
mod cluster_branches;
mod concurrent_sample;
mod counter;
mod databases;
mod dialect;
mod driver_socket;
mod error;
mod growth;
mod identity;
mod index_history;
mod journal;

mod answer_timeout;
mod check_state;
mod first_seen;
mod history_view;
mod migrations;
mod prediction;
mod prune;
mod record;
mod relation;
mod relations;
mod retention;
mod scans;
mod slot_history;
mod slots;
mod store;
mod time;
mod tunnel;
mod wal;

pub use address::{StoreAddress, StoreName};
pub use error::HistoryError;
pub use history_view::HistoryScope;
pub use prune::Pruned;
pub use record::{Recorded, system_identifier};
pub use store::Store;
