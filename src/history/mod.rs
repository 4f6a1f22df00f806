//! What pgtend remembers: samples of clusters, and the journal of its own deeds. The only user of sqlx.
//!
//! A [`Store`] is a SQLite file or a schema on a Postgres server; both take the same SQL. Nothing here reads the clock:
//! a sample's time is the snapshot's.

mod address;
mod beside;
mod counter;
mod databases;
mod dialect;
mod driver_socket;
mod error;
mod growth;
mod identity;
mod indexes_past;
mod journal;
mod lineages;

mod migrations;
mod ownership;
mod patience;
mod prediction;
mod prune;
mod recall;
mod record;
mod relation;
mod relations;
mod retention;
mod scans;
mod sightings;
mod slot_past;
mod slots;
mod store;
mod time;
mod tunnel;
mod wal;
mod watch;

pub use address::{StoreAddress, StoreName};
pub use error::HistoryError;
pub use prune::Pruned;
pub use recall::Recall;
pub use record::{Recorded, system_identifier};
pub use store::Store;
