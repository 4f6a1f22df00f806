//! The reports of the program, compared with the values of real servers.

mod bad_input;
mod database_selection;
mod databases;
mod disk;
pub mod fixture_servers;
pub mod formats;
mod holders;
mod indexes;
mod invalidated;
pub mod nulls;
mod one_assessment;
mod output;
mod output_plugins;
pub mod program;
mod provider;
mod queries;
mod repack_slot;
mod replication;
mod restricted;
mod revoked_privileges;
pub mod scenarios;
mod slots;
mod snapshots;
mod tables;
mod verdicts;
mod wal;
mod writers;
