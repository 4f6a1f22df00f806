//! One subcommand a file: its arguments, whose comment is its help, and what it does. Glue only.

pub mod audit;
pub mod check;
pub mod completions;
pub mod config;
pub mod databases;
pub mod demo;
pub mod disk;
pub mod explain;
pub mod filter;
pub mod history;
pub mod indexes;
pub mod man;
pub mod overview;
pub mod slots;
pub mod snapshot;
pub mod tables;
pub mod wal;
