//! The reports: through the program, as a user has them, against servers that know the truth.

mod bad_input;
mod databases;
mod disk;
pub mod formats;
mod hardened;
mod holders;
mod indexes;
mod invalidated;
mod listed;
pub mod nulls;
mod output;
pub mod program;
mod provider;
mod queries;
mod replication;
mod restricted;
mod slots;
mod snapshots;
pub mod stories;
mod tables;
mod verdicts;
mod wal;
mod writers;
pub mod zoo;
