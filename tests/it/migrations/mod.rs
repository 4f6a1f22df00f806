//! Migrations that drop indexes and restore them.

mod fingerprint;
pub mod program;
mod schemas;
mod sqlx_runner;
mod terminal;
mod up_and_down;
