//! The reports: through the program, as a user has them, against servers that know the truth.

mod bad_input;
mod databases;
mod formats;
mod hardened;
mod holders;
mod indexes;
pub mod nulls;
mod output;
pub mod program;
mod provider;
mod queries;
mod slots;
mod snapshots;
pub mod stories;
mod tables;
mod verdicts;
mod wal;
pub mod zoo;
